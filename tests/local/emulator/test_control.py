import json
from typing import Any

import pytest

from local.clients.observer import eventually
from local.emulator.connect.connect import Connect
from local.emulator.connect.contact import ContactEvent
from local.emulator.connect.instance import Kind
from local.emulator.control import MAX_CALLS, Control
from local.issuer.issuer import Issuer
from tests.local.conftest import FakeRestOfAws
from tests.local.emulator.flows import HANG_UP, block, content

RECORDED = [{"Type": "AWS::WAFv2::LoggingConfiguration", "LogicalId": "Logging"}]
ERROR = {"Code": "ThrottlingException", "Status": 400}
START = {"Service": "connect", "Operation": "StartWebRTCContact"}


@pytest.fixture
def control(connect: Connect) -> Control:
    return Control(connect, lambda: RECORDED, issuer=Issuer())


def send(control: Control, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    content = b"" if body is None else json.dumps(body).encode()
    status, document = control.answer(method, f"/_local/{path}", content)
    return int(status), document


@pytest.fixture
def queued(connect: Connect, instance_arn: str) -> str:
    """The id of a contact that waits in a queue."""
    hours = {"InstanceArn": instance_arn, "Name": "always", "TimeZone": "UTC", "Config": []}
    hours_arn = connect.instances.create(Kind.HOURS_OF_OPERATION, hours).arn
    queue = connect.instances.create(
        Kind.QUEUE, {"InstanceArn": instance_arn, "Name": "all", "HoursOfOperationArn": hours_arn}
    )
    text = content(
        block("choose", "UpdateContactTargetQueue", "wait", errors={"NoMatchingError": "hang-up"},
              QueueId=queue.arn),
        block("wait", "TransferContactToQueue", errors={"NoMatchingError": "hang-up"}),
        HANG_UP,
    )  # fmt: skip
    flow = connect.instances.create(
        Kind.CONTACT_FLOW, {"InstanceArn": instance_arn, "Name": "f", "Type": "CONTACT_FLOW", "Content": text}
    )
    contact_id = str(
        connect.start_web_rtc_contact({
            "InstanceId": instance_arn.rpartition("/")[2],
            "ContactFlowId": flow.id,
            "ParticipantDetails": {"DisplayName": "Ada"},
        })["ContactId"]
    )  # fmt: skip
    connect.join(contact_id)
    assert eventually(lambda: connect.contacts()[0]["State"] == "queued", seconds=5)
    return contact_id


def test_contacts_are_shown_with_their_parameters_and_their_way(control: Control, queued: str) -> None:
    status, document = send(control, "GET", "contacts")
    [contact] = document["Contacts"]
    assert status == 200
    assert contact["ContactId"] == queued
    assert contact["Parameters"]["ParticipantDetails"] == {"DisplayName": "Ada"}
    assert [(passed["Block"], passed["Result"]) for passed in contact["Way"]] == [
        ("choose", "Success"),
        ("wait", "Success"),
    ]
    json.dumps(document)


def test_one_contact_is_shown_alone(control: Control, connect: Connect, queued: str) -> None:
    assert send(control, "GET", f"contacts/{queued}") == (200, connect.contacts()[0])
    assert send(control, "GET", "contacts/gone")[0] == 404


def test_agent_and_customer_can_be_played(control: Control, queued: str) -> None:
    events = f"contacts/{queued}/events"
    assert send(control, "POST", events, {"Event": "AgentConnected"})[1]["State"] == "connected"
    status, contact = send(control, "POST", events, {"Event": "CustomerDisconnected"})
    assert (status, contact["DisconnectReason"]) == (200, "CUSTOMER_DISCONNECT")


def test_drops_and_transfers_can_be_played(control: Control, queued: str) -> None:
    def play(contact_id: str, event: str) -> Any:
        return send(control, "POST", f"contacts/{contact_id}/events", {"Event": event})[1]

    assert play(queued, "CustomerDropped")["Participants"][0]["LeftAt"]
    play(queued, "AgentConnected")
    transferred = play(queued, "Transferred")
    assert transferred["PreviousContactId"] == queued
    assert play(transferred["ContactId"], "AgentConnected")["State"] == "connected"


def test_the_customer_joins_by_a_request(control: Control, connect: Connect, queued: str) -> None:
    assert send(control, "POST", f"contacts/{queued}/join")[1]["State"] == "queued"
    assert send(control, "POST", "contacts/gone/join")[0] == 404
    connect.happen(queued, ContactEvent.CUSTOMER_DISCONNECTED)
    status, document = send(control, "POST", f"contacts/{queued}/join")
    assert (status, document["message"]) == (409, "the contact has ended")


def test_open_behaviours_are_switched_and_shown(control: Control) -> None:
    status, shown = send(control, "POST", "behaviours", {"LostCustomer": "ContactEnds"})
    assert (status, shown["LostCustomer"]) == (200, "ContactEnds")
    assert send(control, "GET", "behaviours") == (200, shown)
    status, document = send(control, "POST", "behaviours", {"LostCustomer": "Ends"})
    assert status == 400
    assert "ContactStays or ContactEnds" in document["message"]


def test_time_passes_for_connect(control: Control, connect: Connect) -> None:
    done: list[int] = []
    connect.timers.after(90, lambda: done.append(1))
    assert send(control, "POST", "clock", {"Seconds": 100}) == (200, {})
    assert done == [1]


@pytest.mark.parametrize("body", [{}, {"Seconds": "60"}, {"Seconds": 0}, {"Seconds": -1}, {"Seconds": True}])
def test_time_that_is_none_does_not_pass(body: Any, control: Control) -> None:
    assert send(control, "POST", "clock", body)[0] == 400


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
    answer = send(control, "POST", f"contacts/{queued}/events", body)
    assert answer[0] == status
    assert says in answer[1]["message"]


def test_an_event_of_an_unknown_contact_is_refused(control: Control) -> None:
    assert send(control, "POST", "contacts/gone/events", {"Event": "AgentConnected"})[0] == 404


def test_a_contact_event_can_be_published_again(
    control: Control, queued: str, rest_of_aws: FakeRestOfAws
) -> None:
    [detail] = [each for each in send(control, "GET", "events")[1]["Events"] if each["eventType"] == "QUEUED"]
    assert send(control, "POST", "events", {"Detail": detail}) == (200, {})
    first, second = (event for event in rest_of_aws.events if event["detail"]["eventType"] == "QUEUED")
    assert first == second
    assert send(control, "GET", "events")[1]["Events"][-1] == detail


def test_an_invented_contact_event_moves_no_contact(
    control: Control, queued: str, rest_of_aws: FakeRestOfAws
) -> None:
    detail = {"eventType": "DISCONNECTED", "contactId": queued, "instanceArn": "arn:of:another", "new": 1}
    assert send(control, "POST", "events", {"Detail": detail})[0] == 200
    assert rest_of_aws.events[-1] == {
        "detail-type": "Amazon Connect Contact Event",
        "detail": detail,
        "resources": [f"arn:of:another/contact/{queued}", "arn:of:another"],
    }
    assert send(control, "GET", "contacts")[1]["Contacts"][0]["State"] == "queued"


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
    body: Any, control: Control, rest_of_aws: FakeRestOfAws
) -> None:
    status, document = send(control, "POST", "events", body)
    assert (status, rest_of_aws.events) == (400, [])
    assert "contactId" in document["message"]


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", ""), ("GET", "nothing"), ("POST", "contacts"), ("DELETE", "calls"), ("GET", "faults")],
)
def test_what_is_not_there_is_not_found(method: str, path: str, control: Control) -> None:
    assert send(control, method, path)[0] == 404


