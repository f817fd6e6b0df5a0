"""What an event changes in the record of its call.

Merging is commutative and idempotent: of each time the earliest counts, of the queues the last, of each
contact the call holds whether it goes on, or why it ended, and everything else follows from these. So the
order of events, and how often each comes, do not matter.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from runtime.errors import Unavailable

from calls.contact_event import ContactEvent
from calls.errors import RetryLater
from calls.interfaces import Calls, Contacts
from calls.record import Call

# Two events of one call at once, and a caller who hangs up meanwhile: nobody loses more often than this.
_MAX_ATTEMPTS = 5


@dataclass(frozen=True)
class EndedCall:
    """How a call went, in milliseconds; None where it did not come to it."""

    waited: int | None
    """From the queue to the first agent."""
    talked: int | None
    was_abandoned: bool
    """Whether it ended in a queue."""


class ContactEvents:
    """Brings the records of calls to what events say of them."""

    def __init__(self, calls: Calls, contacts: Contacts, now: Callable[[], int]) -> None:
        """`now` returns the time in milliseconds since the epoch."""
        self._calls = calls
        self._contacts = contacts
        self._now = now

    def __call__(self, event: ContactEvent, *, early_delivery: bool) -> EndedCall | None:
        """Stores an event; returns how the call went when this event is the one that ends it.

        Raises `RetryLater` when the event must be delivered again, and the adapters' errors.
        """
        user_id = event.user_id or self._calls.find_user(event.call_contact_id)
        if user_id is None:
            if early_delivery and event.may_be_ours and event.has_progress:
                # A call that is queued or ends as it begins: nobody may have written yet whose it is.
                raise RetryLater
            return None
        for _ in range(_MAX_ATTEMPTS):
            before = self._calls.find(user_id, self._now())
            if before is None or not event.is_about(before):
                return None  # of an earlier call
            after = merge(before, event)
            if after == before or self._calls.store_events(before, after):
                self._stop_if_nobody_can_join(after, event)
                return _how_it_went(after) if _is_over(after) and not _is_over(before) else None
        raise Unavailable("The record of the call is written too often.")

    def _stop_if_nobody_can_join(self, call: Call, event: ContactEvent) -> None:
        """Ends a contact that goes on although the backend has ended its call or never answered its start."""
        if event.ended_at is not None or call.legs.get(event.contact_id):
            return
        if call.ended_at is None:
            if call.answer is not None:
                return
            if call.slot_until > self._now() or not self._calls.give_up(call, self._now()):
                raise RetryLater  # the start is still running, or being repeated
        # StopContact ends nothing that a transfer began: that ends when the caller's app leaves it.
        if event.contact_id == call.contact_id:
            self._contacts.stop(event.contact_id)


def merge(call: Call, event: ContactEvent) -> Call:
    """`call` with what `event` says of it."""
    legs = {call.contact_id or event.call_contact_id: 0, **call.legs}
    legs[event.contact_id] = _earliest(legs.get(event.contact_id) or None, event.ended_at) or 0
    if event.next_contact_id is not None:
        legs.setdefault(event.next_contact_id, 0)
    reasons = dict(call.reasons)
    if event.reason is not None:
        reasons[event.contact_id] = min(event.reason, reasons.get(event.contact_id, event.reason))
    merged = replace(
        call,
        legs=legs,
        reasons=reasons,
        queued_at=_earliest(call.queued_at, event.queued_at),
        queued=max((each for each in (call.queued, event.queued) if each is not None), default=None),
        connected_at=_earliest(call.connected_at, event.connected_at),
    )
    if call.ended_at is not None and not call.ended_by_connect:
        return merged
    # A transfer can make known a contact that goes on after the event of the first one's end.
    return replace(
        merged,
        ended_at=max(legs.values()) if _is_over(merged) else None,
        ended_by_connect=_is_over(merged),
    )


def _is_over(call: Call) -> bool:
    """Whether every contact of the call has ended."""
    return bool(call.legs) and not call.open_contacts


def _how_it_went(call: Call) -> EndedCall:
    ended_at = max(call.legs.values())
    waited = None
    if call.queued_at is not None and call.connected_at is not None:
        waited = max(0, call.connected_at - call.queued_at)
    return EndedCall(
        waited=waited,
        talked=None if call.connected_at is None else max(0, ended_at - call.connected_at),
        was_abandoned=call.queued_at is not None and call.connected_at is None,
    )


def _earliest(one: int | None, other: int | None) -> int | None:
    return min((time for time in (one, other) if time is not None), default=None)
