"""Claims as API Gateway hands them on from a user pool's token: each a string."""

from collections.abc import Iterable, Mapping
from typing import Any

_ALWAYS = ("sub", "exp", "iat", "auth_time", "amr")


def normalise(claims: Mapping[str, Any], names: Iterable[str]) -> dict[str, str]:
    """Who the user is, when and how the user signed in, and the claims in `names`; where they are there.

    Strings stay, true and false are words, whole numbers digits, lists of strings are joined by commas. What
    cannot be said so is left out. `exp` loses what it has of a second, so that it is always there.
    """
    texts = {name: _text(claims[name]) for name in (*_ALWAYS, *names) if name in claims}
    texts["exp"] = str(int(claims["exp"]))
    return {name: text for name, text in texts.items() if text is not None}


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
