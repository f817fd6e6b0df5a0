"""What the doctor says of an account that the SIP bridge is to be deployed into."""

from collections.abc import Mapping
from typing import Any

import pytest

from infra.configuration import Configuration, load
from infra.outputs import Output
from infra.sip_bridge.section import (
    AdoptedCallerNumber,
    AdoptedConnectNumber,
    ClaimedConnectNumber,
    OrderedCallerNumber,
    section_of,
)
from operations.deployment import CHECKOUT
from operations.doctor.check import Status
from operations.doctor.examination import examine
from operations.doctor.subject import Subject
from operations.sip_bridge.checks import CHECKS
from tests.operations.fake_aws import Answer, AwsRefusal, FakeAws

_NUMBER = "+12065550100"
_NUMBER_ARN = "arn:aws:connect:us-east-1:000000000000:phone-number/1"
_ONE = {"chime-sdk-voice.ListSipMediaApplications": {"SipMediaApplications": [{"Name": "theirs"}]}}


def bridged(**changes: Any) -> Configuration:
    configuration = load(CHECKOUT, "local-bridge")
    section = section_of(configuration).model_copy(update=changes)
    assert configuration.transport is not None
    return configuration.model_copy(update={"transport": configuration.transport._replace(section=section)})


def looked_at(configuration: Configuration, answers: Mapping[str, Answer]) -> dict[str, tuple[Status, str]]:
    outputs: dict[str, str] = {
        Output.CONNECT_INSTANCE_ARN: "arn:aws:connect:us-east-1:000000000000:instance/1"
    }
    found = examine(CHECKS, Subject(configuration, FakeAws(answers).session, outputs))
    return {check: (finding.status, finding.fix) for check, finding in found}


def test_an_account_that_has_applications_may_make_others() -> None:
    assert looked_at(bridged(), _ONE) == {"sip media applications": (Status.PASS, "")}


def test_an_account_without_applications_is_closed_to_the_bridge() -> None:
    none: dict[str, Answer] = {"chime-sdk-voice.ListSipMediaApplications": {"SipMediaApplications": []}}
    status, fix = looked_at(bridged(), none)["sip media applications"]
    assert (status, "remove [sip_bridge]" in fix) == (Status.FAIL, True)


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ({"PhoneNumber": {"ProductType": "SipMediaApplicationDialIn"}}, Status.PASS),
        ({"PhoneNumber": {"ProductType": "VoiceConnector"}}, Status.FAIL),
        (AwsRefusal("NotFoundException", status=404), Status.FAIL),
    ],
    ids=["for SIP media applications", "for something else", "unknown"],
)
def test_an_adopted_caller_number_is_of_the_inventory(answer: Answer, status: Status) -> None:
    configuration = bridged(caller_number=AdoptedCallerNumber.model_construct(number=_NUMBER))
    found = looked_at(configuration, {**_ONE, "chime-sdk-voice.GetPhoneNumber": answer})
    assert found["phone numbers"][0] is status


@pytest.mark.parametrize(
    ("number", "status"), [(_NUMBER, Status.PASS), ("+12065550199", Status.FAIL), (None, Status.FAIL)]
)
def test_an_adopted_connect_number_is_claimed_to_the_instance(number: str | None, status: Status) -> None:
    adopted = AdoptedConnectNumber.model_construct(arn=_NUMBER_ARN, number=_NUMBER)
    listed = [] if number is None else [{"PhoneNumberArn": _NUMBER_ARN, "PhoneNumber": number}]
    answers: dict[str, Answer] = {
        **_ONE,
        "connect.ListPhoneNumbersV2": {"ListPhoneNumbersSummaryList": listed},
    }
    assert looked_at(bridged(connect_number=adopted), answers)["phone numbers"][0] is status


def test_ordered_numbers_are_not_looked_for() -> None:
    section = section_of(bridged())
    assert isinstance(section.caller_number, OrderedCallerNumber)
    assert isinstance(section.connect_number, ClaimedConnectNumber)
    assert "phone numbers" not in looked_at(bridged(), _ONE)
