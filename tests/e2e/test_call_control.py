"""The whole life of a call, as its app, an agent and other people see it."""

import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from local.clients.observer import eventually
from tests.e2e.answers import assert_call, assert_problem
from tests.e2e.aws import Aws, Caller
from tests.e2e.calls import connected, queued


@pytest.mark.parametrize("event_method", ["WEBRTC_API", "LeftOut"])
def test_a_call_goes_from_the_queue_to_an_agent_to_its_end(
    event_method: str, aws: Aws, caller: Caller
) -> None:
    with aws.behaving(EventMethod=event_method):
        contact_id = connected(aws, caller)
        aws.happen(contact_id, "AgentDisconnected")
        assert caller.comes_to(contact_id, "ENDED")
    call = caller.read(contact_id).json()
    assert call["StartedAt"] <= call["QueuedAt"] <= call["ConnectedAt"] <= call["EndedAt"]
    assert caller.read(contact_id).headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("event_reason", "end"),
    [
        pytest.param("LeftOut", {"EndedBy": "UNKNOWN"}, marks=pytest.mark.slow),
        ("Given", {"EndedBy": "AGENT", "DisconnectReason": "AGENT_DISCONNECT"}),
    ],
)
def test_the_status_says_who_ended_a_call_as_far_as_events_do(
    event_reason: str, end: dict[str, str], aws: Aws, caller: Caller
) -> None:
    with aws.behaving(EventReason=event_reason):
        contact_id = connected(aws, caller)
        aws.happen(contact_id, "AgentDisconnected")
        assert caller.comes_to(contact_id, "ENDED")
        call = caller.read(contact_id).json()
        assert {name: call[name] for name in ("EndedBy", "DisconnectReason") if name in call} == end
        own = str(assert_call(caller.start_after_an_end())["ContactId"])
        assert caller.hang_up(own).status_code == 204
        assert caller.read(own).json()["EndedBy"] == "CALLER"


@pytest.mark.parametrize("stage", ["started", "queued", "connected"])
def test_a_caller_hangs_up_at_any_time_twice_and_can_call_again_at_once(
    stage: str, aws: Aws, caller: Caller
) -> None:
    prepare = {"queued": queued, "connected": connected}.get(stage)
    contact_id = prepare(aws, caller) if prepare else str(assert_call(caller.start())["ContactId"])
    first, second = caller.hang_up(contact_id), caller.hang_up(contact_id)
    assert (first.status_code, first.text) == (204, "")
    assert (second.status_code, second.text) == (204, "")
    assert caller.state(contact_id) == "ENDED"
    assert eventually(lambda: aws.is_over(contact_id))
    again = assert_call(caller.start())
    assert again["ContactId"] != contact_id


def test_an_agent_who_hangs_up_frees_the_caller_for_another_call(aws: Aws, caller: Caller) -> None:
    contact_id = connected(aws, caller)
    aws.happen(contact_id, "AgentDisconnected")
    assert caller.comes_to(contact_id, "ENDED")
    assert_call(caller.start_after_an_end())


def test_a_call_that_an_agent_transfers_goes_on_until_its_last_contact_ends(aws: Aws, caller: Caller) -> None:
    contact_id = connected(aws, caller)
    aws.happen(contact_id, "Transferred")
    [second] = [each for each in aws.contacts() if each.get("InitialContactId") == contact_id]
    aws.happen(second["ContactId"], "AgentConnected")
    assert caller.state(contact_id) == "CONNECTED"
    assert_problem(caller.start(key="another"), 409, "call-active")
    aws.happen(second["ContactId"], "AgentDisconnected")
    assert caller.comes_to(contact_id, "ENDED")


def test_a_caller_hangs_up_on_a_transferred_call_and_can_call_again(aws: Aws, caller: Caller) -> None:
    """StopContact ends nothing that a transfer began: that ends when the caller's app leaves it."""
    contact_id = connected(aws, caller)
    second = aws.happen(contact_id, "Transferred")
    assert caller.hang_up(contact_id).status_code == 204
    assert caller.state(contact_id) == "ENDED"
    aws.happen(second["ContactId"], "CustomerDisconnected")
    assert_call(caller.start())


