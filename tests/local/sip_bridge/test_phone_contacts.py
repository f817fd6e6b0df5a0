"""Numbers of Amazon Connect, and the contacts of those who dial them."""

from collections.abc import Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.clients.observer import eventually
from local.emulator.aws_service import AwsError
from local.emulator.connect.connect import Line
from local.emulator.connect.contact import ContactEvent, ContactStateError
from local.emulator.connect.instance import Kind
from local.sip_bridge.connect_numbers import ClaimedNumber
from tests.local.conftest import FakeRestOfAws
from tests.local.emulator.connect_instance import code_of
from tests.local.emulator.flows import FUNCTION, HANG_UP, block
from tests.local.sip_bridge.bridge import PhoneInstance, claimed_number, listening_flow

CALLER = "+442079460123"
ANOTHER_ID = "11111111-1111-4111-8111-111111111111"


def ring(instance: PhoneInstance, number: ClaimedNumber, over: list[str] | None = None) -> Line:
    heard = [] if over is None else over
    line = instance.numbers.ring(number.address, CALLER, lambda: heard.append("over"))
    assert line is not None
    return line


def test_a_claimed_number_is_described_and_listed(instance: PhoneInstance) -> None:
    number = claimed_number(instance, None, Description="bridge", Tags=[{"Key": "a", "Value": "b"}])
    assert number.address.startswith("+1")
    described = instance.sdk.describe_phone_number(PhoneNumberId=number.id)["ClaimedPhoneNumberSummary"]
    assert described == {
        "PhoneNumberId": number.id,
        "PhoneNumberArn": number.arn,
        "PhoneNumber": number.address,
        "PhoneNumberCountryCode": "US",
        "PhoneNumberType": "DID",
        "PhoneNumberDescription": "bridge",
        "TargetArn": instance.arn,
        "InstanceId": instance.id,
        "PhoneNumberStatus": {"Status": "CLAIMED"},
        "Tags": {"a": "b"},
    }
    assert number.arn.partition(":phone-number/")[0] == instance.arn.partition(":instance/")[0]
    [listed] = instance.sdk.list_phone_numbers_v2(InstanceId=instance.id)["ListPhoneNumbersSummaryList"]
    assert listed["PhoneNumber"] == number.address
    assert instance.sdk.list_phone_numbers_v2(InstanceId=ANOTHER_ID)["ListPhoneNumbersSummaryList"] == []


def test_no_number_is_claimed_twice_until_it_is_released(instance: PhoneInstance) -> None:
    first, second = claimed_number(instance, None), claimed_number(instance, None)
    assert first.address != second.address
    instance.numbers.release(first.arn)
    assert claimed_number(instance, None).address == first.address


@pytest.mark.parametrize("changed", [{"CountryCode": None}, {"Type": "UIFN"}, {"CountryCode": "AQ"}])
def test_a_number_that_nobody_has_cannot_be_claimed(changed: dict[str, Any], instance: PhoneInstance) -> None:
    with pytest.raises(AwsError):
        claimed_number(instance, None, **changed)


def test_whoever_dials_a_number_gets_its_flow_as_an_inbound_telephone_contact(
    instance: PhoneInstance, rest_of_aws: FakeRestOfAws
) -> None:
    asked: list[Mapping[str, Any]] = []

    def ask(event: Mapping[str, Any]) -> object:
        asked.append(event)
        return {"who": "ada"}

    rest_of_aws.functions[FUNCTION] = ask
    number = claimed_number(instance, instance.flow)
    line = ring(instance, number)
    contact = instance.settled(line.id)
    assert contact["State"] == "queued"
    assert contact["InitiationMethod"] == "INBOUND"
    assert contact["CustomerEndpoint"] == {"Address": CALLER, "Type": "TELEPHONE_NUMBER"}
    assert contact["SystemEndpoint"] == {"Address": number.address, "Type": "TELEPHONE_NUMBER"}
    [event] = asked
    data = event["Details"]["ContactData"]
    assert data["InitiationMethod"] == "INBOUND"
    assert data["CustomerEndpoint"] == contact["CustomerEndpoint"]
    assert data["SystemEndpoint"] == contact["SystemEndpoint"]
    assert data["SegmentAttributes"]["connect:Subtype"] == {"ValueString": "connect:Telephony"}
    assert data["ContactId"] == data["InitialContactId"] == line.id
    described = instance.sdk.describe_contact(InstanceId=instance.id, ContactId=line.id)["Contact"]
    assert described["CustomerEndpoint"]["Address"] == CALLER


def test_events_of_a_telephone_contact_name_the_number_that_was_dialled(
    instance: PhoneInstance, rest_of_aws: FakeRestOfAws
) -> None:
    number = claimed_number(instance, instance.flow)
    line = ring(instance, number)
    instance.settled(line.id)
    line.hang_up()
    assert rest_of_aws.event_types(line.id) == [
        "INITIATED", "CONTACT_DATA_UPDATED", "QUEUED", "DISCONNECTED", "COMPLETED",
    ]  # fmt: skip
    for event in rest_of_aws.events:
        detail = event["detail"]
        assert detail["initiationMethod"] == "INBOUND"
        assert detail["tags"] == {
            "aws:connect:instanceId": instance.id,
            "aws:connect:systemEndpoint": number.address,
        }


