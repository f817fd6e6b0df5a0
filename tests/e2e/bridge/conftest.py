"""Another local AWS, with the app deployed whose calls go over the SIP bridge."""

import functools
from collections.abc import Callable, Iterator

import pytest

from local.environment import LocalAws, local_aws
from local.phone import Phone
from tests.e2e.aws import Aws, Caller


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with local_aws("local-bridge", port=0, directory=tmp_path_factory.mktemp("local-bridge")) as started:
        started.deploy()
        yield started


# As in the folder above. Each is made anew here, or one process would take those of the other local AWS.


@pytest.fixture(scope="session")
def aws(running: LocalAws) -> Aws:
    return Aws(running.outputs, running.stacks)


@pytest.fixture(scope="session")
def phone(aws: Aws) -> Phone:
    return Phone(aws.outputs)


@pytest.fixture(scope="session")
def new_caller(phone: Phone) -> Callable[..., Caller]:
    return functools.partial(Caller.sign_up_and_in, phone)
