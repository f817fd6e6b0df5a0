"""Calls of SIP media applications: from a meeting, through a Voice Connector, to Amazon Connect."""

import time
from collections.abc import Mapping
from typing import Any

import pytest

from local.clients.observer import eventually
from local.emulator.rest_of_aws import FunctionError
from local.sip_bridge import sip_calls
from local.sip_bridge.connect_numbers import ClaimedNumber
from local.sip_bridge.meetings import MeetingEvent
from local.sip_bridge.phone_numbers import MEETING_NUMBER
from tests.local.sip_bridge.bridge import (
    Bridge,
    MeetingEvents,
    PhoneInstance,
    action,
    answer,
    claimed_number,
    listening_flow,
)

ANOTHER_ID = "11111111-1111-4111-8111-111111111111"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes seconds takes a moment."""
    for name, seconds in {
        "RETRY_AFTER": 0.3, "HANG_UP_AFTER": 0.9, "MAX_RING_SECONDS": 0.1, "COMMA_SECONDS": 0.1,
    }.items():  # fmt: skip
        monkeypatch.setattr(sip_calls, name, seconds)


@pytest.fixture
def number(instance: PhoneInstance) -> ClaimedNumber:
    """Connect's number, whose flow collects four digits and then queues."""
    return claimed_number(instance, listening_flow(instance))


def leg_of(event: Mapping[str, Any], tag: str) -> dict[str, Any]:
    [leg] = [leg for leg in event["CallDetails"]["Participants"] if leg["ParticipantTag"] == tag]
    return dict(leg)


def hang_up(tag: str) -> dict[str, Any]:
    return action("Hangup", ParticipantTag=tag, SipResponseCode="0")


def bridged(bridge: Bridge, number: ClaimedNumber, **changed: Any) -> None:
    """Let the function bridge to Connect, and hang up the other leg with each."""
    bridge.open_connector()
    bridge.function.replies |= {
        "CALL_ANSWERED": answer(bridge.to_connect(number.address, **changed)),
        "HANGUP": lambda event: answer(
            *[
                hang_up(leg["ParticipantTag"])
                for leg in event["CallDetails"]["Participants"]
                if leg["Status"] == "Connected"
            ]
        ),
        "ACTION_FAILED": answer(hang_up("LEG-A")),
    }


def is_bridged(bridge: Bridge) -> dict[str, Any]:
    """The event that says so."""
    event = bridge.function.event("ACTION_SUCCESSFUL")
    assert event["ActionData"]["Type"] == "CallAndBridge"
    return event


def test_the_function_is_invoked_at_each_step_of_a_call(
    bridge: Bridge, meeting_events: MeetingEvents
) -> None:
    bridge.function.replies["NEW_OUTBOUND_CALL"] = answer(
        action("Hangup"), TransactionAttributes={"Code": "123456789012"}
    )
    meeting_id, transaction_id = bridge.call()
    answered = bridge.function.event("CALL_ANSWERED")
    new, ringing, _ = bridge.function.events
    assert bridge.function.kinds == ["NEW_OUTBOUND_CALL", "RINGING", "CALL_ANSWERED"]
    assert [event["Sequence"] for event in bridge.function.events] == [1, 2, 3]
    assert new["ActionData"]["Parameters"]["Arguments"] == {"Code": "123456789012"}
    assert new["CallDetails"]["TransactionAttributes"] == {}
    # Its actions are ignored, its attributes are kept; arguments come once.
    assert ringing["CallDetails"]["TransactionAttributes"] == {"Code": "123456789012"}
    assert "ActionData" not in answered
    details = answered["CallDetails"]
    assert (details["TransactionId"], details["SipMediaApplicationId"]) == (
        transaction_id,
        bridge.application,
    )
    assert (details["AwsAccountId"], details["AwsRegion"]) == ("000000000000", "eu-west-2")
    leg = leg_of(answered, "LEG-A")
    assert leg.pop("CallId")
    assert leg.pop("StartTimeInMilliseconds").isdigit()
    assert leg == {
        "ParticipantTag": "LEG-A",
        "To": MEETING_NUMBER,
        "From": bridge.caller,
        "Direction": "Outbound",
        "Status": "Connected",
    }
    assert "Status" not in leg_of(ringing, "LEG-A")
    assert "AttendeeJoined" in meeting_events.of(meeting_id)


