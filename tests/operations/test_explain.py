"""The timeline of a call, out of canned records, contacts and logs; nothing in it is anybody's own."""

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from infra.configuration import load
from infra.constructs import call_api
from infra.outputs import Output, parameter_name
from operations import timeline
from operations.__main__ import main
from operations.deployment import CHECKOUT, Deployment
from tests.operations.fake_aws import Answer, AwsRefusal, FakeAws

FIRST = "11111111-1111-4111-8111-111111111111"
SECOND = "22222222-2222-4222-8222-222222222222"
REQUEST = "33333333-3333-4333-8333-333333333333"
TRACE = "1-67891233-abcdef012345678912345678"
START = datetime(2026, 11, 28, 12, tzinfo=UTC)
MILLIS = int(START.timestamp() * 1000)
_SECRETS = ("Ada", "join-token", "ada@example.com", "reference-1", "order-9", "subject-1")


def later(seconds: int) -> datetime:
    return datetime.fromtimestamp(START.timestamp() + seconds, UTC)


def number(seconds: int) -> dict[str, str]:
    return {"N": str(MILLIS + seconds * 1000)}


def item(**more: Any) -> dict[str, Any]:
    return {"StartedAt": number(0), "ContactId": {"S": FIRST}, **more}


def contact(id_: str, **more: Any) -> dict[str, Any]:
    return {
        "Id": id_,
        "InitiationMethod": "WEBRTC_API",
        "InitiationTimestamp": START,
        "Name": "Ada",
        "Attributes": {"customer_email": "ada@example.com", "auth_token": "reference-1"},
        **more,
    }


def explained(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *,
    record: Mapping[str, Any] | None,
    contacts: Mapping[str, Mapping[str, Any]],
    lines: list[str],
    asked: str = FIRST,
    traces: Answer = {"Traces": []},  # noqa: B006 - nobody changes it
) -> str:
    def parameter(given: Mapping[str, Any]) -> Mapping[str, Any]:
        values: dict[str, str] = {
            Output.CALLS_TABLE: "calls",
            Output.CONNECT_INSTANCE_ARN: "arn:aws:connect:eu-west-2:000000000000:instance/1",
        }
        name = given["Name"].rpartition("/")[2]
        return {"Parameter": {"Name": parameter_name("local", name), "Value": values[name]}}

    def describe(given: Mapping[str, Any]) -> Mapping[str, Any]:
        if given["ContactId"] not in contacts:
            raise AwsRefusal("ResourceNotFoundException", status=404)
        return {"Contact": contacts[given["ContactId"]]}

    def resources(given: Mapping[str, Any]) -> Mapping[str, Any]:
        if not given["StackName"].endswith("-Calling"):
            raise AwsRefusal("ValidationError")
        group = {
            "ResourceType": "AWS::Logs::LogGroup",
            "LogicalResourceId": "Log",
            "PhysicalResourceId": "log",
            "LastUpdatedTimestamp": START,
            "ResourceStatus": "CREATE_COMPLETE",
        }
        return {"StackResourceSummaries": [group]}

    def get_item(given: Mapping[str, Any]) -> Mapping[str, Any]:
        read = set(given["ExpressionAttributeNames"].values())
        assert not read & {"Answer", "Reference", "Context", "DisplayName", "ConnectionToken"}
        return {"Item": {name: value for name, value in (record or {}).items() if name in read}}

    def found(given: Mapping[str, Any]) -> Mapping[str, Any]:
        """As CloudWatch Logs finds them: those with one of the terms, and no others."""
        terms = re.findall(r'\?"([^"]+)"', given["filterPattern"])
        assert terms
        named = [(n, line) for n, line in enumerate(lines) if any(term in line for term in terms)]
        return {"events": [{"timestamp": MILLIS + n, "message": line} for n, line in named]}

    answers: dict[str, Answer] = {
        "ssm.GetParameter": parameter,
        "dynamodb.Query": {"Items": [{"UserId": {"S": "subject-1"}}] if record else []},
        "dynamodb.GetItem": get_item,
        "connect.DescribeContact": describe,
        "cloudformation.ListStackResources": resources,
        "logs.FilterLogEvents": found,
        "xray.BatchGetTraces": traces,
    }
    deployment = Deployment(load(CHECKOUT, "local"), FakeAws(answers).session)
    opened: Callable[[str | None], Deployment] = lambda _environment: deployment  # noqa: E731
    monkeypatch.setattr(Deployment, "open", opened)
    assert main(["explain", "--environment", "local", "--contact", asked]) == 0
    printed = capsys.readouterr().out
    assert not [secret for secret in _SECRETS if secret in printed]
    return printed


def log(message: str, **more: str) -> str:
    line = {"message": message, "function_request_id": REQUEST, "service": "start_call"}
    return json.dumps(line | more)


ACCESS = json.dumps(
    {
        "method": "POST",
        "resourcePath": "/start-call",
        "traceId": TRACE,
        "status": "201",
        "functionRequestId": REQUEST,
        "sourceIp": "198.51.100.7",
    }
)


