"""All that calls go through, with a clock that the test moves."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from call_control.bridge import Bridge as BridgeControl
from call_control.domain import CallControl
from call_control.webrtc import WebRtcContacts as WebRtcControl
from caller_context.domain import read_presented, verify
from calls.connect import ConnectInstance
from calls.contact_event import read_event
from calls.participant_service import ParticipantService
from calls.record import Call, Rate
from calls.table import CallTable
from calls.webrtc import WebRtcContacts as WebRtcStart
from contact_events.domain import ContactEvents, EndedCall
from sip_bridge.meeting_events import MeetingEvents
from sip_bridge.meetings import Meetings
from sip_bridge.phone_calls import SipMediaApplication
from sip_bridge.transport import Bridge as BridgeStart
from start_call.caller import Caller
from start_call.domain import StartCall, StartedCall, CallLimits
from start_call.request import StartCallRequest
from start_call.settings import BridgeSettings
from tests.lambdas.conftest import FLOW_ARN, INSTANCE_ARN, TABLE
from tests.lambdas.events import (
    CONNECT_NUMBER,
    EXTERNAL_MEETING_ID,
    START,
    bridge_flow_event,
    contact_event,
    meeting_event,
)
from tests.lambdas.fake_aws import shared_client
from tests.lambdas.fake_connect import FakeConnect
from tests.lambdas.sip_bridge.fake_chime import APPLICATION_ID, FakeChime, FakePhoneCall

ADA = Caller(
    user_id="user-1",
    display_name="Ada",
    context={
        "customer_id": "user-1",
        "auth_time": "1790000000",
        "customer_email": "ada@example.com",
        "tier": "",
    },
    auth_time=1_790_000_000,
)
TERMS = CallLimits(
    replay_seconds=600,
    reference_seconds=300,
    start_lease_seconds=40,
    max_call_seconds=7200,
    rates=(Rate(calls=3, seconds=60), Rate(calls=5, seconds=86_400)),
)

BRIDGE = BridgeSettings(
    sip_media_application_id=APPLICATION_ID,
    caller_number="+12065550100",
    connect_number=CONNECT_NUMBER,
    external_meeting_id=EXTERNAL_MEETING_ID,
    sip_headers={"order_id": "X-Order-Id"},
    attributes=frozenset({"order_id", "page"}),
)


class Crash(BaseException):
    """The function dies: nothing after this runs."""


class Backend:
    """The functions' domains and adapters over one table and one Connect."""

    def __init__(self, dynamodb: Any) -> None:
        self.connect = FakeConnect()
        self.now = START
        self.table = CallTable(dynamodb, TABLE, retention_seconds=TERMS.max_call_seconds)
        self.instance = ConnectInstance(self.connect.attach(shared_client("connect")), INSTANCE_ARN)
        self.participants = ParticipantService(
            self.connect.attach(shared_client("connectparticipant", signed=False))
        )
        self.start_call = StartCall(self.table, WebRtcStart(self.instance), TERMS, self.time)
        self.call_control = CallControl(
            self.table,
            WebRtcControl(self.table, self.instance, self.participants, self.time),
            self.time,
        )
        self.contact_events = ContactEvents(self.table, self.instance, self.time)

    def time(self) -> int:
        return self.now

    def call(self, key: str | None = "tap", caller: Caller = ADA, **request: Any) -> StartedCall:
        return self.start_call(
            caller, StartCallRequest(**{"contact_flow_arn": FLOW_ARN, **request}, idempotency_key=key)
        )

    def end(self, caller: Caller = ADA) -> None:
        self.table.end(self.record(caller.user_id), self.now)

    def record(self, user_id: str = "user-1") -> Call:
        call = self.table.find(user_id, self.now)
        assert call is not None
        return call

    def tell(self, event_type: str, contact_id: str, *, attempt: int = 1, **told: Any) -> EndedCall | None:
        """Connect tells of a contact; times are `START` plus seconds."""
        event = read_event(contact_event(event_type, contact_id, **told))
        return self.contact_events(event, early_delivery=attempt <= 2)

    def answer(self, contact_id: str) -> None:
        """An agent takes the call, and Connect tells of it."""
        self.connect.answered.add(contact_id)
        self.tell("CONNECTED_TO_AGENT", contact_id, queued=1, connected=5)

    def starts(self) -> list[dict[str, Any]]:
        return self.connect.asked("StartWebRTCContact")

    def leave_unanswered(self, *, bound: bool = True) -> str:
        """A start dies after Connect started its contact, whose flow may have been through; its contact."""
        with dying(self.table, "store_answer", before=True):
            self.call()
        (contact_id,) = self.connect.active
        if bound:
            self.table.bind("user-1", self.starts()[-1]["Attributes"]["auth_token"], contact_id, self.now)
        return contact_id


class BridgedBackend(Backend):
    """The same with calls over the SIP bridge."""

    def __init__(self, dynamodb: Any) -> None:
        super().__init__(dynamodb)
        self.chime = FakeChime(self.connect)
        self.meetings = Meetings(self.chime.attach(shared_client("chime-sdk-meetings")))
        self.phone_calls = SipMediaApplication(
            self.chime.attach(shared_client("chime-sdk-voice", repeats=False)), APPLICATION_ID
        )
        self.start_call = StartCall(
            self.table,
            BridgeStart(self.table, self.meetings, self.phone_calls, self.instance, BRIDGE),
            TERMS,
            self.time,
        )
        self.call_control = CallControl(
            self.table, BridgeControl(self.meetings, self.phone_calls, self.instance, self.time), self.time
        )
        self.meeting_events = MeetingEvents(self.table, self.meetings, BRIDGE.external_meeting_id, self.time)

    def phone_call(self) -> FakePhoneCall:
        """The latest phone call."""
        return list(self.chime.phone_calls.values())[-1]

    def come_through(self) -> str:
        """The latest phone call reaches Connect, where its code is taken; its contact."""
        contact_id = self.chime.reach_connect(list(self.chime.phone_calls)[-1])
        assert self.key_in(self.phone_call().arguments["Code"], contact_id)["auth_status"] == "verified"
        return contact_id

    def key_in(self, code: str, contact_id: str) -> dict[str, str]:
        """What the bridge's contact flow is answered about a contact that keys in a code."""
        event = bridge_flow_event({}, ContactId=contact_id, InitialContactId=contact_id)
        event["Details"]["Parameters"] = {"Code": code}
        return verify(read_presented(event, INSTANCE_ARN, BRIDGE.connect_number), self.table, self.now)

    def tell_meeting(self, event_type: str, meeting_id: str, **detail: Any) -> EndedCall | None:
        """Chime tells of a meeting."""
        event = self.meeting_events(meeting_event(event_type, meeting_id, **detail), early_delivery=False)
        return None if event is None else self.contact_events(event, early_delivery=True)


@contextmanager
def dying(owner: object, step: str, *, before: bool) -> Iterator[None]:
    """Within, the function dies before or after a step."""
    real = getattr(owner, step)

    def die(*args: Any, **kwargs: Any) -> None:
        if not before:
            with suppress(Exception):
                real(*args, **kwargs)
        raise Crash

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, step, die)
        with pytest.raises(Crash):
            yield
