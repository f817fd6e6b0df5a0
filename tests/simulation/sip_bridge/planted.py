"""Known faults, planted into the bridge: the simulation is worth what it finds of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from call_control.domain import CallControl
from sip_bridge import transport
from sip_bridge.media_application import domain, handler
from sip_bridge.meeting_events import Happening, MeetingEvent
from sip_bridge.phone_calls import PhoneCalls
from sip_bridge.transport import SipBridge

Plant = Callable[[pytest.MonkeyPatch], None]


def _leaves_a_transferred_call(patch: pytest.MonkeyPatch) -> None:
    """Ends nothing of a call that Connect is said to have ended, though the event of a transfer may come."""

    def hang_up(self: CallControl, user_id: str, contact_id: str) -> None:
        call = self.find(user_id, contact_id)
        if call.ended_at is None:
            self._transport.end(call)
        if call.ended_at is None or call.ended_by_connect:
            self._calls.end(call, self._now(), hung_up=call.ended_at is None)

    patch.setattr(CallControl, "hang_up", hang_up)


def _leaves_the_meeting_of_a_failed_start(patch: pytest.MonkeyPatch) -> None:
    """Ends the record alone."""

    def end(self: SipBridge, call: Any) -> None:
        self._bridged_calls.end(call.reference, call.user_id, self._now())

    patch.setattr(SipBridge, "end", end)


def _repeats_the_code(patch: pytest.MonkeyPatch) -> None:
    """An event that comes again has the code typed again."""
    real = domain._go_on

    def go_on(event: Any, bridge: Any) -> Any:
        if event.event_type == "ACTION_SUCCESSFUL" and event.action_type in {"CallAndBridge", "SendDigits"}:
            return domain._send_code(_with_digits_key(event, "nothing"))
        return real(event, bridge)

    patch.setattr(domain, "_go_on", go_on)


def _with_digits_key(event: Any, value: str) -> Any:
    event.attributes["DigitsKey"] = value
    return event


def _types_digits_again(patch: pytest.MonkeyPatch) -> None:
    """A repeated key press is another one."""
    real = PhoneCalls.send_digits
    numbers = iter(range(1_000_000))

    def send(self: PhoneCalls, transaction_id: str, digits: str, *, client_token: str) -> None:
        real(self, transaction_id, digits, client_token=f"{next(numbers):016x}".ljust(64, "0"))

    patch.setattr(PhoneCalls, "send_digits", send)


def _ends_no_other_leg(patch: pytest.MonkeyPatch) -> None:
    """One leg's end is left to end the other."""
    patch.setattr(
        domain, "_end", lambda event, **_: domain.Answer(attributes=domain._attributes(event.attributes))
    )


def _takes_a_drop_for_an_end(patch: pytest.MonkeyPatch) -> None:
    """Deletes the meeting of whoever was dropped, though the app has come back since."""

    def is_lost(bridged: Any, event: MeetingEvent) -> bool:
        return event.happening in {Happening.CALLER_DROPPED, Happening.CALLER_LEFT, Happening.PHONE_GONE}

    patch.setattr(transport, "_is_lost", is_lost)


def _verifies_by_the_code_alone(patch: pytest.MonkeyPatch) -> None:
    """Takes the contact that comes later for the call, too."""
    real = SipBridge.read_credential

    def read(self: SipBridge, event: Mapping[str, Any]) -> Any:
        credential = real(self, event)
        if credential is None:
            return None
        call = self._native._calls.find(credential.user_id, self._now())  # type: ignore[attr-defined]
        return replace(credential, contact_id=call.contact_id or credential.contact_id)

    patch.setattr(SipBridge, "read_credential", read)


def _deletes_no_meeting(patch: pytest.MonkeyPatch) -> None:
    """The media application hangs up its legs alone."""
    patch.setattr(handler, "_delete", lambda _: None)
    patch.setattr(transport, "_is_lost", lambda *_: False)


PLANTED: dict[str, Plant] = {
    "leaves a transferred call": _leaves_a_transferred_call,
    "leaves the meeting of a failed start": _leaves_the_meeting_of_a_failed_start,
    "repeats the code": _repeats_the_code,
    "types digits again": _types_digits_again,
    "ends no other leg": _ends_no_other_leg,
    "takes a drop for an end": _takes_a_drop_for_an_end,
    "verifies by the code alone": _verifies_by_the_code_alone,
    "deletes no meeting": _deletes_no_meeting,
}
