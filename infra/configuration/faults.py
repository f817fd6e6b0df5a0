"""What is wrong with a configuration file, all of it at once."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

MAX_SHOWN = 240
"""Characters of a value that an error shows."""


class Missing:
    """Stands for a required value that the file does not have."""

    def __repr__(self) -> str:
        return "missing"


MISSING = Missing()


class Quotation(str):
    """What a file says, shown as it stands."""

    __slots__ = ()


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One value that cannot be deployed: `key` is its dotted path, `value` None where the file has none.

    `default` is the value that holds in its place, if that is at fault; `meant` the key that a misspelt or
    misplaced one seems to stand for.
    """

    key: str
    value: object
    fix: str
    default: object = None
    meant: str = ""

    def __str__(self) -> str:
        if self._is_secret():
            shown = "(not shown)"
        elif self.value is not None:
            shown = shorten(toml_text(_without_values(self.value)))
        elif self.default is not None:
            shown = f"missing, so {shorten(toml_text(self.default))}"
        else:
            shown = "missing"
        return (f"{self.key} = {shown}" if self.key else shown) + f"\n  Fix: {self.fix}"

    def _is_secret(self) -> bool:
        """Whether the value may be what never belongs in a file, nor in a log."""
        name = self.key.rpartition(".")[2]
        return (
            isinstance(self.value, str)
            and not self.value.startswith("arn:")
            and any(word in name for word in ("secret", "private_key", "password"))
        )


class ConfigurationError(Exception):
    """A file that cannot be deployed.

    Attributes: `file`, `faults` in the order of the file; `key`, `value` and `fix` are those of the first.
    """

    def __init__(self, file: str, *faults: Fault) -> None:
        self.file, self.faults = file, faults
        self.key, self.value, self.fix = faults[0].key, faults[0].value, faults[0].fix
        super().__init__("\n".join(f"{file}: {fault}" for fault in faults))


def _without_values(value: object) -> object:
    """Of a table its keys: what it holds may be long, and may be secret."""
    return dict.fromkeys(value, Quotation("…")) if isinstance(value, Mapping) else value


def refuse(fix: str) -> NoReturn:
    """Raises what pydantic reports for the value being validated; `fix` says what to write instead."""
    raise PydanticCustomError("fix", "{fix}", {"fix": fix})


def detail(location: tuple[str | int, ...], value: object, fix: str) -> InitErrorDetails:
    """A fault of `value`, which lies at `location` within what is being validated."""
    return InitErrorDetails(type=PydanticCustomError("fix", "{fix}", {"fix": fix}), loc=location, input=value)


def refuse_all(details: Iterable[InitErrorDetails]) -> None:
    """Raises all of them, if there are any."""
    if errors := list(details):
        raise ValidationError.from_exception_data("configuration", errors)


def toml_text(value: object) -> str:
    """A value as TOML writes it within a line."""
    match value:
        case Quotation():
            return str(value)
        case Mapping():
            return "{" + ", ".join(f"{toml_key(key)} = {toml_text(of)}" for key, of in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(toml_text, value)) + "]"
        case str() | bool() | int() | float():
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case _:
            return str(value)


def toml_key(key: Any) -> str:
    """A key as TOML writes it: bare where it may be."""
    text = str(key)
    bare = text.replace("-", "").replace("_", "")
    return text if bare.isascii() and bare.isalnum() else toml_text(text)


def shorten(text: str) -> str:
    """At most MAX_SHOWN characters of it."""
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 1]}…"
