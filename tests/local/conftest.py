import copy
import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config

from local.emulator.aws_service import RestJsonService
from local.emulator.connect.connect import Connect
from local.emulator.connect.instance import Kind
from local.emulator.connect.instances import Instances
from local.emulator.connect.media_placement import MediaPlane
from local.emulator.connect.operators import Operators
from local.emulator.connect.participants import Participants
from local.emulator.rest_of_aws import FunctionError
from local.launcher.local_aws import LocalAws, local_aws
from tests.local.control_endpoints import ControlEndpoints
from tests.local.emulator.connect_instance import Instance
from tests.local.emulator.flows import FUNCTION

REGION = "eu-west-2"
ACCOUNT = "000000000000"
MEDIA = MediaPlane(4571)


@dataclass
class FakeRestOfAws:
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


@dataclass(frozen=True)
class _NoNetwork:
    """What a client sends its requests with: the service itself answers."""

    service: RestJsonService

    def send(self, request: Any) -> AWSResponse:
        url = urlsplit(request.url)
        headers = {
            name: value.decode() if isinstance(value, bytes) else value
            for name, value in request.headers.items()
        }
        given = self.service.answer(
            request.method, url.path, headers, request.body or b"", parse_qs(url.query)
        )
        response: Any = AWSResponse
        answered: AWSResponse = response(request.url, given.status, given.headers, _RawBody(given.body))
        return answered


@functools.cache
def _client(service: str) -> Any:
    """One for all tests: most of what they would take is to make it."""
    session: Any = boto3.Session(region_name=REGION, aws_access_key_id=ACCOUNT, aws_secret_access_key="any")
    # The SDK's own checks are off: what it would refuse must reach the service.
    config = Config(parameter_validation=False, retries={"total_max_attempts": 1})
    return session.client(service, config=config)


def sdk_of(service: RestJsonService) -> Any:
    """The SDK's client of a service, without a network between them."""
    of_all = _client(service.name)
    # As copy.copy would: that asks the unfinished client for its attributes, which it looks up in itself.
    client = object.__new__(type(of_all))
    vars(client).update(vars(of_all))
    client._endpoint = copy.copy(client._endpoint)
    client._endpoint.http_session = _NoNetwork(service)
    return client


@pytest.fixture
def rest_of_aws() -> FakeRestOfAws:
    return FakeRestOfAws()


@pytest.fixture
def connect(rest_of_aws: FakeRestOfAws) -> Connect:
    instances = Instances(region=REGION, account=ACCOUNT)
    return Connect(region=REGION, instances=instances, rest=rest_of_aws, media=MEDIA)


@pytest.fixture
def connect_service(connect: Connect) -> RestJsonService:
    return RestJsonService("connect", connect.instances, connect, Operators(connect))


@pytest.fixture
def sdk(connect_service: RestJsonService) -> Any:
    return sdk_of(connect_service)


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
    return connect.instances.create(Kind.INSTANCE, properties).arn


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """A local AWS that nothing is deployed into."""
    with local_aws(port=0, directory=tmp_path_factory.mktemp("local-aws")) as started:
        yield started


@pytest.fixture
def instance(connect: Connect, sdk: Any, instance_arn: str, rest_of_aws: FakeRestOfAws) -> Instance:
    rest_of_aws.functions[FUNCTION] = lambda _event: {"who": "ada"}
    return Instance(connect, sdk, instance_arn)


@pytest.fixture(scope="session")
def observer(running: LocalAws) -> ControlEndpoints:
    return ControlEndpoints(running.endpoint_url, running.access)
