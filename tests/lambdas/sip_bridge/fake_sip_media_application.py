"""The SIP media application and the meetings of the Chime SDK, as their documentation describes them.

`FakeSipMediaApplication` is one phone call: two legs, the list of actions that are still to be carried out,
and the TransactionAttributes. It invokes a function for each event and does what the answer says. `conforms`
holds the documented form of answers and actions, written down without a look at the function.
"""

import copy
import json
import os
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from botocore.awsrequest import AWSResponse

VOICE_CONNECTOR_ARN = "arn:aws:chime:us-east-1:111122223333:vc/abcdefghijklmnopqrstu"
os.environ.setdefault("VOICE_CONNECTOR_ARN", VOICE_CONNECTOR_ARN)
os.environ.setdefault("CALLER_NUMBER", "+12065550177")
VOICE_CONNECTOR_ARN = os.environ["VOICE_CONNECTOR_ARN"]
CALLER_NUMBER = os.environ["CALLER_NUMBER"]

_E164 = r"\+[1-9][0-9]{1,14}"
_IGNORED = {"NEW_OUTBOUND_CALL", "RINGING", "ACTION_INTERRUPTED"}


class _NoBody:
    def stream(self, *_: object, **__: object) -> list[bytes]:
        return [b"{}"]


@dataclass
class FakeMeetings:
    """Meetings that go on, behind a botocore client."""

    going_on: set[str] = field(default_factory=set)
    sent: list[str] = field(default_factory=list)
    """Every meeting that DeleteMeeting was requested for."""
    deleted: list[str] = field(default_factory=list)
    """Those that it has deleted."""
    faults: list[int | Exception] = field(default_factory=list)
    """HTTP statuses or errors, answered or raised first."""
    on_end: Callable[[str], None] = lambda _: None

    def attach(self, client: Any) -> None:
        client.meta.events.register_first("before-send.chime-sdk-meetings.DeleteMeeting", self._receive)

    def detach(self, client: Any) -> None:
        client.meta.events.unregister("before-send.chime-sdk-meetings.DeleteMeeting", self._receive)

    def end(self, meeting_id: str) -> bool:
        if meeting_id not in self.going_on:
            return False
        self.going_on.remove(meeting_id)
        self.on_end(meeting_id)
        return True

    def _receive(self, request: Any, **_: object) -> AWSResponse:
        meeting_id = unquote(request.url.rpartition("/")[2])
        self.sent.append(meeting_id)
        headers: Any = {"Content-Type": "application/json"}
        status = 204
        if self.faults:
            fault = self.faults.pop(0)
            if isinstance(fault, Exception):
                raise fault
            status = fault
        elif self.end(meeting_id):
            self.deleted.append(meeting_id)
        else:
            status = 404
            headers["x-amzn-ErrorType"] = "NotFoundException"
        body: Any = _NoBody()
        return AWSResponse(request.url, status, headers, body)


@dataclass(frozen=True, kw_only=True)
class Quirks:
    """Ways in which the documentation's samples differ from its reference, and from each other."""

    app_id: str = "SipMediaApplicationId"
    event_type: str = "InvocationEventType"
    tag_b: str = "LEG-B"
    tells_status: bool = True
    """Whether a leg that is up has a Status."""
    status_of_who_hung_up: str | None = "Disconnected"
    """In the event of it; afterwards it is always Disconnected."""
    hangup_type: str = "Hangup"
    hangup_names: tuple[str, ...] = ("CallId", "ParticipantTag")
    lists_ringing: bool = True
    """Whether a leg that rings is among the participants."""
    confirms_hangup: bool = False
    """Whether a Hangup that was carried out has an event of success too."""


@dataclass
class FakeLeg:
    """One end of the call: ringing, connected or disconnected."""

    call_id: str
    tag: str
    state: str = "ringing"

    @property
    def is_up(self) -> bool:
        return self.state != "disconnected"


