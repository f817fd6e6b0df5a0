"""Phone numbers, SIP rules, SIP media applications and Voice Connectors of the Amazon Chime SDK."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.sip_bridge.phone_numbers import MEETING_NUMBER
from tests.local.emulator.connect_instance import code_of, status_of
from tests.local.sip_bridge.bridge import REGION, SIP_FUNCTION, Bridge

DIAL_IN = "SipMediaApplicationDialIn"
ANOTHER_ID = "11111111-1111-4111-8111-111111111111"
ROUTE = {"Host": "sip.example.com", "Port": 5061, "Protocol": "TCP", "Priority": 1, "Weight": 1}


def refused(call: Callable[[], Any]) -> tuple[str, int]:
    with pytest.raises(ClientError) as caught:
        call()
    return code_of(caught), status_of(caught)


BAD, MISSING, CONFLICT = ("BadRequestException", 400), ("NotFoundException", 404), ("ConflictException", 409)


def number_of(bridge: Bridge, number: str) -> dict[str, Any]:
    found: dict[str, Any] = bridge.voice.get_phone_number(PhoneNumberId=number)["PhoneNumber"]
    return found


def new_rule(bridge: Bridge, **changed: Any) -> str:
    target = {"SipMediaApplicationId": bridge.application, "Priority": 1, "AwsRegion": REGION}
    given = {
        "Name": "rule",
        "TriggerType": "ToPhoneNumber",
        "TriggerValue": bridge.caller,
        "TargetApplications": [target],
        **changed,
    }
    return str(bridge.voice.create_sip_rule(**given)["SipRule"]["SipRuleId"])


@pytest.mark.parametrize(
    ("search", "starts"),
    [
        ({"Country": "US", "AreaCode": "503"}, "+1503555"),
        ({"Country": "US", "State": "WA"}, "+1206555"),
        ({"Country": "US", "City": "Seattle", "State": "WA"}, "+1206555"),
        ({"Country": "US", "TollFreePrefix": "844"}, "+1844555"),
        ({"Country": "GB", "PhoneNumberType": "Local"}, "+44"),
        ({"Country": "GB", "PhoneNumberType": "TollFree"}, "+44808"),
        ({"Country": "CA", "PhoneNumberType": "Local"}, "+1604555"),
    ],
)
def test_numbers_on_offer_are_found(search: dict[str, Any], starts: str, voice_sdk: Any) -> None:
    found = voice_sdk.search_available_phone_numbers(**search, MaxResults=3)["E164PhoneNumbers"]
    assert len(set(found)) == 3
    assert all(number.startswith(starts) for number in found)
    assert MEETING_NUMBER not in found


@pytest.mark.parametrize(
    "search",
    [
        {"Country": "US"},
        {"Country": "US", "PhoneNumberType": "Local"},
        {"Country": "US", "City": "Seattle"},
        {"Country": "GB"},
        {"Country": "AQ", "PhoneNumberType": "Local"},
        {"Country": "us", "State": "WA"},
        {"TollFreePrefix": "800 "},
    ],
)
def test_a_search_without_the_filters_that_aws_wants_is_refused(
    search: dict[str, Any], voice_sdk: Any
) -> None:
    assert refused(lambda: voice_sdk.search_available_phone_numbers(**search)) == BAD


def test_an_order_is_processed_first_and_then_the_number_is_the_accounts(
    voice_sdk: Any, bridge: Bridge
) -> None:
    search = voice_sdk.search_available_phone_numbers(Country="US", State="NY", MaxResults=1)
    wanted = search["E164PhoneNumbers"]
    order = voice_sdk.create_phone_number_order(ProductType=DIAL_IN, E164PhoneNumbers=wanted, Name="mine")[
        "PhoneNumberOrder"
    ]
    assert (order["Status"], order["OrderType"]) == ("Processing", "New")
    assert isinstance(order["CreatedTimestamp"], datetime)
    assert number_of(bridge, wanted[0])["Status"] == "AcquireInProgress"
    assert bridge.is_done(order["PhoneNumberOrderId"])
    number = number_of(bridge, wanted[0])
    assert number["Status"] == "Unassigned"
    assert number.items() >= {
        "E164PhoneNumber": wanted[0], "ProductType": DIAL_IN, "Country": "US", "Type": "Local",
        "Name": "mine", "OrderId": order["PhoneNumberOrderId"],
    }.items()  # fmt: skip
    assert [n["Name"] for n in voice_sdk.list_phone_numbers(ProductType=DIAL_IN)["PhoneNumbers"]] == [
        "bridge",
        "mine",
    ]
    assert voice_sdk.list_phone_numbers(ProductType="VoiceConnector")["PhoneNumbers"] == []


def test_a_number_is_ordered_once(voice_sdk: Any, bridge: Bridge) -> None:
    order = {"ProductType": DIAL_IN, "E164PhoneNumbers": [bridge.caller]}
    assert refused(lambda: voice_sdk.create_phone_number_order(**order)) == BAD


def test_numbers_outside_the_us_are_for_dialling_in(voice_sdk: Any) -> None:
    [number] = voice_sdk.search_available_phone_numbers(Country="GB", PhoneNumberType="Local", MaxResults=1)[
        "E164PhoneNumbers"
    ]
    order = {"ProductType": "VoiceConnector", "E164PhoneNumbers": [number]}
    assert refused(lambda: voice_sdk.create_phone_number_order(**order)) == BAD


@pytest.mark.parametrize("plus", ["+", "%2B"])
def test_a_number_is_found_by_either_spelling_of_its_id(plus: str, voice_sdk: Any, bridge: Bridge) -> None:
    number_id = bridge.caller.replace("+", plus)
    found = voice_sdk.get_phone_number(PhoneNumberId=number_id)["PhoneNumber"]
    assert found["E164PhoneNumber"] == bridge.caller


def test_details_of_a_number_change_one_at_a_time(voice_sdk: Any, bridge: Bridge) -> None:
    changed = voice_sdk.update_phone_number(PhoneNumberId=bridge.caller, Name="another")["PhoneNumber"]
    assert changed["Name"] == "another"
    both = {"Name": "a", "ProductType": "VoiceConnector"}
    assert refused(lambda: voice_sdk.update_phone_number(PhoneNumberId=bridge.caller, **both)) == BAD


def test_a_number_of_a_rule_is_assigned_and_cannot_be_released(voice_sdk: Any, bridge: Bridge) -> None:
    rule_id = new_rule(bridge)
    number = number_of(bridge, bridge.caller)
    assert number["Status"] == "Assigned"
    assert [(each["Name"], each["Value"]) for each in number["Associations"]] == [("SipRuleId", rule_id)]
    assert refused(lambda: voice_sdk.delete_phone_number(PhoneNumberId=bridge.caller)) == BAD
    voice_sdk.update_sip_rule(SipRuleId=rule_id, Name="rule", Disabled=True)
    voice_sdk.delete_sip_rule(SipRuleId=rule_id)
    voice_sdk.delete_phone_number(PhoneNumberId=bridge.caller)
    assert voice_sdk.list_phone_numbers()["PhoneNumbers"] == []
    assert number_of(bridge, bridge.caller)["DeletionTimestamp"]
    assert refused(lambda: voice_sdk.delete_phone_number(PhoneNumberId=bridge.caller)) == MISSING


def test_a_rule_is_disabled_before_it_is_deleted(voice_sdk: Any, bridge: Bridge) -> None:
    rule_id = new_rule(bridge)
    assert refused(lambda: voice_sdk.delete_sip_rule(SipRuleId=rule_id)) == CONFLICT
    voice_sdk.update_sip_rule(SipRuleId=rule_id, Name="renamed", Disabled=True)
    assert voice_sdk.get_sip_rule(SipRuleId=rule_id)["SipRule"]["Name"] == "renamed"
    voice_sdk.delete_sip_rule(SipRuleId=rule_id)
    assert refused(lambda: voice_sdk.delete_sip_rule(SipRuleId=rule_id)) == MISSING
    assert voice_sdk.list_sip_rules()["SipRules"] == []


def test_two_rules_do_not_have_one_number(bridge: Bridge) -> None:
    new_rule(bridge)
    assert refused(lambda: new_rule(bridge)) == CONFLICT


@pytest.mark.parametrize(
    "changed",
    [
        {"TriggerValue": "+12065550198"},
        {"TriggerType": "RequestUriHostname", "TriggerValue": "elsewhere.example.com"},
        {"TargetApplications": []},
        {"TargetApplications": [{"SipMediaApplicationId": ANOTHER_ID, "Priority": 1, "AwsRegion": REGION}]},
        {"Name": "not/allowed"},
    ],
)
def test_a_rule_that_leads_nowhere_is_refused(changed: dict[str, Any], bridge: Bridge) -> None:
    assert refused(lambda: new_rule(bridge, **changed)) == BAD


def test_a_number_of_another_product_has_no_rule(voice_sdk: Any, bridge: Bridge) -> None:
    voice_sdk.update_phone_number(PhoneNumberId=bridge.caller, ProductType="VoiceConnector")
    assert refused(lambda: new_rule(bridge)) == BAD


def test_an_application_that_a_rule_leads_to_is_not_deleted(voice_sdk: Any, bridge: Bridge) -> None:
    rule_id = new_rule(bridge)
    named = {"SipMediaApplicationId": bridge.application}
    assert refused(lambda: voice_sdk.delete_sip_media_application(**named)) == CONFLICT
    assert len(voice_sdk.list_sip_rules(**named)["SipRules"]) == 1
    voice_sdk.update_sip_rule(SipRuleId=rule_id, Name="rule", Disabled=True)
    voice_sdk.delete_sip_rule(SipRuleId=rule_id)
    voice_sdk.delete_sip_media_application(**named)
    assert refused(lambda: voice_sdk.get_sip_media_application(**named)) == MISSING


@pytest.mark.parametrize(
    "changed",
    [
        {"Endpoints": [{"LambdaArn": SIP_FUNCTION.replace(REGION, "us-east-1")}]},
        {"Endpoints": [{"LambdaArn": SIP_FUNCTION}] * 2},
        {"Endpoints": [{"LambdaArn": "sip-media"}]},
        {"AwsRegion": "us-east-1"},
    ],
)
def test_an_application_without_one_function_of_its_region_is_refused(
    changed: dict[str, Any], voice_sdk: Any
) -> None:
    given = {"AwsRegion": REGION, "Name": "bridge", "Endpoints": [{"LambdaArn": SIP_FUNCTION}], **changed}
    assert refused(lambda: voice_sdk.create_sip_media_application(**given)) == BAD


def test_settings_of_a_voice_connector_are_kept_and_removed(voice_sdk: Any, bridge: Bridge) -> None:
    named = {"VoiceConnectorId": bridge.connector}
    assert refused(lambda: voice_sdk.get_voice_connector_termination(**named)) == MISSING
    bridge.open_connector(CpsLimit=1, DefaultPhoneNumber=bridge.caller)
    termination = voice_sdk.get_voice_connector_termination(**named)["Termination"]
    assert termination == {
        "CpsLimit": 1,
        "CallingRegions": ["US", "GB"],
        "CidrAllowedList": ["54.230.10.16/28"],
        "DefaultPhoneNumber": bridge.caller,
        "Disabled": False,
    }
    origination = voice_sdk.get_voice_connector_origination(**named)["Origination"]
    assert origination == {"Routes": [ROUTE], "Disabled": False}
    assert voice_sdk.list_voice_connector_termination_credentials(**named)["Usernames"] == ["sip-host"]
    voice_sdk.delete_voice_connector_termination_credentials(**named, Usernames=["sip-host"])
    assert voice_sdk.list_voice_connector_termination_credentials(**named)["Usernames"] == []
    voice_sdk.delete_voice_connector_termination(**named)
    voice_sdk.delete_voice_connector_origination(**named)
    assert refused(lambda: voice_sdk.delete_voice_connector_termination(**named)) == MISSING
    assert refused(lambda: voice_sdk.delete_voice_connector_origination(**named)) == MISSING


def test_logging_of_a_voice_connector_is_off_until_it_is_put_on(voice_sdk: Any, bridge: Bridge) -> None:
    named = {"VoiceConnectorId": bridge.connector}
    off = {"EnableSIPLogs": False, "EnableMediaMetricLogs": False}
    read = voice_sdk.get_voice_connector_logging_configuration
    assert read(**named)["LoggingConfiguration"] == off
    voice_sdk.put_voice_connector_logging_configuration(**named, LoggingConfiguration={"EnableSIPLogs": True})
    assert read(**named)["LoggingConfiguration"] == {**off, "EnableSIPLogs": True}


@pytest.mark.parametrize(
    "termination",
    [
        {"CidrAllowedList": ["10.0.0.0/28"]},
        {"CidrAllowedList": ["54.230.0.0/26"]},
        {"CidrAllowedList": ["54.230.10.17/28"]},
        {"CallingRegions": ["USA"]},
        {"CpsLimit": 0},
        {"DefaultPhoneNumber": "+12065550198"},
    ],
)
def test_a_termination_that_aws_refuses_is_refused(termination: dict[str, Any], bridge: Bridge) -> None:
    assert refused(lambda: bridge.open_connector(**termination)) == BAD


@pytest.mark.parametrize(
    "changed",
    [
        {"Protocol": "UDP"},
        {"Host": "10.0.0.1"},
        {"Host": "sip host"},
        {"Port": 65_536},
        {"Priority": 0},
        {"Weight": 101},
        {"Priority": None},
    ],
    ids=str,
)
def test_a_route_that_aws_refuses_is_refused(changed: dict[str, Any], voice_sdk: Any, bridge: Bridge) -> None:
    route = {name: value for name, value in {**ROUTE, **changed}.items() if value is not None}
    put = {"VoiceConnectorId": bridge.connector, "Origination": {"Routes": [route]}}
    assert refused(lambda: voice_sdk.put_voice_connector_origination(**put)) == BAD


def test_a_voice_connector_without_encryption_takes_udp(voice_sdk: Any, bridge: Bridge) -> None:
    named = {"VoiceConnectorId": bridge.connector}
    voice_sdk.update_voice_connector(**named, Name="bridge", RequireEncryption=False)
    put = {**named, "Origination": {"Routes": [{**ROUTE, "Protocol": "UDP"}]}}
    assert voice_sdk.put_voice_connector_origination(**put)["Origination"]["Routes"][0]["Protocol"] == "UDP"


def test_what_is_not_there_is_not_found(voice_sdk: Any) -> None:
    connector = {"VoiceConnectorId": "a" * 22}
    calls: list[Callable[[], Any]] = [
        lambda: voice_sdk.get_voice_connector(**connector),
        lambda: voice_sdk.get_phone_number(PhoneNumberId="+12065550198"),
        lambda: voice_sdk.get_phone_number_order(PhoneNumberOrderId=ANOTHER_ID),
        lambda: voice_sdk.get_sip_rule(SipRuleId=ANOTHER_ID),
        lambda: voice_sdk.put_voice_connector_origination(**connector, Origination={"Routes": []}),
    ]
    assert {refused(call) for call in calls} == {MISSING}


def test_resources_are_tagged(voice_sdk: Any, bridge: Bridge) -> None:
    arn = {"ResourceARN": bridge.connector_arn}
    tag = {"Key": "environment", "Value": "tests"}
    voice_sdk.tag_resource(**arn, Tags=[tag])
    assert voice_sdk.list_tags_for_resource(**arn)["Tags"] == [tag]
    voice_sdk.untag_resource(**arn, TagKeys=["environment"])
    assert "Tags" not in voice_sdk.list_tags_for_resource(**arn)


@pytest.mark.parametrize(
    "changed",
    [
        {"FromPhoneNumber": "+12065550198"},
        {"SipMediaApplicationId": ANOTHER_ID},
        {"SipHeaders": {"X-chime-meeting-id": ANOTHER_ID}},
        {"SipHeaders": {}},
        {"SipHeaders": {"X-chime-join-token": "t", "X-chime-meeting-id": "m", "Subject": "s"}},
        {"SipHeaders": {"X-chime-join-token": "t", "X-chime-meeting-id": "m", "x-amzn-a": "s"}},
        {"SipHeaders": {"X-chime-join-token": "t", "X-chime-meeting-id": "m", "x-a": "two\r\nlines"}},
        {"ArgumentsMap": {str(number): "" for number in range(21)}},
        {"ToPhoneNumber": "meeting"},
    ],
    ids=str,
)
def test_a_call_that_cannot_be_dialled_is_refused(changed: dict[str, Any], bridge: Bridge) -> None:
    meeting_id, tokens = bridge.invite()
    assert refused(lambda: bridge.dial(meeting_id, tokens[1], **changed)) == BAD
    assert bridge.telephony.calls.calls() == []


def test_a_call_that_is_not_under_way_is_not_found(voice_sdk: Any, bridge: Bridge) -> None:
    assert refused(lambda: bridge.update(ANOTHER_ID, Action="HangUp")) == MISSING
