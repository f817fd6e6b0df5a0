"""Amazon Connect and its Participant Service: contacts, their flow, agents, and the events of all that.

What no page of AWS settles is a decision of the course: whether a flow begins before its customer has joined,
how long a customer may take, whether an event names the contact that follows. `docs/truth.md` lists these.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.lambdas.conftest import INSTANCE_ARN
from tests.lambdas.events import contact_event, flow_event
from tests.lambdas.fake_aws import RefusedError
from tests.lambdas.fake_connect import connection_of, rejoin_of
from tests.simulation.scheduler import START

if TYPE_CHECKING:
    from tests.simulation.simulation import Simulation

QUEUES_AFTER = (200, 0, 2_000, 30_000)
TAKEN_AFTER = (5_000, 300, 60_000, 0)
"""The last: nobody takes the call."""
TALKS_FOR = (20_000, 1_000, 90_000, 400_000)
# What an agent does in the end.
_ENDS, _TRANSFERS, _TRANSFERS_TWICE, _STAYS = range(4)
_NEVER_ARRIVES = 60_000
_GONE_AFTER = 60_000
PATIENCE = 5_400_000
"""Milliseconds after which a contact ends that nothing else has ended: somebody in the contact center has
noticed. A product that relies on that has left it ringing."""


@dataclass
class Contact:
    """A contact. Times are milliseconds since the epoch, None until they come."""

    contact_id: str
    user: str | None
    """The user that a start of the product was for; None for a contact that somebody else made."""
    attributes: dict[str, str]
    started_at: int
    started_by: str = ""
    first: Contact | None = None
    """Of a contact that a transfer began: the one that the call began with."""
    previous: Contact | None = None
    method: str = "WEBRTC_API"
    is_left: bool = False
    """Whether Connect waits for a customer who never comes, or drops, until its `PATIENCE` ends."""
    joined_at: int | None = None
    flow_at: int | None = None
    status: str | None = None
    """What the flow was answered: `verified`, `unverified`, `abandoned`."""
    queued_at: int | None = None
    connected_at: int | None = None
    ended_at: int | None = None
    reason: str = ""
    following: Contact | None = None
    names_following: bool = False

    @property
    def call(self) -> Contact:
        """The contact that the call began with."""
        return self.first or self

    @property
    def last(self) -> Contact:
        """The contact that the call goes on as."""
        return self if self.following is None else self.following.last

    @property
    def is_live(self) -> bool:
        """Whether the call that this is part of goes on."""
        return self.last.ended_at is None


@dataclass
class Participant:
    """A customer in a call."""

    contact: Contact
    participant_id: str
    is_gone: bool = False


@dataclass
class ContactCenter:
    """All contacts of the instance."""

    simulation: Simulation
    contacts: dict[str, Contact] = field(default_factory=dict)
    _tokens: dict[str, Contact] = field(default_factory=dict)
    _participants: dict[str, Participant] = field(default_factory=dict)
    _created: dict[str, str] = field(default_factory=dict)
    _connections: dict[str, Participant] = field(default_factory=dict)
    _typed: set[str] = field(default_factory=set)

    def perform(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """Does what a request asks for."""
        answer: dict[str, Any] = getattr(self, f"_{operation}")(parameters)
        return answer

    # What the functions request.

    def _StartWebRTCContact(self, parameters: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        token = parameters["ClientToken"]
        contact = self._tokens.get(token)
        answer = {}
        if contact is None or not self._decide(f"{contact.contact_id} known by its id alone", 2):
            contact = contact or self._start(token, parameters)
            answer = connection_of(contact.contact_id)
        return {**answer, "ContactId": contact.contact_id}

    def _start(self, token: str, parameters: dict[str, Any]) -> Contact:
        invocation = self.simulation.invocation
        contact = self.make(
            parameters["Attributes"], user=parameters["Attributes"]["customer_id"], by=invocation
        )
        self._tokens[token] = contact
        participant = connection_of(contact.contact_id)
        self._participants[participant["ParticipantToken"]] = Participant(
            contact, participant["ParticipantId"]
        )
        self.simulation.invariants.contact_started(contact, parameters)
        return contact

    def _StopContact(self, parameters: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        contact = self.contacts.get(parameters["ContactId"])
        if contact is None or contact.ended_at is not None:
            raise RefusedError(410, "ContactNotFoundException")
        self.simulation.invariants.touched(contact, "StopContact")
        if contact.first is not None:
            raise RefusedError(400, "InvalidRequestException")
        self.simulation.invariants.contact_stopped(contact)
        self.end(contact, "OTHER")
        return {}

    def _CreateParticipant(self, parameters: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        contact = self.contacts[parameters["ContactId"]]
        self.simulation.invariants.touched(contact, "CreateParticipant")
        if not contact.is_live:
            raise RefusedError(404, "ResourceNotFoundException")
        if contact.last.connected_at is None:
            raise RefusedError(400, "InvalidRequestException")
        number = len(self._participants) + 1
        token = self._created.setdefault(parameters["ClientToken"], f"participant-token-{number}")
        participant = self._participants.setdefault(token, Participant(contact, f"participant-{number}"))
        self.simulation.after(_GONE_AFTER, lambda: self._forget(participant))
        return {
            "ParticipantId": participant.participant_id,
            "ParticipantCredentials": {"ParticipantToken": token, "Expiry": _expiry()},
        }

    def _CreateParticipantConnection(self, parameters: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        participant = self._speaker(self._participants, parameters["ParticipantToken"])
        if parameters["Type"] == ["WEBRTC_CONNECTION"]:
            return {"WebRTCConnection": rejoin_of(participant.participant_id)}
        token = f"connection-token-{len(self._connections) + 1}"
        self._connections[token] = participant
        return {"ConnectionCredentials": {"ConnectionToken": token, "Expiry": _expiry()}}

    def _SendMessage(self, parameters: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        participant = self._speaker(self._connections, parameters["ConnectionToken"])
        if parameters["ClientToken"] not in self._typed:
            self._typed.add(parameters["ClientToken"])
            self.simulation.invariants.digits_typed(participant.contact, parameters["Content"])
        return {"Id": "message"}

    def _speaker(self, known: dict[str, Participant], token: str) -> Participant:
        participant = known.get(token)
        if participant is None or participant.is_gone or not participant.contact.is_live:
            raise RefusedError(403, "AccessDeniedException")
        self.simulation.invariants.touched(participant.contact, "participant")
        return participant

    def speaks(self, contact: Contact, token: str) -> bool:
        """Whether a participant's token is for a contact."""
        participant = self._participants.get(token)
        return participant is not None and participant.contact is contact

    # What goes on in the contact center.

    def make(self, attributes: dict[str, str], *, user: str | None, by: str = "") -> Contact:
        """Starts a contact."""
        contact = Contact(
            contact_id=f"contact-{len(self.contacts) + 1}",
            user=user,
            attributes=dict(attributes),
            started_at=self.simulation.now,
            started_by=by,
        )
        self.contacts[contact.contact_id] = contact
        contact.is_left = bool(self._decide(f"{contact.contact_id} is left", 2, 0.5))
        self._emit(contact, "INITIATED")
        if self._decide(f"{contact.contact_id} enters its flow at once", 2, 0.5):
            self.simulation.after(20, lambda: self._enter_flow(contact))
        self.simulation.after(_NEVER_ARRIVES, lambda: self._never_arrived(contact))
        self.simulation.after(PATIENCE, lambda: self._end_of_patience(contact))
        return contact

    def join(self, contact: Contact) -> None:
        """The customer's app joins with its credentials."""
        if not contact.is_live:
            return
        if contact.joined_at is None:
            contact.joined_at = self.simulation.now
        for participant in self._participants.values():
            if participant.contact is contact:
                participant.is_gone = participant.is_gone and participant.participant_id.startswith(
                    "participant-of"
                )
        self._enter_flow(contact)

    def leave(self, contact: Contact) -> None:
        """The customer's app leaves: the call ends."""
        if contact.joined_at is not None and contact.is_live:
            self.end(contact.last, "CUSTOMER_DISCONNECT")

    def drop(self, contact: Contact) -> None:
        """The customer's app loses the network, and is given up after a while."""

        def give_up() -> None:
            for participant in self._participants.values():
                if participant.contact is contact:
                    participant.is_gone = True
            if not contact.is_left:
                self.leave(contact)

        self.simulation.after(_GONE_AFTER, give_up)

    def end(self, contact: Contact, reason: str) -> None:
        """Ends one contact."""
        if contact.ended_at is not None:
            return
        contact.ended_at, contact.reason = self.simulation.now, reason
        self._emit(contact, "DISCONNECTED")
        self.simulation.after(50, lambda: self._emit(contact, "COMPLETED"))

    def _forget(self, participant: Participant) -> None:
        contact = participant.contact
        if contact.joined_at is None:
            participant.is_gone = True

    def _never_arrived(self, contact: Contact) -> None:
        if contact.joined_at is None and not contact.is_left:
            self.end(contact.last, "CUSTOMER_NEVER_ARRIVED")

    def _end_of_patience(self, contact: Contact) -> None:
        self.end(contact.last, "AGENT_DISCONNECT" if contact.last.connected_at else "OTHER")

    def _enter_flow(self, contact: Contact) -> None:
        if contact.flow_at is not None or not contact.is_live:
            return
        contact.flow_at = self.simulation.now
        event = flow_event(
            contact.attributes,
            ContactId=contact.contact_id,
            InitialContactId=contact.contact_id,
            InstanceARN=INSTANCE_ARN,
        )
        self.simulation.functions.ask_who_calls(contact, event, lambda answer: self._go_on(contact, answer))

    def _go_on(self, contact: Contact, answer: dict[str, str] | None) -> None:
        """The flow has its answer; None where the function failed, which is like `unverified`."""
        contact.status = "unverified" if answer is None else answer["auth_status"]
        if answer is not None:
            self.simulation.invariants.flow_answered(contact, answer)
        if contact.ended_at is not None:
            return
        if contact.status == "abandoned":
            self.end(contact, "CONTACT_FLOW_DISCONNECT")
            return
        wait = QUEUES_AFTER[self._decide(f"{contact.contact_id} queues", len(QUEUES_AFTER))]
        self.simulation.after(wait, lambda: self._queue(contact))

    def _queue(self, contact: Contact) -> None:
        if contact.ended_at is not None:
            return
        contact.queued_at = self.simulation.now
        self._emit(contact, "QUEUED")
        wait = TAKEN_AFTER[self._decide(f"{contact.contact_id} is taken", len(TAKEN_AFTER))]
        if wait:
            self.simulation.after(wait, lambda: self._take(contact))

    def _take(self, contact: Contact) -> None:
        # An agent whose customer is not there hangs up at once; here it is not left to that.
        if contact.ended_at is not None or contact.call.joined_at is None:
            return
        contact.connected_at = self.simulation.now
        self._emit(contact, "CONNECTED_TO_AGENT")
        talks = TALKS_FOR[self._decide(f"{contact.contact_id} talks", len(TALKS_FOR))]
        act = self._decide(f"{contact.contact_id} ends by", 4)
        self.simulation.after(talks, lambda: self._finish(contact, act))

    def _finish(self, contact: Contact, act: int) -> None:
        if contact.ended_at is not None or act == _STAYS:
            return
        if act == _ENDS or (act == _TRANSFERS and contact.first is not None):
            self.end(contact, "AGENT_DISCONNECT")
            return
        following = Contact(
            contact_id=f"contact-{len(self.contacts) + 1}",
            user=contact.user,
            attributes=contact.attributes,
            started_at=self.simulation.now,
            first=contact.call,
            previous=contact,
            method="TRANSFER",
            status=contact.status,
        )
        self.contacts[following.contact_id] = following
        contact.following = following
        contact.names_following = bool(self._decide(f"{contact.contact_id} names what follows", 2))
        self._emit(following, "INITIATED")
        self.end(contact, "AGENT_DISCONNECT")
        if self._decide(f"{following.contact_id} queues", 2):
            self.simulation.after(200, lambda: self._queue(following))
        else:
            self.simulation.after(300, lambda: self._take(following))

    def _emit(self, contact: Contact, event_type: str) -> None:
        if event_type != "COMPLETED":
            self.simulation.happened(contact.user, f"{contact.contact_id} is {event_type}")
        if contact.user is None:
            return  # of others' contacts: the rule may let them through, the function finds nobody
        links: dict[str, Any] = {}
        if contact.first is not None and contact.previous is not None:
            links = {
                "initialContactId": contact.first.contact_id,
                "previousContactId": contact.previous.contact_id,
            }
        if contact.ended_at is not None:
            links["disconnectReason"] = contact.reason
            if contact.following is not None and contact.names_following:
                links["nextContactId"] = contact.following.contact_id
        event = contact_event(
            event_type,
            contact.contact_id,
            queued=_seconds(contact.queued_at),
            connected=_seconds(contact.connected_at),
            ended=_seconds(contact.ended_at),
            at=(self.simulation.now - START) / 1000,
            initiationMethod=contact.method,
            **links,
        )
        self.simulation.events.send(contact, event_type, event)

    def _decide(self, name: str, number: int, chance: float = 0.3) -> int:
        return self.simulation.decisions.choose(name, number, chance)


def _seconds(moment: int | None) -> float | None:
    return None if moment is None else (moment - START) / 1000


def _expiry() -> str:
    return "2026-09-21T15:13:20.000Z"


Answered = Callable[[dict[str, Any] | None], None]
"""What takes an answer; None stands for none."""
