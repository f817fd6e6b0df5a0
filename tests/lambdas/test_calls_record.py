import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls.record import Call, Rate, State, now

CALL = Call(
    user_id="u",
    started_at=1_000_000,
    idempotency_key="k",
    request_hash="h",
    reference="r",
    reference_until=1_300_000,
    context={},
    slot_until=1_040_000,
)


def test_a_repeated_start_has_the_same_client_token_and_the_next_call_another() -> None:
    assert CALL.client_token == replace(CALL, slot_until=2_000_000, answer="{}").client_token
    # Also of the same millisecond.
    assert CALL.client_token != replace(CALL, reference="other").client_token
    assert CALL.client_token != replace(CALL, user_id="v").client_token
    assert CALL.client_token != replace(CALL, idempotency_key="l").client_token
    assert len(CALL.client_token) <= 500  # StartWebRTCContact, ClientToken


def test_the_slot_is_held_until_the_lease_runs_out_or_the_call_ends() -> None:
    assert CALL.holds_slot(1_039_999)
    assert not CALL.holds_slot(1_040_000)
    assert not replace(CALL, ended_at=1_000_001).holds_slot(1_000_002)


def test_only_a_start_that_nobody_finished_is_a_crashed_one() -> None:
    assert CALL.is_crashed_start(1_040_000)
    assert not CALL.is_crashed_start(1_039_999)
    assert not replace(CALL, answer="{}").is_crashed_start(1_040_000)
    assert not replace(CALL, ended_at=1).is_crashed_start(1_040_000)


@given(
    ages=st.lists(st.integers(0, 100_000), max_size=6).map(sorted),
    rate=st.builds(Rate, calls=st.integers(1, 4), seconds=st.integers(1, 100)),
)
def test_another_start_is_allowed_exactly_when_the_window_holds_fewer(ages: list[int], rate: Rate) -> None:
    now = 1_000_000
    starts = [now - age for age in ages]
    wait = rate.seconds_until_allowed(starts, now)
    assert (wait == 0) == (sum(age < rate.seconds * 1000 for age in ages) < rate.calls)
    later = now + wait * 1000
    assert sum(later - start < rate.seconds * 1000 for start in starts) < rate.calls
    if wait:
        before = now + (wait - 1) * 1000
        assert sum(before - start < rate.seconds * 1000 for start in starts) >= rate.calls


@pytest.mark.parametrize(
    ("times", "state"),
    [
        ({}, State.CONNECTING),
        ({"queued_at": 1}, State.QUEUED),
        ({"queued_at": 1, "connected_at": 2}, State.CONNECTED),
        ({"connected_at": 2}, State.CONNECTED),
        ({"ended_at": 3}, State.ENDED),
        ({"queued_at": 1, "ended_at": 3}, State.ENDED),
        ({"queued_at": 1, "connected_at": 2, "ended_at": 3}, State.ENDED),
        ({"ended_at": 0}, State.ENDED),
    ],
)
def test_the_state_is_how_far_the_times_have_come(times: dict[str, int], state: State) -> None:
    call = replace(CALL, **times)  # type: ignore[arg-type]
    assert call.state(1_039_999) is state
    assert call.state(1_040_000) is State.ENDED


def test_the_open_contacts_are_those_without_an_end() -> None:
    assert CALL.open_contacts == []
    call = replace(CALL, contact_id="c1")
    assert call.open_contacts == ["c1"]
    assert replace(call, legs={"c1": 0, "c2": 0}).open_contacts == ["c1", "c2"]
    assert replace(call, legs={"c1": 5, "c2": 0}).open_contacts == ["c2"]
    assert replace(call, legs={"c1": 5}).open_contacts == []


def test_a_native_call_is_known_by_its_contact_and_any_other_by_its_answer() -> None:
    assert CALL.id is None
    assert replace(CALL, contact_id="c1").id == "c1"
    other = replace(CALL, transport="other", contact_id="c1")
    assert other.id is None
    assert replace(other, call_id="id-1").id == "id-1"


def test_times_are_milliseconds_since_the_epoch() -> None:
    assert time.time() - 60 < now() / 1000 < time.time() + 60
