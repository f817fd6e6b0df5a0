"""Whatever is sent, the answer keeps to openapi.yaml and is never a server error."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import checks
from schemathesis.specs.openapi import checks as openapi_checks

from tests.e2e.aws import Aws, Caller, unthrottled

pytestmark = pytest.mark.slow  # hundreds of requests

# From a fixture: otherwise what is sent would be made while tests are collected, by every process of a run.
SCHEMA = schemathesis.pytest.from_fixture("contract")
BOUNDED = settings(
    max_examples=30, deadline=None, database=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
CHECKS = [
    checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_headers_conformance,
    openapi_checks.response_schema_conformance,
    openapi_checks.negative_data_rejection,
]


@pytest.fixture(scope="module")
def contract() -> Any:
    return schemathesis.openapi.from_path(Path(__file__).parents[2] / "openapi.yaml")


@pytest.fixture(scope="module")
def callers(new_caller: Callable[..., Caller]) -> Iterator[Caller]:
    """Somebody else each time, so that most are free to call."""
    return itertools.cycle([new_caller() for _ in range(12)])


@SCHEMA.parametrize()
@BOUNDED
def test_every_answer_keeps_to_the_contract(
    case: schemathesis.Case[Any], aws: Aws, callers: Iterator[Caller]
) -> None:
    caller = next(callers)
    case.headers["Authorization"] = caller.user.token
    request = case.as_transport_kwargs(base_url=aws.outputs["ApiUrl"].rstrip("/"))
    response = unthrottled(lambda: requests.request(**request, timeout=35))
    case.validate_response(response, checks=CHECKS)
