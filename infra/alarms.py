"""What a construct has watched: its alarms, each with its advice, and its graphs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

PERIOD = Duration.minutes(5)
"""What every alarm and graph sums up."""


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """Goes off when `metric` reaches `threshold` within `PERIOD`; `advice` says what that means and what an
    operator does about it.
    """

    name: str
    metric: cloudwatch.IMetric
    threshold: float
    advice: str


class Watched(Protocol):
    """A construct that names what of it is to be watched."""

    def alarms(self) -> Sequence[Alarm]:
        """Those that its stack is to have; their names are unique in the stack."""
        ...

    def graphs(self) -> Sequence[Sequence[cloudwatch.IWidget]]:
        """Rows of the stack's dashboard, each at most 24 units wide."""
        ...
