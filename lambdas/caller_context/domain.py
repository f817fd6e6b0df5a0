"""Whether a contact is the one that start-call started for a signed-in user.

Attributes prove nothing: whoever may call Connect can set them. The proof is the reference in `auth_token`,
which only start-call issues, for one contact, for a short time. The record of the call, not the contact,
then says who the caller is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from calls.record import Call

VERIFIED = "verified"
UNVERIFIED = "unverified"
ABANDONED = "abandoned"
"""The start was answered as failed, or the call has ended: nobody holds the credentials of this contact."""


class References(Protocol):
    """The records of calls; `calls.table.CallTable` says more."""

    def bind(self, user_id: str, reference: str, contact_id: str, now: int) -> Call | None:
        """Binds the reference to the contact, once."""


@dataclass(frozen=True, kw_only=True)
class Presented:
    """What a contact presents to be verified."""

    user_id: str
    reference: str
    contact_id: str


def read_presented(event: Mapping[str, Any], instance_arn: str) -> Presented | None:
    """What the contact of a contact flow's Lambda event presents; None when that cannot be a call of
    start-call.

    start-call starts WebRTC contacts of one instance, each with a subject and a reference. A contact that was
    transferred presents what its first contact presented.
    """
    contact = event.get("Details", {}).get("ContactData", {})
    attributes = contact.get("Attributes") or {}
    if contact.get("InitiationMethod") != "WEBRTC_API" or contact.get("InstanceARN") != instance_arn:
        return None
    presented = Presented(
        user_id=attributes.get("customer_id") or "",
        reference=attributes.get("auth_token") or "",
        contact_id=contact.get("InitialContactId") or contact.get("ContactId") or "",
    )
    return presented if presented.user_id and presented.reference and presented.contact_id else None


def verify(presented: Presented | None, references: References, now: int) -> dict[str, str]:
    """The answer to the flow: `auth_status`, and when it is `verified` the caller's context.

    `now` is in milliseconds since the epoch. Raises `calls.errors.CallError` when the records cannot be read.
    """
    if presented is None:
        return {"auth_status": UNVERIFIED}
    call = references.bind(presented.user_id, presented.reference, presented.contact_id, now)
    if call is None:
        return {"auth_status": UNVERIFIED}
    if call.ended_at is not None:
        return {"auth_status": ABANDONED}
    return {**call.context, "auth_status": VERIFIED}
