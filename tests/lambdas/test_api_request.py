import base64
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.problems import Response, empty_response, json_response
from api.request import (
    MAX_BODY,
    pointer,
    read_body,
    read_claims,
    read_headers,
    read_members,
    respond,
    unknown_members,
)
from calls.errors import (
    CallNotFound,
    InvalidRequest,
    NotSignedIn,
    TooLarge,
    UnsupportedMediaType,
    Violation,
)
from runtime.errors import CapacityReached
from tests.lambdas.events import CLAIMS, REQUEST_ID, start_call_event

JSON_TYPE = {"content-type": ["application/json"]}
ORIGINS = frozenset({"https://app.example"})


def failing(error: Exception) -> Callable[[], Response]:
    def fail() -> Response:
        raise error

    return fail


def test_the_claims_are_those_that_the_authorizer_verified() -> None:
    assert read_claims(start_call_event()) == CLAIMS


@pytest.mark.parametrize(
    "authorizer", [{}, {"claims": {}}, {"claims": {"sub": ""}}, {"claims": {"email": "a"}}]
)
def test_nobody_is_signed_in_without_a_subject(authorizer: dict[str, Any]) -> None:
    event = start_call_event()
    event["requestContext"]["authorizer"] = authorizer
    with pytest.raises(NotSignedIn):
        read_claims(event)


def test_nobody_is_signed_in_without_an_authorizer() -> None:
    with pytest.raises(NotSignedIn):
        read_claims({"requestContext": {}})


def test_headers_are_found_in_whatever_case_they_are_sent_with_all_their_values() -> None:
    headers = read_headers({"multiValueHeaders": {"X-One": ["1"], "x-one": ["2", "3"], "Host": ["h"]}})
    assert headers == {"x-one": ["1", "2", "3"], "host": ["h"]}
    assert read_headers({"multiValueHeaders": None}) == read_headers({}) == {}


def test_a_body_is_text_also_in_base64() -> None:
    assert read_body({"body": None, "isBase64Encoded": True}) is None
    assert read_body({}) is None
    assert read_body({"body": "Zoë", "isBase64Encoded": False}) == "Zoë"
    assert read_body({"body": base64.b64encode("Zoë".encode()).decode(), "isBase64Encoded": True}) == "Zoë"


@pytest.mark.parametrize("body", ["%%%", "ä", base64.b64encode(b"\xff").decode()])
def test_a_body_that_is_not_text_is_refused(body: str) -> None:
    with pytest.raises(InvalidRequest):
        read_body({"body": body, "isBase64Encoded": True})


@pytest.mark.parametrize("body", [None, ""])
def test_no_body_has_no_members_whatever_type_it_is_said_to_have(body: str | None) -> None:
    assert read_members({"content-type": ["text/plain"]}, body) == {}


@pytest.mark.parametrize(
    "headers", [{}, {"content-type": []}, {"content-type": ["Application/JSON ; charset=utf-8"]}]
)
def test_a_body_is_json_unless_it_is_said_to_be_something_else(headers: dict[str, list[str]]) -> None:
    assert read_members(headers, '{"a": [1]}') == {"a": [1]}


def test_a_body_of_another_type_is_refused() -> None:
    with pytest.raises(UnsupportedMediaType):
        read_members({"content-type": ["application/x-www-form-urlencoded"]}, "{}")


def test_the_largest_body_is_read_and_a_larger_one_is_not() -> None:
    assert read_members(JSON_TYPE, "{}" + " " * (MAX_BODY - 2)) == {}
    with pytest.raises(TooLarge):
        read_members(JSON_TYPE, "{}" + " " * (MAX_BODY - 1))


