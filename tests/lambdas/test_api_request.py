import base64
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.request import MAX_BODY, Request, pointer
from calls.errors import InvalidRequest, NotSignedIn, TooLarge, UnsupportedMediaType, Violation
from tests.lambdas.events import CLAIMS, REQUEST_ID, call_event, start_call_event

JSON_TYPE = {"content-type": ["application/json"]}


def authorized(authorizer: Any) -> Request:
    event = start_call_event()
    event["requestContext"]["authorizer"] = authorizer
    return Request.read(event)


def test_a_request_is_read_with_all_that_a_handler_needs() -> None:
    event = call_event(
        "POST", "/calls/{ContactId}", "contact-1", '{"A": 1}', {"Origin": "https://app.example"}
    )
    request = Request.read(event)
    assert (request.method, request.resource) == ("POST", "/calls/{ContactId}")
    assert request.path == {"ContactId": "contact-1"}
    assert (request.members, request.claims, request.user_id) == ({"A": 1}, CLAIMS, "user-1")
    assert (request.origin, request.request_id) == ("https://app.example", REQUEST_ID)
    assert Request.read(start_call_event()).path == {}
    assert Request().origin == ""


@pytest.mark.parametrize(
    "authorizer", [{}, {"claims": {}}, {"claims": {"sub": ""}}, {"claims": {"email": "a"}}]
)
def test_nobody_is_signed_in_without_a_subject(authorizer: dict[str, Any]) -> None:
    with pytest.raises(NotSignedIn):
        _ = authorized(authorizer).claims


def test_nobody_is_signed_in_without_an_authorizer() -> None:
    event = start_call_event()
    del event["requestContext"]["authorizer"]
    with pytest.raises(NotSignedIn):
        _ = Request.read(event).user_id


def test_headers_are_found_in_any_case_with_all_their_values() -> None:
    event = start_call_event()
    several = {"multiValueHeaders": {"X-One": ["1"], "x-one": ["2", "3"], "Host": ["h"]}}
    assert Request.read(event | several).headers == {"x-one": ["1", "2", "3"], "host": ["h"]}
    assert Request.read(event | {"multiValueHeaders": None}).headers == {}
    del event["multiValueHeaders"]
    assert Request.read(event).headers == {}


def test_a_body_is_text_also_in_base64() -> None:
    text = '{"Name": "Zoë"}'
    encoded = base64.b64encode(text.encode()).decode()
    assert Request(body=None, is_base64=True).members == {}
    assert Request().members == {}
    assert Request(body=text).members == {"Name": "Zoë"}
    assert Request(body=encoded, is_base64=True).members == {"Name": "Zoë"}


@pytest.mark.parametrize("body", ["%%%", "ä", base64.b64encode(b"\xff").decode()])
def test_a_body_that_is_not_text_is_refused(body: str) -> None:
    with pytest.raises(InvalidRequest):
        _ = Request(body=body, is_base64=True).members


@pytest.mark.parametrize("body", [None, ""])
def test_no_body_has_no_members_whatever_its_type(body: str | None) -> None:
    assert Request(headers={"content-type": ["text/plain"]}, body=body).members == {}


@pytest.mark.parametrize(
    "headers", [{}, {"content-type": []}, {"content-type": ["Application/JSON ; charset=utf-8"]}]
)
def test_a_body_is_json_unless_its_type_is_another(headers: dict[str, list[str]]) -> None:
    assert Request(headers=headers, body='{"a": [1]}').members == {"a": [1]}


def test_a_body_of_another_type_is_refused() -> None:
    with pytest.raises(UnsupportedMediaType):
        _ = Request(headers={"content-type": ["application/x-www-form-urlencoded"]}, body="{}").members


def test_the_largest_body_is_read_and_a_larger_one_is_not() -> None:
    assert Request(headers=JSON_TYPE, body="{}" + " " * (MAX_BODY - 2)).members == {}
    with pytest.raises(TooLarge):
        _ = Request(headers=JSON_TYPE, body="{}" + " " * (MAX_BODY - 1)).members


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
        _ = Request(headers=JSON_TYPE, body=body).members
    assert [violation.pointer for violation in refused.value.violations] == [""]


def test_unknown_members_are_each_named_with_what_is_known() -> None:
    request = Request(body='{"A": 1, "b/c": 2}')
    assert request.unknown_members(frozenset({"A", "D"})) == [
        Violation("/b~1c", "Unknown member. Known are A, D.")
    ]
    assert Request(body='{"A": 1}').unknown_members(frozenset()) == [
        Violation("/A", "Unknown member. Known are none.")
    ]


def test_a_pointer_is_escaped_and_a_long_name_is_cut() -> None:
    assert pointer() == ""
    assert pointer("a", "~/", "x" * 1000) == "/a/~0~1/" + "x" * 64


@given(body=st.text(), content_type=st.none() | st.text(), is_base64=st.booleans())
def test_any_body_is_read_or_refused(body: str, content_type: str | None, is_base64: bool) -> None:
    headers = {} if content_type is None else {"content-type": [content_type]}
    try:
        members = Request(headers=headers, body=body, is_base64=is_base64).members
    except (InvalidRequest, UnsupportedMediaType):
        return
    assert isinstance(members, dict)


@pytest.mark.parametrize("expires_at", ["4102444800", "99999999999"])
def test_the_claims_of_our_own_authorizer_are_read_from_their_text(expires_at: str) -> None:
    authorizer = {"principalId": "user", "claims": '{"sub": "user-1", "amr": "mfa"}', "expiresAt": expires_at}
    assert authorized(authorizer).claims == {"sub": "user-1", "amr": "mfa"}


@pytest.mark.parametrize("seconds_ago", [0, 1, 3600])
def test_an_answer_of_the_authorizer_that_the_gateway_kept_past_the_tokens_end_is_none(
    seconds_ago: int,
) -> None:
    authorizer = {"claims": '{"sub": "user-1"}', "expiresAt": str(int(time.time()) - seconds_ago)}
    with pytest.raises(NotSignedIn):
        _ = authorized(authorizer).claims


@pytest.mark.parametrize(
    "authorizer", [None, {}, {"claims": {}}, {"claims": "{}", "expiresAt": "4102444800"}]
)
def test_no_subject_is_nobody(authorizer: object) -> None:
    with pytest.raises(NotSignedIn):
        _ = authorized(authorizer).user_id
