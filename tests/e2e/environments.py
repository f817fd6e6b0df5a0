"""An environment of its own for a folder of end-to-end tests, and for what operators run."""

import functools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from local.clients.phone import Phone
from local.launcher.local_aws import LocalAws, local_aws
from tests.e2e.aws import Aws, Caller

Fixture = Callable[..., Any]


def fixtures_of(
    environment: str, aws_class: type[Aws] = Aws, *, with_media: bool = False
) -> tuple[Fixture, Fixture, Fixture, Fixture]:
    """The fixtures running, aws, phone and new_caller, for a conftest to have under these names.

    `aws_class` may offer more to the folder's tests; `with_media`: calls can be heard. Each folder makes all
    four anew: one process that runs several would take those of another local AWS.
    """

    @pytest.fixture(scope="session")
    def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
        """On a port and in a folder of its own, so that a `make local` may run beside the tests."""
        directory = tmp_path_factory.mktemp(environment)
        with local_aws(environment, port=0, directory=directory, with_media=with_media) as started:
            started.deploy()
            yield started

    @pytest.fixture(scope="session")
    def aws(running: LocalAws) -> Aws:
        return aws_class(running.outputs, running.stacks)

    @pytest.fixture(scope="session")
    def phone(aws: Aws) -> Phone:
        return Phone(aws.outputs)

    @pytest.fixture(scope="session")
    def new_caller(aws: Aws, phone: Phone) -> Callable[..., Caller]:
        """Signs somebody up, by email alone unless the test says more, and in."""
        return functools.partial(Caller.sign_up_and_in, phone, aws.join if aws.joins_contacts else None)

    return running, aws, phone, new_caller


def operate_on(aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gives commands that the test runs the account's credentials."""
    for name, value in {
        "AWS_ENDPOINT_URL": aws.endpoint_url,
        "AWS_ACCESS_KEY_ID": aws.access.access_key_id,
        "AWS_SECRET_ACCESS_KEY": aws.access.secret_access_key,
        "AWS_REGION": aws.region,
    }.items():
        monkeypatch.setenv(name, value)
