import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import botocore.exceptions
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sip_bridge.sip_arguments import dial_arguments, digits_arguments, hang_up_arguments
from tests.examples import examples
from tests.lambdas.events import LambdaContext
from tests.lambdas.sip_bridge.fake_sip_media_application import (
    CALLER_NUMBER,
    VOICE_CONNECTOR_ARN,
    FakeMeetings,
    FakeSipMediaApplication,
    Quirks,
    conforms,
)

# After the fake has set the environment that the handler reads.
from sip_bridge.media_application import handler as sip_media_handler  # isort: skip

MEETING_ID = "0f000000-0000-4000-8000-00000000000a"
CODE = "120456789012"
NUMBER = "+12065550100"
HEADERS = {"x-order-id": "SECRET-HEADER"}
ARGUMENTS = dial_arguments(MEETING_ID, CODE, NUMBER, HEADERS)
ATTRIBUTES = ARGUMENTS | {"DigitsKey": "code"}
LEG_A = {"CallId": "call-a", "ParticipantTag": "LEG-A", "Status": "Connected"}
LEG_B = {"CallId": "call-b", "ParticipantTag": "LEG-B", "Status": "Connected"}
KEYS = ["0a" * 32, "0b" * 32]
SECRETS = ("SECRET", CODE, "47*11")


def invoke(event: Any) -> dict[str, Any]:
    answer: dict[str, Any] = sip_media_handler.handler(event, LambdaContext())
    return answer


def event(
    event_type: str, action: dict[str, Any] | None = None, *legs: dict[str, Any], **details: Any
) -> dict[str, Any]:
    return {
        "SchemaVersion": "1.0",
        "Sequence": 3,
        "InvocationEventType": event_type,
        "ActionData": action or {},
        "CallDetails": {
            "TransactionId": "72cbec69-f098-45d8-9ad6-e26cb9af663a",
            "SipMediaApplicationId": "feb3b25c-0bc2-4c9b-ae02-ba29bd3b4e4c",
            "TransactionAttributes": ATTRIBUTES,
            "Participants": list(legs),
        }
        | details,
    }


def update(arguments: dict[str, Any], *legs: dict[str, Any], **details: Any) -> dict[str, Any]:
    action = {"Type": "CallUpdateRequest", "Parameters": {"Arguments": arguments}}
    return event("CALL_UPDATE_REQUESTED", action, *legs, **details)


def hangup(call_id: str, code: str = "0") -> dict[str, Any]:
    return {"Type": "Hangup", "Parameters": {"SipResponseCode": code, "CallId": call_id}}


def metrics(text: str) -> set[str]:
    found: set[str] = set()
    for line in text.splitlines():
        if '"_aws"' in line:
            definitions = json.loads(line)["_aws"]["CloudWatchMetrics"]
            found |= {metric["Name"] for each in definitions for metric in each["Metrics"]}
    return found - {"SipMediaEventsAnswered"}


@pytest.fixture
def meetings() -> Iterator[FakeMeetings]:
    client = sip_media_handler._meetings._client
    fake = FakeMeetings({MEETING_ID})
    fake.attach(client)
    yield fake
    fake.detach(client)


