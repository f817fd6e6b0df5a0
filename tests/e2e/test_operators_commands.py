"""What operators run, against the local AWS with the real app in it."""

import json
import time
from pathlib import Path

import pytest

from infra.outputs import Output
from local.launcher.local_aws import LocalAws, local_aws
from operations.__main__ import main
from tests.e2e.answers import assert_call, assert_problem
from tests.e2e.aws import Aws, Caller
from tests.e2e.calls import connected
from tests.e2e.environments import operate_on

pytestmark = pytest.mark.usefixtures("shell")

READ_FOR = 5.5
"""Seconds for which start_call uses what it has read of the switch, and a little."""


def smoked(running: LocalAws, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """The stages that were run, each with its failure."""
    main(["smoke", "--environment", running.environment, "--json"])
    stages = json.loads(capsys.readouterr().out)["stages"]
    return {stage["stage"]: stage["failure"] for stage in stages}


def explained(running: LocalAws, contact_id: str, capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    assert main(["explain", "--environment", running.environment, "--contact", contact_id]) == 0
    return capsys.readouterr().out


def users(running: LocalAws) -> list[str]:
    pool = running.outputs[Output.USER_POOL_ID]
    found = running.client("cognito-idp").list_users(UserPoolId=pool)["Users"]
    return [
        attribute["Value"]
        for user in found
        for attribute in user["Attributes"]
        if attribute["Name"] == "email" and attribute["Value"].startswith("smoke-")
    ]


def assert_nothing_is_left(running: LocalAws, aws: Aws) -> None:
    assert users(running) == []
    # By its user: contacts of tests before may still come.
    placed = [
        each for each in aws.contacts() if each["Attributes"].get("customer_email", "").startswith("smoke-")
    ]
    assert [each["State"] for each in placed] == ["ended"]


def test_a_call_is_placed_and_nothing_is_left(
    running: LocalAws, aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    """Up to the first words with the media plane; tests/e2e/media has the call that is heard."""
    if Output.USER_POOL_ID not in running.outputs:
        pytest.skip("Without a user pool of the app's own, the test calls as its canary alone.")
    stages = smoked(running, capsys)
    assert [stage for stage, failure in stages.items() if failure] == []
    assert list(stages) == [
        "doctor", "refused", "sign-in", "availability", "start", "replay", "contact", "signalling", "hang-up",
        "cleanup",
    ]  # fmt: skip
    assert_nothing_is_left(running, aws)


@pytest.mark.slow  # a deployment of its own
def test_a_call_is_placed_and_nothing_is_left_where_no_media_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with local_aws(port=0, directory=tmp_path) as silent:
        silent.deploy()
        operate_on(silent, monkeypatch)
        capsys.readouterr()
        stages = smoked(silent, capsys)
        assert [stage for stage, failure in stages.items() if failure] == ["signalling"]
        assert list(stages) == [
            "doctor", "refused", "sign-in", "availability", "start", "replay", "contact", "signalling",
            "cleanup",
        ]  # fmt: skip
        assert_nothing_is_left(silent, Aws(silent.outputs, silent.stacks))


def test_a_call_is_explained_from_its_start_to_its_end(
    running: LocalAws, caller: Caller, capsys: pytest.CaptureFixture[str]
) -> None:
    contact_id = caller.start({"DisplayName": "Ada"}).json()["ContactId"]
    assert caller.comes_to(contact_id, "QUEUED")
    caller.hang_up(contact_id)
    printed = explained(running, contact_id, capsys)
    for part in ("start over webrtc", "Call started", "in the queue", "contact ended", "Contact checked"):
        assert part in printed
    assert printed.endswith("It ended in the queue, before an agent took it.\n")
    assert not [mine for mine in ("Ada", caller.user.token, caller.user.email) if mine in printed]


@pytest.mark.slow  # the same way as a call that was not
def test_a_call_that_was_rejoined_is_explained(
    running: LocalAws, aws: Aws, caller: Caller, capsys: pytest.CaptureFixture[str]
) -> None:
    contact_id = connected(aws, caller)
    aws.happen(contact_id, "CustomerDropped")
    assert_call(caller.rejoin(contact_id), 200)
    assert caller.hang_up(contact_id).status_code == 204
    printed = explained(running, contact_id, capsys)
    for part in ("an agent took the call", "CallRejoined", "CallHungUp"):
        assert part in printed
    assert not [mine for mine in (caller.user.token, caller.user.email) if mine in printed]


def test_a_start_that_failed_is_explained_by_its_contact(
    running: LocalAws, aws: Aws, caller: Caller, capsys: pytest.CaptureFixture[str]
) -> None:
    with aws.fault("connect", "StartWebRTCContact", Malformed=True):
        assert_problem(caller.start(), 502, "answer-incomplete")
    (contact, *_) = [
        each for each in aws.contacts() if each["Attributes"].get("customer_email") == caller.user.email
    ]
    printed = explained(running, contact["ContactId"], capsys)
    assert "contact ended" in printed
    assert printed.endswith("It ended before it reached a queue.\n")
    assert not [mine for mine in (caller.user.token, caller.user.email) if mine in printed]


@pytest.mark.slow  # stage after stage
def test_a_stage_that_fails_is_named(running: LocalAws, capsys: pytest.CaptureFixture[str]) -> None:
    client, name = running.client("ssm"), running.outputs[Output.CALLING_PARAMETER]
    try:
        assert main(["stop-calls", "--environment", running.environment]) == 0
        capsys.readouterr()
        # Until start_call reads the switch again.
        stages = smoked(running, capsys)
        for _ in range(10):
            if stages["start"]:
                break
            stages = smoked(running, capsys)
        assert "calling-stopped" in stages["start"]
        assert "replay" not in stages
        assert users(running) == []
    finally:
        client.put_parameter(Name=name, Value="on", Overwrite=True)
        time.sleep(READ_FOR)
