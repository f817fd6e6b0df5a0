"""Where callers stand in their queues, asked of Amazon Connect once a second for the whole deployment.

Connect says the position of one contact at a time, twice a second for an account. So whoever's request comes
when a second has passed asks, and not about the own contact but about the one that has gone unrefreshed the
longest, of those whose callers still look. With more than sixty callers some see no position at times.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from runtime.errors import ServiceError

TURN = 1_000
"""Milliseconds between two requests to Connect, of the whole deployment."""
GOOD_FOR = 60_000
"""Milliseconds after which a position is left out."""

_LOOKS_FOR = 60_000
"""Milliseconds for which a caller who has just looked counts as waiting for a position."""
_PAUSE = 5_000
"""Milliseconds without a request after one that Connect has not answered."""


@dataclass(frozen=True)
class Place:
    """Where a contact stands; None stands for what Connect does not say."""

    position: int | None
    """1 is next."""
    expected_wait: int | None
    """Whole seconds, as Connect estimates them."""
    at: int
    """When that was so, in milliseconds since the epoch."""


@dataclass(frozen=True)
class Looker:
    """A contact whose caller looks at the position. Times in milliseconds since the epoch."""

    contact_id: str
    turn_at: int
    """When Connect was last asked about it, or as if it had been before its caller first looked."""
    looks_until: int = 0
    """Until when its caller counts as looking."""
    place: Place | None = None


class PositionTable(Protocol):
    """Who looks, and what is known: `calls.waiting_table.WaitingTable`. All of it raises `ServiceError`."""

    def find_looker(self, contact_id: str) -> Looker | None:
        """One contact."""

    def look(self, contact_id: str, *, turn_at: int, until: int) -> Looker:
        """Notes that the caller of a contact looks, which has that turn if it had none; returns it then."""

    def take_turn(self, now: int, *, until: int) -> int:
        """Takes the turn to ask Connect, until which nobody else has one; returns when the next one is.

        That is `until` if it was taken.
        """

    def postpone(self, until: int) -> None:
        """Nobody asks Connect before."""

    def longest_waiting(self) -> Sequence[Looker]:
        """Some of those who look, the longest unrefreshed first; known are contact and turn alone."""

    def claim(self, looker: Looker, now: int) -> bool:
        """Puts a contact behind all others, if its turn is still as in `looker` and its caller looks.

        One whose caller looks no more is forgotten.
        """

    def store_place(self, contact_id: str, place: Place) -> None:
        """Stores what Connect has said."""

    def forget(self, contact_id: str) -> None:
        """The contact waits no more."""


class PlaceSource(Protocol):
    """Who asks Connect: `calls.connect_queues.ConnectQueues`."""

    def place_of(self, contact_id: str, now: int) -> Place | None:
        """None when the contact waits in no queue. Raises `ServiceError`."""


class Positions:
    """The positions of those who look."""

    def __init__(self, table: PositionTable, source: PlaceSource, now: Callable[[], int]) -> None:
        """`now` returns the time in milliseconds since the epoch."""
        self._table = table
        self._source = source
        self._now = now
        self._next_turn = 0

    def of(self, contact_id: str) -> Place | None:
        """Where a contact stood at most a minute ago; None where that is not known, whatever failed."""
        now = self._now()
        place = None
        try:
            looker = self._table.find_looker(contact_id)
            if looker is None or looker.looks_until < now + _LOOKS_FOR // 2:
                # Who is new lacks a position no more and no less than whose last one has just become too old.
                looker = self._table.look(contact_id, turn_at=now - GOOD_FOR, until=now + _LOOKS_FOR)
            place = looker.place
            if self._next_turn <= now:
                place = self._refresh_one(looker, now) or place
        except ServiceError:
            pass  # logged where it was met
        return place if place is not None and place.at > now - GOOD_FOR else None

    def _refresh_one(self, own: Looker, now: int) -> Place | None:
        """Asks Connect about one contact, if nobody else does; its place, if that is `own`."""
        until = now + TURN
        self._next_turn = self._table.take_turn(now, until=until)
        if self._next_turn != until:
            return None
        # The index may not have the own contact yet.
        others = [looker for looker in self._table.longest_waiting() if looker.contact_id != own.contact_id]
        for looker in sorted([*others, own], key=lambda looker: looker.turn_at):
            if self._table.claim(looker, now):
                place = self._ask(looker.contact_id, now)
                return place if looker.contact_id == own.contact_id else None
        return None

    def _ask(self, contact_id: str, now: int) -> Place | None:
        try:
            place = self._source.place_of(contact_id, now)
        except ServiceError:
            self._next_turn = now + _PAUSE
            self._table.postpone(self._next_turn)
            raise
        if place is None:
            self._table.forget(contact_id)
        else:
            self._table.store_place(contact_id, place)
        return place
