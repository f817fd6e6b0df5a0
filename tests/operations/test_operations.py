"""What an operator does, against DynamoDB, SSM and STS in the process (moto)."""

import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from infra.outputs import Output, parameter_name
from operations import blocks, transport
from operations.__main__ import main

# moto's account.
ACCOUNT = "123456789012"
TABLE = "calls"
SWITCH = "/in-app-calling/local/Calling"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A session in an account where the environment `local` is deployed."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("MOTO_ACCOUNT_ID", ACCOUNT)
    with mock_aws():
        session: Any = boto3.Session(region_name="eu-west-2")
        parameters = session.client("ssm")
        for name, value in (
            (SWITCH, "on"),
            (parameter_name("local", Output.CALLING_PARAMETER), SWITCH),
            (parameter_name("local", Output.CALLS_TABLE), TABLE),
        ):
            parameters.put_parameter(Name=name, Value=value, Type="String")
        session.client("dynamodb").create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "UserId", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "UserId", "KeyType": "HASH"}],
        )
        monkeypatch.setattr("moto.sts.models.STSBackend.get_caller_identity", _account("000000000000"))
        yield session


def _account(account: str) -> Any:
    def identity(*_: object) -> tuple[str, str, str]:
        return "user", f"arn:aws:iam::{account}:root", account

    return identity


def deployed(aws: Any, transport_name: str) -> None:
    name = parameter_name("local", Output.CALL_TRANSPORT)
    aws.client("ssm").put_parameter(Name=name, Value=transport_name, Type="String", Overwrite=True)


