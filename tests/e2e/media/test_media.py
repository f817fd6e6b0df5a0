"""Calls that are heard: the app deployed, the media plane, and the Amazon Chime SDK as it is."""

from collections.abc import Callable

import pytest

from local.clients.observer import eventually
from local.launcher.local_aws import LocalAws
from operations.media.program import Program
from tests.e2e.aws import Aws
from tests.e2e.media.participants import Call, Somebody

NewCall = Callable[..., Call]


def test_caller_and_agent_hear_each_other(new_call: NewCall, aws: Aws) -> None:
    call = new_call(440)
    agent = call.answer_by(880)
    assert call.customer.hears(lambda heard: heard.has(880))
    assert agent.hears(lambda heard: heard.has(440))
    # Who is there, as the SDK says it.
    assert call.customer.notes("agent is there")
    assert agent.notes("caller is there")


def test_mute_is_silence(new_call: NewCall) -> None:
    call = new_call(440)
    agent = call.answer_by(880)
    assert agent.hears(lambda heard: heard.has(440))
    call.customer.do("mute")
    assert agent.hears(lambda heard: heard.is_silence)
    assert call.customer.hears(lambda heard: heard.has(880))
    call.customer.do("unmute")
    assert agent.hears(lambda heard: heard.has(440))


def test_the_agent_hears_the_keys_that_are_pressed(new_call: NewCall) -> None:
    call = new_call(440)
    agent = call.answer_by(880)
    call.customer.do("mute")
    assert agent.hears(lambda heard: heard.is_silence)
    assert call.caller.send_digits(call.id, "5" * 20).status_code == 204
    assert agent.hears(lambda heard: heard.has(770, 1336))


@pytest.mark.slow  # seconds of music
def test_hold_and_queue_are_music(new_call: NewCall, aws: Aws) -> None:
    call = new_call(440)
    assert call.customer.hears(lambda heard: heard.level > 0.01)
    agent = call.answer_by(880)
    assert agent.hears(lambda heard: heard.has(440))
    aws.happen(call.id, "CustomerHeld")
    assert agent.hears(lambda heard: heard.is_silence)
    assert call.customer.hears(lambda heard: heard.level > 0.01 and not heard.has(880))
    aws.happen(call.id, "CustomerResumed")
    assert call.customer.hears(lambda heard: heard.has(880))


def test_what_connect_says_is_a_caption_and_a_whisper_is_the_agents_alone(
    new_call: NewCall, aws: Aws
) -> None:
    call = new_call()
    agent = call.answer_by(880)
    assert eventually(lambda: agent.state("captions"))
    contact = aws.contact(call.id)
    assert agent.state("captions") == contact["AgentHeard"]
    assert call.customer.state("captions") == contact["Heard"]


def test_messages_reach_the_others(new_call: NewCall) -> None:
    call = new_call()
    agent = call.answer_by(880)
    agent.do("say", text="hello")
    assert eventually(lambda: call.customer.state("messages") == ["hello"])
    assert agent.state("messages") == []


def test_the_end_reaches_the_other_side(new_call: NewCall) -> None:
    call = new_call()
    agent = call.answer_by(880)
    agent.do("leave")
    assert call.customer.notes("stopped: MeetingEnded")
    assert call.caller.comes_to(call.id, "ENDED")

    another = new_call()
    agent = another.answer_by(880)
    another.customer.do("leave")
    assert agent.notes("stopped: MeetingEnded")
    assert another.caller.comes_to(another.id, "ENDED")

    third = new_call()
    assert third.caller.hang_up(third.id).status_code == 204
    assert third.customer.notes("stopped: MeetingEnded")


@pytest.mark.slow  # it waits for the SDK
def test_a_short_cut_is_mended_by_the_sdk_itself(new_call: NewCall) -> None:
    call = new_call(440)
    agent = call.answer_by(880)
    assert agent.hears(lambda heard: heard.has(440))
    call.cut(call.customer)
    assert agent.notes("caller dropped")
    assert agent.hears(lambda heard: heard.is_silence)
    call.cut(call.customer, up=True)
    assert agent.hears(lambda heard: heard.has(440))
    assert call.customer.hears(lambda heard: heard.has(880))
    assert call.caller.state(call.id) == "CONNECTED"


