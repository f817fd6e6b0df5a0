"""What a construct has watched: its alarms, each with its advice, and its graphs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

PERIOD = Duration.minutes(5)
"""What every alarm and graph sums up, unless it says otherwise."""

RUNBOOKS = "docs/operations.md"
"""The document that has a section for each alarm."""


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """Goes off when `metric` reaches `threshold` within its period; `advice` says what that means and what an
    operator does about it, and `runbook` where that is written at length ("docs/operations.md#errors").

    `outage` names a reason why callers cannot reach the contact center. While every alarm of one outage is
    on, the stack's composite alarm is, and notifies in their place.
    """

    name: str
    metric: cloudwatch.IMetric
    threshold: float
    advice: str
    runbook: str
    outage: str | None = None

    @property
    def description(self) -> str:
        """What a recipient of the alarm reads; CloudWatch takes 1,024 characters."""
        return f"{self.advice} Runbook: {self.runbook}"


class Watched(Protocol):
    """A construct that names what of it is to be watched."""

    def alarms(self) -> Sequence[Alarm]:
        """Those that its stack is to have; their names are unique in the stack."""
        ...

    def graphs(self) -> Sequence[Sequence[cloudwatch.IWidget]]:
        """Rows of the stack's dashboard, each at most 24 units wide."""
        ...
