"""Reads `openapi.yaml` for what API Gateway checks before a function runs: request models and parameters.

API Gateway's models are JSON Schema draft 4, without references between documents.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

# Keywords that draft 4 lacks, or that only people read.
_DROPPED = frozenset({"$schema", "description", "example", "examples", "title"})


class ContractError(Exception):
    """openapi.yaml uses something that draft 4 cannot say; the message says where."""


@dataclass(frozen=True, kw_only=True)
class Operation:
    """What the gateway checks of one operation.

    `body_schema` is of draft 4, None where there is no body; `headers` and `query` map each to whether it is
    required.
    """

    body_schema: Mapping[str, Any] | None
    headers: Mapping[str, bool]
    query: Mapping[str, bool]


def read_operation(document: Path, path: str, method: str) -> Operation:
    """The operation `method` of `path` of an OpenAPI 3.1 document.

    Raises KeyError where the document lacks it, ContractError where its body cannot be said in draft 4.
    """
    contract = _parsed(document.read_text(encoding="utf-8"))
    operation = contract["paths"][path][method]
    parameters = [_resolved(contract, parameter) for parameter in operation.get("parameters", [])]
    body_schema = None
    if "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        body_schema = {
            "$schema": "http://json-schema.org/draft-04/schema#",
            **_draft_4(contract, schema, f"{method} {path}"),
        }
    return Operation(
        body_schema=body_schema,
        headers=_parameters(parameters, "header"),
        query=_parameters(parameters, "query"),
    )


def read_members(document: Path) -> dict[str, list[str]]:
    """The members of the body that each operation takes ("POST /start-call"), if it takes one."""
    contract = _parsed(document.read_text(encoding="utf-8"))
    found = {}
    for path, item in contract["paths"].items():
        for method, operation in item.items():
            match operation:
                case {"requestBody": {"content": {"application/json": {"schema": schema}}}}:
                    members = _resolved(contract, schema).get("properties", {})
                    found[f"{method.upper()} {path}"] = sorted(members)
    return found


def _parameters(parameters: Iterable[Mapping[str, Any]], place: str) -> dict[str, bool]:
    return {each["name"]: each.get("required", False) for each in parameters if each["in"] == place}


@cache  # Each of its operations asks.
def _parsed(document: str) -> Mapping[str, Any]:
    contract: Mapping[str, Any] = yaml.load(document, yaml.CSafeLoader)
    return contract


def _resolved(contract: Mapping[str, Any], value: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follows `$ref` inside the document."""
    while "$ref" in value:
        target: Any = contract
        for part in value["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        value = target
    return value


def _draft_4(contract: Mapping[str, Any], schema: Any, place: str) -> Any:
    if isinstance(schema, bool):
        return schema
    result: dict[str, Any] = {}
    for keyword, value in _resolved(contract, schema).items():
        match keyword:
            case _ if keyword in _DROPPED:
                continue
            case "properties" | "patternProperties":
                result[keyword] = {
                    name: _draft_4(contract, inner, f"{place} {name}") for name, inner in value.items()
                }
            case "additionalProperties" | "items" | "not":
                result[keyword] = _draft_4(contract, value, f"{place} {keyword}")
            case "allOf" | "anyOf" | "oneOf":
                result[keyword] = [_draft_4(contract, inner, f"{place} {keyword}") for inner in value]
            case "const":
                result["enum"] = [value]
            case (
                "type" | "enum" | "required" | "pattern" | "format"
                | "minLength" | "maxLength" | "minimum" | "maximum"
                | "minItems" | "maxItems" | "uniqueItems" | "minProperties" | "maxProperties"
            ):  # fmt: skip
                result[keyword] = value
            case _:
                raise ContractError(f"openapi.yaml, {place}: draft 4 has no {keyword!r} of this meaning")
    return result
