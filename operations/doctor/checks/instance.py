"""The Connect instance: its state, its attributes, its room for one more flow and function."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from infra.needed_flows import needed_flows
from operations.doctor.check import Check, Finding, Read, failed, passed, passed_if, passed_or_warned
from operations.doctor.quota_reading import FLOWS, FUNCTIONS, QUOTA_READS, Quota, read_quota
from operations.doctor.stack_reads import STACK_RESOURCES
from operations.doctor.subject import Subject
from operations.doctor.transport_checks import flows_of_transport

INSTANCE = "arn:aws:connect:*:*:instance/*"
"""Every instance, and all parts of it."""

_CONTACT_FLOWS = Path(__file__).parents[3] / "infra" / "contact_flows"
_CONSOLE = "Amazon Connect console, the instance, Telephony"


def has_instance(subject: Subject) -> bool:
    """Whether there is an instance to look at: a sandbox is made by the first deployment."""
    return subject.instance_arn is not None


def _look_at_instance(subject: Subject) -> Iterator[Finding]:
    client = subject.client("connect")
    wanted = "the instance is ACTIVE and takes inbound calls"
    try:
        instance = client.describe_instance(InstanceId=subject.instance_id)["Instance"]
    except client.exceptions.ResourceNotFoundException:
        yield failed(
            f"there is no instance {subject.instance_arn}",
            wanted,
            "correct connect.instance_arn; aws connect list-instances has those of the account.",
        )
        return
    status, inbound = instance["InstanceStatus"], instance.get("InboundCallsEnabled", False)
    yield passed_if(
        status == "ACTIVE",
        f"the instance is {status}",
        "the instance is ACTIVE",
        "wait; or name another one in connect.instance_arn.",
    )
    yield passed_if(
        inbound,
        f"inbound calls are {'on' if inbound else 'off'}",
        "inbound calls are on",
        f"{_CONSOLE}: allow incoming calls.",
    )


def _look_at_attributes(subject: Subject) -> Iterator[Finding]:
    """Flow logs and Contact Lens are shown: whether they hold what callers say is the organisation's to
    decide.
    """
    client = subject.client("connect")
    pages = client.get_paginator("list_instance_attributes").paginate(InstanceId=subject.instance_id)
    found = {
        attribute["AttributeType"]: attribute["Value"] for page in pages for attribute in page["Attributes"]
    }
    rejoin = [
        name
        for name in ("ENHANCED_CONTACT_MONITORING", "MULTI_PARTY_CONFERENCE")
        if found.get(name) == "true"
    ]
    yield passed_or_warned(
        rejoin,
        f"multi-party calls: {', '.join(rejoin) or 'off'}",
        "callers can come back into a call after a drop",
        f"{_CONSOLE}: enable enhanced multi-party contact monitoring.",
    )
    for name, holds in (
        ("CONTACTFLOW_LOGS", "flow logs hold the attributes of contacts, where a flow sets logging"),
        ("CONTACT_LENS", "Contact Lens analyses what is said, where a flow switches it on"),
        ("EARLY_MEDIA", "early media matters to outbound telephone calls alone"),
    ):
        yield passed(f"{name} is {found.get(name, 'not set')}", f"either: {holds}")


def _look_at_room(subject: Subject) -> Iterator[Finding]:
    functions = _associated(subject)
    wanted = ["CallerContext", *(["Availability"] if _says_when_it_opens(subject) else [])]
    missing = [name for name in wanted if not _is_associated(_function_arn(subject, name), functions)]
    yield _room_finding(subject, "functions", FUNCTIONS, len(functions), needed=len(missing))
    client = subject.client("connect")
    flows = [
        flow["Id"]
        for page in client.get_paginator("list_contact_flows").paginate(InstanceId=subject.instance_id)
        for flow in page["ContactFlowSummaryList"]
    ]
    made = len(subject.resources_of("AWS::Connect::ContactFlow"))
    yield _room_finding(subject, "contact flows", FLOWS, len(flows), needed=max(0, own_flows(subject) - made))


def _room_finding(subject: Subject, what: str, quota: Quota, used: int, *, needed: int) -> Finding:
    limit, is_applied = read_quota(subject, quota)
    return passed_if(
        used + needed <= limit,
        f"{used} of {limit:g} {what}{'' if is_applied else ' (AWS default)'}",
        f"room for {needed} more",
        f"remove {what} that nobody uses, or {quota.request}",
    )


def own_flows(subject: Subject) -> int:
    """How many contact flows a deployment makes."""
    configuration = subject.configuration
    return len(needed_flows(_CONTACT_FLOWS, configuration)) + flows_of_transport(configuration)


def _says_when_it_opens(subject: Subject) -> bool:
    """Whether a flow of the deployment asks that."""
    return "shared/closed" in needed_flows(_CONTACT_FLOWS, subject.configuration)


def _function_arn(subject: Subject, name: str) -> str | None:
    """The unqualified ARN of a function that flows invoke, as deployed."""
    configuration = subject.configuration
    return next(
        (
            f"arn:aws:lambda:{configuration.region}:{configuration.account}:function:{each.physical_id}"
            for each in subject.resources_of("AWS::Lambda::Function")
            if each.logical_id.startswith(name)
        ),
        None,
    )


def _associated(subject: Subject) -> list[str]:
    """The functions that flows of the instance may invoke."""
    pages = subject.client("connect").get_paginator("list_lambda_functions")
    return [arn for page in pages.paginate(InstanceId=subject.instance_id) for arn in page["LambdaFunctions"]]


def _is_associated(function: str | None, associated: list[str]) -> bool:
    # By itself, as the stack has it, or by an alias, as people in the console have it.
    return function is not None and any(arn.startswith(function) for arn in associated)


def _look_at_association(subject: Subject) -> Iterator[Finding]:
    own = _function_arn(subject, "CallerContext")
    is_associated = _is_associated(own, _associated(subject))
    yield passed_if(
        is_associated,
        f"{own} is {'' if is_associated else 'not '}associated with the instance",
        "the function that proves who calls is associated, by its ARN without an alias",
        f"aws connect associate-lambda-function --instance-id {subject.instance_id} --function-arn {own}",
    )


CHECKS = (
    Check(
        name="instance",
        reads=(
            Read("connect:DescribeInstance", INSTANCE),
            Read("ds:DescribeDirectories"),
        ),
        look=_look_at_instance,
        applies=has_instance,
    ),
    Check(
        name="instance attributes",
        reads=(Read("connect:ListInstanceAttributes", INSTANCE),),
        look=_look_at_attributes,
        applies=has_instance,
        after="instance",
    ),
    Check(
        name="instance room",
        reads=(
            Read("connect:ListLambdaFunctions", INSTANCE),
            Read("connect:ListContactFlows", INSTANCE),
            STACK_RESOURCES,
            *QUOTA_READS,
        ),
        look=_look_at_room,
        applies=has_instance,
        after="instance",
    ),
    Check(
        name="function association",
        reads=(Read("connect:ListLambdaFunctions", INSTANCE), STACK_RESOURCES),
        look=_look_at_association,
        applies=lambda subject: subject.is_deployed,
        after="instance",
        of_deployment=True,
    ),
)
