"""What a person beside the local AWS sees and does: contacts and their way, agents and customers.

A client of the control endpoints that `local.emulator.control` answers.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

import requests

from local.access import Access

# Seconds. A contact flow takes a moment; the time limit of its function is 7 s.
SETTLES_WITHIN = 15.0
_ANSWERS_WITHIN = 30.0
# Where a contact stays until an agent or the customer does something.
_LAST_BLOCKS = frozenset({"DisconnectParticipant", "TransferContactToQueue"})


def eventually[T](what: Callable[[], T], *, seconds: float = SETTLES_WITHIN) -> T:
    """The first truthy result of `what`, called again for at most `seconds`; else its last result."""
    until = time.monotonic() + seconds
    while not (answer := what()) and time.monotonic() < until:
        time.sleep(0.05)
    return answer


class Observer:
    """Sees the local AWS whose address is `endpoint_url` and whose secrets are `access`."""

    def __init__(self, endpoint_url: str, access: Access) -> None:
        self._url = f"{endpoint_url}/_local"
        self._http = requests.Session()
        self._http.headers.update(access.control_headers)

    def contacts(self) -> list[dict[str, Any]]:
        """Every contact of Connect, oldest first."""
        contacts: list[dict[str, Any]] = self.request("GET", "contacts")["Contacts"]
        return contacts

    def contact(self, contact_id: str) -> dict[str, Any]:
        """One contact, once its flow has come to its last block. Raises TimeoutError if it does not."""

        def settled() -> dict[str, Any] | None:
            contact = self.current(contact_id)
            passed = {block["Type"] for block in contact["Way"] if block["Result"] == "Success"}
            has_no_flow = contact["ContactFlow"] is None
            return contact if passed & _LAST_BLOCKS or has_no_flow or contact["State"] == "ended" else None

        contact = eventually(settled)
        if contact is None:
            raise TimeoutError(f"The flow of contact {contact_id} takes over {SETTLES_WITHIN:g} s.")
        return contact

    def current(self, contact_id: str) -> dict[str, Any]:
        """One contact as it is now."""
        contact: dict[str, Any] = self.request("GET", f"contacts/{contact_id}")
        return contact

    def join(self, contact_id: str) -> dict[str, Any]:
        """The app joins the meeting of a contact that it has started, as it does with the Chime SDK: by that
        the contact reaches its flow. Returns the contact.
        """
        contact: dict[str, Any] = self.request("POST", f"contacts/{contact_id}/join")
        return contact

    def happen(self, contact_id: str, event: str) -> dict[str, Any]:
        """Something happens to a contact; returns the contact, after a transfer the new one.

        AgentConnected, AgentDisconnected, Transferred (by the agent, into its queue again), CustomerHeld,
        CustomerResumed, CustomerDisconnected, or CustomerDropped (for so long that the participant is out).
        """
        contact: dict[str, Any] = self.request("POST", f"contacts/{contact_id}/events", {"Event": event})
        return contact

    def set_contact_center(self, **wanted: Any) -> None:
        """Hours, staffing and room of queues, blocks that fail: they are so from now on; the rest stays."""
        self.request("POST", "contact-center", wanted)

    def place(self, contact_id: str) -> dict[str, Any]:
        """What the agent who takes a contact joins its meeting with."""
        place: dict[str, Any] = self.request("POST", "media/places", {"ContactId": contact_id})
        return place

    def calls(self) -> list[dict[str, Any]]:
        """The calls to AWS that the functions made, oldest first."""
        calls: list[dict[str, Any]] = self.request("GET", "calls")["Calls"]
        return calls

    def issuer(self) -> dict[str, Any]:
        """The local issuer: where it answers, the ids of its keys, and how often these were requested."""
        issuer: dict[str, Any] = self.request("GET", "issuer")
        return issuer

    def request(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """A control request, and its answer. Raises RuntimeError where it is refused."""
        response = self._http.request(method, f"{self._url}/{path}", json=body, timeout=_ANSWERS_WITHIN)
        if not response.ok:
            raise RuntimeError(f"{method} {path}: {response.status_code} {response.text}")
        return response.json()
