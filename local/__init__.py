"""An emulator for development and tests: the AWS services that the app uses, on this machine.

It is MiniStack, started by `local.server` in a virtual environment of its own, plus what MiniStack lacks:
Amazon Connect and its participant service, the Amazon Chime SDK's meetings and telephony, types of
CloudFormation that it does not know, and behaviour of API Gateway, Lambda, IAM, Cognito, DynamoDB,
EventBridge, SQS and Secrets Manager that it drops. It is not AWS: the README says what it cannot prove.

Two halves: `local.environment` (with `local.__main__` and the tests) controls it from outside and runs in
`.venv`; everything else runs inside the server, in `.venv-local`. The modules that patch MiniStack are
`api_calls`, `gateway`, `functions`, `permissions`, `queues`, `user_pools` and `cloudformation`; the others do
not know it.
"""
