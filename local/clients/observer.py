"""What a person beside the local AWS sees and does: contacts and their way, agents and customers, faults.

A client of the control endpoints that `local.emulator.control` answers.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import requests

# Seconds. A contact flow takes a moment; the time limit of its function is 7 s.
_SETTLES_WITHIN = 15.0
_ANSWERS_WITHIN = 30.0
# Where a contact stays until an agent or the customer does something.
_LAST_BLOCKS = frozenset({"DisconnectParticipant", "TransferContactToQueue"})


def eventually[T](what: Callable[[], T], *, seconds: float = _SETTLES_WITHIN) -> T:
    """The first truthy answer of `what`, asked again for at most `seconds`; else its last answer."""
    until = time.monotonic() + seconds
    while not (answer := what()) and time.monotonic() < until:
        time.sleep(0.05)
    return answer


class Observer:
    """Sees the local AWS whose address is `endpoint_url`."""

    def __init__(self, endpoint_url: str) -> None:
        self._url = f"{endpoint_url}/_local"
        self._http = requests.Session()

    def contacts(self) -> list[dict[str, Any]]:
        """Every contact that Connect knows, oldest first."""
        contacts: list[dict[str, Any]] = self._ask("GET", "contacts")["Contacts"]
        return contacts

    def contact(self, contact_id: str) -> dict[str, Any]:
        """One contact, once its flow has come to its last block. Raises TimeoutError if it does not."""

        def settled() -> dict[str, Any] | None:
            [contact] = [contact for contact in self.contacts() if contact["ContactId"] == contact_id]
            passed = {block["Type"] for block in contact["Way"]}
            has_no_flow = contact["ContactFlow"] is None
            return contact if passed & _LAST_BLOCKS or has_no_flow or contact["State"] == "ended" else None

        contact = eventually(settled)
        if contact is None:
            raise TimeoutError(f"The flow of contact {contact_id} takes over {_SETTLES_WITHIN:g} s.")
        return contact

    def happen(self, contact_id: str, event: str) -> dict[str, Any]:
        """Something happens to a contact; returns the contact, after a transfer the new one.

        AgentConnected, AgentDisconnected, Transferred (by the agent, into its queue again),
        CustomerDisconnected, or CustomerDropped (for so long that the participant is out).
        """
        contact: dict[str, Any] = self._ask("POST", f"contacts/{contact_id}/events", {"Event": event})
        return contact

    def meetings(self) -> list[dict[str, Any]]:
        """Every meeting of the Amazon Chime SDK, oldest first."""
        meetings: list[dict[str, Any]] = self._ask("GET", "meetings")["Meetings"]
        return meetings

    def meeting(self, meeting_id: str) -> dict[str, Any]:
        """One meeting."""
        [meeting] = [meeting for meeting in self.meetings() if meeting["MeetingId"] == meeting_id]
        return meeting

    def happen_in_meeting(self, meeting_id: str, event: str) -> dict[str, Any]:
        """Something happens in a meeting; returns the meeting.

        CallerJoined, CallerLeft, CallerDropped (by the network), or TimedOut (Chime ends it, empty as it is).
        """
        meeting: dict[str, Any] = self._ask("POST", f"meetings/{meeting_id}/events", {"Event": event})
        return meeting

    def sip_calls(self) -> list[dict[str, Any]]:
        """Every call of a SIP media application, oldest first."""
        calls: list[dict[str, Any]] = self._ask("GET", "sip-calls")["SipCalls"]
        return calls

    def sip_call(self, meeting_id: str) -> dict[str, Any]:
        """The newest call into a meeting. Raises TimeoutError if there is none in time."""

        def found() -> dict[str, Any] | None:
            calls = [call for call in self.sip_calls() if call["MeetingId"] == meeting_id]
            return calls[-1] if calls else None

        call = eventually(found)
        if call is None:
            raise TimeoutError(f"There is no call into meeting {meeting_id} after {_SETTLES_WITHIN:g} s.")
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
        line: dict[str, str] = self._ask("POST", "dial", {"Number": number, "Caller": caller})
        return line["LineId"]

    def press(self, contact_id: str, digits: str) -> None:
        """Whoever dialled presses keys."""
        self._ask("POST", f"lines/{contact_id}/digits", {"Digits": digits})

    def press_when_asked(self, contact_id: str, digits: str) -> None:
        """Whoever dialled presses keys once the flow's prompt was heard."""
        if not eventually(lambda: self._is_asked(contact_id)):
            raise TimeoutError(f"The flow of contact {contact_id} asks for no digits.")
        self.press(contact_id, digits)

    def _is_asked(self, contact_id: str) -> bool:
        [contact] = [contact for contact in self.contacts() if contact["ContactId"] == contact_id]
        return bool(contact["AwaitsDigits"])

    def hang_up(self, contact_id: str) -> None:
        """Whoever dialled hangs up."""
        self._ask("POST", f"lines/{contact_id}/events", {"Event": "HungUp"})

    def events(self) -> list[dict[str, Any]]:
        """The details of all contact events so far, oldest first."""
        events: list[dict[str, Any]] = self._ask("GET", "events")["Events"]
        return events

    def publish_event(self, detail: Mapping[str, Any]) -> None:
        """Publishes an event of a contact or of a meeting: one that was, once more, or an invented one."""
        self._ask("POST", "events", {"Detail": detail})

    @contextmanager
    def fault(self, service: str, operation: str, *, times: int = 1000, **effect: Any) -> Iterator[None]:
        """Within it `operation` fails: Error={"Code", "Status"}, DelaySeconds=n or Malformed=True.

        Leaving it takes all faults back, those of an outer one too.
        """
        self._ask("POST", "faults", {"Service": service, "Operation": operation, "Times": times, **effect})
        try:
            yield
        finally:
            self._ask("DELETE", "faults")

    def calls(self) -> list[dict[str, Any]]:
        """The calls to AWS that the functions made, oldest first."""
        calls: list[dict[str, Any]] = self._ask("GET", "calls")["Calls"]
        return calls

    def issuer(self) -> dict[str, Any]:
        """The local issuer: where it answers, the ids of its keys, and how often these were asked for."""
        issuer: dict[str, Any] = self._ask("GET", "issuer")
        return issuer

    def rotate_keys(self, *, retire: bool) -> None:
        """The issuer signs with a new key from now on, and knows the others no longer if they retire."""
        self._ask("POST", "issuer/rotate", {"Retire": retire})

    def traces(self) -> list[dict[str, Any]]:
        """The X-Ray segments that the functions sent."""
        traces: list[dict[str, Any]] = self._ask("GET", "traces")["Traces"]
        return traces

    def recorded(self) -> list[dict[str, Any]]:
        """The CloudFormation resources that have no behaviour here."""
        resources: list[dict[str, Any]] = self._ask("GET", "recorded")["Recorded"]
        return resources

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        response = self._http.request(method, f"{self._url}/{path}", json=body, timeout=_ANSWERS_WITHIN)
        if not response.ok:
            raise RuntimeError(f"{method} {path}: {response.status_code} {response.text}")
        return response.json()
