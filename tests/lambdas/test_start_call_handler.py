import base64
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runtime.errors import ServiceError

from api.problems import PROBLEMS
from calls.connect import ConnectInstance
from calls.table import CallTable
from calls.webrtc import WebRtc
from operations import blocks
from start_call import handler as module
from start_call.caller import Authentication
from start_call.domain import StartCall
from start_call.switch import Switch
from tests.examples import examples
from tests.lambdas.conftest import INSTANCE_ARN, TABLE
from tests.lambdas.events import CLAIMS, REQUEST_ID, LambdaContext, start_call_event
from tests.lambdas.fake_aws import shared_client
from tests.lambdas.fake_connect import FakeConnect
from tests.lambdas.fake_dynamodb import FakeDynamoDb
from tests.lambdas.fake_parameters import FakeParameters

NOW = 1_790_000_000_000


def switched_on(monkeypatch: pytest.MonkeyPatch, value: str | None = "on") -> FakeParameters:
    """A switch that nobody has read yet."""
    name = module._settings.calling_parameter
    parameters = FakeParameters(name, value)
    client = parameters.attach(shared_client("ssm", read_timeout=2, repeats=False))
    monkeypatch.setattr(module, "_switch", Switch(client, name, lambda: NOW))
    return parameters


@pytest.fixture
def connect(dynamodb: Any, monkeypatch: pytest.MonkeyPatch) -> FakeConnect:
    """The handler with fresh clients; returns the Connect behind it."""
    fake = FakeConnect()
    switched_on(monkeypatch)
    table = CallTable(dynamodb, TABLE)
    contacts = ConnectInstance(fake.attach(shared_client("connect")), INSTANCE_ARN)
    no_participants: Any = None
    transport = WebRtc(table, contacts, no_participants, lambda: NOW, instance_arn=INSTANCE_ARN)
    monkeypatch.setattr(
        module,
        "_start_call",
        StartCall(table, transport, module._settings.limits, lambda: NOW),
    )
    return fake


def post(*args: Any, **kwargs: Any) -> dict[str, Any]:
    response: dict[str, Any] = module.handler(start_call_event(*args, **kwargs), LambdaContext())
    return response


