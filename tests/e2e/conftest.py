"""One local AWS for all end-to-end tests, with the real app deployed into it."""

import functools
from collections.abc import Callable, Iterator

import pytest

from local.environment import LocalAws, local_aws
from local.phone import Phone
from tests.e2e.aws import Aws, Caller


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test here is an end-to-end test; they come last, and of them those that destroy the stacks."""
    here = [item for item in items if "tests/e2e" in item.path.as_posix()]
    for item in here:
        item.add_marker(pytest.mark.e2e)
    others = [item for item in items if item not in here]
    here.sort(key=lambda item: item.path.name in {"test_deployment.py", "test_bridge_stacks.py"})
    items[:] = others + here


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """On a port and in a folder of its own, so that a `make local` may run beside the tests."""
    with local_aws(port=0, directory=tmp_path_factory.mktemp("local-aws")) as started:
        started.deploy()
        yield started


@pytest.fixture(scope="session")
def aws(running: LocalAws) -> Aws:
    return Aws(running.outputs, running.stacks)


@pytest.fixture(scope="session")
def phone(aws: Aws) -> Phone:
    return Phone(aws.outputs)


@pytest.fixture(scope="session")
def new_caller(phone: Phone) -> Callable[..., Caller]:
    """Signs somebody up, by email alone unless the test says more, and in."""
    return functools.partial(Caller.sign_up_and_in, phone)


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
