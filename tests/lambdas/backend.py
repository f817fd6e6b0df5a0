"""All that calls go through, with a clock that the test moves."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from call_control.domain import CallControl
from caller_context.domain import verify
from calls.connect import ConnectInstance
from calls.interfaces import CallTransport
from calls.participant_service import ParticipantService
from calls.record import Call, Rate
from calls.start_call_request import StartCallRequest
from calls.table import CallTable
from calls.webrtc import WebRtc
from contact_events.domain import ContactEvents, EndedCall
from start_call.caller import Caller
from start_call.domain import CallLimits, StartCall, StartedCall
from tests.lambdas.conftest import FLOW_ARN, INSTANCE_ARN, TABLE
from tests.lambdas.events import START, contact_event
from tests.lambdas.fake_aws import shared_client
from tests.lambdas.fake_connect import FakeConnect
from tests.lambdas.fake_connect_queues import FakeConnectQueues

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
LIMITS = CallLimits(
    replay_seconds=600,
    reference_seconds=300,
    start_lease_seconds=40,
    max_call_seconds=7200,
    rates=(Rate(calls=3, seconds=60), Rate(calls=5, seconds=86_400)),
)


class Crash(BaseException):
    """The function dies: nothing after this runs."""


class Backend:
    """The functions' domains and adapters over one table and one Connect."""

    def __init__(self, dynamodb: Any) -> None:
        self.connect = FakeConnect()
        self.queues = FakeConnectQueues()
        self.now = START
        self.table = CallTable(dynamodb, TABLE, retention_seconds=LIMITS.max_call_seconds)
        self.instance = ConnectInstance(self.connect.attach(shared_client("connect")), INSTANCE_ARN)
        self.participants = ParticipantService(
            self.connect.attach(shared_client("connectparticipant", signed=False))
        )
        self.native = WebRtc(
            self.table, self.instance, self.participants, self.time, instance_arn=INSTANCE_ARN
        )
        self.contact_events = ContactEvents(self.table, self.instance, self.time)
        self.use(self.native)

    def use(self, transport: CallTransport) -> None:
        """Has the functions loaded with a transport."""
        self.transport = transport
        self.start_call = StartCall(self.table, transport, LIMITS, self.time)
        self.call_control = CallControl(self.table, transport, self.time)

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

    def deliver(
        self, event_type: str, contact_id: str, *, attempt: int = 1, **detail: Any
    ) -> EndedCall | None:
        """Delivers an event of a contact; times are `START` plus seconds."""
        return self.deliver_envelope(contact_event(event_type, contact_id, **detail), attempt=attempt)

    def deliver_envelope(self, envelope: dict[str, Any], *, attempt: int = 1) -> EndedCall | None:
        """Delivers an event of EventBridge."""
        early_delivery = attempt <= 2
        event = self.transport.read_event(envelope, early_delivery=early_delivery)
        return None if event is None else self.contact_events(event, early_delivery=early_delivery)

    def verify(self, event: dict[str, Any]) -> dict[str, str]:
        """The answer to a contact flow."""
        return verify(self.transport.read_credential(event), self.table, self.now)

    def answer(self, contact_id: str) -> None:
        """An agent takes the call, and the event of it is delivered."""
        self.connect.answered.add(contact_id)
        self.deliver("CONNECTED_TO_AGENT", contact_id, queued=1, connected=5)

    def starts(self) -> list[dict[str, Any]]:
        return self.connect.requested("StartWebRTCContact")

    def leave_unanswered(self, *, bound: bool = True) -> str:
        """A start dies after Connect started its contact, whose flow may have been through; its contact."""
        with dying(self.table, "store_answer", before=True):
            self.call()
        (contact_id,) = self.connect.active
        if bound:
            self.table.bind("user-1", self.starts()[-1]["Attributes"]["auth_token"], contact_id, self.now)
        return contact_id


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
