"""Who takes part in a call on the customer's side: coming back after a drop, digits, transfers."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.emulator.connect import participants as participants_module
from local.emulator.connect.connect import MAX_PARTICIPANTS
from local.emulator.connect.contact import ContactEvent, ContactStateError
from local.emulator.connect.participants import CONNECTION_LIFE
from tests.local.conftest import FakeRestOfAws
from tests.local.emulator.connect_instance import Instance, code_of, status_of


def moment(text: str) -> datetime:
    """A time in the only spelling that the official app reads."""
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", text)
    return datetime.fromisoformat(text)


def connect_to(sdk: Any, participant_token: str, *types: str) -> Any:
    return sdk.create_participant_connection(
        ParticipantToken=participant_token, Type=types or ["CONNECTION_CREDENTIALS"]
    )


def connection_token(sdk: Any, participant_token: str) -> str:
    return str(connect_to(sdk, participant_token)["ConnectionCredentials"]["ConnectionToken"])


def send(sdk: Any, token: str, content: str = "1", **changed: Any) -> Any:
    given = {"ContentType": "audio/dtmf", "Content": content, "ConnectionToken": token, **changed}
    return sdk.send_message(**given)


def assert_denied(sdk: Any, participant_token: str) -> None:
    with pytest.raises(ClientError) as caught:
        connect_to(sdk, participant_token)
    assert (code_of(caught), status_of(caught)) == ("AccessDeniedException", 403)


def test_a_connection_for_messages_lasts_a_day(instance: Instance, participants_sdk: Any) -> None:
    answer = connect_to(participants_sdk, instance.queued()["ParticipantToken"])
    assert "WebRTCConnection" not in answer
    credentials = answer["ConnectionCredentials"]
    assert credentials["ConnectionToken"]
    left = moment(credentials["Expiry"]) - datetime.now(UTC)
    assert timedelta(hours=23) < left <= CONNECTION_LIFE


def test_a_connection_to_the_meeting_lacks_what_the_real_one_lacks(
    instance: Instance, participants_sdk: Any
) -> None:
    started = instance.queued()
    answer = connect_to(participants_sdk, started["ParticipantToken"], "WEBRTC_CONNECTION")
    assert "ConnectionCredentials" not in answer
    connection, first = answer["WebRTCConnection"], started["ConnectionData"]
    assert connection["Attendee"] == first["Attendee"]
    assert connection["Meeting"]["MeetingId"] == first["Meeting"]["MeetingId"]
    assert "MediaRegion" not in connection["Meeting"]
    placement = first["Meeting"]["MediaPlacement"]
    assert connection["Meeting"]["MediaPlacement"] == {
        name: value for name, value in placement.items() if name != "TurnControlUrl"
    }


@pytest.mark.parametrize("types", [["WEBSOCKET"], ["WEBSOCKET", "WEBRTC_CONNECTION"], ["VIDEO"], []])
def test_other_connections_are_refused(types: list[str], instance: Instance, participants_sdk: Any) -> None:
    token = instance.queued()["ParticipantToken"]
    with pytest.raises(ClientError) as caught:
        participants_sdk.create_participant_connection(ParticipantToken=token, Type=types)
    assert (code_of(caught), status_of(caught)) == ("ValidationException", 400)


def test_a_token_that_nobody_was_given_is_refused(instance: Instance, participants_sdk: Any) -> None:
    instance.queued()
    assert_denied(participants_sdk, "guessed")
    with pytest.raises(ClientError) as caught:
        send(participants_sdk, "guessed")
    assert (code_of(caught), status_of(caught)) == ("AccessDeniedException", 403)


def test_the_tokens_end_with_the_contact(instance: Instance, participants_sdk: Any) -> None:
    started = instance.queued()
    token = connection_token(participants_sdk, started["ParticipantToken"])
    instance.stop(started["ContactId"])
    assert_denied(participants_sdk, started["ParticipantToken"])
    with pytest.raises(ClientError) as caught:
        send(participants_sdk, token)
    assert code_of(caught) == "AccessDeniedException"


def test_digits_reach_the_contact_in_their_order(instance: Instance, participants_sdk: Any) -> None:
    started = instance.connected()
    token = connection_token(participants_sdk, started["ParticipantToken"])
    answers = [send(participants_sdk, token, digits) for digits in ("1", "0123456789*#,")]
    assert len({answer["Id"] for answer in answers}) == 2
    assert all(moment(answer["AbsoluteTime"]) for answer in answers)
    assert instance.shown(started["ContactId"])["Digits"] == ["1", "0123456789*#,"]


def test_digits_that_are_sent_again_are_heard_once(instance: Instance, participants_sdk: Any) -> None:
    started = instance.connected()
    token = connection_token(participants_sdk, started["ParticipantToken"])
    answers = [send(participants_sdk, token, ClientToken="once") for _ in range(2)]
    assert answers[0]["Id"] == answers[1]["Id"]
    assert instance.shown(started["ContactId"])["Digits"] == ["1"]


@pytest.mark.parametrize(
    "changed",
    [
        {"Content": ""},
        {"Content": "12a"},
        {"Content": "1 2"},
        {"Content": "1\n"},
        {"Content": "\uff11"},
        {"ContentType": "text/plain"},
        {"ContentType": "audio/DTMF"},
    ],
)
def test_what_are_no_digits_is_refused(
    changed: dict[str, str], instance: Instance, participants_sdk: Any
) -> None:
    started = instance.connected()
    token = connection_token(participants_sdk, started["ParticipantToken"])
    with pytest.raises(ClientError) as caught:
        send(participants_sdk, token, **changed)
    assert (code_of(caught), status_of(caught)) == ("ValidationException", 400)
    assert instance.shown(started["ContactId"])["Digits"] == []


def test_a_connection_expires(
    instance: Instance, participants_sdk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = connection_token(participants_sdk, instance.connected()["ParticipantToken"])
    tomorrow = datetime.now(UTC) + CONNECTION_LIFE
    monkeypatch.setattr(participants_module, "now", lambda: tomorrow)
    with pytest.raises(ClientError) as caught:
        send(participants_sdk, token)
    assert code_of(caught) == "AccessDeniedException"


def test_whoever_dropped_is_out_and_comes_back_as_another_participant(
    instance: Instance, participants_sdk: Any
) -> None:
    started = instance.connected()
    old_token = connection_token(participants_sdk, started["ParticipantToken"])
    contact = instance.connect.happen(started["ContactId"], ContactEvent.CUSTOMER_DROPPED)
    assert contact["State"] == "connected"
    assert contact["Participants"][0]["LeftAt"]
    assert_denied(participants_sdk, started["ParticipantToken"])
    with pytest.raises(ClientError, match="AccessDenied"):
        send(participants_sdk, old_token)

    added = instance.add(started["ContactId"])
    assert added["ParticipantId"] != started["ParticipantId"]
    credentials = added["ParticipantCredentials"]
    assert moment(credentials["Expiry"]) > datetime.now(UTC)
    joined = connect_to(participants_sdk, credentials["ParticipantToken"], "WEBRTC_CONNECTION")
    connection, first = joined["WebRTCConnection"], started["ConnectionData"]
    assert connection["Meeting"]["MeetingId"] == first["Meeting"]["MeetingId"]
    assert connection["Attendee"] != first["Attendee"]
    send(participants_sdk, connection_token(participants_sdk, credentials["ParticipantToken"]), "2")

    contact = instance.shown(started["ContactId"])
    assert contact["Digits"] == ["2"]
    assert [(each["Role"], each.get("Name")) for each in contact["Participants"]] == [
        ("CUSTOMER", "Ada"),
        ("CUSTOMER", "Ada"),
        ("AGENT", None),
    ]
    assert contact["Participants"][1]["LeftAt"] is None


def test_nobody_can_drop_out_of_a_call_that_they_are_not_in(instance: Instance) -> None:
    contact_id = instance.queued()["ContactId"]
    instance.connect.happen(contact_id, ContactEvent.CUSTOMER_DROPPED)
    with pytest.raises(ContactStateError, match="no customer is left"):
        instance.connect.happen(contact_id, ContactEvent.CUSTOMER_DROPPED)


def test_nobody_is_added_before_an_agent_has_connected(instance: Instance) -> None:
    contact_id = instance.queued()["ContactId"]
    with pytest.raises(ClientError, match="No agent") as caught:
        instance.add(contact_id)
    assert (code_of(caught), status_of(caught)) == ("InvalidRequestException", 400)


@pytest.mark.parametrize("role", ["AGENT", "CUSTOM_BOT", None])
def test_only_customers_are_added(role: str | None, instance: Instance) -> None:
    contact_id = instance.connected()["ContactId"]
    with pytest.raises(ClientError, match="CUSTOMER") as caught:
        instance.add(contact_id, details={"ParticipantRole": role})
    assert code_of(caught) == "InvalidRequestException"


@pytest.mark.parametrize("is_known", [True, False])
def test_nobody_is_added_to_a_contact_that_is_not_there(is_known: bool, instance: Instance) -> None:
    contact_id = instance.connected()["ContactId"]
    instance.stop(contact_id)
    with pytest.raises(ClientError) as caught:
        instance.add(contact_id if is_known else "11111111-1111-4111-8111-111111111111")
    assert (code_of(caught), status_of(caught)) == ("ResourceNotFoundException", 404)


def test_a_call_has_six_participants_of_whom_those_who_left_do_not_count(instance: Instance) -> None:
    contact_id = instance.connected()["ContactId"]
    for _ in range(MAX_PARTICIPANTS - 2):  # besides the first customer and the agent
        instance.add(contact_id)
    with pytest.raises(ClientError) as caught:
        instance.add(contact_id)
    assert (code_of(caught), status_of(caught)) == ("ServiceQuotaExceededException", 402)
    instance.connect.happen(contact_id, ContactEvent.CUSTOMER_DROPPED)
    assert instance.add(contact_id)["ParticipantId"]


def test_the_same_client_token_adds_one_participant(instance: Instance) -> None:
    contact_id = instance.connected()["ContactId"]
    answers = [instance.add(contact_id, ClientToken="rejoin") for _ in range(3)]
    ids = {answer["ParticipantId"] for answer in answers}
    tokens = {answer["ParticipantCredentials"]["ParticipantToken"] for answer in answers}
    assert (len(ids), len(tokens)) == (1, 1)
    assert instance.add(contact_id, ClientToken="another")["ParticipantId"] not in ids
    # A client token counts for its operation alone.
    assert instance.start(ClientToken="rejoin")["ContactId"] != contact_id


def test_a_transferred_call_goes_on_as_another_contact_with_the_same_customer(
    instance: Instance, participants_sdk: Any, rest_of_aws: FakeRestOfAws
) -> None:
    started = instance.connected()
    first_id = started["ContactId"]
    token = connection_token(participants_sdk, started["ParticipantToken"])
    second = instance.connect.happen(first_id, ContactEvent.TRANSFERRED)
    first = instance.shown(first_id)

    assert (first["State"], first["InitialContactId"], first["PreviousContactId"]) == ("ended", None, None)
    assert (second["State"], second["Queue"]) == ("queued", first["Queue"])
    assert (second["InitialContactId"], second["PreviousContactId"]) == (first_id, first_id)
    assert second["Attributes"] == first["Attributes"]
    assert second["ContactFlow"] is None

    instance.connect.happen(second["ContactId"], ContactEvent.AGENT_CONNECTED)
    send(participants_sdk, token, "7")
    connect_to(participants_sdk, started["ParticipantToken"], "WEBRTC_CONNECTION")
    assert instance.shown(second["ContactId"])["Digits"] == ["7"]
    instance.connect.happen(second["ContactId"], ContactEvent.AGENT_DISCONNECTED)
    assert_denied(participants_sdk, started["ParticipantToken"])

    events = [(event["detail"]["eventType"], event["detail"]["contactId"]) for event in rest_of_aws.events]
    assert events[-7:] == [
        ("INITIATED", second["ContactId"]),
        ("QUEUED", second["ContactId"]),
        ("DISCONNECTED", first_id),
        ("COMPLETED", first_id),
        ("CONNECTED_TO_AGENT", second["ContactId"]),
        ("DISCONNECTED", second["ContactId"]),
        ("COMPLETED", second["ContactId"]),
    ]
    detail = rest_of_aws.events[-1]["detail"]
    assert (detail["initialContactId"], detail["previousContactId"]) == (first_id, first_id)
    assert detail["initiationMethod"] == "TRANSFER"
    described = instance.sdk.describe_contact(InstanceId=instance.id, ContactId=second["ContactId"])
    assert described["Contact"]["InitiationMethod"] == "TRANSFER"
    assert described["Contact"]["InitialContactId"] == first_id


def test_a_second_transfer_names_the_contact_before_and_the_initial_one(instance: Instance) -> None:
    first_id = instance.connected()["ContactId"]
    second_id = instance.connect.happen(first_id, ContactEvent.TRANSFERRED)["ContactId"]
    instance.connect.happen(second_id, ContactEvent.AGENT_CONNECTED)
    third = instance.connect.happen(second_id, ContactEvent.TRANSFERRED)
    assert (third["InitialContactId"], third["PreviousContactId"]) == (first_id, second_id)


def test_a_contact_of_a_transfer_cannot_be_stopped_and_the_one_before_is_gone(instance: Instance) -> None:
    first_id = instance.connected()["ContactId"]
    second_id = instance.connect.happen(first_id, ContactEvent.TRANSFERRED)["ContactId"]
    with pytest.raises(ClientError, match="TRANSFER") as caught:
        instance.stop(second_id)
    assert code_of(caught) == "InvalidRequestException"
    with pytest.raises(ClientError) as caught:
        instance.stop(first_id)
    assert (code_of(caught), status_of(caught)) == ("ContactNotFoundException", 410)
    instance.connect.happen(second_id, ContactEvent.CUSTOMER_DISCONNECTED)
    with pytest.raises(ClientError) as caught:
        instance.stop(second_id)
    assert code_of(caught) == "ContactNotFoundException"


def test_in_a_transferred_call_people_are_added_by_its_initial_contact(instance: Instance) -> None:
    first_id = instance.connected()["ContactId"]
    second_id = instance.connect.happen(first_id, ContactEvent.TRANSFERRED)["ContactId"]
    with pytest.raises(ClientError, match="No agent"):
        instance.add(first_id)
    instance.connect.happen(second_id, ContactEvent.AGENT_CONNECTED)
    with pytest.raises(ClientError, match="initial contact"):
        instance.add(second_id)
    assert instance.add(first_id)["ParticipantId"]
    assert len(instance.shown(second_id)["Participants"]) == 3


def test_only_an_agent_transfers(instance: Instance) -> None:
    with pytest.raises(ContactStateError, match="needs a contact that is connected"):
        instance.connect.happen(instance.queued()["ContactId"], ContactEvent.TRANSFERRED)


def test_events_are_kept_in_the_order_in_which_they_went_out(
    instance: Instance, rest_of_aws: FakeRestOfAws
) -> None:
    instance.stop(instance.connected()["ContactId"])
    assert instance.connect.events() == [event["detail"] for event in rest_of_aws.events]
