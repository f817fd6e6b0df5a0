"""What the function of a SIP media application may answer."""

from typing import Any

import pytest

from local.sip_bridge.sip_actions import Action, ActionFailedError, InvalidAnswerError, check, read_answer
from tests.local.sip_bridge.bridge import action, answer

CONNECTOR = "arn:aws:chime:us-east-1:000000000000:vc/abcdefg1hijklm2nopq3rs"
ENDPOINT = {"BridgeEndpointType": "AWS", "Arn": CONNECTOR, "Uri": "+12065550199"}
PHONE = {"BridgeEndpointType": "PSTN", "Uri": "+12065550199"}


def bridging(**changed: Any) -> dict[str, Any]:
    given = {"CallerIdNumber": "+12065550100", "Endpoints": [ENDPOINT], **changed}
    return {name: value for name, value in given.items() if value is not None}


def test_an_answer_has_actions_and_attributes() -> None:
    read = read_answer(answer(action("Hangup", ParticipantTag="LEG-A"), TransactionAttributes={"a": "b"}))
    assert read.actions == (Action("Hangup", {"ParticipantTag": "LEG-A"}),)
    assert read.attributes == {"a": "b"}


@pytest.mark.parametrize("members", [{}, {"Actions": None}, {"TransactionAttributes": None}])
def test_what_an_answer_leaves_out_stays_as_it_is(members: dict[str, Any]) -> None:
    read = read_answer({"SchemaVersion": "1.0", **members})
    assert (read.actions, read.attributes) == (None, None)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (None, "blank"),
        ({}, "blank"),
        ("text", "blank"),
        ({"Actions": []}, "Schema version mismatch"),
        ({"SchemaVersion": "2.0", "Actions": []}, "Schema version mismatch"),
        ({"SchemaVersion": 1.0, "Actions": []}, "Schema version mismatch"),
        (answer(More=1), "Unknown members"),
        ({"SchemaVersion": "1.0", "Actions": {}}, "actions list"),
        (answer(*[action("Pause")] * 11), "Too many actions"),
        (answer(action("Dance")), "Unsupported action Dance"),
        (answer(action("Hangup", SipResponse="0")), "Hangup has no SipResponse"),
        ({"SchemaVersion": "1.0", "Actions": [{"Type": "Hangup"}]}, "actions list"),
        (answer({"Type": "Hangup", "Parameters": {}, "More": 1}), "actions list"),
        (answer(TransactionAttributes={"a": 1}), "map of texts"),
        (answer(TransactionAttributes=[]), "map of texts"),
        (answer(TransactionAttributes={str(n): "" for n in range(11)}), "Maximum number of mappings is 10"),
    ],
)
def test_what_is_no_answer_says_what_is_wrong(given: object, says: str) -> None:
    with pytest.raises(InvalidAnswerError, match=says):
        read_answer(given)


