"""What the roles of the functions may do, beside what the functions were seen to do."""

import fnmatch
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from tests.e2e.aws import Aws


class Grant(NamedTuple):
    """One action of one role on one pattern of resources; `via` is the service that it is bound to, or ""."""

    role: str
    """The name of the role's construct."""
    action: str
    resource: str
    via: str = ""


class Reason(NamedTuple):
    """Why rights are as they are: those that match all three patterns."""

    action: str
    resource: str
    why: str
    role: str = "*"

    def explains(self, grant: Grant) -> bool:
        """Whether this is the reason for a right."""
        return (
            fnmatch.fnmatchcase(grant.role, self.role)
            and fnmatch.fnmatchcase(grant.action, self.action)
            and fnmatch.fnmatchcase(grant.resource, self.resource)
        )


# Rights that are used where no request of the function shows it.
USED_BY_OTHERS = [
    Reason("logs:*", "arn:aws:logs:*:log-group:*", "Lambda writes what the function prints, in its name"),
    Reason("sqs:*", "*", "Lambda takes the messages off the queue, in the function's name"),
    Reason("xray:Put*", "*", "Lambda's daemon sends the traces, in the function's name"),
    Reason("kms:*", "*", "a service uses the key in the name of its caller: `via` lets nobody else"),
]
# Where AWS or the work leaves nothing narrower.
WIDE = [
    Reason(
        "connect:*",
        "arn:aws:connect:*:instance/*/contact/[*]",
        "contacts come into being while the function runs",
    ),
    Reason(
        "connect:GetCurrentMetricData",
        "arn:aws:connect:*:instance/*/queue/[*]",
        "contact flows choose the queue that a caller waits in",
    ),
    Reason(
        "connect:GetEffectiveHoursOfOperations",
        "arn:aws:connect:*:instance/*/operating-hours/[*]",
        "administrators choose the hours of a queue",
    ),
    Reason("logs:*", "arn:aws:logs:*:log-group:*:[*]", "the streams of the function's own log group"),
    Reason("xray:Put*", "[*]", "X-Ray's write actions know no resources"),
]


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
    return {
        (
            roles[call["Role"].rpartition("/")[2]],
            f"{aws.policy_prefixes.get(call['Service'], call['Service'])}:{call['Operation']}",
            resource,
        )
        for call in aws.calls()
        if call["Role"] is not None
        for resource in call["Resources"]
    }


def unused(
    granted: set[Grant], seen: set[tuple[str, str, str]], reasons: Sequence[Reason] = USED_BY_OTHERS
) -> list[Grant]:
    """The rights that nothing was seen to need, but for those that `reasons` explain."""
    return sorted(
        grant
        for grant in granted
        if not any(
            role == grant.role and action == grant.action and _matches(resource, grant.resource)
            for role, action, resource in seen
        )
        and (not any(reason.explains(grant) for reason in reasons) or _is_key_for_anything(grant))
    )


def _is_key_for_anything(grant: Grant) -> bool:
    return grant.action.startswith("kms:") and not grant.via


def wider_than_needed(granted: set[Grant], reasons: Sequence[Reason] = WIDE) -> list[Grant]:
    """The rights whose pattern takes in more than one resource, but for those that `reasons` explain."""
    return sorted(
        grant
        for grant in granted
        if "*" in grant.resource and not any(reason.explains(grant) for reason in reasons)
    )


def needless(reasons: Sequence[Reason], granted: set[Grant]) -> list[Reason]:
    """The reasons that explain no right."""
    return [reason for reason in reasons if not any(reason.explains(grant) for grant in granted)]


def _matches(resource: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(resource, pattern.replace("[", "[[]"))
