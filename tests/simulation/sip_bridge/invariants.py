"""What must hold of calls over the bridge, beside what holds of all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.simulation.contact_center import Contact
from tests.simulation.functions import TIMEOUTS
from tests.simulation.invariants import Invariants
from tests.simulation.sip_bridge.contact_center import Meeting, PhoneContact

if TYPE_CHECKING:
    from tests.simulation.sip_bridge.simulation import BridgedSimulation


class BridgedInvariants(Invariants):
    """Watches a simulation. Raises `BrokenError`."""

    def __init__(self, simulation: BridgedSimulation) -> None:
        super().__init__(simulation)
        self._bridge = simulation
        self._codes: dict[str, str] = {}
        self.heard: dict[str, list[str]] = {}
        """What each contact has got by keys, in order."""
        self._taken_at: dict[tuple[str, str], int] = {}

    # What the functions do.

    def dialled(self, meeting: Meeting) -> None:
        """A phone call is made: one for a meeting, and one for a user."""
        if len(meeting.phone_calls) > 1:
            self.break_(f"{meeting.contact_id} has two phone calls")

    def bridged(self, item: dict[str, Any]) -> None:
        """What is stored of a start: it stays one user's, and one meeting's."""
        code, owner = item["Reference"]["S"], item["UserId"]["S"]
        if self._codes.setdefault(code, owner) != owner:
            self.break_(f"A code of {self._codes[code]} became {owner}'s")

    def meeting_deleted(self, meeting: Meeting) -> None:
        """No call is cut in which its caller talks or waits, unless the caller or a failure had it."""
        invocation = self._simulation.invocation_or_none
        kept = self.kept(meeting)
        kept.stopped_by = invocation
        contact = meeting.contact
        is_talking = meeting.caller_is_in and contact is not None and contact.is_live
        is_wanted = kept.hang_up_at is not None or self._simulation.is_blocked(meeting.user)
        # The bridge knows of an app in its meeting by the event of its coming alone: docs/sip-bridge.md.
        known_at = self._taken_at.get((meeting.contact_id, meeting.latest_join), self._simulation.now)
        is_known = known_at + TIMEOUTS["contact_events"] <= self._simulation.now
        is_failure = invocation is None or invocation.faults or not is_known
        if is_talking and kept.answered_at is not None and not is_wanted and not is_failure:
            record = self._simulation.item(meeting.user)
            if record.get("CallId") == {"S": meeting.contact_id} and "EndedAt" not in record:
                self.break_(f"{meeting.contact_id} was cut while its caller was in it")

    def contact_stopped(self, contact: Contact) -> None:
        """See `meeting_deleted`: a contact is stopped with its meeting."""

    def digits_heard(self, contact: PhoneContact, digits: str) -> None:
        """Connect gets a code first, once, and then each of the caller's digits once."""
        if contact.user is None:
            return
        heard = self.heard.setdefault(contact.contact_id, [])
        is_code = len(digits) == 12
        if is_code == bool(heard):
            self.break_(f"{contact.contact_id} got {digits} after {heard}")
        heard.append(digits)
        if not is_code:
            self.digits_typed(contact, digits)

    def digits_sent(self, contact: Contact, digits: str) -> None:
        """An update of a phone call is carried out after its answer, or replaced by the next."""

    def event_taken(self, contact: Contact, event_type: str) -> None:
        """See `Invariants`; and when an event was."""
        self._taken_at.setdefault((contact.contact_id, event_type), self._simulation.now)
        super().event_taken(contact, event_type)

    def flow_answered(self, contact: Contact, answer: dict[str, str]) -> None:
        """See `Invariants`; a flow that follows an unproved code has nothing to present."""
        if isinstance(contact, PhoneContact) and contact.asks > 1 and not contact.is_proved:
            if answer["auth_status"] == "verified":
                self.break_(f"{contact.contact_id} was verified without a proof")
            return
        super().flow_answered(contact, answer)

    # What goes on.

    def one_call(self, user: str) -> None:
        """A user has at most one call that an app was answered with and that goes on."""
        going_on = [
            meeting
            for meeting in self._meetings()
            if meeting.user == user
            and meeting.ended_at is None
            and self.kept(meeting).answered_at is not None
            and (
                meeting.contact is None
                or (meeting.contact.is_live and not self._may_be_double(meeting.contact))
            )
            and any(call.is_up for call in meeting.phone_calls)
        ]
        if len(going_on) > 1:
            self.break_(
                f"{user} has {len(going_on)} calls at once: {', '.join(m.contact_id for m in going_on)}"
            )

    def check_settled(self) -> None:
        """When all retries are over: no meeting, leg or contact goes on but that of a call in a record."""
        for meeting in self._meetings():
            record = self._simulation.item(meeting.user)
            is_call = (
                record.get("CallId") == {"S": meeting.contact_id}
                and "EndedAt" not in record
                and "Answer" in record
            )
            if is_call:
                continue
            contact = meeting.contact
            if contact is not None and contact.is_live and contact.queued_at is not None:
                self.break_(f"{contact.contact_id} rings on although nobody can join it")
            if any(call.is_up for call in meeting.phone_calls):
                self.break_(f"The phone call of {meeting.contact_id} is up, and paid for")
            if meeting.ended_at is None:
                self.break_(f"{meeting.contact_id} goes on although its call does not")

    def check_records(self) -> None:
        """When everything has ended and every event has come: no record says that a call goes on."""
        super().check_records()
        for meeting in self._meetings():
            record = self._simulation.item(meeting.user)
            is_latest = record.get("CallId") == {"S": meeting.contact_id} and "ContactId" not in record
            has_ended = meeting.ended_at is not None and not self.kept(meeting).lost
            if is_latest and has_ended and "EndedAt" not in record:
                self.break_(f"The record of {meeting.user} holds on to {meeting.contact_id}, which has ended")

    def _meetings(self) -> list[Meeting]:
        contacts = self._bridge.contact_center.contacts.values()
        return [contact for contact in contacts if isinstance(contact, Meeting)]