@pytest.mark.parametrize(
    "good",
    [
        action("CallAndBridge", **bridging()),
        action("CallAndBridge", **bridging(CallTimeoutSeconds=1)),
        action("CallAndBridge", **bridging(CallTimeoutSeconds="120")),
        action("CallAndBridge", **bridging(SipHeaders={"x-a": "1", "User-to-User": "2", "Diversion": "3"})),
        action("CallAndBridge", **bridging(Endpoints=[PHONE])),
        action("CallAndBridge", **bridging(Endpoints=[{**ENDPOINT, "Uri": "5550"}])),
        action("CallAndBridge", **bridging(RingbackTone={"Type": "S3", "BucketName": "b", "Key": "k"})),
        action("SendDigits", CallId="id", Digits=",,*1234,56,7890ABCD#", ToneDurationInMilliseconds=50),
        action("Hangup", SipResponseCode="486"),
        action("Hangup"),
        action("Pause", DurationInMilliseconds="100"),
        action("JoinChimeMeeting", JoinToken="t", MeetingId="m", ParticipantTag="LEG-A"),
    ],
    ids=lambda good: good["Type"],
)
def test_documented_parameters_are_good(good: dict[str, Any]) -> None:
    check(Action(good["Type"], good["Parameters"]))


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (action("CallAndBridge", **bridging(CallerIdNumber=None)), "Caller ID not defined."),
        (action("CallAndBridge", **bridging(CallerIdNumber="5550")), "Invalid caller ID."),
        (action("CallAndBridge", **bridging(CallTimeoutSeconds=0)), "Timeout must be"),
        (action("CallAndBridge", **bridging(CallTimeoutSeconds=121)), "Timeout must be"),
        (action("CallAndBridge", **bridging(Endpoints=None)), "Invalid number of endpoints"),
        (action("CallAndBridge", **bridging(Endpoints=[])), "Invalid number of endpoints"),
        (action("CallAndBridge", **bridging(Endpoints=[ENDPOINT] * 2)), "Invalid number of endpoints"),
        (action("CallAndBridge", **bridging(Endpoints=[{**ENDPOINT, "Uri": ""}])), "Endpoint parameter"),
        (
            action("CallAndBridge", **bridging(Endpoints=[{**ENDPOINT, "Uri": "1" * 37}])),
            "Endpoint parameter",
        ),
        (action("CallAndBridge", **bridging(Endpoints=[{**ENDPOINT, "Uri": "a@b"}])), "Endpoint parameter"),
        (action("CallAndBridge", **bridging(Endpoints=[{**ENDPOINT, "Arn": "vc"}])), "Endpoint parameter"),
        (action("CallAndBridge", **bridging(Endpoints=[{**PHONE, "Arn": CONNECTOR}])), "Endpoint parameter"),
        (action("CallAndBridge", **bridging(Endpoints=[{**PHONE, "Uri": "5550"}])), "Endpoint parameter"),
        (action("CallAndBridge", **bridging(SipHeaders={"x-amzn-a": "1"})), "x-amzn-a"),
        (action("CallAndBridge", **bridging(SipHeaders={"X-VC-a": "1"})), "X-VC-a"),
        (action("CallAndBridge", **bridging(SipHeaders={"Subject": "1"})), "Subject"),
        (action("CallAndBridge", **bridging(SipHeaders={"x-a": "1\r\nx-b: 2"})), "x-a"),
        pytest.param(
            action("CallAndBridge", **bridging(SipHeaders={"x-a": "1" * 2048})),
            "too long",
            id="a header of 2,048 characters",
        ),
        (
            action("CallAndBridge", **bridging(Endpoints=[PHONE], SipHeaders={"x-a": "1"})),
            "Invalid SIP header",
        ),
        (action("CallAndBridge", **bridging(RingbackTone={"Type": "S3"})), "Ringtone parameter"),
        (action("SendDigits", Digits="1"), "CallId parameter"),
        (action("SendDigits", CallId="id"), "Digits parameter"),
        (action("SendDigits", CallId="id", Digits="E"), "Digits parameter"),
        (action("SendDigits", CallId="id", Digits="1" * 51), "Digits parameter"),
        (action("SendDigits", CallId="id", Digits="1", ToneDurationInMilliseconds=49), "ToneDuration"),
        (action("SendDigits", CallId="id", Digits="1", ToneDurationInMilliseconds=24_001), "ToneDuration"),
        (action("Hangup", SipResponseCode="404"), "SipResponseCode"),
        (action("Pause"), "Duration parameter"),
        (action("Pause", DurationInMilliseconds=99), "Duration parameter"),
        (action("Pause", DurationInMilliseconds="30001"), "Duration parameter"),
        (action("JoinChimeMeeting", JoinToken="t"), "JoinToken parameter"),
        (action("PlayAudio", Anything=1), "not part of this emulator"),
    ],
    ids=str,
)
def test_a_wrong_parameter_fails_the_action_with_the_documented_message(
    bad: dict[str, Any], says: str
) -> None:
    [read] = read_answer(answer(bad)).actions or ()
    with pytest.raises(ActionFailedError) as caught:
        check(read)
    assert says in f"{caught.value.message} {caught.value}"
