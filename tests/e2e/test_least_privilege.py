"""Every right of a function is used by a call to AWS that it really made, and none is wider than its use."""

import pytest

from local.clients.observer import eventually
from tests.e2e.answers import assert_call, assert_problem
from tests.e2e.aws import Aws, Caller
from tests.e2e.calls import read_what_is_known_of_waiting
from tests.e2e.grants import USED_BY_OTHERS, WIDE, Grant, grants, needless, unused, used, wider_than_needed


@pytest.fixture
def all_rights_used(aws: Aws, caller: Caller, another_caller: Caller) -> None:
    """A call about each topic with all that may befall it, and some that go wrong."""
    read_what_is_known_of_waiting(aws, caller)
    contact_id = assert_call(caller.start())["ContactId"]
    assert caller.hang_up(contact_id).status_code == 204
    continued = {"Topic": "billing", "PreviousContactId": contact_id}
    contact_id = assert_call(caller.start(continued))["ContactId"]
    assert caller.comes_to(contact_id, "QUEUED")
    aws.happen(contact_id, "AgentConnected")
    aws.happen(contact_id, "CustomerDropped")
    assert caller.comes_to(contact_id, "CONNECTED")
    assert_call(caller.rejoin(contact_id), 200)
    assert caller.hang_up(contact_id).status_code == 204

    # Where calls can be placed that only test.
    if (tested := caller.start({"Topic": "smoke"})).status_code != 400:
        assert caller.hang_up(assert_call(tested)["ContactId"]).status_code == 204

    # One that cannot be joined is stopped, and so is one whose function died after it had ended the call.
    with aws.fault("connect", "StartWebRTCContact", Malformed=True):
        assert_problem(another_caller.start(), 502, "answer-incomplete")
    contact_id = assert_call(another_caller.start())["ContactId"]
    assert another_caller.comes_to(contact_id, "QUEUED")
    aws.change_record(another_caller.user.user_id, "SET EndedAt = StartedAt")
    events = [event for event in aws.events() if event["contactId"] == contact_id]
    aws.publish_event(next(event for event in events if event["eventType"] == "QUEUED"))
    assert eventually(lambda: not aws.active_contacts_of(another_caller.user.user_id))


@pytest.mark.usefixtures("all_rights_used")
def test_no_right_is_never_used(aws: Aws) -> None:
    assert unused(set(grants(aws)), used(aws)) == []


def test_no_right_is_wider_than_its_use(aws: Aws) -> None:
    assert wider_than_needed(set(grants(aws))) == []


def test_each_reason_for_a_right_is_needed(aws: Aws) -> None:
    assert needless([*USED_BY_OTHERS, *WIDE], set(grants(aws))) == []


def test_a_right_too_many_or_too_wide_would_be_found(aws: Aws) -> None:
    table = "arn:aws:dynamodb:eu-west-2:000000000000:table/calls"
    too_many = Grant("StartCall", "dynamodb:DeleteItem", table)
    elsewhere = Grant("StartCall", "dynamodb:UpdateItem", f"{table}-of-others")
    too_wide = Grant("StartCall", "dynamodb:UpdateItem", "arn:aws:dynamodb:eu-west-2:000000000000:table/*")
    anything = Grant("StartCall", "connect:StopContact", "arn:aws:connect:eu-west-2:0:instance/*")
    everywhere = Grant("StartCall", "dynamodb:UpdateItem", "*")
    key_for_anything = Grant("StartCall", "kms:Decrypt", "arn:aws:kms:eu-west-2:000000000000:key/1")
    seen = {("StartCall", "dynamodb:UpdateItem", table)}
    assert unused({too_many, elsewhere, too_wide, key_for_anything}, seen) == [
        too_many,
        elsewhere,
        key_for_anything,
    ]
    assert wider_than_needed({too_wide, anything, everywhere, too_many}) == [anything, everywhere, too_wide]
