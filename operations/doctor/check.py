"""A check of the doctor, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from operations.doctor.subject import Subject


class Status(StrEnum):
    """How a finding is meant; only `FAIL` stops a deployment."""

    PASS = "pass"  # noqa: S105  # no password
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "unknown"
    """It could not be read."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What was read, and what is wanted; unless it passes, the command or console step that mends it."""

    status: Status
    read: str
    wanted: str
    fix: str = ""


@dataclass(frozen=True)
class Read:
    """An IAM action that a check needs, and the ARN of what it reads, with `*` for what varies."""

    action: str
    resource: str = "*"


@dataclass(frozen=True, kw_only=True)
class Check:
    """Something that must hold in an account before a deployment, or of a deployment.

    `look` yields findings, and raises what botocore raises. `applies` says whether the configuration has what
    it is about. Where the check `after` failed, this one would fail for the same cause, and is left out. What
    is only `of_deployment` no deployment depends on: it keeps calls from working.
    """

    name: str
    reads: tuple[Read, ...]
    look: Callable[[Subject], Iterable[Finding]]
    applies: Callable[[Subject], bool] = lambda _subject: True
    after: str | None = None
    of_deployment: bool = False


def passed(read: str, wanted: str) -> Finding:
    """What was read is what is wanted."""
    return Finding(status=Status.PASS, read=read, wanted=wanted)


def warned(read: str, wanted: str, fix: str) -> Finding:
    """A deployment works, but not as well as it might."""
    return Finding(status=Status.WARN, read=read, wanted=wanted, fix=fix)


def failed(read: str, wanted: str, fix: str) -> Finding:
    """A deployment fails, or no call reaches anybody."""
    return Finding(status=Status.FAIL, read=read, wanted=wanted, fix=fix)


def unknown(read: str, wanted: str, fix: str) -> Finding:
    """It could not be read."""
    return Finding(status=Status.UNKNOWN, read=read, wanted=wanted, fix=fix)


def passed_if(holds: object, read: str, wanted: str, fix: str) -> Finding:
    """Passes where it `holds`, else fails."""
    return passed(read, wanted) if holds else failed(read, wanted, fix)


def passed_or_warned(holds: object, read: str, wanted: str, fix: str) -> Finding:
    """Passes where it `holds`, else warns."""
    return passed(read, wanted) if holds else warned(read, wanted, fix)