def test_a_short_drop_gets_the_connection_that_the_app_had(aws: Aws, caller: Caller) -> None:
    started = assert_call(caller.start())
    assert assert_call(caller.rejoin(started["ContactId"]), 200) == started


LOST_CUSTOMER = pytest.mark.parametrize(
    "lost_customer", ["ContactStays", pytest.param("ContactEnds", marks=pytest.mark.slow)]
)
"""What Connect makes of a contact whose only customer has been gone for a minute: it may do either."""


@LOST_CUSTOMER
@pytest.mark.parametrize("prepare", [queued, connected])
def test_after_a_long_drop_the_caller_is_back_or_calls_again_at_once(
    prepare: Callable[[Aws, Caller], str], lost_customer: str, aws: Aws, caller: Caller
) -> None:
    contact_id = prepare(aws, caller)
    with aws.behaving(LostCustomer=lost_customer):
        aws.happen(contact_id, "CustomerDropped")
    response = caller.rejoin(contact_id)
    if lost_customer == "ContactEnds":
        assert_problem(response, 409, "call-ended")
        assert caller.comes_to(contact_id, "ENDED")
        assert_call(caller.start())
    elif prepare is connected:
        assert assert_call(response, 200)["ContactId"] == contact_id
    else:
        # Nobody can be added before an agent is there: hang up, and call again.
        assert_problem(response, 409, "agent-not-connected")
        assert caller.hang_up(contact_id).status_code == 204
        assert_call(caller.start())


def test_a_caller_whose_call_was_lost_is_shown_as_coming_back_once(aws: Aws, caller: Caller) -> None:
    lost = queued(aws, caller)
    with aws.behaving(LostCustomer="ContactEnds"):
        aws.happen(lost, "CustomerDropped")
    assert_problem(caller.rejoin(lost), 409, "call-ended")

    again = aws.contact(str(assert_call(caller.start({"PreviousContactId": lost}))["ContactId"]))
    assert again["Parameters"]["RelatedContactId"] == lost
    # No contact brings it: the function's answer has it, and the flow sets it.
    assert "came_back" not in again["Parameters"]["Attributes"]
    assert (again["Attributes"]["auth_status"], again["Attributes"]["came_back"]) == ("verified", "true")

    assert caller.hang_up(again["ContactId"]).status_code == 204
    for previous in (again["ContactId"], lost):  # one that was hung up, and one that is continued already
        other = aws.contact(str(assert_call(caller.start({"PreviousContactId": previous}))["ContactId"]))
        assert "RelatedContactId" not in other["Parameters"]
        assert other["Attributes"]["came_back"] == "false"
        assert caller.hang_up(other["ContactId"]).status_code == 204


@LOST_CUSTOMER
def test_digits_of_a_caller_who_was_lost_say_what_to_do(lost_customer: str, aws: Aws, caller: Caller) -> None:
    contact_id = connected(aws, caller)
    assert caller.send_digits(contact_id, "1").status_code == 204
    with aws.behaving(LostCustomer=lost_customer):
        aws.happen(contact_id, "CustomerDropped")
    if lost_customer == "ContactEnds":
        assert caller.comes_to(contact_id, "ENDED")
        # Until it is certain that the end is no transfer, the call counts as one that the caller has left.
        assert eventually(lambda: "call-ended" in caller.send_digits(contact_id, "2").text, seconds=10)
    else:
        assert_problem(caller.send_digits(contact_id, "2"), 409, "not-connected")


def test_a_call_that_its_app_never_joins_ends_and_frees_the_caller(aws: Aws, caller: Caller) -> None:
    contact_id = str(assert_call(caller.start_alone())["ContactId"])
    assert aws.current(contact_id)["Way"] == []
    aws.pass_time(60)
    assert caller.comes_to(contact_id, "ENDED")
    assert_problem(caller.rejoin(contact_id), 409, "call-ended")
    assert_call(caller.start())


