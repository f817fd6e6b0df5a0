"""When a contact reaches its flow, and both behaviours where AWS's documentation leaves two open."""

import threading
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.emulator.connect.connect import JOINS_WITHIN
from local.emulator.connect.contact import ContactEvent, ContactStateError
from local.emulator.connect.timers import Timers
from tests.local.conftest import FakeRestOfAws
from tests.local.emulator.connect_instance import Instance, code_of


def test_a_contact_reaches_its_flow_when_its_customer_has_joined(
    instance: Instance, rest_of_aws: FakeRestOfAws
) -> None:
    contact_id = instance.start_alone()["ContactId"]
    instance.connect.timers.put_forward(JOINS_WITHIN - 5)
    alone = instance.shown(contact_id)
    assert (alone["State"], alone["JoinedAt"], alone["Way"]) == ("connecting", None, [])
    assert rest_of_aws.event_types(contact_id) == ["INITIATED"]
    assert instance.connect.join(contact_id)["JoinedAt"]
    assert instance.settled(contact_id)["State"] == "queued"
    # The time to join in has no meaning any more.
    instance.connect.timers.put_forward(2 * JOINS_WITHIN)
    assert instance.shown(contact_id)["State"] == "queued"


def test_joining_again_begins_no_second_flow(instance: Instance, rest_of_aws: FakeRestOfAws) -> None:
    contact_id = instance.start()["ContactId"]
    instance.settled(contact_id)
    joined_at = instance.shown(contact_id)["JoinedAt"]
    assert instance.connect.join(contact_id)["JoinedAt"] == joined_at
    assert rest_of_aws.event_types(contact_id).count("QUEUED") == 1
    assert len(rest_of_aws.sources) == 1


def test_a_contact_whose_customer_never_joins_ends(instance: Instance, rest_of_aws: FakeRestOfAws) -> None:
    contact_id = instance.start_alone()["ContactId"]
    instance.connect.timers.put_forward(JOINS_WITHIN)
    contact = instance.shown(contact_id)
    assert (contact["State"], contact["DisconnectReason"]) == ("ended", "CUSTOMER_NEVER_ARRIVED")
    assert rest_of_aws.event_types(contact_id) == ["INITIATED", "DISCONNECTED", "COMPLETED"]
    with pytest.raises(ContactStateError, match="has ended"):
        instance.connect.join(contact_id)


def test_nobody_joins_an_unknown_contact(instance: Instance) -> None:
    with pytest.raises(KeyError):
        instance.connect.join("gone")


def test_whoever_joins_a_transferred_call_again_is_in_it(instance: Instance) -> None:
    first = instance.connected()["ContactId"]
    second = instance.connect.happen(first, ContactEvent.TRANSFERRED)["ContactId"]
    assert instance.connect.join(second)["State"] == "queued"


@pytest.mark.parametrize(("behaviour", "state"), [("ContactStays", "connected"), ("ContactEnds", "ended")])
def test_a_contact_whose_only_customer_is_lost_stays_or_ends(
    behaviour: str, state: str, instance: Instance, rest_of_aws: FakeRestOfAws
) -> None:
    instance.connect.behaviours.switch({"LostCustomer": behaviour})
    contact_id = instance.connected()["ContactId"]
    contact = instance.connect.happen(contact_id, ContactEvent.CUSTOMER_DROPPED)
    assert contact["State"] == state
    assert contact["Participants"][0]["LeftAt"]
    if state == "ended":
        assert contact["DisconnectReason"] == "CUSTOMER_DISCONNECT"
        assert rest_of_aws.event_types(contact_id)[-2:] == ["DISCONNECTED", "COMPLETED"]
        with pytest.raises(ClientError) as caught:
            instance.add(contact_id)
        assert code_of(caught) == "ResourceNotFoundException"
    else:
        assert instance.add(contact_id)["ParticipantId"]


@pytest.mark.parametrize("behaviour", ["SameAnswer", "ContactIdOnly"])
def test_a_repeated_client_token_is_answered_with_the_contact_id_at_least(
    behaviour: str, instance: Instance
) -> None:
    instance.connect.behaviours.switch({"RepeatedClientToken": behaviour})
    first = instance.start(ClientToken="tap")
    assert first["ConnectionData"]
    again = instance.start(ClientToken="tap")
    again.pop("ResponseMetadata")
    first.pop("ResponseMetadata")
    assert again == (first if behaviour == "SameAnswer" else {"ContactId": first["ContactId"]})
    assert len(instance.connect.contacts()) == 1


@pytest.mark.parametrize(("behaviour", "method"), [("WEBRTC_API", "WEBRTC_API"), ("LeftOut", None)])
def test_events_may_not_say_how_a_contact_began(
    behaviour: str, method: str | None, instance: Instance, rest_of_aws: FakeRestOfAws
) -> None:
    instance.connect.behaviours.switch({"EventMethod": behaviour})
    contact_id = instance.connected()["ContactId"]
    assert {event["detail"].get("initiationMethod") for event in rest_of_aws.events} == {method}
    rest_of_aws.events.clear()
    second = instance.connect.happen(contact_id, ContactEvent.TRANSFERRED)["ContactId"]
    of_second = [event["detail"] for event in rest_of_aws.events if event["detail"]["contactId"] == second]
    assert {detail["initiationMethod"] for detail in of_second} == {"TRANSFER"}


@pytest.mark.parametrize(("behaviour", "reason"), [("LeftOut", None), ("Given", "AGENT_DISCONNECT")])
def test_events_may_say_why_a_contact_ended(
    behaviour: str, reason: str | None, instance: Instance, rest_of_aws: FakeRestOfAws
) -> None:
    instance.connect.behaviours.switch({"EventReason": behaviour})
    contact_id = instance.connected()["ContactId"]
    instance.connect.happen(contact_id, ContactEvent.AGENT_DISCONNECTED)
    ends = [event["detail"] for event in rest_of_aws.events[-2:]]
    assert [detail.get("disconnectReason") for detail in ends] == [reason, reason]


@pytest.mark.parametrize(
    "wanted", [{"LostCustomer": "Ends"}, {"LostCaller": "ContactEnds"}, {"RepeatedClientToken": True}]
)
def test_a_behaviour_that_is_none_changes_nothing(wanted: dict[str, Any], instance: Instance) -> None:
    before = instance.connect.behaviours.shown()
    with pytest.raises(ValueError, match="LostCustomer is ContactStays or ContactEnds"):
        instance.connect.behaviours.switch({"RepeatedClientToken": "ContactIdOnly", **wanted})
    assert instance.connect.behaviours.shown() == before


def test_timers_go_off_by_themselves_and_in_their_order() -> None:
    timers, done, last = Timers(), [], threading.Event()
    timers.after(0.1, last.set)
    timers.after(0.02, lambda: done.append("second"))
    timers.after(0.01, lambda: done.append("first"))
    timers.after(60, lambda: done.append("much later"))
    assert last.wait(5)
    assert done == ["first", "second"]
    timers.put_forward(60)
    assert done == ["first", "second", "much later"]
