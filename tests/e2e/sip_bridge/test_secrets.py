"""Join tokens, one-time codes, digits and attributes of a bridged call end in no log, metric or answer."""

from collections.abc import Callable

import pytest

from local.clients.observer import eventually
from tests.e2e.answers import assert_call
from tests.e2e.aws import Caller
from tests.e2e.calls import connected
from tests.e2e.sip_bridge.bridge_aws import BridgeAws
from tests.e2e.sip_bridge.calls import assert_over, code_of
from tests.e2e.test_secrets import credentials, everything_written, strings, word

pytestmark = pytest.mark.slow


def test_nothing_that_identifies_or_authorises_a_caller_is_written_anywhere(
    aws: BridgeAws, new_caller: Callable[..., Caller]
) -> None:
    claims = {"name": word("Name"), "email": f"{word('mail')}@example.com"}
    said = {"DisplayName": word("Display"), "Attributes": {"order_id": word("Order"), "page": word("Page")}}
    caller = new_caller(**claims)
    forbidden = [*claims.values(), *strings(said), *caller.user.token.split(".")[1:]]
    answers = []

    for service, operation, code in (
        ("chime-sdk-meetings", "CreateMeetingWithAttendees", "BadRequestException"),
        ("chime-sdk-voice", "CreateSipMediaApplicationCall", "BadRequestException"),
    ):
        with aws.fault(service, operation, Error={"Code": code, "Status": 400}):
            answers.append(caller.start(said, key="tap"))
    call_id, digits = connected(aws, caller, **said), "4711#0815*"
    call = assert_call(caller.rejoin(call_id), 200)
    assert caller.send_digits(call_id, digits).status_code == 204
    answers.append(caller.send_digits(call_id, "no digits"))
    with aws.fault(
        "chime-sdk-voice",
        "UpdateSipMediaApplicationCall",
        Error={"Code": "BadRequestException", "Status": 400},
    ):
        answers.append(caller.send_digits(call_id, "815"))
    [sip_call] = aws.sip_calls_of(call_id)
    meeting = aws.client("chime-sdk-meetings").list_attendees(MeetingId=call_id)
    forbidden += [*credentials(call), code_of(sip_call), digits]
    forbidden += [attendee["JoinToken"] for attendee in meeting["Attendees"]]
    assert caller.hang_up(call_id).status_code == 204
    assert_over(aws, call_id)
    assert eventually(lambda: "CallBridged" in str(aws.log_messages(aws.MEDIA_APPLICATION)))

    written = everything_written(aws)
    assert sip_call["TransactionId"] in written, "The search would not find what is there"
    assert [secret for secret in forbidden if secret in written] == []
    for answer in answers:
        assert [secret for secret in forbidden if secret in answer.text] == [], answer.text
