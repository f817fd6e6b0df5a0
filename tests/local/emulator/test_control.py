import json
from typing import Any

import pytest

from local.clients.observer import eventually
from local.emulator.connect.connect import Connect
from local.emulator.connect.instance import Kind
from local.emulator.control import MOST_CALLS, Control
from local.issuer.issuer import Issuer
from local.sip_bridge.telephony import Telephony
from tests.local.conftest import FakeSurroundings, MeetingEvents
from tests.local.emulator.connect_instance import Instance
from tests.local.emulator.flows import HANG_UP, block, content
from tests.local.sip_bridge.bridge import Bridge, claimed_number, listening_flow

RECORDED = [{"Type": "AWS::WAFv2::LoggingConfiguration", "LogicalId": "Logging"}]
ERROR = {"Code": "ThrottlingException", "Status": 400}
START = {"Service": "connect", "Operation": "StartWebRTCContact"}


@pytest.fixture
def control(connect: Connect, telephony: Telephony) -> Control:
    return Control(
        connect, lambda: RECORDED, meetings=telephony.meetings, calls=telephony.calls, issuer=Issuer()
    )


def ask(control: Control, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    content = b"" if body is None else json.dumps(body).encode()
    status, document = control.answer(method, f"/_local/{path}", content)
    return int(status), document


@pytest.fixture
def queued(connect: Connect, instance_arn: str) -> str:
    """The id of a contact that waits in a queue."""
    hours = {"InstanceArn": instance_arn, "Name": "always", "TimeZone": "UTC", "Config": []}
    hours_arn = connect.create(Kind.HOURS_OF_OPERATION, hours).arn
    queue = connect.create(
        Kind.QUEUE, {"InstanceArn": instance_arn, "Name": "all", "HoursOfOperationArn": hours_arn}
    )
    text = content(
        block("choose", "UpdateContactTargetQueue", "wait", errors={"NoMatchingError": "hang-up"},
              QueueId=queue.arn),
        block("wait", "TransferContactToQueue", errors={"NoMatchingError": "hang-up"}),
        HANG_UP,
    )  # fmt: skip
    flow = connect.create(
        Kind.CONTACT_FLOW, {"InstanceArn": instance_arn, "Name": "f", "Type": "CONTACT_FLOW", "Content": text}
    )
    contact_id = str(
        connect.start_web_rtc_contact({
            "InstanceId": instance_arn.rpartition("/")[2],
            "ContactFlowId": flow.id,
            "ParticipantDetails": {"DisplayName": "Ada"},
        })["ContactId"]
    )  # fmt: skip
    assert eventually(lambda: connect.contacts()[0]["State"] == "queued", seconds=5)
    return contact_id


def test_contacts_are_shown_with_their_parameters_and_their_way(control: Control, queued: str) -> None:
    status, document = ask(control, "GET", "contacts")
    [contact] = document["Contacts"]
    assert status == 200
    assert contact["ContactId"] == queued
    assert contact["Parameters"]["ParticipantDetails"] == {"DisplayName": "Ada"}
    assert [(passed["Block"], passed["Result"]) for passed in contact["Way"]] == [
        ("choose", "Success"),
        ("wait", "Success"),
    ]
    json.dumps(document)


def test_agent_and_customer_can_be_played(control: Control, queued: str) -> None:
    events = f"contacts/{queued}/events"
    assert ask(control, "POST", events, {"Event": "AgentConnected"})[1]["State"] == "connected"
    status, contact = ask(control, "POST", events, {"Event": "CustomerDisconnected"})
    assert (status, contact["DisconnectReason"]) == (200, "CUSTOMER_DISCONNECT")


def test_drops_and_transfers_can_be_played(control: Control, queued: str) -> None:
    def play(contact_id: str, event: str) -> Any:
        return ask(control, "POST", f"contacts/{contact_id}/events", {"Event": event})[1]

    assert play(queued, "CustomerDropped")["Participants"][0]["LeftAt"]
    play(queued, "AgentConnected")
    transferred = play(queued, "Transferred")
    assert transferred["PreviousContactId"] == queued
    assert play(transferred["ContactId"], "AgentConnected")["State"] == "connected"


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({"Event": "AgentDisconnected"}, 409, "needs a contact that is connected: this one is queued"),
        ({"Event": "Transferred"}, 409, "needs a contact that is connected: this one is queued"),
        ({"Event": "Sneezed"}, 400, "not one of AgentConnected, AgentDisconnected, CustomerDisconnected"),
        ({}, 400, "not one of"),
        ([], 400, "not a JSON object"),
    ],
)
def test_an_event_that_cannot_happen_is_refused(
    body: Any, status: int, says: str, control: Control, queued: str
) -> None:
    answer = ask(control, "POST", f"contacts/{queued}/events", body)
    assert answer[0] == status
    assert says in answer[1]["message"]


