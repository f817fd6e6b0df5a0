"""The canary: whom it signs in as, what it may do, and the metric whatever happens."""

import copy
import json
from collections.abc import Mapping
from typing import Any

import pytest
import requests

from infra.configuration import load
from infra.outputs import Output, parameter_name
from operations import canary, smoke
from operations.__main__ import main
from operations.callers import IssuersClient, SignInFailedError, StoredUser
from operations.deployment import CHECKOUT, Deployment
from operations.doctor.policy import policy
from operations.errors import OperationError
from tests.operations.fake_aws import Answer, AwsRefusal, FakeAws

USERS = {
    "Users": [{"Name": f"canary-{number}@example.com", "Password": f"pass-{number}"} for number in (0, 1)]
}
CLIENT = {"TokenUrl": "https://issuer.example/token", "ClientId": "canary", "ClientSecret": "hush"}


def configuration(*, issuer: bool = False, is_on: bool = True) -> Any:
    found = load(CHECKOUT, "local-issuer" if issuer else "local")
    return copy.replace(found, smoke=copy.replace(found.smoke, canary=is_on))


def deployed(
    stored: Mapping[str, Any] | None, *, issuer: bool = False, is_on: bool = True, **changes: Answer
) -> tuple[Deployment, FakeAws]:
    settings = configuration(issuer=issuer, is_on=is_on)

    def parameter(given: Mapping[str, Any]) -> Mapping[str, Any]:
        values: dict[str, str] = {
            Output.USER_POOL_ID: "eu-west-2_pool",
            Output.USER_POOL_CLIENT_ID: "client",
            Output.API_URL: "https://api.example/v1/",
            Output.CONNECT_INSTANCE_ARN: "arn:aws:connect:eu-west-2:000000000000:instance/1",
        }
        name = given["Name"].rpartition("/")[2]
        return {"Parameter": {"Name": parameter_name(settings.environment, name), "Value": values[name]}}

    missing = AwsRefusal("ResourceNotFoundException")
    answers: dict[str, Answer] = {
        "ssm.GetParameter": parameter,
        "secretsmanager.GetSecretValue": missing if stored is None else {"SecretString": json.dumps(stored)},
        "secretsmanager.CreateSecret": {},
        "secretsmanager.PutSecretValue": {},
        "secretsmanager.DeleteSecret": {},
        "cognito-idp.AdminCreateUser": {},
        "cognito-idp.AdminSetUserPassword": {},
        "cognito-idp.AdminDeleteUser": {},
        "cloudwatch.PutMetricData": {},
        **{name.replace("__", "."): answer for name, answer in changes.items()},
    }
    aws = FakeAws(answers)
    return Deployment(settings, aws.session), aws


def given(aws: FakeAws, name: str) -> list[Mapping[str, Any]]:
    return [parameters for called, parameters in aws.calls if called == name]


def test_users_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    names = []
    for half_hour in range(4):
        monkeypatch.setattr("operations.canary.time.time", lambda at=half_hour: at * 1800.0 + 5)
        caller = canary.stored_caller(deployed(USERS)[0])
        assert isinstance(caller, StoredUser)
        assert "pass-" not in repr(caller)
        names.append(caller.name)
    assert names == ["canary-0@example.com", "canary-1@example.com"] * 2


@pytest.mark.parametrize("stored", [None, {}, {"Users": []}, {"Users": ["x"]}, {"Users": [{"Name": "a"}]}])
def test_a_canary_without_users_is_refused_with_the_command(stored: Mapping[str, Any] | None) -> None:
    with pytest.raises(OperationError, match="make canary-user ENV=local"):
        canary.stored_caller(deployed(stored)[0])


def test_a_secret_that_the_role_cannot_see_may_not_be_there() -> None:
    denied: dict[str, Any] = {"secretsmanager__GetSecretValue": AwsRefusal("AccessDeniedException")}
    with pytest.raises(OperationError, match="make canary-user ENV=local"):
        canary.stored_caller(deployed(USERS, **denied)[0])


@pytest.mark.parametrize("stored", [None, USERS, {**CLIENT, "TokenUrl": "http://issuer.example/token"}])
def test_an_issuer_needs_a_client_of_its_own(stored: Mapping[str, Any] | None) -> None:
    with pytest.raises(OperationError, match=r"client credentials|no https: address"):
        canary.stored_caller(deployed(stored, issuer=True)[0])
    caller = canary.stored_caller(deployed(CLIENT, issuer=True)[0])
    assert isinstance(caller, IssuersClient)
    assert "hush" not in repr(caller)


def test_no_user_is_made_in_a_pool_that_there_is_not() -> None:
    deployment, aws = deployed(None, issuer=True)
    with pytest.raises(OperationError, match="client credentials"):
        canary.make_users(deployment)
    assert not given(aws, "cognito-idp.AdminCreateUser")


