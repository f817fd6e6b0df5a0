"""Whether a contact is the one that start-call started for a signed-in user.

Attributes prove nothing: whoever may call Connect can set them. The proof is the reference, which only
start-call issues, for one contact, for a short time. The record of the call, not the contact, then says who
the caller is.
"""

from calls.interfaces import Calls, Credential

VERIFIED = "verified"
UNVERIFIED = "unverified"
ABANDONED = "abandoned"
"""The start was answered as failed, or the backend has ended the call: nobody can join this contact."""


def verify(credential: Credential | None, calls: Calls, now: int) -> dict[str, str]:
    """The answer to the flow: `auth_status`, and when it is `verified` the caller's context, beside what the
    credential has for the flow to set.

    `now` is in milliseconds since the epoch. Raises `ServiceError` when the records cannot be read.
    """
    if credential is None:
        return {"auth_status": UNVERIFIED}
    call = calls.bind(credential.user_id, credential.reference, credential.contact_id, now)
    if call is None:
        return {"auth_status": UNVERIFIED}
    # Not where Connect alone has reported an end: events come in any order, and the contact that asks lives.
    if call.ended_at is not None and not call.ended_by_connect:
        return {"auth_status": ABANDONED}
    # What is proved comes last, so nothing that a caller sends can replace it.
    return {
        **credential.attributes,
        **call.context,
        "came_back": "true" if call.came_back else "false",
        "auth_status": VERIFIED,
    }
