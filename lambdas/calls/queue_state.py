"""What Amazon Connect knows of a queue at the moment, read once for all callers."""

import json
from dataclasses import dataclass
from typing import Protocol

from calls.readings import SharedReadings

READ_EVERY = 15_000
"""Milliseconds. So often a queue is read, however many ask."""

_GOOD_FOR = 60_000  # milliseconds

# Seconds: up to which wait, and how finely it is stated. A finer figure would promise what nobody knows, and
# would let whoever looks often count the others.
_STEPS = ((300, 30), (3_600, 60), (0, 300))


@dataclass(frozen=True)
class QueueState:
    """A queue; None stands for what Connect does not say. It never holds a number of people."""

    staffed: bool | None = None
    """Whether an agent is there for it, busy or not."""
    expected_wait: int | None = None
    """Whole seconds that somebody who comes now may wait, as Connect estimates them."""


UNKNOWN = QueueState()


class QueueSource(Protocol):
    """Who reads queues: `calls.connect_queues.ConnectQueues`."""

    def state_of(self, queue_id: str) -> QueueState:
        """Raises `ServiceError`."""


class QueueStates:
    """The states of queues."""

    def __init__(self, readings: SharedReadings, source: QueueSource) -> None:
        self._readings = readings
        self._source = source

    def of(self, queue_id: str) -> QueueState:
        """The state of a queue, at most a minute old; all of it None where nothing is known."""

        def read() -> str:
            state = self._source.state_of(queue_id)
            return json.dumps([state.staffed, state.expected_wait])

        reading = self._readings.get(f"queue/{queue_id}", read, every=READ_EVERY, good_for=_GOOD_FOR)
        return UNKNOWN if reading is None else QueueState(*json.loads(reading.value))


def rounded(seconds: int) -> int:
    """A wait as callers read it: rounded up to half a minute, beyond five minutes to a minute, beyond an hour
    to five.
    """
    step = next(step for below, step in _STEPS if seconds <= below or not below)
    return -(-seconds // step) * step
