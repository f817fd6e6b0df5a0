"""The control endpoints under `/_local/`: see contacts, calls, traces; play agent, customer; inject faults.

    GET    /_local/contacts, /events, /calls, /traces, /recorded   what there is, oldest first
    GET    /_local/contacts/{ContactId}                            one of the contacts
    POST   /_local/contacts/{ContactId}/join                       the customer joins: the flow begins
    POST   /_local/contacts/{ContactId}/events  {"Event": …}       an agent or the customer does something
    POST   /_local/events  {"Detail": {…}}                         a contact event, as Connect publishes it
    POST   /_local/faults  {"Service", "Operation", "Times", …}    calls fail, wait or are answered badly
    DELETE /_local/faults                                          they no longer do
    GET    /_local/behaviours                                      how Connect behaves where that is open
    POST   /_local/behaviours  {"LostCustomer": …}                 it behaves otherwise from now on
    POST   /_local/clock  {"Seconds": …}                           so much time passes for Connect
    GET    /_local/contact-center                                  hours, staffing, room of queues, failures
    POST   /_local/contact-center  {"Hours": {…}, "Queues": {…}}   they are otherwise from now on
    GET    /_local/issuer                                          the local issuer: address and keys
    POST   /_local/issuer/users  {"Email", "Claims": {…}}          somebody signs up with it
    POST   /_local/issuer/rotate  {"Retire": true | false}         it signs with a new key from now on

Requests carry the token of the run: `curl -H @.local/control-header` (`local.access`).

PutEvents refuses the sources of AWS to everybody, as on AWS, so `POST /_local/events` is how a test repeats
an event of a contact, invents one, or lets them come in another order: the detail goes out as it is given,
and moves nothing. `GET /_local/events` has the details of all contact events that went out. The services' own
events can be held back meanwhile by disabling the rule. Service `issuer` has one operation that faults happen
to, `GetKeys`: a request for the issuer's public keys, whoever makes it. A fault is one of `Error` (nothing is
performed), `DelaySeconds`, `Malformed` (the answer loses its objects and lists), `Answer` (this is answered,
however surprising, once the operation was performed).

Independent of MiniStack; `local.emulator.api_calls` reports the functions' calls and takes the faults.
Further lists and routes are added by `add_list` and `add_route`; `local.emulator.media` has some.
"""

import json
from collections import deque
from collections.abc import Callable, Mapping
from enum import StrEnum
from http import HTTPStatus
from typing import Any

from local.emulator.connect.connect import Connect
from local.emulator.connect.contact import ContactEvent, ContactStateError
from local.faults import Fault, read_fault
from local.issuer.issuer import Issuer, TakenError

PREFIX = "/_local/"
MAX_CALLS = 20_000  # kept, newest; so many traces too


