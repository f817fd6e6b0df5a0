"""The formulas agree with a simulation of what they are about, within 5 %."""

from dataclasses import asdict

import pytest

from capacity.erlang import Waits, impatient_waits, patient_waits
from capacity.side_by_side import RETRY_SECONDS, TRIES
from capacity.simulation import Bucket, CallCentre, Refusals
from capacity.throttle import refused_share

HANDLE, WITHIN, PATIENCE = 200.0, 20.0, 120.0
# Enough for a standard error of 1 to 3 % in the loads below.
CALLS = 200_000
SEED = 1


def played(agents: int, offered: float, patience: float | None) -> dict[str, float]:
    centre = CallCentre(
        agents=agents,
        arrivals_per_second=offered / HANDLE,
        handle_seconds=HANDLE,
        answer_within_seconds=WITHIN,
        patience_seconds=patience,
        calls=CALLS,
        seed=SEED,
    )
    return asdict(centre.run())


def starts(arrivals: float, rate: float, burst: int, *, tries: int = 1, calls: int = CALLS) -> Refusals:
    bucket = Bucket(
        arrivals_per_second=arrivals,
        rate=rate,
        burst=burst,
        tries=tries,
        retry_seconds=RETRY_SECONDS,
        calls=calls,
        seed=SEED,
    )
    return bucket.run()


def within_5_percent(waits: Waits) -> object:
    return pytest.approx(asdict(waits), rel=0.05)


@pytest.mark.parametrize(("agents", "offered"), [(3, 1.5), (5, 3.0)])
def test_patient_callers_wait_as_erlang_c_says(agents: int, offered: float) -> None:
    calculated = patient_waits(agents, offered, handle_seconds=HANDLE, answer_within_seconds=WITHIN)
    assert played(agents, offered, None) == within_5_percent(calculated)


@pytest.mark.parametrize(("agents", "offered"), [(5, 6.0), (10, 10.0)])
def test_impatient_callers_wait_and_give_up_as_erlang_a_says(agents: int, offered: float) -> None:
    calculated = impatient_waits(
        agents, offered, handle_seconds=HANDLE, answer_within_seconds=WITHIN, patience_seconds=PATIENCE
    )
    assert played(agents, offered, PATIENCE) == within_5_percent(calculated)


@pytest.mark.parametrize(("arrivals", "rate", "burst"), [(1.5, 2, 5), (2, 2, 5), (3, 2, 5), (10, 10, 15)])
def test_a_token_bucket_refuses_what_is_calculated(arrivals: float, rate: float, burst: int) -> None:
    calculated = refused_share(arrivals, rate=rate, burst=burst)
    assert starts(arrivals, rate, burst).refused == pytest.approx(calculated, rel=0.05)


def test_callers_who_come_back_take_the_tokens_of_others() -> None:
    once, again = starts(2, 2, 5), starts(2, 2, 5, tries=TRIES)
    assert once.refused == once.gave_up == pytest.approx(0.10, abs=0.01)
    # docs/capacity.md tells of this tenth and this third.
    assert again.refused == pytest.approx(0.35, abs=0.02)
    assert again.gave_up < once.gave_up
    assert again.requests_per_call > 1.5


def test_what_is_admitted_is_the_rate_when_all_keep_coming() -> None:
    admitted = 1 - starts(20, 2, 5, calls=20_000).refused
    assert admitted * 20 == pytest.approx(2, rel=0.05)


def test_a_seed_plays_the_same_again() -> None:
    assert starts(2, 2, 5, tries=3, calls=2_000) == starts(2, 2, 5, tries=3, calls=2_000)
