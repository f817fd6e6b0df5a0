"""Calls of SIP media applications: the Amazon Chime SDK's PSTN audio service, in which nothing is heard.

A call runs in a thread of its own, which alone invokes the application's function, one event after the other,
and does the actions that it answers, one at a time. What happens meanwhile (a leg ends, somebody updates the
call) waits in the call's inbox until the running action is done; a Pause is interrupted. The guide:
"Understanding telephony events", the pages of the actions, and "Timeouts and retries" in the Amazon Chime SDK
developer guide.

Independent of MiniStack, meetings and Amazon Connect: what a call reaches comes as `Network`.

Assumed, because AWS does not say it:

- Join token or meeting of a dialled meeting number are not good: the leg is never answered and ends with 480.
- After INVALID_LAMBDA_RESPONSE, after no answer within 20 s and after failures of the function both legs end,
  the function receives HANGUP, and its responses to that are ignored.
- A list of actions that answers the HANGUP of a leg replaces what was still to be done, an empty one too.
- The rest of a list is dropped when one of its actions fails.
- An action for a leg that has ended fails with InvalidActionParameter.
- A leg's end while CallAndBridge rings is reported after the action's own outcome.

Not emulated: media, RINGING of a bridged leg, the time that tones take (a comma's pause is real), quotas
except that of actions and invocations, call detail records.
"""

import logging
import queue
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NoReturn, Protocol

from local.emulator.connect.contact import now, timestamp
from local.emulator.rest_of_aws import FunctionError
from local.emulator.time_limit import within
from local.sip_bridge.phone_numbers import MEETING_NUMBER
from local.sip_bridge.sip_actions import (
    DEFAULT_TIMEOUT,
    Action,
    ActionFailedError,
    Answer,
    InvalidAnswerError,
    check,
    read_answer,
    read_attributes,
    whole_number,
)

RETRY_AFTER = 5.0  # seconds without an answer
HANG_UP_AFTER = 20.0  # seconds without an answer
MAX_ATTEMPTS = 2  # of an invocation that fails
MAX_INVOCATIONS = 1000  # of one call
MAX_RING_SECONDS = 2.0  # seconds: nobody wants to wait for CallTimeoutSeconds here
COMMA_SECONDS = 0.5
MAX_CALLS = 200  # at a time; each has a thread

NORMAL, UNAVAILABLE = 0, 480  # SIP response codes of a leg's end

_log = logging.getLogger("local.sip_calls")


class FarEnd(Protocol):
    """What a leg is connected with."""

    @property
    def id(self) -> str:
        """The attendee or the contact that the leg is there."""

    def press(self, keys: str) -> None:
        """Hear the keys that are sent to it."""

    def hang_up(self) -> None:
        """The leg has ended on this side."""


class Network(Protocol):
    """What a call reaches."""

    def invoke(self, application_arn: str, function_arn: str, event: Mapping[str, Any]) -> object:
        """Invoke a function as voiceconnector.chime.amazonaws.com; raises FunctionError."""

    def join_meeting(self, meeting_id: str, join_token: str, over: Callable[[], None]) -> FarEnd | None:
        """Join a meeting with an attendee's token; None where that is not good. `over` when it is over."""

    def ring(self, number: str, caller: str, over: Callable[[], None]) -> FarEnd | str:
        """Dial a number of the telephone network, or why nobody answers there."""

    def ring_through(
        self, voice_connector_arn: str, user: str, caller: str, over: Callable[[], None]
    ) -> FarEnd | str:
        """Dial through a Voice Connector, or why nobody answers there. Raises ActionFailedError where there
        is no such Voice Connector.
        """

    def owns(self, number: str) -> bool:
        """Whether the account has the number in its inventory."""


@dataclass(frozen=True)
class Application:
    """The SIP media application of a call, as it was when the call began."""

    id: str
    arn: str
    function_arn: str
    region: str
    account: str


@dataclass
class Leg:
    """One end of a call."""

    tag: str
    to: str
    caller: str
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    started: datetime = field(default_factory=now)
    status: str | None = None  # Connected, Disconnected; none before it is answered
    response_code: int | None = None
    far_end: FarEnd | None = None

    @property
    def is_up(self) -> bool:
        """Whether it has not ended."""
        return self.status != "Disconnected"

    def participant(self) -> dict[str, Any]:
        """As an event describes it."""
        described = {
            "CallId": self.id,
            "ParticipantTag": self.tag,
            "To": self.to,
            "From": self.caller,
            "Direction": "Outbound",
            "StartTimeInMilliseconds": str(round(self.started.timestamp() * 1000)),
        }
        return described | ({"Status": self.status} if self.status else {})


@dataclass(frozen=True)
class _LegEnded:
    leg: Leg


@dataclass(frozen=True)
class _UpdateRequested:
    arguments: Mapping[str, str]


