"""Who is in a meeting: what places in it are good for, and what becomes of the contact."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from local.emulator import media
from local.emulator.connect.connect import Connect
from local.emulator.connect.contact import ContactEvent, ContactStateError
from local.emulator.connect.presence import AWAY_FOR, CallOver, Meetings, Presence
from local.emulator.control import Control
from local.issuer.issuer import Issuer
from tests.local.emulator.connect_instance import Instance


@pytest.fixture
def meetings(connect: Connect) -> Meetings:
    return Meetings(connect)


def token_of(answer: Mapping[str, Any]) -> str:
    data = answer.get("ConnectionData", answer)
    return str(data["Attendee"]["JoinToken"])


def state(connect: Connect, contact_id: str) -> str:
    [contact] = [each for each in connect.contacts() if each["ContactId"] == contact_id]
    return str(contact["State"])


def connected(meetings: Meetings, instance: Instance) -> tuple[str, str, str]:
    """The contact, the customer's token, the agent's."""
    started = instance.queued()
    contact_id = started["ContactId"]
    agent = token_of(meetings.offer(contact_id))
    meetings.report(token_of(started), Presence.JOINED)
    meetings.report(agent, Presence.JOINED)
    return contact_id, token_of(started), agent


def test_a_join_token_is_one_place_of_one_side(meetings: Meetings, instance: Instance) -> None:
    started = instance.queued()
    admitted = meetings.admit(token_of(started))
    attendee = started["ConnectionData"]["Attendee"]["AttendeeId"]
    assert (admitted["AttendeeId"], admitted["Role"]) == (attendee, "CUSTOMER")
    assert admitted["MeetingId"] == started["ConnectionData"]["Meeting"]["MeetingId"]
    offered = meetings.offer(started["ContactId"])
    # Whoever opens the desk twice has one place.
    assert meetings.offer(started["ContactId"]) == offered
    agent = meetings.admit(token_of(offered))
    assert agent["Role"] == "AGENT"
    assert agent["ExternalUserId"].endswith("agent")
    with pytest.raises(KeyError):
        meetings.admit("an-invented-one")


def test_an_agent_who_joins_is_connected_and_ends_it_by_leaving(
    meetings: Meetings, instance: Instance, connect: Connect
) -> None:
    contact_id, customer, agent = connected(meetings, instance)
    assert state(connect, contact_id) == "connected"
    meetings.report(agent, Presence.LEFT)
    assert state(connect, contact_id) == "ended"
    for token in (customer, agent):
        with pytest.raises(CallOver):
            meetings.admit(token)
    assert meetings.shown() == []


def test_a_customer_who_leaves_ends_the_call(
    meetings: Meetings, instance: Instance, connect: Connect
) -> None:
    contact_id, customer, _ = connected(meetings, instance)
    meetings.report(customer, Presence.LEFT)
    [contact] = connect.contacts()
    assert (contact["ContactId"], contact["DisconnectReason"]) == (contact_id, "CUSTOMER_DISCONNECT")


@pytest.mark.parametrize(("behaviour", "becomes"), [("ContactStays", "connected"), ("ContactEnds", "ended")])
def test_a_minute_without_the_customer_is_what_the_behaviour_says(
    behaviour: str, becomes: str, meetings: Meetings, instance: Instance, connect: Connect
) -> None:
    connect.behaviours.switch({"LostCustomer": behaviour})
    contact_id, customer, _ = connected(meetings, instance)
    meetings.report(customer, Presence.GONE)
    connect.timers.put_forward(AWAY_FOR - 5)
    assert state(connect, contact_id) == "connected"
    meetings.admit(customer)
    connect.timers.put_forward(10)
    assert state(connect, contact_id) == becomes
    with pytest.raises((KeyError, CallOver)):
        meetings.admit(customer)


def test_a_customer_who_comes_back_keeps_the_place(
    meetings: Meetings, instance: Instance, connect: Connect
) -> None:
    contact_id, customer, _ = connected(meetings, instance)
    meetings.report(customer, Presence.GONE)
    connect.timers.put_forward(AWAY_FOR - 5)
    meetings.report(customer, Presence.JOINED)
    meetings.report(customer, Presence.GONE)  # once more: the minute begins anew
    connect.timers.put_forward(10)
    assert meetings.admit(customer)["ContactId"] == contact_id


def test_an_agent_whose_network_is_lost_is_out_after_a_minute(
    meetings: Meetings, instance: Instance, connect: Connect
) -> None:
    contact_id, _, agent = connected(meetings, instance)
    meetings.report(agent, Presence.GONE)
    connect.timers.put_forward(AWAY_FOR + 1)
    assert state(connect, contact_id) == "ended"


def test_a_transfer_takes_the_agent_out_and_the_next_one_has_a_place(
    meetings: Meetings, instance: Instance, connect: Connect
) -> None:
    contact_id, customer, agent = connected(meetings, instance)
    moved = connect.happen(contact_id, ContactEvent.TRANSFERRED)["ContactId"]
    with pytest.raises(KeyError):
        meetings.admit(agent)
    assert meetings.admit(customer)["ContactId"] == moved
    with pytest.raises(ContactStateError):
        meetings.offer(contact_id)
    second = token_of(meetings.offer(moved))
    meetings.report(second, Presence.JOINED)
    assert state(connect, moved) == "connected"


def test_a_meeting_shows_what_is_to_be_heard_and_no_token(
    meetings: Meetings, instance: Instance, connect: Connect
) -> None:
    contact_id, customer, agent = connected(meetings, instance)
    connect.happen(contact_id, ContactEvent.CUSTOMER_HELD)
    [shown] = meetings.shown()
    assert (shown["State"], shown["OnHold"], len(shown["AttendeeIds"])) == ("connected", True, 2)
    assert customer not in json.dumps(shown)
    assert agent not in json.dumps(shown)
    connect.happen(contact_id, ContactEvent.CUSTOMER_RESUMED)
    assert meetings.shown()[0]["OnHold"] is False


def test_the_control_endpoints_answer_the_plane(
    meetings: Meetings, instance: Instance, connect: Connect
) -> None:
    control = Control(connect, list, issuer=Issuer())
    media.serve(meetings, control)

    def post(path: str, document: object) -> tuple[int, Any]:
        return control.answer("POST", f"/_local/media/{path}", json.dumps(document).encode())

    started = instance.queued()
    token = token_of(started)
    assert post("admission", {"JoinToken": token})[0] == 200
    assert post("presence", {"JoinToken": token, "Presence": "Joined"}) == (200, {})
    assert post("places", {"ContactId": started["ContactId"]})[0] == 200
    assert control.answer("GET", "/_local/media", b"")[1]["Media"] == meetings.shown()
    for path, document, status in [
        ("admission", {"JoinToken": "x"}, 404),
        ("admission", {"JoinToken": 5}, 404),
        ("presence", {"JoinToken": token, "Presence": "Asleep"}, 400),
        ("places", {"ContactId": "x"}, 404),
        ("elsewhere", {}, 404),
    ]:
        assert post(path, document)[0] == status
    connect.happen(started["ContactId"], ContactEvent.CUSTOMER_DISCONNECTED)
    assert post("places", {"ContactId": started["ContactId"]})[0] == 409
    assert post("admission", {"JoinToken": token})[0] == 410