@pytest.mark.parametrize(
    "body",
    [
        "[]",
        "null",
        "1",
        "{",
        "NaN",
        '{"a": -Infinity}',
        '{"a": {"b": 1, "b": 2}}',
        pytest.param("[" * 100_000, id="100,000 brackets"),
    ],
)
def test_a_body_that_is_no_json_object_is_refused(body: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read_members(JSON_TYPE, body)
    assert [violation.pointer for violation in refused.value.violations] == [""]


def test_unknown_members_are_each_named_with_what_is_known() -> None:
    assert unknown_members({"A": 1, "b/c": 2}, frozenset({"A", "D"})) == [
        Violation("/b~1c", "Unknown member. Known are A, D.")
    ]
    assert unknown_members({"A": 1}, frozenset()) == [Violation("/A", "Unknown member. Known are none.")]


def test_a_pointer_is_escaped_and_a_long_name_is_cut() -> None:
    assert pointer() == ""
    assert pointer("a", "~/", "x" * 1000) == "/a/~0~1/" + "x" * 64


@given(body=st.text(), content_type=st.none() | st.text())
def test_any_body_is_read_or_refused(body: str, content_type: str | None) -> None:
    headers = {} if content_type is None else {"content-type": [content_type]}
    try:
        members = read_members(headers, body)
    except (InvalidRequest, UnsupportedMediaType):
        return
    assert isinstance(members, dict)


def test_an_answer_is_passed_on() -> None:
    answer = json_response(200, "{}")
    assert respond(start_call_event(), ORIGINS, lambda: answer) == json_response(200, "{}")


def test_an_empty_answer_is_kept_by_no_cache_either() -> None:
    assert empty_response() == {"statusCode": 204, "headers": {"Cache-Control": "no-store"}, "body": ""}


def test_a_refusal_is_answered_with_its_problem_and_counted(written: Callable[[], str]) -> None:
    response = respond(start_call_event(), ORIGINS, failing(CapacityReached("Wait.")))
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


def test_an_error_that_nobody_foresaw_is_told_and_logged_without_its_text(written: Callable[[], str]) -> None:
    response = respond(start_call_event(), ORIGINS, failing(ZeroDivisionError("SECRET")))
    assert response["statusCode"] == 500
    assert json.loads(response["body"])["type"] == "urn:in-app-calling:problem:internal-error"
    output = written()
    assert "SECRET" not in response["body"] + output
    assert "ZeroDivisionError" in output
    assert "test_api_request.py" in output


@pytest.mark.parametrize(
    "answer",
    [empty_response, failing(CallNotFound()), failing(RuntimeError())],
    ids=["answered", "refused", "failed"],
)
@pytest.mark.parametrize(
    ("origin", "allowed"),
    [("https://app.example", "https://app.example"), ("https://evil.example", None), (None, None)],
)
def test_a_browser_of_an_allowed_origin_may_read_every_answer_and_no_other_may(
    answer: Callable[[], Response], origin: str | None, allowed: str | None
) -> None:
    headers = {} if origin is None else {"oRIGIN": origin}
    told = respond(start_call_event(headers=headers), ORIGINS, answer)["headers"]
    assert told.get("Access-Control-Allow-Origin") == allowed
    # Each answer says itself which of its headers a script may read: that of the preflight does not count.
    exposed = None if allowed is None else "Idempotent-Replayed, Retry-After"
    assert told.get("Access-Control-Expose-Headers") == exposed
    assert told.get("Vary") == (None if allowed is None else "Origin")


@pytest.mark.parametrize("expires_at", ["4102444800", "99999999999"])
def test_the_claims_of_our_own_authorizer_are_read_from_their_text(expires_at: str) -> None:
    authorizer = {"principalId": "user", "claims": '{"sub": "user-1", "amr": "mfa"}', "expiresAt": expires_at}
    claims = read_claims({"requestContext": {"authorizer": authorizer}})
    assert claims == {"sub": "user-1", "amr": "mfa"}


@pytest.mark.parametrize("seconds_ago", [0, 1, 3600])
def test_an_answer_of_the_authorizer_that_the_gateway_kept_past_the_tokens_end_is_none(
    seconds_ago: int,
) -> None:
    authorizer = {"claims": '{"sub": "user-1"}', "expiresAt": str(int(time.time()) - seconds_ago)}
    with pytest.raises(NotSignedIn):
        read_claims({"requestContext": {"authorizer": authorizer}})


@pytest.mark.parametrize(
    "authorizer", [None, {}, {"claims": {}}, {"claims": "{}", "expiresAt": "4102444800"}]
)
def test_no_subject_is_nobody(authorizer: object) -> None:
    with pytest.raises(NotSignedIn):
        read_claims({"requestContext": {"authorizer": authorizer}})
