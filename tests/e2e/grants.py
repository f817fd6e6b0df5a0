"""What the roles of the functions may do, beside what the functions were seen to do."""

import fnmatch
from collections.abc import Iterator
from typing import Any, NamedTuple

from tests.e2e.aws import Aws


class Grant(NamedTuple):
    """One action of one role on one pattern of resources; `via` is the service that it is bound to, or ""."""

    role: str
    """The name of the role's construct."""
    action: str
    resource: str
    via: str = ""


# Rights that are used where no request of the function shows it.
USED_BY_OTHERS = {
    "logs": "Lambda writes what the function prints, in its name",
    "sqs": "Lambda takes the messages off the queue, in the function's name",
    "xray": "Lambda's daemon sends the traces, in the function's name",
    "kms": "DynamoDB and SQS use the key in the name of whoever asks them: kms:ViaService lets nobody else",
}
# Patterns, and why AWS or the work leaves nothing narrower.
WIDE = {
    "arn:aws:connect:*:instance/*/contact/[*]": "contacts come into being while the function runs",
    "arn:aws:logs:*:log-group:*:[*]": "the streams of the function's own log group",
    "[*]": "X-Ray's write actions know no resources",
}


# What policies call a service, where that is not what the SDK does.
_PREFIXES = {"chime-sdk-meetings": "chime", "chime-sdk-voice": "chime"}


def grants(aws: Aws) -> Iterator[Grant]:
    """Every right of every role of the app's stacks, whether attached or inline."""
    iam = aws.client("iam")
    for name, construct in _roles(aws).items():
        for statement in _statements(iam, name):
            assert statement["Effect"] == "Allow"
            via = statement.get("Condition", {}).get("StringEquals", {}).get("kms:ViaService", "")
            for action in _listed(statement["Action"]):
                for pattern in _listed(statement["Resource"]):
                    yield Grant(construct, action, pattern, via)


def _roles(aws: Aws) -> dict[str, str]:
    """The roles' names to their constructs': the logical id without CDK's hash and the word Role."""
    return {
        resource["PhysicalResourceId"]: resource["LogicalResourceId"][:-8].removesuffix("Role")
        for resource in aws.resources
        if resource["ResourceType"] == "AWS::IAM::Role"
    }


def _statements(iam: Any, role: str) -> Iterator[dict[str, Any]]:
    for attached in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        arn = attached["PolicyArn"]
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        read = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]
        yield from _listed(read["Document"]["Statement"])
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        yield from _listed(document["Statement"])


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def used(aws: Aws) -> set[tuple[str, str, str]]:
    """Role (as in `Grant`), action and resource of every call that the functions made."""
    roles = _roles(aws)
    seen = set()
    for call in aws.calls():
        if call["Role"] is not None:
            role = roles[call["Role"].rpartition("/")[2]]
            seen.add(
                (
                    role,
                    f"{_PREFIXES.get(call['Service'], call['Service'])}:{call['Operation']}",
                    call["Resource"],
                )
            )
    # StartWebRTCContact is asked for on two resources, of which the emulator notes the first.
    for contact in aws.contacts():
        flow = contact["Parameters"].get("ContactFlowId")
        if flow is not None:
            instance = aws.outputs["ConnectInstanceArn"]
            seen.add(("StartCall", "connect:StartWebRTCContact", f"{instance}/contact-flow/{flow}"))
    return seen


def unused(granted: set[Grant], seen: set[tuple[str, str, str]]) -> list[Grant]:
    """The rights that nothing was seen to need."""
    return sorted(
        grant
        for grant in granted
        if not any(
            role == grant.role and action == grant.action and _matches(resource, grant.resource)
            for role, action, resource in seen
        )
        and not _is_used_by_others(grant)
    )


def _is_used_by_others(grant: Grant) -> bool:
    service = grant.action.partition(":")[0]
    return service in USED_BY_OTHERS and (service != "kms" or bool(grant.via))


def wider_than_needed(granted: set[Grant]) -> list[Grant]:
    """The rights whose pattern takes in more than one resource, but for those that `WIDE` explains."""
    return sorted(
        grant
        for grant in granted
        if "*" in grant.resource and not any(fnmatch.fnmatchcase(grant.resource, known) for known in WIDE)
    )


def _matches(resource: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(resource, pattern.replace("[", "[[]"))
