"""What a call over the SIP bridge carries through the SIP media application, as flat maps of texts.

`start_call` and `call_control` make the maps, the media application reads them. Whoever may create or update
a call of the SIP media application decides what they hold, so readers take nothing that a maker would not
have made.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MEETING_ID = "MeetingId"
CODE = "Code"
CONNECT_NUMBER = "ConnectNumber"
SIP_HEADERS = "SipHeaders"

MAX_SIP_HEADERS_LENGTH = 2048
"""Characters of all names and values of SIP headers together (SDK guide, "SIP headers")."""
MAX_SIP_HEADER_LENGTH = 255
"""Characters of one value."""

_MAX_SIP_HEADERS = 20  # as of a call that is created (API Reference, CreateSipMediaApplicationCall)
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_CODE = re.compile(r"[0-9]{12}")
_E164 = re.compile(r"\+[1-9][0-9]{1,14}")
_HEADER_NAME = re.compile(r"[xX]-[A-Za-z0-9_.-]{1,62}")
# Visible ASCII: no space, line break or other character that would end or split a header.
_HEADER_VALUE = re.compile(rf"[!-~]{{1,{MAX_SIP_HEADER_LENGTH}}}")
RESERVED_SIP_HEADERS = ("x-amzn", "x-canary", "x-chime", "x-vc", "x-vine", "x-voice")
"""How headers begin that are AWS's own, or (x-chime) what a phone call joins a meeting with."""
_DIGITS = re.compile(r"[0-9*#A-D,]{1,50}")
_KEY = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class DialledCall:
    """A call that start_call has dialled into its meeting, to be bridged to Amazon Connect."""

    meeting_id: str
    code: str = field(repr=False)
    """Twelve digits by which Connect's contact flow finds the caller's context, once."""
    connect_number: str
    """E.164."""
    sip_headers: Mapping[str, str] = field(repr=False)
    """Header to value, for the SIP host behind the Voice Connector."""


@dataclass(frozen=True)
class HangUp:
    """The caller hangs up."""


@dataclass(frozen=True)
class SendDigits:
    """The caller sends DTMF."""

    digits: str = field(repr=False)
    key: str
    """The same key again is the same request again: these digits are not sent twice."""


def dial_arguments(
    meeting_id: str, code: str, connect_number: str, sip_headers: Mapping[str, str]
) -> dict[str, str]:
    """The `ArgumentsMap` of CreateSipMediaApplicationCall. Headers without a value are left out.

    Raises ValueError, which names no value, for what `read_dialled_call` would not take.
    """
    headers = {name: value for name, value in sip_headers.items() if value}
    arguments = {
        MEETING_ID: meeting_id,
        CODE: code,
        CONNECT_NUMBER: connect_number,
        SIP_HEADERS: json.dumps(headers, separators=(",", ":")),
    }
    if read_dialled_call(arguments) is None:
        raise ValueError("The SIP media application would not take these arguments of a call.")
    return arguments


def hang_up_arguments() -> dict[str, str]:
    """The `Arguments` of UpdateSipMediaApplicationCall that end the call."""
    return {"Action": "HangUp"}


def digits_arguments(digits: str, key: str) -> dict[str, str]:
    """The `Arguments` of UpdateSipMediaApplicationCall that send DTMF.

    `digits` are 1 to 50 of 0-9 * # A-D and , (a pause); `key` is a SHA-256 in hexadecimal digits. Raises
    ValueError, which names no value, for anything else.
    """
    arguments = {"Action": "SendDigits", "Digits": digits, "Key": key}
    if read_update(arguments) is None:
        raise ValueError("The SIP media application would not take these digits.")
    return arguments


def read_meeting_id(arguments: Mapping[str, Any]) -> str | None:
    """The meeting of a call, which must be deleted also when nothing else about the call can be used."""
    return _matching(_UUID, arguments.get(MEETING_ID))


def read_dialled_call(arguments: Mapping[str, Any]) -> DialledCall | None:
    """The call of `dial_arguments`; None for anything that it would not have made."""
    meeting_id = read_meeting_id(arguments)
    code = _matching(_CODE, arguments.get(CODE))
    connect_number = _matching(_E164, arguments.get(CONNECT_NUMBER))
    sip_headers = _read_headers(arguments.get(SIP_HEADERS))
    if meeting_id is None or code is None or connect_number is None or sip_headers is None:
        return None
    return DialledCall(
        meeting_id=meeting_id, code=code, connect_number=connect_number, sip_headers=sip_headers
    )


def read_update(arguments: Mapping[str, Any]) -> HangUp | SendDigits | None:
    """The caller's request; None for anything that neither maker would have made."""
    match arguments:
        case {"Action": "HangUp"}:
            return HangUp()
        case {"Action": "SendDigits", "Digits": digits, "Key": key}:
            digits, key = _matching(_DIGITS, digits), _matching(_KEY, key)
            return SendDigits(digits, key) if digits and key else None
    return None


def _read_headers(text: Any) -> dict[str, str] | None:
    try:
        headers = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(headers, dict) or len(headers) > _MAX_SIP_HEADERS:
        return None
    if not all(_is_header(name, value) for name, value in headers.items()):
        return None
    if len({name.lower() for name in headers}) < len(headers):
        return None
    size = sum(len(name) + len(value) for name, value in headers.items())
    return headers if size <= MAX_SIP_HEADERS_LENGTH else None


def _is_header(name: str, value: Any) -> bool:
    if _matching(_HEADER_NAME, name) is None or name.lower().startswith(RESERVED_SIP_HEADERS):
        return False
    return _matching(_HEADER_VALUE, value) is not None


def _matching(pattern: re.Pattern[str], value: Any) -> str | None:
    return value if isinstance(value, str) and pattern.fullmatch(value) else None
