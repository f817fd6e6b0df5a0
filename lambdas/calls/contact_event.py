"""A contact event of Amazon Connect (admin guide, "Contact events"), as far as calls need it.

Events come unordered, more than once, and now and then not at all. Each repeats what is known of its contact,
so every event is read for all the times that it holds, whatever its type.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from calls.record import Call, QueuedContact

_ENDS = frozenset({"DISCONNECTED", "COMPLETED"})
# The values of initiationMethod (API Reference, Contact). Which one a contact has that StartWebRTCContact
# started, no page about events says: so it is any but these, none included.
_TRANSFERS = frozenset({"DISCONNECT", "QUEUE_TRANSFER", "TRANSFER"})
"""How the contacts begin that a call goes on as."""
INBOUND = "INBOUND"
"""How the contact of a phone call begins."""
_OF_OTHERS = frozenset(
    {
        "AGENT_REPLY",
        "API",
        "CALLBACK",
        "CAMPAIGN_PREVIEW",
        "EXTERNAL_OUTBOUND",
        "FLOW",
        "MONITOR",
        "OUTBOUND",
    }
)
_VOICE = "VOICE"
# An agent's step-by-step guide is a contact of its own, related to the call.
_GUIDE = "connect:Guide"
_MAX_ARN = 256
_REASON = re.compile(r"[A-Z_]{1,64}", re.ASCII)

MIN_TIME = 1_000_000_000_000
"""Milliseconds since the epoch. Connect writes "not yet" as a moment after the epoch."""


@dataclass(frozen=True, kw_only=True)
class ContactEvent:
    """What one event holds. Times are milliseconds since the epoch, None where the event has none."""

    contact_id: str
    call_contact_id: str
    """The contact that the call began with: another one than `contact_id` after a transfer, or when its
    caller's participant was created anew.
    """
    queued_at: int | None = None
    queued: QueuedContact | None = None
    """Where the contact waits, or has waited; None where the event has no queue."""
    connected_at: int | None = None
    ended_at: int | None = None
    reason: str | None = None
    """Why the contact ended, as a code of Connect."""
    next_contact_id: str | None = None
    """The contact that the call goes on as after the end of this one."""
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


def read_contact_event(envelope: Mapping[str, Any], *, by_phone: bool = False) -> ContactEvent | None:
    """Reads an event as EventBridge delivers it; None for one of a contact that can be no part of a call.

    Calls that come `by_phone` are contacts of phone calls. Raises KeyError, TypeError or ValueError when it
    is no event.
    """
    detail = envelope["detail"]
    event_type = detail["eventType"]
    sent_at = _milliseconds(envelope["time"])
    contact_id = str(detail["contactId"])
    method = detail.get("initiationMethod")
    others = _OF_OTHERS if by_phone else _OF_OTHERS | {INBOUND}
    if method in others or str(detail.get("channel") or _VOICE).upper() != _VOICE or _is_guide(detail):
        return None
    queue = detail.get("queueInfo") or {}
    agent = detail.get("agentInfo") or {}
    queued_at = _milliseconds(queue.get("enqueueTimestamp")) or (sent_at if event_type == "QUEUED" else None)
    ended_at = _milliseconds(detail.get("disconnectTimestamp")) or (sent_at if event_type in _ENDS else None)
    reason = detail.get("disconnectReason")
    following = detail.get("nextContactId")
    return ContactEvent(
        contact_id=contact_id,
        call_contact_id=_first_contact(detail, contact_id),
        queued_at=queued_at,
        queued=_queued_contact(queue, queued_at, contact_id),
        connected_at=_milliseconds(agent.get("connectedToAgentTimestamp"))
        or (sent_at if event_type == "CONNECTED_TO_AGENT" else None),
        ended_at=ended_at,
        reason=reason if ended_at and isinstance(reason, str) and _REASON.fullmatch(reason) else None,
        next_contact_id=str(following) if ended_at and following else None,
        may_be_ours=method not in _TRANSFERS,
    )


def _first_contact(detail: Mapping[str, Any], contact_id: str) -> str:
    """The contact that the call began with. A participant that was created anew is a contact that began
    nothing, though no page says whether it is called its own initial one.
    """
    candidates = (detail.get("initialContactId"), detail.get("previousContactId"))
    return next((str(other) for other in candidates if other and other != contact_id), contact_id)


def _queued_contact(queue: Mapping[str, Any], queued_at: int | None, contact_id: str) -> QueuedContact | None:
    arn = queue.get("queueArn")
    if queued_at is None or not isinstance(arn, str) or not 0 < len(arn) <= _MAX_ARN:
        return None
    return QueuedContact(queued_at, arn, contact_id)


def _is_guide(detail: Mapping[str, Any]) -> bool:
    subtype = (detail.get("segmentAttributes") or {}).get("connect:Subtype") or {}
    return _GUIDE in {subtype.get("valueString"), subtype.get("ValueString")}


def _milliseconds(timestamp: str | None) -> int | None:
    if timestamp is None:
        return None
    parsed = datetime.fromisoformat(timestamp)
    moment = round((parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp() * 1000)
    return moment if moment >= MIN_TIME else None
