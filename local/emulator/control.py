"""The control endpoints under `/_local/`: see contacts, calls, traces; play agent, customer; inject faults.

    GET    /_local/contacts, /events, /calls, /traces, /recorded   what there is, oldest first
    GET    /_local/meetings, /sip-calls                            those of the Amazon Chime SDK
    POST   /_local/contacts/{ContactId}/events  {"Event": …}       an agent or the customer does something
    POST   /_local/meetings/{MeetingId}/events  {"Event": …}       the caller's app or Chime does something
    POST   /_local/dial  {"Number": …, "Caller": …}                somebody dials a number of Connect's
    POST   /_local/lines/{LineId}/digits  {"Digits": …}            presses keys
    POST   /_local/lines/{LineId}/events  {"Event": "HungUp"}      or hangs up
    POST   /_local/events  {"Detail": {…}}                         an event, as Connect or Chime publishes it
    POST   /_local/faults  {"Service", "Operation", "Times", …}    calls fail, wait or are answered badly
    DELETE /_local/faults                                          they no longer do
    GET    /_local/issuer                                          the local issuer: address and keys
    POST   /_local/issuer/users  {"Email", "Claims": {…}}          somebody signs up with it
    POST   /_local/issuer/rotate  {"Retire": true | false}         it signs with a new key from now on

PutEvents refuses the sources aws.connect and aws.chime to everybody, as on AWS, so `POST /_local/events` is
how a test repeats an event of a contact or of a meeting (told by its `meetingId`), invents one, or lets them
come in another order: the detail goes out as it is given, and moves nothing. `GET /_local/events` has the
details of all contact events that went out. The services' own events can be held back meanwhile by disabling
the rule. A line's id is the id of the contact that the call has become. Service `issuer` has one operation
that faults happen to, `GetKeys`: a request for the issuer's public keys, whoever makes it.

Independent of MiniStack; `local.emulator.api_calls` reports the functions' calls and takes the faults.
"""

import json
from collections import deque
from collections.abc import Callable, Mapping
from enum import StrEnum
from http import HTTPStatus
from typing import Any

from local.emulator.connect.connect import Connect, Line
from local.emulator.connect.contact import ContactEvent, ContactStateError
from local.emulator.faults import Fault, read_fault
from local.issuer.issuer import Issuer, TakenError
from local.sip_bridge.meetings import MeetingEvent, Meetings, MeetingStateError
from local.sip_bridge.phone_numbers import E164
from local.sip_bridge.sip_calls import SipCalls

PREFIX = "/_local/"
MOST_CALLS = 20_000  # kept, newest; so many traces too


