"""What a simulation does that its code does not decide: the users' steps, and each decision on the way.

A decision has a name, such as "tap-1.3 fault", and is a number; 0 is the harmless one: no fault, no delay. So
a course is shrunk by leaving out steps and decisions, and the others still mean what they meant.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Step:
    """One thing that somebody does, `at` milliseconds after the start."""

    name: str
    at: int
    action: str
    user: int = 0
    device: int = 0
    key: str = ""


@dataclass(frozen=True)
class Course:
    """The steps, and the decisions that are not 0."""

    steps: Sequence[Step]
    decisions: Mapping[str, int] = field(default_factory=dict)


class Decisions:
    """Returns the decisions of a course."""

    def __init__(self, taken: Mapping[str, int]) -> None:
        self.taken = dict(taken)

    def choose(self, name: str, number: int, chance: float = 0.5) -> int:  # noqa: ARG002
        """A whole number below `number`; not 0 with about this `chance`."""
        return min(self.taken.get(name, 0), number - 1)

    def weigh(self, name: str, weights: Mapping[int, float]) -> int:  # noqa: ARG002
        """A key of `weights`, each with its chance, or 0."""
        return self.taken.get(name, 0)


class RandomDecisions(Decisions):
    """Takes decisions at random, and keeps them."""

    def __init__(self, source: random.Random) -> None:
        super().__init__({})
        self._random = source.random

    def choose(self, name: str, number: int, chance: float = 0.5) -> int:
        """See `Decisions`."""
        drawn = self._random()
        if drawn >= chance or number < 2:
            return 0
        value = 1 + int(drawn / chance * (number - 1))
        self.taken[name] = value
        return value

    def weigh(self, name: str, weights: Mapping[int, float]) -> int:
        """See `Decisions`."""
        drawn = self._random()
        for value, chance in weights.items():
            drawn -= chance
            if drawn < 0:
                self.taken[name] = value
                return value
        return 0
