"""A phone call of the SIP media application: two legs, and the function that leads it.

As the documentation describes it: the function's answer replaces the actions that have not begun. An event
that is not answered within 5 seconds comes again, and after 20 seconds the call is over; so it is when the
function has failed twice.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.simulation.sip_bridge.contact_center import Meeting, PhoneContact
    from tests.simulation.sip_bridge.simulation import BridgedSimulation

_MEETING_ANSWERS_AFTER = (800, 0, 5_000, -1)
_CONNECT_ANSWERS_AFTER = (1_500, 0, 12_000, -1)
"""Milliseconds; the last: never."""
_RINGS_FOR = 30_000
_COMES_AGAIN_AFTER, _GIVEN_UP_AFTER = 5_000, 20_000
_PER_DIGIT = 300
_COMMA = 500
_IGNORED = {"NEW_OUTBOUND_CALL", "RINGING"}


@dataclass
class _Leg:
    call_id: str
    tag: str
    state: str = "ringing"


@dataclass
class _Question:
    """An event, sent until the function has answered. `done` gets None when it never has."""

    simulation: BridgedSimulation
    name: str
    user: str
    event: dict[str, Any]
    done: Callable[[dict[str, Any] | None], None]
    _failures: int = 0
    _is_done: bool = False

    def ask(self) -> None:
        self._invoke("")
        self.simulation.after(_COMES_AGAIN_AFTER, lambda: self._invoke(" late"))
        self.simulation.after(_GIVEN_UP_AFTER, lambda: self._end(None))

    def _invoke(self, again: str) -> None:
        if not self._is_done:
            self.simulation.functions.lead_call(f"{self.name}{again}", self.user, self.event, self._answered)

    def _answered(self, answer: dict[str, Any] | None) -> None:
        if answer is None and not self._failures:
            self._failures += 1
            self._invoke(" again")
        else:
            self._end(answer)

    def _end(self, answer: dict[str, Any] | None) -> None:
        if not self._is_done:
            self._is_done = True
            self.done(answer)


class PhoneCall:
    """A call that CreateSipMediaApplicationCall has begun."""

    def __init__(
        self, simulation: BridgedSimulation, transaction_id: str, meeting: Meeting, arguments: dict[str, str]
    ) -> None:
        self._simulation = simulation
        self.transaction_id = transaction_id
        self.meeting = meeting
        self._arguments = arguments
        self.contact: PhoneContact | None = None
        self._legs = {"LEG-A": _Leg(f"{transaction_id}-a", "LEG-A")}
        self._attributes: dict[str, str] = {}
        self._pending: list[dict[str, Any]] = []
        self._running: dict[str, Any] | None = None
        self._events: deque[tuple[str, dict[str, Any], _Leg | None]] = deque()
        self._is_asking = False
        self._sequence = 0

    @property
    def is_up(self) -> bool:
        return any(leg.state != "down" for leg in self._legs.values())

    @property
    def is_in_meeting(self) -> bool:
        return self._legs["LEG-A"].state == "up"

    def begin(self) -> None:
        """The meetings' number is dialled."""
        arguments = {"Parameters": {"Arguments": self._arguments}, "Type": "CallCreateRequest"}
        self._tell("NEW_OUTBOUND_CALL", arguments)
        after = self._choose("the meeting answers", _MEETING_ANSWERS_AFTER)
        self._simulation.after(_RINGS_FOR if after < 0 else after, partial(self._meeting_answers, after >= 0))

    def update(self, arguments: dict[str, Any]) -> None:
        """UpdateSipMediaApplicationCall."""
        self._tell(
            "CALL_UPDATE_REQUESTED", {"Type": "CallUpdateRequest", "Parameters": {"Arguments": arguments}}
        )

    def meeting_drops(self) -> None:
        """The meeting is over."""
        self._end(self._legs["LEG-A"])

    def connect_hangs_up(self) -> None:
        """The contact is over."""
        if (leg := self._legs.get("LEG-B")) is not None:
            self._end(leg)

    def _meeting_answers(self, answers: bool) -> None:
        leg = self._legs["LEG-A"]
        if leg.state != "ringing":
            return
        if not answers or self.meeting.ended_at is not None:
            self._end(leg)
            return
        leg.state = "up"
        self._simulation.contact_center.tell(self.meeting, "AttendeeJoined", "phone-agent")
        self._tell("CALL_ANSWERED", {})

    # The function.

    def _tell(self, event_type: str, action: dict[str, Any], hung_up: _Leg | None = None) -> None:
        self._events.append((event_type, action, hung_up))
        self._ask()

    def _ask(self) -> None:
        """Sends the next event, once the one before is answered."""
        if self._is_asking or not self._events:
            return
        event_type, action, hung_up = self._events.popleft()
        self._is_asking = True
        self._sequence += 1
        event = self._event(event_type, action, hung_up)
        name = f"{self.transaction_id} {event_type} #{self._sequence}"

        def done(answer: dict[str, Any] | None) -> None:
            self._is_asking = False
            if answer is None:
                self._give_up()
            else:
                self._carry_out(event_type, answer)
                self._ask()

        _Question(self._simulation, name, str(self.meeting.user), event, done).ask()

    def _give_up(self) -> None:
        self._simulation.note(lambda: f"{self.transaction_id} is given up")
        self._running, self._pending = None, []
        self._events.clear()
        for leg in self._legs.values():
            self._end(leg, is_told=False)

    def _event(self, event_type: str, action: dict[str, Any], hung_up: _Leg | None) -> dict[str, Any]:
        details: dict[str, Any] = {
            "TransactionId": self.transaction_id,
            "AwsAccountId": "111122223333",
            "AwsRegion": "us-east-1",
            "SipMediaApplicationId": "feb3b25c-0bc2-4c9b-ae02-ba29bd3b4e4c",
            "Participants": [self._participant(leg) for leg in self._legs.values()],
        }
        if self._attributes:
            details["TransactionAttributes"] = dict(self._attributes)
        if hung_up is not None:
            names = {"CallId": hung_up.call_id, "ParticipantTag": hung_up.tag, "SipResponseCode": 0}
            action = {"Type": "Hangup", "Parameters": names}
        return {
            "SchemaVersion": "1.0",
            "Sequence": self._sequence,
            "InvocationEventType": event_type,
            "ActionData": action,
            "CallDetails": details,
        }

    @staticmethod
    def _participant(leg: _Leg) -> dict[str, Any]:
        status = {"up": {"Status": "Connected"}, "down": {"Status": "Disconnected"}}.get(leg.state, {})
        return {"CallId": leg.call_id, "ParticipantTag": leg.tag, "Direction": "Outbound", **status}

    def _carry_out(self, event_type: str, answer: dict[str, Any]) -> None:
        self._attributes = answer.get("TransactionAttributes", self._attributes)
        if event_type not in _IGNORED and self.is_up:
            self._pending = [dict(action) for action in answer["Actions"]]
            self._next()

    # Its actions, one after the other.

    def _next(self) -> None:
        if self._running is not None or not self._pending:
            return
        action = self._running = self._pending.pop(0)
        parameters = action["Parameters"]
        match action["Type"]:
            case "Hangup":
                leg = self._named(parameters)
                if leg is None or leg.state == "down":
                    self._fail(action, "InvalidActionParameter")
                    return
                self._running = None
                self._end(leg)
                self._next()
            case "CallAndBridge":
                leg = self._legs["LEG-B"] = _Leg(f"{self.transaction_id}-b", "LEG-B")
                after = self._choose("Connect answers", _CONNECT_ANSWERS_AFTER)
                wait = _RINGS_FOR if after < 0 else after
                self._simulation.after(wait, partial(self._connect_answers, action, leg, after >= 0))
            case "SendDigits":
                leg = self._named(parameters)
                if leg is None or leg.state != "up":
                    self._fail(action, "InvalidActionParameter")
                    return
                digits = parameters["Digits"].replace(",", "")
                lasts = _PER_DIGIT * len(digits) + _COMMA * parameters["Digits"].count(",")
                self._simulation.after(lasts, partial(self._sent, action, leg, digits))

    def _connect_answers(self, action: dict[str, Any], leg: _Leg, answers: bool) -> None:
        if leg.state != "ringing":
            return
        if not answers:
            leg.state = "down"
            self._fail(action, "CallNotAnswered")
            return
        leg.state = "up"
        self.contact = self._simulation.contact_center.take_in(self)
        self._succeed(action)

    def _sent(self, action: dict[str, Any], leg: _Leg, digits: str) -> None:
        if self._running is not action:
            return
        if leg.state == "up" and self.contact is not None:
            self._simulation.contact_center.key_in(self.contact, digits)
        self._succeed(action)

    def _succeed(self, action: dict[str, Any]) -> None:
        if self._running is action:
            self._running = None
            if not self._pending:
                self._tell("ACTION_SUCCESSFUL", action)
            self._next()

    def _fail(self, action: dict[str, Any], error_type: str) -> None:
        self._running, self._pending = None, []
        if self.is_up:
            self._tell("ACTION_FAILED", {**action, "ErrorType": error_type, "ErrorMessage": "failed"})

    def _named(self, parameters: dict[str, Any]) -> _Leg | None:
        legs = [leg for leg in self._legs.values() if leg.call_id == parameters.get("CallId")]
        return legs[0] if legs else self._legs.get(parameters.get("ParticipantTag", "LEG-A"))

    def _end(self, leg: _Leg, *, is_told: bool = True) -> None:
        if leg.state == "down":
            return
        was_up, leg.state = leg.state == "up", "down"
        if not self.is_up:
            self._running, self._pending = None, []
        elif self._running is not None and self._running["Type"] == "CallAndBridge" and leg.tag == "LEG-B":
            self._running = None
        if is_told:
            self._tell("HANGUP", {}, leg)
        center = self._simulation.contact_center
        if leg.tag == "LEG-A" and was_up:
            center.tell(self.meeting, "AttendeeLeft", "phone-agent")
        if leg.tag == "LEG-B" and self.contact is not None:
            center.end(self.contact.last, "CUSTOMER_DISCONNECT")

    def _choose(self, what: str, values: tuple[int, ...]) -> int:
        return values[self._simulation.decide(f"{self.transaction_id} {what}", len(values), 0.3)]
