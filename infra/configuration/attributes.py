"""`[attributes]`: what of a caller reaches the contact."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import ValidationInfo, field_validator

from infra.configuration.faults import detail, refuse, refuse_all
from infra.configuration.place import Place
from infra.configuration.section import Section
from infra.configuration.values import Entries, Text, Texts

TRUSTED_ATTRIBUTES = (
    "customer_id",
    "auth_status",
    "auth_time",
    "auth_token",
    "name_source",
    "came_back",
    "display_name",
    "profileSearchKey",
    "profileSearchValue",
    "signed_in_at",
    "topic",
)
"""Contact attributes that only the backend and the contact flow write."""

_ATTRIBUTE_NAME = r"[A-Za-z0-9_-]{1,128}"
_NAME_FIX = "names of 1 to 128 of A-Z a-z 0-9 _ -"


def _claim_fault(_claim: str, name: str, _place: Place) -> str | None:
    if not re.fullmatch(_ATTRIBUTE_NAME, name):
        return f"{_NAME_FIX}; a claim such as custom:plan needs a name without the colon"
    return None


class Attributes(Section):
    """Contact attributes: names that the caller may set, and claims that become trusted ones."""

    from_caller: Annotated[tuple[str, ...], Texts(Text(f"a list of {_NAME_FIX}", _ATTRIBUTE_NAME))] = ()
    """Contact attributes that the app may send with a call. Nothing proves them."""

    from_claims: Annotated[
        Mapping[str, str],
        Entries(
            f"for each claim of the user's token the attribute that it becomes: {_NAME_FIX}", _claim_fault
        ),
    ] = {}  # of a frozen model
    """Claims that become contact attributes, which the contact flow gets as proved."""

    @field_validator("from_caller")
    @classmethod
    def _not_trusted(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        # Connect's names are case-sensitive, an agent's eye is not.
        taken = _trusted()
        for name in value:
            if name.lower() in taken:
                refuse(f"{name!r} {taken[name.lower()]}: a caller may not set it, rename or remove it")
            taken[name.lower()] = "is in from_caller already"
        return value

    @field_validator("from_claims")
    @classmethod
    def _not_taken(cls, value: Mapping[str, str], info: ValidationInfo) -> Mapping[str, str]:
        taken = _trusted() | {
            name.lower(): "is in from_caller already" for name in info.data.get("from_caller", ())
        }
        faults = []
        for claim, name in value.items():
            if name.lower() in taken:
                faults.append(detail((claim,), name, f"{name!r} {taken[name.lower()]}: choose another name"))
            taken.setdefault(name.lower(), "is the attribute of another claim already")
        refuse_all(faults)
        return value


def _trusted() -> dict[str, str]:
    return dict.fromkeys(map(str.lower, TRUSTED_ATTRIBUTES), "is a trusted attribute")
