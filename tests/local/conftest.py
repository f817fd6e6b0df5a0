from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config

from local.clients.observer import Observer
from local.emulator.aws_service import RestJsonService
from local.emulator.connect.connect import Connect, FunctionError
from local.emulator.connect.instance import Kind
from local.emulator.connect.participants import Participants
from local.launcher.local_aws import LocalAws, local_aws
from local.sip_bridge import voice
from local.sip_bridge.phone_numbers import NumberSupply
from local.sip_bridge.telephony import Telephony
from tests.local.emulator.connect_instance import Instance
from tests.local.emulator.flows import FUNCTION
from tests.local.sip_bridge.bridge import Bridge, FakeSipFunction

REGION = "eu-west-2"
ACCOUNT = "000000000000"
# One for all tests: it keeps the models that it has read.
_SESSION: Any = boto3.Session(region_name=REGION, aws_access_key_id=ACCOUNT, aws_secret_access_key="any")


@dataclass
class FakeSurroundings:
    """The rest of AWS: functions are callables here, events are kept."""

    functions: dict[str, Callable[[Mapping[str, Any]], object]] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)

    def invoke_function(self, function_arn: str, event: Mapping[str, Any], *, source_arn: str) -> object:
        self.sources.append(source_arn)
        if function_arn not in self.functions:
            raise FunctionError(f"{function_arn} does not exist", is_worth_a_retry=False)
        return self.functions[function_arn](event)

    def publish_event(self, detail_type: str, detail: Mapping[str, Any], resources: list[str]) -> None:
        self.events.append({"detail-type": detail_type, "detail": dict(detail), "resources": resources})

    def event_types(self, contact_id: str) -> list[str]:
        details = [event["detail"] for event in self.events]
        return [detail["eventType"] for detail in details if detail["contactId"] == contact_id]


@dataclass(frozen=True)
class _RawBody:
    """What AWSResponse reads a body from."""

    content: bytes

    def stream(self) -> Iterator[bytes]:
        yield self.content


def sdk_of(service: RestJsonService) -> Any:
    """The SDK's client of a service, without a network between them."""

    def answer(request: Any, **_: Any) -> AWSResponse:
        url = urlsplit(request.url)
        headers = {
            name: value.decode() if isinstance(value, bytes) else value
            for name, value in request.headers.items()
        }
        given = service.answer(request.method, url.path, headers, request.body or b"", parse_qs(url.query))
        response: Any = AWSResponse
        answered: AWSResponse = response(request.url, given.status, given.headers, _RawBody(given.body))
        return answered

    # The SDK's own checks are off: what it would refuse must reach the service.
    config = Config(parameter_validation=False, retries={"total_max_attempts": 1})
    client = _SESSION.client(service.name, config=config)
    client.meta.events.register("before-send", answer)
    return client


@pytest.fixture
def surroundings() -> FakeSurroundings:
    return FakeSurroundings()


@pytest.fixture
def numbers() -> NumberSupply:
    return NumberSupply()


@pytest.fixture
def connect(surroundings: FakeSurroundings, numbers: NumberSupply) -> Connect:
    return Connect(region=REGION, account=ACCOUNT, surroundings=surroundings, numbers=numbers)


@pytest.fixture
def sip_function() -> FakeSipFunction:
    return FakeSipFunction()


@dataclass
class MeetingEvents:
    """The events of aws.chime that were published."""

    details: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, detail_type: str, detail: Mapping[str, Any]) -> None:
        assert detail_type == "Chime Meeting State Change"
        self.details.append(dict(detail))

    def of(self, meeting_id: str) -> list[str]:
        """The types of a meeting's events."""
        found = (detail for detail in self.details if detail["meetingId"] == meeting_id)
        return [detail["eventType"].removeprefix("chime:") for detail in found]


@pytest.fixture
def meeting_events() -> MeetingEvents:
    return MeetingEvents()


@pytest.fixture
def telephony(
    connect: Connect, numbers: NumberSupply, sip_function: FakeSipFunction, meeting_events: MeetingEvents
) -> Telephony:
    return Telephony(
        region=REGION,
        account=ACCOUNT,
        numbers=numbers,
        invoke=sip_function,
        publish=meeting_events,
        ring=connect.ring,
    )


@pytest.fixture
def meetings_sdk(telephony: Telephony) -> Any:
    return sdk_of(RestJsonService("chime-sdk-meetings", telephony.meetings, invalid="BadRequestException"))


@pytest.fixture
def voice_sdk(telephony: Telephony) -> Any:
    return sdk_of(RestJsonService("chime-sdk-voice", telephony.voice, invalid="BadRequestException"))


@pytest.fixture
def bridge(
    telephony: Telephony, voice_sdk: Any, sip_function: FakeSipFunction, monkeypatch: pytest.MonkeyPatch
) -> Bridge:
    monkeypatch.setattr(voice, "ORDER_TAKES", timedelta(seconds=0.1))
    return Bridge(telephony, voice_sdk, sip_function)


@pytest.fixture
def sdk(connect: Connect) -> Any:
    return sdk_of(RestJsonService("connect", connect))


@pytest.fixture
def participants_sdk(connect: Connect) -> Any:
    return sdk_of(RestJsonService("connectparticipant", Participants(connect), invalid="ValidationException"))


@pytest.fixture
def instance_arn(connect: Connect) -> str:
    attributes = {"InboundCalls": True, "OutboundCalls": False}
    properties = {
        "Attributes": attributes,
        "IdentityManagementType": "CONNECT_MANAGED",
        "InstanceAlias": "here",
    }
    return connect.create(Kind.INSTANCE, properties).arn


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """A local AWS that nothing is deployed into."""
    with local_aws(port=0, directory=tmp_path_factory.mktemp("local-aws")) as started:
        yield started


@pytest.fixture
def instance(connect: Connect, sdk: Any, instance_arn: str, surroundings: FakeSurroundings) -> Instance:
    surroundings.functions[FUNCTION] = lambda _event: {"who": "ada"}
    return Instance(connect, sdk, instance_arn)


@pytest.fixture(scope="session")
def observer(running: LocalAws) -> Observer:
    return Observer(running.endpoint_url)
