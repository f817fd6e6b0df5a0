"""Every right of a function of the bridge is used by a call that it really made, none is wider than its use.

What making and removing the resources takes, `test_deployment.py` holds.
"""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from local.clients.observer import eventually
from tests.e2e.answers import assert_call, assert_problem
from tests.e2e.aws import Caller
from tests.e2e.calls import connected, queued, read_what_is_known_of_waiting
from tests.e2e.grants import WIDE, Reason, grants, needless, unused, used, wider_than_needed
from tests.e2e.sip_bridge.bridge_aws import BridgeAws
from tests.e2e.sip_bridge.calls import assert_over, start_native_call

pytestmark = pytest.mark.slow

WIDE_OF_BRIDGE = [
    Reason("chime:*", "arn:aws:chime:*:meeting/[*]", "meetings come into being while the function runs"),
    Reason("chime:CreateMeetingWithAttendees", "[*]", "a meeting that is yet to come has no ARN"),
    Reason("chime:*PhoneNumber*", "[*]", "the Amazon Chime SDK has no resource type for phone numbers"),
    Reason("chime:*SipRule*", "[*]", "the Amazon Chime SDK has no resource type for SIP rules"),
    Reason(
        "connect:DisassociatePhoneNumberContactFlow",
        "arn:aws:connect:*:phone-number/[*]",
        "a number whose place another has taken is named nowhere any more",
    ),
]


@pytest.fixture
def all_rights_used(aws: BridgeAws, caller: Caller, another_caller: Caller) -> None:
    """A call with all that may befall it, and some that go wrong."""
    read_what_is_known_of_waiting(aws, caller)
    call_id = connected(aws, caller)
    aws.happen_in_meeting(call_id, "CallerJoined")
    assert eventually(lambda: _join_is_stored(aws))
    place = assert_call(caller.rejoin(call_id), 200)["ConnectionData"]["Attendee"]["AttendeeId"]
    aws.client("chime-sdk-meetings").delete_attendee(MeetingId=call_id, AttendeeId=place)
    assert_call(caller.rejoin(call_id), 200)
    assert caller.send_digits(call_id, "1").status_code == 204
    assert caller.hang_up(call_id).status_code == 204
    assert_over(aws, call_id)

    # One whose function died before it stored its answer is cleared away by the next.
    crashed = queued(aws, caller, PreviousContactId=call_id)
    aws.forget_answer(caller.user.user_id)
    call_id = queued(aws, caller)
    assert_over(aws, crashed)
    # One whose function died after it had ended the call is stopped at Connect's next event.
    contact_id = aws.contact_of(call_id)["ContactId"]
    aws.note_end(caller.user.user_id)
    events = [event for event in aws.events() if event["contactId"] == contact_id]
    aws.publish_event(next(event for event in events if event["eventType"] == "QUEUED"))
    assert_over(aws, call_id)

    # One from before the bridge was switched on goes on, and its caller comes back into it.
    call_id = start_native_call(aws, another_caller.user.user_id)
    assert another_caller.comes_to(call_id, "QUEUED")
    aws.happen(call_id, "AgentConnected")
    assert another_caller.comes_to(call_id, "CONNECTED")
    aws.happen(call_id, "CustomerDropped")
    assert_call(another_caller.rejoin(call_id), 200)
    assert another_caller.hang_up(call_id).status_code == 204

    # One that has ended while it was dialled is hung up.
    before = {each["MeetingId"] for each in aws.meetings()}
    with (
        ThreadPoolExecutor(1) as tap,
        aws.fault("chime-sdk-voice", "CreateSipMediaApplicationCall", times=1, DelaySeconds=2),
    ):
        answer = tap.submit(another_caller.start)
        assert eventually(lambda: len(aws.meetings()) > len(before))
        time.sleep(1)  # the meeting is on record, and the dial is under way
        aws.note_end(another_caller.user.user_id)
        assert_problem(answer.result(), 503, "unavailable")
    [hung_up] = {each["MeetingId"] for each in aws.meetings()} - before
    assert eventually(lambda: aws.is_over(hung_up))


def _join_is_stored(aws: BridgeAws) -> bool:
    """Whether the bridge has stored of a call that its app came into the meeting."""
    return any(
        role == "ContactEvents" and action == "dynamodb:UpdateItem" and "BridgedCallsTable" in resource
        for role, action, resource in used(aws)
    )


@pytest.mark.usefixtures("all_rights_used")
def test_no_right_of_a_bridged_call_is_never_used(aws: BridgeAws) -> None:
    rights = {grant for grant in grants(aws) if grant.role not in aws.MAKERS}
    assert unused(rights, used(aws)) == []


def test_no_right_of_the_bridge_is_wider_than_its_use(aws: BridgeAws) -> None:
    assert wider_than_needed(set(grants(aws)), [*WIDE, *WIDE_OF_BRIDGE]) == []
    assert needless(WIDE_OF_BRIDGE, set(grants(aws))) == []
