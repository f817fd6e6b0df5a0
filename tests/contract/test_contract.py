"""Holds the handler, and the answers in it, to openapi.yaml."""

import json
import unicodedata
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.errors import CapacityReached, ServiceError, Unavailable

from api.problems import INTERNAL_ERROR, PROBLEMS, problem_response
from api.request import MAX_BODY, Request
from call_control.request import parse_digits
from calls.errors import (
    AuthenticationInsufficient,
    CallActive,
    InvalidRequest,
    RateExceeded,
    Violation,
)
from calls.join_answer import to_start_call_response
from calls.record import EndedBy, State
from calls.start_call_request import StartCallRequest
from start_call.display_name import MAX_DISPLAY_NAME, is_display_name
from start_call.request import CAPABILITIES, RequestPolicy, parse
from tests.lambdas.fake_connect import connection_of
from tests.openapi import CONTRACT, resolved

OPERATIONS = [
    operation
    for path in CONTRACT["paths"].values()
    for method, operation in path.items()
    if method in {"get", "post", "delete"}
]
SCHEMAS = CONTRACT["components"]["schemas"]
SCHEMA_OF_NAMES = jsonschema_rs.Draft202012Validator(SCHEMAS["StartCallRequest"]["properties"]["DisplayName"])


def conforms(instance: Any, schema: str) -> None:
    jsonschema_rs.Draft202012Validator(
        {"$ref": f"#/components/schemas/{schema}", "components": CONTRACT["components"]}
    ).validate(instance)


@pytest.mark.slow
def test_the_contract_is_valid_openapi() -> None:
    # Not on top: every process of the tests would pay the seconds that it takes to import.
    from openapi_spec_validator import validate  # noqa: PLC0415

    validate(CONTRACT)


def test_the_completed_answer_of_connect_is_the_documented_one() -> None:
    conforms(to_start_call_response(connection_of("c1"), "eu-west-2"), "CallConnection")


def example(of: type[ServiceError]) -> ServiceError:
    if of is InvalidRequest:
        return InvalidRequest(Violation("/Topic", "Not a topic."))
    if of is AuthenticationInsufficient:
        return AuthenticationInsufficient(max_age_seconds=300, amr=["mfa"])
    if of is CallActive:
        return CallActive("contact-1")
    return of("Something is wrong.")


@pytest.mark.parametrize("error_type", PROBLEMS, ids=lambda error_type: error_type.__name__)
def test_every_problem_is_documented_with_its_status_and_slug(error_type: type[ServiceError]) -> None:
    problem = PROBLEMS[error_type]
    response = problem_response(example(error_type), "request-1")
    documented = [
        answer
        for operation in OPERATIONS
        if (answer := resolved(operation["responses"].get(str(problem.status), {})))
        and problem.slug in answer["description"]
    ]
    assert documented
    conforms(json.loads(response["body"]), "Problem")
    for answer in documented:
        assert response["headers"]["Content-Type"] in answer["content"]


@pytest.mark.parametrize(
    ("max_age", "amr", "told"),
    [(300, [], {"MaxAge"}), (None, ["mfa"], {"Amr"}), (300, ["mfa"], {"MaxAge", "Amr"})],
)
def test_an_app_is_told_what_a_sign_in_must_be_and_nothing_that_does_not_matter(
    max_age: int | None, amr: list[str], told: set[str]
) -> None:
    error = AuthenticationInsufficient(max_age_seconds=max_age, amr=amr)
    body = json.loads(problem_response(error, "request-1")["body"])
    conforms(body, "Problem")
    assert body.keys() & {"MaxAge", "Amr"} == told


def test_an_unforeseen_error_looks_like_any_other_problem() -> None:
    body = json.loads(problem_response(None, "request-1")["body"])
    conforms(body, "Problem")
    assert body["status"] == INTERNAL_ERROR.status


@pytest.mark.parametrize(
    "error", [RateExceeded("Slow down.", retry_after=0), CapacityReached("Full."), Unavailable("Away.")]
)
def test_waiting_is_advised_where_the_contract_promises_it(error: ServiceError) -> None:
    response = problem_response(error, "request-1")
    for operation in OPERATIONS:
        header = resolved(operation["responses"][str(response["statusCode"])])["headers"]["Retry-After"]
        assert resolved(header)["required"]
    assert int(response["headers"]["Retry-After"]) >= 1


