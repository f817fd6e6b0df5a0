"""What a bridged call is made of, seen from beside the local AWS."""

import json
from typing import Any

from local.clients.observer import eventually
from tests.e2e.answers import assert_call
from tests.e2e.aws import Caller
from tests.e2e.sip_bridge.bridge_aws import BridgeAws


def sip_calls_of(aws: BridgeAws, call_id: str) -> list[dict[str, Any]]:
    """The phone calls into the meeting whose id is the app's id of the call."""
    return [each for each in aws.sip_calls() if each["MeetingId"] == call_id]


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


def queued(aws: BridgeAws, caller: Caller, **body: Any) -> str:
    """A bridged call that waits in a queue, also as its app reads it; returns the app's id of it."""
    call_id = str(assert_call(caller.start(body))["ContactId"])
    aws.bridged_contact(call_id)
    assert caller.comes_to(call_id, "QUEUED")
    return call_id


def connected(aws: BridgeAws, caller: Caller, **body: Any) -> str:
    """A bridged call that an agent has taken."""
    call_id = queued(aws, caller, **body)
    aws.happen(aws.bridged_contact(call_id)["ContactId"], "AgentConnected")
    assert caller.comes_to(call_id, "CONNECTED")
    return call_id


def is_over(aws: BridgeAws, call_id: str) -> bool:
    """Whether nothing is left of a call: no meeting, no leg, no contact."""
    sip_calls = sip_calls_of(aws, call_id)
    legs = [leg for each in sip_calls for leg in each["Legs"]]
    far_ends = {leg["FarEnd"] for leg in legs}
    return (
        aws.meeting(call_id)["State"] == "ended"
        and all(each["State"] == "ended" for each in sip_calls)
        and all(leg["Status"] == "Disconnected" for leg in legs)
        and all(each["State"] == "ended" for each in aws.contacts() if each["ContactId"] in far_ends)
    )


def assert_over(aws: BridgeAws, call_id: str) -> None:
    """Holds a call to leave nothing behind, within some seconds."""
    assert eventually(lambda: is_over(aws, call_id)), json.dumps(
        [aws.meeting(call_id), sip_calls_of(aws, call_id)], indent=1
    )
