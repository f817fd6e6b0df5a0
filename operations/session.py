"""AWS with the credentials of the shell, and what to do where they do not serve."""

from __future__ import annotations

import re

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004  # of a request to AWS
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)

from infra.configuration import IN_APP_CALLING_REGIONS, Configuration
from operations.errors import OperationError

# Somebody waits for it: a network that swallows packets is reported within half a minute.
_PATIENCE = Config(connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 3, "mode": "standard"})

_NO_CREDENTIALS = (
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)
_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
_BAD_CREDENTIALS = frozenset(
    {
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_FORBIDDEN = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})

# As every service words it: "User: <ARN> is not authorized to perform: ssm:GetParameter on resource: <ARN>".
_ACTION = re.compile(r"not authorized to perform:? ([a-z0-9-]+:[A-Za-z0-9]+)")

_SIGN_IN = "sign in (aws sso login, for example) or set AWS_PROFILE, then run the command again."


def open_session(region: str | None) -> boto3.Session:
    """A session with the credentials of the shell, in `region`, by default in the shell's."""
    core = botocore.session.get_session()
    core.set_default_client_config(_PATIENCE)
    return boto3.Session(botocore_session=core, region_name=region)


def open_session_of(configuration: Configuration) -> boto3.Session:
    """A session in account and Region of an environment.

    Raises OperationError when the credentials are those of another account, and what botocore raises.
    """
    session = open_session(configuration.region)
    account = session.client("sts").get_caller_identity()["Account"]
    if account != configuration.account:
        raise OperationError(
            f"These AWS credentials are those of account {account}, but config/"
            f"{configuration.environment}.toml says {configuration.account!r}.\n"
            "  Fix: use credentials of that account."
        )
    return session


def explain(error: BotoCoreError | ClientError) -> str:
    """An error of AWS, and what to do where that is known."""
    code = error.response.get("Error", {}).get("Code", "") if isinstance(error, ClientError) else ""
    match error:
        case ClientError() if code in _EXPIRED:
            return f"The AWS credentials of the shell have expired: {error}\n  Fix: {_SIGN_IN}"
        case ClientError() if code in _FORBIDDEN:
            named = _ACTION.search(str(error))
            action = named[1] if named else error.operation_name
            return f"AWS did not do it: {error}\n  Fix: use a role that is allowed {action}."
        case NoRegionError():
            return (
                "The shell names no AWS Region.\n"
                f"  Fix: set AWS_REGION to the instance's: {', '.join(IN_APP_CALLING_REGIONS)}."
            )
        case ConnectionError() | HTTPClientError():
            return (
                f"AWS cannot be reached from here: {error}\n"
                "  Fix: check the network; behind a proxy set HTTPS_PROXY, and AWS_CA_BUNDLE to its "
                "certificate."
            )
    if isinstance(error, _NO_CREDENTIALS) or code in _BAD_CREDENTIALS:
        return f"The shell has no AWS credentials that work: {error}\n  Fix: {_SIGN_IN}"
    return f"AWS did not do it: {error}"
