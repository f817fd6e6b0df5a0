import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.request import Request
from call_control.request import parse_digits, parse_nothing
from calls.errors import InvalidRequest, UnsupportedMediaType

JSON_TYPE = {"content-type": ["application/json"]}


def pointers(body: Any) -> list[str]:
    text = body if isinstance(body, str) or body is None else json.dumps(body)
    with pytest.raises(InvalidRequest) as refused:
        parse_digits(Request(headers=JSON_TYPE, body=text))
    return [violation.pointer for violation in refused.value.violations]


@pytest.mark.parametrize("digits", ["1", "0123456789*#,", "," * 20])
def test_digits_are_what_a_dial_pad_has_and_pauses(digits: str) -> None:
    assert parse_digits(Request(headers=JSON_TYPE, body=json.dumps({"Digits": digits}))).digits == digits


@pytest.mark.parametrize(
    "digits",
    ["", "1" * 21, "a", "1 2", "+1", "1\n", "\n1", "٣", "\uff11", 1, None, ["1"], {"1": 1}, True],
    ids=str,
)
def test_anything_else_is_refused(digits: Any) -> None:
    assert pointers({"Digits": digits}) == ["/Digits"]


@pytest.mark.parametrize("body", [None, "", {}])
def test_digits_must_be_there(body: Any) -> None:
    assert pointers(body) == ["/Digits"]


def test_unknown_members_are_refused_too() -> None:
    assert pointers({"Digits": "1", "digits": "1"}) == ["/digits"]
    assert pointers({"digits": "1"}) == ["/digits", "/Digits"]
    assert len(pointers({f"extra{number}": 1 for number in range(100)})) == 10


@pytest.mark.parametrize("body", ["[]", "null", '"1"', "{", '{"Digits": "1", "Digits": "2"}'])
def test_a_body_that_is_no_json_object_is_refused(body: str) -> None:
    assert pointers(body) == [""]


@pytest.mark.parametrize("body", [None, "", "{}", " { } "])
def test_nothing_may_be_written_as_an_empty_object(body: str | None) -> None:
    parse_nothing(Request(headers=JSON_TYPE, body=body))


@pytest.mark.parametrize(
    ("body", "pointer"), [('{"ContactId": "x"}', "/ContactId"), ("[]", ""), ("null", "")]
)
def test_something_is_not_nothing(body: str, pointer: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse_nothing(Request(headers=JSON_TYPE, body=body))
    assert [violation.pointer for violation in refused.value.violations] == [pointer]


@pytest.mark.parametrize("parse", [parse_digits, parse_nothing])
def test_a_body_of_another_type_is_refused(parse: Any) -> None:
    with pytest.raises(UnsupportedMediaType):
        parse(Request(headers={"content-type": ["text/plain"]}, body='{"Digits": "1"}'))


def test_digits_may_have_a_key_which_is_checked() -> None:
    body = json.dumps({"Digits": "1"})
    request = Request(headers={**JSON_TYPE, "idempotency-key": ["press-1"]}, body=body)
    assert parse_digits(request).idempotency_key == "press-1"
    with pytest.raises(InvalidRequest) as refused:
        parse_digits(Request(headers={**JSON_TYPE, "idempotency-key": ["no key"]}, body=body))
    assert [violation.pointer for violation in refused.value.violations] == ["header Idempotency-Key"]


json_values = st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text())


@given(
    body=st.text()
    | st.dictionaries(st.sampled_from(["Digits", "digits", ""]), json_values).map(json.dumps)
    | st.from_regex(r"[0-9*#,a ]{0,22}").map(lambda digits: json.dumps({"Digits": digits}))
)
def test_whatever_is_sent_is_either_refused_or_digits(body: str) -> None:
    try:
        digits = parse_digits(Request(headers=JSON_TYPE, body=body)).digits
    except InvalidRequest:
        return
    assert re.fullmatch(r"[0-9*#,]{1,20}", digits)
    assert digits.isascii()