def test_a_call_is_bridged_to_connect_and_sends_the_code_first(
    meetings: FakeMeetings, written: Callable[[], str]
) -> None:
    call = FakeSipMediaApplication(invoke, ARGUMENTS, meetings, Quirks(), lambda _, answer: conforms(answer))
    call.happen("meeting_answers")
    assert call.running == {
        "Type": "CallAndBridge",
        "Parameters": {
            "CallTimeoutSeconds": 30,
            "CallerIdNumber": CALLER_NUMBER,
            "Endpoints": [{"BridgeEndpointType": "AWS", "Arn": VOICE_CONNECTOR_ARN, "Uri": NUMBER}],
            "SipHeaders": HEADERS,
        },
    }
    call.happen("run")
    call.update(digits_arguments("1", KEYS[0]))  # while it rings: ignored
    call.happen("connect_answers")
    call.happen("run")
    assert call.heard == [f",{CODE}"]
    for key in (KEYS[0], KEYS[0], KEYS[1]):
        call.update(digits_arguments("47*11#", key))
        call.settle()
    assert call.heard == [f",{CODE}", "47*11#", "47*11#"]
    assert not call.has_ended
    assert call.up == ["LEG-A", "LEG-B"]
    assert meetings.going_on == {MEETING_ID}
    call.update(hang_up_arguments())
    call.settle()
    assert call.up == []
    assert meetings.deleted == [MEETING_ID]
    text = written()
    assert metrics(text) == {"CallBridged"}
    assert "72cbec69-f098-45d8-9ad6-e26cb9af663a" in text
    assert not [secret for secret in SECRETS if secret in text]


def test_a_call_without_headers_is_bridged_without_headers(meetings: FakeMeetings) -> None:
    attributes = dial_arguments(MEETING_ID, CODE, NUMBER, {})
    (bridge,) = invoke(event("CALL_ANSWERED", None, LEG_A, TransactionAttributes=attributes))["Actions"]
    assert "SipHeaders" not in bridge["Parameters"]
    assert meetings.sent == []


@pytest.mark.parametrize("event_type", ["NEW_INBOUND_CALL", "NEW_INCOMING_CALL"])
def test_a_call_from_outside_is_refused_whatever_it_says(
    event_type: str, meetings: FakeMeetings, written: Callable[[], str]
) -> None:
    answer = invoke(event(event_type, {"Parameters": {"Arguments": ARGUMENTS}}, LEG_A, SipRuleId="rule"))
    assert answer["Actions"] == [{"Type": "Hangup", "Parameters": {"SipResponseCode": "480"}}]
    assert meetings.sent == []
    assert metrics(written()) == {"InboundCallRefused"}


HAPPENINGS = [
    "meeting_answers",
    "meeting_leg_hangs_up",
    "connect_answers",
    "connect_does_not_answer",
    "connect_hangs_up",
    "meeting_ends",
    "run",
    "action_fails",
    "answer_is_invalid",
    "something_is_said",
    "event_is_late",
    "hang_up",
    "digits",
    "other_digits",
    "nonsense",
]
UPDATES: dict[str, dict[str, Any]] = {
    "hang_up": hang_up_arguments(),
    "digits": digits_arguments("47*11", KEYS[0]),
    "other_digits": digits_arguments("47*11", KEYS[1]),
    "nonsense": {"Action": "Dial", "ConnectNumber": "+12065550199"},
}
quirks = st.builds(
    Quirks,
    app_id=st.sampled_from(["SipMediaApplicationId", "SipApplicationId"]),
    event_type=st.sampled_from(["InvocationEventType", "InvocationEvent"]),
    tag_b=st.sampled_from(["LEG-B", "Leg-B"]),
    tells_status=st.booleans(),
    status_of_who_hung_up=st.sampled_from(["Disconnected", "Connected", None]),
    hangup_type=st.sampled_from(["Hangup", "ReceiveDigits"]),
    hangup_names=st.sampled_from([("CallId", "ParticipantTag"), ("CallId",), ("ParticipantTag",)]),
    lists_ringing=st.booleans(),
    confirms_hangup=st.booleans(),
)
# Most scripts should get as far as two connected legs.
scripts = st.tuples(
    st.sampled_from(
        [[], ["meeting_answers"], ["meeting_answers", "run"], ["meeting_answers", "run", "connect_answers"]]
    ),
    st.lists(st.sampled_from(HAPPENINGS), max_size=14),
).map(lambda parts: [*parts[0], *parts[1]])


