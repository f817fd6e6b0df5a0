"""One tap is one call, however often it is sent."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.answers import assert_call, assert_problem
from tests.e2e.aws import Aws, Caller


@pytest.mark.slow  # it takes both cores
def test_two_hundred_simultaneous_requests_with_one_key_start_exactly_one_contact(
    aws: Aws, caller: Caller
) -> None:
    responses, timed_out = caller.tap_two_hundred_times()

    answers = Counter(response.status_code for response in responses)
    # On a machine too slow for so many, the one that started the contact may have been told 504 before.
    assert answers == {201: 1, 200: 199} or (answers == {200: 200} and timed_out)
    assert len({response.text for response in responses}) == 1
    contacts = aws.contacts_of(caller.user.user_id)
    going_on = [contact["ContactId"] for contact in contacts if contact["State"] != "ended"]
    answered = responses[0].json()["ContactId"]
    if timed_out:
        # What a start that was killed or not answered in time has begun is stopped; nothing else goes on.
        assert set(going_on) <= {answered}
    else:
        assert (len(contacts), going_on) == (1, [answered])


def test_a_retry_after_success_gets_the_same_call_and_credentials(aws: Aws, caller: Caller) -> None:
    first = caller.start({"DisplayName": "Ada"}, key="tap-1")
    again = caller.start({"DisplayName": "Ada"}, key="tap-1")

    assert_call(first)
    assert "Idempotent-Replayed" not in first.headers
    assert_call(again, 200)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json() == first.json()
    assert len(aws.contacts_of(caller.user.user_id)) == 1


def test_one_hiccup_of_connect_goes_unnoticed(aws: Aws, caller: Caller) -> None:
    with aws.fault(
        "connect", "StartWebRTCContact", times=1, Error={"Code": "InternalServiceException", "Status": 500}
    ):
        assert_call(caller.start(key="tap"))
    assert len(aws.contacts_of(caller.user.user_id)) == 1


def test_a_start_whose_record_cannot_be_written_is_answered_once_and_stopped(
    aws: Aws, caller: Caller
) -> None:
    """The table fails once the contact was started: only the lease frees the slot."""
    with ThreadPoolExecutor(1) as tap, aws.fault("connect", "StartWebRTCContact", times=1, DelaySeconds=2):
        answer = tap.submit(caller.start, key="tap")
        # The claim is through; the next write comes when Connect has answered.
        time.sleep(1)
        with aws.fault("dynamodb", "UpdateItem", Error={"Code": "InternalServerError", "Status": 500}):
            assert_problem(answer.result(), 503, "unavailable")
    [contact] = aws.contacts_of(caller.user.user_id)
    assert contact["State"] == "ended"
    assert_problem(caller.start(key="tap"), 409, "request-in-progress")


def test_another_key_during_a_call_is_409_with_its_id(aws: Aws, caller: Caller) -> None:
    active = assert_call(caller.start(key="tap-1"))
    problem = assert_problem(caller.start(key="tap-2"), 409, "call-active")
    assert problem["ContactId"] == active["ContactId"]
    assert len(aws.contacts_of(caller.user.user_id)) == 1


def test_no_key_during_a_call_is_409_with_its_id(caller: Caller) -> None:
    active = assert_call(caller.start())
    problem = assert_problem(caller.start(), 409, "call-active")
    assert problem["ContactId"] == active["ContactId"]


def test_the_same_key_with_another_body_is_refused(aws: Aws, caller: Caller) -> None:
    assert_call(caller.start({"DisplayName": "Ada"}, key="tap-1"))
    assert_problem(caller.start({"DisplayName": "Eve"}, key="tap-1"), 422, "idempotency-key-reused")
    assert len(aws.contacts_of(caller.user.user_id)) == 1


def test_the_same_key_of_another_user_is_another_call(caller: Caller, another_caller: Caller) -> None:
    mine = assert_call(caller.start(key="tap-1"))
    theirs = assert_call(another_caller.start(key="tap-1"))
    assert mine["ContactId"] != theirs["ContactId"]
    assert mine["ParticipantToken"] != theirs["ParticipantToken"]


def test_a_user_who_starts_too_many_calls_must_wait(caller: Caller) -> None:
    starts_per_window, window_seconds = 10, 60  # config/local.toml
    for tap in range(starts_per_window):
        call = assert_call(caller.start(key=f"tap-{tap}"))
        assert caller.hang_up(call["ContactId"]).status_code == 204
    one_more = caller.start(key="one-more")
    assert_problem(one_more, 429, "rate-exceeded")
    assert 1 <= int(one_more.headers["Retry-After"]) <= window_seconds


def test_starts_that_connect_refuses_use_up_a_users_starts(aws: Aws, caller: Caller) -> None:
    """Connect would refuse them again and again: one user alone neither floods it nor the operator."""
    starts_per_window = 10  # config/local.toml
    refused = {"Code": "InvalidRequestException", "Status": 400}
    with aws.fault("connect", "StartWebRTCContact", Error=refused):
        for tap in range(starts_per_window):
            assert_problem(caller.start(key=f"tap-{tap}"), 500, "internal-error")
        assert_problem(caller.start(key="one-more"), 429, "rate-exceeded")


def test_failures_of_connect_do_not_use_up_a_users_starts(aws: Aws, caller: Caller) -> None:
    with aws.fault(
        "connect", "StartWebRTCContact", Error={"Code": "InternalServiceException", "Status": 500}
    ):
        for tap in range(12):
            assert_problem(caller.start(key=f"tap-{tap}"), 503, "unavailable")
    assert_call(caller.start(key="at-last"))