class FakeIssuer:
    def __init__(self, status: int, body: bytes) -> None:
        self.status, self.body, self.sent = status, body, dict[str, Any]()

    def post(self, url: str, **sent: Any) -> requests.Response:
        self.sent = {"url": url, **sent}
        answer = requests.Response()
        answer.status_code, answer._content = self.status, self.body
        return answer


def test_an_issuers_client_shows_its_secret_to_the_issuer_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    issuer = FakeIssuer(200, b'{"access_token": "token-1"}')
    monkeypatch.setattr("operations.callers.requests.post", issuer.post)
    client = IssuersClient(
        token_url=CLIENT["TokenUrl"], client_id="canary", client_secret="hush", scope="calls"
    )
    assert client.sign_in() == "token-1"
    assert issuer.sent["auth"] == ("canary", "hush")
    assert issuer.sent["data"] == {"grant_type": "client_credentials", "scope": "calls"}
    assert issuer.sent["allow_redirects"] is False


@pytest.mark.parametrize(("status", "body"), [(401, b"hush"), (200, b"hush"), (200, b"[]"), (302, b"{}")])
def test_an_issuer_that_gives_no_token_is_told_without_the_secret(
    status: int, body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("operations.callers.requests.post", FakeIssuer(status, body).post)
    client = IssuersClient(token_url=CLIENT["TokenUrl"], client_id="canary", client_secret="hush")
    with pytest.raises(SignInFailedError, match="gave no token") as caught:
        client.sign_in()
    assert "hush" not in str(caught.value)


def test_as_many_users_as_their_calls_of_a_day_need_and_no_password_elsewhere() -> None:
    deployment, aws = deployed(None)
    per_day = deployment.configuration.calls.starts_per_day
    count = canary.make_users(deployment)
    assert (count - 1) * per_day >= 48
    (created,) = given(aws, "secretsmanager.CreateSecret")
    assert created["Name"] == "in-app-calling/local/canary"
    users = json.loads(created["SecretString"])["Users"]
    assert [each["Username"] for each in given(aws, "cognito-idp.AdminCreateUser")] == [
        user["Name"] for user in users
    ]
    assert len({user["Password"] for user in users}) == count
    assert all(each["MessageAction"] == "SUPPRESS" for each in given(aws, "cognito-idp.AdminCreateUser"))


def test_users_of_before_go_once_others_are_there() -> None:
    deployment, aws = deployed(USERS)
    canary.make_users(deployment)
    names = [name for name, _ in aws.calls]
    assert names.index("secretsmanager.PutSecretValue") < names.index("cognito-idp.AdminDeleteUser")
    removed = [each["Username"] for each in given(aws, "cognito-idp.AdminDeleteUser")]
    assert removed == [user["Name"] for user in USERS["Users"]]


def test_all_of_a_canary_is_removed_though_a_user_is_gone() -> None:
    gone: dict[str, Any] = {"cognito-idp__AdminDeleteUser": AwsRefusal("UserNotFoundException")}
    deployment, aws = deployed(USERS, **gone)
    canary.remove_users(deployment)
    (deleted,) = given(aws, "secretsmanager.DeleteSecret")
    assert deleted["ForceDeleteWithoutRecovery"] is True


def ran(monkeypatch: pytest.MonkeyPatch, deployment: Deployment) -> int:
    monkeypatch.setattr(Deployment, "open", lambda _environment: deployment)
    return main(["smoke", "--environment", "local", "--canary"])


def test_a_run_that_fails_is_a_zero(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    deployment, aws = deployed(None)
    assert ran(monkeypatch, deployment) == 1
    (put,) = given(aws, "cloudwatch.PutMetricData")
    assert put["MetricData"][0]["Value"] == 0.0
    assert put["MetricData"][0]["Dimensions"] == [{"Name": "Environment", "Value": "local"}]


def test_an_environment_without_a_canary_puts_no_metric(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    deployment, aws = deployed(USERS, is_on=False)
    assert ran(monkeypatch, deployment) == 1
    assert "smoke.canary = true" in capsys.readouterr().err
    assert aws.calls == []


def test_the_policies_are_those_of_the_calls_and_know_no_user_pool() -> None:
    assert json.loads(canary.POLICY.read_text()) == canary.canary_policy()
    assert json.loads(smoke.POLICY.read_text()) == policy([*smoke.CALLS, *smoke.CALLS_OF_USER])
    text = canary.POLICY.read_text()
    assert "cognito" not in text
    (put,) = [each for each in json.loads(text)["Statement"] if each["Sid"] == "PutMetric"]
    assert put["Condition"] == {"StringEquals": {"cloudwatch:namespace": "InAppCalling/Canary"}}
