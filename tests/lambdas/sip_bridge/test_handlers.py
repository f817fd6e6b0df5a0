"""The handlers as a deployment with a SIP bridge has them, and as one without has them."""

import importlib.util
import json
import os
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from tests.lambdas.conftest import INSTANCE_ARN
from tests.lambdas.events import (
    CLAIMS,
    LambdaContext,
    call_event,
    contact_event,
    flow_event,
    sqs_batch,
    start_call_event,
)
from tests.lambdas.fake_connect import FakeConnect
from tests.lambdas.fake_dynamodb import FakeDynamoDb
from tests.lambdas.fake_parameters import FakeParameters
from tests.lambdas.sip_bridge.backend import BRIDGED_TABLE
from tests.lambdas.sip_bridge.conftest import attach_tables
from tests.lambdas.sip_bridge.events import (
    CONNECT_NUMBER,
    EXTERNAL_MEETING_ID,
    bridge_flow_event,
    meeting_event,
)
from tests.lambdas.sip_bridge.fake_chime import APPLICATION_ID, FakeChime

BRIDGE = {
    "CALL_TRANSPORT": "sip_bridge",
    "BRIDGED_CALLS_TABLE": BRIDGED_TABLE,
    "SIP_MEDIA_APPLICATION_ID": APPLICATION_ID,
    "CALLER_NUMBER": "+12065550100",
    "CONNECT_NUMBER": CONNECT_NUMBER,
    "SIP_HEADERS": json.dumps({"order_id": "X-Order-Id"}),
    "EXTERNAL_MEETING_ID": EXTERNAL_MEETING_ID,
}
CALL = "/calls/{ContactId}"
HANDLERS = ("start_call", "call_control", "caller_context", "contact_events")


