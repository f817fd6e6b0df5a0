"""All that calls go through, with a clock that the test moves."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from call_control.domain import CallControl
from calls import aws
from calls.connect import ConnectInstance
from calls.participant import ParticipantService
from calls.record import Call, Rate
from calls.table import CallTable
from contact_events.domain import ContactEvents, EndedCall
from contact_events.event import read_event
from start_call.caller import Caller
from start_call.domain import StartCall, StartedCall, Terms
from start_call.request import StartCallRequest
from tests.lambdas.conftest import FLOW_ARN, INSTANCE_ARN, TABLE
from tests.lambdas.events import START, contact_event
from tests.lambdas.fake_connect import FakeConnect

ADA = Caller(
    user_id="user-1",
    display_name="Ada",
    context={
        "customer_id": "user-1",
        "auth_time": "1790000000",
        "customer_email": "ada@example.com",
        "tier": "",
    },
)
TERMS = Terms(
    replay_seconds=600,
    reference_seconds=300,
    start_lease_seconds=40,
    longest_call_seconds=7200,
    rate=Rate(calls=3, seconds=60),
)


class Crash(BaseException):
    """The function dies: nothing after this runs."""


class Backend:
    """The functions' domains and adapters over one table and one Connect."""

    def __init__(self, dynamodb: Any) -> None:
        self.connect = FakeConnect()
        self.now = START
        self.table = CallTable(dynamodb, TABLE, retention_seconds=TERMS.longest_call_seconds)
        self.instance = ConnectInstance(self.connect.attach(aws.client("connect")), INSTANCE_ARN)
        self.participants = ParticipantService(
            self.connect.attach(aws.client("connectparticipant", signed=False))
        )
        self.start_call = StartCall(self.table, self.instance, TERMS, self.time)
        self.call_control = CallControl(self.table, self.instance, self.participants, self.time)
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
        return self.contact_events(event, may_be_early=attempt <= 2)

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
