"""Which way a contact takes is decided by what the backend has stored, not by what the contact says."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from local.clients.observer import eventually
from tests.e2e.answers import assert_call, assert_problem
from tests.e2e.aws import Aws, Caller


def _start_directly(aws: Aws, attributes: dict[str, str]) -> dict[str, Any]:
    """What somebody with access to Amazon Connect, but not through the backend, can start."""
    instance_id = aws.outputs["ConnectInstanceArn"].rpartition("/")[2]
    answer = aws.client("connect").start_web_rtc_contact(
        InstanceId=instance_id,
        ContactFlowId=aws.outputs["ContactFlowArn"].rpartition("/")[2],
        ParticipantDetails={"DisplayName": "Eve"},
        Attributes=attributes,
    )
    aws.join(answer["ContactId"])
    return aws.contact(answer["ContactId"])


def test_a_call_through_the_backend_reaches_the_verified_queue_with_its_context(
    aws: Aws, caller: Caller
) -> None:
    body = {"DisplayName": "Ada", "Attributes": {"order_id": "A-1042"}, "Capabilities": {"Video": True}}
    contact = aws.contact(assert_call(caller.start(body))["ContactId"])

    assert contact["State"] == "queued"
    assert contact["Queue"]["Arn"] == aws.queue("Verified")
    attributes = contact["Attributes"]
    assert attributes["auth_status"] == "verified"
    assert attributes["customer_id"] == caller.user.user_id
    assert attributes["auth_time"] == str(caller.user.claims["auth_time"])
    assert attributes["customer_email"] == caller.user.email
    assert attributes["order_id"] == "A-1042"
    assert attributes["display_name"] == "Ada"
    assert attributes["topic"] == "none"
    started = contact["Parameters"]
    assert "auth_status" not in started["Attributes"], "born unverified"
    assert started["ParticipantDetails"] == {"DisplayName": "Ada"}
    assert started["AllowedCapabilities"]["Customer"] == {"Video": "SEND"}
    assert caller.user.token not in str(contact)


def test_the_agent_sees_the_tokens_name_and_else_whose_word_it_is(
    aws: Aws, caller: Caller, new_caller: Callable[..., Caller]
) -> None:
    named = new_caller(name="Grace Hopper")
    for somebody, body, shown, source in (
        (named, {"DisplayName": "Ada Lovelace (verified)"}, "Grace Hopper", "token"),
        (caller, {"DisplayName": "Ada Lovelace (verified)"}, "Ada Lovelace (verified)", "caller"),
    ):
        contact = aws.contact(assert_call(somebody.start(body))["ContactId"])
        assert contact["Parameters"]["ParticipantDetails"] == {"DisplayName": shown}
        assert contact["Attributes"]["name_source"] == source


def test_a_call_about_a_topic_runs_the_flow_of_the_topic(aws: Aws, caller: Caller) -> None:
    contact = aws.contact(assert_call(caller.start({"Topic": "billing"}))["ContactId"])
    assert contact["Parameters"]["ContactFlowId"] not in aws.outputs["ContactFlowArn"]
    assert contact["Attributes"]["auth_status"] == "verified"
    assert contact["Attributes"]["topic"] == "billing"
    assert contact["State"] == "queued"
    assert contact["Heard"][0] == "You have reached billing."


def _whispered(aws: Aws, contact_id: str) -> dict[str, Any]:
    """The contact once an agent has taken it."""
    return aws.happen(contact_id, "AgentConnected")


def test_an_agent_hears_and_sees_who_is_verified(aws: Aws, caller: Caller) -> None:
    contact_id = assert_call(caller.start({"Topic": "billing", "DisplayName": "Ada"}))["ContactId"]
    aws.contact(contact_id)
    contact = _whispered(aws, contact_id)
    assert contact["AgentHeard"] == ["Verified.", "billing"]
    assert contact["Data"]["CustomerId"] == caller.user.user_id
    assert contact["Data"]["Description"].startswith("Verified: signed in to the app.")
    for view in contact["Views"]:  # where the environment has the guide
        assert view["Data"]["Heading"] == "Verified caller"
        shown = {entry["Label"]: entry["Value"] for entry in view["Data"]["AttributeBar"]}
        assert shown["Customer id"] == caller.user.user_id
        assert shown["customer_email"] == caller.user.email


def test_an_agent_hears_and_sees_who_is_not_verified(aws: Aws) -> None:
    started = _start_directly(aws, {"auth_status": "verified", "display_name": "Ada", "came_back": "true"})
    contact = _whispered(aws, started["ContactId"])
    assert contact["AgentHeard"] == ["Not verified."]
    assert contact["Data"]["Name"] == "Unverified caller"
    assert contact["Data"]["CustomerId"] == "unknown"
    assert {view["Data"]["Heading"] for view in contact["Views"]} <= {"Not verified"}
    assert "Ada" not in str([contact["Data"], contact["Views"], contact["AgentHeard"]])


def test_callers_outside_the_hours_are_told_so(aws: Aws, caller: Caller) -> None:
    hours = aws.physical_id("AWS::Connect::HoursOfOperation")
    with aws.contact_center(Hours={hours: "Closed"}):
        contact = aws.contact(assert_call(caller.start())["ContactId"])
    assert contact["State"] == "ended"
    closed, opening = contact["Heard"][-2:]
    assert closed.startswith("We are closed")
    assert opening.startswith("We open ")


def test_hours_that_fail_keep_nobody_out(aws: Aws, caller: Caller) -> None:
    with aws.contact_center(Failures={"is-the-queue-open": "NoMatchingError"}):
        contact = aws.contact(assert_call(caller.start())["ContactId"])
    assert contact["Queue"]["Arn"] == aws.queue("Verified")


def test_a_full_queue_keeps_the_proof(aws: Aws, caller: Caller) -> None:
    queue = aws.queue("VerifiedQueue")
    with aws.contact_center(Queues={queue: {"MaxContacts": 0}}):
        contact = aws.contact(assert_call(caller.start())["ContactId"])
    assert contact["Queue"]["Arn"] == aws.queue("Overflow")
    assert contact["Attributes"]["auth_status"] == "verified"
    assert _whispered(aws, contact["ContactId"])["AgentHeard"] == ["Verified."]


def test_a_caller_who_waits_too_long_comes_to_the_overflow_queue_with_the_proof(
    aws: Aws, caller: Caller
) -> None:
    contact_id = assert_call(caller.start())["ContactId"]
    assert aws.contact(contact_id)["Queue"]["Arn"] == aws.queue("VerifiedQueue")
    assert eventually(lambda: "Thank you" in str(aws.contact(contact_id)["Heard"]))

    def moved() -> dict[str, Any] | None:
        aws.pass_time(121)  # once more where the wait had not begun
        return next((each for each in aws.contacts() if each["PreviousContactId"] == contact_id), None)

    contact = eventually(moved)
    assert contact is not None
    assert contact["Queue"]["Arn"] == aws.queue("Overflow")
    assert _whispered(aws, contact["ContactId"])["AgentHeard"] == ["Verified."]
    aws.happen(contact["ContactId"], "CustomerDisconnected")


MAX_ATTRIBUTES_BYTES = 32_768  # StartWebRTCContact and UpdateContactAttributes


def _with_unverified_address(aws: Aws, caller: Caller) -> Caller:
    """The same user, whose token has no address that a contact could be given."""
    if "UserPoolId" not in aws.outputs:
        user = caller.phone.sign_in(caller.user.email, caller.password, email_verified=False)
        return replace(caller, user=user)
    aws.client("cognito-idp").admin_update_user_attributes(
        UserPoolId=aws.outputs["UserPoolId"],
        Username=caller.user.email,
        UserAttributes=[{"Name": "email_verified", "Value": "false"}],
    )
    return replace(caller, user=caller.phone.sign_in(caller.user.email, caller.password))


@pytest.mark.parametrize("body", [{}, {"Topic": "billing"}], ids=["inbound", "billing"])
@pytest.mark.parametrize(
    "has_address",
    [pytest.param(True, id="address"), pytest.param(False, id="no address", marks=pytest.mark.slow)],
)
def test_the_largest_attributes_that_a_start_takes_reach_the_verified_queue(
    has_address: bool, body: dict[str, str], aws: Aws, caller: Caller
) -> None:
    """Whatever the flow sets later has its room: with a claim that is mapped, and without."""
    if not has_address:
        caller = _with_unverified_address(aws, caller)
    small = aws.contact(assert_call(caller.start(body))["ContactId"])
    assert caller.hang_up(small["ContactId"]).status_code == 204
    assert bool(small["Attributes"]["customer_email"]) == has_address

    # Refused requests start nothing, so one byte less each time finds the largest.
    length = MAX_ATTRIBUTES_BYTES - _bytes(small["Attributes"]) - len("order_id") + 1
    refused = 0
    while (response := caller.start({**body, "Attributes": {"order_id": "x" * length}})).status_code == 400:
        assert_problem(response, 400, "invalid-request")
        length, refused = length - 1, refused + 1

    contact = aws.contact(assert_call(response)["ContactId"])
    assert contact["Queue"]["Arn"] == aws.queue("Verified")
    assert contact["Attributes"]["auth_status"] == "verified"
    # One byte too many, and what the flow would set of a caller whom it could not prove.
    assert 1 <= refused <= 1 + len("unverified" + 4 * "unknown")
    assert _bytes(contact["Attributes"]) == MAX_ATTRIBUTES_BYTES - refused + 1


def _bytes(attributes: Mapping[str, str]) -> int:
    return sum(len(name.encode()) + len(value.encode()) for name, value in attributes.items())


FORGED_ATTRIBUTES: dict[str, dict[str, str]] = {
    "no attributes": {},
    "a verdict of their own": {"auth_status": "verified"},
    "everything but the reference": {"auth_status": "verified", "auth_time": "1700000000"},
    "an invented reference": {"auth_status": "verified", "auth_token": "i" * 43},
    "an empty reference": {"auth_status": "verified", "auth_token": ""},
    "a reference over any length": {"auth_status": "verified", "auth_token": "x" * 10_000},
}


@pytest.mark.parametrize("forgery", FORGED_ATTRIBUTES)
def test_a_contact_with_forged_attributes_goes_the_unverified_way(
    forgery: str, aws: Aws, caller: Caller
) -> None:
    """The user that the forger names has a call of their own, and so a record to be mistaken for."""
    assert_call(caller.start())
    contact = _start_directly(aws, {"customer_id": caller.user.user_id, **FORGED_ATTRIBUTES[forgery]})

    assert contact["State"] == "queued"
    assert contact["Queue"]["Arn"] == aws.queue("Unverified")
    assert contact["Attributes"]["auth_status"] == "unverified"
    assert contact["Attributes"]["customer_id"] == "unknown"


def test_a_reference_that_was_overheard_proves_nothing_for_another_contact(aws: Aws, caller: Caller) -> None:
    genuine = aws.contact(assert_call(caller.start())["ContactId"])
    overheard = genuine["Parameters"]["Attributes"]
    assert overheard["auth_token"]

    contact = _start_directly(aws, overheard)

    assert contact["Queue"]["Arn"] == aws.queue("Unverified")
    assert contact["Attributes"]["auth_status"] == "unverified"
    assert aws.contact(genuine["ContactId"])["Queue"]["Arn"] == aws.queue("Verified")


def test_a_reference_of_a_call_that_failed_reaches_no_agent(aws: Aws, caller: Caller) -> None:
    """Connect started it, the app received an error: nobody holds the credentials to join it."""
    with aws.fault("connect", "StartWebRTCContact", Malformed=True):
        assert_problem(caller.start(), 502, "answer-incomplete")
    assert eventually(lambda: not aws.active_contacts_of(caller.user.user_id))


def test_who_calls_a_closed_queue_hears_when_it_opens(aws: Aws, caller: Caller) -> None:
    """The emulator closes the day that is called on, and the next one begins at midnight."""
    with aws.contact_center(Hours={aws.physical_id("AWS::Connect::HoursOfOperation"): "Closed"}):
        contact = aws.contact(assert_call(caller.start())["ContactId"])
    assert contact["State"] == "ended"
    assert contact["Heard"][-1] == "We open tomorrow at 12:00 AM."


@pytest.mark.slow  # it waits for the time-out
def test_a_closed_queue_whose_hours_cannot_be_read_is_closed_all_the_same(aws: Aws, caller: Caller) -> None:
    with (
        aws.nothing_read(),
        aws.fault("connect", "GetEffectiveHoursOfOperations", DelaySeconds=9),
        aws.contact_center(Hours={aws.physical_id("AWS::Connect::HoursOfOperation"): "Closed"}),
    ):
        contact = aws.contact(assert_call(caller.start())["ContactId"])
    assert contact["State"] == "ended"
    assert contact["Heard"][-1].startswith("We are closed")


def test_a_caller_whose_verification_fails_still_reaches_an_agent(aws: Aws, caller: Caller) -> None:
    """The flow's Lambda cannot read its table: unverified, never dropped."""
    with aws.without_grant("CallerContext", "dynamodb:UpdateItem"):
        contact = aws.contact(assert_call(caller.start())["ContactId"])
    assert contact["Queue"]["Arn"] == aws.queue("Unverified")
    assert contact["Attributes"]["auth_status"] == "unverified"


def test_a_queued_call_can_be_answered_and_ended(aws: Aws, caller: Caller) -> None:
    contact_id = assert_call(caller.start())["ContactId"]
    assert aws.contact(contact_id)["State"] == "queued"
    aws.happen(contact_id, "AgentConnected")
    assert aws.contact(contact_id)["State"] == "connected"
    aws.happen(contact_id, "AgentDisconnected")
    assert aws.contact(contact_id)["State"] == "ended"
