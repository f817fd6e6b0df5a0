"""What a change would lose of what a picture shows."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tools.stateful.picture import TYPES, Picture

# Attributes are added to a user pool, and never taken away.
_GROWING = "Schema"


def losses(before: Picture, after: Picture) -> list[str]:
    """A line for each resource that would be lost or replaced; none where all stays."""
    return [
        line
        for stack, resources in before.items()
        for logical_id, resource in resources.items()
        for line in _losses(f"{stack}/{logical_id}", resource, after.get(stack, {}).get(logical_id))
    ]


def additions(before: Picture, after: Picture) -> list[str]:
    """What is stateful and not in the picture yet."""
    return [
        f"{stack}/{logical_id} ({resource['Type']})"
        for stack, resources in after.items()
        for logical_id, resource in resources.items()
        if logical_id not in before.get(stack, {})
    ]


def _losses(name: str, before: Mapping[str, Any], after: Mapping[str, Any] | None) -> Iterator[str]:
    type_ = before["Type"]
    lost = f"lost: {TYPES[type_].loss}" if type_ in TYPES else "lost"
    if after is None or after["Type"] != type_:
        kept = before["DeletionPolicy"] == "Retain"
        what = "stays in the account, outside of every stack" if kept else "is deleted"
        yield f"{name} ({type_}) is no longer in the templates: it {what}. To the app it is {lost}."
        return
    for key in sorted({*before["Properties"], *after["Properties"]}):
        old, new = before["Properties"].get(key), after["Properties"].get(key)
        if not _holds(key, old, new):
            yield (
                f"{name} ({type_}) is replaced: {key} {json.dumps(old)} becomes {json.dumps(new)}. "
                f"To the app it is {lost}."
            )
    if before["DeletionPolicy"] == "Retain" and after["DeletionPolicy"] != "Retain":
        yield f"{name} ({type_}) would go with its stack: DeletionPolicy is no longer Retain. Then {lost}."


def _holds(key: str, old: Any, new: Any) -> bool:
    if key == _GROWING:
        return all(attribute in (new or []) for attribute in old or [])
    return bool(old == new)
