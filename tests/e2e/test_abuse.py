"""What an operator does against a flood or against one user, with the commands that operators have."""

import time
from collections.abc import Callable, Iterator

import pytest

from local.clients.observer import eventually
from local.launcher.local_aws import LocalAws
from operations.__main__ import main
from start_call.switch import READ_EVERY_SECONDS
from tests.e2e.answers import assert_call, assert_problem
from tests.e2e.aws import Caller

Operate = Callable[..., None]


@pytest.fixture
def operate(running: LocalAws, shell: None) -> Iterator[Operate]:
    """`make stop-calls` and the others, with the account's credentials; calls are taken again afterwards."""
    commands: list[str] = []

    def command(*arguments: str) -> None:
        commands.append(arguments[0])
        assert main([*arguments, "--environment", running.environment]) == 0

    yield command
    if "stop-calls" in commands:
        command("resume-calls")
        time.sleep(READ_EVERY_SECONDS)


def test_a_stop_reaches_every_new_call_within_seconds_and_none_that_goes_on(
    operate: Operate, caller: Caller, another_caller: Caller
) -> None:
    contact_id = assert_call(caller.start())["ContactId"]
    operate("stop-calls")
    time.sleep(READ_EVERY_SECONDS)
    refused = another_caller.start()
    assert_problem(refused, 503, "calling-stopped")
    assert refused.headers["Retry-After"] == "60"
    assert caller.comes_to(contact_id, "QUEUED")
    assert caller.hang_up(contact_id).status_code == 204
    operate("resume-calls")
    answers = eventually(
        lambda: (answer := another_caller.start()).status_code == 201 and answer,
        seconds=2 * READ_EVERY_SECONDS,
    )
    assert answers


def test_a_blocked_user_is_out_at_once_and_nobody_else(
    operate: Operate, caller: Caller, another_caller: Caller
) -> None:
    contact_id = assert_call(caller.start(key="tap"))["ContactId"]
    operate("block", "--caller", caller.user.user_id)
    assert_problem(caller.rejoin(contact_id), 403, "caller-blocked")
    assert caller.hang_up(contact_id).status_code == 204
    assert_problem(caller.start(), 403, "caller-blocked")
    assert_call(another_caller.start())
    operate("unblock", "--caller", caller.user.user_id)
    assert_call(caller.start(key="afterwards"))
