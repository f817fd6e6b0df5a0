"""The record of a user's latest call: what the backend knows without asking Amazon Connect.

A user has one record. Its state is not stored but derived from which times are known, so that facts about a
call can arrive in any order, or twice, and always add up to the same state.
"""

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class State(StrEnum):
    """Where a call is on its way."""

    CONNECTING = "CONNECTING"
    QUEUED = "QUEUED"
    CONNECTED = "CONNECTED"
    ENDED = "ENDED"


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call of one user. All times are milliseconds since the epoch.

    The slot is the user's right to one active call. A start holds it for a short lease, so that a crash frees
    it; an answered call holds it until it ends, at the latest until `slot_until`.
    """

    user_id: str
    started_at: int
    idempotency_key: str
    request_hash: str
    reference: str
    """What the contact carries as `auth_token`: opaque, and good for this one contact."""
    reference_until: int
    context: Mapping[str, str]
    """The attributes that a contact which presents the reference may be given as verified."""
    slot_until: int
    starts: Sequence[int] = ()
    """When this user's latest calls were started, newest first."""
    contact_id: str | None = None
    """The first contact of the call in Connect. Over the SIP bridge the meeting's id stands here until that
    contact has presented the reference, so that what is told of the meeting finds the call."""
    answer: str | None = None
    """The JSON that the app was answered, with the join credentials; None until then."""
    replay_until: int = 0
    display_name: str = ""
    """What the agent was shown; a participant that comes back is shown as the same."""
    capabilities: Sequence[str] = ()
    """What beside audio the caller may send, in Connect's words."""
    queued_at: int | None = None
    connected_at: int | None = None
    """When the first agent took the call."""
    ended_at: int | None = None
    ended_by_connect: bool = False
    """Whether Connect reported the end; the backend has ended the call otherwise."""
    legs: Mapping[str, int] = field(default_factory=dict)
    """The contacts that the call consists of, as far as Connect has told: a transfer adds one. Each with the
    time at which it ended, 0 while it goes on."""
    connection_token: str | None = None
    """What digits are sent with, good until `connection_token_until`."""
    connection_token_until: int = 0
    meeting_id: str | None = None
    """The meeting of a call over the SIP bridge; None of any other call, and until there is one."""
    joined_at: int | None = None
    """When the app last came into the meeting, as far as Chime has told."""
    transaction_id: str | None = None
    """What the SIP media application knows the phone call of the bridge by."""
    contact_flow_arn: str | None = None
    """The flow that the bridge's own contact flow passes the contact on to; None without a bridge."""
    blocked_until: int = 0
    """Until when the operator keeps the user from calling."""
    attributes: Mapping[str, str] = field(default_factory=dict)
    """What the caller sends along, for that flow to set: a phone call brings no attributes to Connect."""

    @property
    def id(self) -> str | None:
        """What the app knows the call by; None until it can be told."""
        return self.meeting_id or self.contact_id

    @property
    def connect_contact_id(self) -> str | None:
        """The first contact of the call in Connect; None while none is known."""
        return None if self.contact_id == self.meeting_id else self.contact_id

    @property
    def flow_context(self) -> dict[str, str]:
        """What the bridge's contact flow is answered of a verified call.

        What is trusted comes last, so nothing that a caller sends can replace it.
        """
        return {**self.attributes, **self.context, "contact_flow_arn": self.contact_flow_arn or ""}

    @property
    def client_token(self) -> str:
        """Connect's idempotency token: the same for a repeated request, another for the user's next call.

        The reference is part of it because Connect remembers a token for 7 days: a key that is used again
        after its call failed or ended must not lead back to that dead contact, not even within a millisecond.
        """
        return hashlib.sha256(
            f"{self.user_id}\0{self.idempotency_key}\0{self.reference}".encode()
        ).hexdigest()

    @property
    def open_contacts(self) -> list[str]:
        """The contacts that may still go on."""
        if not self.legs:
            return [] if self.contact_id is None else [self.contact_id]
        return [contact_id for contact_id, ended_at in self.legs.items() if not ended_at]

    def state(self, now: int) -> State:
        """Derived from the times; a call whose end nobody reported is over when its slot is."""
        if self.ended_at is not None or self.slot_until <= now:
            return State.ENDED
        if self.connected_at is not None:
            return State.CONNECTED
        return State.CONNECTING if self.queued_at is None else State.QUEUED

    def holds_slot(self, now: int) -> bool:
        """Whether the call keeps its user from starting another."""
        return self.ended_at is None and self.slot_until > now

    def is_blocked(self, now: int) -> bool:
        """Whether the operator keeps the user from calling."""
        return self.blocked_until > now

    def is_crashed_start(self, now: int) -> bool:
        """Whether the start ended neither with an answer nor with an error: its function must have died."""
        return self.ended_at is None and self.answer is None and self.slot_until <= now


def now() -> int:
    """The time in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True)
class Rate:
    """At most `calls` starts of one user within any `seconds`."""

    calls: int
    seconds: int

    def seconds_until_allowed(self, starts: Sequence[int], now: int) -> int:
        """Whole seconds until another start is allowed, 0 when it is now; `starts` newest first, in ms."""
        if len(starts) < self.calls:
            return 0
        return max(0, -((now - starts[self.calls - 1] - self.seconds * 1000) // 1000))
