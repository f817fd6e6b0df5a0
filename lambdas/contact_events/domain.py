"""What an event changes in the record of its call.

Merging is commutative and idempotent: of each time the earliest counts, of each contact the call knows
whether it goes on, and everything else follows from these. So the order of events, and how often each comes,
do not matter.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from calls.contact_event import ContactEvent
from calls.record import Call
from runtime.errors import Unavailable

# Two events of one call at once, and a caller who hangs up meanwhile: nobody loses more often than this.
_MOST_ATTEMPTS = 5


class Calls(Protocol):
    """The records of calls; `calls.table.CallTable` says more."""

    def find_user(self, contact_id: str) -> str | None:
        """Whose latest call a contact is."""

    def find(self, user_id: str, now: int) -> Call | None:
        """The user's latest call."""

    def store_events(self, before: Call, after: Call) -> bool:
        """Stores what Connect has told; False when the record has changed meanwhile."""

    def give_up(self, call: Call, now: int) -> bool:
        """Ends a start that was never answered; False when it is being repeated."""


class Contacts(Protocol):
    """Contacts of the Connect instance; `calls.connect.ConnectInstance` says more."""

    def stop(self, contact_id: str) -> None:
        """Ends a contact."""


class TryLaterError(Exception):
    """What the event is about is not settled yet: it must come again."""


@dataclass(frozen=True)
class EndedCall:
    """How a call went, in milliseconds; None where it did not come to it."""

    waited: int | None
    """From the queue to the first agent."""
    talked: int | None
    was_abandoned: bool
    """Whether it ended in a queue."""


class ContactEvents:
    """Takes note of events."""

    def __init__(self, calls: Calls, contacts: Contacts, now: Callable[[], int]) -> None:
        """`now` tells the time in milliseconds since the epoch."""
        self._calls = calls
        self._contacts = contacts
        self._now = now

    def __call__(self, event: ContactEvent, *, may_be_early: bool) -> EndedCall | None:
        """Notes an event; returns how the call went when this event told that it is over.

        Raises `TryLaterError` when the event must come again, and the adapters' errors.
        """
        user_id = self._calls.find_user(event.call_contact_id)
        if user_id is None:
            if may_be_early and event.started_by_api and event.is_news:
                # A call that is queued or ends as it begins: nobody may have written yet whose it is.
                raise TryLaterError
            return None
        for _ in range(_MOST_ATTEMPTS):
            before = self._calls.find(user_id, self._now())
            if before is None or before.contact_id != event.call_contact_id:
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
                raise TryLaterError  # the start is still running, or being repeated
        # StopContact ends nothing that a transfer began: that ends when the caller's app leaves it.
        if event.contact_id == call.contact_id:
            self._contacts.stop(event.contact_id)


def merge(call: Call, event: ContactEvent) -> Call:
    """`call` with what `event` tells of it."""
    legs = {call.contact_id or event.call_contact_id: 0, **call.legs}
    legs[event.contact_id] = _earliest(legs.get(event.contact_id) or None, event.ended_at) or 0
    merged = replace(
        call,
        legs=legs,
        queued_at=_earliest(call.queued_at, event.queued_at),
        connected_at=_earliest(call.connected_at, event.connected_at),
    )
    if call.ended_at is not None and not call.ended_by_connect:
        return merged
    # A transfer can make known a contact that goes on after the first one was told to have ended.
    return replace(
        merged,
        ended_at=max(legs.values()) if _is_over(merged) else None,
        ended_by_connect=_is_over(merged),
    )


def _is_over(call: Call) -> bool:
    """Whether Connect has told the end of every contact of the call."""
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
