"""The files for app developers, against SSM, Cognito and STS in the process (moto)."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from infra.outputs import Output, parameter_name
from operations.__main__ import main

# What config/local.toml names.
ACCOUNT = "000000000000"
REGION = "eu-west-2"
VALUES = {
    "ApiUrl": "https://abc123.execute-api.eu-west-2.amazonaws.com/v1/",
    "CallingParameter": parameter_name("local", "Calling"),
    "CallsTable": "calls",
    "ConnectInstanceArn": "arn:aws:connect:eu-west-2:000000000000:instance/1",
    "ContactFlowArn": "arn:aws:connect:eu-west-2:000000000000:instance/1/contact-flow/2",
    "Region": REGION,
}
API = {"endpoint": VALUES["ApiUrl"].rstrip("/"), "region": REGION, "apiName": "InAppCalling"}


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A session in an account where the environment `local` is deployed, its users apart."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("MOTO_ACCOUNT_ID", ACCOUNT)
    monkeypatch.delenv("OPERATIONS_FOLDER", raising=False)
    with mock_aws():
        monkeypatch.setattr("moto.sts.models.STSBackend.get_caller_identity", _identity(ACCOUNT))
        session = boto3.Session(region_name=REGION)
        publish(session, {**VALUES, "Calling": "on"})
        # Of an environment whose name begins in the same way.
        session.client("ssm").put_parameter(
            Name=parameter_name("local-bridge", Output.API_URL), Value="x", Type="String"
        )
        yield session


def _identity(account: str) -> Any:
    def identity(*_: object) -> tuple[str, str, str]:
        return "user", f"arn:aws:iam::{account}:root", account

    return identity


def publish(session: Any, values: dict[str, str]) -> None:
    for name, value in values.items():
        session.client("ssm").put_parameter(
            Name=parameter_name("local", name), Value=value, Type="String", Overwrite=True
        )


def add_users(session: Any, **client: Any) -> dict[str, str]:
    """A user pool as the stack makes it; returns the outputs of it."""
    cognito = session.client("cognito-idp")
    pool = cognito.create_user_pool(
        PoolName="users",
        UsernameAttributes=["email"],
        AutoVerifiedAttributes=["email"],
        Schema=[{"Name": "email", "AttributeDataType": "String", "Required": True, "Mutable": True}],
        Policies={
            "PasswordPolicy": {
                "MinimumLength": 12,
                "RequireLowercase": True,
                "RequireUppercase": True,
                "RequireNumbers": True,
                "RequireSymbols": False,
            }
        },
    )["UserPool"]["Id"]
    app = cognito.create_user_pool_client(UserPoolId=pool, ClientName="App", **client)
    outputs = {"UserPoolId": pool, "UserPoolClientId": app["UserPoolClient"]["ClientId"]}
    publish(session, outputs)
    return outputs


def written(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """outputs.json and amplify_outputs.json, as the command leaves them in `folder`."""
    assert main(["outputs", "--environment", "local", "--folder", str(folder)]) == 0
    assert sorted(path.name for path in folder.iterdir()) == ["amplify_outputs.json", "outputs.json"]
    flat = json.loads((folder / "outputs.json").read_text(encoding="utf-8"))
    return flat, json.loads((folder / "amplify_outputs.json").read_text(encoding="utf-8"))


def test_both_files_say_where_to_sign_in_and_call(
    aws: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    users = add_users(aws)
    flat, amplify = written(tmp_path / "app" / "src")
    assert flat == VALUES | users
    assert list(flat) == sorted(flat)
    assert amplify == {
        "version": "1",
        "auth": {
            "aws_region": REGION,
            "user_pool_id": users["UserPoolId"],
            "user_pool_client_id": users["UserPoolClientId"],
            "username_attributes": ["email"],
            "user_verification_types": ["email"],
            "standard_required_attributes": ["email"],
            "password_policy": {
                "min_length": 12,
                "require_lowercase": True,
                "require_uppercase": True,
                "require_numbers": True,
                "require_symbols": False,
            },
        },
        "custom": {"API": {"InAppCalling": API}},
    }
    assert str(tmp_path / "app" / "src" / "amplify_outputs.json") in capsys.readouterr().out


@pytest.mark.parametrize("logout_urls", [["app://out"], []])
def test_sign_in_pages_are_named_with_the_urls_of_the_app(
    aws: Any, tmp_path: Path, logout_urls: list[str]
) -> None:
    add_users(
        aws,
        AllowedOAuthFlowsUserPoolClient=True,
        AllowedOAuthFlows=["code"],
        AllowedOAuthScopes=["openid", "email", "profile"],
        CallbackURLs=["app://in"],
        SupportedIdentityProviders=["COGNITO", "SignInWithApple", "Staff"],
        **({"LogoutURLs": logout_urls} if logout_urls else {}),
    )
    publish(aws, {"ManagedLoginUrl": "https://acme.auth.eu-west-2.amazoncognito.com"})
    _, amplify = written(tmp_path)
    assert amplify["auth"]["oauth"] == {
        "domain": "acme.auth.eu-west-2.amazoncognito.com",
        "identity_providers": ["SIGN_IN_WITH_APPLE"],
        "scopes": ["openid", "email", "profile"],
        "redirect_sign_in_uri": ["app://in"],
        "redirect_sign_out_uri": logout_urls or ["app://in"],
        "response_type": "code",
    }


def test_with_an_issuer_amplify_has_the_api_alone(aws: Any, tmp_path: Path) -> None:
    publish(aws, {"Issuer": "https://login.example.com/"})
    flat, amplify = written(tmp_path)
    assert flat["Issuer"] == "https://login.example.com/"
    assert amplify == {"version": "1", "custom": {"API": {"InAppCalling": API}}}


def test_a_second_run_replaces_the_files(aws: Any, tmp_path: Path) -> None:
    written(tmp_path)
    publish(aws, {"CallsTable": "others"})
    flat, _ = written(tmp_path)
    assert flat["CallsTable"] == "others"


def refused(capsys: pytest.CaptureFixture[str], folder: Path) -> str:
    assert main(["outputs", "--environment", "local", "--folder", str(folder)]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert "\n  Fix: " in said.err
    assert not (folder / "outputs.json").exists()
    return said.err


def test_an_environment_that_is_not_deployed_says_how_it_would_be(
    aws: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    aws.client("ssm").delete_parameter(Name=parameter_name("local", Output.API_URL))
    assert "make deploy ENV=local" in refused(capsys, tmp_path)


def test_credentials_of_another_account_write_nothing(
    aws: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("moto.sts.models.STSBackend.get_caller_identity", _identity("999999999999"))
    assert "999999999999" in refused(capsys, tmp_path)


def test_a_folder_that_cannot_be_written_to_is_named(
    aws: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    said = refused(capsys, tmp_path / "file" / "app")
    assert f"{tmp_path / 'file' / 'app' / 'outputs.json'} cannot be written: Not a directory." in said
    assert "FOLDER=<folder>" in said