def test_a_long_drop_gets_another_place_in_the_same_call(aws: Aws, caller: Caller) -> None:
    contact_id = connected(aws, caller, DisplayName="Ada")
    first = assert_call(caller.rejoin(contact_id), 200)
    aws.happen(contact_id, "CustomerDropped")
    second = assert_call(caller.rejoin(contact_id), 200)
    assert second["ContactId"] == contact_id
    assert second["ParticipantId"] != first["ParticipantId"]
    assert second["ConnectionData"]["Attendee"] != first["ConnectionData"]["Attendee"]
    assert assert_call(caller.rejoin(contact_id), 200) == second
    customers = [each for each in aws.contact(contact_id)["Participants"] if each["Role"] == "CUSTOMER"]
    assert {each["Name"] for each in customers} == {"Ada"}


def test_nobody_comes_back_before_an_agent_has_taken_the_call(aws: Aws, caller: Caller) -> None:
    contact_id = queued(aws, caller)
    aws.happen(contact_id, "CustomerDropped")
    assert_problem(caller.rejoin(contact_id), 409, "agent-not-connected")


def test_nobody_comes_back_into_a_call_that_has_ended(aws: Aws, caller: Caller) -> None:
    contact_id = connected(aws, caller)
    caller.hang_up(contact_id)
    assert_problem(caller.rejoin(contact_id), 409, "call-ended")
    assert_problem(caller.send_digits(contact_id, "1"), 409, "call-ended")


def test_digits_reach_the_contact_with_one_connection_for_all(aws: Aws, caller: Caller) -> None:
    contact_id = connected(aws, caller)
    for digits in ("1", "23", "*#,"):
        response = caller.send_digits(contact_id, digits)
        assert (response.status_code, response.text) == (204, "")
    assert aws.contact(contact_id)["Digits"] == ["1", "23", "*#,"]


def test_digits_of_a_dropped_caller_say_to_rejoin_and_then_get_through(aws: Aws, caller: Caller) -> None:
    contact_id = connected(aws, caller)
    assert caller.send_digits(contact_id, "1").status_code == 204
    aws.happen(contact_id, "CustomerDropped")
    assert_problem(caller.send_digits(contact_id, "2"), 409, "not-connected")
    assert_call(caller.rejoin(contact_id), 200)
    assert caller.send_digits(contact_id, "3").status_code == 204
    assert aws.contact(contact_id)["Digits"] == ["1", "3"]


REQUESTS: dict[str, Callable[[Caller, str], requests.Response]] = {
    "GET": Caller.read,
    "DELETE": Caller.hang_up,
    "connection": Caller.rejoin,
    "digits": lambda caller, contact_id: caller.send_digits(contact_id, "1"),
}


@pytest.mark.parametrize("request_of", REQUESTS)
def test_somebody_elses_call_is_404_like_an_unknown_one(
    request_of: str, aws: Aws, caller: Caller, another_caller: Caller
) -> None:
    of_another = connected(aws, another_caller)
    unknown = str(uuid.uuid4())
    before = [call for call in aws.calls() if call["Service"] != "dynamodb"]

    answers = [REQUESTS[request_of](caller, contact_id) for contact_id in (of_another, unknown)]

    for answer in answers:
        assert_problem(answer, 404, "not-found")
    first, second = (answer.text.replace(answer.json()["requestId"], "") for answer in answers)
    assert first == second
    assert _headers(answers[0]) == _headers(answers[1])
    after = [call for call in aws.calls() if call["Service"] != "dynamodb"]
    assert [call for call in after if call not in before and "CallControl" in str(call["Role"])] == []
    assert not aws.is_over(of_another)


def _headers(response: requests.Response) -> dict[str, str]:
    """Without what names one request, its length included: ids have none that is fixed."""
    changing = {"date", "content-length", "x-amzn-requestid", "x-amz-apigw-id", "x-amz-request-id"}
    return {name.lower(): value for name, value in response.headers.items() if name.lower() not in changing}


@pytest.mark.parametrize("contact_id", ["x", "%00", "..", "a" * 256, "a" * 300, "ü", "' OR 1=1", "a b"])
def test_a_malformed_contact_id_is_404(contact_id: str, one_caller: Caller) -> None:
    response = one_caller.read(contact_id)
    assert response.status_code in {400, 404}, response.text
    assert response.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("digits", ["", "a", "1" * 21, "1 2", "+1", "\uff11", "1\n"], ids=repr)
