"""openapi.yaml names what it describes, and its examples are what it describes."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from api.problems import PROBLEMS
from tests.openapi import CONTRACT, resolved

OPERATIONS: dict[str, dict[str, Any]] = {
    operation["operationId"]: operation
    for path in CONTRACT["paths"].values()
    for method, operation in path.items()
    if method != "parameters"
}


def bodies() -> Iterator[tuple[str, dict[str, Any]]]:
    """Where each body is described, and its media type's part: `schema`, `examples`."""
    for name, operation in OPERATIONS.items():
        parts = {"request": operation.get("requestBody", {}), **operation["responses"]}
        for place, part in parts.items():
            for media_type, body in resolved(part).get("content", {}).items():
                yield f"{name} {place} {media_type}", body


BODIES = dict(bodies())
PROBLEM_EXAMPLES = {
    name: example["value"]
    for name, example in CONTRACT["components"]["examples"].items()
    if "type" in example["value"]
}


@pytest.mark.parametrize("place", [place for place in BODIES if not place.endswith(" 413 application/json")])
def test_every_body_has_examples_that_are_valid(place: str) -> None:
    schema = {**BODIES[place]["schema"], "components": CONTRACT["components"]}
    examples = [resolved(example)["value"] for example in BODIES[place]["examples"].values()]
    assert examples
    for example in examples:
        jsonschema_rs.Draft202012Validator(schema).validate(example)


@pytest.mark.parametrize("place", BODIES)
def test_every_body_has_a_named_schema(place: str) -> None:
    assert BODIES[place]["schema"].keys() == {"$ref"}


def test_every_object_and_enumeration_has_a_name() -> None:
    def unnamed(schema: Mapping[str, Any], place: str) -> Iterator[str]:
        for keyword in ("properties", "patternProperties"):
            for name, inner in schema.get(keyword, {}).items():
                if inner.get("type") == "object" or "enum" in inner:
                    yield f"{place}.{name}"
                yield from unnamed(inner, f"{place}.{name}")
        for keyword in ("items", "additionalProperties"):
            if isinstance(inner := schema.get(keyword), dict):
                if inner.get("type") == "object":
                    yield f"{place} {keyword}"
                yield from unnamed(inner, f"{place} {keyword}")

    schemas = CONTRACT["components"]["schemas"]
    assert [place for name, schema in schemas.items() for place in unnamed(schema, name)] == []


def test_an_operation_has_a_name_and_a_tag_that_is_described() -> None:
    assert OPERATIONS.keys() == {
        "StartCall",
        "GetAvailability",
        "GetCall",
        "EndCall",
        "RejoinCall",
        "SendDigits",
    }
    tags = {tag["name"] for tag in CONTRACT["tags"]}
    for operation in OPERATIONS.values():
        assert len(operation["tags"]) == 1
        assert tags.issuperset(operation["tags"])


def test_the_license_is_that_of_the_checkout() -> None:
    assert CONTRACT["info"]["license"]["identifier"] == "Apache-2.0"
    assert "Apache License" in (Path(__file__).parents[2] / "LICENSE").read_text(encoding="utf-8")
    assert CONTRACT["info"]["contact"]["name"]


def test_a_problem_is_shown_where_its_slug_is_described_and_nowhere_else() -> None:
    for place, body in BODIES.items():
        name, part, media_type = place.split(" ")
        if media_type == "application/problem+json":
            described = re.findall(
                r"`([a-z-]+)`:", resolved(OPERATIONS[name]["responses"][part])["description"]
            )
            shown = [resolved(example)["value"] for example in body["examples"].values()]
            assert [problem["type"].rpartition(":")[2] for problem in shown] == described
            assert {problem["status"] for problem in shown} == {int(part)}


@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=lambda problem: problem.slug)
def test_the_functions_title_a_problem_as_its_example_does(problem: Any) -> None:
    (example,) = [value for value in PROBLEM_EXAMPLES.values() if value["type"].endswith(f":{problem.slug}")]
    assert (example["title"], example["status"]) == (problem.title, problem.status)


def test_examples_hold_nothing_that_could_be_a_credential() -> None:
    text = json.dumps(CONTRACT["components"]["examples"])
    for name in ("JoinToken", "ParticipantToken"):
        assert all(token.endswith("EXAMPLE") for token in re.findall(rf'"{name}": "([^"]+)"', text))
