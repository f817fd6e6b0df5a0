import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.sip_bridge import section
from sip_bridge.sip_arguments import (
    RESERVED_SIP_HEADERS,
    HangUp,
    SendDigits,
    dial_arguments,
    digits_arguments,
    hang_up_arguments,
    read_dialled_call,
    read_meeting_id,
    read_update,
)

MEETING_ID = "0f000000-0000-4000-8000-00000000000a"
CODE = "120456789012"
NUMBER = "+12065550100"
KEY = "0a" * 32

header_names = st.from_regex(r"\A[xX]-[a-z][A-Za-z0-9_.-]{0,20}\Z").filter(
    lambda name: not name.lower().startswith(RESERVED_SIP_HEADERS)
)
header_values = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=60)


def test_the_headers_that_are_refused_when_a_call_is_dialled_cannot_be_configured() -> None:
    assert RESERVED_SIP_HEADERS == section.RESERVED_SIP_HEADERS


@pytest.mark.parametrize("reserved", RESERVED_SIP_HEADERS)
def test_a_reserved_header_is_neither_dialled_nor_read(reserved: str) -> None:
    with pytest.raises(ValueError, match="would not take these arguments"):
        dial_arguments(MEETING_ID, CODE, NUMBER, {f"{reserved}-join": "1"})
    assert read_dialled_call(arguments(SipHeaders=json.dumps({f"{reserved.upper()}-join": "1"}))) is None


def arguments(**changes: Any) -> dict[str, Any]:
    return dial_arguments(MEETING_ID, CODE, NUMBER, {"x-order-id": "A%2042"}) | changes


@given(
    st.uuids(),
    st.from_regex(r"\A[0-9]{12}\Z"),
    st.from_regex(r"\A\+[1-9][0-9]{1,14}\Z"),
    st.dictionaries(header_names, header_values, max_size=20).filter(
        lambda headers: len({name.lower() for name in headers}) == len(headers)
    ),
)
def test_what_is_dialled_is_read_again_without_headers_that_have_no_value(
    meeting_id: Any, code: str, number: str, headers: dict[str, str]
) -> None:
    made = dial_arguments(str(meeting_id), code, number, headers)
    call = read_dialled_call(made)
    assert call is not None
    assert (call.meeting_id, call.code, call.connect_number) == (str(meeting_id), code, number)
    assert call.sip_headers == {name: value for name, value in headers.items() if value}
    assert set(made) == {"MeetingId", "Code", "ConnectNumber", "SipHeaders"}
    assert read_meeting_id(made) == str(meeting_id)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MeetingId", None),
        ("MeetingId", ""),
        ("MeetingId", MEETING_ID[:-1]),
        ("MeetingId", MEETING_ID + "\n"),
        ("MeetingId", [MEETING_ID]),
        ("Code", "12345678901"),
        ("Code", "1234567890123"),
        ("Code", "12345678901#"),
        ("Code", "١٢٣٤٥٦٧٨٩٠١٢"),
        ("Code", 120456789012),
        ("ConnectNumber", "12065550100"),
        ("ConnectNumber", "+02065550100"),
        ("ConnectNumber", "+1206555010012345"),
        ("ConnectNumber", "+12065550100\n"),
        ("ConnectNumber", "+12065550100;phone-context=x"),
        ("SipHeaders", None),
        ("SipHeaders", ""),
        ("SipHeaders", "[]"),
        ("SipHeaders", "null"),
        pytest.param("SipHeaders", "[" * 100_000, id="headers of 100,000 brackets"),
        ("SipHeaders", '{"x-a": 1}'),
        ("SipHeaders", '{"x-a": ""}'),
        ("SipHeaders", '{"order-id": "1"}'),
        ("SipHeaders", '{"x-": "1"}'),
        ("SipHeaders", '{"x-a:b": "1"}'),
        ("SipHeaders", '{"X-AMZN-thing": "1"}'),
        ("SipHeaders", '{"x-voice": "1"}'),
        ("SipHeaders", '{"User-to-User": "1"}'),
        ("SipHeaders", json.dumps({"x-a": "1", "X-A": "2"})),
        ("SipHeaders", json.dumps({"x-a": "1\r\nx-b: 2"})),
        ("SipHeaders", json.dumps({"x-a": "1 2"})),
        ("SipHeaders", json.dumps({"x-a": "1\n"})),
        ("SipHeaders", json.dumps({"x-a\n": "1"})),
        ("SipHeaders", json.dumps({"x-a": "é"})),
        ("SipHeaders", json.dumps({"x-a": "1" * 256})),
        ("SipHeaders", json.dumps({f"x-{number}": "1" for number in range(21)})),
        pytest.param(
            "SipHeaders",
            json.dumps({f"x-{number}": "1" * 255 for number in range(9)}),
            id="headers too long together",
        ),
    ],
)
def test_a_call_that_start_call_would_not_have_dialled_is_not_read(name: str, value: Any) -> None:
    assert read_dialled_call(arguments()) is not None
    assert read_dialled_call(arguments(**{name: value})) is None