class ControlError(Exception):
    """A control request that cannot be done: the HTTP status and what is wrong."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


# The parts of the path after the prefix, and the document that was sent; returns what is answered.
Route = Callable[[list[str], Mapping[str, Any]], Any]


class Control:
    """The state behind the control endpoints.

    `recorded` lists the CloudFormation resources that have no behaviour here.
    """

    def __init__(
        self,
        connect: Connect,
        recorded: Callable[[], list[dict[str, Any]]],
        *,
        issuer: Issuer,
    ) -> None:
        self._connect = connect
        self._issuer = issuer
        self._faults: list[Fault] = []
        self._calls: deque[Mapping[str, Any]] = deque(maxlen=MAX_CALLS)
        self._traces: deque[Mapping[str, Any]] = deque(maxlen=MAX_CALLS)
        self._lists: dict[str, Callable[[], list[Any]]] = {
            "calls": lambda: list(self._calls),
            "contacts": connect.contacts,
            "events": connect.events,
            "recorded": recorded,
            "traces": lambda: list(self._traces),
        }
        self._states: dict[str, Callable[[], Any]] = {
            "behaviours": connect.behaviours.shown,
            "contact-center": connect.center.shown,
            "issuer": issuer.described,
        }
        self._routes: dict[str, Route] = {
            "contact-center": self._set_contact_center,
            "behaviours": self._switch_behaviours,
            "clock": self._put_clock_forward,
            "contacts": self._use_contact,
            "events": self._publish,
            "faults": self._add_fault,
            "issuer": self._use_issuer,
        }

    def add_list(self, name: str, listed: Callable[[], list[Any]]) -> None:
        """Answer `GET /_local/<name>` with a list; ValueError where another is answered there."""
        _add(self._lists, name, listed)

    def add_route(self, name: str, route: Route) -> None:
        """Answer `POST /_local/<name>` and what is below; it raises ControlError. ValueError as above."""
        _add(self._routes, name, route)

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
            case "GET", [state] if state in self._states:
                return self._states[state]()
            case "GET", ["contacts", contact_id]:
                return _done("contact", contact_id, self._connect.contact, refused=ContactStateError)
            case "POST", [name, *_] if name in self._routes:
                return self._routes[name](parts, _read_document(body))
            case "DELETE", ["faults"]:
                self._faults.clear()
                return {}
        raise no_such(method, parts)

    def _use_contact(self, parts: list[str], document: Mapping[str, Any]) -> Any:
        if len(parts) == 3 and parts[2] == "join":
            return _done("contact", parts[1], self._connect.join, refused=ContactStateError)
        happen = event_route("contact", ContactEvent, self._connect.happen, refused=ContactStateError)
        return happen(parts, document)

    def _switch_behaviours(self, _parts: list[str], document: Mapping[str, Any]) -> Any:
        try:
            self._connect.behaviours.switch(document)
        except ValueError as error:
            raise ControlError(HTTPStatus.BAD_REQUEST, str(error)) from None
        return self._connect.behaviours.shown()

    def _put_clock_forward(self, _parts: list[str], document: Mapping[str, Any]) -> Any:
        match document:
            case {"Seconds": int(seconds) | float(seconds)} if seconds > 0 and seconds is not True:
                self._connect.timers.put_forward(seconds)
                return {}
        raise ControlError(HTTPStatus.BAD_REQUEST, "Seconds is not a number above 0")

    def _set_contact_center(self, _parts: list[str], document: Mapping[str, Any]) -> Any:
        try:
            self._connect.center.change(document)
        except ValueError as error:
            raise ControlError(HTTPStatus.BAD_REQUEST, str(error)) from None
        return self._connect.center.shown()

    def _publish(self, _parts: list[str], document: Mapping[str, Any]) -> Any:
        match document:
            case {"Detail": {"eventType": str(), "contactId": str(), "instanceArn": str()} as detail}:
                self._connect.publish(dict(detail))
                return {}
        message = 'Detail is not an object with the texts "eventType", "contactId" and "instanceArn"'
        raise ControlError(HTTPStatus.BAD_REQUEST, message)

    def _add_fault(self, _parts: list[str], document: Mapping[str, Any]) -> Any:
        try:
            self._faults.append(read_fault(document))
        except ValueError as error:
            raise ControlError(HTTPStatus.BAD_REQUEST, str(error)) from None
        return {}

    def _use_issuer(self, parts: list[str], document: Mapping[str, Any]) -> Any:
        match parts[1:], document:
            case ["users"], {"Email": str(email), "Claims": dict(claims)}:
                try:
                    return self._issuer.sign_up(email, claims)
                except TakenError as error:
                    raise ControlError(HTTPStatus.CONFLICT, str(error)) from None
            case ["rotate"], {"Retire": bool(retire)}:
                self._issuer.rotate(retire=retire)
                return self._issuer.described()
        message = 'users take {"Email": text, "Claims": {…}}, rotate takes {"Retire": true or false}'
        raise ControlError(HTTPStatus.BAD_REQUEST, message)


def _add[T](known: dict[str, T], name: str, new: T) -> None:
    if name in known:
        raise ValueError(f"{PREFIX}{name} is taken")
    known[name] = new


def no_such(method: str, parts: list[str]) -> ControlError:
    """The error for a path that is not one."""
    return ControlError(HTTPStatus.NOT_FOUND, f"there is no {method} {PREFIX}{'/'.join(parts)}")


def event_route[E: StrEnum](
    what: str, events: type[E], happen: Callable[[str, E], dict[str, Any]], *, refused: type[Exception]
) -> Route:
    """The route `<name>/{id}/events`: lets an event happen to the `what` of that id.

    `happen` raises KeyError where there is none, and `refused` where the event cannot happen.
    """

    def change(parts: list[str], document: Mapping[str, Any]) -> Any:
        if len(parts) != 3 or parts[2] != "events":
            raise no_such("POST", parts)
        try:
            event = events(document.get("Event", ""))
        except ValueError:
            message = f"Event is {document.get('Event')!r}, not one of {', '.join(events)}"
            raise ControlError(HTTPStatus.BAD_REQUEST, message) from None
        return _done(what, parts[1], lambda id_: happen(id_, event), refused=refused)

    return change


def _done(
    what: str, id_: str, do: Callable[[str], dict[str, Any]], *, refused: type[Exception]
) -> dict[str, Any]:
    """What `do` returns; ControlError where there is no such thing, or it cannot be done to it now."""
    try:
        return do(id_)
    except KeyError:
        raise ControlError(HTTPStatus.NOT_FOUND, f"there is no {what} {id_}") from None
    except refused as error:
        raise ControlError(HTTPStatus.CONFLICT, str(error)) from None


def _read_document(body: bytes) -> Mapping[str, Any]:
    """The JSON object of a body, empty for an empty one; raises ControlError."""
    try:
        document = json.loads(body or b"{}")
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise ControlError(HTTPStatus.BAD_REQUEST, "the body is not a JSON object")
    return document
