"""What a deployment tells apps and their developers: stack outputs, and SSM parameters that equal them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_ssm as ssm


class Output(StrEnum):
    """The names, the same everywhere: the output's key and the last part of the parameter's name."""

    API_URL = "ApiUrl"
    REGION = "Region"
    USER_POOL_ID = "UserPoolId"
    USER_POOL_CLIENT_ID = "UserPoolClientId"
    CONNECT_INSTANCE_ARN = "ConnectInstanceArn"
    CONTACT_FLOW_ARN = "ContactFlowArn"
    # Of a user pool with sign-in pages, and of an issuer in its place.
    MANAGED_LOGIN_URL = "ManagedLoginUrl"
    ISSUER = "Issuer"
    # For operators.
    CALLS_TABLE = "CallsTable"
    CALLING_PARAMETER = "CallingParameter"
    # Of the SIP bridge, for whoever runs the SIP host.
    CALLER_NUMBER = "CallerNumber"
    CONNECT_PHONE_NUMBER = "ConnectPhoneNumber"
    VOICE_CONNECTOR_HOST_NAME = "VoiceConnectorHostName"
    TERMINATION_CREDENTIALS_ARN = "TerminationCredentialsArn"


_DESCRIPTIONS = {
    Output.API_URL: "Where the app sends its requests: the stage, with a final slash",
    Output.REGION: "The Region of the API, the Connect instance and, if there is one, the user pool",
    Output.USER_POOL_ID: "The user pool that the app's users sign in to",
    Output.USER_POOL_CLIENT_ID: "The app's client of the user pool; it has no secret",
    Output.CONNECT_INSTANCE_ARN: "The Amazon Connect instance that takes the calls",
    Output.CONTACT_FLOW_ARN: "The contact flow of calls without a topic",
    Output.MANAGED_LOGIN_URL: "Where the app sends users to sign in: /oauth2/authorize and so on lie below",
    Output.ISSUER: "Whose tokens the API takes: the iss of each",
    Output.CALLS_TABLE: "The table of calls, in which an operator blocks a user",
    Output.CALLING_PARAMETER: "The parameter by which an operator switches calling off and on",
    Output.CALLER_NUMBER: "The only number that calls reach the SIP host from: admit no other",
    Output.CONNECT_PHONE_NUMBER: "The only number that the SIP host sends calls on to",
    Output.VOICE_CONNECTOR_HOST_NAME: "Where the SIP host sends calls on to, if not by a trunk of its own",
    Output.TERMINATION_CREDENTIALS_ARN: "The secret with the SIP host's username and password for that",
}


def parameter_name(environment: str, name: str) -> str:
    """The name of an SSM parameter, an output's or another one: `/in-app-calling/<environment>/<name>`."""
    return f"/in-app-calling/{environment}/{name}"


def publish(stack: Stack, *, environment: str, values: Mapping[Output, str]) -> None:
    """Adds an output of exactly each name, and the parameter that `parameter_name` tells."""
    for output, value in values.items():
        CfnOutput(stack, output, value=value, description=_DESCRIPTIONS[output])
        ssm.StringParameter(
            stack,
            f"{output}Parameter",
            parameter_name=parameter_name(environment, output),
            string_value=value,
            description=_DESCRIPTIONS[output],
        )
