import threading
from collections.abc import Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.emulator.connect import flow_run
from local.emulator.connect.contact import ContactEvent
from local.emulator.rest_of_aws import FunctionError
from tests.local.conftest import FakeRestOfAws
from tests.local.emulator.connect_instance import Instance, code_of, status_of
from tests.local.emulator.flows import FUNCTION, HANG_UP, block, content

ANOTHER_ID = "11111111-1111-4111-8111-111111111111"


def test_a_contact_is_answered_with_all_that_a_client_needs_and_runs_its_flow(instance: Instance) -> None:
    answer = instance.start(Attributes={"order_id": "A-1"})
    meeting = answer["ConnectionData"]["Meeting"]
    assert meeting["MediaRegion"] == "eu-west-2"
    assert meeting["MeetingFeatures"] == {"Audio": {"EchoReduction": "AVAILABLE"}}
    assert all(meeting["MediaPlacement"].values())
    assert answer["ConnectionData"]["Attendee"]["JoinToken"]
    assert answer["ParticipantToken"]

    contact = instance.settled(answer["ContactId"])
    assert contact["State"] == "queued"
    assert contact["Queue"]["Name"] == "all"
    assert contact["Attributes"] == {"order_id": "A-1", "who": "ada", "channel": "VOICE", "name": "Ada"}
    assert [passed["Block"] for passed in contact["Way"]] == ["ask", "remember", "choose", "wait"]


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"ParticipantDetails": {}}, "DisplayName"),
        ({"ParticipantDetails": {"DisplayName": ""}}, "DisplayName"),
        ({"ParticipantDetails": {"DisplayName": "a" * 257}}, "257 characters"),
        ({"ContactFlowId": "f" * 501}, "501 characters"),
        ({"ClientToken": "t" * 501}, "501 characters"),
        ({"AllowedCapabilities": {"Customer": {"Video": "RECEIVE"}}}, "not one of"),
        ({"Attributes": {"a": "v" * 32_768}}, "32768 characters"),
        ({"Attributes": {"a b": "v"}}, "'a b'"),
        ({"Attributes": {"a": 1}}, "Attributes"),
    ],
)
def test_parameters_that_the_model_refuses_start_no_contact(
    changed: dict[str, Any], says: str, instance: Instance
) -> None:
    with pytest.raises(ClientError, match=says) as caught:
        instance.start(**changed)
    assert code_of(caught) == "InvalidParameterException"
    assert status_of(caught) == 400
    assert instance.connect.contacts() == []


def test_attributes_over_32_kilobytes_together_are_refused(instance: Instance) -> None:
    with pytest.raises(ClientError) as caught:
        instance.start(Attributes={"a": "v" * 32_000, "b": "ü" * 400})
    assert code_of(caught) == "InvalidRequestException"


@pytest.mark.parametrize("member", ["InstanceId", "ContactFlowId"])
def test_an_unknown_instance_or_flow_is_not_found(member: str, instance: Instance) -> None:
    with pytest.raises(ClientError) as caught:
        instance.start(**{member: ANOTHER_ID})
    assert (code_of(caught), status_of(caught)) == ("ResourceNotFoundException", 404)


def test_an_operation_that_is_not_emulated_says_so(instance: Instance) -> None:
    with pytest.raises(ClientError, match="not part of this emulator") as caught:
        instance.sdk.list_users(InstanceId=instance.id)
    assert status_of(caught) == 501


def test_the_same_client_token_is_the_same_contact(instance: Instance) -> None:
    answers = [instance.start(ClientToken="tap") for _ in range(3)]
    assert len({answer["ContactId"] for answer in answers}) == 1
    assert answers[0]["ConnectionData"] == answers[2]["ConnectionData"]
    assert instance.start(ClientToken="another tap")["ContactId"] != answers[0]["ContactId"]


