import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from runtime.errors import CapacityReached

from api.endpoint import endpoint
from api.request import Request
from api.responses import Response, empty_response, json_response
from calls.errors import AuthenticationInsufficient, CallNotFound
from tests.lambdas.events import REQUEST_ID, LambdaContext, start_call_event

ORIGINS = frozenset({"https://app.example"})


def failing(error: Exception) -> Callable[[Request], Response]:
    def fail(_: Request) -> Response:
        raise error

    return fail


def invoke(answer: Callable[[Request], Response], **event: Any) -> Response:
    return endpoint(ORIGINS)(answer)(start_call_event(**event), LambdaContext())


def test_an_answer_is_passed_on() -> None:
    assert invoke(lambda _: json_response(200, "{}")) == json_response(200, "{}")


def test_an_empty_answer_is_kept_by_no_cache_either() -> None:
    assert empty_response() == {"statusCode": 204, "headers": {"Cache-Control": "no-store"}, "body": ""}


def test_a_refusal_is_answered_with_its_problem_and_counted(written: Callable[[], str]) -> None:
    response = invoke(failing(CapacityReached("Wait.")))
    assert response["statusCode"] == 429
    assert response["headers"]["Retry-After"] == "2"
    assert json.loads(response["body"]) == {
        "type": "urn:in-app-calling:problem:capacity-reached",
        "title": "The contact center is busy",
        "status": 429,
        "detail": "Wait.",
        "requestId": REQUEST_ID,
    }
    assert '"error_type":"CapacityReached"' in written()


@pytest.mark.parametrize(
    ("max_age", "amr", "members"),
    [(300, (), {"MaxAge": 300}), (None, ("mfa", "hwk"), {"Amr": ["hwk", "mfa"]})],
)
def test_a_sign_in_that_does_not_do_is_answered_with_what_would(
    max_age: int | None, amr: Sequence[str], members: dict[str, Any]
) -> None:
    response = invoke(failing(AuthenticationInsufficient(max_age_seconds=max_age, amr=amr)))
    body = json.loads(response["body"])
    assert {name: body[name] for name in ("MaxAge", "Amr") if name in body} == members


def test_an_unforeseen_error_is_answered_and_logged_without_its_text(written: Callable[[], str]) -> None:
    response = invoke(failing(ZeroDivisionError("SECRET")))
    assert response["statusCode"] == 500
    assert json.loads(response["body"])["type"] == "urn:in-app-calling:problem:internal-error"
    output = written()
    assert "SECRET" not in response["body"] + output
    assert "ZeroDivisionError" in output
    assert "test_api_endpoint.py" in output


@pytest.mark.parametrize(
    "answer",
    [lambda _: empty_response(), failing(CallNotFound()), failing(RuntimeError())],
    ids=["answered", "refused", "failed"],
)
@pytest.mark.parametrize(
    ("origin", "allowed"),
    [("https://app.example", "https://app.example"), ("https://evil.example", None), (None, None)],
)
def test_a_browser_of_an_allowed_origin_may_read_every_answer_and_no_other_may(
    answer: Callable[[Request], Response], origin: str | None, allowed: str | None
) -> None:
    headers = {} if origin is None else {"oRIGIN": origin}
    answered = invoke(answer, headers=headers)["headers"]
    assert answered.get("Access-Control-Allow-Origin") == allowed
    # Each answer says itself which of its headers a script may read: that of the preflight does not count.
    exposed = None if allowed is None else "ETag, Idempotent-Replayed, Retry-After"
    assert answered.get("Access-Control-Expose-Headers") == exposed
    assert answered.get("Vary") == (None if allowed is None else "Origin")
