"""Claims as API Gateway hands them on from a user pool's token: each a string."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

_ALWAYS = ("sub", "exp", "iat", "auth_time", "amr")

# What is no list by its definition (OpenID Connect Core 1.0, sections 2 and 5.1). A list of one would else be
# taken for the text in it: for a time, for "true", for an address.
_NO_LISTS = frozenset(
    {
        "sub",
        "exp",
        "iat",
        "auth_time",
        "email",
        "email_verified",
        "phone_number",
        "phone_number_verified",
        "name",
        "given_name",
        "family_name",
        "middle_name",
        "nickname",
        "preferred_username",
    }
)
# As RFC 8176 registers them, or as issuers name their own: readers take commas, blanks and brackets apart.
_METHOD = re.compile(r"[^\s,\[\]]+")


def normalise(claims: Mapping[str, Any], names: Iterable[str]) -> dict[str, str]:
    """Who the user is, when and how the user signed in, and the claims in `names`; where they are there.

    Strings stay, true and false are words, whole numbers digits, lists of strings are joined by commas. What
    cannot be said so is left out: of `amr` each method that would be read as another, or as several, and a
    list in the place of a text. `exp` loses what it has of a second, so that it is always there.
    """
    texts = {
        name: _text(claims[name])
        for name in (*_ALWAYS, *names)
        if name in claims and not (name in _NO_LISTS and isinstance(claims[name], list))
    }
    if "amr" in texts:
        texts["amr"] = _methods(claims["amr"])
    texts["exp"] = str(int(claims["exp"]))
    return {name: text for name, text in texts.items() if text is not None}


def _methods(value: Any) -> str | None:
    given = [value] if isinstance(value, str) else value
    if not isinstance(given, list):
        return None
    methods = [method for method in given if isinstance(method, str) and _METHOD.fullmatch(method)]
    return _text(methods)


def _text(value: Any) -> str | None:
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float() if value.is_integer():
            return str(int(value))
        case str() if _is_text(value):
            return value
        case list() if all(isinstance(element, str) and _is_text(element) for element in value):
            return ",".join(value)
        case _:
            return None


def _is_text(value: str) -> bool:
    """JSON can escape half of a character, which no other encoding has."""
    return not any("\ud800" <= character <= "\udfff" for character in value)
