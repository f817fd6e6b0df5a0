"""One local AWS for all end-to-end tests, with the real app deployed into it."""

import os
from collections.abc import Callable

import pytest

from local.launcher.local_aws import DEFAULT_ENVIRONMENT, LocalAws
from tests.e2e.aws import Caller
from tests.e2e.environments import fixtures_of, operate_on


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test here is an end-to-end test; they come last, and of them those that destroy the stacks."""
    here = [item for item in items if "tests/e2e" in item.path.as_posix()]
    for item in here:
        item.add_marker(pytest.mark.e2e)
    others = [item for item in items if item not in here]
    here.sort(key=lambda item: item.path.name == "test_deployment.py")
    items[:] = others + here


# `make test-e2e ENV=local-issuer` runs all tests of this folder, without those of its folders, on another.
running, aws, phone, new_caller = fixtures_of(
    os.environ.get("E2E_ENVIRONMENT", DEFAULT_ENVIRONMENT), with_media=True
)


@pytest.fixture
def caller(new_caller: Callable[..., Caller]) -> Caller:
    """Somebody who has never called."""
    return new_caller()


@pytest.fixture
def another_caller(new_caller: Callable[..., Caller]) -> Caller:
    return new_caller()


@pytest.fixture(scope="module")
def one_caller(new_caller: Callable[..., Caller]) -> Caller:
    """Somebody for all tests of a module, none of which starts a call."""
    return new_caller()


@pytest.fixture
def shell(running: LocalAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shell of an operator, with the account's credentials."""
    operate_on(running, monkeypatch)
