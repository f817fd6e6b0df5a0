"""What `[sip_bridge]` names that exists: there before anything is deployed, and said to be played."""

from typing import Any

import pytest

from local.launcher.existing import read_existing
from local.sip_bridge import existing
from local.sip_bridge.connect_numbers import ConnectNumbers
from local.sip_bridge.phone_numbers import NumberSupply
from local.sip_bridge.telephony import Telephony
from tests.local.conftest import ACCOUNT, REGION

INSTANCE = f"arn:aws:connect:{REGION}:{ACCOUNT}:instance/11111111-1111-4111-8111-111111111111"
NUMBER_ID = "99999999-9999-4999-8999-999999999999"
NUMBER = f"arn:aws:connect:{REGION}:{ACCOUNT}:phone-number/{NUMBER_ID}"
CONNECTOR = f"arn:aws:chime:{REGION}:{ACCOUNT}:vc/abcdefghij1"
CONFIGURATION = {
    "connect": {"instance_arn": INSTANCE},
    "sip_bridge": {
        "connect_number": {"arn": NUMBER, "number": "+442079460155"},
        "caller_number": {"number": "+12065550177"},
        "voice_connector": {"arn": CONNECTOR},
    },
}


def make(configuration: dict[str, Any], numbers: ConnectNumbers, telephony: Telephony) -> None:
    """As the launcher passes it to the emulator."""
    document = read_existing(configuration, {}).document()
    existing.make(document["Sections"], document["Arns"], numbers=numbers, voice=telephony.voice)


def test_an_adopted_connect_number_is_claimed_to_the_instance(
    numbers: ConnectNumbers, telephony: Telephony, supply: NumberSupply
) -> None:
    make(CONFIGURATION, numbers, telephony)
    described = numbers.describe_phone_number({"PhoneNumberId": NUMBER_ID})["ClaimedPhoneNumberSummary"]
    assert described["PhoneNumberArn"] == NUMBER
    assert described["TargetArn"] == INSTANCE
    assert (described["PhoneNumber"], described["PhoneNumberCountryCode"]) == ("+442079460155", "GB")
    assert described["PhoneNumberType"] == "DID"
    # Nobody else gets it.
    assert not supply.take("+442079460155")


def test_an_adopted_caller_number_is_in_the_inventory_for_sip_media_applications(
    numbers: ConnectNumbers, telephony: Telephony
) -> None:
    make(CONFIGURATION, numbers, telephony)
    voice = telephony.voice.numbers
    assert voice.can_dial_in("+12065550177")
    [listed] = voice.list_phone_numbers({})["PhoneNumbers"]
    assert (listed["E164PhoneNumber"], listed["Status"], listed["Country"]) == (
        "+12065550177",
        "Unassigned",
        "US",
    )


def test_an_adopted_voice_connector_carries_calls(numbers: ConnectNumbers, telephony: Telephony) -> None:
    make(CONFIGURATION, numbers, telephony)
    [connector] = telephony.voice.connectors.list_voice_connectors({})["VoiceConnectors"]
    assert connector["VoiceConnectorArn"] == CONNECTOR
    reached = telephony.ring_through(CONNECTOR, "+442079460155", "+12065550177", lambda: None)
    # As far as the network: the number has no flow yet.
    assert reached == "nobody answers at +442079460155"


def test_what_is_played_of_the_bridge_is_said() -> None:
    said = read_existing(CONFIGURATION, {}).described()
    assert f"{NUMBER}: a phone number of the instance" in said
    assert f"{CONNECTOR}: a Voice Connector: its SIP host sends every call on" in said
    assert "+12065550177: a phone number of the account" in said
    assert not [line for line in said if "nothing knows it" in line]


@pytest.mark.parametrize(
    "section", [{}, {"connect_number": 7, "caller_number": {"country": "US"}, "voice_connector": []}]
)
def test_a_section_that_adopts_nothing_makes_nothing(
    section: dict[str, Any], numbers: ConnectNumbers, telephony: Telephony
) -> None:
    make({**CONFIGURATION, "sip_bridge": section}, numbers, telephony)
    assert numbers.list_phone_numbers_v2({})["ListPhoneNumbersSummaryList"] == []
    assert telephony.voice.numbers.list_phone_numbers({})["PhoneNumbers"] == []
    assert telephony.voice.connectors.list_voice_connectors({})["VoiceConnectors"] == []
