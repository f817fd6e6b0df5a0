"""What a person beside the local AWS sees and does of calls over the bridge: meetings, telephone calls."""

from typing import Any

from local.clients.observer import SETTLES_WITHIN, Observer, eventually


class BridgeObserver(Observer):
    """Sees the local AWS whose address is `endpoint_url` and whose secrets are `access`."""

    def meetings(self) -> list[dict[str, Any]]:
        """Every meeting of the Amazon Chime SDK, oldest first."""
        meetings: list[dict[str, Any]] = self.request("GET", "meetings")["Meetings"]
        return meetings

    def meeting(self, meeting_id: str) -> dict[str, Any]:
        """One meeting."""
        [meeting] = [meeting for meeting in self.meetings() if meeting["MeetingId"] == meeting_id]
        return meeting

    def happen_in_meeting(self, meeting_id: str, event: str) -> dict[str, Any]:
        """Something happens in a meeting; returns the meeting.

        CallerJoined, CallerLeft, CallerDropped (by the network), or TimedOut (Chime ends it, empty as it is).
        """
        meeting: dict[str, Any] = self.request("POST", f"meetings/{meeting_id}/events", {"Event": event})
        return meeting

    def sip_calls(self) -> list[dict[str, Any]]:
        """Every call of a SIP media application, oldest first."""
        calls: list[dict[str, Any]] = self.request("GET", "sip-calls")["SipCalls"]
        return calls

    def sip_call(self, meeting_id: str) -> dict[str, Any]:
        """The newest call into a meeting. Raises TimeoutError if there is none in time."""

        def found() -> dict[str, Any] | None:
            calls = [call for call in self.sip_calls() if call["MeetingId"] == meeting_id]
            return calls[-1] if calls else None

        call = eventually(found)
        if call is None:
            raise TimeoutError(f"There is no call into meeting {meeting_id} after {SETTLES_WITHIN:g} s.")
        return call

    def bridged_contact(self, meeting_id: str) -> dict[str, Any]:
        """The contact in Connect that a call into a meeting was bridged to, once its flow has come to its
        last block. Raises TimeoutError if it does not.
        """

        def bridged() -> str | None:
            others = [leg["FarEnd"] for leg in self.sip_call(meeting_id)["Legs"][1:]]
            return others[0] if others else None

        contact_id = eventually(bridged)
        if contact_id is None:
            raise TimeoutError(f"The call into meeting {meeting_id} is not bridged to Connect.")
        return self.contact(contact_id)

    def dial(self, number: str, caller: str) -> str:
        """Somebody dials a number of Connect's, with any caller id; returns the contact's id."""
        line: dict[str, str] = self.request("POST", "dial", {"Number": number, "Caller": caller})
        return line["LineId"]

    def press(self, contact_id: str, digits: str) -> None:
        """Whoever dialled presses keys."""
        self.request("POST", f"lines/{contact_id}/digits", {"Digits": digits})

    def press_when_collected(self, contact_id: str, digits: str) -> None:
        """Whoever dialled presses keys once the flow collects them."""
        if not eventually(lambda: self._collects_digits(contact_id)):
            raise TimeoutError(f"The flow of contact {contact_id} collects no digits.")
        self.press(contact_id, digits)

    def _collects_digits(self, contact_id: str) -> bool:
        [contact] = [contact for contact in self.contacts() if contact["ContactId"] == contact_id]
        return bool(contact["AwaitsDigits"])

    def hang_up(self, contact_id: str) -> None:
        """Whoever dialled hangs up."""
        self.request("POST", f"lines/{contact_id}/events", {"Event": "HungUp"})