@pytest.fixture
def draining(aws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The configuration no longer has the transport of the deployment, and calling was stopped long ago."""
    monkeypatch.setattr(transport, "LAST_START_WITHIN", 0.0)
    deployed(aws, "another")
    aws.client("ssm").put_parameter(Name=SWITCH, Value="off", Type="String", Overwrite=True)


def commands_of(message: str) -> list[str]:
    """What the operator is to type, in this order."""
    return [
        line.split("  #")[0].strip() for line in message.partition("Fix, in this order:\n")[2].splitlines()
    ]


def put_call(
    aws: Any, user_id: str, started_by: str | None, *, ended: bool = False, left: int = 60, answer: str = "a"
) -> None:
    """A call whose slot is taken for `left` seconds more."""
    values: dict[str, Any] = {
        "UserId": {"S": user_id},
        "SlotUntil": {"N": str(time.time_ns() // 1_000_000 + left * 1000)},
        "Answer": {"S": answer},
    }
    if started_by is not None:
        values["Transport"] = {"S": started_by}
    if ended:
        values["EndedAt"] = {"N": "1"}
    aws.client("dynamodb").put_item(TableName=TABLE, Item=values)


def run(*arguments: str) -> int:
    return main([*arguments, "--environment", "local"])


def item(aws: Any, user_id: str = "user-1") -> dict[str, Any]:
    found: dict[str, Any] = (
        aws.client("dynamodb").get_item(TableName=TABLE, Key={"UserId": {"S": user_id}}).get("Item", {})
    )
    return found


def value(aws: Any) -> str:
    return str(aws.client("ssm").get_parameter(Name=SWITCH)["Parameter"]["Value"])


def test_stopping_and_resuming_calls_is_idempotent(aws: Any, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        assert run("stop-calls") == 0
        assert value(aws) == "off"
    assert "(it was 'off')" in capsys.readouterr().out
    for _ in range(2):
        assert run("resume-calls") == 0
        assert value(aws) == "on"


def test_a_switch_that_the_stack_has_not_made_is_not_made_here(
    aws: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    aws.client("ssm").delete_parameter(Name=SWITCH)
    assert run("stop-calls") == 1
    assert "ParameterNotFound" in capsys.readouterr().err


def test_a_block_holds_until_it_is_lifted_and_outlives_the_time_to_live(aws: Any) -> None:
    assert run("block", "--caller", "user-1") == 0
    assert int(item(aws)["BlockedUntil"]["N"]) == blocks.FOR_EVER
    assert int(item(aws)["ExpiresAt"]["N"]) * 1000 > blocks.FOR_EVER
    assert run("unblock", "--caller", "user-1") == 0
    assert "BlockedUntil" not in item(aws)
    assert int(item(aws)["ExpiresAt"]["N"]) < time.time() + 3 * 86_400


def test_a_block_for_hours_ends_by_itself(aws: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("block", "--caller", "user-1", "--hours", "2") == 0
    left = int(item(aws)["BlockedUntil"]["N"]) / 1000 - time.time()
    assert 7190 < left <= 7200
    assert "UTC" in capsys.readouterr().out


def test_an_item_that_lives_longer_than_the_block_keeps_its_time(aws: Any) -> None:
    far = {"N": "99999999999"}
    aws.client("dynamodb").put_item(TableName=TABLE, Item={"UserId": {"S": "user-1"}, "ExpiresAt": far})
    assert run("block", "--caller", "user-1", "--hours", "1") == 0
    assert item(aws)["ExpiresAt"] == far


@pytest.mark.parametrize("ended", [False, True])
def test_a_call_that_goes_on_is_named(aws: Any, capsys: pytest.CaptureFixture[str], ended: bool) -> None:
    call = {"UserId": {"S": "user-1"}, "ContactId": {"S": "contact-1"}, "ExpiresAt": {"N": "1"}}
    if ended:
        call["EndedAt"] = {"N": "1"}
    aws.client("dynamodb").put_item(TableName=TABLE, Item=call)
    assert run("block", "--caller", "user-1") == 0
    assert ("contact-1" in capsys.readouterr().out) is not ended


def test_a_call_that_is_stored_meanwhile_is_not_overwritten(aws: Any) -> None:
    client = aws.client("dynamodb")
    times = iter(range(1, 100))

    def another(**_: object) -> None:
        client.meta.events.unregister("before-call.dynamodb.UpdateItem", another)
        client.put_item(
            TableName=TABLE,
            Item={"UserId": {"S": "user-1"}, "ExpiresAt": {"N": str(next(times))}, "Answer": {"S": "a"}},
        )

    client.meta.events.register("before-call.dynamodb.UpdateItem", another)
    blocks.block(client, TABLE, "user-1", until=5000)
    assert item(aws)["Answer"] == {"S": "a"}
    assert item(aws)["ExpiresAt"] == {"N": "6"}


def test_a_caller_may_have_any_name_that_a_token_can_have(aws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """As make hands it over, which must not take it for its own."""
    caller = "user$1'; echo `x` $(y) \\ \""
    made = subprocess.run(
        ["make", "--silent", "--eval=show:;@printenv OPERATIONS_CALLER", "show", f"CALLER={caller}"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert made.stdout == f"{caller}\n"
    monkeypatch.setenv("OPERATIONS_CALLER", caller)
    monkeypatch.setenv("OPERATIONS_HOURS", "2")
    assert run("block") == 0
    assert "BlockedUntil" in item(aws, caller)
    assert int(item(aws, caller)["BlockedUntil"]["N"]) < blocks.FOR_EVER


def test_a_user_who_is_not_blocked_is_not_unblocked(aws: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("unblock", "--caller", "user-1") == 0
    assert "was not blocked" in capsys.readouterr().out
    assert item(aws) == {}


def test_credentials_of_another_account_change_nothing(
    aws: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("moto.sts.models.STSBackend.get_caller_identity", _account("999999999999"))
    assert run("stop-calls") == 1
    assert "999999999999" in capsys.readouterr().err
    assert value(aws) == "on"


def test_an_environment_that_is_not_deployed_says_how_it_would_be(
    aws: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    aws.client("ssm").delete_parameter(Name=parameter_name("local", Output.CALLS_TABLE))
    assert run("block", "--caller", "user-1") == 1
    assert "make deploy ENV=local" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("block",), "CALLER=<sub>"),
        (("unblock",), "CALLER=<sub>"),
        (("block", "--caller", ""), "CALLER=<sub>"),
        (("block", "--caller", "a\nb"), "1 to 255 printable ASCII"),
        (("block", "--caller", "ä"), "1 to 255 printable ASCII"),
        (("block", "--caller", "x" * 256), "1 to 255 printable ASCII"),
        (("block", "--caller", "u", "--hours", "0"), "HOURS=24"),
        (("block", "--caller", "u", "--hours", "1.5"), "HOURS=24"),
        (("start-calls",), "No such command 'start-calls'"),
    ],
)
def test_invalid_arguments_are_refused_before_aws_is_called(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    """With what one would write behind make."""
    assert run(*arguments) == 2
    assert message in capsys.readouterr().err


def test_an_unknown_environment_is_answered_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stop-calls", "--environment", "nowhere"]) == 1
    printed = capsys.readouterr().err
    assert "local" in printed
    assert "ENV=" in printed


@pytest.mark.usefixtures("draining")
def test_active_calls_of_a_transport_that_is_to_go_are_not_stranded(
    aws: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    put_call(aws, "user-1", "another")
    put_call(aws, "user-2", "another")
    put_call(aws, "user-3", "webrtc")
    assert run("check-transport") == 1
    printed = capsys.readouterr().err
    assert "no longer has the transport 'another'" in printed
    assert "2 calls are active.\n" in printed
    assert commands_of(printed) == [
        "make deploy ENV=local",
        "aws cloudformation delete-stack --stack-name <each that the configuration no longer has>",
        "make resume-calls ENV=local",
    ]


@pytest.mark.usefixtures("draining")
def test_one_active_call_is_enough(aws: Any, capsys: pytest.CaptureFixture[str]) -> None:
    put_call(aws, "user-1", "another")
    assert run("check-transport") == 1
    assert "1 call is active.\n" in capsys.readouterr().err


@pytest.mark.usefixtures("draining")
@pytest.mark.parametrize("active", [0, 1])
def test_a_transport_that_calls_can_still_start_over_is_not_taken_away(
    aws: Any, capsys: pytest.CaptureFixture[str], active: int
) -> None:
    for number in range(active):
        put_call(aws, f"user-{number}", "another")
    assert run("resume-calls") == 0
    assert run("check-transport") == 1
    printed = capsys.readouterr().err
    assert "calling is on" in printed
    assert ("1 call is active" in printed) == (active == 1)
    assert commands_of(printed)[:2] == ["make stop-calls ENV=local", "make deploy ENV=local"]
    assert commands_of(printed)[-1] == "make resume-calls ENV=local"


@pytest.mark.usefixtures("draining")
def test_a_call_that_starts_just_as_calling_stops_is_waited_for(
    aws: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As long as `start_call` may use what it has read of the switch."""
    monkeypatch.setattr(transport, "LAST_START_WITHIN", 0.8)
    assert run("stop-calls") == 0
    start = threading.Timer(0.3, put_call, (aws, "user-1", "another"))
    start.start()
    assert run("check-transport") == 1
    start.join()


@pytest.mark.usefixtures("draining")
def test_calls_that_are_over_or_can_go_on_hold_up_no_deployment(
    aws: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    put_call(aws, "user-1", "another", ended=True)
    put_call(aws, "user-2", "another", left=-1)
    put_call(aws, "user-3", "webrtc")
    put_call(aws, "user-4", None)
    # Of one that is blocked, and never called.
    aws.client("dynamodb").put_item(TableName=TABLE, Item={"UserId": {"S": "user-5"}})
    assert run("check-transport") == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.usefixtures("draining")
def test_more_calls_than_a_page_holds_are_all_counted(aws: Any, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(6):
        put_call(aws, f"user-{number}", "another", answer="x" * 300_000)
    assert run("check-transport") == 1
    assert "6 calls are active" in capsys.readouterr().err


@pytest.mark.parametrize("before", [None, "webrtc"])
def test_a_deployment_that_strands_nothing_says_nothing(
    aws: Any, capsys: pytest.CaptureFixture[str], before: str | None
) -> None:
    """Whether calling is on or not; nor where there is none yet: neither a parameter nor a table."""
    if before is not None:
        deployed(aws, before)
    aws.client("dynamodb").delete_table(TableName=TABLE)
    aws.client("ssm").delete_parameter(Name=parameter_name("local", Output.CALLS_TABLE))
    assert run("check-transport") == 0
    assert capsys.readouterr() == ("", "")