def test_an_event_of_an_unknown_contact_is_refused(control: Control) -> None:
    assert ask(control, "POST", "contacts/gone/events", {"Event": "AgentConnected"})[0] == 404


def test_a_contact_event_can_be_published_again(
    control: Control, queued: str, surroundings: FakeSurroundings
) -> None:
    [detail] = [each for each in ask(control, "GET", "events")[1]["Events"] if each["eventType"] == "QUEUED"]
    assert ask(control, "POST", "events", {"Detail": detail}) == (200, {})
    first, second = (event for event in surroundings.events if event["detail"]["eventType"] == "QUEUED")
    assert first == second
    assert ask(control, "GET", "events")[1]["Events"][-1] == detail


def test_an_invented_contact_event_moves_no_contact(
    control: Control, queued: str, surroundings: FakeSurroundings
) -> None:
    detail = {"eventType": "DISCONNECTED", "contactId": queued, "instanceArn": "arn:of:another", "new": 1}
    assert ask(control, "POST", "events", {"Detail": detail})[0] == 200
    assert surroundings.events[-1] == {
        "detail-type": "Amazon Connect Contact Event",
        "detail": detail,
        "resources": [f"arn:of:another/contact/{queued}", "arn:of:another"],
    }
    assert ask(control, "GET", "contacts")[1]["Contacts"][0]["State"] == "queued"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"Detail": "QUEUED"},
        {"Detail": {"eventType": "QUEUED", "contactId": "c"}},
        {"Detail": {"eventType": "QUEUED", "contactId": 1, "instanceArn": "i"}},
        {"detail": {"eventType": "QUEUED", "contactId": "c", "instanceArn": "i"}},
    ],
)
def test_a_contact_event_with_a_typo_is_refused(
    body: Any, control: Control, surroundings: FakeSurroundings
) -> None:
    status, document = ask(control, "POST", "events", body)
    assert (status, surroundings.events) == (400, [])
    assert "contactId" in document["message"]


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", ""), ("GET", "nothing"), ("POST", "contacts"), ("DELETE", "calls"), ("GET", "faults")],
)
def test_what_is_not_there_is_not_found(method: str, path: str, control: Control) -> None:
    assert ask(control, method, path)[0] == 404


def test_calls_traces_and_recorded_resources_are_listed(control: Control) -> None:
    control.note_call({"Operation": "UpdateItem"})
    control.note_trace({"name": "start-call"})
    assert ask(control, "GET", "calls") == (200, {"Calls": [{"Operation": "UpdateItem"}]})
    assert ask(control, "GET", "traces") == (200, {"Traces": [{"name": "start-call"}]})
    assert ask(control, "GET", "recorded") == (200, {"Recorded": RECORDED})


def test_only_the_newest_calls_are_kept(control: Control) -> None:
    for number in range(MOST_CALLS + 5):
        control.note_call({"Number": number})
    calls = ask(control, "GET", "calls")[1]["Calls"]
    assert (len(calls), calls[0]["Number"]) == (MOST_CALLS, 5)


def test_a_fault_happens_as_often_as_it_says_and_to_its_operation_alone(control: Control) -> None:
    assert ask(control, "POST", "faults", {**START, "Times": 2, "Error": ERROR})[0] == 200
    assert control.take_fault("connect", "StopContact") is None
    assert control.take_fault("dynamodb", "StartWebRTCContact") is None
    first, second = (control.take_fault("connect", "StartWebRTCContact") for _ in range(2))
    assert first is second is not None
    assert control.take_fault("connect", "StartWebRTCContact") is None
    assert not control.has_faults()


def test_a_fault_happens_once_unless_told(control: Control) -> None:
    ask(control, "POST", "faults", {**START, "Error": ERROR})
    assert control.take_fault("connect", "StartWebRTCContact")
    assert control.take_fault("connect", "StartWebRTCContact") is None


