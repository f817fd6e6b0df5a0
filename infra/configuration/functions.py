"""`[functions]`: settings of each Lambda function."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from infra.configuration.faults import Fault
from infra.configuration.section import Section
from infra.configuration.values import Switch, Whole

LOG_RETENTION_DAYS = (1, 7, 14, 30, 60, 90, 180, 365, 731, 1827, 3653)
"""Of the numbers of days that CloudWatch Logs takes (PutRetentionPolicy), those that policies name."""

MAX_RESERVED_CONCURRENCY = 1_000
"""What an account has at first in a Region (AWS Lambda developer guide, "Lambda quotas")."""

MIN_EVENT_CONCURRENCY, MAX_EVENT_CONCURRENCY = 2, 1_000
"""AWS Lambda developer guide, "Configuring scaling behavior for SQS event source mappings"."""


class Functions(Section):
    """Settings of each Lambda function; days of retention hold for every log group."""

    reserved_concurrency: (
        Annotated[
            int,
            Whole(
                1,
                MAX_RESERVED_CONCURRENCY,
                "executions at once of each function; at least start_webrtc_contact_burst, "
                "stop_contact_burst and call_control_burst, so that the gateway throttles before Lambda does",
                'AWS Lambda developer guide, "Lambda quotas"',
            ),
        ]
        | None
    ) = None
    """Reserved for each function that somebody waits for. None by default: new accounts have 10 in all."""

    event_concurrency: Annotated[
        int,
        Whole(
            MIN_EVENT_CONCURRENCY,
            MAX_EVENT_CONCURRENCY,
            "batches of contact events at once; Lambda takes no fewer from a queue, and no more",
            'AWS Lambda developer guide, "Configuring scaling behavior for SQS event source mappings"',
        ),
    ] = MIN_EVENT_CONCURRENCY
    """How many batches of contact events are processed at once."""

    memory_mib: Annotated[int, Whole(128, 10_240, "MiB of each function")] = 1_024
    """Memory, and CPU in proportion to it."""

    log_retention_days: Annotated[
        int,
        Whole(
            1, 3_653, "days", "Amazon CloudWatch Logs API reference, PutRetentionPolicy", LOG_RETENTION_DAYS
        ),
    ] = 365
    """How long every log group keeps what is written to it."""

    snap_start: Annotated[bool, Switch()] = False
    """Whether functions that somebody waits for start from a snapshot (SnapStart), which costs extra."""


def refuse_fewer_executions(functions: Functions, needed: int, why: str) -> Iterator[Fault]:
    """Refuses fewer reserved executions than what may come at once, which `why` names."""
    reserved = functions.reserved_concurrency
    if reserved is not None and reserved < needed:
        yield Fault(
            key="functions.reserved_concurrency",
            value=reserved,
            fix=f"at least {needed}, as {why}, so that the gateway throttles before Lambda does; "
            "or remove it: none are reserved then",
        )