@pytest.mark.slow  # it waits for the SDK
def test_a_lost_place_is_refused_and_a_new_one_is_heard(new_call: NewCall, aws: Aws) -> None:
    call = new_call(440)
    agent = call.answer_by(880)
    lost = call.customer
    aws.happen(call.id, "CustomerDropped")
    assert lost.notes("stopped: AudioAttendeeRemoved")
    lost.join(440)
    assert lost.notes("stopped: AudioAuthenticationRejected")
    back = call.come_back(660)
    assert back.hears(lambda heard: heard.has(880))
    assert agent.hears(lambda heard: heard.has(660))


@pytest.mark.slow  # it waits for the SDK
@pytest.mark.parametrize(("behaviour", "state"), [("ContactStays", "CONNECTED"), ("ContactEnds", "ENDED")])
def test_who_is_away_for_over_a_minute_is_out(
    behaviour: str, state: str, new_call: NewCall, aws: Aws
) -> None:
    with aws.behaving(LostCustomer=behaviour):
        call = new_call(440)
        agent = call.answer_by(880)
        call.cut(call.customer)
        assert agent.notes("caller dropped")
        aws.pass_time(90)
        assert call.caller.comes_to(call.id, state)
        if state == "CONNECTED":
            assert call.come_back(660).hears(lambda heard: heard.has(880))
        else:
            assert agent.notes("stopped: MeetingEnded")


@pytest.mark.slow
def test_a_transferred_caller_waits_with_music_for_the_next_agent(new_call: NewCall, aws: Aws) -> None:
    call = new_call(440)
    agent = call.answer_by(880)
    moved = aws.happen(call.id, "Transferred")["ContactId"]
    assert agent.notes("stopped: AudioAttendeeRemoved")
    assert call.customer.hears(lambda heard: heard.level > 0.01 and not heard.has(880))
    second = call.answer_by(990, moved)
    assert call.customer.hears(lambda heard: heard.has(990))
    assert second.hears(lambda heard: heard.has(440))


@pytest.mark.slow
def test_three_hear_each_other(new_call: NewCall, aws: Aws) -> None:
    call = new_call(440)
    agent = call.answer_by(880)
    third = call.add_customer(600)
    assert agent.hears(lambda heard: heard.has(440, 600))
    assert call.customer.hears(lambda heard: heard.has(600, 880))
    assert third.hears(lambda heard: heard.has(440, 880))
    third.do("leave")
    assert agent.hears(lambda heard: heard.has(440) and not heard.has(440, 600))


@pytest.mark.slow  # it takes both cores
def test_ten_thousand_frames_of_garbage_disturb_nobody(new_call: NewCall, running: LocalAws) -> None:
    call = new_call(440)
    agent = call.answer_by(880)
    disturbed = new_call()
    disturbed.customer.do("disturb", ConnectionData=disturbed.answer["ConnectionData"], frames=10_000)
    running.check()
    assert agent.hears(lambda heard: heard.has(440))
    assert call.customer.hears(lambda heard: heard.has(880))


def test_a_camera_is_refused_in_words_of_the_sdk_and_the_voice_is_taken(
    new_call: NewCall, participants: Program
) -> None:
    call = new_call()
    answer = participants.do("video", "a camera", ConnectionData=call.answer["ConnectionData"])
    # By this status the SDK stops the camera, and tells its observers that no video can be sent.
    assert "VideoCallSwitchToViewOnly" in answer["statuses"]
    assert answer["notifications"] == ["The local media plane carries voices: no video, no screen share."]
    assert answer["isAnswered"]


def test_a_shared_screen_is_refused(new_call: NewCall, participants: Program) -> None:
    data = new_call().answer["ConnectionData"]
    place = {name: f"{value}#content" for name, value in data["Attendee"].items()}
    screen = Somebody(participants, {"Meeting": data["Meeting"], "Attendee": place})
    screen.join(440)
    assert screen.notes("stopped: AudioAuthenticationRejected")