def test_digits_outside_the_dial_pad_are_refused(digits: str, one_caller: Caller) -> None:
    assert_problem(one_caller.send_digits(str(uuid.uuid4()), digits), 400, "invalid-request")


# operation, error code, Connect's status → status and slug of our answer
ERRORS: list[tuple[str, str, str, int, int, str]] = [
    ("hang_up", "connect:StopContact", "ContactNotFoundException", 410, 204, ""),
    ("hang_up", "connect:StopContact", "ResourceNotFoundException", 404, 204, ""),
    ("hang_up", "connect:StopContact", "InvalidRequestException", 400, 409, "not-possible-now"),
    ("hang_up", "connect:StopContact", "InvalidParameterException", 400, 409, "not-possible-now"),
    ("hang_up", "connect:StopContact", "InternalServiceException", 500, 503, "unavailable"),
    ("hang_up", "connect:StopContact", "ThrottlingException", 429, 429, "capacity-reached"),
    ("rejoin", "connect:CreateParticipant", "InvalidRequestException", 400, 409, "not-possible-now"),
    ("rejoin", "connect:CreateParticipant", "ResourceNotFoundException", 404, 409, "call-ended"),
    ("rejoin", "connect:CreateParticipant", "ServiceQuotaExceededException", 402, 429, "capacity-reached"),
    ("rejoin", "connect:CreateParticipant", "ConflictException", 409, 409, "not-possible-now"),
    ("rejoin", "connect:CreateParticipant", "ThrottlingException", 429, 429, "capacity-reached"),
    ("rejoin", "connect:CreateParticipant", "InternalServiceException", 500, 503, "unavailable"),
    (
        "rejoin",
        "connectparticipant:CreateParticipantConnection",
        "InternalServerException",
        500,
        503,
        "unavailable",
    ),
    (
        "rejoin",
        "connectparticipant:CreateParticipantConnection",
        "ThrottlingException",
        429,
        429,
        "capacity-reached",
    ),
    (
        "rejoin",
        "connectparticipant:CreateParticipantConnection",
        "ValidationException",
        400,
        409,
        "not-possible-now",
    ),
    (
        "rejoin",
        "connectparticipant:CreateParticipantConnection",
        "AccessDeniedException",
        403,
        409,
        "not-possible-now",
    ),
    (
        "digits",
        "connectparticipant:CreateParticipantConnection",
        "AccessDeniedException",
        403,
        409,
        "not-connected",
    ),
    ("digits", "connectparticipant:SendMessage", "AccessDeniedException", 403, 409, "not-connected"),
    ("digits", "connectparticipant:SendMessage", "InternalServerException", 500, 503, "unavailable"),
    ("digits", "connectparticipant:SendMessage", "ThrottlingException", 429, 429, "capacity-reached"),
    ("digits", "connectparticipant:SendMessage", "ValidationException", 400, 409, "not-possible-now"),
]


@pytest.mark.slow  # one after another: tests of the domain hold the same without an app
@pytest.mark.parametrize(("request_of", "operation", "code", "aws_status", "status", "slug"), ERRORS)
def test_an_error_of_connect_becomes_the_answer_that_fits(
    request_of: str,
    operation: str,
    code: str,
    aws_status: int,
    status: int,
    slug: str,
    aws: Aws,
    caller: Caller,
) -> None:
    contact_id = connected(aws, caller)
    if request_of == "rejoin":
        aws.happen(contact_id, "CustomerDropped")
    send = {"hang_up": Caller.hang_up, "rejoin": Caller.rejoin, "digits": REQUESTS["digits"]}[request_of]
    service, _, name = operation.partition(":")
    with aws.fault(service, name, Error={"Code": code, "Status": aws_status}):
        response = send(caller, contact_id)
    if slug:
        assert_problem(response, status, slug)
        assert ("Retry-After" in response.headers) or status not in {429, 503}
    else:
        assert response.status_code == status
    # Nothing is stuck: the caller can hang up and call again.
    assert caller.hang_up(contact_id).status_code == 204
    assert_call(caller.start())


