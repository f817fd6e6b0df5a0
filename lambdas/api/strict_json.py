"""JSON that every reader understands alike: what one takes from it is what another has checked."""

import json
from typing import Any


def read_object(text: str | bytes) -> dict[str, Any]:
    """The members of a JSON object; bytes are UTF-8.

    Raises ValueError for anything else, a member that is named twice and numbers that JSON does not have
    included.
    """
    try:
        characters = text if isinstance(text, str) else text.decode()
        members = json.loads(characters, object_pairs_hook=_without_repeats, parse_constant=_refuse)
    except RecursionError:
        # Nested deeper than any document that is meant to be read.
        raise ValueError("nested too deep") from None
    if not isinstance(members, dict):
        raise ValueError("not an object")  # noqa: TRY004 (of the text, not of an argument)
    return members


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member is named twice")
    return members


def _refuse(_: str) -> None:
    raise ValueError("not a number of JSON")
