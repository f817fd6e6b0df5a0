"""Meetings of the Amazon Chime SDK, and Amazon Connect, which phone calls reach.

A meeting has the place of a contact in what users and invariants have to do with: its id is the call's. What
no page settles is a decision of the course: whether Chime ends a meeting that its app has left to the phone
call, whether a code is heard, how long everything takes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.lambdas.conftest import INSTANCE_ARN
from tests.lambdas.fake_aws import RefusedError
from tests.lambdas.sip_bridge.events import bridge_flow_event, meeting_event
from tests.simulation.contact_center import PATIENCE, Contact, ContactCenter
from tests.simulation.scheduler import START
from tests.simulation.sip_bridge.phone_call import PhoneCall

if TYPE_CHECKING:
    from tests.simulation.sip_bridge.simulation import BridgedSimulation

CALLER, PHONE = "caller", "phone-agent"
_NOBODY_IN_IT = 300_000
"""Milliseconds after which Chime ends a meeting that nobody is in."""
_DROPS_AFTER = 15_000
_COMES_BACK_AFTER = (0, 20_000, 90_000)
"""The first: never."""
LISTENS_FOR = 8_000
"""Milliseconds in which the flow waits for the next digit of the code."""
_UNHEARD = "Timeout"


@dataclass
class Meeting(Contact):
    """A meeting. `joined_at` is when its app came first."""

    attendees: dict[str, tuple[str, str]] = field(default_factory=dict)
    """By id: who, and the token that takes the place."""
    caller_is_in: bool = False
    latest_join: str = ""
    """The event of the app's latest coming."""
    empty_since: int = 0
    """From when nobody has been in it but, perhaps, the phone call; 0 while the app is."""
    phone_calls: list[PhoneCall] = field(default_factory=list)

    @property
    def contact(self) -> PhoneContact | None:
        """What the call is in Connect."""
        return next((call.contact for call in self.phone_calls if call.contact is not None), None)


@dataclass
class PhoneContact(Contact):
    """The contact of a phone call."""

    meeting: Meeting | None = None
    """None of a stranger's call."""
    phone_call: PhoneCall | None = None
    keyed_in: str = ""
    asks: int = 0
    """How often a flow has asked who calls."""
    is_proved: bool = False
    """Whether the first of these was answered `verified`."""


