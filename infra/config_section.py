"""Reads a configuration file value by value, each checked as it is read."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from typing import NoReturn

# As AWS writes the ids of most things, in lower case.
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


class ConfigurationError(Exception):
    """A value that cannot be deployed.

    Attributes: `file`, `key` (dotted path in the file), `value` (as found, or None), `fix` (what to write).
    """

    def __init__(self, file: str, key: str, value: object, fix: str) -> None:
        self.file, self.key, self.value, self.fix = file, key, value, fix
        shown = "missing" if value is None else repr(value)
        super().__init__(
            f"{file}: {key} = {shown}\n  Fix: {fix}" if key else f"{file}: {shown}\n  Fix: {fix}"
        )


class Section:
    """One table of the file: hands out each value checked, and remembers which keys are known."""

    def __init__(self, file: str, path: str, values: Mapping[str, object]) -> None:
        self._file, self._path, self._values = file, path, values
        self._known: list[str] = []

    def fail(self, key: str, fix: str) -> NoReturn:
        """Raises the ConfigurationError for `key`, with the value that the file holds."""
        raise ConfigurationError(self._file, self._dotted(key), self._values.get(key), fix)

    def has(self, key: str) -> bool:
        """Whether the file sets `key`."""
        self._known.append(key)
        return key in self._values

    def section(self, key: str) -> Section:
        """The table `key`; an absent one is empty, so that the error names the missing value itself."""
        value = self._values.get(key, {}) if self.has(key) else {}
        if not isinstance(value, dict):
            self.fail(key, f"make it a table: [{self._dotted(key)}]")
        return Section(self._file, self._dotted(key), value)

    def sections(self, key: str, most: int) -> list[Section]:
        """The tables of the list `key`: at least one, and at most `most`."""
        value = self._values[key] if self.has(key) else None
        if (
            not isinstance(value, list)
            or not 1 <= len(value) <= most
            or not all(isinstance(item, dict) for item in value)
        ):
            self.fail(key, f"1 to {most} tables: [[{self._dotted(key)}]]")
        return [
            Section(self._file, f"{self._dotted(key)}[{number}]", item) for number, item in enumerate(value)
        ]

    def text(self, key: str, fix: str, valid: Callable[[str], bool]) -> str:
        """The string `key`, which `valid` must accept."""
        value = self._values[key] if self.has(key) else None
        if not isinstance(value, str) or not valid(value):
            self.fail(key, fix)
        return value

    def number(self, key: str, minimum: int, maximum: int, unit: str) -> int:
        """The whole number `key` from `minimum` to `maximum`."""
        value = self._values[key] if self.has(key) else None
        # bool is an int in Python; `true` is no number in TOML.
        if not isinstance(value, int) or isinstance(value, bool) or not minimum <= value <= maximum:
            self.fail(key, f"a whole number from {minimum} to {maximum} ({unit})")
        return value

    def switch(self, key: str) -> bool:
        """The boolean `key`."""
        value = self._values[key] if self.has(key) else None
        if not isinstance(value, bool):
            self.fail(key, "true or false")
        return value

    def texts(
        self, key: str, fix: str, valid: Callable[[str], bool], *, least: int = 0, most: int | None = None
    ) -> tuple[str, ...]:
        """The list of strings `key`, each accepted by `valid`, none twice, `least` to `most` of them."""
        value = self._values[key] if self.has(key) else None
        if not isinstance(value, list) or not all(isinstance(item, str) and valid(item) for item in value):
            self.fail(key, fix)
        if len(value) < least:
            self.fail(key, fix)
        if most is not None and len(value) > most:
            self.fail(key, f"at most {most}")
        if len(set(value)) < len(value):
            self.fail(key, "name each once")
        return tuple(value)

    def mapping_items(self) -> list[tuple[str, str]]:
        """The entries of a table whose keys the writer chooses, each value a string."""
        return [(name, self.text(name, "a string in quotes", bool)) for name in self._values]

    def refuse_unknown_keys(self) -> None:
        """Raises for the first key that nothing reads: a typo would otherwise be a value that is ignored."""
        for key in self._values:
            if key not in self._known:
                close = difflib.get_close_matches(key, self._known, n=1)
                meant = f"did you mean {close[0]!r}? " if close else ""
                self.fail(key, f"{meant}known here: {', '.join(sorted(set(self._known)))}")

    def _dotted(self, key: str) -> str:
        return f"{self._path}.{key}" if self._path else key


def matches(expression: str | re.Pattern[str]) -> Callable[[str], bool]:
    """Whether all of a text is what `expression` says."""
    pattern = re.compile(expression)
    return lambda value: pattern.fullmatch(value) is not None