class _CallOverError(Exception):
    """The function can no longer say how the call goes on."""


class SipCalls:
    """All calls; `start` begins one."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._calls: dict[str, SipCall] = {}
        self._lock = threading.Lock()

    def start(
        self,
        application: Application,
        *,
        caller: str,
        to: str,
        headers: Mapping[str, str],
        arguments: Mapping[str, str],
    ) -> str | None:
        """Begin a call; its transaction id, or None where there are as many calls as there can be."""
        with self._lock:
            if sum(call.is_active for call in self._calls.values()) >= MAX_CALLS:
                return None
            call = SipCall(self._network, application, Leg("LEG-A", to, caller), headers, arguments)
            self._calls[call.transaction_id] = call
        threading.Thread(target=call.run, name=f"sip-call-{call.transaction_id}", daemon=True).start()
        return call.transaction_id

    def update(self, application_id: str, transaction_id: str, arguments: Mapping[str, str]) -> bool:
        """Request other actions from the function of a call; False where no such call is under way."""
        call = self._calls.get(transaction_id)
        if call is None or call.application.id != application_id or not call.is_active:
            return False
        call.inbox.put(_UpdateRequested(dict(arguments)))
        return True

    def calls(self) -> list[dict[str, Any]]:
        """Every call, oldest first, as the control endpoint shows it."""
        with self._lock:
            return [call.shown() for call in self._calls.values()]


class SipCall:
    """One call, from its dial to the end of its last leg."""

    def __init__(
        self,
        network: Network,
        application: Application,
        first: Leg,
        headers: Mapping[str, str],
        arguments: Mapping[str, str],
    ) -> None:
        self.transaction_id = str(uuid.uuid4())
        self.application = application
        self.inbox: queue.Queue[_LegEnded | _UpdateRequested] = queue.Queue()
        self.is_active = True
        self._network = network
        self._headers = {name.lower(): value for name, value in headers.items()}
        self._arguments = dict(arguments)
        self._legs = [first]
        self._attributes: Mapping[str, str] = {}
        self._pending: deque[Action] = deque()
        self._sequence = 0
        self._meeting_id = self._headers.get("x-chime-meeting-id") if first.to == MEETING_NUMBER else None
        self._invocations: list[dict[str, Any]] = []
        self._started = now()
        self._lock = threading.Lock()

    def run(self) -> None:
        """Dial, and do what the function says until no leg is up."""
        try:
            self._dial()
            while any(leg.is_up for leg in self._legs) or not self.inbox.empty():
                self._go_on()
        except _CallOverError:
            self._tear_down()
        except Exception:  # noqa: BLE001 whatever it is, nobody else would hear of it in this thread
            _log.exception("the call %s failed", self.transaction_id)
            self._tear_down()
        finally:
            self.is_active = False

    def shown(self) -> dict[str, Any]:
        """As the control endpoint shows it."""
        return {
            "TransactionId": self.transaction_id,
            "SipMediaApplicationId": self.application.id,
            "MeetingId": self._meeting_id,
            "State": "active" if self.is_active else "ended",
            "Legs": [
                {
                    **leg.participant(),
                    "SipResponseCode": leg.response_code,
                    "FarEnd": leg.far_end and leg.far_end.id,
                }
                for leg in list(self._legs)
            ],
            "Invocations": list(self._invocations),
            "StartedAt": timestamp(self._started),
        }

    # Dialling

    def _dial(self) -> None:
        first = self._legs[0]
        arguments = {"Type": "CreateSipMediaApplicationCall", "Parameters": {"Arguments": self._arguments}}
        self._notify("NEW_OUTBOUND_CALL", arguments)
        if not self._connect_first(first):
            self._end(first, UNAVAILABLE)
            return
        self._notify("RINGING")
        if first.is_up:  # it may have ended meanwhile, as a meeting may
            first.status = "Connected"
            self._adopt(self._invoke("CALL_ANSWERED"))

    def _connect_first(self, leg: Leg) -> bool:
        def over() -> None:
            self._end(leg, NORMAL)

        if leg.to == MEETING_NUMBER:
            token = self._headers.get("x-chime-join-token", "")
            leg.far_end = self._network.join_meeting(self._meeting_id or "", token, over)
        else:
            rung = self._network.ring(leg.to, leg.caller, over)
            leg.far_end = None if isinstance(rung, str) else rung
        return leg.far_end is not None

    def _end(self, leg: Leg, response_code: int) -> None:
        """Note a leg's end, whoever ended it; only the first time counts."""
        with self._lock:
            if not leg.is_up:
                return
            leg.status, leg.response_code = "Disconnected", response_code
        self.inbox.put(_LegEnded(leg))

    # What happens, and what is done about it

    def _go_on(self) -> None:
        """The next thing that has happened; if nothing has, the next action; else wait."""
        try:
            self._take(self.inbox.get(block=not self._pending))
        except queue.Empty:
            action = self._pending.popleft()
            self._perform(action)

    def _take(self, happened: _LegEnded | _UpdateRequested) -> bool:
        """Invoke the function; True if it answers with a list of actions, which replaces the present one."""
        if isinstance(happened, _LegEnded):
            leg = happened.leg
            parameters = {
                "SipResponseCode": leg.response_code,
                "CallId": leg.id,
                "ParticipantTag": leg.tag,
            }
            answer = self._invoke("HANGUP", {"Type": "Hangup", "Parameters": parameters})
        elif not any(leg.is_up for leg in self._legs):
            return False  # too late
        else:
            request = {"Type": "CallUpdateRequest", "Parameters": {"Arguments": happened.arguments}}
            answer = self._invoke("CALL_UPDATE_REQUESTED", request)
        return self._adopt(answer)

    def _adopt(self, answer: Answer) -> bool:
        if answer.attributes is not None:
            self._attributes = answer.attributes
        if answer.actions is None:
            return False
        self._pending = deque(answer.actions)
        return True

    def _perform(self, action: Action) -> None:
        parameters = dict(action.parameters)
        try:
            check(action)
            leg = self._leg_of(parameters)
            parameters.setdefault("CallId", leg.id)
            done = getattr(self, _METHODS[action.type])(leg, action.parameters)
        except ActionFailedError as error:
            self._pending.clear()
            data = {"Type": action.type, "Parameters": parameters}
            failure = {"ErrorType": error.error_type, "ErrorMessage": error.message}
            self._adopt(self._invoke("ACTION_FAILED", data | failure, why=str(error)))
            return
        if done and (not self._pending or action.type == "JoinChimeMeeting"):
            data = {"Type": action.type, "Parameters": parameters}
            self._adopt(self._invoke("ACTION_SUCCESSFUL", data))

    def _leg_of(self, parameters: Mapping[str, Any]) -> Leg:
        """The leg that an action is about: by call id, by tag, or the first one that is up."""
        call_id, tag = parameters.get("CallId"), parameters.get("ParticipantTag")
        for leg in self._legs:
            is_meant = leg.id == call_id if call_id else leg.tag == tag if tag else leg.is_up
            if is_meant and leg.is_up:
                return leg
        raise ActionFailedError("InvalidActionParameter", "The CallId parameter is invalid.")

    # Actions: True where the function is invoked once it is done

    def _hang_up(self, leg: Leg, _parameters: Mapping[str, Any]) -> bool:
        with self._lock:
            if not leg.is_up:
                return False
            leg.status, leg.response_code = "Disconnected", NORMAL
        if leg.far_end:
            leg.far_end.hang_up()
        self._take(_LegEnded(leg))
        return False

    def _pause(self, _leg: Leg, parameters: Mapping[str, Any]) -> bool:
        until = time.monotonic() + int(parameters["DurationInMilliseconds"]) / 1000
        while (left := until - time.monotonic()) > 0:
            try:
                happened = self.inbox.get(timeout=left)
            except queue.Empty:
                break
            if self._take(happened):
                self._notify("ACTION_INTERRUPTED", {"Type": "Pause", "Parameters": dict(parameters)})
                return False
        return True

    def _send_digits(self, leg: Leg, parameters: Mapping[str, Any]) -> bool:
        for number, keys in enumerate(parameters["Digits"].split(",")):
            if number:
                time.sleep(COMMA_SECONDS)
            if not leg.is_up or leg.far_end is None:
                raise ActionFailedError("SystemException", "System error while running action", "no such leg")
            if keys:
                leg.far_end.press(keys)
        return True

    def _join_chime_meeting(self, leg: Leg, parameters: Mapping[str, Any]) -> bool:
        if len(self._legs) > 1:
            message = "JoinChimeMeeting cannot be done on a bridged call."
            raise ActionFailedError("InvalidActionParameter", message)
        other = Leg("LEG-B", MEETING_NUMBER, "SMA")
        other.far_end = self._network.join_meeting(
            parameters["MeetingId"], parameters["JoinToken"], lambda: self._end(other, NORMAL)
        )
        if other.far_end is None:
            raise ActionFailedError("InvalidActionParameter", "JoinToken parameter value is invalid.")
        other.status = "Connected"
        self._meeting_id = parameters["MeetingId"]
        self._legs.append(other)
        return leg.is_up

    def _call_and_bridge(self, leg: Leg, parameters: Mapping[str, Any]) -> bool:
        caller, endpoint = parameters["CallerIdNumber"], parameters["Endpoints"][0]
        if caller != leg.caller and not self._network.owns(caller):
            message = (
                "Provided caller ID number is invalid. Number must be owned by this AWS account, or be the "
                "From number of LEG-A."
            )
            raise ActionFailedError("InvalidActionParameter", message)
        if len(self._legs) > 1:
            raise ActionFailedError("SystemException", "System error while running action", "bridged already")
        other = Leg("LEG-B", endpoint["Uri"], caller)

        def over() -> None:
            self._end(other, NORMAL)

        if endpoint["BridgeEndpointType"] == "AWS":
            rung = self._network.ring_through(endpoint["Arn"], other.to, caller, over)
        else:
            rung = self._network.ring(other.to, caller, over)
        if isinstance(rung, str):
            seconds = whole_number(parameters.get("CallTimeoutSeconds", DEFAULT_TIMEOUT), 1, 120)
            time.sleep(min(float(seconds or DEFAULT_TIMEOUT), MAX_RING_SECONDS))
            raise ActionFailedError("CallNotAnswered", "Call not answered", rung)
        other.far_end = rung
        with self._lock:
            other.status = other.status or "Connected"
        self._legs.append(other)
        return True

    # The function

    def _notify(self, event_type: str, data: Mapping[str, Any] | None = None) -> None:
        """Invoke for an event whose answer's actions are ignored; its attributes are kept."""
        answer = self._answer(self._event(event_type, data))
        try:
            given = answer.get("TransactionAttributes") if isinstance(answer, dict) else None
            attributes = read_attributes(given)
        except InvalidAnswerError as error:
            self._refuse(error)
        if attributes is not None:
            self._attributes = attributes

    def _invoke(
        self, event_type: str, data: Mapping[str, Any] | None = None, *, why: str | None = None
    ) -> Answer:
        """What the function says to an event. Raises _CallOverError where that is nothing to go on with."""
        answer = self._answer(self._event(event_type, data), why=why)
        try:
            return read_answer(answer)
        except InvalidAnswerError as error:
            self._refuse(error)

    def _refuse(self, error: InvalidAnswerError) -> NoReturn:
        event = self._event("INVALID_LAMBDA_RESPONSE", None)
        self._answer(event | {"ErrorType": error.error_type, "ErrorMessage": error.message})
        raise _CallOverError(str(error))

    def _event(self, event_type: str, data: Mapping[str, Any] | None) -> dict[str, Any]:
        self._sequence += 1
        return {
            "SchemaVersion": "1.0",
            "Sequence": self._sequence,
            "InvocationEventType": event_type,
            **({"ActionData": dict(data)} if data else {}),
            "CallDetails": {
                "TransactionId": self.transaction_id,
                "AwsAccountId": self.application.account,
                "AwsRegion": self.application.region,
                "SipMediaApplicationId": self.application.id,
                "TransactionAttributes": dict(self._attributes),
                "Participants": [leg.participant() for leg in self._legs],
            },
        }

    def _answer(self, event: Mapping[str, Any], *, why: str | None = None) -> object:
        """Invoke as often as the service does; raises _CallOverError where there is no answer in the end."""
        if self._sequence > MAX_INVOCATIONS:
            raise _CallOverError(f"{MAX_INVOCATIONS} invocations of one call")
        noted: dict[str, Any] = {
            "Sequence": event["Sequence"],
            "InvocationEventType": event["InvocationEventType"],
            "ActionData": event.get("ActionData"),
            "Why": why,
            "Time": timestamp(now()),
        }
        self._invocations.append(noted)
        try:
            answer = self._attempts(event)
        except _CallOverError as error:
            noted["Error"] = str(error)
            raise
        noted["Answer"] = answer
        return answer

    def _attempts(self, event: Mapping[str, Any]) -> object:
        began = time.monotonic()
        arn, function_arn = self.application.arn, self.application.function_arn
        failure = "client operation timed out"
        for attempt in range(1, MAX_ATTEMPTS + 1):
            left = HANG_UP_AFTER - (time.monotonic() - began)
            try:
                return within(
                    left if attempt == MAX_ATTEMPTS else min(RETRY_AFTER, left),
                    lambda: self._network.invoke(arn, function_arn, event),
                )
            except TimeoutError:
                failure = "client operation timed out"
            except FunctionError as error:
                failure = str(error)
                if not error.is_worth_a_retry:
                    break
        raise _CallOverError(failure)

    def _tear_down(self) -> None:
        """End all legs, and invoke the function, which can change nothing any more."""
        for leg in self._legs:
            self._end(leg, UNAVAILABLE)
            if leg.far_end:
                leg.far_end.hang_up()
        while not self.inbox.empty():
            try:
                self._take(self.inbox.get())
            except _CallOverError:
                return


_METHODS = {
    "CallAndBridge": "_call_and_bridge",
    "Hangup": "_hang_up",
    "JoinChimeMeeting": "_join_chime_meeting",
    "Pause": "_pause",
    "SendDigits": "_send_digits",
}
