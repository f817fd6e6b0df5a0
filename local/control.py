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

PutEvents refuses the sources aws.connect and aws.chime to everybody, as on AWS, so `POST /_local/events` is
how a test repeats an event of a contact or of a meeting (told by its `meetingId`), invents one, or lets them
come in another order: the detail goes out as it is given, and moves nothing. `GET /_local/events` has the
details of all contact events that went out. The services' own events can be held back meanwhile by disabling
the rule. A line's id is the id of the contact that the call has become.

Knows nothing of MiniStack; `local.server` reports the functions' calls to it and asks it about faults.
"""

import functools
import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Any

import botocore.exceptions
import botocore.session

from local.connect import Connect, Line
from local.contact import ContactEvent, ContactStateError
from local.meetings import MeetingEvent, Meetings, MeetingStateError
from local.phone_numbers import E164
from local.sip_calls import SipCalls

PREFIX = "/_local/"
MOST_CALLS = 20_000  # kept, newest; so many traces too


class ControlError(Exception):
    """A control request that cannot be done: the HTTP status and what is wrong."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class Fault:
    """What the next calls of one operation get instead of, or besides, its answer."""

    service: str
    operation: str
    times: int
    code: str | None = None  # with `status`: an error is answered, nothing is performed
    status: int = 400
    delay_seconds: float = 0.0  # the operation is performed after it
    malformed: bool = False  # the operation is performed, its answer loses all members but plain values

    def error_answer(self) -> tuple[int, dict[str, str], bytes]:
        """The error as both JSON protocols of AWS spell it."""
        headers = {"Content-Type": "application/json", "x-amzn-ErrorType": str(self.code)}
        document = {"__type": self.code, "message": "Injected by /_local/faults."}
        return self.status, headers, json.dumps(document).encode()

    def spoil(self, body: bytes) -> bytes:
        """An answer's body without its objects and lists: it parses, and lacks what a client needs."""
        document = json.loads(body or b"{}")
        return json.dumps(
            {name: value for name, value in document.items() if not isinstance(value, dict | list)}
        ).encode()


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
    ) -> None:
        self._connect = connect
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
    """A fault from its document; ControlError for a typo, which would be a fault that never comes."""
    service, operation = str(document.get("Service")), str(document.get("Operation"))
    if operation not in _operations(service):
        message = f"{service}:{operation} is no operation of a service that speaks JSON"
        raise ControlError(HTTPStatus.BAD_REQUEST, message)
    effects = document.keys() - {"Service", "Operation", "Times"}
    times = document.get("Times", 1)
    if not isinstance(times, int) or times < 1:
        raise ControlError(HTTPStatus.BAD_REQUEST, f"Times is {times!r}, not a number of 1 or more")
    fault = Fault(service, operation, times)
    match document:
        case {"Error": {"Code": str(code), "Status": int(status)}} if (
            effects == {"Error"} and 400 <= status <= 599
        ):
            fault.code, fault.status = code, status
        case {"DelaySeconds": int(seconds) | float(seconds)} if effects == {"DelaySeconds"} and seconds >= 0:
            fault.delay_seconds = seconds
        case {"Malformed": True} if effects == {"Malformed"}:
            fault.malformed = True
        case _:
            raise ControlError(HTTPStatus.BAD_REQUEST, _EFFECTS)
    return fault


_EFFECTS = (
    'exactly one of "Error": {"Code": text, "Status": 400 to 599}, "DelaySeconds": 0 or more, '
    '"Malformed": true'
)


@functools.cache
def _operations(service: str) -> frozenset[str]:
    """The operations of a service of a JSON protocol, none for any other."""
    try:
        model = botocore.session.get_session().get_service_model(service)
    except botocore.exceptions.UnknownServiceError:
        return frozenset()
    speaks_json = model.metadata.get("protocol") in {"json", "rest-json"}
    return frozenset(model.operation_names) if speaks_json else frozenset()