def test_a_good_call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    printed = explained(
        monkeypatch,
        capsys,
        record=item(
            QueuedAt=number(4),
            ConnectedAt=number(90),
            EndedAt=number(200),
            HungUp={"BOOL": True},
            Answer={"S": "join-token"},
            DisplayName={"S": "Ada"},
        ),
        contacts={
            FIRST: contact(FIRST, DisconnectTimestamp=later(200), DisconnectReason="CUSTOMER_DISCONNECT")
        },
        lines=[
            log("Call started", contact_id=FIRST),
            ACCESS,
            log("Call started", contact_id=SECOND, function_request_id=SECOND),
        ],
    )
    lines = printed.splitlines()
    assert lines[0].startswith("2026-11-28 12:00:00.000")
    assert "method POST, resourcePath /start-call, status 201" in printed
    assert printed.count("Call started") == 1
    assert "ended by the caller" in printed
    assert "… 86 s" in printed
    assert "198.51.100.7" not in printed
    assert lines[-1] == "An agent took the call, and it ended."


def test_the_names_of_the_access_log_are_those_that_are_deployed() -> None:
    assert set(timeline.ACCESS_NAMES) <= set(call_api._ACCESS_LOG)


def test_each_pattern_is_as_long_as_one_may_be_and_none_is_left_out() -> None:
    ids = {f"{number:08x}-1111-4111-8111-111111111111" for number in range(60)}
    patterns = list(timeline.filter_patterns(ids))
    assert max(map(len, patterns)) <= 1024
    assert {term.strip('?"') for pattern in patterns for term in pattern.split()} == ids
    assert list(timeline.filter_patterns([])) == []


def test_a_trace_is_shown_by_names_and_times_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    start = START.timestamp()
    write = {"name": "DynamoDB", "start_time": start + 0.2, "end_time": start + 0.21, "throttle": True}
    segment = {
        "name": "start_call",
        "start_time": start + 0.1,
        "end_time": start + 0.4,
        "fault": False,
        "annotations": {"customer": "ada@example.com"},
        "http": {"request": {"url": "https://example.com/?Ada"}},
        "subsegments": [write, {"name": "Ada <ada@example.com>", "start_time": start}],
    }
    asked = list[Any]()

    def traces(given: Mapping[str, Any]) -> Mapping[str, Any]:
        asked.append(given["TraceIds"])
        return {"Traces": [{"Id": TRACE, "Segments": [{"Id": "1", "Document": json.dumps(segment)}]}]}

    printed = explained(
        monkeypatch,
        capsys,
        record=item(),
        contacts={},
        lines=[log("Call started", contact_id=FIRST), ACCESS],
        traces=traces,
    )
    assert asked == [[TRACE]]
    assert "start_call: 300 ms" in printed
    assert "start_call > DynamoDB: 10 ms, throttle" in printed


def test_without_traces_all_else_is_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    printed = explained(
        monkeypatch,
        capsys,
        record=item(),
        contacts={},
        lines=[log("Call started", contact_id=FIRST), ACCESS],
        traces=AwsRefusal("AccessDeniedException"),
    )
    assert "Call started" in printed


def test_a_failed_call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Its app never joined; the record is another call's by now."""
    ended = contact(FIRST, DisconnectTimestamp=later(60), DisconnectReason="CUSTOMER_NEVER_ARRIVED")
    refused = log("AWS refused", operation="StopContact", contact_id=FIRST, customer="ada@example.com")
    printed = explained(monkeypatch, capsys, record=None, contacts={FIRST: ended}, lines=[refused])
    assert "AWS refused (operation StopContact)" in printed
    assert printed.endswith("The app never joined the call that it had started.\n")


def test_a_call_that_was_rejoined_and_transferred(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    printed = explained(
        monkeypatch,
        capsys,
        record=item(
            ConnectedAt=number(10),
            Legs={"M": {FIRST: number(50), SECOND: {"N": "0"}}},
            Reasons={"M": {FIRST: {"S": "OTHER"}}},
        ),
        contacts={
            FIRST: contact(FIRST),
            SECOND: contact(
                SECOND,
                InitiationMethod="TRANSFER",
                PreviousContactId=FIRST,
                AgentInfo={"ConnectedToAgentTimestamp": later(52)},
            ),
        },
        lines=[log("Connection given", contact_id=FIRST)],
        asked=SECOND,
    )
    assert "Connection given" in printed
    assert f"contact {FIRST} ended: OTHER" in printed
    assert f"contact {SECOND}, TRANSFER: contact initiated" in printed
    assert f"contact {SECOND}: an agent connected" in printed


def test_a_bridged_call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The app has an id that is no contact's: what came of it is found by the record."""
    printed = explained(
        monkeypatch,
        capsys,
        record=item(
            ContactId={"S": SECOND}, CallId={"S": FIRST}, Transport={"S": "sip_bridge"}, QueuedAt=number(9)
        ),
        contacts={SECOND: contact(SECOND, InitiationMethod="INBOUND")},
        lines=[log("Contact checked", contact_id=SECOND, auth_status="verified")],
        asked=SECOND,
    )
    assert "start over sip_bridge" in printed
    assert f"contact {SECOND}, INBOUND: contact initiated" in printed
    assert "Contact checked (auth_status verified)" in printed
    assert printed.endswith("It waits in the queue.\n")


def test_a_call_that_nobody_knows(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    printed = explained(monkeypatch, capsys, record=None, contacts={}, lines=[])
    assert printed.startswith("Nothing is known of it")


@pytest.mark.parametrize("contact_id", ["", "x", f"{FIRST}' or 'a", FIRST[:-1]])
def test_what_is_no_contact_id_is_refused(capsys: pytest.CaptureFixture[str], contact_id: str) -> None:
    assert main(["explain", "--environment", "local", "--contact", contact_id]) == 2
    assert "CONTACT=<ContactId>" in capsys.readouterr().err
