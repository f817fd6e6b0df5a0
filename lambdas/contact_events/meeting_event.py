"""An event of a meeting (SDK guide, "Amazon Chime SDK meeting events"), as far as calls over the SIP bridge
need it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from calls.meetings import CALLER
from contact_events.event import EARLIEST, ContactEvent


class Meetings(Protocol):
    """`calls.meetings.Meetings` says more."""

    def delete(self, meeting_id: str) -> bool:
        """Ends a meeting."""


@dataclass(frozen=True)
class CallerLeft:
    """The app has left the meeting without hanging up: it does not come back."""

    meeting_id: str


class MeetingEvents:
    """Takes note of the events of meetings."""

    def __init__(self, meetings: Meetings, external_meeting_id: str) -> None:
        """`external_meeting_id` is what all meetings of this deployment are known by."""
        self._meetings = meetings
        self._external_meeting_id = external_meeting_id

    def __call__(self, envelope: Mapping[str, Any]) -> ContactEvent | None:
        """What an event from EventBridge tells of a call; ends a meeting that the caller has left.

        Raises KeyError, TypeError or ValueError when it is no event, and the adapter's errors.
        """
        event = read_meeting_event(envelope, self._external_meeting_id)
        if isinstance(event, CallerLeft):
            # The phone call ends with the meeting, and of the contact's end Connect tells.
            self._meetings.delete(event.meeting_id)
            return None
        return event


def read_meeting_event(
    envelope: Mapping[str, Any], external_meeting_id: str
) -> ContactEvent | CallerLeft | None:
    """What an event tells; None when it changes no call of this deployment.

    The end of a meeting is the end of a call that has not reached Connect yet. Of any other call Connect
    tells the end. Raises KeyError, TypeError or ValueError when it is no event.
    """
    detail = envelope["detail"]
    if detail["externalMeetingId"] != external_meeting_id:
        return None
    meeting_id = str(detail["meetingId"])
    if detail["eventType"] == "chime:MeetingEnded":
        ended_at = int(detail["timestamp"])
        if ended_at < EARLIEST:
            raise ValueError("The event's time is not one in milliseconds.")
        return ContactEvent(contact_id=meeting_id, call_contact_id=meeting_id, ended_at=ended_at)
    # Who was dropped may come back: that is an event of its own.
    if detail["eventType"] == "chime:AttendeeLeft" and detail.get("externalUserId") == CALLER:
        return CallerLeft(meeting_id)
    return None
