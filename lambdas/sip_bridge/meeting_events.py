"""What the events of a meeting (SDK guide, "Amazon Chime SDK meeting lifecycle events") say about its call.

Amazon Connect notices a caller who goes away; a phone call in a meeting notices nothing. So when the app has
left for good, never came, or lost its phone call, the meeting is deleted: that drops the phone call, and of
the contact's end Connect tells.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from calls.contact_event import EARLIEST, ContactEvent
from calls.record import Call
from contact_events.domain import TryLaterError
from sip_bridge.meetings import CALLER, PHONE


class What(Enum):
    """What has happened in a meeting."""

    ENDED = "ended"
    CALLER_JOINED = "caller joined"
    CALLER_LEFT = "caller left"
    """The app ended its session without hanging up."""
    CALLER_DROPPED = "caller dropped"
    """The network's fault, or the app was killed: it may come back."""
    PHONE_JOINED = "phone joined"
    PHONE_GONE = "phone gone"


_WHAT: Mapping[tuple[str, str | None], What] = {
    ("chime:AttendeeJoined", CALLER): What.CALLER_JOINED,
    ("chime:AttendeeLeft", CALLER): What.CALLER_LEFT,
    ("chime:AttendeeDropped", CALLER): What.CALLER_DROPPED,
    ("chime:AttendeeJoined", PHONE): What.PHONE_JOINED,
    ("chime:AttendeeLeft", PHONE): What.PHONE_GONE,
    ("chime:AttendeeDropped", PHONE): What.PHONE_GONE,
}


# The app may still come, or come back: it is given until the event has come again twice, some minutes.
_PASSING = frozenset({What.CALLER_DROPPED, What.PHONE_JOINED})


@dataclass(frozen=True)
class MeetingEvent:
    """One event; `happened_at` in milliseconds since the epoch."""

    what: What
    meeting_id: str
    happened_at: int


class Calls(Protocol):
    """The records of calls; `calls.table.CallTable` says more."""

    def find_user_by_meeting(self, meeting_id: str) -> str | None:
        """Whose latest call has a meeting."""

    def find(self, user_id: str, now: int) -> Call | None:
        """The user's latest call."""

    def store_joined(self, call: Call, joined_at: int) -> None:
        """Stores when the app came into the meeting."""


class Meetings(Protocol):
    """`sip_bridge.meetings.Meetings` says more."""

    def delete(self, meeting_id: str) -> None:
        """Ends a meeting."""


class MeetingEvents:
    """Takes note of the events of meetings."""

    def __init__(
        self, calls: Calls, meetings: Meetings, external_meeting_id: str, now: Callable[[], int]
    ) -> None:
        """`external_meeting_id` is what all meetings of this deployment are known by; `now` tells the time in
        milliseconds since the epoch.
        """
        self._calls = calls
        self._meetings = meetings
        self._external_meeting_id = external_meeting_id
        self._now = now

    def __call__(self, envelope: Mapping[str, Any], *, may_be_early: bool) -> ContactEvent | None:
        """Notes an event from EventBridge; ends the meeting of a call that has lost its caller or its phone.

        Returns the end of a call that has not reached Connect; of any other call Connect tells the end.
        Raises `TryLaterError` when the event must come again, KeyError, TypeError or ValueError when it is no
        event, and the adapters' errors.
        """
        event = read_meeting_event(envelope, self._external_meeting_id)
        if event is None:
            return None
        call = self._find(event.meeting_id)
        if event.what in {What.ENDED, What.CALLER_JOINED}:
            if call is not None:
                return self._noted(call, event)
            if may_be_early:
                raise TryLaterError  # nobody may have written yet whose meeting it is
        elif _is_lost(call, event):
            if may_be_early and event.what in _PASSING:
                raise TryLaterError
            self._meetings.delete(event.meeting_id)
        return None

    def _noted(self, call: Call, event: MeetingEvent) -> ContactEvent | None:
        if event.what is What.CALLER_JOINED:
            self._calls.store_joined(call, event.happened_at)
        elif call.connect_contact_id is None:
            return ContactEvent(
                contact_id=event.meeting_id, call_contact_id=event.meeting_id, ended_at=event.happened_at
            )
        return None

    def _find(self, meeting_id: str) -> Call | None:
        user_id = self._calls.find_user_by_meeting(meeting_id)
        call = None if user_id is None else self._calls.find(user_id, self._now())
        return call if call is not None and call.meeting_id == meeting_id else None


def _is_lost(call: Call | None, event: MeetingEvent) -> bool:
    """Whether an event tells that the meeting has nobody to talk to. Events come in any order, and late."""
    joined_at = None if call is None else call.joined_at
    if event.what is What.PHONE_GONE or joined_at is None:
        return True
    return event.what is not What.PHONE_JOINED and joined_at <= event.happened_at


def read_meeting_event(envelope: Mapping[str, Any], external_meeting_id: str) -> MeetingEvent | None:
    """What an event tells; None when it is of no call of this deployment, or changes nothing.

    Raises KeyError, TypeError or ValueError when it is no event.
    """
    detail = envelope["detail"]
    if detail["externalMeetingId"] != external_meeting_id:
        return None
    if detail["eventType"] == "chime:MeetingEnded":
        what: What | None = What.ENDED
    else:
        what = _WHAT.get((detail["eventType"], detail.get("externalUserId")))
    if what is None:
        return None
    happened_at = int(detail["timestamp"])
    if happened_at < EARLIEST:
        raise ValueError("The event's time is not one in milliseconds.")
    return MeetingEvent(what, str(detail["meetingId"]), happened_at)
