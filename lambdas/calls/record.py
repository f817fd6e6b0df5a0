"""The record of a user's latest call: what the backend holds without a request to Amazon Connect.

A user has one record. Its state is not stored but derived from which times are known, so that facts about a
call can arrive in any order, or twice, and always add up to the same state.
"""

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

NATIVE_TRANSPORT = "webrtc"

TRANSFER_GRACE = 5_000
"""Milliseconds for which the end of a contact that may have been transferred is not that of its call: events
come in any order, and that of the transfer may be on its way."""

_COMES_BACK_WITHIN = 300_000
"""Milliseconds after the end of a call in which its caller's next one continues it."""


class State(StrEnum):
    """Where a call is on its way."""

    CONNECTING = "CONNECTING"
    QUEUED = "QUEUED"
    CONNECTED = "CONNECTED"
    ENDED = "ENDED"


class EndedBy(StrEnum):
    """Who ended a call."""

    CALLER = "CALLER"
    AGENT = "AGENT"
    SYSTEM = "SYSTEM"
    """Amazon Connect: its contact flow, or the network."""
    UNKNOWN = "UNKNOWN"


# Contact records data model, DisconnectReason, for voice. A code that is not here says nothing of who it was:
# OTHER is among these, which stands for StopContact too.
_ENDED_BY: Mapping[str, EndedBy] = {
    "CUSTOMER_DISCONNECT": EndedBy.CALLER,
    "TELECOM_ORIGINATOR_CANCEL": EndedBy.CALLER,
    "AGENT_DISCONNECT": EndedBy.AGENT,
    "BARGED": EndedBy.AGENT,
    "CONTACT_FLOW_DISCONNECT": EndedBy.SYSTEM,
    "CUSTOMER_NEVER_ARRIVED": EndedBy.SYSTEM,
    "EXPIRED": EndedBy.SYSTEM,
    "TELECOM_BUSY": EndedBy.SYSTEM,
    "TELECOM_NUMBER_INVALID": EndedBy.SYSTEM,
    "TELECOM_POTENTIAL_BLOCKING": EndedBy.SYSTEM,
    "TELECOM_PROBLEM": EndedBy.SYSTEM,
    "TELECOM_TIMEOUT": EndedBy.SYSTEM,
    "TELECOM_UNANSWERED": EndedBy.SYSTEM,
}


@dataclass(frozen=True, order=True)
class QueuedContact:
    """A contact of a call that was put into a queue. The greatest of several is the one that came last."""

    at: int
    """When, in milliseconds since the epoch."""
    queue_arn: str
    contact_id: str


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
    queued: QueuedContact | None = None
    """What waits, or has waited, where it was put last; None where no event had the queue."""
    connected_at: int | None = None
    """When the first agent took the call."""
    ended_at: int | None = None
    ended_by_connect: bool = False
    """Whether an event of Connect ended the call, and not the backend."""
    legs: Mapping[str, int] = field(default_factory=dict)
    """The contacts that the call consists of, as far as events have come: a transfer adds one. Each with the
    time at which it ended, 0 while it goes on."""
    reasons: Mapping[str, str] = field(default_factory=dict)
    """Why those contacts ended, in Connect's codes, as far as events hold that."""
    hung_up: bool = False
    """Whether the caller's request to hang up ended the call."""
    previous_id: str | None = None
    """The id for the app of the call that this one continues; None where it continues none."""
    previous_ended_at: int | None = None
    """When that call ended."""
    related_contact_id: str | None = None
    """The contact of that call."""
    refused_before: int = 0
    """When Connect refused a start of this user before it refused this one, 0 if it never did."""
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

    @property
    def free_at(self) -> int | None:
        """From when the user may start another call; None before the call has ended.

        That is a moment after an end that Connect has reported, of a contact that may have been transferred.
        """
        if self.ended_at is None:
            return None
        may_be_transferred = self.queued_at is not None or self.connected_at is not None
        if not self.ended_by_connect or not may_be_transferred or self.ended_by is EndedBy.CALLER:
            return self.ended_at
        return self.ended_at + TRANSFER_GRACE

    def holds_slot(self, now: int) -> bool:
        """Whether the call keeps its user from starting another."""
        return self.slot_until > now and (self.free_at is None or self.free_at > now)

    @property
    def disconnect_reason(self) -> str | None:
        """Connect's code for why the contact ended that ended last; None where no event held one."""
        ended = [(ended_at, leg) for leg, ended_at in self.legs.items() if ended_at]
        return self.reasons.get(max(ended)[1]) if ended else None

    @property
    def ended_by(self) -> EndedBy:
        """Who ended the call, once it has ended."""
        if self.hung_up:
            return EndedBy.CALLER
        return _ENDED_BY.get(self.disconnect_reason or "", EndedBy.UNKNOWN)

    @property
    def came_back(self) -> bool:
        """Whether the call continues one of the same caller that had just ended."""
        return self.previous_id is not None

    def continued_by(self, call: "Call", previous_id: str) -> "Call":
        """`call`, about to be started, with what makes it the continuation of this, its user's latest one.

        It is that when the app names this call as the one before (`previous_id`), and this has just ended
        without its caller hanging up: so a call is continued once. A start that failed passes on what it had.
        """
        if self.answer is None:
            is_previous = self.previous_id == previous_id
            ended_at, contact_id = self.previous_ended_at, self.related_contact_id
        else:
            is_previous = self.id == previous_id and not self.hung_up
            ended_at, contact_id = self.ended_at, self.contact_id
        if not is_previous or ended_at is None or call.started_at - ended_at > _COMES_BACK_WITHIN:
            return call
        return replace(
            call, previous_id=previous_id, previous_ended_at=ended_at, related_contact_id=contact_id
        )

    def is_blocked(self, now: int) -> bool:
        """Whether the operator keeps the user from calling."""
        return self.blocked_until > now

    @property
    def is_failed_start(self) -> bool:
        """Whether this ended before it was answered, and with a contact: that may go on."""
        return self.ended_at is not None and self.answer is None and self.contact_id is not None

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
