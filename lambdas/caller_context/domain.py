"""Whether a contact is the one that start-call started for a signed-in user.

Attributes prove nothing: whoever may call Connect can set them. The proof is the reference in `auth_token`,
which only start-call issues, for one contact, for a short time. The record of the call, not the contact,
then says who the caller is.

A call over the SIP bridge comes in as a phone call, which carries no attributes. Its reference is a code that
it keys in, once; the flow then sets the attributes, and whoever asks later asks as of any call.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from calls.record import Call

VERIFIED = "verified"
UNVERIFIED = "unverified"
ABANDONED = "abandoned"
"""The start was answered as failed, or the call has ended: nobody holds the credentials of this contact."""

# Where nothing was keyed in, Connect puts words.
_CODE = re.compile(r"[0-9]{12}", re.ASCII)


class References(Protocol):
    """The records of calls; `calls.table.CallTable` says more."""

    def bind(self, user_id: str, reference: str, contact_id: str, now: int) -> Call | None:
        """Binds the reference to the contact, once."""

    def find_user_by_reference(self, reference: str) -> str | None:
        """Whose call the reference was issued for."""


@dataclass(frozen=True, kw_only=True)
class Presented:
    """What a contact presents to be verified."""

    user_id: str | None
    """None with a code, which says by itself whose it is."""
    reference: str
    contact_id: str


def read_presented(
    event: Mapping[str, Any], instance_arn: str, bridge_number: str | None = None
) -> Presented | None:
    """What the contact of a contact flow's Lambda event presents; None when that cannot be a call of
    start-call.

    start-call starts WebRTC contacts of one instance, each with a subject and a reference, or calls
    `bridge_number`, one of that instance. A contact that was transferred presents what its first contact
    presented.
    """
    details = event.get("Details", {})
    contact = details.get("ContactData", {})
    if contact.get("InstanceARN") != instance_arn or not _may_be_ours(contact, bridge_number):
        return None
    contact_id = contact.get("InitialContactId") or contact.get("ContactId")
    if not contact_id:
        return None
    code = (details.get("Parameters") or {}).get("Code")
    if code is not None and contact["InitiationMethod"] == "INBOUND":
        return (
            Presented(user_id=None, reference=code, contact_id=contact_id) if _CODE.fullmatch(code) else None
        )
    attributes = contact.get("Attributes") or {}
    user_id, reference = attributes.get("customer_id"), attributes.get("auth_token")
    if not user_id or not reference:
        return None
    return Presented(user_id=user_id, reference=reference, contact_id=contact_id)


def _may_be_ours(contact: Mapping[str, Any], bridge_number: str | None) -> bool:
    if contact.get("InitiationMethod") != "INBOUND":
        return contact.get("InitiationMethod") in {"WEBRTC_API", "TRANSFER", "QUEUE_TRANSFER"}
    called = (contact.get("SystemEndpoint") or {}).get("Address")
    return bridge_number is not None and called == bridge_number


def verify(presented: Presented | None, references: References, now: int) -> dict[str, str]:
    """The answer to the flow: `auth_status`, and when it is `verified` the caller's context. Who presents a
    code is told all that the flow is to set, and the flow to go on with.

    `now` is in milliseconds since the epoch. Raises `calls.errors.ServiceError` when the records cannot be read.
    """
    if presented is None:
        return {"auth_status": UNVERIFIED}
    user_id = presented.user_id or references.find_user_by_reference(presented.reference)
    if user_id is None:
        return {"auth_status": UNVERIFIED}
    call = references.bind(user_id, presented.reference, presented.contact_id, now)
    if call is None:
        return {"auth_status": UNVERIFIED}
    if call.ended_at is not None:
        return {"auth_status": ABANDONED}
    context = call.context if presented.user_id is not None else call.flow_context
    return {**context, "auth_status": VERIFIED}
