"""What is said of a block that is wrong: where, the value found, the fix, and Amazon Connect's own words."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """An error stops the deployment; a warning is for whoever edits the flow."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What is wrong with a block ("" for the flow itself): the value found, and what to write.

    `connect` is what CreateContactFlow says of it; "" where Connect takes it, or its words are not known.
    """

    block: str
    what: str
    value: object
    fix: str
    connect: str = ""
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        place = f"block {self.block!r}, " if self.block else ""
        said = f"\n  Amazon Connect: {self.connect}" if self.connect else ""
        return f"{place}{self.what} = {self.value!r}\n  Fix: {self.fix}{said}"

    @property
    def is_error(self) -> bool:
        """Whether the flow must not be deployed."""
        return self.severity is Severity.ERROR


def short(value: object) -> str:
    """The beginning of a value's JSON."""
    text = json.dumps(value)
    return text if len(text) <= 80 else f"{text[:79]}…"
