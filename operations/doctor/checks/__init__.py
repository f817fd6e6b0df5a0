"""All checks, in the order in which they are shown."""

from collections.abc import Iterable
from pathlib import Path

from operations.doctor.check import Check, Read
from operations.doctor.checks import (
    events,
    flows,
    functions,
    gateway,
    instance,
    place,
    queues,
    quotas,
    recipients,
    users,
)
from operations.doctor.transport_checks import transport_checks

_CORE: tuple[Check, ...] = (
    *place.CHECKS,
    *gateway.CHECKS,
    *functions.CHECKS,
    *instance.CHECKS,
    *queues.CHECKS,
    *flows.CHECKS,
    *quotas.CHECKS,
    *users.CHECKS,
    *events.CHECKS,
    *recipients.CHECKS,
)
_OF_TRANSPORTS = transport_checks()

CHECKS: tuple[Check, ...] = (*_CORE, *(check for checks in _OF_TRANSPORTS.values() for check in checks))


# What a deployment publishes. Anybody may call sts:GetCallerIdentity.
_OUTPUTS = Read("ssm:GetParametersByPath", "arn:aws:ssm:*:*:parameter/in-app-calling/*")


def policies() -> dict[Path, tuple[Read, ...]]:
    """The policy of a role for the doctor, and what each transport adds: files, and what they allow."""
    operations = Path(__file__).parents[2]
    allowed = {
        operations / name / "policy.json": _reads_of(checks) for name, checks in _OF_TRANSPORTS.items()
    }
    return {operations / "doctor" / "policy.json": (_OUTPUTS, *_reads_of(_CORE)), **allowed}


def _reads_of(checks: Iterable[Check]) -> tuple[Read, ...]:
    return tuple(read for check in checks for read in check.reads)
