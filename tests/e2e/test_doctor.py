"""The doctor against the local AWS: red in an empty account, green once that is made ready."""

import json
from pathlib import Path
from typing import Any

import boto3
import pytest

from infra.configuration import environments, load
from infra.outputs import Output
from local.launcher.local_aws import LocalAws, local_aws
from operations.deployment import CHECKOUT
from operations.doctor.check import Status
from operations.doctor.checks import CHECKS, policies
from operations.doctor.examination import Examined, examine_account

_PREPARED = "/cdk-bootstrap/hnb659fds/version"
# The local AWS has no agents, confirms no mail, and has the quotas of a new account.
_WARNED = {
    "alarm recipients",
    "concurrent calls",
    "connect rates",
    "instance attributes",
    "mail",
    "routing profiles",
}


def session_of(
    aws: LocalAws, monkeypatch: pytest.MonkeyPatch, credentials: dict[str, str] | None = None
) -> Any:
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.endpoint_url)
    own = {
        "aws_access_key_id": aws.access.access_key_id,
        "aws_secret_access_key": aws.access.secret_access_key,
    }
    given: Any = credentials or own
    return boto3.Session(region_name=aws.region, **given)


def examined(
    aws: LocalAws, monkeypatch: pytest.MonkeyPatch, credentials: dict[str, str] | None = None
) -> list[Examined]:
    configuration = load(CHECKOUT, aws.environment)

    def fetch(_url: str) -> bytes:
        """No issuer of an environment that is played has an address."""
        return b'{"keys": [{}]}'

    return examine_account(CHECKS, configuration, session_of(aws, monkeypatch, credentials), fetch=fetch)


def by_status(found: list[Examined]) -> dict[Status, set[str]]:
    return {status: {check for check, finding in found if finding.status is status} for status in Status}


def give_log_role(aws: LocalAws) -> None:
    """The commands of docs/deploy.md."""
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "apigateway.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    iam = aws.client("iam")
    role = iam.create_role(RoleName="apigateway-logs", AssumeRolePolicyDocument=json.dumps(trust))
    change = {"op": "replace", "path": "/cloudwatchRoleArn", "value": role["Role"]["Arn"]}
    aws.client("apigateway").update_account(patchOperations=[change])


def give_sip_media_application(aws: LocalAws) -> None:
    """An account that had them before they were closed to new ones."""
    function = f"arn:aws:lambda:{aws.region}:{aws.account}:function:theirs"
    aws.client("chime-sdk-voice").create_sip_media_application(
        AwsRegion=aws.region, Name="theirs", Endpoints=[{"LambdaArn": function}]
    )


@pytest.mark.parametrize(
    "environment",
    [
        pytest.param(environment, marks=[] if environment == "local" else pytest.mark.slow)
        for environment in environments(CHECKOUT)
    ],
)
def test_an_empty_account_is_red_and_a_ready_one_green(
    environment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bridged = load(CHECKOUT, environment).transport is not None
    with local_aws(environment, port=0, directory=tmp_path) as aws:
        missing = {"bootstrap", "api log role"} | ({"sip media applications"} if bridged else set())
        assert by_status(examined(aws, monkeypatch))[Status.FAIL] == missing
        aws.client("ssm").put_parameter(Name=_PREPARED, Value="30", Type="String")
        give_log_role(aws)
        if bridged:
            give_sip_media_application(aws)
        found = by_status(examined(aws, monkeypatch))
    assert (found[Status.FAIL], found[Status.UNKNOWN]) == (set(), set())
    assert found[Status.WARN] <= _WARNED


@pytest.fixture
def ready(running: LocalAws) -> LocalAws:
    if not running.client("apigateway").get_account().get("cloudwatchRoleArn"):
        give_log_role(running)
    return running


def test_a_running_environment_is_green(ready: LocalAws, monkeypatch: pytest.MonkeyPatch) -> None:
    found = by_status(examined(ready, monkeypatch))
    assert (found[Status.FAIL], found[Status.UNKNOWN]) == (set(), set())
    assert {"contact events", "web acl", "function association", "calling switch"} <= found[Status.PASS]


def test_a_role_of_its_policy_can_read_all_and_write_nothing(
    ready: LocalAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    iam = ready.client("iam")
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": ready.account}, "Action": "sts:AssumeRole"}],
    }
    role = iam.create_role(RoleName="doctor", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    for number, path in enumerate(policies()):
        iam.put_role_policy(RoleName="doctor", PolicyName=str(number), PolicyDocument=path.read_text())
    given = ready.client("sts").assume_role(RoleArn=role, RoleSessionName="doctor")["Credentials"]
    credentials = {
        "aws_access_key_id": given["AccessKeyId"],
        "aws_secret_access_key": given["SecretAccessKey"],
        "aws_session_token": given["SessionToken"],
    }
    found = examined(ready, monkeypatch, credentials)
    assert [each for each in found if each.finding.status in {Status.FAIL, Status.UNKNOWN}] == []
    client = session_of(ready, monkeypatch, credentials).client("ssm")
    with pytest.raises(client.exceptions.ClientError, match="AccessDenied"):
        client.put_parameter(Name=ready.outputs[Output.CALLING_PARAMETER], Value="off", Overwrite=True)


def test_a_switch_that_is_off_is_a_warning(ready: LocalAws, monkeypatch: pytest.MonkeyPatch) -> None:
    client, name = ready.client("ssm"), ready.outputs[Output.CALLING_PARAMETER]
    client.put_parameter(Name=name, Value="off", Overwrite=True)
    try:
        assert "calling switch" in by_status(examined(ready, monkeypatch))[Status.WARN]
    finally:
        client.put_parameter(Name=name, Value="on", Overwrite=True)
