"""What a function makes of its environment variables when calls reach Connect natively."""

import os
from typing import Any

import pytest

from calls import webrtc
from calls.errors import InvalidRequest
from calls.interfaces import Credential, Function
from tests.lambdas.backend import Backend
from tests.lambdas.conftest import INSTANCE_ARN
from tests.lambdas.events import flow_event
from tests.lambdas.fake_aws import shared_client
from tests.lambdas.fake_dynamodb import FakeDynamoDb

CONNECT: tuple[str, dict[str, Any]] = ("connect", {})
PARTICIPANTS = ("connectparticipant", {"signed": False})


@pytest.fixture
def backend(dynamodb: FakeDynamoDb) -> Backend:
    return Backend(dynamodb)


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch, backend: Backend) -> list[tuple[str, dict[str, Any]]]:
    """The clients that are made: each service and how. They reach the backend's Connect."""
    made: list[tuple[str, dict[str, Any]]] = []

    def client(service: str, **options: Any) -> Any:
        made.append((service, options))
        return backend.connect.attach(shared_client(service, **options))

    monkeypatch.setattr("calls.webrtc.aws.client", client)
    return made


@pytest.mark.parametrize(
    ("function", "services"),
    [
        ("start_call", [CONNECT]),
        ("call_control", [CONNECT, PARTICIPANTS]),
        ("contact_events", []),
        ("caller_context", []),
    ],
)
def test_a_function_makes_only_the_clients_that_it_calls_with(
    clients: list[tuple[str, dict[str, Any]]],
    backend: Backend,
    function: Function,
    services: list[tuple[str, dict[str, Any]]],
) -> None:
    webrtc.create_transport(function, calls=backend.table, dynamodb=None)
    assert clients == services


@pytest.mark.usefixtures("clients")
def test_calls_start_in_the_instance_of_the_environment_and_take_digits(backend: Backend) -> None:
    backend.use(webrtc.create_transport("call_control", calls=backend.table, dynamodb=None))
    backend.call()
    (contact_id,) = backend.connect.active
    assert backend.connect.requested("StartWebRTCContact")[0]["InstanceId"] == INSTANCE_ARN.rpartition("/")[2]
    for digit in "12":
        backend.call_control.send_digits("user-1", contact_id, digit)
    assert backend.connect.digits == [(contact_id, "1"), (contact_id, "2")]


def test_contacts_of_its_own_instance_prove_who_calls(backend: Backend) -> None:
    transport = webrtc.create_transport("caller_context", calls=backend.table, dynamodb=None)
    attributes = {"customer_id": "user-1", "auth_token": "reference-1"}
    credential = transport.read_credential(flow_event(attributes))
    assert credential == Credential(user_id="user-1", reference="reference-1", contact_id="contact-1")
    assert transport.read_credential(flow_event(attributes, InstanceARN=f"{INSTANCE_ARN}0")) is None


@pytest.mark.usefixtures("clients")
def test_room_is_kept_for_what_flows_set_by_their_own_account(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    def most() -> int:
        """Bytes of the longest attribute that an app can send."""
        backend.use(webrtc.create_transport("start_call", calls=backend.table, dynamodb=None))
        fits, too_many = 0, 40_000
        while too_many - fits > 1:
            length = (fits + too_many) // 2
            try:
                backend.call(key=str(length), attributes={"page": "x" * length})
            except InvalidRequest:
                too_many = length
            else:
                fits = length
                backend.end()
            backend.now += 86_400_000
        return fits

    assert "FLOW_ATTRIBUTES_BYTES" not in os.environ
    unreserved = most()
    monkeypatch.setenv("FLOW_ATTRIBUTES_BYTES", "100")
    assert most() == unreserved - 100