class FakeSipMediaApplication:
    """A call that CreateSipMediaApplicationCall has begun."""

    def __init__(
        self,
        invoke: Callable[[dict[str, Any]], dict[str, Any]],
        arguments: dict[str, str],
        meetings: FakeMeetings,
        quirks: Quirks,
        check: Callable[[dict[str, Any], dict[str, Any]], None],
    ) -> None:
        """`check` is given every event with its answer."""
        self._invoke = invoke
        self._check = check
        self._meetings = meetings
        self._quirks = quirks
        self.meeting_id = arguments["MeetingId"]
        self.legs = {"LEG-A": FakeLeg("call-a", "LEG-A")}
        self.attributes: dict[str, str] = {}
        self.pending: list[dict[str, Any]] = []
        self.running: dict[str, Any] | None = None
        """The action that has begun: a new list replaces those that are pending, never this one."""
        self.heard: list[str] = []
        """The digits that Connect has got."""
        self.has_ended = False
        """Whether anything happened that ends the call."""
        self.repeats = 0
        """How many of the next events come twice, since their first answer came too late."""
        self._dropped: deque[FakeLeg] = deque()
        self._sequence = 0
        meetings.going_on.add(self.meeting_id)
        meetings.on_end = lambda _: self._dropped.append(self.legs["LEG-A"])
        parameters = {"Parameters": {"Arguments": arguments}, "Type": "CallCreateRequest"}
        self._send("NEW_OUTBOUND_CALL", parameters)
        self._send("RINGING", {})

    def happen(self, what: str) -> None:
        """Something happens, if it can."""
        getattr(self, f"_{what}")()
        self._drop()

    def settle(self) -> None:
        """Everything that is under way comes to its end, without further faults."""
        for _ in range(50):
            self._drop()
            if not self.running:
                return
            if self._rings:
                self._connect_answers()
            else:
                self._run()
        raise AssertionError("The call never comes to rest.")

    def update(self, arguments: dict[str, Any]) -> None:
        if any(leg.is_up for leg in self.legs.values()):
            action = {"Type": "CallUpdateRequest", "Parameters": {"Arguments": arguments}}
            self._send("CALL_UPDATE_REQUESTED", action)

    @property
    def up(self) -> list[str]:
        return [tag for tag, leg in self.legs.items() if leg.is_up]

    def _meeting_answers(self) -> None:
        if self.legs["LEG-A"].state == "ringing":
            self.legs["LEG-A"].state = "connected"
            self._send("CALL_ANSWERED", {})

    def _meeting_leg_hangs_up(self) -> None:
        self._end_leg(self.legs["LEG-A"], 0)

    def _connect_answers(self) -> None:
        if self._rings:
            self.legs["LEG-B"].state = "connected"
            self._succeed()

    def _connect_does_not_answer(self) -> None:
        if self._rings:
            self.legs["LEG-B"].state = "disconnected"
            self._fail("CallNotAnswered")

    def _connect_hangs_up(self) -> None:
        if "LEG-B" in self.legs and self.legs["LEG-B"].state == "connected":
            self._end_leg(self.legs["LEG-B"], 0)

    def _meeting_ends(self) -> None:
        self._meetings.end(self.meeting_id)

    def _run(self) -> None:
        """The action that has begun is carried out; Connect's phone goes on ringing."""
        if not self.running or self._rings:
            return
        parameters = self.running["Parameters"]
        match self.running["Type"]:
            case "Hangup":
                leg = self._named(parameters)
                if leg is None or not leg.is_up:
                    self._fail("InvalidActionParameter")
                    return
                self.running["Parameters"] = parameters | {"CallId": leg.call_id}
                self._end_leg(leg, int(parameters["SipResponseCode"]))
                if self._quirks.confirms_hangup:
                    self._succeed()
                else:
                    self.running = None
                    self._next()
            case "CallAndBridge":
                assert "LEG-B" not in self.legs, "bridged twice"
                self.legs["LEG-B"] = FakeLeg("call-b", "LEG-B")
            case "SendDigits":
                leg = self._named(parameters)
                if leg is None or leg.state != "connected":
                    self._fail("InvalidActionParameter")
                    return
                assert leg.tag == "LEG-B", "digits into the meeting"
                self.heard.append(parameters["Digits"])
                self._succeed()

    def _action_fails(self) -> None:
        if self.running and not self._rings:
            self._fail("SystemException")

    def _answer_is_invalid(self) -> None:
        if self.up:
            self.has_ended = True
            self._send("INVALID_LAMBDA_RESPONSE", {}, ErrorType="Invalid", ErrorMessage="SECRET-MESSAGE")

    def _something_is_said(self) -> None:
        if self.up:
            self._send("DIGITS_RECEIVED", {"Type": "ReceiveDigits", "ReceivedDigits": "11#"})
            self._send("ACTION_INTERRUPTED", {"Type": "Pause", "Parameters": {}})
            self._send("SOMETHING_NEW", {})

    def _event_is_late(self) -> None:
        self.repeats = 1

    @property
    def _rings(self) -> bool:
        is_bridging = self.running is not None and self.running["Type"] == "CallAndBridge"
        return is_bridging and "LEG-B" in self.legs

    def _named(self, parameters: dict[str, Any]) -> FakeLeg | None:
        if "CallId" in parameters:
            legs = [leg for leg in self.legs.values() if leg.call_id == parameters["CallId"]]
            return legs[0] if legs else None
        return self.legs.get(parameters.get("ParticipantTag", "LEG-A"))

    def _drop(self) -> None:
        """A meeting that has ended drops its phone leg."""
        while self._dropped:
            self.has_ended = True
            self._end_leg(self._dropped.popleft(), 0)

    def _end_leg(self, leg: FakeLeg, sip_response_code: int) -> None:
        if not leg.is_up:
            return
        self.has_ended = True
        leg.state = "disconnected"
        names = {"CallId": leg.call_id, "ParticipantTag": self._tag(leg)}
        parameters = {name: names[name] for name in self._quirks.hangup_names}
        if self._quirks.hangup_type == "Hangup":
            parameters["SipResponseCode"] = sip_response_code  # type: ignore[assignment]
        action = {"Type": self._quirks.hangup_type, "Parameters": parameters}
        if not self.up:
            self.running, self.pending = None, []  # the call is over
        self._send("HANGUP", action, hung_up=leg)

    def _succeed(self) -> None:
        action, self.running = self.running, None
        if action and not self.pending:
            self._send("ACTION_SUCCESSFUL", action)
        self._next()

    def _fail(self, error_type: str) -> None:
        self.has_ended = True
        action, self.running, self.pending = self.running, None, []
        assert action
        if self.up:
            reported = {"ErrorType": error_type, "ErrorMessage": "SECRET-MESSAGE"}
            self._send("ACTION_FAILED", {**action, **reported})

    def _next(self) -> None:
        if not self.running and self.pending:
            self.running = self.pending.pop(0)

    def _send(
        self, event_type: str, action: dict[str, Any], *, hung_up: FakeLeg | None = None, **more: str
    ) -> None:
        self._sequence += 1
        participants = [
            self._participant(leg, leg is hung_up)
            for leg in self.legs.values()
            if self._quirks.lists_ringing or leg.tag == "LEG-A" or leg.state != "ringing"
        ]
        event = {
            "SchemaVersion": "1.0",
            "Sequence": self._sequence,
            self._quirks.event_type: event_type,
            "ActionData": action,
            "CallDetails": {
                "TransactionId": "72cbec69-f098-45d8-9ad6-e26cb9af663a",
                "AwsAccountId": "111122223333",
                "AwsRegion": "us-east-1",
                self._quirks.app_id: "feb3b25c-0bc2-4c9b-ae02-ba29bd3b4e4c",
                "TransactionAttributes": dict(self.attributes),
                "Participants": participants,
            },
            **more,
        }
        if not self.attributes:
            del event["CallDetails"]["TransactionAttributes"]  # type: ignore[attr-defined]
        answer = self._invoke(event)
        self._check(event, answer)
        if self.repeats:
            self.repeats = 0
            answer = self._invoke(event)
            self._check(event, answer)
        self.attributes = answer.get("TransactionAttributes", self.attributes)
        if event_type not in _IGNORED and self.up:
            self.pending = copy.deepcopy(answer["Actions"])
            self._next()

    def _participant(self, leg: FakeLeg, has_just_hung_up: bool) -> dict[str, Any]:
        status = "Connected" if leg.state == "connected" and self._quirks.tells_status else None
        if not leg.is_up:
            status = self._quirks.status_of_who_hung_up if has_just_hung_up else "Disconnected"
        reported = {
            "CallId": leg.call_id,
            "ParticipantTag": self._tag(leg),
            "To": "+12065550199",
            "From": "SMA",
            "Direction": "Outbound",
            "StartTimeInMilliseconds": "1641998241509",
            "SipHeaders": {"X-chime-join-token": "SECRET-JOIN-TOKEN"},
        }
        return reported if status is None else reported | {"Status": status}

    def _tag(self, leg: FakeLeg) -> str:
        return self._quirks.tag_b if leg.tag == "LEG-B" else leg.tag