@settings(max_examples=examples(300), suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(["meeting_answers", "run", "meeting_leg_hangs_up", "connect_answers"], Quirks(lists_ringing=False))
@example(["meeting_answers", "run", "connect_answers", "hang_up", "run", "digits"], Quirks())
@given(scripts, quirks)
def test_once_anything_ends_no_leg_and_no_meeting_is_left(script: list[str], quirk: Quirks) -> None:
    meetings = FakeMeetings()
    meetings.attach(sip_media_handler._meetings._client)
    try:
        call = FakeSipMediaApplication(invoke, ARGUMENTS, meetings, quirk, check_answer)
        for what in script:
            if what in UPDATES:
                call.has_ended |= what == "hang_up" and bool(call.up)
                call.update(UPDATES[what])
            else:
                call.happen(what)
        call.settle()
    finally:
        meetings.detach(sip_media_handler._meetings._client)
    if call.has_ended:
        assert call.up == []
        assert meetings.going_on == set()
    else:
        assert "LEG-A" in call.up
    assert len(meetings.deleted) <= 1
    assert call.heard[:1] in ([], [f",{CODE}"])


def check_answer(reported: dict[str, Any], answer: dict[str, Any]) -> None:
    conforms(answer)
    assert answer.get("TransactionAttributes", {}).keys() == ATTRIBUTES.keys()
    for action in answer["Actions"]:
        if action["Type"] == "CallAndBridge":
            assert action["Parameters"]["Endpoints"][0]["Uri"] == NUMBER
            assert action["Parameters"]["SipHeaders"] == HEADERS
        assert "Dial" not in json.dumps(action)
    if (reported.get("InvocationEventType") or reported.get("InvocationEvent")) == "HANGUP":
        ended = reported["ActionData"]["Parameters"].get("CallId")
        assert ended not in [action["Parameters"].get("CallId", "") for action in answer["Actions"]]


junk = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 1000)
    | st.sampled_from(
        ["", "LEG-A", "LEG-B", "Connected", "+12065550199", "HANGUP", "Hangup", "CallAndBridge"]
    )
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
EVENT_TYPES = [
    "NEW_INBOUND_CALL",
    "NEW_OUTBOUND_CALL",
    "RINGING",
    "CALL_ANSWERED",
    "ACTION_SUCCESSFUL",
    "ACTION_FAILED",
    "ACTION_INTERRUPTED",
    "CALL_UPDATE_REQUESTED",
    "DIGITS_RECEIVED",
    "HANGUP",
    "INVALID_LAMBDA_RESPONSE",
    "SOMETHING_NEW",
]
ACTIONS = ["Hangup", "CallAndBridge", "SendDigits", "JoinChimeMeeting", "CallUpdateRequest"]


@st.composite
def spoilt_events(draw: st.DrawFn) -> Any:
    """An event of any type with parts of it missing or replaced."""
    arguments = draw(st.sampled_from([ARGUMENTS, *UPDATES.values()]))
    action = {
        "Type": draw(st.sampled_from(ACTIONS)),
        "Parameters": {
            "CallId": "call-b",
            "SipResponseCode": 486,
            "Arguments": arguments,
            "Uri": "+19005550100",
        },
        "ErrorType": "SystemException",
    }
    made: Any = copy.deepcopy(event(draw(st.sampled_from(EVENT_TYPES)), action, LEG_A, LEG_B))
    for _ in range(draw(st.integers(0, 4))):
        place: Any = made
        parents: list[tuple[Any, Any]] = []
        while isinstance(place, (dict, list)) and place and (not parents or draw(st.booleans())):
            key = draw(st.sampled_from(list(place) if isinstance(place, dict) else list(range(len(place)))))
            parents.append((place, key))
            place = place[key]
        if parents and parents[-1][1] != "ConnectNumber":  # who can change that, can dial anyway
            holder, key = parents[-1]
            if draw(st.booleans()):
                holder[key] = draw(junk)
            else:
                del holder[key]
    return made


