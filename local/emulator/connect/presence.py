"""Who is in the meetings of calls, as the local media plane asks and reports.

A join token is a place in a meeting: whoever holds it may join, until the place is lost. The customer's first
join lets the contact reach its flow, an agent's join connects the contact, and leaving the meeting ends it.

Assumed, because AWS does not say it: an agent has the customer's `AWAY_FOR` too; a customer who leaves while
others are there on the customer's side leaves them in the call.
"""

import secrets
import uuid
from enum import StrEnum
from typing import Any

from local.emulator.connect.connect import Connect
from local.emulator.connect.contact import (
    Contact,
    ContactEvent,
    ContactStateError,
    Conversation,
    Participant,
    Role,
    State,
    now,
)

AWAY_FOR = 60.0  # seconds after which a participant is out


class Presence(StrEnum):
    """What becomes of somebody in a meeting."""

    JOINED = "Joined"
    LEFT = "Left"
    GONE = "Gone"  # without a word: a network, an app that was killed


class CallOver(Exception):
    """The call that a place was in has ended."""


class Meetings:
    """The meetings of all calls that are under way."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._agents: dict[str, tuple[Participant, Conversation]] = {}  # by join token
        self._away: dict[str, object] = {}  # by participant: the absence that is counted

    def shown(self) -> list[dict[str, Any]]:
        """What there is to be heard in each meeting, and whose places are not lost."""
        return [_shown(contact) for contact in self._connect.under_way() if contact.conversation.meeting]

    def offer(self, contact_id: str) -> dict[str, Any]:
        """A place for the agent who takes a contact: what to join its meeting with; the same again until they
        are out. KeyError for an unknown contact, ContactStateError for one that no agent can take now.
        """
        contact = self._connect.by_id(contact_id)
        conversation = contact.conversation
        agent = conversation.agent
        takeable = contact.state is State.QUEUED or (contact.state is State.CONNECTED and agent)
        if not conversation.meeting or not takeable:
            raise ContactStateError(f"no agent can take a contact that is {contact.state}")
        if agent is None:
            agent = Participant(
                id=str(uuid.uuid4()),
                name="agent",
                token="",
                attendee={"AttendeeId": str(uuid.uuid4()), "JoinToken": secrets.token_urlsafe(90)},
                role=Role.AGENT,
            )
            conversation.agents.append(agent)
            self._agents[agent.attendee["JoinToken"]] = agent, conversation
        return {"ContactId": contact.id, "Attendee": agent.attendee, "Meeting": conversation.meeting}

    def admit(self, join_token: str) -> dict[str, Any]:
        """Whose place it is, and in which meeting. KeyError once it is lost, or for a token that is none;
        CallOver once the call has ended.
        """
        participant, contact = self._whom(join_token)
        return {
            "AttendeeId": participant.attendee["AttendeeId"],
            "ExternalUserId": participant.external_user_id,
            "Role": participant.role,
            "MeetingId": contact.conversation.meeting["MeetingId"],
            "ContactId": contact.id,
        }

    def report(self, join_token: str, presence: Presence) -> dict[str, Any]:
        """Somebody has joined, left or gone; KeyError and CallOver as `admit`."""
        participant, contact = self._whom(join_token)
        self._away.pop(participant.id, None)
        match presence:
            case Presence.JOINED if participant.role is Role.CUSTOMER:
                self._connect.join(contact.initial.id)
            case Presence.JOINED if contact.state is State.QUEUED:
                self._connect.happen(contact.id, ContactEvent.AGENT_CONNECTED)
            case Presence.LEFT:
                self._take_out(participant, contact, ContactEvent.CUSTOMER_DISCONNECTED)
            case Presence.GONE:
                absence = self._away[participant.id] = object()
                self._connect.timers.after(AWAY_FOR, lambda: self._give_up(join_token, absence))
        return {}

    def _give_up(self, join_token: str, absence: object) -> None:
        """Whoever has been away all the time is out."""
        try:
            participant, contact = self._whom(join_token)
        except (KeyError, CallOver):
            return
        if self._away.get(participant.id) is absence:
            self._take_out(participant, contact, ContactEvent.CUSTOMER_DROPPED)

    def _take_out(self, participant: Participant, contact: Contact, event: ContactEvent) -> None:
        if participant.role is Role.AGENT:
            participant.left = now()
            if contact.state is State.CONNECTED:
                self._connect.happen(contact.id, ContactEvent.AGENT_DISCONNECTED)
        elif contact.conversation.present_customers != [participant]:
            participant.left = now()
        else:
            self._connect.happen(contact.id, event)

    def _whom(self, join_token: str) -> tuple[Participant, Contact]:
        """Who holds a token, and the contact that they are in."""
        participant, conversation = self._agents.get(join_token) or self._connect.customer(join_token)
        contact = conversation.current
        if contact is None:
            raise CallOver
        if participant.left:
            raise KeyError("the place is lost")
        return participant, contact


def _shown(contact: Contact) -> dict[str, Any]:
    conversation = contact.conversation
    return {
        "MeetingId": conversation.meeting["MeetingId"],
        "ContactId": contact.id,
        "State": contact.state,
        "OnHold": contact.on_hold,
        "Heard": list(contact.heard),
        "AgentHeard": list(contact.agent_heard),
        "Digits": contact.digits.passed,
        "AttendeeIds": [
            participant.attendee["AttendeeId"]
            for participant in [*conversation.present_customers, *conversation.present_agents]
        ],
    }