def test_calls_traces_and_recorded_resources_are_listed(control: Control) -> None:
    control.note_call({"Operation": "UpdateItem"})
    control.note_trace({"name": "start-call"})
    assert send(control, "GET", "calls") == (200, {"Calls": [{"Operation": "UpdateItem"}]})
    assert send(control, "GET", "traces") == (200, {"Traces": [{"name": "start-call"}]})
    assert send(control, "GET", "recorded") == (200, {"Recorded": RECORDED})


def test_only_the_newest_calls_are_kept(control: Control) -> None:
    for number in range(MAX_CALLS + 5):
        control.note_call({"Number": number})
    calls = send(control, "GET", "calls")[1]["Calls"]
    assert (len(calls), calls[0]["Number"]) == (MAX_CALLS, 5)


def test_a_fault_happens_as_often_as_it_says_and_to_its_operation_alone(control: Control) -> None:
    assert send(control, "POST", "faults", {**START, "Times": 2, "Error": ERROR})[0] == 200
    assert control.take_fault("connect", "StopContact") is None
    assert control.take_fault("dynamodb", "StartWebRTCContact") is None
    first, second = (control.take_fault("connect", "StartWebRTCContact") for _ in range(2))
    assert first is second is not None
    assert control.take_fault("connect", "StartWebRTCContact") is None
    assert not control.has_faults()


