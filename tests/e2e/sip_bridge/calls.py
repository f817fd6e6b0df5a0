"""What a bridged call is made of, seen from beside the local AWS."""

import json
from typing import Any

from calls.connect import ConnectInstance
from calls.participant_service import ParticipantService
from calls.record import Rate, now
from calls.start_call_request import StartCallRequest
from calls.table import CallTable
from calls.webrtc import WebRtc
from local.clients.observer import eventually
from start_call.caller import Caller
from start_call.domain import CallLimits, StartCall
from tests.e2e.sip_bridge.bridge_aws import BridgeAws

_LIMITS = CallLimits(
    replay_seconds=120,
    reference_seconds=300,
    start_lease_seconds=30,
    max_call_seconds=600,
    rates=[Rate(calls=10, seconds=60)],
)


def start_native_call(aws: BridgeAws, user_id: str) -> str:
    """A call from before the bridge was switched on; returns its id.

    Started as a deployment without the bridge starts one, so its contact and its record are the same.
    """
    instance_arn = aws.outputs["ConnectInstanceArn"]
    calls = CallTable(aws.client("dynamodb"), aws.outputs["CallsTable"])
    native = WebRtc(
        calls,
        ConnectInstance(aws.client("connect"), instance_arn),
        ParticipantService(aws.client("connectparticipant")),
        now,
        instance_arn=instance_arn,
    )
    caller = Caller(user_id=user_id, display_name="Ada", context={"customer_id": user_id})
    request = StartCallRequest(contact_flow_arn=aws.outputs["ContactFlowArn"])
    contact_id = StartCall(calls, native, _LIMITS, now)(caller, request).contact_id
    aws.join(contact_id)
    return contact_id


def code_of(sip_call: dict[str, Any]) -> str:
    """The one-time code that a phone call was given."""
    [dialled] = [
        each for each in sip_call["Invocations"] if each["InvocationEventType"] == "NEW_OUTBOUND_CALL"
    ]
    return str(dialled["ActionData"]["Parameters"]["Arguments"]["Code"])


def actions_of(sip_call: dict[str, Any], action_type: str) -> list[dict[str, Any]]:
    """The parameters of each action of a type that the function has answered."""
    return [
        action["Parameters"]
        for each in sip_call["Invocations"]
        for action in (each.get("Answer") or {}).get("Actions", [])
        if action["Type"] == action_type
    ]


def assert_over(aws: BridgeAws, call_id: str) -> None:
    """Holds a call to leave nothing behind, within some seconds."""
    assert eventually(lambda: aws.is_over(call_id)), json.dumps(
        [aws.meeting(call_id), aws.sip_calls_of(call_id)], indent=1
    )
