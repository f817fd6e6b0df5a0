"""However a part of the bridge fails, the app gets the answer that fits, and nothing stays up."""

import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from local.clients.observer import eventually
from tests.e2e.answers import assert_call, assert_problem
from tests.e2e.aws import Caller
from tests.e2e.calls import connected, queued
from tests.e2e.sip_bridge.bridge_aws import BridgeAws
from tests.e2e.sip_bridge.calls import assert_over

pytestmark = pytest.mark.slow

START_LEASE_SECONDS = 30  # config/local-bridge.toml

# operation, code and HTTP status of Chime's error → status and slug of our answer
ERRORS = [
    ("chime-sdk-meetings", "CreateMeetingWithAttendees", code, status, answer, slug)
    for code, status, answer, slug in [
        ("ThrottlingException", 429, 429, "capacity-reached"),
        ("LimitExceededException", 400, 429, "capacity-reached"),
        ("ServiceUnavailableException", 503, 503, "unavailable"),
        ("ServiceFailureException", 500, 503, "unavailable"),
        ("ForbiddenException", 403, 500, "internal-error"),
        ("UnauthorizedException", 401, 500, "internal-error"),
        ("BadRequestException", 400, 500, "internal-error"),
    ]
] + [
    ("chime-sdk-voice", "CreateSipMediaApplicationCall", code, status, answer, slug)
    for code, status, answer, slug in [
        ("ThrottledClientException", 429, 429, "capacity-reached"),
        ("ResourceLimitExceededException", 400, 429, "capacity-reached"),
        ("ServiceUnavailableException", 503, 503, "unavailable"),
        ("ServiceFailureException", 500, 503, "unavailable"),
        ("AccessDeniedException", 403, 500, "internal-error"),
        ("ForbiddenException", 403, 500, "internal-error"),
        ("UnauthorizedClientException", 401, 500, "internal-error"),
        ("BadRequestException", 400, 500, "internal-error"),
    ]
]


@dataclass(frozen=True)
class KilledStart:
    """A start whose function was killed while it dialled: the dial arrived all the same."""

    caller: Caller
    meeting_id: str
    at: float


@pytest.fixture(scope="module", autouse=True)
def killed_start(aws: BridgeAws, new_caller: Callable[..., Caller]) -> KilledStart | None:
    """Made before all other tests here, since its lease takes a while to run out."""
    if not sys.platform.startswith("linux"):
        return None  # there is no /proc to look for the function in
    caller = new_caller()
    known = {each["MeetingId"] for each in aws.meetings()}
    with (
        ThreadPoolExecutor(1) as tap,
        aws.fault("chime-sdk-voice", "CreateSipMediaApplicationCall", times=1, DelaySeconds=2),
    ):
        killed = tap.submit(caller.start, key="tap")
        assert eventually(lambda: len(aws.meetings()) > len(known))
        time.sleep(0.5)  # the meeting is on record, and the dial is under way
        _kill_functions(aws, "StartCall")
        assert killed.result().status_code >= 429
    [meeting_id] = {each["MeetingId"] for each in aws.meetings()} - known
    assert eventually(lambda: aws.sip_calls_of(meeting_id)), "The dial of the killed start arrives"
    # Until the lease has run out, nobody can know that the start is dead.
    assert_problem(caller.start(key="tap"), 409, "request-in-progress")
    return KilledStart(caller, meeting_id, time.monotonic())