def problem(response: dict[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(response["body"])
    assert response["headers"]["Content-Type"] == "application/problem+json"
    assert response["headers"]["Cache-Control"] == "no-store"
    assert body["status"] == response["statusCode"]
    assert body["requestId"] == REQUEST_ID
    assert body["type"].startswith("urn:in-app-calling:problem:")
    return body


def test_a_call_is_created_and_no_cache_may_keep_it(connect: FakeConnect) -> None:
    response = post()
    assert response["statusCode"] == 201
    assert response["headers"] == {"Content-Type": "application/json", "Cache-Control": "no-store"}
    assert [json.loads(response["body"])["ContactId"]] == connect.active


def test_a_replay_is_marked(connect: FakeConnect) -> None:
    first = post(headers={"idempotency-KEY": "tap"})
    second = post(headers={"Idempotency-Key": "tap"})
    assert second["statusCode"] == 200
    assert second["headers"]["Idempotent-Replayed"] == "true"
    assert second["body"] == first["body"]
    assert len(connect.active) == 1


@pytest.mark.parametrize(
    ("value", "status", "slug"), [("off", 503, "calling-stopped"), (None, 500, "internal-error")]
)
def test_a_switch_that_is_not_on_stops_the_call_before_anything_is_written(
    connect: FakeConnect,
    fake_dynamodb: FakeDynamoDb,
    monkeypatch: pytest.MonkeyPatch,
    value: str | None,
    status: int,
    slug: str,
) -> None:
    switched_on(monkeypatch, value)
    response = post()
    assert response["statusCode"] == status
    assert problem(response)["type"].endswith(f":{slug}")
    assert not connect.requests
    assert not fake_dynamodb.items
    if status == 503:
        assert response["headers"]["Retry-After"] == "60"


def test_starts_that_an_operator_has_stopped_are_counted_apart(
    monkeypatch: pytest.MonkeyPatch, written: Callable[[], str]
) -> None:
    """They are answered 503, and are no failure."""
    for value, counts in (("off", 1), (None, 0)):
        switched_on(monkeypatch, value)
        assert post()["statusCode"] >= 500
        assert written().count('"StartStopped":[1.0]') == counts


def test_a_topic_may_require_another_sign_in_than_a_plain_call(
    connect: FakeConnect, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = {"billing": Authentication(max_age_seconds=300, amr=frozenset({"mfa", "hwk"}))}
    monkeypatch.setattr(module, "_settings", replace(module._settings, authentication=rules))
    monkeypatch.setattr(module, "now", lambda: NOW)
    response = post('{"Topic": "billing"}')
    assert response["statusCode"] == 403
    body = problem(response)
    assert body["type"].endswith(":insufficient-user-authentication")
    assert (body["MaxAge"], body["Amr"]) == (300, ["hwk", "mfa"])
    assert not connect.requests
    assert post('{"Topic": "billing"}', claims={**CLAIMS, "amr": "pwd,mfa"})["statusCode"] == 201


@pytest.mark.parametrize(("topic", "age"), [(None, 60), ("billing", 300), ("sales", 60)])
def test_what_has_no_rule_of_its_own_follows_the_rule_for_all(topic: str | None, age: int) -> None:
    rules = {"": Authentication(max_age_seconds=60), "billing": Authentication(max_age_seconds=300)}
    settings = replace(module._settings, authentication=rules)
    assert settings.authentication_for(topic).max_age_seconds == age


def test_a_blocked_user_hears_so_and_nothing_else(connect: FakeConnect, dynamodb: Any) -> None:
    blocks.block(dynamodb, TABLE, "user-1", until=NOW + 1)
    response = post()
    assert response["statusCode"] == 403
    assert problem(response)["type"].endswith(":caller-blocked")
    assert not connect.requests


def test_an_active_call_is_named(connect: FakeConnect) -> None:
    post()
    response = post()
    assert response["statusCode"] == 409
    assert problem(response)["ContactId"] == connect.active[0]
    assert "Retry-After" not in response["headers"]


def test_faults_of_the_request_are_listed(connect: FakeConnect) -> None:
    response = post('{"Topic": "sales", "Extra": 1}')
    assert response["statusCode"] == 400
    assert [error["pointer"] for error in problem(response)["errors"]] == ["/Extra", "/Topic"]
    assert not connect.requests


def test_a_body_in_base64_is_read(connect: FakeConnect) -> None:
    body = base64.b64encode(json.dumps({"DisplayName": "Zoë"}).encode()).decode()
    claims = {name: value for name, value in CLAIMS.items() if name != "name"}
    assert post(body, claims=claims, base64=True)["statusCode"] == 201
    assert connect.requests[0][1]["ParticipantDetails"] == {"DisplayName": "Zoë"}


@pytest.mark.parametrize("body", ["%%%", base64.b64encode(b"\xff").decode()])
def test_a_body_that_is_not_text_is_refused(connect: FakeConnect, body: str) -> None:
    assert post(body, base64=True)["statusCode"] == 400
    assert not connect.requests


@pytest.mark.parametrize("claims", [{}, {"sub": ""}, {"email": "a@example.com"}])
def test_nobody_is_served_without_a_verified_subject(connect: FakeConnect, claims: dict[str, str]) -> None:
    response = post(claims=claims)
    assert problem(response)["type"].endswith(":unauthorized")
    assert response["statusCode"] == 401
    assert not connect.requests


def test_an_event_without_an_authorizer_is_refused(connect: FakeConnect) -> None:
    event = start_call_event()
    del event["requestContext"]["authorizer"]
    assert module.handler(event, LambdaContext())["statusCode"] == 401
    assert not connect.requests


def test_throttling_says_when_to_come_back(connect: FakeConnect) -> None:
    connect.start_faults = [(429, "LimitExceededException", {})] * 2
    response = post()
    assert response["statusCode"] == 429
    assert response["headers"]["Retry-After"] == "2"
    assert problem(response)["type"].endswith(":capacity-reached")


def test_an_error_that_nobody_foresaw_is_a_500_without_its_text(
    connect: FakeConnect, written: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("SECRET")

    monkeypatch.setattr(module, "_start_call", fail)
    response = post()
    assert response["statusCode"] == 500
    assert problem(response)["type"].endswith(":internal-error")
    output = written()
    assert "SECRET" not in response["body"] + output
    assert "RuntimeError" in output
    assert "test_start_call_handler.py" in output


def test_a_browser_of_an_allowed_origin_may_read_the_answer_and_no_other(connect: FakeConnect) -> None:
    assert post(headers={"origin": "https://app.example"})["headers"]["Access-Control-Allow-Origin"] == (
        "https://app.example"
    )
    assert "Access-Control-Allow-Origin" not in post(headers={"Origin": "https://evil.example"})["headers"]


def test_every_error_of_the_domain_has_an_answer() -> None:
    def leaves(of: type[ServiceError]) -> set[type[ServiceError]]:
        return {of} if not of.__subclasses__() else set().union(*map(leaves, of.__subclasses__()))

    assert leaves(ServiceError) == PROBLEMS.keys()


def test_nothing_secret_is_logged_counted_or_answered(
    connect: FakeConnect, written: Callable[[], str]
) -> None:
    secret_body = json.dumps({"DisplayName": "SECRET-NAME", "Attributes": {"order_id": "SECRET-ORDER"}})
    answers = [
        post(secret_body, {"Idempotency-Key": "tap"}),
        post(secret_body, {"Idempotency-Key": "tap"}),
        post(secret_body),
        post('{"DisplayName": "SECRET-NAME\\n", "Topic": "SECRET-TOPIC", "Attributes": {"page": 1}}'),
        post("SECRET-GARBAGE"),
    ]
    for fault in [
        (429, "LimitExceededException"),
        (500, "InternalServiceException"),
        (400, "InvalidParameterException"),
    ]:
        connect.start_faults = [(*fault, {"message": "SECRET-AWS"})] * 2
        answers.append(post(secret_body, claims=None))
    assert [answer["statusCode"] for answer in answers[:5]] == [201, 200, 409, 400, 400]
    answered = "".join(answer["body"] for answer in answers[2:])
    output = written()
    assert "CallStarted" in output
    assert "SECRET" not in answered + output


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(50))
@given(
    body=st.none() | st.text(),
    headers=st.dictionaries(
        st.sampled_from(["Idempotency-Key", "Content-Type", "Origin", "X"]), st.text(max_size=20), max_size=3
    ),
    encoded=st.booleans(),
)
def test_whatever_a_caller_sends_is_never_a_5xx(
    connect: FakeConnect, body: str | None, headers: dict[str, str], encoded: bool
) -> None:
    response = post(body, headers, base64=encoded)
    assert response["statusCode"] < 500
    if response["statusCode"] >= 400:
        problem(response)


def test_one_users_refused_starts_look_like_one(connect: FakeConnect, written: Callable[[], str]) -> None:
    connect.start_faults = [(400, "InvalidRequestException", {})] * 3
    assert [post()["statusCode"] for _ in range(4)] == [500, 500, 500, 429]
    output = written()
    assert output.count('"StartRefused":[1.0]') == 1
    assert output.count('"StartRefusedAgain":[1.0]') == 2
    assert "ConfigurationFault" not in output
