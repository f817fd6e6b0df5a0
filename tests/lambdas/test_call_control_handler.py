import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from call_control import handler as module
from call_control.waiting import WaitingCalls
from calls.connect_queues import ConnectQueues
from calls.positions import Positions
from calls.queue_state import QueueStates
from calls.readings import SharedReadings
from calls.waiting_table import WaitingTable
from tests.examples import examples
from tests.lambdas.backend import ADA, Backend
from tests.lambdas.conftest import INSTANCE_ARN, WAITING_INDEXES, WAITING_SORT_KEYS, WAITING_TABLE
from tests.lambdas.events import CLAIMS, REQUEST_ID, START, LambdaContext, call_event
from tests.lambdas.fake_aws import Answer, RefusedError, shared_client
from tests.lambdas.fake_dynamodb import FakeDynamoDb

CALL = "/calls/{ContactId}"
CONNECTION = "/calls/{ContactId}/connection"
DIGITS = "/calls/{ContactId}/digits"
ROUTES = [
    ("GET", CALL, None),
    ("DELETE", CALL, None),
    ("POST", CONNECTION, None),
    ("POST", DIGITS, '{"Digits": "1"}'),
]


@pytest.fixture
def backend(dynamodb: Any, monkeypatch: pytest.MonkeyPatch) -> Backend:
    """All that is behind the handler."""
    backend = Backend(dynamodb)
    monkeypatch.setattr(module, "_calls", backend.call_control)
    fake = FakeDynamoDb(WAITING_TABLE, "Id", WAITING_INDEXES, WAITING_SORT_KEYS)
    table = WaitingTable(fake.attach(shared_client("dynamodb", read_timeout=1)), WAITING_TABLE)
    client = backend.queues.attach(shared_client("connect", read_timeout=2, repeats=False))
    source = ConnectQueues(client, INSTANCE_ARN)
    states = QueueStates(SharedReadings(table, backend.time), source)
    monkeypatch.setattr(module, "_waiting", WaitingCalls(states, Positions(table, source, backend.time)))
    monkeypatch.setattr(module, "now", backend.time)
    return backend


@pytest.fixture
def contact_id(backend: Backend) -> str:
    """A call that an agent has taken."""
    contact_id = backend.call(display_name="SECRET-NAME").contact_id
    backend.now += 10_000
    backend.deliver("QUEUED", contact_id, queued=1.25)
    backend.answer(contact_id)
    return contact_id


def invoke(*args: Any, **kwargs: Any) -> dict[str, Any]:
    response: dict[str, Any] = module.handler(call_event(*args, **kwargs), LambdaContext())
    assert response["headers"]["Cache-Control"] == "no-store"
    return response


