"""Whatever is sent, the answer is a problem of the 4xx kind, and no contact is started."""

import json
from typing import Any

import pytest

from tests.e2e.answers import assert_problem
from tests.e2e.aws import Aws, Caller

BAD_BODIES: dict[str, Any] = {
    "an array": [],
    "a string": "DisplayName",
    "a number": 1,
    "null": None,
    "an unknown member": {"Display": "Ada"},
    "a member in another case": {"displayname": "Ada"},
    "a trusted name as a member": {"customer_id": "somebody"},
    "a display name that is a number": {"DisplayName": 1},
    "a display name that is null": {"DisplayName": None},
    "an empty display name": {"DisplayName": ""},
    "a blank display name": {"DisplayName": "   "},
    "a display name with a line break": {"DisplayName": "Ada\nLovelace"},
    "a display name with a null byte": {"DisplayName": "Ada\x00"},
    "a display name with half a surrogate pair": {"DisplayName": "\ud800"},
    "a display name over 256 characters": {"DisplayName": "a" * 257},
    "an unknown topic": {"Topic": "weather"},
    "an empty topic": {"Topic": ""},
    "a topic that is a list": {"Topic": ["billing"]},
    "a topic with a path": {"Topic": "../inbound"},
    "attributes that are a list": {"Attributes": ["order_id"]},
    "an attribute that is not allowed": {"Attributes": {"loyalty": "gold"}},
    "an attribute that replaces the customer": {"Attributes": {"customer_id": "somebody"}},
    "an attribute that replaces the proof": {"Attributes": {"auth_token": "invented"}},
    "an attribute that replaces the verdict": {"Attributes": {"auth_status": "verified"}},
    "an attribute that is a number": {"Attributes": {"order_id": 1}},
    "an attribute that is an object": {"Attributes": {"order_id": {}}},
    "attributes over 32,768 bytes": {"Attributes": {"order_id": "a" * 32_700, "page": "b" * 100}},
    "attributes over 32,768 bytes in UTF-8": {"Attributes": {"order_id": "\N{EURO SIGN}" * 11_000}},
    "capabilities that are a list": {"Capabilities": ["Video"]},
    "an unknown capability": {"Capabilities": {"Hologram": True}},
    "a capability that is a string": {"Capabilities": {"Video": "true"}},
    "a capability that the configuration does not allow": {"Capabilities": {"ScreenShare": True}},
    "another instance": {"ConnectInstanceId": "11111111-2222-3333-4444-555555555555"},
    "another contact flow": {"ContactFlowId": "11111111-2222-3333-4444-555555555555"},
    "an instance that is a number": {"ConnectInstanceId": 1},
}

JSON = "application/json"
BAD_REQUESTS: dict[str, tuple[dict[str, str], bytes]] = {
    "half a JSON text": ({"Content-Type": JSON}, b'{"DisplayName":'),
    "no JSON": ({"Content-Type": JSON}, b"DisplayName=Ada"),
    "bytes that are not UTF-8": ({"Content-Type": JSON}, b'{"DisplayName":"\xff\xfe"}'),
    "a member twice": ({"Content-Type": JSON}, b'{"DisplayName":"Ada","DisplayName":"Eve"}'),
    "not a number": ({"Content-Type": JSON}, b'{"DisplayName":NaN}'),
    "arrays nested without end": ({"Content-Type": JSON}, b"[" * 100_000),
    "two JSON texts": ({"Content-Type": JSON}, b"{}{}"),
    "XML": ({"Content-Type": "application/xml"}, b"<call/>"),
    "a form": ({"Content-Type": "application/x-www-form-urlencoded"}, b"DisplayName=Ada"),
    "text": ({"Content-Type": "text/plain"}, b"call"),
    "a megabyte": ({"Content-Type": JSON}, b'{"DisplayName":"' + b"a" * 1_000_000 + b'"}'),
    "an empty key": ({"Content-Type": JSON, "Idempotency-Key": ""}, b"{}"),
    "a key over 128 characters": ({"Content-Type": JSON, "Idempotency-Key": "k" * 129}, b"{}"),
    "a key with a space": ({"Content-Type": JSON, "Idempotency-Key": "k k"}, b"{}"),
    "a key with a slash": ({"Content-Type": JSON, "Idempotency-Key": "k/../k"}, b"{}"),
    "a key of other letters": (
        {"Content-Type": JSON, "Idempotency-Key": "\N{LATIN SMALL LETTER E WITH ACUTE}"},
        b"{}",
    ),
}


def _assert_refused(
    aws: Aws, caller: Caller, headers: dict[str, str], body: bytes, method: str = "POST"
) -> None:
    response = caller.send({"Authorization": caller.user.token, **headers}, body, method=method)
    assert 400 <= response.status_code < 500, f"{response.status_code} {response.text}"
    assert_problem(response, response.status_code, response.json()["type"].rpartition(":")[2])
    assert aws.contacts_of(caller.user.user_id) == []


@pytest.mark.parametrize("kind", BAD_BODIES)
def test_a_bad_body_is_refused_and_starts_nothing(kind: str, aws: Aws, one_caller: Caller) -> None:
    _assert_refused(aws, one_caller, {"Content-Type": JSON}, json.dumps(BAD_BODIES[kind]).encode())


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        # The gateway refuses these: it cannot say where in the body.
        ({"displayname": "Ada"}, [""]),
        ({"DisplayName": 1}, [""]),
        # These the function.
        ({"Topic": "weather"}, ["/Topic"]),
        ({"Attributes": {"loyalty": "gold", "page": "x"}}, ["/Attributes/loyalty"]),
        (
            {"Capabilities": {"ScreenShare": True}, "Topic": "weather"},
            ["/Topic", "/Capabilities/ScreenShare"],
        ),
    ],
)
def test_errors_say_where_a_request_is_wrong(
    body: dict[str, Any], pointers: list[str], one_caller: Caller
) -> None:
    response = one_caller.send({"Authorization": one_caller.user.token}, json.dumps(body).encode())
    errors = assert_problem(response, 400, "invalid-request")["errors"]
    assert sorted(error["pointer"] for error in errors) == sorted(pointers)
    if pointers == [""]:
        assert "DisplayName" in errors[0]["detail"]


@pytest.mark.parametrize("kind", BAD_REQUESTS)
def test_a_bad_request_is_refused_and_starts_nothing(kind: str, aws: Aws, one_caller: Caller) -> None:
    headers, body = BAD_REQUESTS[kind]
    _assert_refused(aws, one_caller, headers, body)


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_another_method_is_refused_and_starts_nothing(method: str, aws: Aws, one_caller: Caller) -> None:
    _assert_refused(aws, one_caller, {"Content-Type": JSON}, b"{}", method)
