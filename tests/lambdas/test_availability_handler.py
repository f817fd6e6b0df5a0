import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError

from availability import handler as module
from calls.readings import SharedReadings
from tests.lambdas.conftest import (
    BILLING_QUEUE_ARN,
    INSTANCE_ARN,
    QUEUE_ARN,
    WAITING_INDEXES,
    WAITING_SORT_KEYS,
    WAITING_TABLE,
)
from tests.lambdas.events import CLAIMS, REQUEST_ID, START, LambdaContext
from tests.lambdas.fake_aws import Answer, RefusedError
from tests.lambdas.fake_connect_queues import FakeConnectQueues, at
from tests.lambdas.fake_dynamodb import FakeDynamoDb

CLOCK = datetime.fromtimestamp(START / 1000, UTC)  # 2026-09-21T14:13:20Z
TODAY, TOMORROW = f"{CLOCK:%Y-%m-%d}", f"{CLOCK + timedelta(days=1):%Y-%m-%d}"
OPEN = {TODAY: [(at(9), at(17))], TOMORROW: [(at(8), at(17))]}
NOT_KNOWN = {"AskAgainAfterSeconds": 5}


class Clock:
    now = START

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(autouse=True)
def connect(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> FakeConnectQueues:
    """What is behind the handler, with nothing read yet."""
    connect = FakeConnectQueues(hours=dict(OPEN))
    fake = FakeDynamoDb(WAITING_TABLE, "Id", WAITING_INDEXES, WAITING_SORT_KEYS)
    fake.attach(module._readings._table._client)  # type: ignore[attr-defined]
    connect.attach(module._connect)
    readings = SharedReadings(module._readings._table, clock)
    monkeypatch.setattr(module._availabilities, "_readings", readings)
    monkeypatch.setattr(module._availabilities, "_now", clock)
    monkeypatch.setattr(module._availabilities._states, "_readings", readings)
    return connect


def event(
    query: dict[str, list[str]] | None = None,
    headers: dict[str, str] | None = None,
    claims: dict[str, str] | None = CLAIMS,
) -> dict[str, Any]:
    return {
        "resource": "/availability",
        "path": "/availability",
        "httpMethod": "GET",
        "multiValueHeaders": {name: [value] for name, value in (headers or {}).items()},
        "multiValueQueryStringParameters": query,
        "pathParameters": None,
        "requestContext": {
            "authorizer": {} if claims is None else {"claims": claims},
            "extendedRequestId": REQUEST_ID,
        },
        "body": None,
        "isBase64Encoded": False,
    }


def invoke(topic: str | None = None, **headers: str) -> dict[str, Any]:
    query = None if topic is None else {"Topic": [topic]}
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    response: dict[str, Any] = module.handler(event(query, sent), LambdaContext())
    return response


def body(topic: str | None = None) -> dict[str, Any]:
    response = invoke(topic)
    assert response["statusCode"] == 200
    known: dict[str, Any] = json.loads(response["body"])
    return known


def test_an_open_and_staffed_queue_is_described(connect: FakeConnectQueues) -> None:
    assert body() == {
        "Open": True,
        "ClosesAt": f"{TODAY}T17:00:00.000Z",
        "Staffed": True,
        "ExpectedWaitSeconds": 120,
        "AskAgainAfterSeconds": 15,
    }
    (read,) = connect.requested("GetCurrentMetricData")
    assert read["Filters"] == {"Queues": [QUEUE_ARN.rpartition("/")[2]], "Channels": ["VOICE"]}
    (described,) = connect.requested("DescribeQueue")
    assert described["path"] == f"/queues/{INSTANCE_ARN.rpartition('/')[2]}/{QUEUE_ARN.rpartition('/')[2]}"


def test_a_closed_queue_says_when_it_opens_and_no_wait(connect: FakeConnectQueues) -> None:
    connect.hours[TODAY] = [(at(9), at(12))]
    assert body() == {
        "Open": False,
        "OpensAt": f"{TOMORROW}T08:00:00.000Z",
        "Staffed": True,
        "AskAgainAfterSeconds": 15,
    }


def test_an_open_queue_closes_at_its_time_though_nothing_is_read_again(
    connect: FakeConnectQueues, clock: Clock
) -> None:
    connect.hours[TODAY] = [(at(9), at(14, 14))]
    assert body()["Open"] is True
    clock.now += 41_000
    assert body()["Open"] is False
    assert len(connect.requested("GetEffectiveHoursOfOperations")) == 1


def test_nobody_there_is_no_wait_that_is_known(connect: FakeConnectQueues) -> None:
    connect.staffed = 0
    assert body().items() >= {"Open": True, "Staffed": False}.items()
    assert "ExpectedWaitSeconds" not in body()


def test_no_data_is_not_the_same_as_nobody(connect: FakeConnectQueues) -> None:
    connect.staffed = connect.expected_wait = None
    assert body().keys() == {"Open", "ClosesAt", "AskAgainAfterSeconds"}


def test_a_wait_that_connect_does_not_estimate_is_left_out(connect: FakeConnectQueues) -> None:
    connect.expected_wait = None
    assert body().keys() == {"Open", "ClosesAt", "Staffed", "AskAgainAfterSeconds"}


@pytest.mark.parametrize(
    ("seconds", "rounded"),
    [(0, 0), (1, 30), (30, 30), (31, 60), (300, 300), (301, 360), (3_600, 3_600), (3_601, 3_900)],
)
def test_a_wait_is_rounded_up(connect: FakeConnectQueues, seconds: int, rounded: int) -> None:
    connect.expected_wait = seconds
    assert body()["ExpectedWaitSeconds"] == rounded


@pytest.mark.parametrize("staffed", [1, 2, 250])
@pytest.mark.parametrize("waiting", [91, 100, 120])
def test_how_many_agents_there_are_cannot_be_seen(
    connect: FakeConnectQueues, staffed: int, waiting: int
) -> None:
    connect.staffed, connect.expected_wait = staffed, waiting
    assert body().items() >= {"Staffed": True, "ExpectedWaitSeconds": 120}.items()


def test_a_topic_has_its_own_queue_or_that_of_the_others(connect: FakeConnectQueues) -> None:
    body("billing")
    body("sales")
    body()
    read = [each["Filters"]["Queues"] for each in connect.requested("GetCurrentMetricData")]
    assert read == [[BILLING_QUEUE_ARN.rpartition("/")[2]], [QUEUE_ARN.rpartition("/")[2]]]


def test_without_a_queue_nothing_is_known_and_nothing_is_read(
    connect: FakeConnectQueues, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module._availabilities, "_default_queue_id", None)
    assert body() == body("sales") == {"AskAgainAfterSeconds": 15}
    assert connect.requests == []


THROTTLED: Answer = (429, "ThrottlingException", {})
TIMED_OUT = ReadTimeoutError(endpoint_url="https://connect.example")
FAULTS: list[Answer | Exception] = [
    THROTTLED,
    (429, "TooManyRequestsException", {}),
    (400, "InvalidRequestException", {}),
    (400, "InvalidParameterException", {}),
    (404, "ResourceNotFoundException", {}),
    (403, "AccessDeniedException", {}),
    (500, "InternalServiceException", {}),
    (503, "ServiceUnavailable", {}),
    (200, None, {}),
    (200, None, {"garbage": True}),
    (200, None, {"MetricResults": 7, "Queue": 7, "TimeZone": 7}),
    (200, None, {"MetricResults": [{"Collections": [7]}], "Queue": {"HoursOfOperationId": 7}}),
    (200, None, {"MetricResults": [{"Collections": [{"Value": 7}]}], "Queue": {}}),
    TIMED_OUT,
    ConnectTimeoutError(endpoint_url="https://connect.example"),
]


@pytest.mark.parametrize("fault", FAULTS, ids=str)
@pytest.mark.parametrize(
    ("operation", "lost"),
    [
        ("DescribeQueue", {"Open", "ClosesAt"}),
        ("GetEffectiveHoursOfOperations", {"Open", "ClosesAt"}),
        ("GetCurrentMetricData", {"Staffed", "ExpectedWaitSeconds"}),
    ],
)
def test_whatever_connect_answers_only_that_is_not_known(
    connect: FakeConnectQueues, clock: Clock, fault: Any, operation: str, lost: set[str]
) -> None:
    connect.faults[operation] = [fault]
    known = body()
    assert known.keys() == {
        "Open", "ClosesAt", "Staffed", "ExpectedWaitSeconds", "AskAgainAfterSeconds",
    } - lost  # fmt: skip
    # Not asked again at once, and then it is known.
    body()
    assert len(connect.requested(operation)) == 1
    clock.now += 15_000
    assert body().keys() > known.keys()


def test_a_table_that_fails_leaves_nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> Any:
        raise RefusedError(500, "InternalServerError")

    for operation in ("_GetItem", "_UpdateItem"):
        monkeypatch.setattr(FakeDynamoDb, operation, refuse)
    assert body() == NOT_KNOWN


def test_an_answer_that_the_app_has_is_not_sent_again(connect: FakeConnectQueues, clock: Clock) -> None:
    first = invoke()
    assert first["headers"]["Cache-Control"] == "private, max-age=15"
    tag = first["headers"]["ETag"]
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = invoke(If_None_Match=known)
        assert (again["statusCode"], again["body"]) == (304, "")
        assert again["headers"] == {"Cache-Control": "private, max-age=15", "ETag": tag}
    assert invoke(If_None_Match='"other"')["statusCode"] == 200
    connect.expected_wait = 1_000
    clock.now += 15_000
    changed = invoke(If_None_Match=tag)
    assert (changed["statusCode"], json.loads(changed["body"])["ExpectedWaitSeconds"]) == (200, 1_020)


@pytest.mark.parametrize(
    "query",
    [
        {"Topic": ["travel"]},
        {"Topic": [""]},
        {"Topic": ["billing", "sales"]},
        {"topic": ["billing"]},
        {"Topic": ["billing"], "Other": ["1"]},
    ],
)
def test_a_query_that_the_contract_lacks_is_refused(query: dict[str, list[str]]) -> None:
    response = module.handler(event(query), LambdaContext())
    assert response["statusCode"] == 400
    (violation,) = json.loads(response["body"])["errors"]
    assert violation["pointer"] in {"query Topic", "query topic", "query Other"}


def test_who_is_not_signed_in_learns_nothing(connect: FakeConnectQueues) -> None:
    assert module.handler(event(claims=None), LambdaContext())["statusCode"] == 401
    assert connect.requests == []


def test_nothing_of_a_caller_is_written(written: Callable[[], str]) -> None:
    module.handler(event({"Topic": ["billing"]}, {"Authorization": "Bearer SECRET-TOKEN"}), LambdaContext())
    assert "SECRET" not in written()


def test_a_thousand_callers_have_hours_and_queue_read_as_often_as_one(
    connect: FakeConnectQueues, clock: Clock
) -> None:
    for _ in range(60):
        for _ in range(17):
            invoke()
        clock.now += 1_000
    assert len(connect.requested("GetCurrentMetricData")) == 60 // 15
    assert len(connect.requested("GetEffectiveHoursOfOperations")) == 1
    assert len(connect.requested("DescribeQueue")) == 1