def test_one_client_token_of_many_threads_is_one_contact(instance: Instance) -> None:
    ready = threading.Barrier(20)

    def tap() -> None:
        ready.wait(5)
        instance.start(ClientToken="tap")

    threads = [threading.Thread(target=tap) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert len(instance.connect.contacts()) == 1


def test_a_contact_is_stopped_once(instance: Instance, rest_of_aws: FakeRestOfAws) -> None:
    contact_id = instance.start()["ContactId"]
    instance.settled(contact_id)
    instance.sdk.stop_contact(InstanceId=instance.id, ContactId=contact_id)
    assert instance.settled(contact_id)["DisconnectReason"] == "OTHER"
    with pytest.raises(ClientError) as caught:
        instance.sdk.stop_contact(InstanceId=instance.id, ContactId=contact_id)
    assert (code_of(caught), status_of(caught)) == ("ContactNotFoundException", 410)
    assert rest_of_aws.event_types(contact_id)[-2:] == ["DISCONNECTED", "COMPLETED"]


def test_an_unknown_contact_cannot_be_stopped_or_described(instance: Instance) -> None:
    with pytest.raises(ClientError) as caught:
        instance.sdk.stop_contact(InstanceId=instance.id, ContactId=ANOTHER_ID)
    assert code_of(caught) == "ContactNotFoundException"
    with pytest.raises(ClientError) as caught:
        instance.sdk.describe_contact(InstanceId=instance.id, ContactId=ANOTHER_ID)
    assert code_of(caught) == "ResourceNotFoundException"


def test_a_contact_is_described_as_a_web_rtc_call(instance: Instance) -> None:
    contact_id = instance.start()["ContactId"]
    instance.settled(contact_id)
    described = instance.sdk.describe_contact(InstanceId=instance.id, ContactId=contact_id)["Contact"]
    assert (described["Channel"], described["InitiationMethod"]) == ("VOICE", "WEBRTC_API")
    assert described["QueueInfo"]["Id"] == instance.queue.id
    assert "DisconnectTimestamp" not in described


def test_agent_and_customer_move_a_contact_and_each_step_is_an_event(
    instance: Instance, rest_of_aws: FakeRestOfAws
) -> None:
    contact_id = instance.start()["ContactId"]
    instance.settled(contact_id)
    connected = instance.connect.happen(contact_id, ContactEvent.AGENT_CONNECTED)
    assert connected["State"] == "connected"
    assert [participant["Role"] for participant in connected["Participants"]] == ["CUSTOMER", "AGENT"]
    ended = instance.connect.happen(contact_id, ContactEvent.AGENT_DISCONNECTED)
    assert (ended["State"], ended["DisconnectReason"]) == ("ended", "AGENT_DISCONNECT")
    assert rest_of_aws.event_types(contact_id) == [
        "INITIATED", "CONTACT_DATA_UPDATED", "QUEUED", "CONNECTED_TO_AGENT", "DISCONNECTED", "COMPLETED",
    ]  # fmt: skip


def test_contact_events_have_the_fields_of_the_real_ones(
    instance: Instance, rest_of_aws: FakeRestOfAws
) -> None:
    contact_id = instance.start()["ContactId"]
    instance.settled(contact_id)
    queued = next(event for event in rest_of_aws.events if event["detail"]["eventType"] == "QUEUED")
    assert queued["detail-type"] == "Amazon Connect Contact Event"
    assert queued["resources"] == [f"{instance.arn}/contact/{contact_id}", instance.arn]
    detail = queued["detail"]
    assert detail["instanceArn"] == instance.arn
    assert (detail["channel"], detail["initiationMethod"]) == ("VOICE", "WEBRTC_API")
    assert detail["queueInfo"]["queueArn"] == instance.queue.arn
    assert detail["initiationTimestamp"].endswith("Z")
    assert "attributes" not in {name.lower() for name in detail}
    assert "disconnectTimestamp" not in detail


def test_a_full_queue_takes_no_more_contacts(instance: Instance) -> None:
    instance.settled(instance.start()["ContactId"])
    second = instance.settled(instance.start()["ContactId"])
    assert second["State"] == "ended"
    assert second["Way"][-2]["Result"] == "QueueAtCapacity"


def test_a_flow_sends_its_function_the_event_of_a_web_rtc_contact(
    instance: Instance, rest_of_aws: FakeRestOfAws
) -> None:
    events: list[Mapping[str, Any]] = []

    def keep(event: Mapping[str, Any]) -> dict[str, str]:
        events.append(event)
        return {}

    rest_of_aws.functions[FUNCTION] = keep
    contact_id = instance.start(Attributes={"a": "b"})["ContactId"]
    instance.settled(contact_id)
    [event] = events
    data = event["Details"]["ContactData"]
    assert event["Name"] == "ContactFlowEvent"
    assert (data["ContactId"], data["InitialContactId"]) == (contact_id, contact_id)
    assert data["Attributes"] == {"a": "b"}
    assert data["InstanceARN"] == instance.arn
    # Real ones are null: a function that reads .Address of it must fail here too.
    assert data["CustomerEndpoint"] is None
    assert rest_of_aws.sources == [instance.arn]


def test_a_function_that_is_too_slow_is_not_waited_for(
    instance: Instance, rest_of_aws: FakeRestOfAws
) -> None:
    let_go = threading.Event()
    rest_of_aws.functions[FUNCTION] = lambda _event: let_go.wait(10)
    contact = instance.settled(instance.start()["ContactId"])
    let_go.set()
    assert contact["State"] == "ended"
    assert "did not answer within 1 s" in contact["Way"][0]["Detail"]


def test_a_function_that_fails_is_tried_four_times(instance: Instance, rest_of_aws: FakeRestOfAws) -> None:
    def fail(_event: Mapping[str, Any]) -> object:
        raise FunctionError("it crashed", is_worth_a_retry=True)

    rest_of_aws.functions[FUNCTION] = fail
    contact = instance.settled(instance.start()["ContactId"])
    assert contact["Way"][0]["Detail"] == "it crashed"
    assert len(rest_of_aws.sources) == flow_run.MAX_INVOCATIONS == 4


@pytest.mark.parametrize(
    "answer", [None, "verified", ["verified"], {"a": 1}, {"a": {"b": "c"}}, {"a": "x" * 32_768}]
)
def test_an_answer_that_is_no_flat_map_of_texts_takes_the_error_branch(
    answer: object, instance: Instance, rest_of_aws: FakeRestOfAws
) -> None:
    rest_of_aws.functions[FUNCTION] = lambda _event: answer
    assert instance.settled(instance.start()["ContactId"])["State"] == "ended"


def test_a_function_that_is_not_associated_with_the_instance_is_not_invoked(
    instance: Instance, rest_of_aws: FakeRestOfAws
) -> None:
    assert instance.sdk.list_lambda_functions(InstanceId=instance.id)["LambdaFunctions"] == [FUNCTION]
    instance.connect.instances.delete(instance.association.arn)
    contact = instance.settled(instance.start()["ContactId"])
    assert "is not associated" in contact["Way"][0]["Detail"]
    assert rest_of_aws.sources == []
    assert instance.sdk.list_lambda_functions(InstanceId=instance.id)["LambdaFunctions"] == []


def test_a_flow_that_cannot_run_is_not_created(instance: Instance) -> None:
    with pytest.raises(ClientError, match=r"Invalid Action type\. Type: Pause") as caught:
        instance.new_flow("broken", block("a", "Pause", "a"))
    assert code_of(caught) == "InvalidContactFlowException"
    response: Any = caught.value.response
    assert response["problems"]


def test_a_flow_is_not_updated_to_one_that_connect_refuses(instance: Instance) -> None:
    names = {"InstanceId": instance.id, "ContactFlowId": instance.flow}
    with pytest.raises(ClientError) as caught:
        instance.sdk.update_contact_flow_content(**names, Content=content(block("a", "Pause", "a")))
    assert code_of(caught) == "InvalidContactFlowException"
    assert instance.settled(instance.start()["ContactId"])["State"] == "queued"
    instance.sdk.update_contact_flow_content(**names, Content=content(HANG_UP))
    assert instance.settled(instance.start()["ContactId"])["State"] == "ended"


def test_two_flows_of_an_instance_cannot_have_one_name(instance: Instance) -> None:
    with pytest.raises(ClientError) as caught:
        instance.new_flow("inbound", HANG_UP)
    assert code_of(caught) == "DuplicateResourceException"


def test_a_flow_that_is_updated_lets_its_contacts_finish_in_the_old_version(
    instance: Instance, rest_of_aws: FakeRestOfAws
) -> None:
    let_go = threading.Event()

    def wait(_event: Mapping[str, Any]) -> dict[str, str]:
        let_go.wait(1)
        return {}

    rest_of_aws.functions[FUNCTION] = wait
    contact_id = instance.start()["ContactId"]
    arn = f"{instance.arn}/contact-flow/{instance.flow}"
    new = {
        "InstanceArn": instance.arn,
        "Name": "inbound",
        "Type": "CONTACT_FLOW",
        "Content": content(HANG_UP),
    }
    instance.connect.instances.update(arn, new)
    let_go.set()
    assert instance.settled(contact_id)["State"] == "queued"
    assert instance.settled(instance.start()["ContactId"])["State"] == "ended"
