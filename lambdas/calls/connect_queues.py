"""Queues of the Amazon Connect instance, and the contacts that wait in them, as Connect measures them."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from runtime import aws
from runtime.errors import AnswerIncomplete
from runtime.telemetry import traced

from calls.positions import Place
from calls.queue_state import QueueState

# GetContactMetrics' codes for a contact that waits in no queue: it was answered, has ended or is unknown.
_NOT_WAITING = frozenset({"InvalidRequestException", "ResourceNotFoundException"})

READ_TIMEOUT = 2
"""Seconds. Callers do not wait for figures that they can do without, and the next request may have them."""


def client() -> Any:
    """A botocore client of Connect for figures: it waits briefly, and asks once. The quotas are low, and what
    failed is asked again soon anyway.
    """
    return aws.client("connect", read_timeout=READ_TIMEOUT, repeats=False)


class ConnectQueues:
    """Reads figures.

    Every method raises `CapacityReached`, `Unavailable`, `TimedOut`, `AnswerIncomplete` or
    `ConfigurationFault`.
    """

    def __init__(self, client: Any, instance_arn: str) -> None:
        """`client` is a botocore client of Connect."""
        self._client = client
        self._instance_id = instance_arn.rpartition("/")[2]

    @traced
    def state_of(self, queue_id: str) -> QueueState:
        """GetCurrentMetricData: a wait is estimated for groups of queue and channel alone, and without any
        activity there is no data, which is not the same as zero.
        """
        answer = aws.call(
            self._client,
            "GetCurrentMetricData",
            InstanceId=self._instance_id,
            Filters={"Queues": [queue_id], "Channels": ["VOICE"]},
            Groupings=["QUEUE", "CHANNEL"],
            CurrentMetrics=[
                {"Name": "AGENTS_STAFFED", "Unit": "COUNT"},
                {"Name": "ESTIMATED_WAIT_TIME", "Unit": "SECONDS"},
            ],
        )
        try:
            values = {
                each["Metric"]["Name"]: each.get("Value")
                for result in answer.get("MetricResults") or ()
                for each in result.get("Collections") or ()
            }
        except (AttributeError, LookupError, TypeError) as error:
            raise _unusable() from error
        staffed = _whole(values.get("AGENTS_STAFFED"))
        return QueueState(
            staffed=None if staffed is None else staffed > 0,
            expected_wait=_whole(values.get("ESTIMATED_WAIT_TIME")),
        )

    @traced
    def place_of(self, contact_id: str, now: int) -> Place | None:
        """GetContactMetrics; None when the contact waits in no queue. `now` in ms since the epoch."""
        try:
            answer = aws.call(
                self._client,
                "GetContactMetrics",
                expected_errors=_NOT_WAITING,
                InstanceId=self._instance_id,
                ContactId=contact_id,
                Metrics=[{"Name": "POSITION_IN_QUEUE"}, {"Name": "ESTIMATED_WAIT_TIME"}],
            )
        except aws.ExpectedError:
            return None
        values = _numbers(answer.get("MetricResults") or ())
        position = _whole(values.get("POSITION_IN_QUEUE"))
        return Place(
            # Nobody stands before the first.
            position=None if position is None else max(1, position),
            expected_wait=_whole(values.get("ESTIMATED_WAIT_TIME")),
            at=now,
        )


def _numbers(results: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    try:
        return {each["Name"]: each["Value"].get("Number") for each in results}
    except (AttributeError, LookupError, TypeError) as error:
        raise _unusable() from error


def _whole(value: Any) -> int | None:
    """The number, rounded; None for what is no number or cannot be a count."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return round(value) if math.isfinite(value) and value >= 0 else None


def _unusable() -> AnswerIncomplete:
    return AnswerIncomplete("The contact center's figures cannot be used.")
