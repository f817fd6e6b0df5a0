"""A request chooses nothing that is dialled, and a stranger's call proves nothing."""

from urllib.parse import unquote

import pytest

from tests.e2e.answers import assert_problem
from tests.e2e.aws import Caller
from tests.e2e.calls import queued
from tests.e2e.sip_bridge.bridge_aws import BridgeAws
from tests.e2e.sip_bridge.calls import actions_of, code_of

pytestmark = pytest.mark.slow

HOSTILE = [
    "+19005550100",
    "A-1042\r\nX-Amzn-Evil: yes\r\n\r\nDiversion: <sip:+19005550100@example.com>",
    '%0d%0aVia: "x";tag=1, Łódź ☎ 😀 \x00\x7f\x1b',
]


@pytest.mark.parametrize("value", HOSTILE)
def test_a_hostile_attribute_changes_nothing_but_its_own_header(
    value: str, aws: BridgeAws, caller: Caller
) -> None:
    call_id = queued(aws, caller, Attributes={"order_id": value}, DisplayName="+19005550100")
    [sip_call] = aws.sip_calls_of(call_id)
    [bridge] = actions_of(sip_call, "CallAndBridge")
    number = aws.physical_id("Custom::CallerNumber")
    assert bridge["CallerIdNumber"] == number
    [endpoint] = bridge["Endpoints"]
    assert endpoint["Uri"] == connect_number(aws)
    assert endpoint["Arn"].endswith(aws.physical_id("AWS::Chime::VoiceConnector"))
    assert bridge["SipHeaders"].keys() == {"x-order-id"}
    header = bridge["SipHeaders"]["x-order-id"]
    assert header.isascii()
    assert header.isprintable()
    assert " " not in header
    assert unquote(header) == value
    assert [leg["To"] for leg in sip_call["Legs"]] == ["+17035550122", connect_number(aws)]
    assert aws.contact_of(call_id)["Attributes"]["order_id"] == value
    caller.hang_up(call_id)


def connect_number(aws: BridgeAws) -> str:
    [claimed] = aws.client("connect").list_phone_numbers_v2()["ListPhoneNumbersSummaryList"]
    return str(claimed["PhoneNumber"])


def test_a_header_that_would_be_too_long_is_refused_before_anything_is_made(
    aws: BridgeAws, caller: Caller
) -> None:
    meetings = len(aws.meetings())
    problem = assert_problem(caller.start({"Attributes": {"order_id": "é" * 200}}), 400, "invalid-request")
    assert [each["pointer"] for each in problem["errors"]] == ["/Attributes/order_id"]
    assert len(aws.meetings()) == meetings


@pytest.mark.parametrize("name", ["ToPhoneNumber", "FromPhoneNumber", "SipHeaders", "CallerIdNumber"])
def test_a_request_that_names_what_is_dialled_is_refused(name: str, aws: BridgeAws, caller: Caller) -> None:
    dialled = len(aws.sip_calls())
    for body in ({name: "+19005550100"}, {"Attributes": {name: "+19005550100"}}):
        assert_problem(caller.start(body), 400, "invalid-request")
    assert len(aws.sip_calls()) == dialled


@pytest.mark.parametrize("keyed", ["", "000000000000", "the code of a call under way"])
def test_a_stranger_who_calls_the_number_is_not_verified(keyed: str, aws: BridgeAws, caller: Caller) -> None:
    call_id = queued(aws, caller)
    code = code_of(aws.sip_call(call_id))
    stranger = aws.dial(connect_number(aws), caller=aws.physical_id("Custom::CallerNumber"))
    if keyed:
        aws.press_when_collected(stranger, keyed if keyed.isdigit() else code)
    contact = aws.contact(stranger)
    assert contact["Queue"]["Arn"] == aws.queue("Unverified")
    assert contact["Attributes"]["auth_status"] == "unverified"
    assert contact["Attributes"]["customer_id"] == "unknown"
    assert caller.user.user_id not in str(contact["Attributes"])
    aws.hang_up(stranger)
    assert caller.state(call_id) == "QUEUED"
    caller.hang_up(call_id)


def test_the_code_of_a_call_that_has_ended_opens_nothing(aws: BridgeAws, caller: Caller) -> None:
    call_id = queued(aws, caller)
    code = code_of(aws.sip_call(call_id))
    caller.hang_up(call_id)
    assert caller.comes_to(call_id, "ENDED")
    stranger = aws.dial(connect_number(aws), caller="+12065550111")
    aws.press_when_collected(stranger, code)
    contact = aws.contact(stranger)
    assert contact["Attributes"].get("auth_status") != "verified"
    assert caller.user.user_id not in str(contact["Attributes"])
