"""The bridge's control endpoints under `/_local/`, beside those of `local.emulator.control`.

    GET    /_local/meetings, /sip-calls                            those of the Amazon Chime SDK
    POST   /_local/meetings/{MeetingId}/events  {"Event": …}       the caller's app or Chime does something
    POST   /_local/meeting-events  {"Detail": {…}}                 a meeting's event, as Chime publishes it
    POST   /_local/dial  {"Number": …, "Caller": …}                somebody dials a number of Connect's
    POST   /_local/lines/{LineId}/digits  {"Digits": …}            presses keys
    POST   /_local/lines/{LineId}/events  {"Event": "HungUp"}      or hangs up

A line's id is the id of the contact that the call has become.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from local.emulator.connect.connect import Line
from local.emulator.control import Control, ControlError, event_route, no_such
from local.sip_bridge.connect_numbers import ConnectNumbers
from local.sip_bridge.meetings import MeetingEvent, Meetings, MeetingStateError
from local.sip_bridge.phone_numbers import E164
from local.sip_bridge.sip_calls import SipCalls


class BridgeControl:
    """The state behind these endpoints."""

    def __init__(self, *, meetings: Meetings, calls: SipCalls, numbers: ConnectNumbers) -> None:
        self._meetings = meetings
        self._calls = calls
        self._numbers = numbers
        self._lines: dict[str, Line] = {}

    def add_to(self, control: Control) -> None:
        """Answer these endpoints too."""
        control.add_list("meetings", self._meetings.meetings)
        control.add_list("sip-calls", self._calls.calls)
        control.add_route(
            "meetings",
            event_route("meeting", MeetingEvent, self._meetings.happen, refused=MeetingStateError),
        )
        control.add_route("meeting-events", self._publish)
        control.add_route("dial", self._dial)
        control.add_route("lines", self._use_line)

    def _publish(self, _parts: list[str], document: Mapping[str, Any]) -> Any:
        match document:
            case {"Detail": {"eventType": str(), "meetingId": str()} as detail}:
                self._meetings.publish(dict(detail))
                return {}
        message = 'Detail is not an object with the texts "eventType" and "meetingId"'
        raise ControlError(HTTPStatus.BAD_REQUEST, message)

    def _dial(self, _parts: list[str], document: Mapping[str, Any]) -> Any:
        """Somebody dials one of Connect's numbers, from anywhere and with any caller id."""
        number, caller = str(document.get("Number")), str(document.get("Caller"))
        if not E164.fullmatch(number) or not E164.fullmatch(caller):
            raise ControlError(HTTPStatus.BAD_REQUEST, "Number and Caller are telephone numbers in E.164")
        line = self._numbers.ring(number, caller, lambda: None)
        if line is None:
            raise ControlError(HTTPStatus.NOT_FOUND, f"nobody answers at {number}")
        self._lines[line.id] = line
        return {"LineId": line.id}

    def _use_line(self, parts: list[str], document: Mapping[str, Any]) -> Any:
        line = self._lines.get(parts[1]) if len(parts) == 3 else None
        if line is None:
            raise no_such("POST", parts)
        match parts[2], document:
            case "digits", {"Digits": str(keys)} if keys:
                line.press(keys)
            case "events", {"Event": "HungUp"}:
                line.hang_up()
            case _:
                message = 'digits take {"Digits": text}, events take {"Event": "HungUp"}'
                raise ControlError(HTTPStatus.BAD_REQUEST, message)
        return {}
