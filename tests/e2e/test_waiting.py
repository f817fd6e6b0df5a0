"""What callers learn of hours, staffing and their wait, before a call and while it waits."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import pytest

from local.clients.observer import eventually
from tests.e2e.answers import assert_problem
from tests.e2e.aws import Aws, Caller
from tests.e2e.calls import queued

NOT_KNOWN = {"AskAgainAfterSeconds": 5}
THROTTLED = {"Error": {"Code": "ThrottlingException", "Status": 429}}


@pytest.fixture(autouse=True)
def nothing_read(aws: Aws) -> Iterator[None]:
    with aws.nothing_read():
        yield


@pytest.fixture
def queue(aws: Aws) -> str:
    """That of callers whose identity is proved."""
    return next(
        resource["PhysicalResourceId"]
        for resource in aws.resources
        if resource["ResourceType"] == "AWS::Connect::Queue"
        and resource["LogicalResourceId"].startswith("ConnectSandboxVerified")
    )


@pytest.fixture
def hours(aws: Aws) -> str:
    return aws.physical_id("AWS::Connect::HoursOfOperation")


def reads(aws: Aws, operation: str) -> int:
    return sum(call["Operation"] == operation for call in aws.calls())


def known(caller: Caller, topic: str | None = None) -> dict[str, Any]:
    response = caller.availability(topic)
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body


def test_an_app_learns_of_hours_staffing_and_wait_before_a_call(aws: Aws, caller: Caller, queue: str) -> None:
    with aws.contact_center(Queues={queue: {"AgentsStaffed": 4, "EstimatedWaitTime": 95}}):
        response = caller.availability("billing")
        # Open all week: it closes at no time that is known.
        assert response.json() == {
            "Open": True, "Staffed": True, "ExpectedWaitSeconds": 120, "AskAgainAfterSeconds": 15,
        }  # fmt: skip
        assert response.headers["Cache-Control"] == "private, max-age=15"
        again = caller.availability("billing", etag=response.headers["ETag"])
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["ETag"] == response.headers["ETag"]


def test_closed_hours_say_when_they_end(aws: Aws, caller: Caller, queue: str, hours: str) -> None:
    """An administrator has closed it for the day."""
    with aws.contact_center(Hours={hours: "Closed"}, Queues={queue: {"AgentsStaffed": 0}}):
        closed = known(caller)
        assert (closed["Open"], closed["Staffed"]) == (False, False)
        opens = datetime.fromisoformat(closed["OpensAt"])
        assert (opens - datetime.now(UTC)).total_seconds() <= 86_400
        assert (opens.hour, opens.minute) == (0, 0)
        assert "ExpectedWaitSeconds" not in closed


@pytest.mark.slow  # it takes both cores
def test_callers_all_together_have_a_queue_read_once(
    aws: Aws, new_caller: Callable[..., Caller], queue: str
) -> None:
    with aws.contact_center(Queues={queue: {"AgentsStaffed": 4}}):
        callers = [new_caller() for _ in range(3)]
        before = {name: reads(aws, name) for name in ("GetCurrentMetricData", "DescribeQueue")}
        with ThreadPoolExecutor(15) as at_once:
            list(at_once.map(known, callers * 5))
        assert {name: reads(aws, name) - count for name, count in before.items()} == dict.fromkeys(before, 1)
        # Whoever came while somebody read has it a moment later.
        assert eventually(lambda: known(callers[0]).get("Staffed"))


# What keeps a reading from being known.
UNKNOWN = pytest.mark.parametrize(
    "effect",
    [
        THROTTLED,
        *(pytest.param(each, marks=pytest.mark.slow) for each in ({"Malformed": True}, {"DelaySeconds": 3})),
    ],
    ids=str,
)
OPERATIONS = ("DescribeQueue", "GetEffectiveHoursOfOperations", "GetCurrentMetricData")


@UNKNOWN
def test_what_connect_does_not_say_is_left_out(aws: Aws, caller: Caller, effect: dict[str, Any]) -> None:
    with ExitStack() as faults:
        for operation in OPERATIONS:
            faults.enter_context(aws.fault("connect", operation, **effect))
        assert known(caller) == NOT_KNOWN


def test_an_unknown_topic_is_refused(caller: Caller) -> None:
    problem = assert_problem(caller.availability("travel"), 400, "invalid-request")
    assert problem["errors"][0]["pointer"] == "query Topic"


def test_a_caller_who_waits_learns_of_the_wait_and_the_position(
    aws: Aws, caller: Caller, another_caller: Caller, queue: str
) -> None:
    with aws.contact_center(Queues={queue: {"EstimatedWaitTime": 95}}):
        first, second = queued(aws, another_caller), queued(aws, caller)

        def position() -> int | None:
            place: int | None = caller.read(second).json().get("PositionInQueue")
            return place

        before = eventually(position)
        assert before is not None
        assert before >= 2
        call = caller.read(second)
        assert call.json()["ExpectedWaitSeconds"] == 120
        assert call.json()["QueuedAt"] <= call.json()["PositionAt"]
        assert caller.read(second, etag=call.headers["ETag"]).status_code in {200, 304}
        aws.happen(first, "AgentConnected")
        assert eventually(lambda: position() == before - 1)
        aws.happen(second, "AgentConnected")
        assert caller.comes_to(second, "CONNECTED")
        assert not {"PositionInQueue", "ExpectedWaitSeconds"} & caller.read(second).json().keys()


def test_positions_are_asked_for_once_a_second_however_many_look(
    aws: Aws, new_caller: Callable[..., Caller]
) -> None:
    callers = [new_caller() for _ in range(3)]
    calls = [(caller, queued(aws, caller)) for caller in callers]
    began, before = datetime.now(UTC), reads(aws, "GetContactMetrics")
    with ThreadPoolExecutor(6) as at_once:
        for _ in range(4):
            list(at_once.map(lambda each: each[0].read(each[1]), calls * 4))
    seconds = (datetime.now(UTC) - began).total_seconds()
    assert 0 < reads(aws, "GetContactMetrics") - before <= seconds + 2
    since = [call for call in aws.calls() if datetime.fromisoformat(call["Time"]) >= began]
    assert not [call for call in since if call["Error"] == "ThrottlingException"]


@UNKNOWN
def test_the_state_of_a_call_is_read_whatever_connect_says_of_the_wait(
    aws: Aws, caller: Caller, effect: dict[str, Any]
) -> None:
    with ExitStack() as faults:
        for operation in ("GetContactMetrics", "GetCurrentMetricData"):
            faults.enter_context(aws.fault("connect", operation, **effect))
        contact_id = queued(aws, caller)
        call = caller.read(contact_id)
        assert call.status_code == 200
        assert call.json().keys() == {
            "ContactId", "State", "StartedAt", "QueuedAt", "AskAgainAfterSeconds",
        }  # fmt: skip
