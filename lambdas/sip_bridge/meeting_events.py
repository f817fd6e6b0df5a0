"""Events of a meeting (SDK guide, "Amazon Chime SDK meeting lifecycle events"), as far as calls need them."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from calls.contact_event import MIN_TIME
from sip_bridge.meetings import CALLER, PHONE


class Happening(Enum):
    """What has happened in a meeting."""

    ENDED = "ended"
    CALLER_JOINED = "caller joined"
    CALLER_LEFT = "caller left"
    """The app ended its session without hanging up."""
    CALLER_DROPPED = "caller dropped"
    """The network's fault, or the app was killed: it may come back."""
    PHONE_JOINED = "phone joined"
    PHONE_GONE = "phone gone"


_HAPPENINGS: Mapping[tuple[str, str | None], Happening] = {
    ("chime:AttendeeJoined", CALLER): Happening.CALLER_JOINED,
    ("chime:AttendeeLeft", CALLER): Happening.CALLER_LEFT,
    ("chime:AttendeeDropped", CALLER): Happening.CALLER_DROPPED,
    ("chime:AttendeeJoined", PHONE): Happening.PHONE_JOINED,
    ("chime:AttendeeLeft", PHONE): Happening.PHONE_GONE,
    ("chime:AttendeeDropped", PHONE): Happening.PHONE_GONE,
}


@dataclass(frozen=True)
class MeetingEvent:
    """One event; `happened_at` in milliseconds since the epoch."""

    happening: Happening
    meeting_id: str
    happened_at: int


def read_meeting_event(envelope: Mapping[str, Any], external_meeting_id: str) -> MeetingEvent | None:
    """Reads an event from EventBridge; None when it is of no call of this deployment, or changes nothing.

    Raises KeyError, TypeError or ValueError when it is no event.
    """
    detail = envelope["detail"]
    if detail["externalMeetingId"] != external_meeting_id:
        return None
    if detail["eventType"] == "chime:MeetingEnded":
        happening: Happening | None = Happening.ENDED
    else:
        happening = _HAPPENINGS.get((detail["eventType"], detail.get("externalUserId")))
    if happening is None:
        return None
    happened_at = int(detail["timestamp"])
    if happened_at < MIN_TIME:
        raise ValueError("The event's time is not one in milliseconds.")
    return MeetingEvent(happening, str(detail["meetingId"]), happened_at)
