"""The main job on a laptop: deploys the app into an empty local AWS, places a call and follows it to the agent's queue.

Every step is checked; the exit status is 0 only if all of them held.
"""

from collections.abc import Mapping

from rich.console import Console

from local.observer import Observer
from local.phone import Phone

CALLER = "ada@example.com"
# What nobody needs to see whole, and what must not end in somebody's terminal recording.
_SECRETS = frozenset({"JoinToken", "ParticipantToken", "auth_token", "Authorization"})
_WIDTH_OF_A_PIPE = 110


class NotAsExpectedError(Exception):
    """A step did not hold."""

    def __init__(self, what: str, *, expected: object, seen: object) -> None:
        super().__init__(f"{what}\n  expected: {expected}\n  seen:     {seen}")


def expect(what: str, *, expected: object, seen: object) -> None:
    """Raises NotAsExpectedError unless both are equal."""
    if seen != expected:
        raise NotAsExpectedError(what, expected=expected, seen=seen)


class Demo:
    """The steps, in their order, told to somebody who has never seen the project."""

    def __init__(self, console: Console, outputs: Mapping[str, str], stacks: list[str]) -> None:
        self._console = console
        self._outputs = outputs
        self._stacks = stacks
        self._phone = Phone(outputs)
        self._observer = Observer(outputs["EndpointUrl"])