def test_nobody_answers_where_no_flow_is(instance: PhoneInstance) -> None:
    number = claimed_number(instance, instance.flow)
    named = {"PhoneNumberId": number.id, "InstanceId": instance.id}
    instance.sdk.disassociate_phone_number_contact_flow(**named)
    assert instance.numbers.ring(number.address, CALLER, lambda: None) is None
    instance.sdk.associate_phone_number_contact_flow(**named, ContactFlowId=instance.flow)
    assert instance.numbers.ring(number.address, CALLER, lambda: None) is not None
    instance.numbers.release(number.arn)
    assert instance.numbers.ring(number.address, CALLER, lambda: None) is None


@pytest.mark.parametrize("wrong", ["PhoneNumberId", "InstanceId", "ContactFlowId"])
def test_a_flow_is_associated_with_a_number_that_is_there(wrong: str, instance: PhoneInstance) -> None:
    number = claimed_number(instance, None)
    given = {"PhoneNumberId": number.id, "InstanceId": instance.id, "ContactFlowId": instance.flow}
    with pytest.raises(ClientError) as caught:
        instance.sdk.associate_phone_number_contact_flow(**{**given, wrong: ANOTHER_ID})
    assert code_of(caught) == "ResourceNotFoundException"


def test_a_number_is_associated_by_its_arn_too(instance: PhoneInstance) -> None:
    number = claimed_number(instance, None)
    instance.sdk.associate_phone_number_contact_flow(
        PhoneNumberId=number.arn, InstanceId=instance.id, ContactFlowId=instance.flow
    )
    assert instance.numbers.ring(number.address, CALLER, lambda: None) is not None


def test_keys_reach_the_block_that_waits_for_them_and_then_the_contact(instance: PhoneInstance) -> None:
    line = ring(instance, claimed_number(instance, listening_flow(instance)))
    assert eventually(lambda: instance.shown(line.id)["AwaitsDigits"], seconds=5)
    line.press("1234")
    contact = instance.settled(line.id)
    assert (contact["Attributes"]["typed"], contact["Digits"]) == ("1234", [])
    line.press("42#")
    assert instance.shown(line.id)["Digits"] == ["42#"]


def test_whoever_hangs_up_while_keys_are_awaited_is_not_queued(instance: PhoneInstance) -> None:
    line = ring(instance, claimed_number(instance, listening_flow(instance)))
    assert eventually(lambda: instance.shown(line.id)["AwaitsDigits"], seconds=5)
    line.hang_up()
    contact = instance.settled(line.id)
    assert (contact["State"], contact["DisconnectReason"]) == ("ended", "CUSTOMER_DISCONNECT")
    assert contact["QueuedAt"] is None


def test_a_contact_goes_on_in_the_flow_that_it_is_transferred_to(instance: PhoneInstance) -> None:
    other = listening_flow(instance, "other", InputTimeLimitSeconds="1")
    arn = next(
        resource.arn for resource in instance.connect.instances.of_kind(Kind.CONTACT_FLOW, instance.arn)
        if resource.id == other
    )  # fmt: skip
    flow = instance.new_flow(
        "first",
        block("go", "TransferToFlow", errors={"NoMatchingError": "hang-up"}, ContactFlowId=arn),
        HANG_UP,
    )
    contact = instance.settled(ring(instance, claimed_number(instance, flow)).id)
    assert contact["ContactFlow"]["Name"] == "other"
    assert contact["Attributes"]["typed"] == "Timeout"
    assert contact["Way"][0].items() >= {"Type": "TransferToFlow", "Result": "Success", "Detail": arn}.items()


@pytest.mark.parametrize("who", ["agent", "api", "flow"])
def test_the_line_ends_once_when_the_contact_ends(who: str, instance: PhoneInstance) -> None:
    over: list[str] = []
    flow = instance.new_flow("short", HANG_UP) if who == "flow" else instance.flow
    line = ring(instance, claimed_number(instance, flow), over)
    instance.settled(line.id)
    if who == "agent":
        instance.connect.happen(line.id, ContactEvent.AGENT_CONNECTED)
        instance.connect.happen(line.id, ContactEvent.AGENT_DISCONNECTED)
    elif who == "api":
        instance.stop(line.id)
    assert eventually(lambda: over, seconds=5) == ["over"]
    line.hang_up()
    assert over == ["over"]


def test_a_transfer_keeps_the_line(instance: PhoneInstance) -> None:
    over: list[str] = []
    line = ring(instance, claimed_number(instance, instance.flow), over)
    instance.settled(line.id)
    instance.connect.happen(line.id, ContactEvent.AGENT_CONNECTED)
    transferred = instance.connect.happen(line.id, ContactEvent.TRANSFERRED)["ContactId"]
    assert over == []
    line.press("5")
    assert instance.shown(transferred)["Digits"] == ["5"]
    line.hang_up()
    assert instance.shown(transferred)["State"] == "ended"
    assert over == ["over"]


def test_a_telephone_contact_takes_no_participants_and_drops_no_participant(instance: PhoneInstance) -> None:
    line = ring(instance, claimed_number(instance, instance.flow))
    instance.settled(line.id)
    instance.connect.happen(line.id, ContactEvent.AGENT_CONNECTED)
    with pytest.raises(ClientError, match="takes no participants"):
        instance.add(line.id)
    with pytest.raises(ContactStateError, match="hangs up"):
        instance.connect.happen(line.id, ContactEvent.CUSTOMER_DROPPED)
