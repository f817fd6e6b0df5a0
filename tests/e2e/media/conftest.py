"""People with ears."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.clients.phone import Phone
from local.launcher.local_aws import LocalAws
from operations.media.program import Program
from tests.e2e.aws import Aws, Caller
from tests.e2e.media.participants import Call


@pytest.fixture(scope="session")
def participants() -> Iterator[Program]:
    with Program(Path(__file__).parent / "participants.ts") as started:
        yield started


@pytest.fixture
def new_call(
    running: LocalAws, aws: Aws, phone: Phone, participants: Program
) -> Iterator[Callable[..., Call]]:
    """Starts calls, each by somebody new; whoever is left in them at the end leaves."""
    calls: list[Call] = []

    def start(tone: int = 440) -> Call:
        call = Call(running, aws, Caller.sign_up_and_in(phone), participants)
        calls.append(call)
        call.join(tone)
        return call

    yield start
    for call in calls:
        call.leave()
