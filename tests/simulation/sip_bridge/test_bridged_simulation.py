import pytest

from tests.simulation.aws import LATE
from tests.simulation.course import Course, Step
from tests.simulation.shrinking import describe, replay, run_seed, shrink
from tests.simulation.simulation import random_simulation
from tests.simulation.sip_bridge.planted import PLANTED
from tests.simulation.sip_bridge.simulation import BridgedSimulation

# `python -m tests.simulation.sip_bridge` runs more.
SEEDS = 150
FOUND_BY = {
    "leaves the meeting of a failed start": 0,
    "repeats the code": 0,
    "types digits again": 49,
    "ends no other leg": 6,
    "takes a drop for an end": 221,
    "verifies by the code alone": 98,
    "deletes no meeting": 5,
}
"""For each planted fault the first seed that finds it, but for one that a course below finds."""
SEEDS_FOR_A_FAULT = 1_000

# The second contact of a call comes to be known after the end of the first; the caller hangs up in between.
HANGS_UP_BEFORE_A_TRANSFER_IS_KNOWN = Course(
    steps=[Step("tap", 0, "tap", key="one")],
    decisions={
        "contact-2 ends by": 2,
        "contact-3 is INITIATED provokes": 7,
        "contact-3 INITIATED #1.3 fault": LATE,
        "contact-3 queues": 1,
        "contact-3 QUEUED arrives": 6,
    },
)


def test_every_invariant_holds_of_calls_over_the_bridge() -> None:
    for seed in range(SEEDS):
        finding = run_seed(seed, BridgedSimulation)
        assert finding is None, f"Seed {seed}: {describe(shrink(finding))}"


@pytest.mark.parametrize("fault", FOUND_BY)
def test_a_fault_that_is_planted_into_the_bridge_is_found(
    fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    PLANTED[fault](monkeypatch)
    seeds = [FOUND_BY[fault], *range(SEEDS_FOR_A_FAULT)]
    assert any(run_seed(seed, BridgedSimulation) for seed in seeds)


def test_a_hang_up_ends_what_was_transferred_before_anybody_knew(monkeypatch: pytest.MonkeyPatch) -> None:
    course = HANGS_UP_BEFORE_A_TRANSFER_IS_KNOWN
    assert replay(course, simulated=BridgedSimulation) is None
    PLANTED["leaves a transferred call"](monkeypatch)
    assert replay(course, simulated=BridgedSimulation) is not None


def test_a_seed_of_the_bridge_is_the_same_course_each_time() -> None:
    for seed in range(5):
        lines: list[list[str]] = [[], []]
        for written in lines:
            random_simulation(seed, written.append, simulated=BridgedSimulation).run()
        assert lines[0] == lines[1]


def test_a_bridged_course_without_failures_is_a_call_as_it_should_be() -> None:
    lines: list[str] = []
    steps = [Step("tap", 0, "tap", key="one"), Step("send digits-1", 14_000, "send digits", key="two"),
             Step("hang up-2", 18_000, "hang up")]  # fmt: skip
    simulation = BridgedSimulation(Course(steps), trace=lines.append)
    simulation.run()
    text = "\n".join(lines)
    for event in (
        "AttendeeJoined caller",
        "AttendeeJoined phone-agent",
        "CONNECTED_TO_AGENT",
        "MeetingEnded",
    ):
        assert event in text
    assert "send digits-1 is answered 204" in text
    assert simulation.invariants.heard["contact-2"] == ["000000000001", "1#"]
    assert "hang up-2 is answered 204" in text
