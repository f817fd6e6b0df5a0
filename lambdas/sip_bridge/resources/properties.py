"""Properties of a custom resource. CloudFormation turns their numbers and booleans into texts on the way."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from sip_bridge.resources.errors import InvalidProperty


class Properties:
    """Properties of a resource, or of a part of one. Every reader raises `InvalidProperty`."""

    def __init__(self, values: Mapping[str, Any], where: str) -> None:
        """`where` is the resource's type, or the path of the part."""
        self._values = values
        self._where = where

    def __contains__(self, name: str) -> bool:
        return self._values.get(name) not in {None, ""}

    def text(self, name: str, pattern: str = r".*\S.*") -> str:
        """A text that matches `pattern` as a whole."""
        value = self._values.get(name)
        if not isinstance(value, str) or not re.fullmatch(pattern, value, re.ASCII):
            raise self._fault(name, value, f"a text that matches {pattern}")
        return value

    def number(self, name: str, least: int, most: int) -> int:
        """A whole number."""
        value = self._values.get(name)
        text = str(value)
        if not re.fullmatch(r"[0-9]{1,9}", text, re.ASCII) or not least <= int(text) <= most:
            raise self._fault(name, value, f"a whole number from {least} to {most}")
        return int(text)

    def flag(self, name: str) -> bool:
        """A boolean."""
        value = self._values.get(name)
        text = str(value).lower()
        if text not in {"true", "false"}:
            raise self._fault(name, value, "true or false")
        return text == "true"

    def texts(self, name: str) -> list[str]:
        """A list of texts, at least one."""
        value = self._list(name, "texts")
        if not all(isinstance(each, str) and each for each in value):
            raise self._fault(name, value, "a list of texts")
        return list(value)

    def parts(self, name: str) -> list["Properties"]:
        """A list of parts with properties of their own, at least one."""
        value = self._list(name, "objects")
        if not all(isinstance(each, Mapping) for each in value):
            raise self._fault(name, value, "a list of objects")
        return [Properties(each, f"{self._where}/{name}[{index}]") for index, each in enumerate(value)]

    def _list(self, name: str, of: str) -> Sequence[Any]:
        value = self._values.get(name)
        if not isinstance(value, list) or not value:
            raise self._fault(name, value, f"a list of {of}, at least one")
        return value

    def _fault(self, name: str, value: Any, wanted: str) -> InvalidProperty:
        found = "is missing" if value is None else f"is {value!r}"
        return InvalidProperty(f"{self._where}: the property {name} {found}.\nFix: make it {wanted}.")