@pytest.mark.parametrize("wrong", ["token", "meeting"])
def test_a_call_with_a_token_that_is_not_good_is_never_answered(wrong: str, bridge: Bridge) -> None:
    meeting_id, tokens = bridge.invite()
    call = bridge.dial(
        ANOTHER_ID if wrong == "meeting" else meeting_id, "t" if wrong == "token" else tokens[1]
    )
    bridge.ended(call)
    assert bridge.function.kinds == ["NEW_OUTBOUND_CALL", "HANGUP"]
    assert bridge.function.events[-1]["ActionData"]["Parameters"]["SipResponseCode"] == 480


def test_a_call_is_bridged_through_the_voice_connector_to_a_contact(
    bridge: Bridge, number: ClaimedNumber, instance: PhoneInstance
) -> None:
    bridged(bridge, number, SipHeaders={"x-order-id": "A-1"})
    _, transaction_id = bridge.call()
    event = is_bridged(bridge)
    assert event["ActionData"]["Parameters"]["CallId"] == leg_of(event, "LEG-A")["CallId"]
    leg = leg_of(event, "LEG-B")
    assert (leg["To"], leg["From"], leg["Status"]) == (number.address, bridge.caller, "Connected")
    [contact] = instance.connect.contacts()
    assert contact["CustomerEndpoint"]["Address"] == bridge.caller
    far_ends = [leg["FarEnd"] for leg in bridge.shown(transaction_id)["Legs"]]
    assert far_ends[1] == contact["ContactId"]


def test_digits_reach_the_contact_one_pause_after_the_other(
    bridge: Bridge, number: ClaimedNumber, instance: PhoneInstance
) -> None:
    bridged(bridge, number)
    bridge.function.replies["ACTION_SUCCESSFUL CallAndBridge"] = lambda event: answer(
        action("SendDigits", CallId=leg_of(event, "LEG-B")["CallId"], Digits=",,12,34")
    )
    bridge.call()
    eventually(lambda: bridge.function.kinds.count("ACTION_SUCCESSFUL") == 2, seconds=5)
    [contact] = instance.connect.contacts()
    assert instance.settled(contact["ContactId"])["Attributes"]["typed"] == "1234"


def refuse_origination(bridge: Bridge) -> None:
    bridge.voice.delete_voice_connector_origination(VoiceConnectorId=bridge.connector)


def disable_origination(bridge: Bridge) -> None:
    read = bridge.voice.get_voice_connector_origination(VoiceConnectorId=bridge.connector)["Origination"]
    bridge.voice.put_voice_connector_origination(
        VoiceConnectorId=bridge.connector, Origination={**read, "Disabled": True}
    )


def refuse_termination(bridge: Bridge) -> None:
    bridge.voice.delete_voice_connector_termination(VoiceConnectorId=bridge.connector)


def refuse_credentials(bridge: Bridge) -> None:
    bridge.voice.delete_voice_connector_termination_credentials(
        VoiceConnectorId=bridge.connector, Usernames=["sip-host"]
    )


@pytest.mark.parametrize(
    ("break_it", "why"),
    [
        (refuse_origination, "origination is disabled or has no routes"),
        (disable_origination, "origination is disabled or has no routes"),
        (refuse_termination, "termination is disabled"),
        (refuse_credentials, "no credentials"),
        (lambda bridge: bridge.open_connector(CallingRegions=["GB"]), "does not allow calls to"),
        (lambda bridge: bridge.open_connector(Disabled=True), "termination is disabled"),
    ],
)
def test_a_voice_connector_that_leads_nowhere_leaves_the_call_unanswered(
    break_it: Any, why: str, bridge: Bridge, number: ClaimedNumber
) -> None:
    bridged(bridge, number)
    break_it(bridge)
    _, transaction_id = bridge.call()
    failed = bridge.function.event("ACTION_FAILED")
    assert failed["ActionData"]["ErrorType"] == "CallNotAnswered"
    assert failed["ActionData"]["ErrorMessage"] == "Call not answered"
    assert [leg["ParticipantTag"] for leg in failed["CallDetails"]["Participants"]] == ["LEG-A"]
    shown = bridge.ended(transaction_id)["Invocations"]
    assert any(why in (invocation["Why"] or "") for invocation in shown)


