"""Which events of contacts are taken: none of an in-app call is missed, and few of others come along."""

import json
from typing import Any

import pytest
from moto.events.models import EventPattern

from tests.infra.synthesis import Synthesis

ONES_OWN = ("WEBRTC_API", "TRANSFER", "QUEUE_TRANSFER", "DISCONNECT", "A_WORD_OF_LATER")
OTHERS = (
    *("INBOUND", "OUTBOUND", "CALLBACK", "API", "EXTERNAL_OUTBOUND", "MONITOR"),
    *("AGENT_REPLY", "FLOW", "CAMPAIGN_PREVIEW"),
)


def matches(synthesis: Synthesis, changes: dict[str, Any], **envelope: str) -> bool:
    """Whether the rule for in-app contacts takes an event; moto reads the pattern."""
    (rule,) = [
        rule
        for rule in synthesis.resources("AWS::Events::Rule").values()
        if rule["Description"] == "Contact events that may be of in-app calls"
    ]
    (instance,) = rule["EventPattern"]["detail"]["instanceArn"]
    name = "arn:aws:connect:eu-west-2:111122223333:instance/i"
    pattern = json.dumps(rule["EventPattern"]).replace(json.dumps(instance), json.dumps(name))
    detail = {"instanceArn": name, "channel": "VOICE", "eventType": "INITIATED", "contactId": "c", **changes}
    event = {"source": "aws.connect", "detail-type": "Amazon Connect Contact Event", **envelope}
    return bool(
        EventPattern.load(pattern).matches_event(
            {**event, "detail": {name: value for name, value in detail.items() if value is not None}}  # type: ignore[typeddict-item]
        )
    )


@pytest.mark.parametrize("method", [*ONES_OWN, None])
def test_whatever_an_in_app_contact_is_said_to_begin_by_is_taken(
    synthesis: Synthesis, method: str | None
) -> None:
    assert matches(synthesis, {"initiationMethod": method})


@pytest.mark.parametrize("method", OTHERS)
def test_contacts_that_begin_otherwise_are_left_alone(synthesis: Synthesis, method: str) -> None:
    assert not matches(synthesis, {"initiationMethod": method})


def test_only_contacts_by_voice_of_the_instance_are_taken(synthesis: Synthesis) -> None:
    """A guide of an agent is a chat that belongs to the call, and ends without it."""
    of_calls = {"initiationMethod": "WEBRTC_API"}
    assert matches(synthesis, {**of_calls, "channel": "Voice"})
    for channel in ("CHAT", "TASK", "EMAIL", None):
        assert not matches(synthesis, {**of_calls, "channel": channel})
    assert not matches(synthesis, {**of_calls, "instanceArn": "arn:aws:connect:eu-west-2:1:instance/j"})


def test_events_that_move_a_call_are_taken_and_changes_of_attributes_are_not(synthesis: Synthesis) -> None:
    moving = ("INITIATED", "QUEUED", "CONNECTED_TO_AGENT", "DISCONNECTED", "COMPLETED")
    of_calls = {"initiationMethod": "WEBRTC_API"}
    for event in moving:
        assert matches(synthesis, {**of_calls, "eventType": event})
    assert not matches(synthesis, {**of_calls, "eventType": "CONTACT_DATA_UPDATED"})


def test_the_product_may_have_either_of_its_names(synthesis: Synthesis) -> None:
    of_calls = {"initiationMethod": "WEBRTC_API"}
    for name, taken in (("Connect Customer Contact Event", True), ("Another Event", False)):
        assert matches(synthesis, of_calls, **{"detail-type": name}) is taken