def test_a_fault_happens_once_by_default(control: Control) -> None:
    send(control, "POST", "faults", {**START, "Error": ERROR})
    assert control.take_fault("connect", "StartWebRTCContact")
    assert control.take_fault("connect", "StartWebRTCContact") is None


def test_faults_of_one_operation_happen_in_their_order(control: Control) -> None:
    send(control, "POST", "faults", {**START, "Error": ERROR})
    send(control, "POST", "faults", {**START, "DelaySeconds": 0.5})
    first, second = (control.take_fault("connect", "StartWebRTCContact") for _ in range(2))
    assert first is not None
    assert first.code == "ThrottlingException"
    assert second is not None
    assert second.delay_seconds == 0.5


def test_faults_can_be_taken_back(control: Control) -> None:
    send(control, "POST", "faults", {**START, "Times": 9, "Error": ERROR})
    assert send(control, "DELETE", "faults")[0] == 200
    assert not control.has_faults()


def test_an_injected_error_is_spelled_as_the_sdk_reads_it(control: Control) -> None:
    send(control, "POST", "faults", {**START, "Error": {"Code": "LimitExceededException", "Status": 429}})
    fault = control.take_fault("connect", "StartWebRTCContact")
    assert fault is not None
    status, headers, body = fault.error_answer()
    assert status == 429
    assert headers["x-amzn-ErrorType"] == json.loads(body)["__type"] == "LimitExceededException"


def test_a_malformed_answer_parses_and_lacks_what_a_client_needs(control: Control) -> None:
    send(control, "POST", "faults", {**START, "Malformed": True})
    fault = control.take_fault("connect", "StartWebRTCContact")
    assert fault is not None
    spoiled = json.loads(fault.spoil(b'{"ContactId": "c", "ConnectionData": {"Meeting": {}}, "Items": [1]}'))
    assert spoiled == {"ContactId": "c"}
    assert json.loads(fault.spoil(b"")) == {}


def test_any_answer_can_be_given(control: Control) -> None:
    answer = {"Attributes": {"Starts": {"N": "many"}}}
    of_table = {"Service": "dynamodb", "Operation": "UpdateItem"}
    assert send(control, "POST", "faults", {**of_table, "Answer": answer})[0] == 200
    fault = control.take_fault("dynamodb", "UpdateItem")
    assert fault is not None
    assert fault.code is None, "the operation is performed"
    assert json.loads(fault.spoil(b'{"Attributes": {}}')) == answer


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
        {**START, "Answer": []},
        {**START, "Answer": {}, "Malformed": True},
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
    status, document = send(control, "POST", "faults", body)
    assert status == 400
    assert document["message"]
    assert not control.has_faults()


def test_somebody_signs_up_with_the_issuer_once(control: Control) -> None:
    user = {"Email": "ada@example.com", "Claims": {"name": "Ada", "email_verified": False}}
    status, claims = send(control, "POST", "issuer/users", user)
    assert (status, claims["name"], claims["email_verified"]) == (200, "Ada", False)
    assert claims["sub"]
    assert send(control, "POST", "issuer/users", user)[0] == 409


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
def test_a_request_to_the_issuer_with_a_typo_is_refused(what: str, body: Any, control: Control) -> None:
    status, document = send(control, "POST", f"issuer/{what}", body)
    assert status == 400
    assert "rotate takes" in document["message"]


def test_the_contact_center_is_shown_and_changed(control: Control) -> None:
    usual: dict[str, Any] = {"Hours": {}, "Queues": {}, "Draw": None, "ViewAction": None, "Failures": {}}
    assert send(control, "GET", "contact-center") == (200, usual)
    changed = {**usual, "Hours": {"h": "Closed"}}
    assert send(control, "POST", "contact-center", {"Hours": {"arn/h": "Closed"}}) == (200, changed)
    assert send(control, "GET", "contact-center") == (200, changed)


def test_a_contact_center_that_cannot_be_is_refused(control: Control) -> None:
    status, document = send(control, "POST", "contact-center", {"Hours": {"h": "Shut"}})
    assert status == 400
    assert "'Shut', not Open or Closed" in document["message"]


def test_no_two_services_answer_under_one_name(control: Control) -> None:
    control.add_list("of-one", list)
    with pytest.raises(ValueError, match="/_local/of-one is taken"):
        control.add_list("of-one", list)
    with pytest.raises(ValueError, match="/_local/clock is taken"):
        control.add_route("clock", lambda _parts, _document: {})