def test_a_number_that_nobody_answers_is_not_answered(bridge: Bridge, number: ClaimedNumber) -> None:
    bridged(bridge, number)
    bridge.function.replies["CALL_ANSWERED"] = answer(bridge.to_connect("+12065550142"))
    bridge.call()
    assert bridge.function.event("ACTION_FAILED")["ActionData"]["ErrorType"] == "CallNotAnswered"


def test_a_caller_id_that_is_not_the_accounts_is_refused(bridge: Bridge, number: ClaimedNumber) -> None:
    bridged(bridge, number, CallerIdNumber="+12065550142")
    bridge.call()
    data = bridge.function.event("ACTION_FAILED")["ActionData"]
    assert data["ErrorType"] == "InvalidActionParameter"
    assert "must be owned by this AWS account" in data["ErrorMessage"]


def test_a_wrong_parameter_fails_the_action_and_drops_those_after_it(bridge: Bridge) -> None:
    bridge.function.replies["CALL_ANSWERED"] = answer(
        action("Pause", DurationInMilliseconds=1), action("Hangup")
    )
    _, transaction_id = bridge.call()
    failed = bridge.function.event("ACTION_FAILED")
    assert failed["ActionData"].items() >= {
        "Type": "Pause", "ErrorType": "InvalidActionParameter",
        "ErrorMessage": "The Duration parameter is invalid.",
    }.items()  # fmt: skip
    # A function that answers this with nothing leaves a leg up.
    time.sleep(0.2)
    assert bridge.shown(transaction_id)["State"] == "active"


def test_the_end_of_the_meeting_ends_its_leg_and_no_other(
    bridge: Bridge, number: ClaimedNumber, instance: PhoneInstance
) -> None:
    bridged(bridge, number)
    bridge.function.replies["HANGUP"] = answer()
    meeting_id, transaction_id = bridge.call()
    is_bridged(bridge)
    bridge.telephony.meetings.delete_meeting({"MeetingId": meeting_id})
    event = bridge.function.event("HANGUP")
    assert event["ActionData"]["Parameters"]["ParticipantTag"] == "LEG-A"
    assert leg_of(event, "LEG-A")["Status"] == "Disconnected"
    assert leg_of(event, "LEG-B")["Status"] == "Connected"
    time.sleep(0.2)
    assert instance.connect.contacts()[0]["State"] != "ended"
    assert bridge.shown(transaction_id)["State"] == "active"


def test_a_function_that_hangs_up_the_other_leg_ends_the_call(
    bridge: Bridge, number: ClaimedNumber, instance: PhoneInstance
) -> None:
    bridged(bridge, number)
    meeting_id, transaction_id = bridge.call()
    is_bridged(bridge)
    bridge.telephony.meetings.delete_meeting({"MeetingId": meeting_id})
    call = bridge.ended(transaction_id)
    assert [leg["Status"] for leg in call["Legs"]] == ["Disconnected", "Disconnected"]
    [contact] = instance.connect.contacts()
    assert contact["DisconnectReason"] == "CUSTOMER_DISCONNECT"
    assert bridge.function.kinds[-2:] == ["HANGUP", "HANGUP"]


def test_the_end_of_the_contact_ends_its_leg_and_then_the_meetings(
    bridge: Bridge, number: ClaimedNumber, instance: PhoneInstance, meeting_events: MeetingEvents
) -> None:
    bridged(bridge, number)
    meeting_id, transaction_id = bridge.call()
    is_bridged(bridge)
    [contact] = instance.connect.contacts()
    instance.stop(contact["ContactId"])
    bridge.ended(transaction_id)
    first, second = bridge.function.events[-2:]
    assert first["ActionData"]["Parameters"]["ParticipantTag"] == "LEG-B"
    assert second["ActionData"]["Parameters"]["ParticipantTag"] == "LEG-A"
    assert meeting_events.of(meeting_id)[-1] == "AttendeeLeft"


def test_an_update_invokes_the_function_for_other_actions(
    bridge: Bridge, number: ClaimedNumber, instance: PhoneInstance
) -> None:
    bridged(bridge, number)
    bridge.function.replies["CALL_UPDATE_REQUESTED"] = lambda event: answer(
        action("SendDigits", CallId=leg_of(event, "LEG-B")["CallId"], Digits="4321")
    )
    _, transaction_id = bridge.call()
    is_bridged(bridge)
    bridge.update(transaction_id, Action="SendDigits")
    update = bridge.function.event("CALL_UPDATE_REQUESTED")
    assert update["ActionData"] == {
        "Type": "CallUpdateRequest",
        "Parameters": {"Arguments": {"Action": "SendDigits"}},
    }
    [contact] = instance.connect.contacts()
    assert instance.settled(contact["ContactId"])["Attributes"]["typed"] == "4321"


