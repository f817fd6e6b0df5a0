"""What is added to MiniStack, or changed in it, by AWS service: all of it, in one table.

What is not here is MiniStack's own. A checkout with `local/sip_bridge` adds the services of its
`emulator.install` to these. What stays unfaithful is said where the service is, and in the README.
"""

from collections.abc import Callable
from typing import NamedTuple

from local.emulator import api_calls
from local.emulator.api_gateway import gateway
from local.emulator.api_gateway import resource_types as api_gateway_types
from local.emulator.cloudformation import urls
from local.emulator.cloudwatch import filter_patterns
from local.emulator.cloudwatch import resource_types as cloudwatch_types
from local.emulator.cognito import resource_types as cognito_types
from local.emulator.cognito import sign_ins, user_pools
from local.emulator.connect import resource_types as connect_types
from local.emulator.connect.resources import resources_of
from local.emulator.dynamodb import resource_types as dynamodb_types
from local.emulator.emulator import Emulator
from local.emulator.iam import access_keys, permissions
from local.emulator.kms import keys
from local.emulator.lambda_ import functions
from local.emulator.lambda_ import resource_types as lambda_types
from local.emulator.secrets_manager import resource_types as secrets_manager_types
from local.emulator.service_quotas import quotas
from local.emulator.sns import resource_types as sns_types
from local.emulator.sqs import queues
from local.emulator.waf import resource_types as waf_types
from local.emulator.xray import daemon


class Service(NamedTuple):
    """What MiniStack lacks of a service, and what adds it."""

    name: str
    lacks: str
    install: Callable[[Emulator], None]


def _connect(emulator: Emulator) -> None:
    here = {"region": emulator.region, "account": emulator.account}
    connect_types.install(emulator.registry, emulator.connect.instances)
    emulator.serve(emulator.connect_service, lambda call: resources_of(call, **here), namespace="connect")


def _lambda(emulator: Emulator) -> None:
    access_keys.give_functions_secret_credentials()
    functions.install(
        python=emulator.settings.functions_python,
        node=emulator.settings.functions_node,
        endpoint_url=emulator.endpoint_url,
        trace_daemon=daemon.serve(emulator.control.note_trace),
        issuer=emulator.issuer.serve(emulator.settings.folder),
        stand_in=emulator.settings.stand_in,
    )
    lambda_types.install(region=emulator.region)


def _api_gateway(emulator: Emulator) -> None:
    gateway.install(account=emulator.account, region=emulator.region)
    api_gateway_types.install()


def _cloudwatch(emulator: Emulator) -> None:
    cloudwatch_types.install(emulator.records)
    filter_patterns.install()


def _cognito(emulator: Emulator) -> None:
    user_pools.install()
    sign_ins.install()
    cognito_types.install(emulator.registry)


SERVICES = (
    Service("Amazon Connect", "all: instances, flows, contacts, contact events", _connect),
    Service(
        "Amazon Connect Participant Service",
        "all; and faults of, and notes on, the calls to every service",
        lambda emulator: api_calls.install(
            emulator.control, emulator.connect, account=emulator.account, region=emulator.region
        ),
    ),
    Service(
        "API Gateway",
        "access logs, metrics, limits, permissions; validators, gateway responses, authorizers in detail",
        _api_gateway,
    ),
    Service(
        "CloudFormation",
        "types of resources (with their services); addresses of this machine for those of AWS's domain",
        lambda emulator: urls.install(emulator.endpoint_url),
    ),
    Service(
        "CloudWatch",
        "alarms on metric math: recorded; alternatives in filter patterns of logs",
        _cloudwatch,
    ),
    Service(
        "Cognito",
        "refresh token rotation, USER_AUTH, time and methods of sign-ins, write rights of clients; identity "
        "providers, WebAuthn settings",
        _cognito,
    ),
    Service(
        "DynamoDB",
        "time to live, backups, encryption and protection against deletion from CloudFormation",
        lambda _: dynamodb_types.install(),
    ),
    Service(
        "IAM",
        "LeadingKeys, namespaces of metrics, KMS grants, loopback as TLS, the services added here",
        lambda _: permissions.install(),
    ),
    Service(
        "KMS",
        "disabled keys",
        lambda _: keys.install(),
    ),
    Service(
        "Lambda and X-Ray",
        "a bare Python per function, reserved concurrency, embedded metrics, traces, mappings in detail",
        _lambda,
    ),
    Service(
        "Secrets Manager",
        "the ARN as Ref, generated secrets as declared",
        lambda emulator: secrets_manager_types.install(emulator.registry),
    ),
    Service(
        "Service Quotas",
        "all: what AWS grants of Amazon Connect and Lambda at first",
        lambda emulator: quotas.install(account=emulator.account, region=emulator.region),
    ),
    Service("SNS", "the key of a topic from CloudFormation", lambda _: sns_types.install()),
    Service(
        "SQS and EventBridge",
        "queue and key policies, dead letters, partial batch responses",
        lambda emulator: queues.install(account=emulator.account, region=emulator.region),
    ),
    Service(
        "WAF",
        "associations and custom responses from CloudFormation; nothing is enforced",
        lambda emulator: waf_types.install(emulator.registry),
    ),
)
