"""However Connect or DynamoDB fails, the app gets the answer that fits and no contact is left active."""

from collections.abc import Iterator

import pytest

from local.clients.observer import eventually
from tests.e2e.answers import assert_call, assert_problem
from tests.e2e.aws import Aws, Caller

# One error after another: tests of the domains hold the same without an app.
pytestmark = pytest.mark.slow

# code and HTTP status of Connect's error → status and slug of our answer
ERRORS = [
    ("LimitExceededException", 429, 429, "capacity-reached"),
    ("ThrottlingException", 400, 429, "capacity-reached"),
    ("Throttling", 400, 429, "capacity-reached"),
    ("TooManyRequestsException", 429, 429, "capacity-reached"),
    ("RequestLimitExceeded", 400, 429, "capacity-reached"),
    ("InternalServiceException", 500, 503, "unavailable"),
    ("ServiceUnavailable", 503, 503, "unavailable"),
    ("ResourceNotFoundException", 404, 500, "internal-error"),
    ("AccessDeniedException", 403, 500, "internal-error"),
    ("InvalidRequestException", 400, 500, "internal-error"),
    ("InvalidParameterException", 400, 500, "internal-error"),
]


@pytest.fixture(autouse=True)
def nothing_left_active(aws: Aws, caller: Caller) -> Iterator[None]:
    """After each failure: no active contact, and the user can call again at once."""
    yield
    user_id = caller.user.user_id
    assert eventually(lambda: not aws.active_contacts_of(user_id)), aws.active_contacts_of(user_id)
    assert_call(caller.start(key="afterwards"))


@pytest.mark.parametrize(("code", "connect_status", "status", "slug"), ERRORS)
def test_an_error_of_connect_becomes_the_answer_that_fits(
    code: str, connect_status: int, status: int, slug: str, aws: Aws, caller: Caller
) -> None:
    with aws.fault("connect", "StartWebRTCContact", Error={"Code": code, "Status": connect_status}):
        response = caller.start(key="tap")
    assert_problem(response, status, slug)
    assert ("Retry-After" in response.headers) == (status in {429, 503})
    assert aws.contacts_of(caller.user.user_id) == []


@pytest.mark.parametrize("repeated_client_token", ["SameAnswer", "ContactIdOnly"])
def test_a_connect_that_does_not_answer_in_time_leaves_no_contact(
    repeated_client_token: str, aws: Aws, caller: Caller
) -> None:
    with (
        aws.behaving(RepeatedClientToken=repeated_client_token),
        aws.fault("connect", "StartWebRTCContact", DelaySeconds=6),
    ):
        response = caller.start(key="tap")
    assert_problem(response, 504, "timeout")
    # The contact that Connect has started all the same comes to nobody: no app knows it and can join it, so
    # its flow never begins, and Connect ends it a minute later. Until then too the user can call.
    late = eventually(lambda: aws.active_contacts_of(caller.user.user_id))
    assert [each["Way"] for each in late] == [[]]
    call_id = assert_call(caller.start())["ContactId"]
    assert caller.hang_up(call_id).status_code == 204
    aws.pass_time(60)


def test_an_answer_that_lacks_a_part_stops_the_contact(aws: Aws, caller: Caller) -> None:
    with aws.fault("connect", "StartWebRTCContact", Malformed=True):
        response = caller.start(key="tap")
    assert_problem(response, 502, "answer-incomplete")


def test_a_contact_that_could_not_be_stopped_is_found_by_its_events(aws: Aws, caller: Caller) -> None:
    """Its record holds it, so the next event of it stops it; nobody joins it, and no time passes."""
    refused = {"Code": "InternalServiceException", "Status": 500}
    with (
        aws.fault("connect", "StartWebRTCContact", Malformed=True),
        aws.fault("connect", "StopContact", Error=refused),
    ):
        assert_problem(caller.start(), 502, "answer-incomplete")
        (contact,) = aws.active_contacts_of(caller.user.user_id)
    contact_id = contact["ContactId"]
    aws.publish_event(next(event for event in aws.events() if event["contactId"] == contact_id))
    assert eventually(lambda: aws.is_over(contact_id))


UNEXPECTED = {"StartedAt": {"N": "many"}, "Starts": {"S": "many"}}


def test_who_cannot_be_read_from_the_table_reaches_an_agent_unverified(aws: Aws, caller: Caller) -> None:
    contact_id = assert_call(caller.start_alone())["ContactId"]
    with aws.fault("dynamodb", "UpdateItem", Answer={"Attributes": UNEXPECTED}):
        aws.join(contact_id)
        contact = aws.contact(contact_id)
    assert contact["Queue"]["Arn"] == aws.queue("Unverified")
    assert contact["Attributes"]["auth_status"] == "unverified"
    assert caller.hang_up(contact_id).status_code == 204


@pytest.mark.parametrize(
    ("code", "aws_status", "status", "slug"),
    [
        ("InternalServerError", 500, 503, "unavailable"),
        ("ProvisionedThroughputExceededException", 400, 429, "capacity-reached"),
        ("ThrottlingException", 400, 429, "capacity-reached"),
        ("ResourceNotFoundException", 400, 500, "internal-error"),
        ("AccessDeniedException", 400, 500, "internal-error"),
    ],
)
def test_a_failing_table_starts_no_contact(
    code: str, aws_status: int, status: int, slug: str, aws: Aws, caller: Caller
) -> None:
    with aws.fault("dynamodb", "UpdateItem", Error={"Code": code, "Status": aws_status}):
        response = caller.start(key="tap")
    assert_problem(response, status, slug)
    assert aws.contacts_of(caller.user.user_id) == []
