"""Waits by Erlang's formulas, held to published values and to the states of the queues themselves."""

import math
from itertools import pairwise

import pytest

from capacity.erlang import erlang_b, erlang_c, fewest_agents, impatient_waits, patient_waits

HANDLE, WITHIN, PATIENCE = 180.0, 20.0, 120.0


def patient(agents: int, offered: float) -> tuple[float, ...]:
    waits = patient_waits(agents, offered, handle_seconds=HANDLE, answer_within_seconds=WITHIN)
    return waits.waiting, waits.mean_seconds, waits.answered_in_time, waits.occupancy


def states(agents: int, offered: float, patience: float) -> list[float]:
    """How likely 0, 1, … callers are in a queue whose callers give up, from its births and deaths."""
    likely = [1.0]
    for callers in range(4_000):
        busy, waiting = min(callers + 1, agents), max(0, callers + 1 - agents)
        likely.append(likely[-1] * offered / (busy + waiting * HANDLE / patience))
    return [state / math.fsum(likely) for state in likely]


def test_a_published_example_comes_out() -> None:
    # 100 calls of 180 s in half an hour: the example of the packages pyworkforce (Python) and ErlangC (R).
    assert fewest_agents(10, handle_seconds=HANDLE, answer_within_seconds=WITHIN, answered_in_time=0.8) == 14
    assert patient(14, 10) == pytest.approx((0.1741319, 7.8359370, 0.8883500, 0.7142857), rel=1e-6)


@pytest.mark.parametrize("offered", [0.3, 4.0, 12.5])
def test_erlang_b_is_the_last_term_of_its_sum(offered: float) -> None:
    terms = [offered**number / math.factorial(number) for number in range(9)]
    assert erlang_b(8, offered) == pytest.approx(terms[-1] / math.fsum(terms), rel=1e-12)


def test_with_no_agents_everybody_is_blocked_and_with_too_few_everybody_waits() -> None:
    assert erlang_b(0, 3.0) == 1
    assert erlang_c(3, 3.0) == 1
    with pytest.raises(ValueError, match=r"3 agents never catch up with 3\.0 Erlangs"):
        patient(3, 3.0)


@pytest.mark.parametrize("offered", [0.2, 7.0, 83.3, 2_500.0])
@pytest.mark.parametrize("wanted", [0.5, 0.8, 0.99])
def test_one_agent_fewer_would_not_answer_in_time(offered: float, wanted: float) -> None:
    agents = fewest_agents(
        offered, handle_seconds=HANDLE, answer_within_seconds=WITHIN, answered_in_time=wanted
    )
    assert patient(agents, offered)[2] >= wanted
    if agents - 1 > offered:
        assert patient(agents - 1, offered)[2] < wanted


def test_agents_are_no_busier_than_they_may_be() -> None:
    agents = fewest_agents(
        1_000,
        handle_seconds=HANDLE,
        answer_within_seconds=WITHIN,
        answered_in_time=0.8,
        largest_occupancy=0.85,
    )
    assert agents == 1_177


@pytest.mark.parametrize(
    ("agents", "offered"), [(1, 0.4), (5, 6.0), (10, 10.0), (10, 7.0), (100, 95.0), (3, 9.0)]
)
def test_erlang_a_is_what_the_states_of_its_queue_say(agents: int, offered: float) -> None:
    waits = impatient_waits(
        agents, offered, handle_seconds=HANDLE, answer_within_seconds=WITHIN, patience_seconds=PATIENCE
    )
    likely = states(agents, offered, PATIENCE)
    queue = math.fsum((callers - agents) * state for callers, state in enumerate(likely) if callers > agents)
    answered = math.fsum(min(callers, agents) * state for callers, state in enumerate(likely)) / offered
    assert waits.waiting == pytest.approx(math.fsum(likely[agents:]), rel=1e-6)
    # Little's law.
    assert waits.mean_seconds == pytest.approx(queue * HANDLE / offered, rel=1e-6)
    assert waits.abandoned == pytest.approx(1 - answered, rel=1e-6)
    assert waits.occupancy == pytest.approx(answered * offered / agents, rel=1e-6)


def test_callers_who_never_lose_patience_wait_as_erlang_c_says() -> None:
    endless = impatient_waits(
        14, 10, handle_seconds=HANDLE, answer_within_seconds=WITHIN, patience_seconds=1e9
    )
    assert (
        endless.waiting,
        endless.mean_seconds,
        endless.answered_in_time,
        endless.occupancy,
    ) == pytest.approx(patient(14, 10), rel=1e-5)


def test_the_sooner_callers_give_up_the_shorter_the_others_wait() -> None:
    waits = [
        impatient_waits(
            10, 9.5, handle_seconds=HANDLE, answer_within_seconds=WITHIN, patience_seconds=patience
        )
        for patience in (10, 60, 300, 3_000)
    ]
    for impatient, patient_ in pairwise(waits):
        assert impatient.mean_seconds < patient_.mean_seconds
        assert impatient.abandoned > patient_.abandoned


def test_the_largest_loads_have_an_answer() -> None:
    agents = fewest_agents(
        1_000_000, handle_seconds=HANDLE, answer_within_seconds=WITHIN, answered_in_time=0.8
    )
    assert 1_000_000 < agents < 1_000_200
    overrun = impatient_waits(
        100_000, 150_000, handle_seconds=HANDLE, answer_within_seconds=WITHIN, patience_seconds=PATIENCE
    )
    assert overrun.abandoned == pytest.approx(1 / 3)
    idle = impatient_waits(
        2_000, 1, handle_seconds=HANDLE, answer_within_seconds=WITHIN, patience_seconds=PATIENCE
    )
    assert (idle.waiting, idle.answered_in_time) == (0, 1)
