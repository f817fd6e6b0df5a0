from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from local.emulator.aws_service import RestJsonService
from local.emulator.connect.connect import Connect
from local.launcher.local_aws import LocalAws
from local.sip_bridge import phone_number_inventory
from local.sip_bridge.connect_numbers import ConnectNumbers
from local.sip_bridge.phone_numbers import NumberSupply
from local.sip_bridge.telephony import Telephony
from tests.local.conftest import ACCOUNT, MEDIA, REGION, FakeRestOfAws, sdk_of
from tests.local.emulator.flows import FUNCTION
from tests.local.sip_bridge.bridge import Bridge, FakeSipFunction, MeetingEvents, PhoneInstance
from tests.local.sip_bridge.control_endpoints import BridgeControlEndpoints


class FakeRestOfChime:
    """The function of the SIP media application, and the events that meetings publish."""

    def __init__(self, function: FakeSipFunction, events: MeetingEvents) -> None:
        self._function = function
        self._events = events

    def invoke_function(self, function_arn: str, event: Mapping[str, Any], *, source_arn: str) -> object:
        return self._function(source_arn, function_arn, event)

    def publish_event(self, detail_type: str, detail: Mapping[str, Any], resources: list[str]) -> None:
        assert (detail_type, resources) == ("Chime Meeting State Change", [])
        self._events.details.append(dict(detail))


@pytest.fixture
def supply() -> NumberSupply:
    return NumberSupply()


@pytest.fixture
def numbers(connect: Connect, supply: NumberSupply) -> ConnectNumbers:
    return ConnectNumbers(connect, supply, region=REGION, account=ACCOUNT)


@pytest.fixture
def connect_service(connect: Connect, numbers: ConnectNumbers) -> RestJsonService:
    return RestJsonService("connect", connect.instances, connect, numbers)


@pytest.fixture
def instance(
    connect: Connect, numbers: ConnectNumbers, sdk: Any, instance_arn: str, rest_of_aws: FakeRestOfAws
) -> PhoneInstance:
    rest_of_aws.functions[FUNCTION] = lambda _event: {"who": "ada"}
    return PhoneInstance(connect, sdk, instance_arn, numbers)


@pytest.fixture
def sip_function() -> FakeSipFunction:
    return FakeSipFunction()


@pytest.fixture
def meeting_events() -> MeetingEvents:
    return MeetingEvents()


@pytest.fixture
def telephony(
    numbers: ConnectNumbers,
    supply: NumberSupply,
    sip_function: FakeSipFunction,
    meeting_events: MeetingEvents,
) -> Telephony:
    rest = FakeRestOfChime(sip_function, meeting_events)
    here = {"region": REGION, "account": ACCOUNT}
    return Telephony(**here, numbers=supply, rest=rest, media=MEDIA, ring=numbers.ring)


@pytest.fixture(scope="session")
def observer(running: LocalAws) -> BridgeControlEndpoints:
    return BridgeControlEndpoints(running.endpoint_url, running.access)


@pytest.fixture
def meetings_sdk(telephony: Telephony) -> Any:
    return sdk_of(RestJsonService("chime-sdk-meetings", telephony.meetings, invalid="BadRequestException"))


@pytest.fixture
def voice_sdk(telephony: Telephony) -> Any:
    return sdk_of(
        RestJsonService("chime-sdk-voice", *telephony.voice.behaviours, invalid="BadRequestException")
    )


@pytest.fixture
def bridge(
    telephony: Telephony, voice_sdk: Any, sip_function: FakeSipFunction, monkeypatch: pytest.MonkeyPatch
) -> Bridge:
    monkeypatch.setattr(phone_number_inventory, "ORDER_TAKES", timedelta(seconds=0.1))
    return Bridge(telephony, voice_sdk, sip_function)
