"""`make new` against the local AWS, where the app's own instance and queues are what an account has."""

from pathlib import Path

import pytest

from infra.configuration import load
from local.launcher.local_aws import LocalAws
from operations.__main__ import main
from operations.commands import new

pytestmark = pytest.mark.usefixtures("shell")


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty one."""
    for folder in ("config", "infra/contact_flows"):
        (tmp_path / folder).mkdir(parents=True)
    monkeypatch.setattr(new, "CHECKOUT", tmp_path)
    return tmp_path


def id_of(arn: str | None) -> str:
    return str(arn).rpartition("/")[2]


@pytest.mark.parametrize("by", ["only one", "ARN"])
def test_the_instance_and_two_queues_of_the_account_become_a_configuration(
    running: LocalAws, checkout: Path, by: str
) -> None:
    instance = running.outputs["ConnectInstanceArn"]
    named = ["--instance", instance] if by == "ARN" else []
    queues = ["--verified", "In-app calling: verified", "--unverified", "in-app calling: unverified"]
    assert main(["new", "--environment", "acme", *named, *queues]) == 0
    configuration = load(checkout, "acme", transports={})
    assert (configuration.account, configuration.region) == (running.account, running.region)
    assert configuration.connect.instance_arn == instance
    connect = configuration.connect
    names = [
        running.client("connect").describe_queue(InstanceId=id_of(instance), QueueId=id_of(arn))["Queue"][
            "Name"
        ]
        for arn in (connect.verified_queue_arn, connect.unverified_queue_arn)
    ]
    assert names == ["In-app calling: verified", "In-app calling: unverified"]


def test_without_queues_they_are_listed_and_nothing_is_written(
    running: LocalAws, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["new", "--environment", "acme"]) == 1
    assert (
        f"In-app calling: verified  {running.outputs['ConnectInstanceArn']}/queue/" in capsys.readouterr().err
    )
    assert list((checkout / "config").iterdir()) == []
