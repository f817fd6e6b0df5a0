"""What is read of Amazon Connect once for all callers, and kept for a while.

Connect's quotas are those of an account: two or five requests a second, whoever waits. So one function reads
and stores, and all others take what is stored. The right to read is a lease that runs out by itself: a
function that dies with it holds nobody up for longer.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from runtime.errors import ServiceError

LEASE = 15_000
"""Milliseconds after which somebody else may read, if nothing was stored."""

_LOOK_AGAIN = 1_000
"""Milliseconds after which a process looks whether somebody else has read meanwhile."""


@dataclass(frozen=True)
class Reading:
    """A text, and when it was read in milliseconds since the epoch."""

    value: str
    read_at: int


@dataclass(frozen=True)
class StoredReading:
    """A reading, None before the first, and from when on somebody may read anew."""

    reading: Reading | None
    next_at: int


class ReadingTable(Protocol):
    """Where readings are kept: `calls.waiting_table.WaitingTable`. All of it raises `ServiceError`."""

    def find(self, key: str) -> StoredReading | None:
        """What is stored."""

    def lease(self, key: str, now: int, *, until: int) -> bool:
        """Takes the right to read until then, if nobody has it and it is time."""

    def store(self, key: str, reading: Reading, *, leased_until: int, next_at: int) -> None:
        """Stores a reading, unless the lease under which it was read has passed to somebody else."""


class SharedReadings:
    """Readings of all processes of a deployment, and those that this process still has."""

    def __init__(self, table: ReadingTable, now: Callable[[], int]) -> None:
        """`now` returns the time in milliseconds since the epoch."""
        self._table = table
        self._now = now
        self._known: dict[str, StoredReading] = {}

    def get(self, key: str, read: Callable[[], str], *, every: int, good_for: int) -> Reading | None:
        """The latest reading by `read`, which all processes together call once in `every` milliseconds.

        None where there is none that is younger than `good_for` milliseconds: whatever fails, of the table or
        of what `read` calls, costs no more than that.
        """
        now = self._now()
        known = self._known.get(key)
        if known is None or known.next_at <= now:
            try:
                known = self._look(key, read, now, every)
            except ServiceError:
                # Not at once again in this process, whatever it was.
                known = StoredReading(None if known is None else known.reading, now + _LOOK_AGAIN)
            self._known[key] = known
        reading = known.reading
        return reading if reading is not None and reading.read_at > now - good_for else None

    def _look(self, key: str, read: Callable[[], str], now: int, every: int) -> StoredReading:
        stored = self._table.find(key) or StoredReading(None, 0)
        if stored.next_at > now:
            # The next reading is due then, or somebody reads at this moment.
            fresh = stored.reading is not None and stored.reading.read_at + every == stored.next_at
            return stored if fresh else StoredReading(stored.reading, now + _LOOK_AGAIN)
        leased_until = now + LEASE
        if not self._table.lease(key, now, until=leased_until):
            return StoredReading(stored.reading, now + _LOOK_AGAIN)
        try:
            reading = Reading(read(), now)
        except ServiceError:
            return StoredReading(stored.reading, leased_until)
        next_at = now + every
        self._table.store(key, reading, leased_until=leased_until, next_at=next_at)
        return StoredReading(reading, next_at)
