"""The record of a user's latest call: what the backend holds without a request to Amazon Connect.

A user has one record. Its state is not stored but derived from which times are known, so that facts about a
call can arrive in any order, or twice, and always add up to the same state.
"""

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

NATIVE_TRANSPORT = "webrtc"


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
    transport: str = NATIVE_TRANSPORT
    """The name of the transport that started the call."""
    starts: Sequence[int] = ()
    """When this user's latest calls were started, newest first."""
    call_id: str | None = None
    """What the app was answered as its ContactId; None until then."""
    contact_id: str | None = None
    """The first contact of the call in Connect; None until it is known. Some transports learn it only when a
    contact presents the reference."""
    answer: str | None = None
    """The JSON that the app was answered, with the join credentials; None until then."""
    replay_until: int = 0
    display_name: str = ""
    """The caller's name for the agent; a participant that comes back has the same."""
    capabilities: Sequence[str] = ()
    """What beside audio the caller may send, in Connect's words."""
    queued_at: int | None = None
    connected_at: int | None = None
    """When the first agent took the call."""
    ended_at: int | None = None
    ended_by_connect: bool = False
    """Whether an event of Connect ended the call, and not the backend."""
    legs: Mapping[str, int] = field(default_factory=dict)
    """The contacts that the call consists of, as far as events have come: a transfer adds one. Each with the
    time at which it ended, 0 while it goes on."""
    connection_token: str | None = None
    """What digits are sent with, good until `connection_token_until`."""
    connection_token_until: int = 0
    blocked_until: int = 0
    """Until when the operator keeps the user from calling."""

    @property
    def id(self) -> str | None:
        """The call's id for the app; None while there is none.

        A native call has it as soon as its contact is known, although its start may never be answered.
        """
        if self.call_id is None and self.transport == NATIVE_TRANSPORT:
            return self.contact_id
        return self.call_id

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