def test_faults_of_one_operation_happen_in_their_order(control: Control) -> None:
    ask(control, "POST", "faults", {**START, "Error": ERROR})
    ask(control, "POST", "faults", {**START, "DelaySeconds": 0.5})
    first, second = (control.take_fault("connect", "StartWebRTCContact") for _ in range(2))
    assert first is not None
    assert first.code == "ThrottlingException"
    assert second is not None
    assert second.delay_seconds == 0.5


def test_faults_can_be_taken_back(control: Control) -> None:
    ask(control, "POST", "faults", {**START, "Times": 9, "Error": ERROR})
    assert ask(control, "DELETE", "faults")[0] == 200
    assert not control.has_faults()


def test_an_injected_error_is_spelled_as_the_sdk_reads_it(control: Control) -> None:
    ask(control, "POST", "faults", {**START, "Error": {"Code": "LimitExceededException", "Status": 429}})
    fault = control.take_fault("connect", "StartWebRTCContact")
    assert fault is not None
    status, headers, body = fault.error_answer()
    assert status == 429
    assert headers["x-amzn-ErrorType"] == json.loads(body)["__type"] == "LimitExceededException"


def test_a_malformed_answer_parses_and_lacks_what_a_client_needs(control: Control) -> None:
    ask(control, "POST", "faults", {**START, "Malformed": True})
    fault = control.take_fault("connect", "StartWebRTCContact")
    assert fault is not None
    spoiled = json.loads(fault.spoil(b'{"ContactId": "c", "ConnectionData": {"Meeting": {}}, "Items": [1]}'))
    assert spoiled == {"ContactId": "c"}
    assert json.loads(fault.spoil(b"")) == {}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"Service": "connect", "Operation": "StartWebRtcContact", "Error": ERROR},
        {"Service": "conect", "Operation": "StartWebRTCContact", "Error": ERROR},
        {"Service": "sns", "Operation": "Publish", "Error": ERROR},
        {"Service": "issuer", "Operation": "GetKey", "Error": ERROR},
        START,
        {**START, "Error": ERROR, "Malformed": True},
        {**START, "Malformed": False},
        {**START, "Error": "ThrottlingException"},
        {**START, "Error": {"Code": "ThrottlingException", "Status": "400"}},
        {**START, "Error": {"Code": "ThrottlingException", "Status": 200}},
        {**START, "DelaySeconds": "1"},
        {**START, "DelaySeconds": -1},
        {**START, "Times": 0, "Error": ERROR},
        {**START, "Times": "2", "Error": ERROR},
        {**START, "Tines": 2, "Error": ERROR},
        "StartWebRTCContact",
    ],
)  # fmt: skip
def test_a_fault_with_a_typo_is_refused(body: Any, control: Control) -> None:
    status, document = ask(control, "POST", "faults", body)
    assert status == 400
    assert document["message"]
    assert not control.has_faults()


MEETING = {
    "ClientRequestToken": "tap",
    "MediaRegion": "eu-west-2",
    "ExternalMeetingId": "tests",
    "Attendees": [{"ExternalUserId": "caller"}, {"ExternalUserId": "phone-agent"}],
}


@pytest.fixture
def meeting_id(telephony: Telephony) -> str:
    return str(telephony.meetings.create_meeting_with_attendees(MEETING)["Meeting"]["MeetingId"])


def test_meetings_are_listed_and_their_caller_can_be_played(control: Control, meeting_id: str) -> None:
    events = f"meetings/{meeting_id}/events"
    for event, presence in (("CallerJoined", "present"), ("CallerDropped", "dropped")):
        status, meeting = ask(control, "POST", events, {"Event": event})
        assert (status, meeting["Attendees"][0]["Presence"]) == (200, presence)
    assert ask(control, "POST", events, {"Event": "TimedOut"})[1]["State"] == "ended"
    [listed] = ask(control, "GET", "meetings")[1]["Meetings"]
    assert (listed["MeetingId"], listed["State"]) == (meeting_id, "ended")


@pytest.mark.parametrize(
    ("event", "status", "says"),
    [
        ("CallerLeft", 409, "no attendee 'caller' of a living meeting can do that"),
        ("AgentConnected", 400, "not one of CallerJoined, CallerLeft, CallerDropped, TimedOut"),
    ],
)
def test_what_cannot_happen_in_a_meeting_is_refused(
    event: str, status: int, says: str, control: Control, meeting_id: str
) -> None:
    answer = ask(control, "POST", f"meetings/{meeting_id}/events", {"Event": event})
    assert answer[0] == status
    assert says in answer[1]["message"]


