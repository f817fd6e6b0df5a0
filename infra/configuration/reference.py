"""What people and editors read of the models: docs/configuration.md and config/schema.json."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, get_args

from pydantic import BaseModel, create_model
from pydantic.fields import FieldInfo

from infra.configuration.configuration import NOT_IN_FILES, Configuration, Transports
from infra.configuration.faults import toml_text
from infra.configuration.section import Section
from infra.configuration.values import ReadAs, Value

MAX_CELL = 200
"""Characters of a table's cell."""

_SCHEMA = "https://json-schema.org/draft/2020-12/schema"

_INTRODUCTION = """\
# Configuration

<!-- Generated from infra/configuration by `python -m infra.configuration`. -->

An environment is a file `config/<environment>.toml`. Three values are enough:

```toml
#:schema ./schema.json
[connect]
instance_arn = "arn:aws:connect:eu-west-2:111122223333:instance/11111111-1111-4111-8111-111111111111"
verified_queue_arn = "arn:aws:connect:eu-west-2:111122223333:instance/11111111-1111-4111-8111-111111111111/queue/\
22222222-2222-4222-8222-222222222222"
unverified_queue_arn = "arn:aws:connect:eu-west-2:111122223333:instance/11111111-1111-4111-8111-111111111111/queue/\
33333333-3333-4333-8333-333333333333"
```

Everything else has a default. Account and Region are the instance's. Every fault of a file is reported at once, with
file, key, value and fix, before anything is built. The first line lets editors complete keys and check values.

## Top level

These keys stand before the first section.
"""  # noqa: E501  # ARNs are so long


def json_schema(transports: Transports) -> str:
    """The JSON Schema of a configuration file."""
    sections: dict[str, Any] = {
        name: (field.annotation, field)
        for name, field in Configuration.model_fields.items()
        if name not in NOT_IN_FILES
    }
    for name in ("account", "region"):
        annotation, field = sections[name]
        sections[name] = (
            Annotated[annotation, *field.metadata] | None,
            FieldInfo(default=None, description=field.description),
        )
    sections |= {name: (section | None, None) for name, section in transports.items()}
    file: type[BaseModel] = create_model(
        "File",
        __config__={"extra": "forbid", "title": "Configuration of an environment"},
        **sections,
    )
    schema = _plain(file.model_json_schema())
    return json.dumps({"$schema": _SCHEMA, **schema}, indent=2, ensure_ascii=False) + "\n"