def test_a_call_that_has_ended_cannot_be_updated(bridge: Bridge) -> None:
    bridge.function.replies["CALL_ANSWERED"] = answer(action("Hangup"))
    _, transaction_id = bridge.call()
    bridge.ended(transaction_id)
    assert bridge.telephony.calls.update(bridge.application, transaction_id, {}) is False


def test_a_call_of_another_application_cannot_be_updated(bridge: Bridge) -> None:
    _, transaction_id = bridge.call()
    assert bridge.telephony.calls.update(ANOTHER_ID, transaction_id, {}) is False


def test_actions_run_one_by_one_and_the_last_alone_is_reported(bridge: Bridge) -> None:
    pause = action("Pause", DurationInMilliseconds=100)
    bridge.function.replies["CALL_ANSWERED"] = answer(pause, pause, pause)
    began = time.monotonic()
    bridge.call()
    bridge.function.event("ACTION_SUCCESSFUL")
    assert time.monotonic() - began >= 0.3
    assert bridge.function.kinds.count("ACTION_SUCCESSFUL") == 1


def test_an_update_interrupts_a_pause_and_replaces_the_rest(bridge: Bridge) -> None:
    bridge.function.replies |= {
        "CALL_ANSWERED": answer(
            action("Pause", DurationInMilliseconds=30_000), action("Pause", DurationInMilliseconds=30_000)
        ),
        "CALL_UPDATE_REQUESTED": answer(action("Hangup")),
    }
    _, transaction_id = bridge.call()
    assert eventually(lambda: "Answer" in bridge.shown(transaction_id)["Invocations"][-1], seconds=5)
    bridge.function.event("CALL_ANSWERED")
    time.sleep(0.2)  # the first pause has begun
    bridge.update(transaction_id)
    bridge.ended(transaction_id)
    assert bridge.function.kinds[-3:] == ["CALL_UPDATE_REQUESTED", "ACTION_INTERRUPTED", "HANGUP"]


def test_no_list_of_actions_keeps_those_that_were_to_be_done(bridge: Bridge) -> None:
    bridge.function.replies |= {
        "CALL_ANSWERED": answer(action("Pause", DurationInMilliseconds=300), action("Hangup")),
        "CALL_UPDATE_REQUESTED": {"SchemaVersion": "1.0"},
    }
    _, transaction_id = bridge.call()
    bridge.function.event("CALL_ANSWERED")
    bridge.update(transaction_id)
    bridge.ended(transaction_id)
    assert "ACTION_INTERRUPTED" not in bridge.function.kinds
    assert bridge.function.kinds[-1] == "HANGUP"


@pytest.mark.parametrize(
    ("returned", "kept"),
    [({"b": "2"}, {"b": "2"}), ({"a": "2"}, {"a": "2"}), ({}, {}), (None, {"a": "1"})],
    ids=["other names replace", "same names update", "none erase", "nothing keeps"],
)
def test_attributes_come_back_as_they_were_answered_last(
    returned: dict[str, str] | None, kept: dict[str, str], bridge: Bridge
) -> None:
    members = {} if returned is None else {"TransactionAttributes": returned}
    bridge.function.replies |= {
        "NEW_OUTBOUND_CALL": answer(TransactionAttributes={"a": "1"}),
        "CALL_ANSWERED": answer(action("Hangup"), **members),
    }
    bridge.call()
    assert bridge.function.event("HANGUP")["CallDetails"]["TransactionAttributes"] == kept


@pytest.mark.parametrize(
    "broken",
    [None, answer(action("Dance")), answer(TransactionAttributes={str(n): "" for n in range(11)})],
)
def test_an_answer_that_is_none_ends_the_call_and_says_so(broken: object, bridge: Bridge) -> None:
    bridge.function.replies["CALL_ANSWERED"] = broken
    _, transaction_id = bridge.call()
    bridge.ended(transaction_id)
    assert bridge.function.kinds[-2:] == ["INVALID_LAMBDA_RESPONSE", "HANGUP"]
    assert bridge.function.event("INVALID_LAMBDA_RESPONSE")["ErrorMessage"]


