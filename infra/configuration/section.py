"""The base of every table of a configuration file: frozen, without unknown keys, all faults at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, ModelWrapValidatorHandler, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from infra.configuration.faults import MISSING, Fault, refuse_all
from infra.configuration.values import Value

type CrossCheck = Callable[..., Iterable[Fault]]
"""Checks sections against each other: its parameters are names of those that it is about (account, region,
connect, …, transport), and it is called where all of these are valid by themselves.
"""


class Frozen(BaseModel):
    """Values that nobody changes; `copy.replace` makes others of them, without checking them again."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_default=True, use_attribute_docstrings=True
    )

    def __replace__(self, **changes: Any) -> Self:
        if unknown := set(changes) - set(type(self).model_fields):
            raise TypeError(f"{type(self).__name__} has no fields {sorted(unknown)}")
        return self.model_copy(update=changes)


class Section(Frozen):
    """A table of the file; a subclass has a key for each of its fields."""

    @model_validator(mode="wrap")
    @classmethod
    def _collect_faults(cls, values: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Names unknown keys with their likely meaning, and lets each missing value say what it is."""
        if isinstance(values, cls):
            return handler(values)
        if not isinstance(values, Mapping):
            raise PydanticCustomError("table", "a table")
        errors = [
            InitErrorDetails(
                type=PydanticCustomError("unknown_key", "no such key", {"known": sorted(cls.model_fields)}),
                loc=(key,),
                input=value,
            )
            for key, value in values.items()
            if key not in cls.model_fields
        ]
        known = {key: value for key, value in values.items() if key in cls.model_fields}
        for name, field in cls.model_fields.items():
            if field.is_required() and name not in known:
                # A missing table is an empty one, so that the error names what it lacks.
                known[name] = MISSING if any(isinstance(item, Value) for item in field.metadata) else {}
        section: Self | None = None
        try:
            section = handler(known)
        except ValidationError as error:
            errors.extend(map(_repeat, error.errors(include_url=False)))
        refuse_all(errors)
        assert section is not None  # noqa: S101  # without errors there is one
        return section


class TransportSection(Section):
    """The settings of a way to Connect other than the native one; its room has the model."""

    cross_checks: ClassVar[tuple[CrossCheck, ...]] = ()
    """What must fit between this section and the others; the parameter `transport` is a `Transport`."""

    def start_call_settings(self) -> Mapping[str, Any]:
        """What of this section start_call receives in lists and tables, by key."""
        return {}


NATIVE = "webrtc"
"""The transport of a configuration that names no other: `StartWebRTCContact`."""


class Transport(NamedTuple):
    """A section that says how calls reach Connect, and its name in the file."""

    name: str
    section: TransportSection


def _repeat(error: Any) -> InitErrorDetails:
    return InitErrorDetails(
        type=PydanticCustomError(error["type"], "{fix}", error.get("ctx", {})),
        loc=error["loc"],
        input=error["input"],
    )