def _plain(schema: Any) -> Any:
    """Without what TOML has not (null), and without titles that only repeat names."""
    if isinstance(schema, list):
        return [_plain(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    plain: dict[str, Any] = {}
    for key, value in schema.items():
        if key in {"properties", "$defs"}:
            plain[key] = {name: _plain(of) for name, of in value.items()}
        elif key == "anyOf":
            kept = [_plain(item) for item in value if item != {"type": "null"}]
            plain |= kept[0] if len(kept) == 1 else {key: kept}
        elif key == "description":
            plain[key] = " ".join(value.split())
        elif key not in {"title", "discriminator"} and not (key == "default" and value is None):
            plain[key] = _plain(value)
    return plain


def reference(transports: Transports) -> str:
    """The reference of every section and key, in Markdown."""
    fields = {name: field for name, field in Configuration.model_fields.items() if name not in NOT_IN_FILES}
    top = {name: field for name, field in fields.items() if _value_of(field) and name != "tags"}
    parts = [_INTRODUCTION, _table(top, required=False)]
    for name, field in fields.items():
        if name not in top:
            parts.extend(_section(name, field.annotation, field))
    for name, section in transports.items():
        parts.extend(_section(name, section, None))
    return "\n".join(parts)


def _section(path: str, annotation: Any, field: FieldInfo | None, *, table: str = "") -> Iterator[str]:
    heading = "#" * min(4, 2 + path.count("."))
    name = (table or f"[{path}]").replace("<", "\\<")
    value = _value_of(field) if field is not None else None
    if value is not None:
        yield f"{heading} {name}\n\n{_sentence(field)}\n"
        yield _rows([("a key of your own", value.type, "", "", value)])
        return
    models = list(_models(annotation))
    if len(models) > 1:
        yield f"{heading} {name}\n\n{_sentence(field)} One of these:\n"
    for model in models:
        summary = " ".join((model.__doc__ or "").split())
        title = f"{heading} {name}" if len(models) == 1 else f"{heading}# {name}: {_kind(model)}"
        yield f"{title}\n\n{summary}\n"
        leaves, tables = _split(model)
        if leaves:
            yield _table(leaves)
        for key, nested in tables.items():
            yield from _nested(f"{path}.{key}", nested)


def _nested(path: str, field: FieldInfo) -> Iterator[str]:
    read_as = next((item for item in field.metadata if isinstance(item, ReadAs)), None)
    if read_as is not None:
        yield from _section(path, read_as.section, None)
        return
    arguments = get_args(field.annotation)
    if getattr(field.annotation, "__origin__", None) is tuple:
        yield from _section(path, arguments[0], field, table=f"[[{path}]]")
    elif isinstance(field.annotation, type) or not _is_mapping(field.annotation):
        yield from _section(path, field.annotation, field)
    else:
        yield from _section(f"{path}.<topic>", arguments[1], field)


def _is_mapping(annotation: Any) -> bool:
    return getattr(annotation, "__origin__", None) is Mapping


def _split(model: type[Section]) -> tuple[dict[str, FieldInfo], dict[str, FieldInfo]]:
    leaves = {name: field for name, field in model.model_fields.items() if _value_of(field) or _is_tag(field)}
    return leaves, {name: field for name, field in model.model_fields.items() if name not in leaves}


def _is_tag(field: FieldInfo) -> bool:
    return all(isinstance(word, str) for word in get_args(field.annotation) or [None])


def _models(annotation: Any) -> Iterator[type[Section]]:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        yield annotation
    else:
        for argument in get_args(annotation):
            yield from _models(argument)


def _kind(model: type[Section]) -> str:
    """What distinguishes it from others in its place: the word in `type`, or the keys that it needs."""
    for name, field in model.model_fields.items():
        if _is_tag(field) and _value_of(field) is None:
            return f"`{name} = {toml_text(field.default)}`"
    needed = [f"`{name}`" for name, field in model.model_fields.items() if field.is_required()]
    return f"with {', '.join(needed)}"


def _value_of(field: FieldInfo | None) -> Value | None:
    """How the field is written, also where it may be missing."""
    if field is None:
        return None
    for item in field.metadata:
        if isinstance(item, Value):
            return item
    for argument in get_args(field.annotation):
        for item in getattr(argument, "__metadata__", ()):
            if isinstance(item, Value):
                return item
    return None


def _table(fields: Mapping[str, FieldInfo], *, required: bool = True) -> str:
    rows: list[tuple[str, str, str, str, Value | None]] = []
    for name, field in fields.items():
        value = _value_of(field)
        if value is None:
            (word,) = get_args(field.annotation)
            rows.append((f"`{name}`", "text", "required", f"`{toml_text(word)}`", None))
            continue
        default = "required" if required and field.is_required() else "-"
        if not field.is_required() and field.default is not None:
            default = f"`{toml_text(value.write(field.default))}`"
        rows.append((f"`{name}`", value.type, default, _sentence(field), value))
    return _rows(rows)


def _sentence(field: FieldInfo | None) -> str:
    return " ".join(((field.description if field is not None else None) or "").split())


def _rows(rows: list[tuple[str, str, str, str, Value | None]]) -> str:
    lines = ["| key | type | default | meaning | limits | source |", "|---|---|---|---|---|---|"]
    for key, type_, default, meaning, value in rows:
        limits = value.limits() if value is not None else ""
        cells = [key, type_, default, meaning, limits, value.source if value is not None else ""]
        for cell in cells:
            if len(cell) > MAX_CELL:
                raise ValueError(f"{key}: a cell of {len(cell)} characters: {cell}")
        lines.append("| " + " | ".join(cell.replace("|", "\\|").replace("<", "\\<") for cell in cells) + " |")
    return "\n".join(lines) + "\n"
