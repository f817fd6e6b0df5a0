"""All that calls over the SIP bridge go through, with a clock that the test moves."""

from typing import Any

from calls.record import Call
from contact_events.domain import EndedCall
from sip_bridge.bridged_calls import BridgedCall, BridgedCalls
from sip_bridge.meetings import Meetings
from sip_bridge.phone_calls import PhoneCalls
from sip_bridge.transport import BridgeSettings, SipBridge
from tests.lambdas.backend import LIMITS, Backend
from tests.lambdas.conftest import INSTANCE_ARN
from tests.lambdas.fake_aws import shared_client
from tests.lambdas.sip_bridge.events import (
    CONNECT_NUMBER,
    EXTERNAL_MEETING_ID,
    bridge_flow_event,
    meeting_event,
)
from tests.lambdas.sip_bridge.fake_chime import APPLICATION_ID, FakeChime, FakePhoneCall

BRIDGED_TABLE = "bridged-calls"
BRIDGE = BridgeSettings(
    caller_number="+12065550100",
    connect_number=CONNECT_NUMBER,
    external_meeting_id=EXTERNAL_MEETING_ID,
    header_names={"order_id": "X-Order-Id"},
    attributes=frozenset({"order_id", "page"}),
)


class BridgedBackend(Backend):
    """`Backend` in a deployment with the bridge."""

    def __init__(self, dynamodb: Any) -> None:
        super().__init__(dynamodb)
        self.chime = FakeChime(self.connect)
        self.bridged_calls = BridgedCalls(dynamodb, BRIDGED_TABLE, max_call_seconds=LIMITS.max_call_seconds)
        self.meetings = Meetings(self.chime.attach(shared_client("chime-sdk-meetings")))
        self.phone_calls = PhoneCalls(
            self.chime.attach(shared_client("chime-sdk-voice", repeats=False)), APPLICATION_ID
        )
        self.switch_on()

    def switch_on(self, settings: BridgeSettings = BRIDGE) -> None:
        """Has calls started over the bridge from now on."""
        self.use(
            SipBridge(
                native=self.native,
                bridged_calls=self.bridged_calls,
                meetings=self.meetings,
                phone_calls=self.phone_calls,
                settings=settings,
                now=self.time,
                instance_arn=INSTANCE_ARN,
            )
        )

    def switch_off(self) -> None:
        """Has calls started as WebRTC contacts, as before the bridge was switched on."""
        self.use(self.native)

    def bridged(self, call: Call | None = None) -> BridgedCall:
        """What the bridge remembers of the user's latest call."""
        bridged = self.bridged_calls.find((call or self.record()).reference)
        assert bridged is not None
        return bridged

    def phone_call(self) -> FakePhoneCall:
        """The latest phone call."""
        return list(self.chime.phone_calls.values())[-1]

    def come_through(self) -> str:
        """The latest phone call reaches Connect, where its code is taken; its contact."""
        contact_id = self.chime.reach_connect(list(self.chime.phone_calls)[-1])
        assert self.key_in(self.phone_call().arguments["Code"], contact_id)["auth_status"] == "verified"
        return contact_id

    def key_in(self, code: str, contact_id: str) -> dict[str, str]:
        """The answer to the bridge's contact flow about a contact that keys in a code."""
        event = bridge_flow_event({}, ContactId=contact_id, InitialContactId=contact_id)
        event["Details"]["Parameters"] = {"Code": code}
        return self.verify(event)

    def deliver_meeting(
        self, event_type: str, meeting_id: str, *, attempt: int = 3, **detail: Any
    ) -> EndedCall | None:
        """Delivers an event of a meeting."""
        return self.deliver_envelope(meeting_event(event_type, meeting_id, **detail), attempt=attempt)