def test_the_limits_of_the_contract_are_those_of_the_handler() -> None:
    members = SCHEMAS["StartCallRequest"]["properties"]
    assert members["DisplayName"]["maxLength"] == MAX_DISPLAY_NAME
    assert tuple(SCHEMAS["CallCapabilities"]["properties"]) == CAPABILITIES
    assert f"{MAX_BODY:,}" in CONTRACT["components"]["responses"]["TooLarge"]["description"]


_SHAPING = "a \u200d\u200c\ufe0f\u094d\u0301\u200b\u202e\u3164\u2028\ue000\n\u034f\U0001f469"


@given(name=st.text(max_size=257) | st.text(_SHAPING, max_size=9))
def test_the_schema_takes_every_name_that_the_handler_takes_and_few_others(name: str) -> None:
    """It cannot say what lies beyond U+FFFF, and need not know which characters are assigned."""
    by_schema = SCHEMA_OF_NAMES.is_valid(name)
    assert by_schema >= is_display_name(name)
    if all(character <= "\uffff" and unicodedata.category(character) != "Cn" for character in name):
        assert by_schema == is_display_name(name)


@pytest.mark.parametrize("name", ["Ada\n", "\n", "Ada\u2028"])
def test_the_schema_refuses_a_line_break_at_the_end_too(name: str) -> None:
    """Python's `$` would let it pass."""
    assert not SCHEMA_OF_NAMES.is_valid(name)


def bodies() -> Iterator[Any]:
    for name in (
        "Ada",
        "",
        " ",
        "a" * 256,
        "a" * 257,
        "a\x00",
        "\x7f",
        "\x85",
        "é ",
        " a ",
        "\u2028",
        None,
        1,
    ):
        yield {"DisplayName": name}
    for value in ("x", "", "x" * 32_768, 1, None):
        yield {"Attributes": {"page": value}}
    asked: list[Any] = [{}, {"Video": True}, {"Video": False}, {"Video": 1}, {"Other": True}, [], None]
    yield from ({"Capabilities": capabilities} for capabilities in asked)
    yield from ({"PreviousContactId": previous} for previous in ("c", "", "x" * 256, "x" * 257, 7, None))
    yield from ({"Topic": "billing"}, {"Topic": 1}, {"Topic": ""}, {"Other": 1}, [], 1, None, "x")


@pytest.mark.parametrize("body", list(bodies()), ids=lambda body: json.dumps(body)[:40])
def test_the_schema_and_the_handler_agree_on_what_a_request_is(body: Any) -> None:
    policy = RequestPolicy(
        instance_arn="i",
        contact_flow_arn="f",
        topics={"billing": "b"},
        attributes=frozenset({"page"}),
        capabilities=frozenset(CAPABILITIES),
    )

    def by_handler() -> bool:
        try:
            return isinstance(parse(Request(body=json.dumps(body)), policy), StartCallRequest)
        except InvalidRequest:
            return False

    def by_schema() -> bool:
        try:
            conforms(body, "StartCallRequest")
        except jsonschema_rs.ValidationError:
            return False
        return True

    assert by_handler() == by_schema()


DIGITS: list[Any] = ["1", "0123456789*#,", "1" * 20, "1" * 21, "", "a", "\uff11", 1, None]


@pytest.mark.parametrize(
    "body", [{"Digits": digits} for digits in DIGITS] + [{}, {"Digits": "1", "X": 1}, [], None]
)
def test_the_schema_and_the_handler_agree_on_what_digits_are(body: Any) -> None:
    def by_handler() -> bool:
        try:
            return bool(parse_digits(Request(body=json.dumps(body))))
        except InvalidRequest:
            return False

    def by_schema() -> bool:
        try:
            conforms(body, "SendDigitsRequest")
        except jsonschema_rs.ValidationError:
            return False
        return True

    assert by_handler() == by_schema()


def test_the_states_of_the_contract_are_those_of_the_record() -> None:
    assert SCHEMAS["CallState"]["enum"] == list(State)
    assert SCHEMAS["CallEndedBy"]["enum"] == list(EndedBy)
