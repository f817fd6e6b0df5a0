"""Whose token the customer's own backend has signed by AWS KMS."""

import pytest

from tests.e2e.answers import assert_call, assert_problem
from tests.e2e.aws import Aws, Caller

pytestmark = pytest.mark.slow


def test_the_key_is_read_once_and_kms_is_not_called_per_token(
    aws: Aws, caller: Caller, another_caller: Caller
) -> None:
    contact_ids = [assert_call(each.start())["ContactId"] for each in (caller, another_caller)]
    assert [aws.contact(each)["Attributes"]["customer_id"] for each in contact_ids] == [
        caller.user.user_id,
        another_caller.user.user_id,
    ]
    asked = [call for call in aws.calls() if call["Service"] == "kms"]
    assert {call["Operation"] for call in asked} == {"GetPublicKey"}
    assert {arn for call in asked for arn in call["Resources"]} == {aws.outputs["SigningKeyArn"]}
    assert len(asked) < aws.invocations("Authorizer")


def test_without_the_right_to_read_the_key_nobody_is_let_in(aws: Aws, caller: Caller) -> None:
    with aws.without_grant("Authorizer", "kms:GetPublicKey"), aws.started_anew("Authorizer"):
        assert_problem(caller.read("no-such-call"), 503, "unavailable")
    assert_problem(caller.read("no-such-call"), 404, "not-found")