def conforms(answer: Any) -> None:
    """Fails if an answer is not of the documented form."""
    assert json.loads(json.dumps(answer)) == answer
    assert set(answer) - {"TransactionAttributes"} == {"SchemaVersion", "Actions"}
    assert answer["SchemaVersion"] == "1.0"
    assert isinstance(answer["Actions"], list)
    assert len(answer["Actions"]) <= 10
    attributes = answer.get("TransactionAttributes", {"any": "thing"})
    assert 1 <= len(attributes) <= 10
    assert all(isinstance(part, str) for pair in attributes.items() for part in pair)
    assert len(json.dumps(attributes)) <= 20_000
    for action in answer["Actions"]:
        assert set(action) == {"Type", "Parameters"}
        _ACTIONS[action["Type"]](dict(action["Parameters"]))


def _is_hangup(parameters: dict[str, Any]) -> None:
    assert parameters.pop("SipResponseCode") in {"0", "480", "486"}
    if "CallId" in parameters:
        _is_text(parameters.pop("CallId"))
    if "ParticipantTag" in parameters:
        assert parameters.pop("ParticipantTag") in {"LEG-A", "LEG-B"}
    assert not parameters


def _is_send_digits(parameters: dict[str, Any]) -> None:
    _is_text(parameters.pop("CallId"))
    assert re.fullmatch(r"[0-9*#A-D,]{1,50}", parameters.pop("Digits"))
    tone = parameters.pop("ToneDurationInMilliseconds")
    assert type(tone) is int
    assert 50 <= tone <= 24_000
    assert not parameters


