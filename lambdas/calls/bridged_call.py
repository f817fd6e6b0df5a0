"""Ending a call over the SIP bridge: a meeting, the phone call in it, and a contact in Connect."""

from collections.abc import Callable
from typing import Protocol

from calls.record import Call
from runtime.errors import ServiceError


class Meetings(Protocol):
    """`sip_bridge.meetings.Meetings` says more."""

    def delete(self, meeting_id: str) -> None:
        """Ends a meeting."""


class PhoneCalls(Protocol):
    """`sip_bridge.phone_calls.SipMediaApplication` says more."""

    def hang_up(self, transaction_id: str) -> None:
        """Ends a phone call."""


class Contacts(Protocol):
    """`calls.connect.ConnectInstance` says more."""

    def stop(self, contact_id: str) -> None:
        """Ends a contact."""


def end(call: Call, *, meetings: Meetings, phone_calls: PhoneCalls, contacts: Contacts) -> None:
    """Ends all that is known of a call; what has ended already is as good.

    Each step is tried even if one before it failed, since any of them alone ends most of the call. The first
    failure is raised in the end, so that the caller of this tries again.
    """
    steps: list[tuple[Callable[[str], None], str | None]] = [(meetings.delete, call.meeting_id)]
    # The phone call ends with its contact. After a transfer the contact has none: StopContact would refuse.
    if call.connect_contact_id in call.open_contacts:
        steps.append((contacts.stop, call.connect_contact_id))
    else:
        steps.append((phone_calls.hang_up, call.transaction_id))
    failures = []
    for step, of in steps:
        try:
            if of is not None:
                step(of)
        except ServiceError as failure:
            failures.append(failure)
    if failures:
        raise failures[0]