class BridgedContactCenter(ContactCenter):
    """All meetings and contacts."""

    simulation: BridgedSimulation

    def __init__(self, simulation: BridgedSimulation) -> None:
        super().__init__(simulation)
        self.phone_calls: dict[str, PhoneCall] = {}
        """By transaction id."""
        self._by_token: dict[str, Meeting] = {}
        self._events = 0

    # What the functions request.

    def _CreateMeetingWithAttendees(self, parameters: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        token = parameters["ClientRequestToken"]
        meeting = self._by_token.get(token)
        if meeting is None:
            meeting = self._by_token[token] = self._make_meeting()
            for attendee in parameters["Attendees"]:
                self._add(meeting, attendee["ExternalUserId"])
        # All is well in the end.
        missing = 0
        if not self.simulation.is_over:
            missing = self._decide(f"{meeting.contact_id} lacks an attendee", 3, 0.03)
        return {
            "Meeting": {
                "MeetingId": meeting.contact_id,
                "ExternalMeetingId": parameters["ExternalMeetingId"],
                "MediaRegion": parameters["MediaRegion"],
                "MediaPlacement": {
                    "AudioHostUrl": "audio.example:3478",
                    "AudioFallbackUrl": "wss://fallback.example",
                    "SignalingUrl": "wss://signal.example",
                    "TurnControlUrl": "https://turn.example",
                },
                "MeetingFeatures": {"Audio": {"EchoReduction": "AVAILABLE"}},
            },
            "Attendees": [
                {"ExternalUserId": who, "AttendeeId": attendee_id, "JoinToken": join_token}
                for number, (attendee_id, (who, join_token)) in enumerate(meeting.attendees.items(), 1)
                if number != missing
            ],
        }

    def _DeleteMeeting(self, parameters: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        meeting = self._meeting(parameters["MeetingId"], "DeleteMeeting")
        self.simulation.invariants.meeting_deleted(meeting)
        self.end(meeting, "DELETED")
        return {}

    def _GetAttendee(self, parameters: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        meeting = self._meeting(parameters["MeetingId"], "GetAttendee")
        if parameters["AttendeeId"] not in meeting.attendees:
            raise RefusedError(404, "NotFoundException")
        return {"Attendee": {"AttendeeId": parameters["AttendeeId"], "ExternalUserId": CALLER}}

    def _CreateAttendee(self, parameters: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        meeting = self._meeting(parameters["MeetingId"], "CreateAttendee")
        attendee_id, join_token = self._add(meeting, parameters["ExternalUserId"])
        return {"Attendee": {"AttendeeId": attendee_id, "JoinToken": join_token, "ExternalUserId": CALLER}}

    def _CreateSipMediaApplicationCall(self, parameters: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        headers = parameters["SipHeaders"]
        meeting = self.contacts[headers["X-chime-meeting-id"]]
        assert isinstance(meeting, Meeting)
        self.simulation.invariants.touched(meeting, "CreateSipMediaApplicationCall")
        assert (PHONE, headers["X-chime-join-token"]) in meeting.attendees.values()
        call = PhoneCall(
            self.simulation, f"transaction-{len(self.phone_calls) + 1}", meeting, parameters["ArgumentsMap"]
        )
        self.phone_calls[call.transaction_id] = call
        meeting.phone_calls.append(call)
        self.simulation.invariants.dialled(meeting)
        call.begin()
        return {"SipMediaApplicationCall": {"TransactionId": call.transaction_id}}

    def _UpdateSipMediaApplicationCall(self, parameters: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        call = self.phone_calls[parameters["TransactionId"]]
        if not call.is_up:
            raise RefusedError(404, "NotFoundException")
        self.simulation.invariants.touched(call.meeting, "UpdateSipMediaApplicationCall")
        call.update(parameters["Arguments"])
        return {"SipMediaApplicationCall": {"TransactionId": call.transaction_id}}

    def _meeting(self, meeting_id: str, operation: str) -> Meeting:
        meeting = self.contacts.get(meeting_id)
        if not isinstance(meeting, Meeting) or meeting.ended_at is not None:
            raise RefusedError(404, "NotFoundException")
        self.simulation.invariants.touched(meeting, operation)
        return meeting

    def _make_meeting(self) -> Meeting:
        invocation = self.simulation.invocation_or_none
        number = sum(isinstance(each, Meeting) for each in self.contacts.values()) + 1
        meeting = Meeting(
            contact_id=f"0f000000-0000-4000-8000-{number:012d}",
            user=None if invocation is None else invocation.user,
            attributes={},
            started_at=self.simulation.now,
            empty_since=self.simulation.now,
        )
        self.contacts[meeting.contact_id] = meeting
        self._watch(meeting)
        self.simulation.after(PATIENCE, lambda: self.end(meeting, "PATIENCE"))
        return meeting

    def _add(self, meeting: Meeting, who: str) -> tuple[str, str]:
        attendee_id = f"{meeting.contact_id} attendee {len(meeting.attendees) + 1}"
        meeting.attendees[attendee_id] = (who, f"token of {attendee_id}")
        return attendee_id, meeting.attendees[attendee_id][1]

    def speaks(self, contact: Contact, token: str) -> bool:
        """Whether a token takes the caller's place in a meeting."""
        return isinstance(contact, Meeting) and (CALLER, token) in contact.attendees.values()

    # What goes on in meetings.

    def join(self, contact: Contact) -> None:
        """The app joins its meeting."""
        if not isinstance(contact, Meeting) or contact.ended_at is not None or contact.caller_is_in:
            return
        contact.joined_at = contact.joined_at or self.simulation.now
        contact.caller_is_in, contact.empty_since = True, 0
        self.tell(contact, "AttendeeJoined", CALLER)

    def leave(self, contact: Contact) -> None:
        """The app leaves its meeting."""
        self._goes(contact, "AttendeeLeft")

    def drop(self, contact: Contact) -> None:
        """The app loses the network; it may come back by itself."""
        back = _COMES_BACK_AFTER[self._decide(f"{contact.contact_id} comes back", len(_COMES_BACK_AFTER))]
        if back and isinstance(contact, Meeting) and contact.caller_is_in:
            self.simulation.after(_DROPS_AFTER + back, lambda: self.join(contact))
        self.simulation.after(_DROPS_AFTER, lambda: self._goes(contact, "AttendeeDropped"))

    def _goes(self, contact: Contact, event_type: str) -> None:
        if not isinstance(contact, Meeting) or not contact.caller_is_in:
            return
        contact.caller_is_in, contact.empty_since = False, self.simulation.now
        self.tell(contact, event_type, CALLER)
        self._watch(contact)

    def _watch(self, meeting: Meeting) -> None:
        """Chime ends a meeting that nobody is in, and perhaps one that only a phone call is in."""
        since = meeting.empty_since

        def look() -> None:
            has_phone = any(call.is_in_meeting for call in meeting.phone_calls)
            if meeting.empty_since != since or meeting.ended_at is not None:
                return
            if has_phone and self._decide(f"{meeting.contact_id} goes on with its phone call", 2):
                self.simulation.after(_NOBODY_IN_IT, look)
                return
            self.end(meeting, "EMPTY")

        self.simulation.after(_NOBODY_IN_IT, look)

    def tell(self, meeting: Meeting, event_type: str, who: str = "") -> None:
        """An event of a meeting."""
        self._events += 1
        happening = f"{event_type} {who}".strip()
        self.simulation.happened(meeting.user, f"{meeting.contact_id} is {happening}")
        event = meeting_event(
            f"chime:{event_type}",
            meeting.contact_id,
            at=(self.simulation.now - START) / 1000,
            **({"externalUserId": who} if who else {}),
        )
        name = f"{happening} {self._events}"
        if (event_type, who) == ("AttendeeJoined", CALLER):
            meeting.latest_join = name
        self.simulation.events.send(meeting, name, event)

    def end(self, contact: Contact, reason: str) -> None:
        """Ends a meeting, or a contact."""
        if not isinstance(contact, Meeting):
            super().end(contact, reason)
            call = contact.call
            # Without one that follows, the phone call is over.
            if isinstance(call, PhoneContact) and call.phone_call is not None and not call.is_live:
                call.phone_call.connect_hangs_up()
            return
        if contact.ended_at is not None:
            return
        contact.ended_at, contact.reason = self.simulation.now, reason
        if contact.caller_is_in:
            contact.caller_is_in = False
            self.tell(contact, "AttendeeLeft", CALLER)
        for phone_call in contact.phone_calls:
            phone_call.meeting_drops()
        self.tell(contact, "MeetingEnded")

    # What phone calls are in Connect.

    def take_in(self, call: PhoneCall) -> PhoneContact:
        """A phone call of the bridge comes in."""
        contact = self._make_contact(call.meeting.user)
        contact.meeting, contact.phone_call = call.meeting, call
        return contact

    def dial_in(self, code: str) -> None:
        """A stranger dials Connect's number and keys in a code."""
        self.key_in(self._make_contact(None), code)

    def keyed_in(self, user: str) -> list[str]:
        """The codes of a user's calls that a flow has presented."""
        contacts = [each for each in self.contacts.values() if isinstance(each, PhoneContact)]
        return [each.keyed_in for each in contacts if each.user == user and each.is_proved]

    def key_in(self, contact: PhoneContact, digits: str) -> None:
        """Connect gets digits; the flow takes the first twelve for the code."""
        if contact.ended_at is not None:
            return
        self.simulation.invariants.digits_heard(contact, digits)
        if contact.asks:
            return
        contact.keyed_in += digits
        if len(contact.keyed_in) >= 12:
            self._ask(contact)

    def _make_contact(self, user: str | None) -> PhoneContact:
        contact = PhoneContact(
            contact_id=f"contact-{len(self.contacts) + 1}",
            user=user,
            attributes={},
            started_at=self.simulation.now,
            method="INBOUND",
            joined_at=self.simulation.now,
        )
        self.contacts[contact.contact_id] = contact
        self._emit(contact, "INITIATED")
        self._listen(contact)
        self.simulation.after(PATIENCE, lambda: self._end_of_patience(contact))
        return contact

    def _listen(self, contact: PhoneContact) -> None:
        so_far = contact.keyed_in

        def look() -> None:
            if contact.asks or contact.ended_at is not None:
                return
            if contact.keyed_in == so_far:
                self._ask(contact)
            else:
                self._listen(contact)

        self.simulation.after(LISTENS_FOR, look)

    def _ask(self, contact: PhoneContact) -> None:
        """The bridge's flow asks who calls, with the code that it has heard."""
        if contact.ended_at is not None:
            return
        contact.asks, contact.flow_at = 1, self.simulation.now
        code = contact.keyed_in if len(contact.keyed_in) == 12 else _UNHEARD
        if self._decide(f"{contact.contact_id} mishears", 2, 0.05):
            code = _UNHEARD
        contact.attributes = {"auth_token": code}
        self._ask_function(contact, {}, {"Code": code}, self._has_asked)

    def _has_asked(self, contact: PhoneContact, answer: dict[str, str] | None) -> None:
        """Goes on to the topic's flow, or to the default one, which asks again by the attributes."""
        if answer is not None:
            self.simulation.invariants.flow_answered(contact, answer)
        status = "unverified" if answer is None else answer["auth_status"]
        if status == "abandoned":
            contact.status = status
            self.end(contact, "CONTACT_FLOW_DISCONNECT")
        if contact.ended_at is not None:
            return
        attributes = {}
        if status == "verified" and answer is not None:
            contact.is_proved = True
            attributes = {
                "customer_id": answer["customer_id"],
                "auth_token": contact.attributes["auth_token"],
            }
        contact.asks = 2
        self._ask_function(contact, attributes, {}, self._go_on)

    def _ask_function(
        self,
        contact: PhoneContact,
        attributes: dict[str, str],
        parameters: dict[str, str],
        go_on: Callable[[Any, dict[str, str] | None], None],
    ) -> None:
        event = bridge_flow_event(
            attributes,
            ContactId=contact.contact_id,
            InitialContactId=contact.contact_id,
            InstanceARN=INSTANCE_ARN,
        )
        event["Details"]["Parameters"] = parameters
        self.simulation.functions.ask_who_calls(contact, event, lambda answer: go_on(contact, answer))
