"""Service Quotas: what an account may use of Amazon Connect and of Lambda, as AWS sets it at first.

Codes and values: https://docs.aws.amazon.com/connect/latest/adminguide/amazon-connect-service-limits.html and
the console of Service Quotas. Nobody raises one here.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

from ministack import app
from ministack.core import iam_actions, router

NAME = "service-quotas"  # botocore's
_SIGNED_FOR = "servicequotas"  # in signatures, and in policies
_TARGET = "ServiceQuotasV20190624."

Headers = Mapping[str, str]
Answer = tuple[int, dict[str, str], bytes]


class Quota(NamedTuple):
    """A quota of a service; one of an instance is read with the instance's ARN as ContextId."""

    service: str
    code: str
    name: str
    value: float
    is_of_instance: bool = False


QUOTAS = (
    Quota("connect", "L-5CFC10A5", "Rate of StartWebRTCContact API requests", 2),
    Quota("connect", "L-650BD10F", "Rate of StopContact API requests", 10),
    Quota("connect", "L-8FE21897", "Rate of CreateParticipant API requests", 5),
    Quota("connect", "L-371095B8", "Rate of DescribeContact API requests", 10),
    Quota("connect", "L-12AB7C57", "Concurrent active calls per instance", 10, is_of_instance=True),
    Quota("connect", "L-E3D2F503", "AWS Lambda functions per instance", 50, is_of_instance=True),
    Quota("connect", "L-22922690", "Contact flows per instance", 100, is_of_instance=True),
    Quota("connect", "L-8F812903", "Phone numbers per instance", 10, is_of_instance=True),
    Quota("lambda", "L-B99A9384", "Concurrent executions", 1000),
)
_SERVICES = {"connect": "Amazon Connect", "lambda": "AWS Lambda"}
_OPERATIONS = frozenset({"GetServiceQuota", "GetAWSDefaultServiceQuota", "ListServiceQuotas"})


def install(*, account: str, region: str) -> None:
    """Let MiniStack answer for the service."""

    async def handle(
        _method: str, _path: str, headers: Headers, body: bytes, _query: Mapping[str, list[str]]
    ) -> Answer:
        operation = headers.get("x-amz-target", "").removeprefix(_TARGET)
        return answer(operation, json.loads(body or b"{}"), account=account, region=region)

    handlers: dict[str, Callable[..., Awaitable[Answer]]] = app.SERVICE_HANDLERS
    # Requests are found by what they are signed for, which is not what botocore calls the service.
    handlers[_SIGNED_FOR] = handle
    router.SERVICE_PATTERNS[_SIGNED_FOR] = {"target_prefixes": [_TARGET]}
    iam_actions.SERVICE_TO_IAM_NAMESPACE[_SIGNED_FOR] = _SIGNED_FOR


def answer(operation: str, given: Mapping[str, Any], *, account: str, region: str) -> Answer:
    """The answer to a request."""
    shown = [_shown(quota, given, account=account, region=region) for quota in QUOTAS]
    found = [each for each in shown if each["ServiceCode"] == given.get("ServiceCode")]
    if operation not in _OPERATIONS:
        return _error("NotImplemented", f"{NAME}:{operation} is not part of this emulator", 501)
    if operation == "ListServiceQuotas":
        return _answered({"Quotas": found})
    one = [each for each in found if each["QuotaCode"] == given.get("QuotaCode")]
    if not one:
        return _error("NoSuchResourceException", "The request failed because the quota does not exist.", 400)
    return _answered({"Quota": one[0]})


def _shown(quota: Quota, given: Mapping[str, Any], *, account: str, region: str) -> dict[str, Any]:
    context = given.get("ContextId")
    shown: dict[str, Any] = {
        "ServiceCode": quota.service,
        "ServiceName": _SERVICES[quota.service],
        "QuotaArn": f"arn:aws:servicequotas:{region}:{account}:{quota.service}/{quota.code}",
        "QuotaCode": quota.code,
        "QuotaName": quota.name,
        "Value": quota.value,
        "Unit": "None",
        "Adjustable": True,
        "GlobalQuota": False,
    }
    if quota.is_of_instance and context:
        shown["QuotaAppliedAtLevel"] = "RESOURCE"
        shown["QuotaContext"] = {
            "ContextScope": "RESOURCE",
            "ContextScopeType": "AWS::Connect::Instance",
            "ContextId": context,
        }
    else:
        shown["QuotaAppliedAtLevel"] = "ACCOUNT"
    return shown


def _answered(document: Mapping[str, Any]) -> Answer:
    return 200, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(document).encode()


def _error(code: str, message: str, status: int) -> Answer:
    document = {"__type": code, "Message": message, "message": message}
    headers = {"Content-Type": "application/x-amz-json-1.1", "x-amzn-ErrorType": code}
    return status, headers, json.dumps(document).encode()
