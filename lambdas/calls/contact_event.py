"""A contact event of Amazon Connect (admin guide, "Contact events"), as far as calls need it.

Events come unordered, more than once, and now and then not at all. Each repeats what is known of its contact,
so every event is read for all the times that it holds, whatever its type.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

_ENDS = frozenset({"DISCONNECTED", "COMPLETED"})
EARLIEST = 1_000_000_000_000
"""Milliseconds since the epoch. Connect writes "not yet" as a moment after the epoch."""


@dataclass(frozen=True, kw_only=True)
class ContactEvent:
    """What one event tells. Times are milliseconds since the epoch, None where the event tells none."""

    contact_id: str
    call_contact_id: str
    """The contact that the call began with: another one than `contact_id` after a transfer."""
    queued_at: int | None = None
    connected_at: int | None = None
    ended_at: int | None = None
    started_by_api: bool = False
    """Whether the contact was started by StartWebRTCContact or came in over the SIP bridge, and so perhaps by
    a start of this backend.
    """

    @property
    def is_news(self) -> bool:
        """Whether it tells more than that the contact has begun."""
        return any(time is not None for time in (self.queued_at, self.connected_at, self.ended_at))


def read_event(envelope: Mapping[str, Any], *, bridged: bool = False) -> ContactEvent:
    """Reads an event as EventBridge delivers it. Raises KeyError, TypeError or ValueError when it is none.

    With `bridged`, phone calls that come in are those of the SIP bridge: no others' events are delivered.
    """
    detail = envelope["detail"]
    event_type = detail["eventType"]
    sent_at = _milliseconds(envelope["time"])
    queue = detail.get("queueInfo") or {}
    agent = detail.get("agentInfo") or {}
    contact_id = str(detail["contactId"])
    method = detail.get("initiationMethod")
    return ContactEvent(
        contact_id=contact_id,
        call_contact_id=str(detail.get("initialContactId") or contact_id),
        queued_at=_milliseconds(queue.get("enqueueTimestamp"))
        or (sent_at if event_type == "QUEUED" else None),
        connected_at=_milliseconds(agent.get("connectedToAgentTimestamp"))
        or (sent_at if event_type == "CONNECTED_TO_AGENT" else None),
        ended_at=_milliseconds(detail.get("disconnectTimestamp"))
        or (sent_at if event_type in _ENDS else None),
        started_by_api=method == "WEBRTC_API" or (bridged and method == "INBOUND"),
    )


def _milliseconds(timestamp: str | None) -> int | None:
    if timestamp is None:
        return None
    parsed = datetime.fromisoformat(timestamp)
    moment = round((parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp() * 1000)
    return moment if moment >= EARLIEST else None
