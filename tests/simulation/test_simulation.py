import pytest

from tests.examples import examples
from tests.simulation.aws import DIES_AFTER, LATE, LOST_AFTER
from tests.simulation.course import Course, Step
from tests.simulation.planted import PLANTED
from tests.simulation.recorded import BREAKS, COURSES, FOUND_BY
from tests.simulation.shrinking import describe, replay, run_seed, shrink
from tests.simulation.simulation import Simulation, random_simulation

# `make simulate` runs more; a few thousand are the least.
SEEDS, PARTS = max(2_400, examples(4_800)), 4
# Each planted race is found within these. A seed that is known to find it goes first; should it not do so any
# more, for the simulation has changed, the others take their time.
SEEDS_FOR_A_RACE = 4_000


@pytest.mark.parametrize("part", range(PARTS))
def test_every_invariant_holds_in_any_order_and_with_any_failure(part: int) -> None:
    for seed in range(part, SEEDS, PARTS):
        finding = run_seed(seed)
        assert finding is None, f"Seed {seed}: {describe(shrink(finding))}"


@pytest.mark.parametrize("race", PLANTED)
def test_the_course_that_found_a_planted_race_still_does(race: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert replay(COURSES[race]) is None
    PLANTED[race](monkeypatch)
    finding = replay(COURSES[race])
    assert finding is not None
    assert finding.kind == BREAKS[race]


@pytest.mark.slow
@pytest.mark.parametrize("race", PLANTED)
def test_a_planted_race_is_found(race: str, monkeypatch: pytest.MonkeyPatch) -> None:
    PLANTED[race](monkeypatch)
    assert run_seed(FOUND_BY[race]) or any(run_seed(seed) for seed in range(SEEDS_FOR_A_RACE))


def test_a_seed_is_the_same_course_each_time() -> None:
    def lines(seed: int) -> list[str]:
        written: list[str] = []
        random_simulation(seed, written.append).run()
        return written

    for seed in range(20):
        assert lines(seed) == lines(seed)


def test_the_decisions_of_a_seed_are_its_course() -> None:
    for seed in range(20):
        first: list[str] = []
        again: list[str] = []
        simulation = random_simulation(seed, first.append)
        simulation.run()
        Simulation(Course(simulation.course.steps, simulation.decisions.taken), trace=again.append).run()
        assert first == again


def test_a_finding_is_shrunk_to_what_it_takes_and_can_be_replayed(monkeypatch: pytest.MonkeyPatch) -> None:
    PLANTED["reads before it claims"](monkeypatch)
    found = next(finding for seed in range(SEEDS) if (finding := run_seed(seed)))
    shortest = shrink(found)
    assert replay(shortest.course) == shortest
    steps, decisions = list(shortest.course.steps), dict(shortest.course.decisions)
    without_one = [
        *(Course([other for other in steps if other != step], decisions) for step in steps),
        *(Course(steps, {n: value for n, value in decisions.items() if n != name}) for name in decisions),
    ]
    assert not any((less := replay(course)) and less.kind == shortest.kind for course in without_one)
    text = describe(shortest)
    assert shortest.what in text
    assert "UpdateItem" in text
    assert repr(shortest.course.steps[0]) in text


def test_a_course_without_failures_is_a_call_as_it_should_be() -> None:
    lines: list[str] = []
    Simulation(
        Course([Step("tap", 0, "tap", key="one"), Step("hang up-1", 9_000, "hang up")]), trace=lines.append
    ).run()
    text = "\n".join(lines)
    assert "tap is answered 201  contact-1" in text
    assert "(contact-1 CONNECTED_TO_AGENT)" in text
    assert "hang up-1 is answered 204" in text


def test_a_claim_that_arrives_when_its_start_has_long_failed_locks_nothing() -> None:
    """Of two requests of one claim that both time out, the first arrives before its end, the second after."""
    course = Course(
        steps=[Step("tap", 0, "tap", key="one")],
        decisions={"tap.2 fault": LATE, "tap.2 backoff": 1, "tap.3 fault": LATE, "tap is given up": 1},
    )
    assert replay(course) is None


def test_a_contact_that_a_crashed_start_may_have_left_is_stopped_before_the_next_call() -> None:
    """Its flow began before anybody joined; Connect then names it without credentials, and the start that was
    to stop it dies between its end in the record and StopContact.
    """
    course = Course(
        steps=[Step("tap", 0, "tap", key="one"), Step("tap again", 20_000, "tap again", key="two")],
        decisions={
            "tap.3 fault": DIES_AFTER,
            "contact-1 is left": 1,
            "contact-1 enters its flow at once": 1,
            "contact-1 known by its id alone": 1,
            "tap again, attempt 5.5 fault": DIES_AFTER,
        },
    )
    assert replay(course) is None


def test_a_hang_up_stops_what_a_failed_start_has_left() -> None:
    """The start has ended in the record and dies before StopContact; its user knows the contact by a 409."""
    course = Course(
        steps=[
            Step("tap", 0, "tap", key="one"),
            Step("tap-2", 4_000, "tap", key="two"),
            Step("hang up", 6_460, "hang up"),
        ],
        decisions={
            "tap.2 fault": LOST_AFTER,
            "tap.4 fault": LOST_AFTER,
            "contact-1 enters its flow at once": 1,
            "contact-1 known by its id alone": 1,
            "tap.6 fault": LOST_AFTER,
        },
    )
    assert replay(course) is None


def test_an_answer_that_was_on_its_way_may_tell_what_was_before() -> None:
    """Two devices read the state at once; the one that read it first is answered last."""
    course = Course(
        steps=[
            Step("tap", 0, "tap", key="one"),
            Step("read-1", 6_000, "read the status", device=1),
            Step("read-4", 6_800, "read the status"),
            Step("hang up", 6_812, "hang up"),
        ],
        decisions={"tap joins": 4, "read-1.1 request": 6, "read-4.1 answer": 6},
    )
    assert replay(course) is None