def _is_call_and_bridge(parameters: dict[str, Any]) -> None:
    timeout = parameters.pop("CallTimeoutSeconds")
    assert type(timeout) is int
    assert 1 <= timeout <= 120
    assert parameters.pop("CallerIdNumber") == CALLER_NUMBER
    (endpoint,) = parameters.pop("Endpoints")
    assert set(endpoint) == {"BridgeEndpointType", "Arn", "Uri"}
    assert endpoint["BridgeEndpointType"] == "AWS"
    assert endpoint["Arn"] == VOICE_CONNECTOR_ARN
    assert re.fullmatch(_E164, endpoint["Uri"], re.ASCII)
    headers = parameters.pop("SipHeaders", {"x-any": "thing"})
    assert headers
    for name, value in headers.items():
        assert re.fullmatch(r"x-[a-z0-9_.-]+", name, re.ASCII | re.IGNORECASE)
        assert re.fullmatch(r"[!-~]{1,255}", value)
    assert sum(len(name) + len(value) for name, value in headers.items()) <= 2048
    assert not parameters


def _is_text(value: Any) -> None:
    assert isinstance(value, str)
    assert value


_ACTIONS: dict[str, Callable[[dict[str, Any]], None]] = {
    "Hangup": _is_hangup,
    "SendDigits": _is_send_digits,
    "CallAndBridge": _is_call_and_bridge,
}