class Deployment:
    """The four functions, imported as on AWS, and the AWS behind them."""

    def __init__(self) -> None:
        self.connect = FakeConnect()
        self.chime = FakeChime(self.connect)
        self.start_call, self.call_control, self.caller_context, self.contact_events = map(
            _imported, HANDLERS
        )

    def post(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        response: dict[str, Any] = self.start_call.handler(start_call_event(*args, **kwargs), LambdaContext())
        return response

    def invoke(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        response: dict[str, Any] = self.call_control.handler(call_event(*args, **kwargs), LambdaContext())
        return response

    def flow(self, event: dict[str, Any]) -> dict[str, str]:
        answer: dict[str, str] = self.caller_context.handler(event, LambdaContext())
        return answer

    def deliver(self, *events: dict[str, Any], received: int = 3) -> None:
        batch = sqs_batch(*events, received=received)
        assert self.contact_events.handler(batch, LambdaContext()) == {"batchItemFailures": []}


def _imported(package: str) -> ModuleType:
    """A handler module of its own: those that other tests have imported stay as they are."""
    spec = importlib.util.find_spec(f"{package}.handler")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def deployment(
    fake_dynamodb: FakeDynamoDb, fake_bridged_calls: FakeDynamoDb, monkeypatch: pytest.MonkeyPatch
) -> Deployment:
    for name, value in BRIDGE.items():
        monkeypatch.setenv(name, value)
    clients: list[Any] = []
    from runtime import aws  # noqa: PLC0415 - after the environment is set

    real = aws.client

    def client(service: str, **options: Any) -> Any:
        clients.append(real(service, **options))
        return clients[-1]

    monkeypatch.setattr(aws, "client", client)
    deployment = Deployment()
    for made in clients:
        match made.meta.service_model.service_name:
            case "connect":
                deployment.connect.attach(made)
            case "chime-sdk-meetings" | "chime-sdk-voice":
                deployment.chime.attach(made)
            case "ssm":
                FakeParameters(os.environ["CALLING_PARAMETER"]).attach(made)
            case "connectparticipant":
                pass  # for native calls, of which there are none here
            case service:
                assert service == "dynamodb"  # nothing else is needed over the bridge
                attach_tables(made, fake_dynamodb, fake_bridged_calls)
    return deployment


def test_a_call_goes_over_the_bridge_from_its_start_to_its_end(deployment: Deployment) -> None:
    response = deployment.post(json.dumps({"Topic": "billing", "Attributes": {"order_id": "A-1"}}))
    assert response["statusCode"] == 201
    call_id = json.loads(response["body"])["ContactId"]
    ((transaction_id, phone_call),) = deployment.chime.phone_calls.items()
    contact_id = deployment.chime.reach_connect(transaction_id)
    contact = {"ContactId": contact_id, "InitialContactId": contact_id}

    keyed_in = bridge_flow_event({}, **contact)
    keyed_in["Details"]["Parameters"] = {"Code": phone_call.arguments["Code"]}
    answer = deployment.flow(keyed_in)
    assert answer["auth_status"] == "verified"
    assert (answer["order_id"], answer["page"]) == ("A-1", "")
    assert answer["contact_flow_arn"].startswith(INSTANCE_ARN)
    attributes = {"customer_id": answer["customer_id"], "auth_token": phone_call.arguments["Code"]}
    assert deployment.flow(bridge_flow_event(attributes, **contact))["auth_status"] == "verified"

    inbound: dict[str, Any] = {"initiationMethod": "INBOUND"}
    deployment.deliver(contact_event("QUEUED", contact_id, queued=1, **inbound))
    status = deployment.invoke("GET", CALL, call_id)
    assert json.loads(status["body"])["State"] == "QUEUED"
    assert json.loads(status["body"])["ContactId"] == call_id
    digits = deployment.invoke("POST", f"{CALL}/digits", call_id, '{"Digits": "42#"}')
    assert digits["statusCode"] == 204
    rejoined = deployment.invoke("POST", f"{CALL}/connection", call_id)
    assert (rejoined["statusCode"], rejoined["body"]) == (200, response["body"])
    assert deployment.invoke("DELETE", CALL, call_id)["statusCode"] == 204
    assert not deployment.chime.live_meetings
    deployment.deliver(meeting_event("chime:MeetingEnded", call_id))
    deployment.deliver(contact_event("DISCONNECTED", contact_id, queued=1, ended=9, **inbound))
    assert json.loads(deployment.invoke("GET", CALL, call_id)["body"])["State"] == "ENDED"


def test_a_request_has_no_say_in_what_is_dialled(deployment: Deployment) -> None:
    for body in (
        '{"ToPhoneNumber": "+19005550100"}',
        '{"FromPhoneNumber": "+19005550100"}',
        '{"SipHeaders": {"X-A": "b"}}',
        '{"Attributes": {"phone": "+19005550100"}}',
    ):
        assert deployment.post(body)["statusCode"] == 400
    assert not deployment.chime.requests
    body = json.dumps({"DisplayName": "+19005550100", "Attributes": {"order_id": "+1\r\nX-Evil: 1"}})
    assert deployment.post(body)["statusCode"] == 201
    (dialled,) = deployment.chime.requested("CreateSipMediaApplicationCall")
    assert (dialled["FromPhoneNumber"], dialled["ToPhoneNumber"]) == ("+12065550100", "+17035550122")
    assert dialled["ArgumentsMap"]["ConnectNumber"] == CONNECT_NUMBER
    assert dialled["ArgumentsMap"]["SipHeaders"] == '{"X-Order-Id":"+1%0D%0AX-Evil:%201"}'


def test_a_phone_call_is_dialled_once_also_when_the_answer_is_lost(deployment: Deployment) -> None:
    deployment.chime.faults["CreateSipMediaApplicationCall"] = [ReadTimeoutError(endpoint_url="x")]
    assert deployment.post()["statusCode"] == 504
    assert len(deployment.chime.requested("CreateSipMediaApplicationCall")) == 1


def test_a_caller_who_leaves_ends_the_meeting(deployment: Deployment) -> None:
    call_id = json.loads(deployment.post()["body"])["ContactId"]
    left = meeting_event("chime:AttendeeLeft", call_id, attendeeId="a", externalUserId="caller")
    deployment.deliver(left, received=1)
    assert not deployment.chime.live_meetings


def test_nothing_secret_is_logged_counted_or_answered(
    deployment: Deployment, written: Callable[[], str]
) -> None:
    body = json.dumps({"DisplayName": "SECRET-NAME", "Attributes": {"order_id": "SECRET-ORDER"}})
    tokens = []
    failures = []
    for operation in ("CreateMeetingWithAttendees", "CreateSipMediaApplicationCall", "DeleteMeeting"):
        refusal = (400, "BadRequestException", {"Message": "SECRET-AWS"})
        deployment.chime.faults = {operation: [refusal] * 2, "CreateSipMediaApplicationCall": [refusal]}
        # Each of another user: what is refused counts for the rates.
        failures.append(deployment.post(body, claims={**CLAIMS, "sub": f"of-{operation}"}))
    deployment.chime.faults = {}
    long = json.dumps({"Attributes": {"order_id": "SECRET" * 99}})
    failures.append(deployment.post(long))
    started = deployment.post(body)
    failures.append(deployment.post(body))
    call_id = json.loads(started["body"])["ContactId"]
    ((transaction_id, phone_call), *_) = reversed(deployment.chime.phone_calls.items())
    tokens.append(phone_call.arguments["Code"])
    failures.append(deployment.invoke("POST", f"{CALL}/digits", call_id, '{"Digits": "99779977"}'))
    contact_id = deployment.chime.reach_connect(transaction_id)
    keyed_in = bridge_flow_event({}, ContactId=contact_id, InitialContactId=contact_id)
    keyed_in["Details"]["Parameters"] = {"Code": tokens[0]}
    assert deployment.flow(keyed_in)["auth_status"] == "verified"
    assert deployment.invoke("POST", f"{CALL}/digits", call_id, '{"Digits": "99779977"}')["statusCode"] == 204
    deployment.chime.meetings[call_id].attendees.clear()
    assert deployment.invoke("POST", f"{CALL}/connection", call_id)["statusCode"] == 200
    for operation in ("DeleteMeeting", "GetAttendee", "UpdateSipMediaApplicationCall"):
        deployment.chime.faults[operation] = [(400, "BadRequestException", {"Message": "SECRET-AWS"})]
    failures.append(deployment.invoke("POST", f"{CALL}/digits", call_id, '{"Digits": "99779977"}'))
    failures.append(deployment.invoke("POST", f"{CALL}/connection", call_id))
    failures.append(deployment.invoke("DELETE", CALL, call_id))
    assert [failure["statusCode"] for failure in failures] == [500, 500, 500, 400, 409, 409, 500, 500, 500]
    output = written()
    for name in (
        "CallStarted",
        "DigitsSent",
        "CallRejoined",
        "ContactVerified",
        "MeetingDeleteFailed",
        call_id,
    ):
        assert name in output
    answered = "".join(failure["body"] for failure in failures)
    for secret in ("SECRET", "99779977", *tokens):
        assert secret not in answered + output


def test_with_the_bridge_webrtc_contacts_are_still_known(deployment: Deployment) -> None:
    """Those that were started before the bridge was switched on go on."""
    assert deployment.flow(flow_event({"customer_id": "u", "auth_token": "t"})) == {
        "auth_status": "unverified"
    }
    deployment.deliver(contact_event("QUEUED", queued=1))
