"""AWS's CloudFormation registry schemas: which properties a resource may have."""

import functools
import importlib.util
import json
import re
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import jsonschema
import jsonschema._keywords
import jsonschema._utils
import regex

from local.emulator.cloudformation.provisioners import Properties


class Registry:
    """AWS's CloudFormation registry schemas of one Region, as cfn-lint ships them.

    They are read as files: importing cfn-lint takes 2.5 s and 100 MB.
    """

    def __init__(self, region: str) -> None:
        package = importlib.util.find_spec("cfnlint")
        if package is None or package.submodule_search_locations is None:
            raise RuntimeError(
                "cfn-lint is not installed in .venv-local: run `make local` or `./setup.sh local`"
            )
        self._folder = Path(package.submodule_search_locations[0], "data", "schemas")
        self._files: dict[str, str] = json.loads((self._folder / "providers" / f"{region}.json").read_text())

    @property
    def types(self) -> list[str]:
        """The names of all AWS types of the Region."""
        return [name for name in self._files if name.startswith("AWS::")]

    @functools.cache  # noqa: B019 one registry for the life of the process
    def schema(self, resource_type: str) -> dict[str, Any]:
        """The registry schema of a type."""
        schema: dict[str, Any] = json.loads(
            (self._folder / "resources" / f"{self._files[resource_type]}.json").read_text()
        )
        return schema

    def names(self, resource_type: str, role: str) -> list[str]:
        """The top-level properties of a role: primaryIdentifier, readOnlyProperties, createOnlyProperties."""
        pointers = self.schema(resource_type).get(role) or []
        return [pointer.removeprefix("/properties/") for pointer in pointers]

    def checked(self, resource_type: str, properties: Properties) -> Properties:
        """Return the properties with the types the schema wants; raises ValueError where it refuses them."""
        schema = self.schema(resource_type)
        top: dict[str, Any] = {
            key: schema[key] for key in ("properties", "definitions", "required") if key in schema
        }
        document = {**top, "type": "object", "additionalProperties": False}
        coerced: Properties = _coerce(document, schema, properties)
        if read_only := sorted(coerced.keys() & set(self.names(resource_type, "readOnlyProperties"))):
            raise ValueError(f"{resource_type}: read-only properties {read_only}")
        errors = [
            f"{'/'.join(map(str, error.absolute_path)) or 'properties'}: {error.message}"
            for error in _Validator(document).iter_errors(coerced)
        ]
        if errors:
            raise ValueError(
                f"Properties validation failed for resource {resource_type}: {'; '.join(errors)}"
            )
        return coerced


def _pattern(_validator: object, pattern: str, instance: object, _schema: object) -> Any:
    if isinstance(instance, str) and not regex.search(pattern, instance):
        yield jsonschema.ValidationError(f"{instance!r} does not match {pattern!r}")


def _with_unicode_classes(module: ModuleType) -> None:
    """The registry's patterns use \\p{…}, which `regex` supports and `re` does not."""
    module.re = regex  # type: ignore[attr-defined]


_with_unicode_classes(jsonschema._keywords)
_with_unicode_classes(jsonschema._utils)
_Validator: type[jsonschema.Draft7Validator] = jsonschema.validators.extend(  # type: ignore[no-untyped-call]
    jsonschema.Draft7Validator, {"pattern": _pattern}
)


def _coerce(schema: Mapping[str, Any], root: Mapping[str, Any], value: Any) -> Any:
    """CloudFormation takes the texts "true" and "5" where the schema says boolean and integer."""
    while "$ref" in schema:
        schema = root["definitions"].get(schema["$ref"].rpartition("/")[2], {})
    if schema.get("type") == "boolean" and value in ("true", "false"):
        return value == "true"
    if schema.get("type") == "integer" and isinstance(value, str) and re.fullmatch(r"-?\d+", value):
        return int(value)
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        return {name: _coerce(properties.get(name, {}), root, item) for name, item in value.items()}
    if isinstance(value, list):
        items = schema.get("items", {})
        return [_coerce(items if isinstance(items, dict) else {}, root, item) for item in value]
    return value
