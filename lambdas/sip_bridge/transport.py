"""The transport over the SIP bridge: a meeting, into which a phone call brings Amazon Connect.

A start takes these steps:

1. CreateMeetingWithAttendees: one place for the app, one for the phone call.
2. `BridgedCalls.store`, before anything is dialled: whoever ends a crashed start finds the meeting. Of a
   start that was ended before this step nothing is stored, and nothing is dialled.
3. CreateSipMediaApplicationCall. It has no token of idempotency, so a start that crashed is never repeated.
4. `BridgedCalls.store_phone_call`. Until then the phone call ends with its meeting alone.

A meeting that nobody joins is ended by Chime itself after five minutes.
"""

import json
import os
import re
import secrets
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from runtime import aws
from runtime.errors import AnswerIncomplete, ServiceError, Unavailable

from calls import webrtc
from calls.contact_event import INBOUND, ContactEvent, read_contact_event
from calls.errors import CallEnded, InvalidRequest, NotPossibleNow, RetryLater, Violation
from calls.interfaces import Calls, CallTransport, Credential, Function
from calls.join_answer import to_start_call_response
from calls.record import Call, now
from calls.start_call_request import StartCallRequest, check_contact_size
from sip_bridge.bridged_calls import BridgedCall, BridgedCalls
from sip_bridge.meeting_events import Happening, MeetingEvent, read_meeting_event
from sip_bridge.meetings import CALLER, PHONE, Meetings
from sip_bridge.phone_calls import PhoneCalls
from sip_bridge.sip_arguments import dial_arguments
from sip_bridge.sip_headers import sip_headers

NAME = "sip_bridge"

MAX_FLOW_ANSWER_BYTES = 32_000
"""Of JSON. Connect takes at most 32 kB from a flow's Lambda function."""

_CODE_DIGITS = 12
# Where nothing was keyed in, Connect puts words.
_CODE = re.compile(r"[0-9]{12}", re.ASCII)
# The far end rings for 30 s at most, and the code takes some seconds more.
_COMES_THROUGH_WITHIN = 60_000  # milliseconds

# The app may still come, or come back: it has until the third delivery of the event, some minutes.
_MAY_PASS = frozenset({Happening.CALLER_DROPPED, Happening.PHONE_JOINED})


@dataclass(frozen=True, kw_only=True)
class BridgeSettings:
    """What calls go over the bridge with; a request has no say in any of it. Numbers are E.164.

    Each function has those that it needs.
    """

    caller_number: str = ""
    connect_number: str = ""
    external_meeting_id: str = ""
    """The external id of all meetings of this deployment."""
    header_names: Mapping[str, str] = field(default_factory=dict)
    """Caller attribute to the SIP header that carries it."""
    attributes: frozenset[str] = frozenset()
    """The names of attributes that a caller may set."""
    flow_bytes: int = 0
    """The size of the attributes that contact flows set beside those of this backend."""

    @classmethod
    def read(cls, function: Function, environment: Mapping[str, str]) -> "BridgeSettings":
        """Raises `KeyError` or `ValueError` on a missing or malformed variable."""
        match function:
            case "start_call":
                return cls(
                    caller_number=environment["CALLER_NUMBER"],
                    connect_number=environment["CONNECT_NUMBER"],
                    external_meeting_id=environment["EXTERNAL_MEETING_ID"],
                    header_names=json.loads(environment["SIP_HEADERS"]),
                    attributes=frozenset(json.loads(environment["CALLER_ATTRIBUTES"])),
                    flow_bytes=int(environment.get("FLOW_ATTRIBUTES_BYTES", "0")),
                )
            case "caller_context":
                return cls(connect_number=environment["CONNECT_NUMBER"])
            case "contact_events":
                return cls(external_meeting_id=environment["EXTERNAL_MEETING_ID"])
            case _:
                return cls()