def _kill_functions(aws: BridgeAws, containing: str) -> None:
    """Kills every process that a function runs in."""
    name = aws.physical_id("AWS::Lambda::Function", containing)
    killed = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment = (process / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if f"AWS_LAMBDA_FUNCTION_NAME={name}".encode() in environment:
            os.kill(int(process.name), signal.SIGKILL)
            killed += 1
    assert killed


@pytest.fixture
def before(aws: BridgeAws) -> Iterator[set[str]]:
    """The meetings so far; afterwards each new one must be over."""
    known = {each["MeetingId"] for each in aws.meetings()}
    yield known
    new = {each["MeetingId"] for each in aws.meetings()} - known
    assert eventually(lambda: all(aws.is_over(meeting_id) for meeting_id in new))


def _meetings_nobody_calls(aws: BridgeAws) -> list[str]:
    """The living meetings without a phone call."""
    living = [each["MeetingId"] for each in aws.meetings() if each["State"] != "ended"]
    return [meeting_id for meeting_id in living if not aws.sip_calls_of(meeting_id)]


def _end_meetings_without_an_owner(aws: BridgeAws) -> None:
    """What a call leaves behind whose meeting's id never reached it."""
    for meeting_id in _meetings_nobody_calls(aws):
        _five_minutes_pass(aws, meeting_id)


def _five_minutes_pass(aws: BridgeAws, meeting_id: str) -> None:
    """After which Chime itself ends a meeting that nobody is in, if nothing else has."""
    with suppress(RuntimeError):  # it has ended
        aws.happen_in_meeting(meeting_id, "TimedOut")


@pytest.mark.usefixtures("before")
@pytest.mark.parametrize(("service", "operation", "code", "chime_status", "status", "slug"), ERRORS)
def test_an_error_of_chime_becomes_the_answer_that_fits_and_leaves_no_meeting(
    service: str,
    operation: str,
    code: str,
    chime_status: int,
    status: int,
    slug: str,
    aws: BridgeAws,
    caller: Caller,
) -> None:
    dialled = len(aws.sip_calls())
    with aws.fault(service, operation, Error={"Code": code, "Status": chime_status}):
        response = caller.start(key="tap")
    assert_problem(response, status, slug)
    assert ("Retry-After" in response.headers) == (status in {429, 503})
    assert len(aws.sip_calls()) == dialled
    assert all(each["State"] == "ended" for each in aws.meetings() if not aws.sip_calls_of(each["MeetingId"]))
    call = assert_call(caller.start(key="afterwards"))
    assert caller.hang_up(call["ContactId"]).status_code == 204


@pytest.mark.usefixtures("before")
@pytest.mark.parametrize(
    ("service", "operation"),
    [
        ("chime-sdk-meetings", "CreateMeetingWithAttendees"),
        ("chime-sdk-voice", "CreateSipMediaApplicationCall"),
    ],
)
def test_an_answer_of_chime_that_lacks_a_part_ends_what_was_begun(
    service: str, operation: str, aws: BridgeAws, caller: Caller
) -> None:
    with aws.fault(service, operation, Malformed=True):
        assert_problem(caller.start(key="tap"), 502, "answer-incomplete")
    _end_meetings_without_an_owner(aws)


def test_two_hundred_simultaneous_requests_with_one_key_make_one_meeting_and_one_phone_call(
    aws: BridgeAws, caller: Caller
) -> None:
    meetings, sip_calls = len(aws.meetings()), len(aws.sip_calls())
    responses, timed_out = caller.tap_two_hundred_times()

    answers = Counter(response.status_code for response in responses)
    # On a machine too slow for so many, the one that started the call may have been told 504 before.
    assert answers == {201: 1, 200: 199} or (answers == {200: 200} and timed_out)
    assert len({response.text for response in responses}) == 1
    call_id = responses[0].json()["ContactId"]
    assert len(aws.sip_calls_of(call_id)) == 1
    aws.contact_of(call_id)
    # A start that was answered with a time-out may have made a meeting, and dialled; nothing of it stays.
    made = {each["MeetingId"] for each in aws.meetings()[meetings:]}
    assert len(aws.sip_calls()) - sip_calls <= len(made) <= 1 + timed_out
    _end_meetings_without_an_owner(aws)
    for left in made - {call_id}:
        assert_over(aws, left)
    assert caller.hang_up(call_id).status_code == 204
    assert_over(aws, call_id)


def test_a_phone_call_whose_dial_was_not_answered_in_time_finds_no_meeting_and_its_repeat_is_another(
    aws: BridgeAws, caller: Caller
) -> None:
    meetings, sip_calls = len(aws.meetings()), len(aws.sip_calls())
    with aws.fault("chime-sdk-voice", "CreateSipMediaApplicationCall", times=1, DelaySeconds=6):
        assert_problem(caller.start(key="tap"), 504, "timeout")
        call_id = assert_call(caller.start(key="tap"))["ContactId"]
    [timed_out] = {each["MeetingId"] for each in aws.meetings()[meetings:]} - {call_id}
    assert eventually(lambda: len(aws.sip_calls()) - sip_calls == 2), "The dial that was late arrives"
    assert_over(aws, timed_out)
    [late] = aws.sip_calls_of(timed_out)
    assert [leg["ParticipantTag"] for leg in late["Legs"]] == ["LEG-A"], "Amazon Connect was not called"
    aws.contact_of(call_id)
    assert caller.hang_up(call_id).status_code == 204
    assert_over(aws, call_id)


def test_a_far_end_that_does_not_answer_ends_the_call_and_frees_the_caller(
    aws: BridgeAws, caller: Caller
) -> None:
    voice = aws.client("chime-sdk-voice")
    connector = aws.physical_id("AWS::Chime::VoiceConnector").rpartition("/")[2]
    origination = voice.get_voice_connector_origination(VoiceConnectorId=connector)["Origination"]
    voice.put_voice_connector_origination(
        VoiceConnectorId=connector, Origination={**origination, "Disabled": True}
    )
    try:
        call_id = assert_call(caller.start())["ContactId"]
        assert caller.comes_to(call_id, "ENDED")
        assert_over(aws, call_id)
    finally:
        voice.put_voice_connector_origination(VoiceConnectorId=connector, Origination=origination)
    queued(aws, caller)


def test_legs_end_even_if_the_meeting_cannot_be_deleted(aws: BridgeAws, caller: Caller) -> None:
    call_id = connected(aws, caller)
    with aws.fault(
        "chime-sdk-meetings", "DeleteMeeting", Error={"Code": "ServiceFailureException", "Status": 500}
    ):
        aws.happen(aws.contact_of(call_id)["ContactId"], "AgentDisconnected")
        assert eventually(
            lambda: all(leg["Status"] == "Disconnected" for leg in aws.sip_calls_of(call_id)[0]["Legs"])
        )
    assert caller.comes_to(call_id, "ENDED")
    _five_minutes_pass(aws, call_id)
    assert_over(aws, call_id)


def test_a_hang_up_that_fails_is_an_error_and_can_be_repeated(aws: BridgeAws, caller: Caller) -> None:
    call_id = connected(aws, caller)
    with aws.fault(
        "chime-sdk-meetings", "DeleteMeeting", Error={"Code": "ServiceFailureException", "Status": 500}
    ):
        assert_problem(caller.hang_up(call_id), 503, "unavailable")
    assert caller.hang_up(call_id).status_code == 204
    assert_over(aws, call_id)


@pytest.mark.parametrize(
    "action",
    ["chime:CreateMeetingWithAttendees", "chime:CreateSipMediaApplicationCall"],
)
def test_without_its_grant_a_call_is_refused_and_no_meeting_stays(
    action: str, aws: BridgeAws, caller: Caller
) -> None:
    # A start that was killed may have left one, until its lease has run out.
    dialled, left = len(aws.sip_calls()), _meetings_nobody_calls(aws)
    with aws.without_grant("StartCall", action):
        assert_problem(caller.start(key="tap"), 500, "internal-error")
    assert len(aws.sip_calls()) == dialled
    assert _meetings_nobody_calls(aws) == left
    call = assert_call(caller.start(key="afterwards"))
    assert caller.hang_up(call["ContactId"]).status_code == 204


def test_a_start_that_was_killed_while_it_dialled_leaves_nothing_and_its_repeat_is_another_call(
    aws: BridgeAws, killed_start: KilledStart | None
) -> None:
    if killed_start is None:
        pytest.skip("The function can be killed on Linux only.")
    time.sleep(max(0.0, killed_start.at + START_LEASE_SECONDS - time.monotonic()))
    call = assert_call(killed_start.caller.start(key="tap"))
    assert call["ContactId"] != killed_start.meeting_id
    assert_over(aws, killed_start.meeting_id)
    aws.contact_of(call["ContactId"])
    assert killed_start.caller.hang_up(call["ContactId"]).status_code == 204
