"""Whether somebody takes calls about a topic: what is known of its queue, and nothing that is not."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from availability.opening import Opening, Span, opening_at
from calls.queue_state import QueueState, QueueStates, rounded
from calls.readings import SharedReadings

_READ_EVERY = 300_000
"""Milliseconds. Hours change seldom, by an administrator's hand."""
_GOOD_FOR = 3_600_000  # milliseconds

_READ_EVERY_WHILE_CLOSED = 60_000
"""Milliseconds. A flow has just found a queue closed, which an administrator may have done a moment ago: what
apps read may not say so yet. Within its few seconds a flow cannot ask twice.
"""

ASK_AGAIN, ASK_SOON = 15, 5
"""Seconds between two requests of one app: a queue is read no more often. But while its hours are not known
somebody may be reading them.
"""


@dataclass(frozen=True, kw_only=True)
class Availability:
    """What is known; None is not known. Times in milliseconds since the epoch."""

    is_open: bool | None = None
    opens_at: int | None = None
    closes_at: int | None = None
    staffed: bool | None = None
    expected_wait: int | None = None
    """Seconds, rounded; of an open and staffed queue."""
    ask_again: int = ASK_AGAIN


@dataclass(frozen=True)
class NextOpening:
    """When something that is closed opens, and when that was asked; both as the clock has it there."""

    opens_at: datetime
    asked_at: datetime


@dataclass(frozen=True)
class Hours:
    """The spans that something is open in, all of them until `known_until`, and its time zone."""

    spans: list[Span]
    known_until: int
    time_zone: str


class HoursSource(Protocol):
    """Who reads hours: `availability.connect_hours.ConnectHours`."""

    def hours_of(self, queue_id: str, now: int) -> Hours:
        """The hours of a queue from now on. Raises `ServiceError`."""


class Availabilities:
    """The availability of each topic. Nothing here fails: what cannot be read is not known."""

    def __init__(
        self,
        readings: SharedReadings,
        states: QueueStates,
        source: HoursSource,
        now: Callable[[], int],
        *,
        queue_ids: Mapping[str, str],
        default_queue_id: str | None,
    ) -> None:
        """`queue_ids` are those of topics that have one of their own; the others, and calls without a topic,
        have the default one, None where nobody has configured any.
        """
        self._readings = readings
        self._states = states
        self._source = source
        self._now = now
        self._queue_ids = queue_ids
        self._default_queue_id = default_queue_id

    def of(self, topic: str | None) -> Availability:
        """The availability for calls about a topic, or about none."""
        queue_id = self._queue_ids.get(topic or "", self._default_queue_id)
        if queue_id is None:
            return Availability()
        opening, state = self._opening(queue_id), self._states.of(queue_id)
        return _availability(opening, state)

    def next_opening(self, queue_id: str) -> NextOpening | None:
        """When a queue opens that a flow has found closed; None where that is not known, where it is open by
        now, and for queues that this function does not read.
        """
        if queue_id not in {*self._queue_ids.values(), self._default_queue_id}:
            return None
        now = self._now()
        hours = self._hours(f"closed/{queue_id}", queue_id, now, every=_READ_EVERY_WHILE_CLOSED)
        if hours is None:
            return None
        opening = opening_at(now, hours.spans, known_until=hours.known_until)
        if opening.is_open or opening.changes_at is None:
            return None
        zone = ZoneInfo(hours.time_zone)
        opens_at, asked_at = (datetime.fromtimestamp(at / 1000, zone) for at in (opening.changes_at, now))
        return NextOpening(opens_at, asked_at)

    def _opening(self, queue_id: str) -> Opening | None:
        now = self._now()
        hours = self._hours(f"hours/{queue_id}", queue_id, now, every=_READ_EVERY)
        return None if hours is None else opening_at(now, hours.spans, known_until=hours.known_until)

    def _hours(self, key: str, queue_id: str, now: int, *, every: int) -> Hours | None:
        def read() -> str:
            hours = self._source.hours_of(queue_id, now)
            return json.dumps([hours.spans, hours.known_until, hours.time_zone])

        reading = self._readings.get(key, read, every=every, good_for=_GOOD_FOR)
        return None if reading is None else Hours(*json.loads(reading.value))


def _availability(opening: Opening | None, state: QueueState) -> Availability:
    is_open = None if opening is None else opening.is_open
    changes_at = None if opening is None else opening.changes_at
    # Nobody is served in a queue that is closed, and no wait is known where nobody is there.
    serves = is_open is not False and state.staffed is not False
    return Availability(
        is_open=is_open,
        opens_at=changes_at if is_open is False else None,
        closes_at=changes_at if is_open else None,
        staffed=state.staffed,
        expected_wait=rounded(state.expected_wait) if serves and state.expected_wait is not None else None,
        ask_again=ASK_SOON if opening is None else ASK_AGAIN,
    )
