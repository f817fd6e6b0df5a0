"""What a caller who waits is told of the wait: what is known, and nothing that is not."""

from dataclasses import dataclass

from calls.positions import Positions
from calls.queue_state import QueueStates, rounded
from calls.record import Call


@dataclass(frozen=True)
class Waiting:
    """How long it may take; None is not known."""

    expected_wait: int | None = None
    """Whole seconds, rounded."""
    position: int | None = None
    """1 is next."""
    position_at: int = 0
    """When that was so, in milliseconds since the epoch."""


class WaitingCalls:
    """What is known of calls that wait in a queue. Nothing here fails a request."""

    def __init__(self, states: QueueStates, positions: Positions) -> None:
        self._states = states
        self._positions = positions

    def of(self, call: Call) -> Waiting:
        """The wait of a call; nothing of one whose contact or queue no event of Connect has named."""
        if call.queued is None:
            return Waiting()
        place = self._positions.of(call.queued.contact_id)
        # Connect's estimate for this very contact, where there is one, and else that for the queue.
        expected = None if place is None else place.expected_wait
        if expected is None:
            expected = self._states.of(call.queued.queue_arn.rpartition("/")[2]).expected_wait
        return Waiting(
            None if expected is None else rounded(expected),
            None if place is None else place.position,
            0 if place is None else place.at,
        )