@settings(max_examples=examples(400), suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(None)
@example([])
@example({})
@example({"CallDetails": {"Participants": [None, {}, {"ParticipantTag": 7}]}})
@given(spoilt_events() | junk)
def test_every_event_is_answered_and_none_dials_another_number(spoilt: Any) -> None:
    meetings = FakeMeetings({MEETING_ID})
    meetings.attach(sip_media_handler._meetings._client)
    try:
        answer = invoke(spoilt)
    finally:
        meetings.detach(sip_media_handler._meetings._client)
    conforms(answer)
    for action in answer["Actions"]:
        if action["Type"] == "CallAndBridge":
            assert action["Parameters"]["Endpoints"][0]["Uri"] == NUMBER
    assert set(meetings.sent) <= {MEETING_ID}


def test_the_answers_to_what_cannot_be_read_say_nothing_about_it(
    meetings: FakeMeetings, written: Callable[[], str]
) -> None:
    reported = event(
        "SECRET-TYPE",
        {
            "Type": "SECRET-ACTION",
            "ErrorType": "SECRET-ERROR",
            "Parameters": {"SipResponseCode": "SECRET-CODE"},
        },
        LEG_A,
        TransactionId="SECRET TRANSACTION",
    )
    assert invoke(reported)["Actions"] == []
    assert '"event_type":"unknown"' in written().replace(" ", "")
    assert "SECRET" not in written()
    assert meetings.sent == []


def test_who_answers_without_arguments_that_can_be_bridged_is_hung_up(
    meetings: FakeMeetings, written: Callable[[], str]
) -> None:
    begun = event(
        "NEW_OUTBOUND_CALL", {"Parameters": {"Arguments": ARGUMENTS | {"ConnectNumber": "911"}}}, LEG_A
    )
    attributes = invoke(begun)["TransactionAttributes"]
    assert attributes == {"MeetingId": MEETING_ID}
    answer = invoke(event("CALL_ANSWERED", None, LEG_A, TransactionAttributes=attributes))
    assert answer["Actions"] == [hangup("call-a")]
    assert meetings.deleted == [MEETING_ID]
    assert metrics(written()) == {"BridgeFailed"}


def test_who_answers_without_attributes_or_legs_is_hung_up(meetings: FakeMeetings) -> None:
    begun = invoke(event("NEW_OUTBOUND_CALL", None, LEG_A))
    assert begun == {"SchemaVersion": "1.0", "Actions": []}
    answer = invoke({"InvocationEventType": "CALL_ANSWERED"})
    assert answer == {
        "SchemaVersion": "1.0",
        "Actions": [{"Type": "Hangup", "Parameters": {"SipResponseCode": "0"}}],
    }
    assert meetings.sent == []


def test_a_leg_without_a_call_id_is_hung_up_by_its_tag(meetings: FakeMeetings) -> None:
    answer = invoke(event("INVALID_LAMBDA_RESPONSE", None, {"ParticipantTag": "Leg-B"}))
    assert answer["Actions"] == [
        {"Type": "Hangup", "Parameters": {"SipResponseCode": "0", "ParticipantTag": "LEG-B"}}
    ]
    assert meetings.deleted == [MEETING_ID]


def test_a_call_whose_code_cannot_be_sent_goes_on_to_an_agent_who_asks(
    meetings: FakeMeetings, written: Callable[[], str]
) -> None:
    done = {"Type": "CallAndBridge", "Parameters": {}}
    for legs, attributes in [((LEG_A,), ATTRIBUTES), ((LEG_A, LEG_B), {"MeetingId": MEETING_ID})]:
        answer = invoke(event("ACTION_SUCCESSFUL", done, *legs, TransactionAttributes=attributes))
        assert answer["Actions"] == []
    assert metrics(written()) == {"CallBridged"}
    assert meetings.sent == []


def test_a_bridge_event_that_comes_again_sends_no_second_code(meetings: FakeMeetings) -> None:
    done = {"Type": "CallAndBridge", "Parameters": {}}
    reported = event(
        "ACTION_SUCCESSFUL", done, LEG_A, LEG_B, TransactionAttributes=ATTRIBUTES | {"DigitsKey": "nothing"}
    )
    first = invoke(reported)
    assert [action["Type"] for action in first["Actions"]] == ["SendDigits"]
    again = event(
        "ACTION_SUCCESSFUL", done, LEG_A, LEG_B, TransactionAttributes=first["TransactionAttributes"]
    )
    assert invoke(again)["Actions"] == []
    assert meetings.sent == []


@pytest.mark.usefixtures("meetings")
@pytest.mark.parametrize(
    ("error_type", "caller", "metric"),
    [
        ("CallNotAnswered", LEG_A, "CallNotAnswered"),
        ("SystemException", LEG_A | {"Status": "Disconnected"}, "CallNotAnswered"),
        ("SystemException", LEG_A, "BridgeFailed"),
        ("InvalidActionParameter", LEG_A, "BridgeFailed"),
    ],
)
def test_a_far_end_that_does_not_answer_is_no_fault_of_the_deployment(
    error_type: str, caller: dict[str, Any], metric: str, written: Callable[[], str]
) -> None:
    failed = {"Type": "CallAndBridge", "Parameters": {}, "ErrorType": error_type, "ErrorMessage": "-"}
    assert invoke(event("ACTION_FAILED", failed, caller))["SchemaVersion"] == "1.0"
    assert metrics(written()) == {metric}


def test_an_answer_event_that_comes_again_does_not_bridge_twice(meetings: FakeMeetings) -> None:
    assert invoke(event("CALL_ANSWERED", None, LEG_A, LEG_B))["Actions"] == []
    assert meetings.sent == []


def test_digits_without_a_leg_to_connect_are_ignored(meetings: FakeMeetings) -> None:
    digits = digits_arguments("47*11", KEYS[0])
    for legs in [(LEG_A,), (LEG_A, {"ParticipantTag": "LEG-B"})]:
        answer = invoke(update(digits, *legs))
        assert answer["Actions"] == []
        assert answer["TransactionAttributes"] == ATTRIBUTES
    assert meetings.sent == []


@pytest.mark.usefixtures("meetings")
def test_digits_that_are_sent_again_are_typed_once_whatever_was_typed_in_between() -> None:
    attributes, typed = ATTRIBUTES, []
    for digits, key in [("1", 0), ("2", 1), ("1", 0), ("3", 2), ("2", 1)] + [("4", n) for n in range(3, 20)]:
        sent = update(digits_arguments(digits, f"{key:02x}" * 32), LEG_A, LEG_B)
        sent["CallDetails"]["TransactionAttributes"] = attributes
        answer = invoke(sent)
        attributes = answer["TransactionAttributes"]
        typed += [action["Parameters"]["Digits"] for action in answer["Actions"]]
    assert "".join(typed) == "123" + "4" * 17
    # What a call's attributes may hold is limited: a few keys are enough for repeats that cross.
    assert len(attributes["DigitsKey"]) < 200


def test_digits_are_sent_to_connect_alone_and_noted(meetings: FakeMeetings) -> None:
    answer = invoke(update(digits_arguments("47*11", KEYS[0]), LEG_A, LEG_B))
    (action,) = answer["Actions"]
    assert action["Type"] == "SendDigits"
    assert (action["Parameters"]["CallId"], action["Parameters"]["Digits"]) == ("call-b", "47*11")
    assert answer["TransactionAttributes"] == ATTRIBUTES | {"DigitsKey": f"code,{KEYS[0][:16]}"}
    assert meetings.sent == []


def test_a_hangup_that_failed_is_repeated_for_the_legs_that_are_up(
    meetings: FakeMeetings, written: Callable[[], str]
) -> None:
    failed = {"Type": "Hangup", "Parameters": {"CallId": "call-b"}, "ErrorType": "SystemException"}
    answer = invoke(event("ACTION_FAILED", failed, LEG_A | {"Status": "Disconnected"}, LEG_B))
    assert answer["Actions"] == [hangup("call-b")]
    assert metrics(written()) == set()
    assert meetings.deleted == [MEETING_ID]


def test_a_hangup_of_a_leg_that_is_not_there_is_not_repeated_for_ever(meetings: FakeMeetings) -> None:
    failed = {"Type": "Hangup", "Parameters": {"CallId": "call-b"}, "ErrorType": "InvalidActionParameter"}
    legs = [{"CallId": "call-a"}, {"CallId": "call-b"}]
    assert invoke(event("ACTION_FAILED", failed, *legs))["Actions"] == [hangup("call-a")]
    still_up = [{"CallId": "call-a"}, LEG_B]
    assert invoke(event("ACTION_FAILED", failed, *still_up))["Actions"] == [
        hangup("call-a"),
        hangup("call-b"),
    ]
    assert meetings.deleted == [MEETING_ID]


def test_more_legs_than_an_answer_can_end_are_ended_ten_at_a_time(meetings: FakeMeetings) -> None:
    legs = [{"CallId": f"call-{number}"} for number in range(12)]
    assert len(invoke(event("INVALID_LAMBDA_RESPONSE", None, *legs))["Actions"]) == 10
    assert meetings.deleted == [MEETING_ID]


@pytest.mark.parametrize(
    "faults",
    [
        [500, 500],
        [503, 429],
        [403],
        [botocore.exceptions.ReadTimeoutError(endpoint_url="https://chime.example")] * 2,
    ],
)
def test_a_meeting_that_cannot_be_deleted_does_not_keep_the_answer_back(
    faults: list[int | Exception], meetings: FakeMeetings, written: Callable[[], str]
) -> None:
    meetings.faults = list(faults)
    answer = invoke(update(hang_up_arguments(), LEG_A, LEG_B))
    assert answer["Actions"] == [hangup("call-a"), hangup("call-b")]
    assert len(meetings.sent) == len(faults)
    assert "MeetingDeleteFailed" in metrics(written())
    again = invoke(event("HANGUP", hangup("call-a"), LEG_A | {"Status": "Disconnected"}, LEG_B))
    assert again["Actions"] == [hangup("call-b")]
    assert meetings.deleted == [MEETING_ID]


def test_the_service_is_not_kept_waiting_for_a_meeting() -> None:
    config = sip_media_handler._meetings._client.meta.config
    assert (config.connect_timeout, config.read_timeout) == (1, 1)
    assert config.retries["total_max_attempts"] == 2


def test_a_fault_of_ours_hangs_up(monkeypatch: pytest.MonkeyPatch, written: Callable[[], str]) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("SECRET")

    monkeypatch.setattr(sip_media_handler, "answer", broken)
    answer = invoke(event("CALL_ANSWERED", None, LEG_A))
    assert answer["Actions"] == [{"Type": "Hangup", "Parameters": {"SipResponseCode": "0"}}]
    text = written()
    assert metrics(text) == {"UnforeseenError"}
    assert "SECRET" not in text


def test_a_fault_of_ours_in_deleting_a_meeting_still_hangs_up(
    monkeypatch: pytest.MonkeyPatch, written: Callable[[], str]
) -> None:
    class Broken:
        def delete(self, meeting_id: str) -> bool:
            raise RuntimeError(f"SECRET {meeting_id}")

    monkeypatch.setattr(sip_media_handler, "_meetings", Broken())
    assert invoke(event("INVALID_LAMBDA_RESPONSE", None, LEG_A))["Actions"] == [hangup("call-a")]
    text = written()
    assert metrics(text) == {"BridgeFailed", "UnforeseenError"}
    assert "SECRET" not in text
