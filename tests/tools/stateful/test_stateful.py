"""The guard of what a deployment must not lose."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra import identity_stack
from infra.configuration import load
from infra.constructs import user_pool
from tests.infra.synthesis import CHECKOUT, synthesize_unchecked
from tools.stateful import picture
from tools.stateful.__main__ import check, main
from tools.stateful.comparison import additions, losses
from tools.stateful.picture import read, take

IDENTITY = "InAppCalling-prod-Identity"


def resource(type_: str, policy: str = "Retain", **properties: Any) -> dict[str, Any]:
    return {"Type": type_, "DeletionPolicy": policy, "Properties": properties}


def pool(**properties: Any) -> dict[str, Any]:
    return resource("AWS::Cognito::UserPool", **{"UsernameAttributes": ["email"], **properties})


def assembly(folder: Path, **resources: Any) -> Path:
    """A cloud assembly of one stack."""
    stack = {"type": "aws:cloudformation:stack", "environment": "aws://1/eu-west-2"}
    (folder / "manifest.json").write_text(json.dumps({"artifacts": {"Stack": stack}}))
    (folder / "Stack.template.json").write_text(json.dumps({"Resources": resources}))
    return folder


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str | None]:
    """Records one state of a stack, and says what of another one would be refused."""
    monkeypatch.setattr(picture, "PICTURES", tmp_path / "pictures")

    def refusal(before: dict[str, Any], after: dict[str, Any]) -> str | None:
        assert main(["release", "acme", str(assembly(tmp_path, **before))]) == 0
        return check("acme", assembly(tmp_path, **after))

    return refusal


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        ({"Users1": pool()}, {"People1": pool()}, "every user"),
        ({"Users1": pool()}, {"Users1": pool(UsernameAttributes=["phone_number"])}, "UsernameAttributes"),
        ({"Users1": pool(Schema=[{"Name": "plan"}])}, {"Users1": pool()}, "Schema"),
        (
            {"Client": resource("AWS::Cognito::UserPoolClient", GenerateSecret=False)},
            {"Client": resource("AWS::Cognito::UserPoolClient", GenerateSecret=True)},
            "every installed app",
        ),
        (
            {"Domain": resource("AWS::Cognito::UserPoolDomain", Domain="acme")},
            {"Domain": resource("AWS::Cognito::UserPoolDomain", Domain="acme-2")},
            "sign-in pages",
        ),
        (
            {"Calls": resource("AWS::DynamoDB::Table", "Delete", KeySchema=[{"AttributeName": "UserId"}])},
            {"Calls": resource("AWS::DynamoDB::Table", "Delete", KeySchema=[{"AttributeName": "Id"}])},
            "blocks of users",
        ),
        ({"Key": resource("AWS::KMS::Key")}, {"Key": resource("AWS::KMS::Key", "Delete")}, "DeletionPolicy"),
        (
            {"Key": resource("AWS::KMS::Key", KeySpec="SYMMETRIC_DEFAULT")},
            {"Key": resource("AWS::KMS::Key", KeySpec="RSA_2048")},
            "what it encrypts",
        ),
    ],
    ids=["renamed", "user names", "attributes", "client", "domain", "table", "policy", "key"],
)
def test_what_would_be_lost_is_refused_and_named(
    recorded: Callable[..., str | None], before: dict[str, Any], after: dict[str, Any], why: str
) -> None:
    refusal = recorded(before, after)
    assert refusal is not None
    assert why in refusal
    assert "make release-state ENV=acme" in refusal


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"Users1": pool()}, {"Users1": pool(UserPoolTags={"a": "b"})}),
        ({"Users1": pool(Schema=[{"Name": "a"}])}, {"Users1": pool(Schema=[{"Name": "a"}, {"Name": "b"}])}),
        ({"A": resource("AWS::CloudWatch::Alarm", AlarmDescription="a")}, {}),
    ],
    ids=["tags", "one more attribute", "an alarm"],
)
def test_what_loses_nothing_passes(
    recorded: Callable[..., str | None], before: dict[str, Any], after: dict[str, Any]
) -> None:
    assert recorded(before, after) is None


def test_what_is_new_must_be_recorded(recorded: Callable[..., str | None]) -> None:
    refusal = recorded({"Users1": pool()}, {"Users1": pool(), "Calls": resource("AWS::DynamoDB::Table")})
    assert refusal is not None
    assert "not in the picture yet" in refusal
    assert "lost" not in refusal


def test_an_environment_without_a_picture_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has recorded it, so nothing of it is deployed."""
    monkeypatch.setattr(picture, "PICTURES", tmp_path / "none")
    assert main(["check", "acme", str(assembly(tmp_path, Users1=pool()))]) == 0


def test_wrong_arguments_are_refused() -> None:
    assert main(["check"]) == 2


def test_a_renamed_construct_of_the_pool_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real stacks, with one construct called something else."""

    class Renamed(user_pool.UserPool):
        def __init__(self, scope: Any, _id: str, **settings: Any) -> None:
            super().__init__(scope, "People", **settings)

    monkeypatch.setattr(identity_stack, "UserPool", Renamed)
    synthesize_unchecked(load(CHECKOUT, "prod"), tmp_path)
    committed = read("prod")
    assert committed is not None
    lost = losses(committed, take(tmp_path))
    assert any("AWS::Cognito::UserPool)" in line and "every user" in line for line in lost)
    assert all(line.startswith(IDENTITY) for line in lost if "UserPool" in line)


def test_a_changed_alarm_text_does_not(tmp_path: Path) -> None:
    """Nor do the templates as they are."""
    synthesize_unchecked(load(CHECKOUT, "prod"), tmp_path)
    template = tmp_path / "InAppCalling-prod-Calling.template.json"
    document = json.loads(template.read_text())
    alarms = [each for each in document["Resources"].values() if each["Type"] == "AWS::CloudWatch::Alarm"]
    alarms[0]["Properties"]["AlarmDescription"] = "another text"
    template.write_text(json.dumps(document))
    committed = read("prod")
    assert committed is not None
    assert losses(committed, take(tmp_path)) == []
    assert additions(committed, take(tmp_path)) == []
