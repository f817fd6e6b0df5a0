"""Keys that nothing reads: a typo would otherwise be a value that is ignored."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, get_args

from infra.configuration.faults import Fault
from infra.configuration.section import Section
from infra.configuration.values import ReadAs


def known_keys(sections: Mapping[str, Any]) -> list[str]:
    """The dotted path of every key and table below these sections, by name and annotation."""
    return [*sections, *(key for name, annotation in sections.items() for key in _keys_of(name, annotation))]


def _keys_of(path: str, annotation: Any) -> Iterator[str]:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        for name, field in annotation.model_fields.items():
            yield f"{path}.{name}"
            yield from _keys_of(f"{path}.{name}", field.annotation)
            for item in field.metadata:
                if isinstance(item, ReadAs):
                    yield from _keys_of(f"{path}.{name}", item.section)
    else:
        for argument in get_args(annotation):
            yield from _keys_of(path, argument)


def unknown_key(key: str, value: object, known: Iterable[str], keys: Sequence[str]) -> Fault:
    """The fault of a dotted `key`; `known` are the keys of its table, and `keys` all that there are."""
    names = sorted(known)
    table, _, name = key.rpartition(".")
    close = difflib.get_close_matches(_spelt(name), names, n=1)
    elsewhere = [path for path in keys if path.rpartition(".")[2] == name and path != key]
    hint, meant = "", ""
    if close:
        hint, meant = f"did you mean {close[0]!r}? ", f"{table}.{close[0]}".removeprefix(".")
    elif elsewhere:
        meant = elsewhere[0]
        section = meant.rpartition(".")[0]
        hint = f"it belongs below [{section}]; " if section else f"it is a section of its own, [{meant}]; "
    return Fault(key=key, value=value, fix=f"{hint}known here: {', '.join(names)}", meant=meant)


def _spelt(name: str) -> str:
    """As keys are spelt here: instanceArn and instance-arn are instance_arn."""
    snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
    return snake.strip("_").replace("-", "_").replace("__", "_")
