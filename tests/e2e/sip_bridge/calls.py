"""What a bridged call is made of, seen from beside the local AWS."""

import json
from typing import Any

from local.clients.observer import eventually
from tests.e2e.sip_bridge.bridge_aws import BridgeAws


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
