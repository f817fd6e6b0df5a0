from collections.abc import Callable
from functools import partial

import pytest

from tests.simulation.errors import BrokenError
from tests.simulation.scheduler import START, Killed, Scheduler


@pytest.fixture
def scheduler() -> Scheduler:
    return Scheduler()


def waiting(scheduler: Scheduler, seen: list[str], name: str, *waits: int) -> Callable[[], None]:
    """A task that notes each moment at which it goes on, and its death."""

    def run() -> None:
        try:
            for wait in waits:
                scheduler.wait(wait)
                seen.append(f"{name} {scheduler.now - START}")
        except Killed:
            seen.append(f"{name} killed {scheduler.now - START}")

    return run


def test_tasks_go_on_in_the_order_of_their_moments(scheduler: Scheduler) -> None:
    seen: list[str] = []
    scheduler.start(waiting(scheduler, seen, "a", 10, 30), lasts=1000, context=None)
    scheduler.start(waiting(scheduler, seen, "b", 20, 5), lasts=1000, context=None)
    scheduler.after(22, lambda: seen.append("action 22"))
    scheduler.run()
    assert seen == ["a 10", "b 20", "action 22", "b 25", "a 40"]


def test_what_is_due_at_one_moment_happens_as_it_was_planned(scheduler: Scheduler) -> None:
    seen: list[int] = []
    for number in range(3):
        scheduler.after(7, partial(seen.append, number))
    scheduler.run()
    assert seen == [0, 1, 2]


def test_a_task_dies_at_its_deadline(scheduler: Scheduler) -> None:
    seen: list[str] = []
    scheduler.start(waiting(scheduler, seen, "a", 40, 40, 40), lasts=100, context=None)
    scheduler.run()
    assert seen == ["a 40", "a 80", "a killed 100"]


@pytest.mark.parametrize("in_task", [True, False])
def test_a_failure_ends_all_and_is_raised(scheduler: Scheduler, in_task: bool) -> None:
    seen: list[str] = []

    def fail() -> None:
        if in_task:
            scheduler.wait(50)
        raise BrokenError("broken")

    scheduler.start(waiting(scheduler, seen, "a", 10, 100), lasts=1000, context=None)
    scheduler.start(waiting(scheduler, seen, "b", 200), lasts=1000, context=None)
    if in_task:
        scheduler.start(fail, lasts=1000, context=None)
    else:
        scheduler.after(50, fail)
    scheduler.after(60, lambda: seen.append("never"))
    with pytest.raises(BrokenError, match="broken"):
        scheduler.run()
    assert sorted(seen) == ["a 10", "a killed 50", "b killed 50"]


def test_the_context_is_that_of_the_task_which_runs(scheduler: Scheduler) -> None:
    seen: list[object] = []

    def run() -> None:
        for _ in range(2):
            scheduler.wait(10)
            task = scheduler.current
            seen.append(task and task.context)

    for context in ("a", "b"):
        scheduler.start(run, lasts=1000, context=context)
    scheduler.after(15, lambda: seen.append(scheduler.current))
    scheduler.run()
    assert seen == ["a", "b", None, "a", "b"]
