"""The whole life of a call over the SIP bridge, as its app, an agent and the telephone network see it."""

import uuid

import pytest
import requests

from local.clients.observer import eventually
from tests.e2e.answers import assert_call, assert_problem
from tests.e2e.aws import Caller
from tests.e2e.calls import connected, queued
from tests.e2e.sip_bridge.bridge_aws import BridgeAws
from tests.e2e.sip_bridge.calls import actions_of, assert_over

pytestmark = pytest.mark.slow


def test_a_call_goes_over_the_bridge_to_the_verified_queue_to_an_agent_to_its_end(
    aws: BridgeAws, caller: Caller
) -> None:
    call = assert_call(caller.start({"DisplayName": "Ada", "Attributes": {"order_id": "A-1042"}}))
    assert call["ContactId"] == call["ConnectionData"]["Meeting"]["MeetingId"]
    contact = aws.contact_of(call["ContactId"])
    assert contact["Queue"]["Arn"] == aws.queue("Verified")
    attributes = contact["Attributes"]
    assert attributes["customer_id"] == caller.user.user_id
    assert attributes["auth_status"] == "verified"
    assert attributes["customer_email"] == caller.user.email
    assert attributes["order_id"] == "A-1042"
    assert attributes["page"] == ""
    assert caller.comes_to(call["ContactId"], "QUEUED")
    aws.happen(contact["ContactId"], "AgentConnected")
    assert caller.comes_to(call["ContactId"], "CONNECTED")
    aws.happen(contact["ContactId"], "AgentDisconnected")
    assert caller.comes_to(call["ContactId"], "ENDED")
    times = caller.read(call["ContactId"]).json()
    assert times["StartedAt"] <= times["QueuedAt"] <= times["ConnectedAt"] <= times["EndedAt"]
    assert_over(aws, call["ContactId"])


def test_a_topic_names_the_flow_that_a_bridged_call_goes_on_with(aws: BridgeAws, caller: Caller) -> None:
    call_id = queued(aws, caller, Topic="billing")
    contact = aws.contact_of(call_id)
    assert "hear-code" in [block["Block"] for block in contact["Way"]]
    assert "You have reached billing." in contact["Heard"]


def test_an_app_that_leaves_without_hanging_up_ends_the_call(aws: BridgeAws, caller: Caller) -> None:
    """As the official sample does it."""
    call_id = connected(aws, caller)
    aws.happen_in_meeting(call_id, "CallerJoined")
    aws.happen_in_meeting(call_id, "CallerLeft")
    assert caller.comes_to(call_id, "ENDED")
    assert_over(aws, call_id)


def test_an_app_that_drops_out_comes_back_into_the_same_meeting(aws: BridgeAws, caller: Caller) -> None:
    call = assert_call(caller.start())
    call_id = call["ContactId"]
    aws.contact_of(call_id)
    aws.happen_in_meeting(call_id, "CallerJoined")
    aws.happen_in_meeting(call_id, "CallerDropped")
    assert assert_call(caller.rejoin(call_id), 200) == call


def test_a_caller_whose_place_is_gone_gets_another_in_the_same_meeting(
    aws: BridgeAws, caller: Caller
) -> None:
    call = assert_call(caller.start())
    call_id, attendee = call["ContactId"], call["ConnectionData"]["Attendee"]
    aws.client("chime-sdk-meetings").delete_attendee(MeetingId=call_id, AttendeeId=attendee["AttendeeId"])
    again = assert_call(caller.rejoin(call_id), 200)
    assert again["ContactId"] == call_id
    assert again["ConnectionData"]["Meeting"] == call["ConnectionData"]["Meeting"]
    assert again["ConnectionData"]["Attendee"] != attendee
    assert assert_call(caller.rejoin(call_id), 200) == again


def test_nobody_comes_back_into_a_call_that_has_ended(aws: BridgeAws, caller: Caller) -> None:
    call_id = connected(aws, caller)
    caller.hang_up(call_id)
    assert_problem(caller.rejoin(call_id), 409, "call-ended")
    assert_problem(caller.send_digits(call_id, "1"), 409, "call-ended")


def test_digits_reach_the_contact_and_not_its_code(aws: BridgeAws, caller: Caller) -> None:
    call_id = connected(aws, caller)
    assert caller.send_digits(call_id, "42#").status_code == 204
    assert eventually(lambda: aws.contact_of(call_id)["Digits"] == ["42#"])


def test_digits_with_one_key_are_typed_once(aws: BridgeAws, caller: Caller) -> None:
    call_id = connected(aws, caller)
    url = f"{aws.outputs['ApiUrl'].rstrip('/')}/calls/{call_id}/digits"
    headers = {"Authorization": caller.user.token, "Idempotency-Key": "pin"}
    for _ in range(2):
        sent = requests.post(url, json={"Digits": "1234"}, headers=headers, timeout=35)
        assert sent.status_code == 204
    # The actions of an update replace those of before that have not begun.
    assert eventually(lambda: aws.contact_of(call_id)["Digits"] == ["1234"])
    assert caller.send_digits(call_id, "9").status_code == 204
    assert eventually(lambda: "9" in aws.contact_of(call_id)["Digits"])
    assert aws.contact_of(call_id)["Digits"] == ["1234", "9"]


def test_somebody_elses_bridged_call_is_404_like_an_unknown_one(
    aws: BridgeAws, caller: Caller, another_caller: Caller
) -> None:
    call_id = queued(aws, caller)
    for ask in (another_caller.read, another_caller.hang_up, another_caller.rejoin):
        theirs, nobodys = ask(call_id), ask(str(uuid.uuid4()))
        assert_problem(theirs, 404, "not-found")
        left_out = theirs.json()["requestId"], nobodys.json()["requestId"]
        assert theirs.text.replace(left_out[0], "") == nobodys.text.replace(left_out[1], "")
    assert caller.state(call_id) == "QUEUED"
    # Connect's own name of the call is none that an app could use.
    assert_problem(caller.read(aws.contact_of(call_id)["ContactId"]), 404, "not-found")


def test_a_meeting_that_somebody_deletes_ends_the_call(aws: BridgeAws, caller: Caller) -> None:
    call_id = queued(aws, caller)
    aws.client("chime-sdk-meetings").delete_meeting(MeetingId=call_id)
    assert caller.comes_to(call_id, "ENDED")
    assert_over(aws, call_id)
    assert_call(caller.start_after_an_end())


def test_a_bridged_call_is_one_phone_call_with_two_legs(aws: BridgeAws, caller: Caller) -> None:
    call_id = queued(aws, caller)
    [sip_call] = aws.sip_calls_of(call_id)
    assert [leg["ParticipantTag"] for leg in sip_call["Legs"]] == ["LEG-A", "LEG-B"]
    assert [each["ExternalUserId"] for each in aws.meeting(call_id)["Attendees"]] == [
        "caller",
        "phone-agent",
    ]
    assert len(actions_of(sip_call, "CallAndBridge")) == 1