def problem(response: dict[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(response["body"])
    assert response["headers"]["Content-Type"] == "application/problem+json"
    assert body["status"] == response["statusCode"]
    assert body["requestId"] == REQUEST_ID
    return body


def slug(response: dict[str, Any]) -> str:
    return str(problem(response)["type"]).rpartition(":")[2]


def status(contact_id: str) -> dict[str, Any]:
    response = invoke("GET", CALL, contact_id)
    assert response["statusCode"] == 200
    assert response["headers"]["Content-Type"] == "application/json"
    body: dict[str, Any] = json.loads(response["body"])
    return body


def test_the_status_has_the_times_that_have_come(backend: Backend) -> None:
    contact_id = backend.call().contact_id
    began = {"ContactId": contact_id, "StartedAt": "2026-09-21T14:13:20.000Z"}
    soon, later = {"AskAgainAfterSeconds": 10}, {"AskAgainAfterSeconds": 30}
    assert status(contact_id) == {**began, "State": "CONNECTING", **soon}
    backend.deliver("QUEUED", contact_id, queued=1.25)
    queued = {**began, "QueuedAt": "2026-09-21T14:13:21.250Z"}
    assert status(contact_id) == {**queued, "State": "QUEUED", "ExpectedWaitSeconds": 120, **soon}
    backend.deliver("CONNECTED_TO_AGENT", contact_id, queued=1.25, connected=5)
    connected = {**queued, "ConnectedAt": "2026-09-21T14:13:25.000Z"}
    assert status(contact_id) == {**connected, "State": "CONNECTED", **later}
    backend.deliver("DISCONNECTED", contact_id, ended=9)
    ended = {**connected, "State": "ENDED", "EndedAt": "2026-09-21T14:13:29.000Z"}
    assert status(contact_id) == {**ended, "EndedBy": "UNKNOWN"}
    backend.deliver("COMPLETED", contact_id, ended=9, disconnectReason="AGENT_DISCONNECT")
    assert status(contact_id) == {**ended, "EndedBy": "AGENT", "DisconnectReason": "AGENT_DISCONNECT"}


QUEUE_ID = "0f000000-0000-4000-8000-000000000007"
QUEUE = {"queueArn": f"{INSTANCE_ARN}/queue/{QUEUE_ID}", "enqueueTimestamp": "2026-09-21T14:13:21.250Z"}


@pytest.fixture
def queued(backend: Backend) -> str:
    """A call that is second in its queue."""
    contact_id = backend.call().contact_id
    backend.queues.waiting = ["contact-of-another", contact_id]
    backend.deliver("QUEUED", contact_id, queued=1.25, queueInfo=QUEUE)
    backend.now += 2_000
    return contact_id


def test_a_call_that_waits_has_its_wait_and_its_position(backend: Backend, queued: str) -> None:
    known = status(queued)
    assert known["ExpectedWaitSeconds"] == 120
    assert (known["PositionInQueue"], known["PositionAt"]) == (2, "2026-09-21T14:13:22.000Z")
    (read,) = backend.queues.requested("GetCurrentMetricData")
    assert read["Filters"]["Queues"] == [QUEUE_ID]


def test_what_connect_expects_of_this_contact_comes_before_what_it_expects_of_its_queue(
    backend: Backend, queued: str
) -> None:
    backend.queues.waits = {queued: 400.2}
    assert status(queued)["ExpectedWaitSeconds"] == 420
    assert backend.queues.requested("GetCurrentMetricData") == []


def test_a_call_that_waits_in_another_queue_as_another_contact_has_the_position_there(
    backend: Backend, queued: str
) -> None:
    moved: dict[str, Any] = {"initialContactId": queued, "initiationMethod": "QUEUE_TRANSFER"}
    overflow = {"queueArn": "a/queue/overflow", "enqueueTimestamp": "2026-09-21T14:14:00.000Z"}
    backend.queues.waiting = ["leg-2"]
    backend.deliver("QUEUED", "leg-2", queued=40, queueInfo=overflow, **moved)
    backend.deliver("DISCONNECTED", queued, queued=1.25, queueInfo=QUEUE, ended=41)
    assert status(queued)["PositionInQueue"] == 1
    assert backend.queues.requested("GetContactMetrics")[0]["ContactId"] == "leg-2"
    assert backend.queues.requested("GetCurrentMetricData")[0]["Filters"]["Queues"] == ["overflow"]


def test_a_call_whose_queue_no_event_has_named_has_neither(backend: Backend) -> None:
    contact_id = backend.call().contact_id
    backend.deliver("QUEUED", contact_id, at=1)
    assert status(contact_id).keys() == {
        "ContactId", "State", "StartedAt", "QueuedAt", "AskAgainAfterSeconds",
    }  # fmt: skip
    assert backend.queues.requests == []


def test_a_call_that_waits_no_more_has_neither(backend: Backend, queued: str) -> None:
    status(queued)
    backend.deliver("CONNECTED_TO_AGENT", queued, queued=1.25, connected=5)
    assert not {"ExpectedWaitSeconds", "PositionInQueue", "PositionAt"} & status(queued).keys()


@pytest.mark.parametrize("operation", ["GetContactMetrics", "GetCurrentMetricData"])
@pytest.mark.parametrize(
    "fault",
    [
        (429, "ThrottlingException", {}),
        (403, "AccessDeniedException", {}),
        (404, "ResourceNotFoundException", {}),
        (500, "InternalServiceException", {}),
        (200, None, {"MetricResults": [7]}),
        ReadTimeoutError(endpoint_url="https://connect.example"),
    ],
    ids=str,
)
def test_a_status_never_fails_for_what_is_not_known_of_the_wait(
    backend: Backend, queued: str, operation: str, fault: Any
) -> None:
    backend.queues.faults[operation] = [fault]
    known = status(queued)
    assert known["State"] == "QUEUED"
    assert ("PositionInQueue" in known) == (operation != "GetContactMetrics")
    assert ("ExpectedWaitSeconds" in known) == (operation != "GetCurrentMetricData")


def test_a_status_never_fails_for_the_table_of_waiting(queued: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = FakeDynamoDb._receive

    def receive(fake: FakeDynamoDb, request: Any, **more: Any) -> Any:
        if fake.table == WAITING_TABLE:
            monkeypatch.setattr(fake, "_GetItem", refuse)
        return real(fake, request, **more)

    def refuse(*_: Any) -> Any:
        raise RefusedError(400, "ProvisionedThroughputExceededException")

    monkeypatch.setattr(FakeDynamoDb, "_receive", receive)
    for operation in ("_UpdateItem", "_Query"):
        monkeypatch.setattr(FakeDynamoDb, operation, refuse)
    assert status(queued)["State"] == "QUEUED"


def test_a_status_that_the_app_has_is_not_sent_again(backend: Backend, queued: str) -> None:
    tag = invoke("GET", CALL, queued)["headers"]["ETag"]
    again = invoke("GET", CALL, queued, headers={"If-None-Match": tag})
    assert (again["statusCode"], again["body"], again["headers"]["ETag"]) == (304, "", tag)
    # Nor while time goes by: the wait and the position are those that were read.
    backend.now += 900
    assert invoke("GET", CALL, queued, headers={"If-None-Match": tag})["statusCode"] == 304
    backend.deliver("CONNECTED_TO_AGENT", queued, queued=1.25, connected=5)
    assert invoke("GET", CALL, queued, headers={"If-None-Match": tag})["statusCode"] == 200


def test_a_call_that_was_hung_up_was_ended_by_its_caller(backend: Backend) -> None:
    contact_id = backend.call().contact_id
    invoke("DELETE", CALL, contact_id)
    assert status(contact_id)["EndedBy"] == "CALLER"
    backend.deliver("DISCONNECTED", contact_id, ended=9, disconnectReason="OTHER")
    assert (status(contact_id)["EndedBy"], status(contact_id)["DisconnectReason"]) == ("CALLER", "OTHER")


def test_a_call_without_an_event_of_its_end_ends_at_its_longest(backend: Backend) -> None:
    contact_id = backend.call().contact_id
    backend.now = START + 7_200_000
    assert status(contact_id) == {
        "ContactId": contact_id,
        "State": "ENDED",
        "StartedAt": "2026-09-21T14:13:20.000Z",
        "EndedAt": "2026-09-21T16:13:20.000Z",
        "EndedBy": "UNKNOWN",
    }


def test_a_hang_up_is_idempotent_and_has_no_content(backend: Backend, contact_id: str) -> None:
    for _ in range(2):
        response = invoke("DELETE", CALL, contact_id)
        assert (response["statusCode"], response["body"]) == (204, "")
        assert "Content-Type" not in response["headers"]
    assert not backend.connect.active
    assert status(contact_id)["State"] == "ENDED"


@pytest.mark.parametrize("body", [None, "{}"])
def test_a_rejoin_is_answered_with_a_connection(backend: Backend, contact_id: str, body: str | None) -> None:
    response = invoke("POST", CONNECTION, contact_id, body)
    assert response["statusCode"] == 200
    assert response["headers"]["Content-Type"] == "application/json"
    assert response["body"] == backend.record().answer


def test_digits_are_sent(backend: Backend, contact_id: str) -> None:
    response = invoke("POST", DIGITS, contact_id, '{"Digits": "1*#,"}')
    assert (response["statusCode"], response["body"]) == (204, "")
    encoded = base64.b64encode(b'{"Digits": "2"}').decode()
    assert invoke("POST", DIGITS, contact_id, encoded, base64=True)["statusCode"] == 204
    assert backend.connect.digits == [(contact_id, "1*#,"), (contact_id, "2")]


@pytest.mark.parametrize(("method", "resource", "body"), ROUTES)
def test_404_for_unknown_calls_and_other_users_calls_without_a_request_to_connect(
    backend: Backend, contact_id: str, method: str, resource: str, body: str | None
) -> None:
    backend.connect.requests.clear()
    answers = [
        invoke(method, resource, sent, body, claims=CLAIMS | {"sub": user_id})
        for sent, user_id in [
            (contact_id, "user-2"),
            ("made-up", "user-2"),
            ("made-up", "user-1"),
            (None, "user-1"),
        ]
    ]
    assert slug(answers[0]) == "not-found"
    assert answers[0]["statusCode"] == 404
    assert answers[1:] == answers[:1] * 3
    assert contact_id not in answers[0]["body"]
    assert not backend.connect.requests


@pytest.mark.parametrize(("method", "resource", "body"), ROUTES)
def test_nobody_is_served_without_a_verified_subject(
    backend: Backend, contact_id: str, method: str, resource: str, body: str | None
) -> None:
    backend.connect.requests.clear()
    for claims in ({}, {"sub": ""}):
        response = invoke(method, resource, contact_id, body, claims=claims)
        assert (response["statusCode"], slug(response)) == (401, "unauthorized")
    assert not backend.connect.requests


@pytest.mark.parametrize(
    ("method", "resource"), [("PUT", CALL), ("POST", CALL), ("DELETE", DIGITS), ("POST", "/calls")]
)
def test_a_path_or_method_of_no_contract_is_not_found(
    backend: Backend, contact_id: str, method: str, resource: str
) -> None:
    assert invoke(method, resource, contact_id)["statusCode"] == 404
    assert len(backend.connect.active) == 1


@pytest.mark.parametrize(
    ("resource", "body", "pointers"),
    [
        (CONNECTION, '{"Digits": "1"}', ["/Digits"]),
        (CONNECTION, "[]", [""]),
        (DIGITS, None, ["/Digits"]),
        (DIGITS, '{"Digits": "x", "Extra": 1}', ["/Extra", "/Digits"]),
    ],
)
def test_faults_of_the_request_are_listed_before_any_request_to_connect(
    backend: Backend, contact_id: str, resource: str, body: str | None, pointers: list[str]
) -> None:
    backend.connect.requests.clear()
    response = invoke("POST", resource, contact_id, body)
    assert response["statusCode"] == 400
    assert [error["pointer"] for error in problem(response)["errors"]] == pointers
    assert not backend.connect.requests


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_body_where_the_contract_has_none_is_not_read(
    backend: Backend, contact_id: str, method: str
) -> None:
    assert invoke(method, CALL, contact_id, "%%%", base64=True)["statusCode"] < 300


@pytest.mark.parametrize("resource", [CONNECTION, DIGITS])
def test_a_body_of_another_type_or_size_is_refused(backend: Backend, contact_id: str, resource: str) -> None:
    plain = invoke("POST", resource, contact_id, "{}", {"Content-Type": "text/plain"})
    assert (plain["statusCode"], slug(plain)) == (415, "unsupported-media-type")
    large = invoke("POST", resource, contact_id, " " * 262_145)
    assert (large["statusCode"], slug(large)) == (413, "too-large")


GONE: Answer = (403, "AccessDeniedException", {})
# Faults in the order of operations (stop, participant, connection, message), then status, slug, Retry-After.
FAULTS: list[tuple[str, str, dict[str, list[Answer]], int, str, str | None]] = [
    ("DELETE", CALL, {"stop": [(400, "InvalidRequestException", {})]}, 409, "not-possible-now", "1"),
    ("DELETE", CALL, {"stop": [(429, "ThrottlingException", {})] * 2}, 429, "capacity-reached", "2"),
    ("DELETE", CALL, {"stop": [(500, "InternalServiceException", {})] * 2}, 503, "unavailable", "5"),
    ("DELETE", CALL, {"stop": [(403, "AccessDeniedException", {})]}, 500, "internal-error", None),
    ("POST", CONNECTION, {"connection": [(400, "ValidationException", {})]}, 409, "not-possible-now", None),
    ("POST", CONNECTION, {"connection": [GONE], "participant": [(404, "ResourceNotFoundException", {})]},
     409, "call-ended", None),
    ("POST", CONNECTION, {"connection": [GONE], "participant": [(402, "ServiceQuotaExceededException", {})]},
     429, "capacity-reached", "2"),
    ("POST", CONNECTION, {"connection": [GONE, (200, None, {})]}, 502, "answer-incomplete", None),
    ("POST", DIGITS, {"connection": [GONE]}, 409, "not-connected", None),
    ("POST", DIGITS, {"message": [GONE]}, 409, "not-connected", None),
    ("POST", DIGITS, {"message": [(500, "InternalServerException", {})] * 2}, 503, "unavailable", "5"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "resource", "faults", "code", "expected", "retry_after"), FAULTS)
def test_a_failure_of_connect_is_the_problem_that_fits(
    backend: Backend,
    contact_id: str,
    method: str,
    resource: str,
    faults: dict[str, list[Answer]],
    code: int,
    expected: str,
    retry_after: str | None,
) -> None:
    for operation, answers in faults.items():
        setattr(backend.connect, f"{operation}_faults", list(answers))
    response = invoke(method, resource, contact_id, '{"Digits": "1"}' if resource == DIGITS else None)
    assert (response["statusCode"], slug(response)) == (code, expected)
    assert response["headers"].get("Retry-After") == retry_after


def test_whoever_waits_for_an_agent_cannot_come_back_yet(backend: Backend) -> None:
    contact_id = backend.call().contact_id
    backend.connect.drop(contact_id)
    response = invoke("POST", CONNECTION, contact_id)
    assert (response["statusCode"], slug(response)) == (409, "agent-not-connected")


@pytest.mark.parametrize("resource", [CONNECTION, DIGITS])
def test_an_ended_call_says_so(backend: Backend, contact_id: str, resource: str) -> None:
    invoke("DELETE", CALL, contact_id)
    response = invoke("POST", resource, contact_id, '{"Digits": "1"}' if resource == DIGITS else None)
    assert (response["statusCode"], slug(response)) == (409, "call-ended")


def test_a_browser_of_an_allowed_origin_may_read_the_answer(backend: Backend, contact_id: str) -> None:
    reported = invoke("GET", CALL, contact_id, headers={"Origin": "https://app.example"})["headers"]
    assert reported["Access-Control-Allow-Origin"] == "https://app.example"
    assert "Access-Control-Allow-Origin" not in invoke("GET", CALL, contact_id)["headers"]


def test_nothing_secret_is_logged_counted_or_answered(
    backend: Backend, contact_id: str, written: Callable[[], str]
) -> None:
    answers = [
        invoke(method, resource, contact_id, body) for method, resource, body in ROUTES[:1] + ROUTES[3:]
    ]
    backend.connect.drop(contact_id)
    answers.append(invoke("POST", DIGITS, contact_id, '{"Digits": "99779977"}'))
    rejoined = invoke("POST", CONNECTION, contact_id)
    answers.append(invoke("POST", DIGITS, contact_id, '{"Digits": "SECRET"}'))
    answers.append(invoke("POST", CONNECTION, contact_id, '{"Digits": "SECRET"}'))
    for faults, route in [
        ("connection_faults", ROUTES[2]),
        ("message_faults", ROUTES[3]),
        ("stop_faults", ROUTES[1]),
    ]:
        for fault in [(400, "ValidationException"), (400, "InvalidRequestException"), (500, "X")]:
            setattr(backend.connect, faults, [(*fault, {"message": "SECRET-AWS"})] * 2)
            method, resource, body = route
            answers.append(invoke(method, resource, contact_id, body))
            setattr(backend.connect, faults, [])
    answers.append(invoke("DELETE", CALL, contact_id))
    assert [answer["statusCode"] for answer in answers[:5]] == [200, 204, 409, 400, 400]
    assert rejoined["statusCode"] == 200
    assert "SECRET" in rejoined["body"]
    output = written()
    for name in ("CallHungUp", "CallRejoined", "DigitsSent", "StatusRead", contact_id):
        assert name in output
    reported = "".join(answer["body"] for answer in answers)
    assert "SECRET" not in reported + output
    assert "99779977" not in output
    assert ADA.context["customer_email"] not in reported + output


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(60))
@given(
    route=st.sampled_from([("GET", CALL), ("POST", CONNECTION), ("POST", DIGITS), ("PATCH", CALL)]),
    sent=st.none() | st.text() | st.just("the call"),
    body=st.none()
    | st.text()
    | st.text(alphabet="0123456789*#,a", max_size=22).map(lambda digits: json.dumps({"Digits": digits})),
    headers=st.dictionaries(
        st.sampled_from(["Content-Type", "Origin", "X"]), st.text(max_size=20), max_size=2
    ),
    encoded=st.booleans(),
)
def test_whatever_is_sent_is_never_a_5xx(
    backend: Backend,
    contact_id: str,
    route: tuple[str, str],
    sent: str | None,
    body: str | None,
    headers: dict[str, str],
    encoded: bool,
) -> None:
    response = invoke(*route, contact_id if sent == "the call" else sent, body, headers, base64=encoded)
    assert response["statusCode"] < 500
    if response["statusCode"] >= 400:
        problem(response)
