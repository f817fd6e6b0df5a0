"""Known races, planted into the product: the simulation is worth what it finds of them.

Each replaces one method by what somebody might well have written instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from runtime.errors import ServiceError

from call_control.domain import CallControl
from calls.contact_event import ContactEvent
from calls.errors import RetryLater
from calls.record import Call, Rate
from calls.table import CallTable
from contact_events import domain as contact_events
from contact_events.domain import ContactEvents

Plant = Callable[[pytest.MonkeyPatch], None]

_claim = CallTable.claim
_update = CallTable._update


def _without(condition: str, *, method: str) -> Plant:
    """A conditional write that does without one of its conditions."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        real = getattr(CallTable, method)

        def careless(self: CallTable, *args: Any, **kwargs: Any) -> Any:
            table = CallTable(self._client, self._table, retention_seconds=self._retention_seconds)
            table._update = lambda user_id, update, met, values, **more: _dropping(  # type: ignore[method-assign]
                self, user_id, update, met, values, condition, **more
            )
            return real(table, *args, **kwargs)

        patch.setattr(CallTable, method, careless)

    return plant


def _dropping(
    table: CallTable,
    user_id: str,
    update: str,
    met: str,
    values: Mapping[str, Any],
    condition: str,
    **more: Any,
) -> Any:
    assert condition in met, met
    left = met.replace(condition, "")
    unused = {name for name in values if name in condition and name not in left + update}
    return _update(
        table,
        user_id,
        update,
        left,
        {name: v for name, v in values.items() if name not in unused},
        **more,
    )


def _with_condition(table: CallTable, condition: str, *, without: str | tuple[str, ...]) -> CallTable:
    """The table, whose updates all have this condition, without the values that begin so."""
    other = CallTable(table._client, table._table, retention_seconds=table._retention_seconds)
    other._update = lambda user_id, update, _, values, **more: _update(  # type: ignore[method-assign]
        table,
        user_id,
        update,
        condition,
        {name: value for name, value in values.items() if not name.startswith(without)},
        **more,
    )
    return other


def _reads_before_it_claims(patch: pytest.MonkeyPatch) -> None:
    """One active call, but read first and written then."""

    def claim(self: CallTable, call: Call, rates: Sequence[Rate], *, cleared: str = "") -> Call | None:
        standing = self.find(call.user_id, call.started_at)
        if standing is not None and (standing.holds_slot(call.started_at) or standing.answer is None):
            return _claim(self, call, rates, cleared=cleared)
        table = _with_condition(self, "attribute_not_exists(Nothing)", without=(":since", ":cleared"))
        return _claim(table, call, rates, cleared=cleared)

    patch.setattr(CallTable, "claim", claim)


def _frees_the_slot_before_it_stops(patch: pytest.MonkeyPatch) -> None:
    """Hangs up in the record first: what is not stopped then goes on beside the next call."""

    def hang_up(self: CallControl, user_id: str, contact_id: str) -> None:
        call = self.find(user_id, contact_id)
        if call.ended_at is None or call.ended_by_connect:
            self._calls.end(call, self._now(), hung_up=call.ended_at is None)
        if call.ended_at is None:
            with suppress(ServiceError):
                self._transport.end(call)

    patch.setattr(CallControl, "hang_up", hang_up)


def _same_token_for_the_same_key(patch: pytest.MonkeyPatch) -> None:
    """A key that is used again after its call leads back to the dead contact."""
    patch.setattr(Call, "client_token", property(lambda self: f"{self.user_id} {self.idempotency_key}"))


def _stops_what_is_still_being_started(patch: pytest.MonkeyPatch) -> None:
    """Takes a start that has no answer yet for one that died."""

    def stop(self: ContactEvents, call: Call, event: ContactEvent) -> None:
        if event.ended_at is None and not call.legs.get(event.contact_id) and call.answer is None:
            self._contacts.stop(event.contact_id)

    patch.setattr(ContactEvents, "_stop_if_nobody_can_join", stop)


def _never_stops_after_a_failed_start(patch: pytest.MonkeyPatch) -> None:
    """Leaves a contact to itself that became known only after its start had failed."""
    patch.setattr(ContactEvents, "_stop_if_nobody_can_join", lambda *_: None)


def _new_token_for_the_second_attempt(patch: pytest.MonkeyPatch) -> None:
    """Digits whose answer was lost are typed again."""

    def send(self: CallControl, user_id: str, contact_id: str, digits: str, key: str | None = None) -> None:
        call, answer = self._live(user_id, contact_id)
        self._transport.send_digits(call, answer, digits, client_token=f"{key} {self._now()}")

    patch.setattr(CallControl, "send_digits", send)


def _counts_the_first_contact_alone(patch: pytest.MonkeyPatch) -> None:
    """The end of the contact that was transferred is taken for that of the call."""
    real = contact_events.merge

    def merge(call: Call, event: ContactEvent) -> Call:
        merged = real(call, event)
        first = merged.legs.get(str(call.contact_id)) or None
        return replace(merged, ended_at=first or call.ended_at, ended_by_connect=first is not None)

    patch.setattr(contact_events, "merge", merge)


def _gives_events_up_at_once(patch: pytest.MonkeyPatch) -> None:
    """An event that comes before its call is written is dropped."""

    def handle(self: ContactEvents, event: ContactEvent, *, early_delivery: bool) -> Any:
        try:
            return real(self, event, early_delivery=early_delivery)
        except RetryLater:
            return None

    real = ContactEvents.__call__
    patch.setattr(ContactEvents, "__call__", handle)


def _no_grace_for_transfers(patch: pytest.MonkeyPatch) -> None:
    """The slot is free at the end of a contact whose transfer is not known yet."""
    patch.setattr(Call, "free_at", property(lambda self: self.ended_at))


def _verifies_an_ended_call(patch: pytest.MonkeyPatch) -> None:
    """What was abandoned is verified all the same."""
    real = CallTable.bind

    def bind(self: CallTable, user_id: str, reference: str, contact_id: str, now: int) -> Call | None:
        call = real(self, user_id, reference, contact_id, now)
        return None if call is None else replace(call, ended_at=None)

    patch.setattr(CallTable, "bind", bind)


def _stores_events_over_others(patch: pytest.MonkeyPatch) -> None:
    """What was read is written back, whatever was written meanwhile."""
    real = CallTable.store_events

    def store(self: CallTable, before: Call, after: Call) -> bool:
        return real(_with_condition(self, "#Reference = :reference", without=":old"), before, after)

    patch.setattr(CallTable, "store_events", store)


PLANTED: dict[str, Plant] = {
    "reads before it claims": _reads_before_it_claims,
    "frees the slot before it stops": _frees_the_slot_before_it_stops,
    "same token for the same key": _same_token_for_the_same_key,
    "stops what is still being started": _stops_what_is_still_being_started,
    "never stops after a failed start": _never_stops_after_a_failed_start,
    "new token for the second attempt": _new_token_for_the_second_attempt,
    "counts the first contact alone": _counts_the_first_contact_alone,
    "gives events up at once": _gives_events_up_at_once,
    "no grace for transfers": _no_grace_for_transfers,
    "verifies an ended call": _verifies_an_ended_call,
    "stores an answer after the end": _without("attribute_not_exists(EndedAt) AND ", method="store_answer"),
    "abandons what was answered": _without(" AND attribute_not_exists(Answer)", method="abandon"),
    "binds a second contact": _without(" AND attribute_not_exists(ContactId)", method="bind"),
    "stores events over others": _stores_events_over_others,
}
