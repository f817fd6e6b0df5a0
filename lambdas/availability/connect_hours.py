"""The hours of operation of queues, as Amazon Connect has them with all overrides applied."""

from datetime import UTC, datetime, timedelta
from typing import Any

from runtime import aws
from runtime.errors import AnswerIncomplete
from runtime.telemetry import traced

from availability.domain import Hours
from availability.opening import read_spans

_DAYS = 14
"""So far ahead is looked for the next opening: past what holidays close."""
_DAY = timedelta(days=1)


class ConnectHours:
    """Reads hours: DescribeQueue, and GetEffectiveHoursOfOperations of what that names."""

    def __init__(self, client: Any, instance_arn: str) -> None:
        """`client` is a botocore client of Connect."""
        self._client = client
        self._instance_id = instance_arn.rpartition("/")[2]

    @traced
    def hours_of(self, queue_id: str, now: int) -> Hours:
        """The hours of a queue, from the day before `now` (milliseconds since the epoch) on.

        Raises `CapacityReached`, `Unavailable`, `TimedOut`, `AnswerIncomplete` or `ConfigurationFault`.
        """
        described = aws.call(self._client, "DescribeQueue", InstanceId=self._instance_id, QueueId=queue_id)
        hours_id = (described.get("Queue") or {}).get("HoursOfOperationId")
        if not isinstance(hours_id, str):
            raise AnswerIncomplete("The contact center does not name the hours of the queue.")
        # A day earlier than here it may still be, and hours may have begun the evening before.
        today = datetime.fromtimestamp(now / 1000, UTC)
        answer = aws.call(
            self._client,
            "GetEffectiveHoursOfOperations",
            InstanceId=self._instance_id,
            HoursOfOperationId=hours_id,
            FromDate=f"{today - 2 * _DAY:%Y-%m-%d}",
            ToDate=f"{today + _DAYS * _DAY:%Y-%m-%d}",
        )
        # Where it is a day later already, the last day ends before it does here.
        last = today.replace(hour=0, minute=0, second=0, microsecond=0) + _DAYS * _DAY
        return Hours(read_spans(answer), int((last - _DAY).timestamp() * 1000), answer["TimeZone"])
