"""The smoke test with media, and as a canary: joined, heard, and nothing left."""

import copy
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from infra.canary_metric import DIMENSION, NAME, NAMESPACE
from infra.configuration import SMOKE_TOPIC, load
from infra.outputs import Output
from local.clients.observer import eventually
from local.launcher.local_aws import LocalAws
from operations import canary
from operations.__main__ import main
from operations.deployment import CHECKOUT, Deployment
from tests.e2e.aws import Aws

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("shell")]

_WITH_MEDIA = ["join", "queue", "verified", "digits", "sound"]


def smoked(running: LocalAws, capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, str]:
    """The stages that were run, each with its failure."""
    capsys.readouterr()
    main(["smoke", "--environment", running.environment, "--json", *options])
    printed = capsys.readouterr()
    stages = json.loads(printed.out or "{}").get("stages", [])
    assert stages, printed.err
    return {stage["stage"]: stage["failure"] for stage in stages}


def failures(stages: dict[str, str]) -> dict[str, str]:
    return {stage: failure for stage, failure in stages.items() if failure}


def users(running: LocalAws, prefix: str) -> list[str]:
    """Addresses that begin so."""
    found = running.client("cognito-idp").list_users(UserPoolId=running.outputs[Output.USER_POOL_ID])["Users"]
    return [
        attribute["Value"]
        for user in found
        for attribute in user["Attributes"]
        if attribute["Name"] == "email" and attribute["Value"].startswith(prefix)
    ]


def placed(aws: Aws, prefix: str) -> list[Any]:
    """Contacts of the users whose address begins so."""
    return [
        each for each in aws.contacts() if each["Attributes"].get("customer_email", "").startswith(prefix)
    ]


def test_a_call_is_joined_verified_and_heard_and_nothing_is_left(
    running: LocalAws, aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    stages = smoked(running, capsys, "--media")
    assert failures(stages) == {}
    assert [stage for stage in stages if stage in _WITH_MEDIA] == _WITH_MEDIA
    assert users(running, "smoke-") == []
    (contact,) = placed(aws, "smoke-")
    assert contact["State"] == "ended"
    assert contact["Attributes"]["topic"] == SMOKE_TOPIC


def test_a_proof_that_fails_is_told_by_its_stage(
    running: LocalAws, aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    with aws.fault("connect", "GetContactAttributes", Error={"Code": "AccessDeniedException", "Status": 403}):
        stages = smoked(running, capsys, "--media")
    assert list(failures(stages)) == ["verified"]
    assert [each["State"] for each in placed(aws, "smoke-") if each["State"] != "ended"] == []
    assert users(running, "smoke-") == []


@pytest.fixture
def canary_role(running: LocalAws) -> Iterator[boto3.Session]:
    """A session of a role with the canary's policy, and nothing else."""
    iam = running.client("iam")
    principal = {"Effect": "Allow", "Principal": {"AWS": running.account}, "Action": "sts:AssumeRole"}
    trust = {"Version": "2012-10-17", "Statement": [principal]}
    role = iam.create_role(RoleName="canary", AssumeRolePolicyDocument=json.dumps(trust))["Role"]
    iam.put_role_policy(RoleName="canary", PolicyName="canary", PolicyDocument=canary.POLICY.read_text())
    given = running.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="canary")["Credentials"]
    yield boto3.Session(
        region_name=running.region,
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
    )
    iam.delete_role_policy(RoleName="canary", PolicyName="canary")
    iam.delete_role(RoleName="canary")


def test_a_canary_calls_with_its_policy_alone_and_says_how_it_went(
    running: LocalAws,
    aws: Aws,
    canary_role: boto3.Session,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    configuration = load(CHECKOUT, running.environment)
    configuration = copy.replace(configuration, smoke=copy.replace(configuration.smoke, canary=True))
    operator = Deployment(configuration, boto3.Session(region_name=running.region))
    deployment = Deployment(configuration, canary_role)
    monkeypatch.setattr(Deployment, "open", lambda _environment: deployment)
    count = canary.make_users(operator)
    assert len(users(running, "canary-")) == count
    try:
        stages = smoked(running, capsys, "--canary", "--media")
        assert failures(stages) == {}
        assert "doctor" not in stages
        assert eventually(lambda: values(running) == [1.0])
        (contact,) = placed(aws, "canary-")
        assert contact["State"] == "ended"
        with pytest.raises(ClientError, match="not authorized"):
            canary_role.client("cognito-idp").list_users(UserPoolId=running.outputs[Output.USER_POOL_ID])
    finally:
        canary.remove_users(operator)
    assert users(running, "canary-") == []
    # Nobody to sign in as: the metric says so.
    assert main(["smoke", "--environment", running.environment, "--canary"]) == 1
    assert "make canary-user" in capsys.readouterr().err
    assert eventually(lambda: values(running) == [0.0, 1.0])


def values(running: LocalAws) -> list[float]:
    """Those of the metric, of the last minutes; failures first."""
    end = datetime.now(UTC) + timedelta(minutes=2)
    found = running.client("cloudwatch").get_metric_statistics(
        Namespace=NAMESPACE,
        MetricName=NAME,
        Dimensions=[{"Name": DIMENSION, "Value": running.environment}],
        StartTime=end - timedelta(minutes=30),
        EndTime=end,
        Period=1800,
        Statistics=["Sum", "SampleCount"],
    )["Datapoints"]
    ones = int(sum(each["Sum"] for each in found))
    return [0.0] * (int(sum(each["SampleCount"] for each in found)) - ones) + [1.0] * ones