class ControlError(Exception):
    """A control request that cannot be done: the HTTP status and what is wrong."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


class Control:
    """The state behind the control endpoints.

    `recorded` lists the CloudFormation resources that have no behaviour here.
    """

    def __init__(
        self,
        connect: Connect,
        recorded: Callable[[], list[dict[str, Any]]],
        *,
        meetings: Meetings,
        calls: SipCalls,
        issuer: Issuer,
    ) -> None:
        self._connect = connect
        self._issuer = issuer
        self._meetings = meetings
        self._lines: dict[str, Line] = {}
        self._faults: list[Fault] = []
        self._calls: deque[Mapping[str, Any]] = deque(maxlen=MOST_CALLS)
        self._traces: deque[Mapping[str, Any]] = deque(maxlen=MOST_CALLS)
        self._lists: dict[str, Callable[[], list[Any]]] = {
            "calls": lambda: list(self._calls),
            "contacts": connect.contacts,
            "events": connect.events,
            "meetings": meetings.meetings,
            "sip-calls": calls.calls,
            "recorded": recorded,
            "traces": lambda: list(self._traces),
        }

    def note_call(self, call: Mapping[str, Any]) -> None:
        """Keep an AWS API call that a function made."""
        self._calls.append(call)

    def note_trace(self, segment: Mapping[str, Any]) -> None:
        """Keep a segment that a function sent to the X-Ray daemon."""
        self._traces.append(segment)

    def has_faults(self) -> bool:
        """Whether any fault waits for its call."""
        return bool(self._faults)

    def take_fault(self, service: str, operation: str) -> Fault | None:
        """The fault for a call that is being made; it has one time less to go."""
        for fault in self._faults:
            if (fault.service, fault.operation) == (service, operation):
                fault.times -= 1
                if fault.times == 0:
                    self._faults.remove(fault)
                return fault
        return None

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        """Answer a control request: HTTP status and JSON document."""
        try:
            return HTTPStatus.OK, self._perform(method, path.removeprefix(PREFIX).strip("/").split("/"), body)
        except ControlError as error:
            return error.status, {"message": str(error)}

    def _perform(self, method: str, parts: list[str], body: bytes) -> Any:
        match method, parts:
            case "GET", [listed] if listed in self._lists:
                return {listed.title().replace("-", ""): self._lists[listed]()}
            case "GET", ["issuer"]:
                return self._issuer.described()
            case "POST", [*_]:
                return self._change(parts, _document(body))
            case "DELETE", ["faults"]:
                self._faults.clear()
                return {}
        raise _no_such(method, parts)

    def _change(self, parts: list[str], document: Mapping[str, Any]) -> Any:
        match parts:
            case ["contacts", contact_id, "events"]:
                event = _read_event(ContactEvent, document)
                return _if_possible(lambda: self._connect.happen(contact_id, event), f"contact {contact_id}")
            case ["meetings", meeting_id, "events"]:
                said = _read_event(MeetingEvent, document)
                return _if_possible(lambda: self._meetings.happen(meeting_id, said), f"meeting {meeting_id}")
            case ["lines", line_id, what] if line_id in self._lines:
                return _use_line(self._lines[line_id], what, document)
            case ["dial"]:
                return self._dial(document)
            case ["events"]:
                self._publish(document)
            case ["faults"]:
                self._faults.append(_read_fault(document))
            case ["issuer", what]:
                return self._use_issuer(what, document)
            case _:
                raise _no_such("POST", parts)
        return {}

    def _dial(self, document: Mapping[str, Any]) -> Any:
        """Somebody dials one of Connect's numbers, from anywhere and with any caller id."""
        number, caller = str(document.get("Number")), str(document.get("Caller"))
        if not E164.fullmatch(number) or not E164.fullmatch(caller):
            raise ControlError(HTTPStatus.BAD_REQUEST, "Number and Caller are telephone numbers in E.164")
        line = self._connect.ring(number, caller, lambda: None)
        if line is None:
            raise ControlError(HTTPStatus.NOT_FOUND, f"nobody answers at {number}")
        self._lines[line.id] = line
        return {"LineId": line.id}

    def _use_issuer(self, what: str, document: Mapping[str, Any]) -> Any:
        match what, document:
            case "users", {"Email": str(email), "Claims": dict(claims)}:
                try:
                    return self._issuer.sign_up(email, claims)
                except TakenError as error:
                    raise ControlError(HTTPStatus.CONFLICT, str(error)) from None
            case "rotate", {"Retire": bool(retire)}:
                self._issuer.rotate(retire=retire)
                return self._issuer.described()
        message = 'users take {"Email": text, "Claims": {…}}, rotate takes {"Retire": true or false}'
        raise ControlError(HTTPStatus.BAD_REQUEST, message)

    def _publish(self, document: Mapping[str, Any]) -> None:
        match document:
            case {"Detail": {"eventType": str(), "contactId": str(), "instanceArn": str()} as detail}:
                self._connect.publish(dict(detail))
            case {"Detail": {"eventType": str(), "meetingId": str()} as detail}:
                self._meetings.publish(dict(detail))
            case _:
                message = (
                    'Detail is not an object with the texts "eventType", "contactId" and "instanceArn", or '
                    '"eventType" and "meetingId"'
                )
                raise ControlError(HTTPStatus.BAD_REQUEST, message)


def _no_such(method: str, parts: list[str]) -> ControlError:
    return ControlError(HTTPStatus.NOT_FOUND, f"there is no {method} {PREFIX}{'/'.join(parts)}")


def _use_line(line: Line, what: str, document: Mapping[str, Any]) -> Any:
    match what, document:
        case "digits", {"Digits": str(keys)} if keys:
            line.press(keys)
        case "events", {"Event": "HungUp"}:
            line.hang_up()
        case _:
            message = 'digits take {"Digits": text}, events take {"Event": "HungUp"}'
            raise ControlError(HTTPStatus.BAD_REQUEST, message)
    return {}


def _read_event[E: StrEnum](events: type[E], document: Mapping[str, Any]) -> E:
    try:
        return events(document.get("Event", ""))
    except ValueError:
        message = f"Event is {document.get('Event')!r}, not one of {', '.join(events)}"
        raise ControlError(HTTPStatus.BAD_REQUEST, message) from None


def _if_possible(happen: Callable[[], dict[str, Any]], what: str) -> dict[str, Any]:
    try:
        return happen()
    except KeyError:
        raise ControlError(HTTPStatus.NOT_FOUND, f"there is no {what}") from None
    except (ContactStateError, MeetingStateError) as error:
        raise ControlError(HTTPStatus.CONFLICT, str(error)) from None


def _document(body: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(body or b"{}")
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise ControlError(HTTPStatus.BAD_REQUEST, "the body is not a JSON object")
    return document


def _read_fault(document: Mapping[str, Any]) -> Fault:
    try:
        return read_fault(document)
    except ValueError as error:
        raise ControlError(HTTPStatus.BAD_REQUEST, str(error)) from None
