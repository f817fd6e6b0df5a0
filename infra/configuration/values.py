"""How single values are written: each kind reads one, says what to write instead, and describes itself.

rate: Annotated[int, Whole(1, 5_000, "requests a second")] = 2
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, override

from pydantic import BaseModel, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from infra.configuration.faults import detail, refuse, refuse_all
from infra.configuration.place import Place

# As AWS writes the ids of most things, in lower case.
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"

_ACCOUNT = r"[0-9]{12}"
_REGION = r"[a-z0-9-]+"


class Value:
    """Metadata of a field: how its value is written."""

    type = "text"
    """What the reference calls it."""

    source = ""
    """Where AWS, or a standard, says so."""

    def read(self, value: Any, place: Place) -> Any:
        """The value as the app uses it; raises by `refuse` what is written otherwise."""
        raise NotImplementedError

    def json_schema(self) -> dict[str, Any]:
        """What an editor can check of it."""
        raise NotImplementedError

    def limits(self) -> str:
        """What may be written."""
        raise NotImplementedError

    def write(self, value: Any) -> Any:
        """What `read` read."""
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(
            lambda value, info: self.read(value, info.context or Place()),
            serialization=core_schema.plain_serializer_function_ser_schema(self.write),
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return self.json_schema()


@dataclass(frozen=True)
class Text(Value):
    """A string that is wholly what `pattern` says."""

    fix: str
    pattern: str = r"(?s).+"
    source: str = ""

    @override
    def read(self, value: Any, place: Place) -> str:
        if not isinstance(value, str) or not re.fullmatch(self.expected(place), value):
            unquoted = isinstance(value, int | float) and not isinstance(value, bool)
            fix = self.explained(place)
            refuse(fix + (" (a text, in quotes)" if unquoted and "in quotes" not in fix else ""))
        return value

    def expected(self, place: Place) -> str:  # noqa: ARG002  # a subclass needs it
        """The pattern in this place."""
        return self.pattern

    def explained(self, place: Place) -> str:  # noqa: ARG002  # a subclass needs it
        """The fix in this place."""
        return self.fix

    @override
    def json_schema(self) -> dict[str, Any]:
        return {"type": "string"} | _pattern_of(self.expected(Place()))

    @override
    def limits(self) -> str:
        return self.explained(Place())


@dataclass(frozen=True)
class Arn(Text):
    """The ARN of something in the deployment's Region and account; in `fix`, {arn} is what it looks like.

    `resource` is a pattern, `example` what a person makes of it.
    """

    service: str = ""
    resource: str = ""
    example: str = ""
    any_account: bool = False

    @override
    def expected(self, place: Place) -> str:
        region = re.escape(place.region) if place.region else _REGION
        account = re.escape(place.account) if place.account and not self.any_account else _ACCOUNT
        return f"arn:aws:{self.service}:{region}:{account}:{self.resource}"

    @override
    def explained(self, place: Place) -> str:
        account = place.account if place.account and not self.any_account else "<account>"
        arn = f'"arn:aws:{self.service}:{place.region or "<region>"}:{account}:{self.example}"'
        return self.fix.format(arn=arn)


@dataclass(frozen=True)
class Whole(Value):
    """A whole number from `minimum` to `maximum` of `unit`."""

    minimum: int
    maximum: int
    unit: str
    source: str = ""
    allowed: tuple[int, ...] = ()
    """If only some are."""

    type = "whole number"

    @override
    def read(self, value: Any, place: Place) -> int:
        # bool is an int in Python; `true` is no number in TOML.
        if not isinstance(value, int) or isinstance(value, bool) or not self.minimum <= value <= self.maximum:
            quoted = isinstance(value, str) and re.fullmatch(r"\s*[0-9][0-9_]*\s*", value)
            refuse(self.limits() + (f", without quotes: {value.strip()}" if quoted else ""))
        if self.allowed and value not in self.allowed:
            refuse(self.limits())
        return value

    @override
    def limits(self) -> str:
        if self.allowed:
            return f"one of: {', '.join(map(str, self.allowed))} ({self.unit})"
        return f"a whole number from {self.minimum} to {self.maximum} ({self.unit})"

    @override
    def json_schema(self) -> dict[str, Any]:
        if self.allowed:
            return {"type": "integer", "enum": list(self.allowed)}
        return {"type": "integer", "minimum": self.minimum, "maximum": self.maximum}


@dataclass(frozen=True)
class Switch(Value):
    """`true` or `false`."""

    type = "true or false"

    @override
    def read(self, value: Any, place: Place) -> bool:
        if not isinstance(value, bool):
            refuse("true or false" + (", without quotes" if isinstance(value, str) else ""))
        return value

    @override
    def limits(self) -> str:
        return "true or false"

    @override
    def json_schema(self) -> dict[str, Any]:
        return {"type": "boolean"}


@dataclass(frozen=True)
class OneOf(Value):
    """One of the words of an enumeration."""

    words: type[StrEnum]
    fix: str

    @override
    def read(self, value: Any, place: Place) -> StrEnum:
        if not isinstance(value, str) or value not in set(self.words):
            refuse(self.fix)
        return self.words(value)

    @override
    def limits(self) -> str:
        return self.fix

    @override
    def write(self, value: Any) -> str:
        return str(value)

    @override
    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "enum": [str(word) for word in self.words]}


@dataclass(frozen=True)
class Texts(Value):
    """A list of strings, none twice, each as `of` says."""

    of: Text
    minimum: int = 0
    maximum: int | None = None
    check: Callable[[str], None] | None = None
    """Raises what is wrong with one."""

    type = "list of texts"

    @property
    @override
    def source(self) -> str:  # type: ignore[override]
        return self.of.source

    @override
    def read(self, value: Any, place: Place) -> tuple[str, ...]:
        if isinstance(value, tuple):
            # From code: a default, or what a test replaces. TOML has lists.
            return value
        fix, pattern = self.of.explained(place), re.compile(self.of.expected(place))
        if not isinstance(value, list) or len(value) < self.minimum:
            refuse(fix)
        for item in value:
            if not isinstance(item, str) or not pattern.fullmatch(item):
                refuse(fix)
            if self.check is not None:
                self.check(item)
        if self.maximum is not None and len(value) > self.maximum:
            refuse(f"at most {self.maximum}")
        if len(set(value)) < len(value):
            refuse("name each once")
        return tuple(value)

    @override
    def write(self, value: Any) -> list[str]:
        return list(value)

    @override
    def limits(self) -> str:
        most = f"; at most {self.maximum}" if self.maximum is not None else ""
        return self.of.limits() + most

    @override
    def json_schema(self) -> dict[str, Any]:
        schema: dict[str, Any] = {"type": "array", "items": self.of.json_schema(), "uniqueItems": True}
        if self.minimum:
            schema["minItems"] = self.minimum
        if self.maximum is not None:
            schema["maxItems"] = self.maximum
        return schema


@dataclass(frozen=True)
class Entries(Value):
    """A table whose keys the writer chooses, each value a string.

    `check` returns what is wrong with an entry, or None.
    """

    fix: str
    check: Callable[[str, str, Place], str | None]
    maximum: int | None = None
    maximum_fix: str = ""
    source: str = ""
    key_pattern: str = ""

    type = "table of texts"

    @override
    def read(self, value: Any, place: Place) -> Mapping[str, Any]:
        if not isinstance(value, Mapping):
            raise PydanticCustomError("table", "a table")
        faults = []
        for number, (key, text) in enumerate(value.items(), 1):
            fix: str | None = "a string in quotes"
            if isinstance(text, str) and text:
                fix = self.check(key, text, place)
            if fix is None and self.maximum is not None and number > self.maximum:
                fix = f"remove it: at most {self.maximum} {self.maximum_fix}".rstrip()
            if fix is not None:
                faults.append(detail((key,), text, fix))
        refuse_all(faults)
        return dict(value)

    @override
    def limits(self) -> str:
        return self.fix + (f"; at most {self.maximum}" if self.maximum is not None else "")

    @override
    def json_schema(self) -> dict[str, Any]:
        schema: dict[str, Any] = {
            "type": "object",
            "additionalProperties": {"type": "string", "minLength": 1},
        }
        if self.key_pattern:
            schema["propertyNames"] = _pattern_of(self.key_pattern)
        if self.maximum is not None:
            schema["maxProperties"] = self.maximum
        return schema


@dataclass(frozen=True)
class Tables:
    """Metadata of a tuple of sections: a list of 1 to `maximum` tables."""

    maximum: int

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        def check(value: Any) -> Any:
            if isinstance(value, tuple):
                return value
            if (
                not isinstance(value, list)
                or not 1 <= len(value) <= self.maximum
                or not all(isinstance(item, Mapping) for item in value)
            ):
                raise PydanticCustomError("tables", "tables", {"maximum": self.maximum})
            return value

        return core_schema.no_info_before_validator_function(check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return handler(schema) | {"minItems": 1, "maxItems": self.maximum}


@dataclass(frozen=True)
class ReadAs[T]:
    """Metadata of a field whose table is read as a `section`, and turned into another value."""

    section: type[BaseModel]
    to: Callable[[Any], T]
    back: Callable[[T], Any]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(
            self.to,
            handler.generate_schema(self.section),
            serialization=core_schema.plain_serializer_function_ser_schema(self.back),
        )


def _pattern_of(pattern: str) -> dict[str, str]:
    # (?s) is Python's; an editor's expressions are JavaScript's.
    plain = pattern.removeprefix("(?s)")
    return {} if plain == ".+" else {"pattern": f"^({plain})$"}
