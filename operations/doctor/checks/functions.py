"""AWS Lambda: whether the account has room for what the environment reserves."""

from __future__ import annotations

from collections.abc import Iterator

from infra.configuration import Issuer
from operations.doctor.check import Check, Finding, Read, passed_if, passed_or_warned
from operations.doctor.stack_reads import STACK_RESOURCES
from operations.doctor.subject import Subject
from operations.doctor.transport_checks import reserved_by_transport

UNRESERVED = 100
"""What Lambda keeps for functions that reserve nothing
(AWS Lambda developer guide, "Configuring reserved concurrency").
"""

_FUNCTIONS = 4  # start_call, call_control, availability, caller_context
_FIX = (
    "request an increase: aws service-quotas request-service-quota-increase --service-code lambda "
    "--quota-code L-B99A9384 --desired-value 1000; or lower functions.reserved_concurrency."
)


def reserved_executions(subject: Subject) -> int:
    """How many executions a deployment reserves, of all its functions together."""
    settings = subject.configuration.functions
    if settings.reserved_concurrency is None:
        return 0
    functions = _FUNCTIONS + isinstance(subject.configuration.identity.source, Issuer)
    return (
        functions * settings.reserved_concurrency
        + settings.event_concurrency
        + reserved_by_transport(subject.configuration)
    )


def _look(subject: Subject) -> Iterator[Finding]:
    limit = subject.client("lambda").get_account_settings()["AccountLimit"]
    free, total = limit["UnreservedConcurrentExecutions"], limit["ConcurrentExecutions"]
    needed = reserved_executions(subject)
    if not needed:
        quotas = subject.configuration.connect.quotas
        at_once = quotas.start_webrtc_contact_burst + quotas.call_control_burst + quotas.stop_contact_burst
        read = f"{total} executions at once, none of them reserved for this environment"
        wanted = f"{at_once} or more, the bursts of [connect.quotas]"
        yield passed_or_warned(total >= at_once, read, wanted, _FIX)
        return
    mine = _reserved_already(subject)
    left = free + mine - needed
    read = f"{free + mine} of {total} executions are free for this environment, which reserves {needed}"
    wanted = f"{UNRESERVED} are left for functions that reserve none"
    yield passed_if(left >= UNRESERVED, read, wanted, _FIX)


def _reserved_already(subject: Subject) -> int:
    """What the deployed functions of the environment have."""
    client = subject.client("lambda")
    return sum(
        client.get_function_concurrency(FunctionName=function.physical_id).get(
            "ReservedConcurrentExecutions", 0
        )
        for function in subject.resources_of("AWS::Lambda::Function")
    )


CHECKS = (
    Check(
        name="lambda concurrency",
        reads=(
            Read("lambda:GetAccountSettings"),
            STACK_RESOURCES,
            Read("lambda:GetFunctionConcurrency", "arn:aws:lambda:*:*:function:InAppCalling-*"),
        ),
        look=_look,
    ),
)