def test_an_event_of_a_meeting_can_be_published_again_and_moves_nothing(
    control: Control, meeting_id: str, meeting_events: MeetingEvents
) -> None:
    detail = {"eventType": "chime:MeetingEnded", "meetingId": meeting_id, "new": 1}
    assert ask(control, "POST", "events", {"Detail": detail}) == (200, {})
    assert meeting_events.details[-1] == detail
    assert ask(control, "GET", "meetings")[1]["Meetings"][0]["State"] == "living"


def test_calls_of_sip_media_applications_are_listed(control: Control, bridge: Bridge) -> None:
    meeting_id, transaction_id = bridge.call()
    [call] = ask(control, "GET", "sip-calls")[1]["SipCalls"]
    assert (call["TransactionId"], call["MeetingId"]) == (transaction_id, meeting_id)
    json.dumps(call)


def test_somebody_dials_presses_keys_and_hangs_up(control: Control, instance: Instance) -> None:
    number = claimed_number(instance, listening_flow(instance)).address
    status, line = ask(control, "POST", "dial", {"Number": number, "Caller": "+442079460123"})
    assert status == 200
    line_id = line["LineId"]
    assert eventually(lambda: instance.shown(line_id)["AwaitsDigits"], seconds=5)
    assert ask(control, "POST", f"lines/{line_id}/digits", {"Digits": "1234"})[0] == 200
    assert instance.settled(line_id)["Attributes"]["typed"] == "1234"
    assert ask(control, "POST", f"lines/{line_id}/events", {"Event": "HungUp"})[0] == 200
    assert instance.shown(line_id)["DisconnectReason"] == "CUSTOMER_DISCONNECT"


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("dial", {"Number": "+12065550142", "Caller": "+442079460123"}, 404),
        ("dial", {"Number": "+12065550142"}, 400),
        ("dial", {"Number": "5550142", "Caller": "+442079460123"}, 400),
        ("lines/gone/digits", {"Digits": "1"}, 404),
    ],
)
def test_a_dial_that_leads_nowhere_is_refused(path: str, body: Any, status: int, control: Control) -> None:
    assert ask(control, "POST", path, body)[0] == status


@pytest.mark.parametrize(
    ("what", "body"),
    [("digits", {}), ("digits", {"Digits": ""}), ("events", {"Event": "HangUp"}), ("else", {})],
)
def test_a_line_does_what_a_caller_can_do(what: str, body: Any, control: Control, instance: Instance) -> None:
    number = claimed_number(instance, instance.flow).address
    line_id = ask(control, "POST", "dial", {"Number": number, "Caller": "+442079460123"})[1]["LineId"]
    assert ask(control, "POST", f"lines/{line_id}/{what}", body)[0] == 400


@pytest.mark.parametrize(
    ("service", "operation"),
    [
        ("chime-sdk-meetings", "CreateMeetingWithAttendees"),
        ("chime-sdk-voice", "CreateSipMediaApplicationCall"),
    ],
)
def test_faults_happen_to_the_new_services_too(service: str, operation: str, control: Control) -> None:
    fault = {"Service": service, "Operation": operation, "Error": ERROR}
    assert ask(control, "POST", "faults", fault)[0] == 200
    assert control.take_fault(service, operation)


def test_somebody_signs_up_with_the_issuer_once(control: Control) -> None:
    user = {"Email": "ada@example.com", "Claims": {"name": "Ada", "email_verified": False}}
    status, claims = ask(control, "POST", "issuer/users", user)
    assert (status, claims["name"], claims["email_verified"]) == (200, "Ada", False)
    assert claims["sub"]
    assert ask(control, "POST", "issuer/users", user)[0] == 409


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("users", {"Email": "ada@example.com"}),
        ("users", {"Email": 1, "Claims": {}}),
        ("rotate", {}),
        ("rotate", {"Retire": "true"}),
        ("keys", {}),
    ],
)
def test_what_the_issuer_cannot_be_told_is_refused(what: str, body: Any, control: Control) -> None:
    status, document = ask(control, "POST", f"issuer/{what}", body)
    assert status == 400
    assert "rotate takes" in document["message"]