def create_transport(function: Function, *, calls: Calls, dynamodb: Any) -> "SipBridge":
    """See `calls.transport.CreateTransport`."""
    max_call_seconds = int(os.environ["LONGEST_CALL_SECONDS"]) if function == "start_call" else 0
    meetings: Any = None
    phone_calls: Any = None
    if function != "caller_context":
        # A start over the bridge makes more requests than a native one, so it can wait less for each.
        meetings = Meetings(aws.client("chime-sdk-meetings", read_timeout=2))
    if function in {"start_call", "call_control"}:
        # A repeated request to dial would be a second phone call.
        voice = aws.client("chime-sdk-voice", repeats=function != "start_call")
        phone_calls = PhoneCalls(voice, os.environ["SIP_MEDIA_APPLICATION_ID"])
    return SipBridge(
        native=webrtc.create_transport(function, calls=calls, dynamodb=dynamodb),
        bridged_calls=BridgedCalls(
            dynamodb, os.environ["BRIDGED_CALLS_TABLE"], max_call_seconds=max_call_seconds
        ),
        meetings=meetings,
        phone_calls=phone_calls,
        settings=BridgeSettings.read(function, os.environ),
        now=now,
        instance_arn=os.environ["CONNECT_INSTANCE_ARN"],
    )


class SipBridge:
    """A `CallTransport`: a meeting and a phone call, whose contact Connect has once it answers the call.

    Calls of the native transport, from before the bridge was switched on, stay with that one.
    """

    name = NAME
    can_repeat = False

    def __init__(
        self,
        *,
        native: CallTransport,
        bridged_calls: BridgedCalls,
        meetings: Meetings,
        phone_calls: PhoneCalls,
        settings: BridgeSettings,
        now: Callable[[], int],
        instance_arn: str,
    ) -> None:
        """`now` returns the time in milliseconds since the epoch."""
        self._native = native
        self._bridged_calls = bridged_calls
        self._meetings = meetings
        self._phone_calls = phone_calls
        self._settings = settings
        self._now = now
        self._instance_arn = instance_arn
        self.media_region = native.media_region

    def prepare(self, context: Mapping[str, str], request: StartCallRequest) -> str:
        """A code of random digits, since it reaches Connect as digits."""
        code = "".join(secrets.choice("0123456789") for _ in range(_CODE_DIGITS))
        attributes = self._attributes(request)
        check_contact_size(
            replace(request, attributes=attributes), context, code, flow_bytes=self._settings.flow_bytes
        )
        for_flow = {
            **_for_flow(attributes, request.contact_flow_arn),
            **context,
            "came_back": "false",
            "auth_status": "verified",
        }
        answer = json.dumps(for_flow, ensure_ascii=False)
        if len(answer.encode()) >= MAX_FLOW_ANSWER_BYTES:
            raise InvalidRequest(
                Violation(
                    "/Attributes",
                    f"All attributes of a call hold less than {MAX_FLOW_ANSWER_BYTES:,} bytes as JSON.",
                )
            )
        sip_headers(request.attributes, self._settings.header_names)
        return code

    def start(self, call: Call, request: StartCallRequest) -> tuple[Call, Mapping[str, Any]]:
        """`call` with its meeting's id, and the answer for the app.

        Raises a `ServiceError`, and then the meeting is deleted if that could be done.
        """
        answer = self._meetings.create(
            # A new one each time: with that of a start that failed, Chime would find its deleted meeting.
            client_token=uuid.uuid4().hex,
            media_region=self.media_region,
            external_meeting_id=self._settings.external_meeting_id,
        )
        meeting_id = (answer.get("Meeting") or {}).get("MeetingId")
        if not isinstance(meeting_id, str) or not meeting_id:
            raise AnswerIncomplete("The contact center did not say how to join the call. Try again.")
        try:
            joinable = self._bring_connect(call, request, meeting_id, answer)
        except Exception:
            # A failure of this is counted and logged where it is raised.
            with suppress(ServiceError):
                self._meetings.delete(meeting_id)
            raise
        return replace(call, call_id=meeting_id), joinable

    def end(self, call: Call) -> None:
        """Ends the meeting, and the contact or else the phone call.

        Each step is tried even if one before it failed, since any of them alone ends most of the call. The
        first failure is raised in the end, so that the caller of this tries again.
        """
        if self._is_native(call):
            self._native.end(call)
            return
        failures = []
        # The id of an answered call is that of its meeting, which can so be deleted when the table fails.
        meeting_id, transaction_id = call.call_id, None
        try:
            bridged = self._bridged_calls.end(call.reference, call.user_id, self._now())
            if bridged is not None:
                meeting_id, transaction_id = bridged.meeting_id or meeting_id, bridged.transaction_id
        except ServiceError as failure:
            failures.append(failure)
        steps: list[Callable[[], None]] = []
        if meeting_id is not None:
            steps.append(lambda: self._meetings.delete(meeting_id))
        # The phone call ends with its contact. After a transfer that has none: StopContact would refuse.
        if call.contact_id in call.open_contacts:
            steps.append(lambda: self._native.end(call))
        elif transaction_id is not None:
            steps.append(lambda: self._phone_calls.hang_up(transaction_id))
        for step in steps:
            try:
                step()
            except ServiceError as failure:
                failures.append(failure)
        if failures:
            raise failures[0]

    def rejoin(self, call: Call, answer: Mapping[str, Any]) -> Mapping[str, Any]:
        """What the app had, as long as the meeting has a place for it; afterwards another place in it."""
        if self._is_native(call):
            return self._native.rejoin(call, answer)
        connection = answer["ConnectionData"]
        meeting_id = connection["Meeting"]["MeetingId"]
        if self._meetings.has_attendee(meeting_id, connection["Attendee"]["AttendeeId"]):
            return answer
        try:
            caller = self._meetings.create_caller(meeting_id)
        except CallEnded:
            # What is left of the call has nobody to talk to.
            with suppress(ServiceError):
                self.end(call)
            raise
        attendee = {"AttendeeId": caller.attendee_id, "JoinToken": caller.join_token}
        return {
            **answer,
            "ConnectionData": {**connection, "Attendee": attendee},
            "ParticipantId": caller.attendee_id,
            "ParticipantToken": caller.join_token,
        }

    def send_digits(self, call: Call, answer: Mapping[str, Any], digits: str, *, client_token: str) -> None:
        """Has the phone call type the digits, once its code has been taken: until then it types that.

        A code that was not heard is not waited for: that call goes on, unverified.

        Raises `CallEnded` or `NotPossibleNow` too.
        """
        if self._is_native(call):
            self._native.send_digits(call, answer, digits, client_token=client_token)
            return
        if call.contact_id is None and self._now() < call.started_at + _COMES_THROUGH_WITHIN:
            raise NotPossibleNow("The call has not come through yet. Try again.", retry_after=1)
        bridged = self._bridged_calls.find(call.reference)
        if bridged is None or bridged.transaction_id is None:
            raise CallEnded
        self._phone_calls.send_digits(bridged.transaction_id, digits, client_token=client_token)

    def read_credential(self, event: Mapping[str, Any]) -> Credential | None:
        """The code that a phone call to the bridge's number keys in, once.

        The bridge's flow then sets the attributes that any other contact carries, for the flows that follow.
        """
        details = event.get("Details", {})
        contact = details.get("ContactData", {})
        if contact.get("InitiationMethod") != INBOUND:
            return self._native.read_credential(event)
        if (contact.get("SystemEndpoint") or {}).get("Address") != self._settings.connect_number:
            return None
        code = (details.get("Parameters") or {}).get("Code")
        if code is None:
            return webrtc.read_attributes(event, self._instance_arn, {INBOUND})
        contact_id = contact.get("InitialContactId") or contact.get("ContactId")
        if contact.get("InstanceARN") != self._instance_arn or not contact_id or not _CODE.fullmatch(code):
            return None
        bridged = self._bridged_calls.find(code)
        if bridged is None:
            return None
        return Credential(
            user_id=bridged.user_id,
            reference=code,
            contact_id=contact_id,
            attributes=_for_flow(bridged.caller_attributes, bridged.contact_flow_arn),
        )

    def read_event(self, envelope: Mapping[str, Any], *, early_delivery: bool) -> ContactEvent | None:
        """A contact event of Connect, or the end of a meeting. Deletes a meeting that has lost its caller or
        its phone call.

        Amazon Connect notices a caller who goes away; a phone call in a meeting notices nothing. So when the
        app has left for good, never came, or lost its phone call, the meeting is deleted: that drops the
        phone call, and Connect sends the end of its contact. The end of the meeting counts only of a call
        that has not reached Connect.
        """
        if envelope["source"] != "aws.chime":
            return read_contact_event(envelope, by_phone=True)
        event = read_meeting_event(envelope, self._settings.external_meeting_id)
        if event is None:
            return None
        bridged = self._bridged_calls.find_by_meeting(event.meeting_id)
        if event.happening in {Happening.ENDED, Happening.CALLER_JOINED}:
            if bridged is not None:
                return self._noted(bridged, event)
            if early_delivery:
                raise RetryLater  # the meeting may not have been stored yet
        elif _is_lost(bridged, event):
            if early_delivery and event.happening in _MAY_PASS:
                raise RetryLater
            self._meetings.delete(event.meeting_id)
        return None

    def _is_native(self, call: Call) -> bool:
        return call.transport == self._native.name

    def _attributes(self, request: StartCallRequest) -> dict[str, str]:
        # A flow fails on an attribute that is absent: what may be sent and was not is empty.
        return {name: request.attributes.get(name, "") for name in sorted(self._settings.attributes)}

    def _bring_connect(
        self, call: Call, request: StartCallRequest, meeting_id: str, answer: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """Brings Connect into a meeting, once the app is known to be able to join it; the app's answer."""
        attendees = {each.get("ExternalUserId"): each for each in answer.get("Attendees") or ()}
        caller, phone = attendees.get(CALLER) or {}, attendees.get(PHONE) or {}
        joinable = to_start_call_response(
            {
                "ConnectionData": {"Attendee": caller, "Meeting": answer.get("Meeting")},
                "ContactId": meeting_id,
                "ParticipantId": caller.get("AttendeeId"),
                "ParticipantToken": caller.get("JoinToken"),
            },
            self.media_region,
        )
        join_token = phone.get("JoinToken")
        if not join_token:
            raise AnswerIncomplete("The contact center cannot join the call. Try again.")
        bridged = BridgedCall(
            reference=call.reference,
            user_id=call.user_id,
            meeting_id=meeting_id,
            contact_flow_arn=request.contact_flow_arn,
            caller_attributes=self._attributes(request),
        )
        if not self._bridged_calls.store(bridged, self._now()):
            raise Unavailable("The call ended before it could be joined. Try again.")
        transaction_id = self._phone_calls.dial(
            caller_number=self._settings.caller_number,
            meeting_id=meeting_id,
            join_token=join_token,
            arguments=dial_arguments(
                meeting_id,
                call.reference,
                self._settings.connect_number,
                sip_headers(request.attributes, self._settings.header_names),
            ),
        )
        if not self._bridged_calls.store_phone_call(replace(bridged, transaction_id=transaction_id)):
            raise Unavailable("The call ended before it could be joined. Try again.")
        return joinable

    def _noted(self, bridged: BridgedCall, event: MeetingEvent) -> ContactEvent | None:
        if event.happening is Happening.CALLER_JOINED:
            self._bridged_calls.store_joined(bridged, event.happened_at)
            return None
        return ContactEvent(
            contact_id=event.meeting_id,
            call_contact_id=event.meeting_id,
            ended_at=event.happened_at,
            user_id=bridged.user_id,
            reference=bridged.reference,
        )


def _for_flow(attributes: Mapping[str, str], contact_flow_arn: str) -> dict[str, str]:
    """What the bridge's contact flow sets, and the flow that it passes the contact on to: that comes last, so
    nothing that a caller sends can replace it.
    """
    return {**attributes, "contact_flow_arn": contact_flow_arn}


def _is_lost(bridged: BridgedCall | None, event: MeetingEvent) -> bool:
    """Whether the meeting has nobody to talk to after an event. Events come in any order, and late."""
    joined_at = None if bridged is None else bridged.joined_at
    if event.happening is Happening.PHONE_GONE or joined_at is None:
        return True
    return event.happening is not Happening.PHONE_JOINED and joined_at <= event.happened_at
