"""Control of a call over the SIP bridge: a place in a meeting, and a phone call from there to Connect."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Protocol

from calls import bridged_call
from calls.errors import CallEnded, NotPossibleNow
from calls.record import Call
from runtime.errors import ServiceError
from sip_bridge.meetings import Attendee

# The far end rings for 30 s at most, and the code takes some seconds more.
_COMES_THROUGH_WITHIN = 60_000  # milliseconds


class Meetings(Protocol):
    """`sip_bridge.meetings.Meetings` says more."""

    def delete(self, meeting_id: str) -> None:
        """Ends a meeting."""

    def has_attendee(self, meeting_id: str, attendee_id: str) -> bool:
        """Whether an attendee still has a place in a meeting."""

    def create_caller(self, meeting_id: str) -> Attendee:
        """Gives the caller a new place. Raises CallEnded."""


class PhoneCalls(Protocol):
    """`sip_bridge.phone_calls.SipMediaApplication` says more."""

    def hang_up(self, transaction_id: str) -> None:
        """Ends a phone call."""

    def send_digits(self, transaction_id: str, digits: str, *, client_token: str) -> None:
        """Sends DTMF digits to Connect. Raises CallEnded."""


class Contacts(Protocol):
    """Contacts of the Connect instance; `calls.connect.ConnectInstance` says more."""

    def stop(self, contact_id: str) -> None:
        """Ends a contact."""


class Bridge:
    """A `call_control.domain.Way`."""

    def __init__(
        self, meetings: Meetings, phone_calls: PhoneCalls, contacts: Contacts, now: Callable[[], int]
    ) -> None:
        """`now` tells the time in milliseconds since the epoch."""
        self._now = now
        self._meetings = meetings
        self._phone_calls = phone_calls
        self._contacts = contacts

    def end(self, call: Call) -> None:
        """Ends the meeting, and the contact or else the phone call."""
        bridged_call.end(
            call, meetings=self._meetings, phone_calls=self._phone_calls, contacts=self._contacts
        )

    def rejoin(self, call: Call, answer: Mapping[str, Any]) -> Mapping[str, Any]:
        """What the app had, as long as the meeting has a place for it; afterwards another place in it."""
        connection = answer["ConnectionData"]
        meeting_id = connection["Meeting"]["MeetingId"]
        if self._meetings.has_attendee(meeting_id, connection["Attendee"]["AttendeeId"]):
            return answer
        try:
            caller = self._meetings.create_caller(meeting_id)
        except CallEnded:
            # What is left of the call has nobody to talk to.
            with suppress(ServiceError):
                self.end(call)
            raise
        attendee = {"AttendeeId": caller.attendee_id, "JoinToken": caller.join_token}
        return {
            **answer,
            "ConnectionData": {**connection, "Attendee": attendee},
            "ParticipantId": caller.attendee_id,
            "ParticipantToken": caller.join_token,
        }

    def send_digits(
        self,
        call: Call,
        answer: Mapping[str, Any],  # noqa: ARG002 - the phone call types, not the caller's place
        digits: str,
        *,
        client_token: str,
    ) -> None:
        """Has the phone call type the digits, once its code has been taken: until then it types that.

        A code that was not heard is not waited for: that call goes on, unverified.

        Raises `CallEnded` or `NotPossibleNow` too.
        """
        if call.connect_contact_id is None and self._now() < call.started_at + _COMES_THROUGH_WITHIN:
            raise NotPossibleNow("The call has not come through yet. Try again.", retry_after=1)
        self._phone_calls.send_digits(str(call.transaction_id), digits, client_token=client_token)
