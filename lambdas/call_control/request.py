"""Requests about a call, checked by hand as in start_call: openapi.yaml is the contract."""

import re
from dataclasses import dataclass

from api.request import Request
from calls.errors import InvalidRequest, Violation

_DIGITS = re.compile(r"[0-9*#,]{1,20}", re.ASCII)


@dataclass(frozen=True)
class SendDigitsRequest:
    """Digits to send; the same `idempotency_key` sends them once."""

    digits: str
    idempotency_key: str | None = None


def parse_digits(request: Request) -> SendDigitsRequest:
    """Raises `InvalidRequest`, `TooLarge` or `UnsupportedMediaType`."""
    found: list[Violation] = []
    members = request.members
    key = request.idempotency_key(found)
    found += request.unknown_members(frozenset({"Digits"}))
    digits = members.get("Digits")
    if not isinstance(digits, str) or not _DIGITS.fullmatch(digits):
        found.append(Violation("/Digits", "Send 1 to 20 characters of 0-9 * # and , (a pause)."))
    if found:
        raise InvalidRequest(*found)
    return SendDigitsRequest(str(digits), key)


def parse_nothing(request: Request) -> None:
    """A body that may be left out or hold nothing. Raises as `parse_digits` does."""
    if found := request.unknown_members(frozenset()):
        raise InvalidRequest(*found)
