"""What drift detection has found, out of canned answers."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from infra.configuration import load
from operations.__main__ import main
from operations.deployment import CHECKOUT, Deployment
from tests.operations.fake_aws import FakeAws

CALLING = "InAppCalling-local-Calling"
SWITCH = "/in-app-calling/local/Calling"


def drifted(
    logical_id: str,
    *differences: tuple[str, str],
    type_: str = "AWS::SSM::Parameter",
    physical_id: str = SWITCH,
) -> dict[str, Any]:
    """A resource whose properties have these values, each by its path; deleted where there are none."""
    return {
        "StackId": f"arn:aws:cloudformation:eu-west-2:000000000000:stack/{CALLING}/1",
        "LogicalResourceId": logical_id,
        "PhysicalResourceId": physical_id,
        "ResourceType": type_,
        "StackResourceDriftStatus": "MODIFIED" if differences else "DELETED",
        "PropertyDifferences": [
            {"PropertyPath": path, "ExpectedValue": "on", "ActualValue": value, "DifferenceType": "NOT_EQUAL"}
            for path, value in differences
        ],
        "Timestamp": datetime(2026, 11, 30, tzinfo=UTC),
    }


STOPPED = drifted("Switch", ("/Value", "off"))
TIMEOUT = drifted("Function", ("/Timeout", "3"), type_="AWS::Lambda::Function", physical_id="start-call")


def judged(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *found: Mapping[str, Any]
) -> tuple[int, str]:
    """Exit status and text, where detection has found this in the Calling stack, one on each page."""

    def page(given: Mapping[str, Any]) -> Mapping[str, Any]:
        at = int(given.get("NextToken", "0"))
        of_stack = found if given["StackName"] == CALLING else ()
        more = {"NextToken": str(at + 1)} if at + 1 < len(of_stack) else {}
        return {"StackResourceDrifts": list(of_stack[at : at + 1]), **more}

    aws = FakeAws({"cloudformation.DescribeStackResourceDrifts": page})
    deployment = Deployment(load(CHECKOUT, "local"), aws.session)
    monkeypatch.setattr(Deployment, "open", lambda _: deployment)
    status = main(["drift", "--environment", "local"])
    printed = capsys.readouterr()
    return status, printed.out + printed.err


def test_nothing_that_was_found_is_no_drift(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert judged(monkeypatch, capsys) == (0, "Nothing in local was changed by hand.\n")


def test_calls_that_an_operator_has_stopped_are_expected(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status, printed = judged(monkeypatch, capsys, STOPPED)
    assert status == 0
    assert f"Expected: calls are stopped ({SWITCH} is off)" in printed
    assert "make resume-calls ENV=local" in printed


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        (TIMEOUT, f"{CALLING}/Function (AWS::Lambda::Function): /Timeout"),
        (drifted("Switch", ("/Value", "maybe")), f"{CALLING}/Switch (AWS::SSM::Parameter): /Value"),
        (
            drifted("Switch", ("/Value", "off"), ("/Description", "mine")),
            f"{CALLING}/Switch (AWS::SSM::Parameter): /Value, /Description",
        ),
        (drifted("Switch"), f"{CALLING}/Switch (AWS::SSM::Parameter): deleted"),
        (
            drifted("Other", ("/Value", "off"), physical_id="/other"),
            f"{CALLING}/Other (AWS::SSM::Parameter): /Value",
        ),
    ],
)
def test_what_was_changed_by_hand_fails(
    changed: Mapping[str, Any], line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status, printed = judged(monkeypatch, capsys, changed)
    assert status == 1
    assert f"Changed by hand in local:\n  {line}\n" in printed
    assert "Expected" not in printed


def test_stopped_calls_excuse_no_other_change(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status, printed = judged(monkeypatch, capsys, STOPPED, TIMEOUT)
    assert status == 1
    assert "Expected: calls are stopped" in printed
    assert "/Timeout" in printed
    assert "/Value" not in printed
