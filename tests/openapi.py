"""openapi.yaml, as the tests read it."""

from pathlib import Path
from typing import Any

import yaml

# By libyaml: the parser in Python takes a second.
CONTRACT: dict[str, Any] = yaml.load(
    (Path(__file__).parents[1] / "openapi.yaml").read_text(encoding="utf-8"), yaml.CSafeLoader
)


def resolved(part: dict[str, Any]) -> dict[str, Any]:
    """A part of the contract, or what it refers to."""
    if "$ref" not in part:
        return part
    found: Any = CONTRACT
    for step in part["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return resolved(found)
