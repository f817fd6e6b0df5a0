"""The names of what a deployment publishes: stack outputs, and SSM parameters that equal them."""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class DescribedName(StrEnum):
    """A name of outputs, the same everywhere: the output's key and the last part of the parameter's name."""

    description: str

    def __new__(cls, name: str, description: str) -> Self:
        """The name itself, with what it is the name of."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.description = description
        return member


class Output(DescribedName):
    """The outputs of every deployment, and those of its users."""

    API_URL = "ApiUrl", "Where the app sends its requests: the stage, or the domain name; with a final slash"
    # Of a domain name.
    API_DOMAIN_TARGET = (
        "ApiDomainTarget",
        "Where the DNS record of the API's domain name leads: a CNAME to this",
    )
    REGION = "Region", "The Region of the API, the Connect instance and, if there is one, the user pool"
    USER_POOL_ID = "UserPoolId", "The user pool that the app's users sign in to"
    USER_POOL_CLIENT_ID = "UserPoolClientId", "The app's client of the user pool; it has no secret"
    CONNECT_INSTANCE_ARN = "ConnectInstanceArn", "The Amazon Connect instance that takes the calls"
    CONTACT_FLOW_ARN = "ContactFlowArn", "The contact flow of calls without a topic"
    # Of a user pool with sign-in pages, and of an issuer in its place.
    MANAGED_LOGIN_URL = (
        "ManagedLoginUrl",
        "Where the app sends users to sign in: /oauth2/authorize and so on lie below",
    )
    ISSUER = "Issuer", "Whose tokens the API takes: the iss of each"
    # For operators.
    CALLS_TABLE = "CallsTable", "The table of calls, in which an operator blocks a user"
    CALLING_PARAMETER = "CallingParameter", "The parameter by which an operator switches calling off and on"
    CALL_TRANSPORT = "CallTransport", "How calls reach Amazon Connect"


def parameter_name(environment: str, name: str) -> str:
    """The name of an SSM parameter, an output's or another one: `/in-app-calling/<environment>/<name>`."""
    return f"/in-app-calling/{environment}/{name}"
