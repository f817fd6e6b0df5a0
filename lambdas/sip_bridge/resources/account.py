"""The AWS account's services, and what their failures mean to who deploys."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Protocol

import botocore.session
from botocore import exceptions, xform_name
from botocore.config import Config

from sip_bridge.resources.errors import Conflict, Forbidden, Gone, OperationFailed
from sip_bridge.resources.resource import Patience

# Nobody is waiting on the phone: better to wait for AWS than to fail a deployment.
_CONFIG = Config(connect_timeout=5, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 5})

# What AWS or botocore says about these may quote a credential.
_SECRET_OPERATIONS = frozenset(
    {
        "DeleteVoiceConnectorTerminationCredentials",
        "GetSecretValue",
        "PutVoiceConnectorTerminationCredentials",
    }
)

_FORBIDDEN = frozenset(
    {"AccessDenied", "AccessDeniedException", "ForbiddenException", "UnauthorizedClientException"}
)
# A right is granted seconds before it is used, and IAM takes a while to make it known everywhere.
_KNOWN_WITHIN = 60.0  # seconds
_GONE = frozenset({"NotFoundException", "ResourceNotFoundException"})
_QUOTAS = frozenset({"ResourceLimitExceededException", "ServiceQuotaExceededException"})


class ServiceCall(Protocol):
    """Calls one service of the account: `Service`, or a test's stand-in for it."""

    def __call__(self, operation: str, **parameters: Any) -> Mapping[str, Any]:
        """The service's answer to `operation`, named as in AWS's reference.

        Raises `Gone`, `Conflict` or `OperationFailed`, after which the operation may have been done.
        """


def client(service: str) -> Any:
    """A patient botocore client of `service`."""
    return botocore.session.get_session().create_client(service, config=_CONFIG)


class Service:
    """A service, called through its botocore client."""

    def __init__(self, client: Any, patience: Patience) -> None:
        self._client = client
        self._patience = patience

    def __call__(self, operation: str, **parameters: Any) -> Mapping[str, Any]:
        """As `ServiceCall` says; repeats for a minute what it has no right to."""
        for _ in self._patience.rounds(_KNOWN_WITHIN):
            with suppress(Forbidden):
                return self._once(operation, parameters)
        return self._once(operation, parameters)

    def _once(self, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            answer: Mapping[str, Any] = getattr(self._client, xform_name(operation))(**parameters)
        # Never `from` its cause, whose text may quote a password and would end in the log with the traceback.
        except exceptions.ClientError as error:
            details = error.response.get("Error", {})
            raise _failure(
                operation, parameters, details.get("Code", ""), details.get("Message", "")
            ) from None
        except exceptions.BotoCoreError as error:
            raise _failure(operation, parameters, type(error).__name__, str(error)) from None
        return answer


def list_all(call: ServiceCall, operation: str, member: str, **parameters: Any) -> list[Mapping[str, Any]]:
    """All that an operation lists as `member`, however many pages it takes. Raises as `ServiceCall` does."""
    found: list[Mapping[str, Any]] = []
    page: dict[str, str] = {}
    while True:
        answer = call(operation, **parameters, **page)
        found += answer.get(member, [])
        if not answer.get("NextToken"):
            return found
        page = {"NextToken": answer["NextToken"]}


def _failure(operation: str, parameters: Mapping[str, Any], code: str, said: str) -> OperationFailed:
    of = ", ".join(f"{name} {value}" for name, value in parameters.items() if isinstance(value, str))
    because = "" if operation in _SECRET_OPERATIONS or not said else f": {said}"
    kind, fix = OperationFailed, f"see what AWS says about {code}, and deploy again."
    if code in _FORBIDDEN:
        kind, fix = Forbidden, f"the function's role, and the account, must be allowed to use {operation}."
    elif code in _QUOTAS:
        fix = "have the quota raised (Service Quotas), or free what is not used."
    elif code in _GONE:
        kind = Gone
    elif code == "ConflictException":
        kind = Conflict
    return kind(f"{operation} ({of}) failed with {code}{because}\nFix: {fix}", code)