def test_a_broken_answer_ends_both_legs(
    bridge: Bridge, number: ClaimedNumber, instance: PhoneInstance
) -> None:
    bridged(bridge, number)
    bridge.function.replies["ACTION_SUCCESSFUL CallAndBridge"] = {}
    _, transaction_id = bridge.call()
    call = bridge.ended(transaction_id)
    assert {leg["Status"] for leg in call["Legs"]} == {"Disconnected"}
    assert instance.connect.contacts()[0]["State"] == "ended"


def test_a_slow_function_is_invoked_again_and_the_second_answer_counts(bridge: Bridge) -> None:
    asked: list[str] = []

    def slow(_event: Mapping[str, Any]) -> object:
        asked.append("")
        time.sleep(0.5 if len(asked) == 1 else 0)
        return answer(action("Hangup"))

    bridge.function.replies["CALL_ANSWERED"] = slow
    _, transaction_id = bridge.call()
    bridge.ended(transaction_id)
    first, second = (e for e in bridge.function.events if e["InvocationEventType"] == "CALL_ANSWERED")
    assert first["Sequence"] == second["Sequence"]
    assert bridge.function.kinds.count("HANGUP") == 1


def test_without_any_answer_the_call_ends(bridge: Bridge) -> None:
    bridge.function.replies["CALL_ANSWERED"] = lambda _event: time.sleep(3)
    _, transaction_id = bridge.call()
    call = bridge.ended(transaction_id)
    assert call["Legs"][0]["SipResponseCode"] == 480
    assert any(each.get("Error") == "client operation timed out" for each in call["Invocations"])


@pytest.mark.parametrize(("is_worth_a_retry", "attempts"), [(True, 2), (False, 1)])
def test_a_function_that_fails_is_tried_once_more_where_that_may_help(
    is_worth_a_retry: bool, attempts: int, bridge: Bridge
) -> None:
    def fail(_event: Mapping[str, Any]) -> object:
        raise FunctionError("it failed", is_worth_a_retry=is_worth_a_retry)

    bridge.function.replies["CALL_ANSWERED"] = fail
    _, transaction_id = bridge.call()
    bridge.ended(transaction_id)
    assert bridge.function.kinds.count("CALL_ANSWERED") == attempts


def test_a_leg_joins_a_meeting_by_an_action_too(bridge: Bridge, number: ClaimedNumber) -> None:
    meeting_id, tokens = bridge.invite()
    bridge.function.replies["CALL_ANSWERED"] = answer(
        action("JoinChimeMeeting", JoinToken=tokens[0], MeetingId=meeting_id)
    )
    given = {"ToPhoneNumber": number.address, "SipHeaders": {}}
    transaction_id = bridge.dial(meeting_id, tokens[0], **given)
    event = bridge.function.event("ACTION_SUCCESSFUL")
    assert (leg_of(event, "LEG-B")["To"], leg_of(event, "LEG-B")["From"]) == (MEETING_NUMBER, "SMA")
    assert bridge.shown(transaction_id)["MeetingId"] == meeting_id


def test_an_action_for_a_leg_that_is_not_there_fails(bridge: Bridge) -> None:
    bridge.function.replies |= {
        "CALL_ANSWERED": answer(action("SendDigits", CallId=ANOTHER_ID, Digits="1")),
        "ACTION_FAILED": answer(action("Hangup")),
    }
    _, transaction_id = bridge.call()
    bridge.ended(transaction_id)
    assert bridge.function.event("ACTION_FAILED")["ActionData"]["ErrorType"] == "InvalidActionParameter"


def test_no_more_calls_than_there_can_be(bridge: Bridge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sip_calls, "MAX_CALLS", 1)
    bridge.call()
    meeting_id, tokens = bridge.invite()
    with pytest.raises(bridge.voice.exceptions.ResourceLimitExceededException):
        bridge.dial(meeting_id, tokens[1])


def test_a_caller_who_leaves_leaves_the_leg_in_the_meeting(bridge: Bridge) -> None:
    meeting_id, transaction_id = bridge.call()
    bridge.function.event("CALL_ANSWERED")
    bridge.telephony.meetings.happen(meeting_id, MeetingEvent.CALLER_JOINED)
    bridge.telephony.meetings.happen(meeting_id, MeetingEvent.CALLER_LEFT)
    time.sleep(0.1)
    assert bridge.shown(transaction_id)["State"] == "active"