@pytest.mark.parametrize(
    ("meeting_id", "code", "number", "headers"),
    [
        ("meeting", CODE, NUMBER, {}),
        (MEETING_ID, "123", NUMBER, {}),
        (MEETING_ID, CODE, "911", {}),
        (MEETING_ID, CODE, NUMBER, {"Contact": "x"}),
        (MEETING_ID, CODE, NUMBER, {"x-a": "SECRET\r\n"}),
    ],
)
def test_what_could_not_be_read_is_not_dialled_and_not_quoted(
    meeting_id: str, code: str, number: str, headers: dict[str, str]
) -> None:
    with pytest.raises(ValueError, match=r"would not take these arguments of a call\.$"):
        dial_arguments(meeting_id, code, number, headers)


def test_the_largest_headers_that_the_service_takes_are_taken() -> None:
    headers = {f"x-{number}": "1" * 252 for number in range(8)}  # 8 * (3 + 252) = 2040
    assert read_dialled_call(dial_arguments(MEETING_ID, CODE, NUMBER, headers | {"x-ab": "1234"}))
    with pytest.raises(ValueError, match="would not take"):
        dial_arguments(MEETING_ID, CODE, NUMBER, headers | {"x-ab": "12345"})


def test_neither_code_nor_headers_nor_digits_are_in_what_a_call_prints() -> None:
    printed = f"{read_dialled_call(arguments())!r} {SendDigits('4711', KEY)!r}"
    assert not any(secret in printed for secret in (CODE, "A%2042", "4711"))


def test_updates_are_read_again() -> None:
    assert read_update(hang_up_arguments()) == HangUp()
    assert read_update(digits_arguments("42#*,A", KEY)) == SendDigits("42#*,A", KEY)


@pytest.mark.parametrize(
    "update",
    [
        {},
        {"Action": "Dial", "Number": "+12065550111"},
        {"Action": ["HangUp"]},
        {"Action": "SendDigits", "Digits": "1"},
        {"Action": "SendDigits", "Digits": "", "Key": KEY},
        {"Action": "SendDigits", "Digits": "1" * 51, "Key": KEY},
        {"Action": "SendDigits", "Digits": "1\n", "Key": KEY},
        {"Action": "SendDigits", "Digits": "1", "Key": KEY[1:]},
        {"Action": "SendDigits", "Digits": "1", "Key": KEY.upper()},
        {"Action": "SendDigits", "Digits": 1, "Key": KEY},
        {"Action": "SendDigits", "Digits": "1", "Key": None},
    ],
)
def test_other_updates_are_not_read(update: dict[str, Any]) -> None:
    assert read_update(update) is None


@pytest.mark.parametrize(("digits", "key"), [("SECRET", KEY), ("1", "short")])
def test_digits_that_could_not_be_read_are_not_sent_and_not_quoted(digits: str, key: str) -> None:
    with pytest.raises(ValueError, match=r"would not take these digits\.$"):
        digits_arguments(digits, key)
