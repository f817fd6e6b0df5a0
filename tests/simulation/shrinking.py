"""The shortest course that still fails: steps, faults and delays that do not matter are left out."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from tests.simulation.course import Course
from tests.simulation.errors import BrokenError
from tests.simulation.simulation import Simulation, random_simulation


@dataclass(frozen=True)
class Finding:
    """A course that breaks an invariant, and what is broken."""

    course: Course
    what: str
    simulated: type[Simulation] = Simulation

    @property
    def kind(self) -> str:
        """What is broken, in whichever call."""
        return re.sub(r"\d+", "#", self.what)


def run(simulation: Simulation) -> Finding | None:
    """Runs a simulation; None when every invariant holds."""
    try:
        simulation.run()
    except BrokenError as broken:
        course = replace(simulation.course, decisions=simulation.decisions.taken)
        return Finding(course, str(broken), type(simulation))
    return None


def run_seed(seed: int, simulated: type[Simulation] = Simulation) -> Finding | None:
    """Runs the simulation of a seed; None when every invariant holds."""
    return run(random_simulation(seed, simulated=simulated))


def replay(
    course: Course, trace: Callable[[str], None] | None = None, simulated: type[Simulation] = Simulation
) -> Finding | None:
    """Runs a course again; None when every invariant holds."""
    return run(simulated(course, trace=trace))


def shrink(finding: Finding) -> Finding:
    """The same finding by a course of which nothing can be left out."""
    while True:
        shorter = _without_decisions(_without_steps(finding))
        if shorter.course == finding.course:
            return finding
        finding = shorter


def _without_steps(finding: Finding) -> Finding:
    return _shortened(finding, finding.course.steps, lambda course, steps: replace(course, steps=steps))


def _without_decisions(finding: Finding) -> Finding:
    return _shortened(
        finding,
        list(finding.course.decisions.items()),
        lambda course, decisions: replace(course, decisions=dict(decisions)),
    )


def _shortened[T](
    finding: Finding, parts: Sequence[T], put: Callable[[Course, Sequence[T]], Course]
) -> Finding:
    """Leaves out parts, first many at once, then one by one."""
    size = max(1, len(parts) // 2)
    while True:
        start = 0
        while start < len(parts):
            fewer = [*parts[:start], *parts[start + size :]]
            shorter = replay(put(finding.course, fewer), simulated=finding.simulated)
            if shorter is not None and shorter.kind == finding.kind:
                parts = fewer
                finding = replace(finding, course=put(finding.course, fewer), what=shorter.what)
            else:
                start += size
        if size == 1:
            return finding
        size //= 2


def describe(finding: Finding) -> str:
    """A finding for its reader: what is broken, by what, and how a test replays it."""
    lines: list[str] = []
    replay(finding.course, lines.append, finding.simulated)
    steps = "".join(f"            {step},\n" for step in finding.course.steps)
    decisions = "".join(
        f"            {name!r}: {value},\n" for name, value in finding.course.decisions.items()
    )
    return "\n".join(
        (
            finding.what,
            "",
            "What happens:",
            *lines,
            "",
            "A test that replays it:",
            "    course = Course(",
            f"        steps=[\n{steps}        ],",
            f"        decisions={{\n{decisions}        }},",
            "    )",
            "    assert replay(course) is None",
        )
    )
