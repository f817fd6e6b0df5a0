"""A contact event of Amazon Connect (admin guide, "Contact events"), as far as calls need it.

Events come unordered, more than once, and now and then not at all. Each repeats what is known of its contact,
so every event is read for all the times that it holds, whatever its type.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from calls.record import Call

_ENDS = frozenset({"DISCONNECTED", "COMPLETED"})
MIN_TIME = 1_000_000_000_000
"""Milliseconds since the epoch. Connect writes "not yet" as a moment after the epoch."""


@dataclass(frozen=True, kw_only=True)
class ContactEvent:
    """What one event holds. Times are milliseconds since the epoch, None where the event has none."""

    contact_id: str
    call_contact_id: str
    """The contact that the call began with: another one than `contact_id` after a transfer."""
    queued_at: int | None = None
    connected_at: int | None = None
    ended_at: int | None = None
    may_be_ours: bool = False
    """Whether the contact began as contacts of this backend do."""
    user_id: str | None = None
    """The user, where a transport has that: of the end of a call that no contact belongs to yet. Its
    contact ids are then the transport's own name for the call."""
    reference: str | None = None
    """The reference of such a call."""

    @property
    def has_progress(self) -> bool:
        """Whether it holds more than that the contact has begun."""
        return any(time is not None for time in (self.queued_at, self.connected_at, self.ended_at))

    def is_about(self, call: Call) -> bool:
        """Whether `call`, a user's latest, is the event's."""
        if self.reference is not None:
            return call.contact_id is None and call.reference == self.reference
        return call.contact_id == self.call_contact_id


def read_contact_event(envelope: Mapping[str, Any], started_by: Collection[str]) -> ContactEvent:
    """Reads an event as EventBridge delivers it. Raises KeyError, TypeError or ValueError when it is none.

    `started_by` are the initiation methods of contacts that this backend starts.
    """
    detail = envelope["detail"]
    event_type = detail["eventType"]
    sent_at = _milliseconds(envelope["time"])
    queue = detail.get("queueInfo") or {}
    agent = detail.get("agentInfo") or {}
    contact_id = str(detail["contactId"])
    return ContactEvent(
        contact_id=contact_id,
        call_contact_id=str(detail.get("initialContactId") or contact_id),
        queued_at=_milliseconds(queue.get("enqueueTimestamp"))
        or (sent_at if event_type == "QUEUED" else None),
        connected_at=_milliseconds(agent.get("connectedToAgentTimestamp"))
        or (sent_at if event_type == "CONNECTED_TO_AGENT" else None),
        ended_at=_milliseconds(detail.get("disconnectTimestamp"))
        or (sent_at if event_type in _ENDS else None),
        may_be_ours=detail.get("initiationMethod") in started_by,
    )


def _milliseconds(timestamp: str | None) -> int | None:
    if timestamp is None:
        return None
    parsed = datetime.fromisoformat(timestamp)
    moment = round((parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp() * 1000)
    return moment if moment >= MIN_TIME else None
