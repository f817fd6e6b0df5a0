"""What may be asked of a call, checked by hand as in start_call: openapi.yaml is the contract."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from api.request import read_idempotency_key, read_members, unknown_members
from calls.errors import InvalidRequest, Violation

_DIGITS = re.compile(r"[0-9*#,]{1,20}", re.ASCII)


@dataclass(frozen=True)
class SendDigitsRequest:
    """Digits to send; the same `idempotency_key` sends them once."""

    digits: str
    idempotency_key: str | None = None


def parse_digits(headers: Mapping[str, Sequence[str]], body: str | None) -> SendDigitsRequest:
    """Raises `InvalidRequest`, `TooLarge` or `UnsupportedMediaType`."""
    members = read_members(headers, body)
    found: list[Violation] = []
    key = read_idempotency_key(headers, found)
    found += unknown_members(members, frozenset({"Digits"}))
    digits = members.get("Digits")
    if not isinstance(digits, str) or not _DIGITS.fullmatch(digits):
        found.append(Violation("/Digits", "Send 1 to 20 characters of 0-9 * # and , (a pause)."))
    if found:
        raise InvalidRequest(*found)
    return SendDigitsRequest(str(digits), key)


def parse_nothing(headers: Mapping[str, Sequence[str]], body: str | None) -> None:
    """A body that may be left out or hold nothing. Raises as `parse_digits` does."""
    if found := unknown_members(read_members(headers, body), frozenset()):
        raise InvalidRequest(*found)
