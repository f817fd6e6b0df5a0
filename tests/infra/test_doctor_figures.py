"""What the doctor takes for granted of the templates, which it runs before."""

import json
from collections.abc import Iterator
from typing import Any

from infra.outputs import Output
from operations.doctor.checks.functions import reserved_executions
from operations.doctor.checks.instance import own_flows
from operations.doctor.checks.place import MIN_BOOTSTRAP
from operations.doctor.subject import Subject
from tests.infra.synthesis import Synthesis
from tests.operations.fake_aws import FakeAws


def _subject(synthesis: Synthesis) -> Subject:
    return Subject(synthesis.configuration, FakeAws({}).session)


def test_it_counts_the_executions_that_a_deployment_reserves(synthesis: Synthesis) -> None:
    functions = synthesis.resources("AWS::Lambda::Function").values()
    reserved = sum(function.get("ReservedConcurrentExecutions", 0) for function in functions)
    assert reserved_executions(_subject(synthesis)) == reserved


def test_it_counts_the_contact_flows_that_a_deployment_has(synthesis: Synthesis) -> None:
    assert own_flows(_subject(synthesis)) == len(synthesis.resources("AWS::Connect::ContactFlow"))


def test_it_wants_the_bootstrap_that_the_stacks_want(synthesis: Synthesis) -> None:
    manifest = json.loads((synthesis.directory / "manifest.json").read_text())
    assert max(_required(manifest)) == MIN_BOOTSTRAP


def _required(node: Any) -> Iterator[int]:
    """Every version that something of the assembly requires, roles included."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "requiresBootstrapStackVersion":
                yield value
            else:
                yield from _required(value)


def test_it_knows_the_stacks_by_their_names(synthesis: Synthesis) -> None:
    names = {path.name.removesuffix(".template.json") for path in synthesis.directory.glob("*.template.json")}
    assert set(_subject(synthesis).stack_names) == names


def test_it_finds_the_resources_that_it_looks_for(synthesis: Synthesis) -> None:
    """By their types, and by the first part of their logical ids."""
    for type_ in (
        "AWS::ApiGateway::RestApi",
        "AWS::ApiGateway::Stage",
        "AWS::Events::Rule",
        "AWS::Lambda::EventSourceMapping",
        "AWS::SNS::Topic",
    ):
        assert synthesis.resources(type_)
    functions = synthesis.resources("AWS::Lambda::Function")
    assert sum(id_.startswith("CallerContext") for id_ in functions) == 1
    assert any("DeadLetters" in id_ for id_ in synthesis.resources("AWS::SQS::Queue"))
    assert Output.API_URL in synthesis.outputs
