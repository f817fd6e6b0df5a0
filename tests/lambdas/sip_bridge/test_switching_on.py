"""Native calls, blocks and rates stay as they are when the bridge is switched on."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from calls.errors import (
    CallActive,
    CallEnded,
    CallerBlocked,
    NotPossibleNow,
    RateExceeded,
    RequestInProgress,
)
from calls.record import Call, State
from operations import blocks
from tests.lambdas.backend import ADA, LIMITS, dying
from tests.lambdas.conftest import TABLE
from tests.lambdas.events import START, flow_event
from tests.lambdas.sip_bridge.backend import BridgedBackend

LEASE = LIMITS.start_lease_seconds * 1000


@pytest.fixture
def backend(dynamodb: Any) -> BridgedBackend:
    """A deployment before the bridge is switched on."""
    backend = BridgedBackend(dynamodb)
    backend.switch_off()
    return backend


def waiting(backend: BridgedBackend) -> str:
    contact_id = backend.call().contact_id
    backend.deliver("QUEUED", contact_id, queued=1)
    return contact_id


def connected(backend: BridgedBackend) -> str:
    contact_id = waiting(backend)
    backend.answer(contact_id)
    return contact_id


def reference_of(backend: BridgedBackend) -> str:
    reference: str = backend.starts()[-1]["Attributes"]["auth_token"]
    return reference


def present(backend: BridgedBackend, contact_id: str, reference: str) -> str:
    """The status of a native contact that presents a reference."""
    attributes = {"customer_id": "user-1", "auth_token": reference}
    event = flow_event(attributes, ContactId=contact_id, InitialContactId=contact_id)
    return backend.verify(event)["auth_status"]


STAGES = pytest.mark.parametrize("stage", [waiting, connected])


@STAGES
def test_a_native_call_keeps_its_state_and_its_answer(
    backend: BridgedBackend, stage: Callable[[BridgedBackend], str]
) -> None:
    contact_id = stage(backend)
    before = backend.record()
    answer = backend.call()
    backend.switch_on()
    assert backend.call_control.find("user-1", contact_id) == before
    assert backend.call() == replace(answer, replayed=True)
    with pytest.raises(CallActive) as refused:
        backend.call(key="next")
    assert refused.value.contact_id == contact_id
    assert not backend.chime.requests


@STAGES
def test_a_native_call_is_hung_up(backend: BridgedBackend, stage: Callable[[BridgedBackend], str]) -> None:
    contact_id = stage(backend)
    backend.switch_on()
    for _ in range(2):
        backend.call_control.hang_up("user-1", contact_id)
    assert backend.connect.stopped == [contact_id]
    assert backend.record().state(backend.now) is State.ENDED
    assert not backend.chime.requests
    backend.now += 1
    assert backend.call(key="next").contact_id in backend.chime.live_meetings


def test_a_native_call_is_rejoined(backend: BridgedBackend) -> None:
    contact_id = connected(backend)
    answer = backend.record().answer
    backend.switch_on()
    assert backend.call_control.rejoin("user-1", contact_id) == answer
    backend.connect.drop(contact_id)
    assert "participant-2" in backend.call_control.rejoin("user-1", contact_id)
    assert not backend.chime.requests


def test_a_native_call_takes_digits(backend: BridgedBackend) -> None:
    contact_id = waiting(backend)
    backend.switch_on()
    backend.call_control.send_digits("user-1", contact_id, "42#")
    assert backend.connect.digits == [(contact_id, "42#")]
    assert not backend.chime.requests


def test_a_native_call_is_verified_and_no_other_contact_is(backend: BridgedBackend) -> None:
    contact_id = backend.call().contact_id
    reference = reference_of(backend)
    backend.switch_on()
    assert present(backend, contact_id, reference) == "verified"
    assert present(backend, "another", reference) == "unverified"
    assert present(backend, contact_id, "guessed") == "unverified"
    # Nor does a phone call that keys it in.
    assert backend.key_in("0" * 12, contact_id) == {"auth_status": "unverified"}
    backend.end()
    assert present(backend, contact_id, reference) == "abandoned"


def test_events_of_a_native_call_are_noted(backend: BridgedBackend) -> None:
    contact_id = waiting(backend)
    backend.switch_on()
    backend.answer(contact_id)
    assert backend.record().state(backend.now) is State.CONNECTED
    ended = backend.deliver("DISCONNECTED", contact_id, queued=1, connected=5, ended=9)
    assert ended is not None
    assert (ended.waited, ended.talked) == (4000, 4000)
    assert backend.record().ended_at == START + 9000


def test_a_native_contact_that_nobody_can_join_is_stopped(backend: BridgedBackend) -> None:
    contact_id = backend.leave_unanswered()
    backend.switch_on()
    backend.now += LEASE
    backend.deliver("QUEUED", contact_id, queued=1, attempt=2)
    assert backend.connect.stopped == [contact_id]
    assert backend.record().state(backend.now) is State.ENDED


@pytest.mark.parametrize("bound", [True, False])
@pytest.mark.parametrize("key", ["tap", "another tap"])
def test_a_native_start_that_crashed_is_cleared_away_and_not_repeated(
    backend: BridgedBackend, bound: bool, key: str
) -> None:
    contact_id = backend.leave_unanswered(bound=bound)
    reference = reference_of(backend)
    backend.switch_on()
    with pytest.raises(RequestInProgress if key == "tap" else CallActive):
        backend.call(key=key)
    backend.now += LEASE
    started = backend.call(key=key)
    assert started.contact_id in backend.chime.live_meetings
    assert len(backend.starts()) == 1
    # A contact that had come to its flow is stopped; one that comes there later is sent away.
    assert (contact_id in backend.connect.stopped) == bound
    assert present(backend, contact_id, reference) == "abandoned"
    assert backend.record().id == started.contact_id


def test_a_bridged_start_that_crashed_is_not_repeated_as_a_native_one(backend: BridgedBackend) -> None:
    backend.switch_on()
    with dying(backend.table, "store_answer", before=True):
        backend.call()
    contact_id = backend.come_through()
    backend.switch_off()
    backend.now += LEASE
    started = backend.call()
    assert not started.replayed
    assert backend.connect.active == [started.contact_id]
    assert contact_id in backend.connect.stopped
    assert backend.record().transport == "webrtc"


def test_a_block_stays(backend: BridgedBackend, dynamodb: Any) -> None:
    contact_id = connected(backend)
    blocks.block(dynamodb, TABLE, "user-1", until=backend.now + 1000)
    blocks.block(dynamodb, TABLE, "user-2", until=backend.now + 1000)
    backend.switch_on()
    with pytest.raises(CallerBlocked):
        backend.call_control.rejoin("user-1", contact_id)
    with pytest.raises(CallerBlocked):
        backend.call(caller=replace(ADA, user_id="user-2"))
    assert not backend.chime.requests
    backend.now += 1000
    backend.call(caller=replace(ADA, user_id="user-2"))


def test_the_rates_count_the_starts_of_before(backend: BridgedBackend) -> None:
    for number in range(3):
        if number == 2:
            backend.switch_on()
        backend.call(key=f"tap-{number}")
        backend.now += 10_000
        backend.end()
    with pytest.raises(RateExceeded) as refused:
        backend.call(key="tap-3")
    assert refused.value.retry_after == 30


@pytest.mark.parametrize(("stage", "expected"), [("ended", CallEnded), ("unanswered", NotPossibleNow)])
def test_a_native_call_is_refused_what_it_was_refused_before(
    backend: BridgedBackend, stage: str, expected: type[Exception]
) -> None:
    contact_id = backend.leave_unanswered() if stage == "unanswered" else connected(backend)
    backend.switch_on()
    if stage != "unanswered":
        backend.call_control.hang_up("user-1", contact_id)
    control = backend.call_control
    with pytest.raises(expected):
        control.rejoin("user-1", contact_id)
    with pytest.raises(expected):
        control.send_digits("user-1", contact_id, "1")


def test_the_users_next_call_has_nothing_of_the_native_one(backend: BridgedBackend) -> None:
    connected(backend)
    backend.call_control.rejoin("user-1", str(backend.record().id))
    backend.end()
    backend.switch_on()
    backend.now += 600_000
    backend.call()
    call: Call = backend.record()
    assert (call.transport, call.contact_id, call.connected_at) == ("sip_bridge", None, None)
    assert (call.connection_token, call.legs) == (None, {})
