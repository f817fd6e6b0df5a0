"""What a role does not grant does not happen, and the caller gets an answer all the same."""

import json

import pytest

from tests.e2e.answers import assert_call, assert_problem
from tests.e2e.aws import Aws, Caller


@pytest.mark.parametrize(
    ("action", "operation"),
    [("connect:StartWebRTCContact", "StartWebRTCContact"), ("dynamodb:UpdateItem", "UpdateItem")],
)
def test_without_its_grant_a_call_is_refused_and_nothing_is_started(
    action: str, operation: str, aws: Aws, caller: Caller
) -> None:
    with aws.without_grant("StartCall", action):
        assert_problem(caller.start(key="tap"), 500, "internal-error")
        assert aws.contacts_of(caller.user.user_id) == []
        refused = [
            entry
            for message in aws.log_messages("StartCall")
            if message.startswith("{")
            for entry in [json.loads(message)]
            if entry.get("operation") == operation and entry.get("code") == "AccessDeniedException"
        ]
        assert refused
    assert_call(caller.start(key="afterwards"))