@pytest.mark.slow  # it takes both cores
def test_a_hundred_mixed_requests_of_one_caller_leave_no_second_contact(aws: Aws, caller: Caller) -> None:
    """Starts, hang-ups and rejoins at once, each on whatever call is named last."""
    named: list[str] = [str(uuid.uuid4())]
    most_active: list[int] = []

    def act(number: int) -> int:
        match number % 3:
            case 0:
                response = caller.start(key=f"tap-{number}")
                if response.status_code == 201:
                    named.append(response.json()["ContactId"])
            case 1:
                response = caller.hang_up(named[-1])
            case _:
                response = caller.rejoin(named[-1])
        if number % 10 == 0:
            most_active.append(len(aws.active_contacts_of(caller.user.user_id)))
        return response.status_code

    with ThreadPoolExecutor(20) as requests_at_once:
        statuses = Counter(requests_at_once.map(act, range(100)))

    assert max(most_active) <= 1, most_active
    # A machine that is too slow for so many at once answers 504, and nothing worse.
    assert not {status for status in statuses if status >= 500} - {504}, statuses
    assert statuses[201] >= 1
    for contact in aws.active_contacts_of(caller.user.user_id):
        assert caller.hang_up(contact["ContactId"]).status_code == 204
    assert aws.active_contacts_of(caller.user.user_id) == []


def test_the_state_follows_events_in_any_order_and_number(aws: Aws, caller: Caller) -> None:
    contact_id = str(assert_call(caller.start())["ContactId"])
    aws.contact(contact_id)
    instance_arn = aws.outputs["ConnectInstanceArn"]
    about = {
        "contactId": contact_id, "channel": "VOICE",
        "instanceArn": instance_arn, "initiationMethod": "WEBRTC_API",
        "initiationTimestamp": "2026-01-01T10:00:00.000Z",
        "queueInfo": {"queueArn": aws.queue("Verified"), "enqueueTimestamp": "2026-01-01T10:00:01.000Z"},
    }  # fmt: skip
    agent = {"agentInfo": {"connectedToAgentTimestamp": "2026-01-01T10:00:02.000Z"}}
    end = {"disconnectTimestamp": "2026-01-01T10:00:03.000Z"}
    events = {
        "QUEUED": about,
        "CONNECTED_TO_AGENT": {**about, **agent},
        "DISCONNECTED": {**about, **agent, **end},
        "COMPLETED": {**about, **agent, **end},
    }
    for name in (
        "COMPLETED",
        "CONNECTED_TO_AGENT",
        "DISCONNECTED",
        "QUEUED",
        "COMPLETED",
        "CONNECTED_TO_AGENT",
    ):
        aws.publish_event({"eventType": name, **events[name]})
    assert caller.comes_to(contact_id, "ENDED")
    assert eventually(lambda: caller.read(contact_id).json().get("ConnectedAt") == "2026-01-01T10:00:02.000Z")
    assert caller.read(contact_id).json()["EndedAt"] == "2026-01-01T10:00:03.000Z"


def test_what_callers_do_and_how_calls_go_is_counted(aws: Aws, caller: Caller) -> None:
    contact_id = connected(aws, caller)
    aws.happen(contact_id, "AgentDisconnected")
    abandoned = _queued_by_somebody_else(aws, caller, contact_id)
    caller.hang_up(abandoned)

    cloudwatch = aws.client("cloudwatch")

    def counted() -> bool:
        names = {
            metric["MetricName"]
            for page in cloudwatch.get_paginator("list_metrics").paginate(Namespace="InAppCalling")
            for metric in page["Metrics"]
        }
        return names >= {"TimeToAnswer", "CallDuration", "CallAbandonedInQueue", "CallEnded", "CallHungUp"}

    assert eventually(counted)


def _queued_by_somebody_else(aws: Aws, caller: Caller, ended: str) -> str:
    assert caller.comes_to(ended, "ENDED")
    contact_id = str(assert_call(caller.start_after_an_end())["ContactId"])
    assert caller.comes_to(contact_id, "QUEUED")
    return contact_id
