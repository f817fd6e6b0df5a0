"""Tokens, credentials, claims and names of callers end in no log, metric, trace, error or access log."""

import json
import secrets
from collections.abc import Callable
from typing import Any

from local.clients.observer import eventually
from tests.e2e.answers import assert_call
from tests.e2e.aws import Aws, Caller


def everything_written(aws: Aws) -> str:
    """All that an operator can read of what the app and its gateway wrote."""
    logs, cloudwatch = aws.client("logs"), aws.client("cloudwatch")
    groups = [
        group["logGroupName"]
        for page in logs.get_paginator("describe_log_groups").paginate()
        for group in page["logGroups"]
    ]
    events = [
        event["message"]
        for group in groups
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        for event in page["events"]
    ]
    metrics = [
        json.dumps(metric)
        for page in cloudwatch.get_paginator("list_metrics").paginate()
        for metric in page["Metrics"]
    ]
    return "\n".join([*groups, *events, *metrics, *map(json.dumps, aws.calls())])


def word(what: str) -> str:
    """A word that stands nowhere else."""
    return f"{what}{secrets.token_hex(8)}"


def strings(value: Any) -> list[str]:
    """Every text in a JSON value."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [text for item in value for text in strings(item)] if isinstance(value, list) else []


def credentials(call: dict[str, Any]) -> list[str]:
    """What of an answer speaks for the caller."""
    attendee = call["ConnectionData"]["Attendee"]
    return [call["ParticipantToken"], attendee["JoinToken"], attendee["AttendeeId"]]


def test_nothing_that_identifies_or_authorises_a_caller_is_written_anywhere(
    aws: Aws, new_caller: Callable[..., Caller]
) -> None:
    claims = {"name": word("Name"), "email": f"{word('mail')}@example.com"}
    said = {"DisplayName": word("Display"), "Attributes": {"order_id": word("Order"), "page": word("Page")}}
    wrong = {"DisplayName": word("Wrong"), "Topic": word("Topic"), "Attributes": {word("key"): word("value")}}
    key = word("Key")
    caller = new_caller(**claims)
    token = caller.user.token
    forbidden = [*claims.values(), *strings(said), *strings(wrong), key, *token.split(".")[1:]]
    answers = []

    # A call, its replay, each kind of refusal, each kind of failure.
    answers.append(caller.start(wrong))
    answers.append(
        caller.send({"Authorization": token, "Content-Type": "text/plain"}, word("Plain").encode())
    )
    answers.append(caller.send({"Authorization": token[:-8]}, b"{}"))
    for error in ("InternalServiceException", "InvalidRequestException", "LimitExceededException"):
        with aws.fault("connect", "StartWebRTCContact", Error={"Code": error, "Status": 400}):
            answers.append(caller.start(said, key=key))
    with aws.fault("connect", "StartWebRTCContact", Malformed=True):
        answers.append(caller.start(said, key=key))
    call = assert_call(caller.start(said, key=key))
    assert_call(caller.start(said, key=key), 200)
    answers.append(caller.start(wrong, key=key))
    answers.append(caller.start({"DisplayName": word("Again")}, key=key))
    reference = aws.contact(call["ContactId"])["Parameters"]["Attributes"]["auth_token"]
    forbidden += [*credentials(call), reference]

    # The rest of the call's life: state, digits, a drop, another place, failures, the end.
    contact_id, digits = call["ContactId"], "4711#0815*"
    assert caller.comes_to(contact_id, "QUEUED")
    aws.happen(contact_id, "AgentConnected")
    assert caller.send_digits(contact_id, digits).status_code == 204
    answers.append(caller.send_digits(contact_id, "no digits"))
    aws.happen(contact_id, "CustomerDropped")
    answers.append(caller.send_digits(contact_id, digits))
    with aws.fault("connect", "CreateParticipant", Error={"Code": "InvalidRequestException", "Status": 400}):
        answers.append(caller.rejoin(contact_id))
    forbidden += credentials(assert_call(caller.rejoin(contact_id), 200))
    forbidden.append(digits)
    answers.append(new_caller().read(contact_id))
    with aws.fault("connect", "StopContact", Error={"Code": "InvalidRequestException", "Status": 400}):
        answers.append(caller.hang_up(contact_id))
    assert caller.hang_up(contact_id).status_code == 204
    assert eventually(lambda: "Event handled" in str(aws.log_messages("ContactEventsFunction")))

    written = everything_written(aws)
    assert call["ContactId"] in written, "The search would not find what is there"
    assert [secret for secret in forbidden if secret in written] == []
    for answer in answers:
        assert [secret for secret in forbidden if secret in answer.text] == [], answer.text
