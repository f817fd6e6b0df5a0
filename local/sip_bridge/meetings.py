"""The Amazon Chime SDK's meetings, as far as a call needs them: attendees come and go, nothing is heard.

Independent of MiniStack: events go out through `publish`. Telephone legs join and leave (`join`, `leave`),
and the control endpoint (`happen`) plays the attendee called "caller".

Assumed, because AWS does not say it: an event chime:MeetingStarted comes when a meeting is created; a request
repeated with its ClientRequestToken is answered the same, attendees included, for as long as the meeting
lives, and with ConflictException if anything else in it differs; when a meeting is deleted, those in it leave
with chime:AttendeeLeft before chime:MeetingEnded. Not emulated: quotas, capabilities, media, and the
time after which Chime ends a meeting that nobody is in (the control endpoint says when).
"""

import secrets
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from local.emulator.aws_service import AwsError, Parameters
from local.emulator.connect.contact import now, present, timestamp
from local.emulator.connect.media_placement import MediaPlane
from local.emulator.rest_of_aws import RestOfAws

MEETING_EVENT = "Chime Meeting State Change"
CALLER = "caller"  # the ExternalUserId of whoever the control endpoint plays
MEDIA_REGIONS = frozenset(
    {
        "af-south-1", "ap-northeast-1", "ap-northeast-2", "ap-south-1", "ap-southeast-1", "ap-southeast-2",
        "ca-central-1", "eu-central-1", "eu-north-1", "eu-south-1", "eu-west-1", "eu-west-2", "eu-west-3",
        "sa-east-1", "us-east-1", "us-east-2", "us-west-1", "us-west-2",
    }
)  # fmt: skip


class MeetingEvent(StrEnum):
    """What the caller's app, or Chime itself, does through the control endpoint."""

    CALLER_JOINED = "CallerJoined"
    CALLER_LEFT = "CallerLeft"
    CALLER_DROPPED = "CallerDropped"  # the network's fault: the app may join again
    TIMED_OUT = "TimedOut"  # nobody is in it, or has been for long: Chime ends it


class MeetingStateError(Exception):
    """A meeting event does not fit the state of the meeting."""


class Presence(StrEnum):
    """Where an attendee is."""

    INVITED = "invited"
    PRESENT = "present"
    LEFT = "left"
    DROPPED = "dropped"
    DELETED = "deleted"


@dataclass
class Attendee:
    """Who may join a meeting; `dropped` is called when the meeting is no longer theirs."""

    id: str
    external_user_id: str
    join_token: str
    capabilities: Mapping[str, str]
    presence: Presence = Presence.INVITED
    dropped: Callable[[], None] | None = None

    @property
    def members(self) -> dict[str, Any]:
        """As the API spells them."""
        return {
            "ExternalUserId": self.external_user_id,
            "AttendeeId": self.id,
            "JoinToken": self.join_token,
            "Capabilities": dict(self.capabilities),
        }


@dataclass
class Meeting:
    """A meeting, living or ended."""

    id: str
    members: Mapping[str, Any]
    token: str
    request: Parameters
    tags: dict[str, str]
    started: datetime
    attendees: list[Attendee] = field(default_factory=list)
    ended: datetime | None = None

    @property
    def present_attendees(self) -> list[Attendee]:
        """Those who are in it."""
        return [attendee for attendee in self.attendees if attendee.presence is Presence.PRESENT]

    @property
    def known_attendees(self) -> list[Attendee]:
        """Those who were not deleted."""
        return [attendee for attendee in self.attendees if attendee.presence is not Presence.DELETED]


_EVERYTHING = {"Audio": "SendReceive", "Video": "SendReceive", "Content": "SendReceive"}
_KEPT_FROM_REQUEST = ("ExternalMeetingId", "MediaRegion", "MeetingHostId", "MeetingFeatures", "TenantIds")


class Meetings:
    """All meetings: the behaviour of the service `chime-sdk-meetings`."""

    def __init__(self, *, region: str, account: str, rest: RestOfAws, media: MediaPlane) -> None:
        self._arn = f"arn:aws:chime:{region}:{account}:meeting"
        self._rest = rest
        self._media = media
        self._meetings: dict[str, Meeting] = {}
        self._lock = threading.RLock()

    # Operations, named as the SDK names them

    def create_meeting(self, parameters: Parameters) -> Mapping[str, Any]:
        """CreateMeeting."""
        return {"Meeting": self._created(parameters).members}

    def create_meeting_with_attendees(self, parameters: Parameters) -> Mapping[str, Any]:
        """CreateMeetingWithAttendees: all of them or an error."""
        meeting = self._created(parameters)
        invited = [attendee.members for attendee in meeting.attendees[: len(parameters["Attendees"])]]
        return {"Meeting": meeting.members, "Attendees": invited, "Errors": []}

    def get_meeting(self, parameters: Parameters) -> Mapping[str, Any]:
        """GetMeeting."""
        return {"Meeting": self._living(parameters).members}

    def delete_meeting(self, parameters: Parameters) -> Mapping[str, Any]:
        """DeleteMeeting: whoever is in it is dropped, and the tokens of all are worth nothing."""
        self._end(self._living(parameters))
        return {}

    def create_attendee(self, parameters: Parameters) -> Mapping[str, Any]:
        """CreateAttendee: a further one, also where the ExternalUserId is another's already."""
        with self._lock:
            meeting = self._living(parameters)
            attendee = _invited(parameters)
            meeting.attendees.append(attendee)
        self._publish_about(meeting, "AttendeeAdded", attendee)
        return {"Attendee": attendee.members}

    def get_attendee(self, parameters: Parameters) -> Mapping[str, Any]:
        """GetAttendee."""
        return {"Attendee": self._attendee(parameters)[1].members}

    def list_attendees(self, parameters: Parameters) -> Mapping[str, Any]:
        """ListAttendees, all on one page."""
        meeting = self._living(parameters)
        return {"Attendees": [attendee.members for attendee in meeting.known_attendees]}

    def delete_attendee(self, parameters: Parameters) -> Mapping[str, Any]:
        """DeleteAttendee: who is in the meeting is dropped from it."""
        with self._lock:
            meeting, attendee = self._attendee(parameters)
            attendee.presence = Presence.DELETED
        self._publish_about(meeting, "AttendeeDeleted", attendee)
        _drop(attendee)
        return {}

    def list_tags_for_resource(self, parameters: Parameters) -> Mapping[str, Any]:
        """ListTagsForResource."""
        meeting = self._living({"MeetingId": parameters["ResourceARN"].rpartition("/")[2]})
        tags = [{"Key": key, "Value": value} for key, value in meeting.tags.items()]
        return {"Tags": tags} if tags else {}

    def _created(self, parameters: Parameters) -> Meeting:
        if parameters["MediaRegion"] not in MEDIA_REGIONS:
            raise AwsError("BadRequestException", f"{parameters['MediaRegion']!r} is no media Region.")
        if parameters["ExternalMeetingId"].startswith("aws:"):
            raise AwsError("BadRequestException", "ExternalMeetingId: the prefix aws: is reserved.")
        with self._lock:
            for meeting in self._meetings.values():
                if meeting.token == parameters["ClientRequestToken"] and not meeting.ended:
                    if meeting.request != parameters:
                        message = "The ClientRequestToken belongs to another meeting."
                        raise AwsError("ConflictException", message)
                    return meeting
            meeting = self._new(parameters)
            self._meetings[meeting.id] = meeting
        self._publish_about(meeting, "MeetingStarted")
        for attendee in meeting.attendees:
            self._publish_about(meeting, "AttendeeAdded", attendee)
        return meeting

    def _new(self, parameters: Parameters) -> Meeting:
        meeting_id = str(uuid.uuid4())
        members = {
            "MeetingId": meeting_id,
            **{name: parameters[name] for name in _KEPT_FROM_REQUEST if name in parameters},
            "MediaPlacement": self._media.placement(meeting_id),
            "MeetingArn": f"{self._arn}/{meeting_id}",
        }
        members.setdefault("MeetingFeatures", {"Audio": {"EchoReduction": "UNAVAILABLE"}})
        return Meeting(
            id=meeting_id,
            members=members,
            token=parameters["ClientRequestToken"],
            request=parameters,
            tags={tag["Key"]: tag["Value"] for tag in parameters.get("Tags", [])},
            started=now(),
            attendees=[_invited(each) for each in parameters.get("Attendees", [])],
        )

    def _living(self, parameters: Parameters) -> Meeting:
        meeting = self._meetings.get(parameters["MeetingId"])
        if meeting is None or meeting.ended:
            raise AwsError("NotFoundException", f"There is no meeting {parameters['MeetingId']}.")
        return meeting

    def _attendee(self, parameters: Parameters) -> tuple[Meeting, Attendee]:
        meeting = self._living(parameters)
        for attendee in meeting.known_attendees:
            if attendee.id == parameters["AttendeeId"]:
                return meeting, attendee
        raise AwsError("NotFoundException", f"There is no attendee {parameters['AttendeeId']}.")

    # Who comes and goes

    def join(self, meeting_id: str, join_token: str, dropped: Callable[[], None]) -> str | None:
        """Let a telephone leg in with an attendee's token; returns the attendee's id, None where the token is
        nobody's in a living meeting. `dropped` is called when meeting or attendee are no more.
        """
        with self._lock:
            meeting = self._meetings.get(meeting_id)
            if meeting is None or meeting.ended:
                return None
            found = [each for each in meeting.known_attendees if each.join_token == join_token]
            if not found:
                return None
            [attendee] = found
            attendee.presence = Presence.PRESENT
            attendee.dropped = dropped
        self._publish_about(meeting, "AttendeeJoined", attendee)
        return attendee.id

    def leave(self, meeting_id: str, attendee_id: str) -> None:
        """Let a telephone leg go."""
        with self._lock:
            meeting = self._meetings[meeting_id]
            left = [each for each in meeting.present_attendees if each.id == attendee_id]
            for attendee in left:
                attendee.presence, attendee.dropped = Presence.LEFT, None
        for attendee in left:
            self._publish_about(meeting, "AttendeeLeft", attendee)

    def happen(self, meeting_id: str, event: MeetingEvent) -> dict[str, Any]:
        """Let the caller or Chime do something; KeyError for an unknown meeting, MeetingStateError where the
        meeting's state does not allow it. Returns the meeting as the control endpoint shows it.
        """
        meeting = self._meetings[meeting_id]
        if event is MeetingEvent.TIMED_OUT:
            if meeting.ended or meeting.present_attendees:
                why = "has ended" if meeting.ended else "has somebody in it"
                raise MeetingStateError(f"{event} needs an empty meeting: this one {why}")
            self._end(meeting)
            return _shown(meeting)
        with self._lock:
            caller = self._caller(meeting, event)
            caller.presence = _PRESENCE_AFTER[event]
        self._publish_about(meeting, f"Attendee{event.removeprefix('Caller')}", caller)
        return _shown(meeting)

    def _caller(self, meeting: Meeting, event: MeetingEvent) -> Attendee:
        """The newest attendee called so, who can do this."""
        joins = event is MeetingEvent.CALLER_JOINED
        for attendee in reversed(meeting.known_attendees):
            is_in = attendee.presence is Presence.PRESENT
            if attendee.external_user_id == CALLER and is_in is not joins and not meeting.ended:
                return attendee
        raise MeetingStateError(f"{event}: no attendee {CALLER!r} of a living meeting can do that")

    def _end(self, meeting: Meeting) -> None:
        with self._lock:
            if meeting.ended:
                return
            meeting.ended = now()
            left = meeting.present_attendees
            for attendee in left:
                attendee.presence = Presence.LEFT
        for attendee in left:
            self._publish_about(meeting, "AttendeeLeft", attendee)
        self._publish_about(meeting, "MeetingEnded")
        for attendee in left:
            _drop(attendee)

    # What others see

    def meetings(self) -> list[dict[str, Any]]:
        """Every meeting, oldest first, as the control endpoint shows it."""
        with self._lock:
            return [_shown(meeting) for meeting in self._meetings.values()]

    def publish(self, detail: Mapping[str, Any]) -> None:
        """Publish an event of a meeting: one that was, once more, or an invented one."""
        self._rest.publish_event(MEETING_EVENT, detail, [])

    def _publish_about(self, meeting: Meeting, event: str, attendee: Attendee | None = None) -> None:
        about = attendee and {"attendeeId": attendee.id, "externalUserId": attendee.external_user_id}
        self.publish({
            "version": "0",
            "eventType": f"chime:{event}",
            "timestamp": round(now().timestamp() * 1000),
            "meetingId": meeting.id,
            **(about or {}),
            "externalMeetingId": meeting.members["ExternalMeetingId"],
            "mediaRegion": meeting.members["MediaRegion"],
        })  # fmt: skip


_PRESENCE_AFTER = {
    MeetingEvent.CALLER_JOINED: Presence.PRESENT,
    MeetingEvent.CALLER_LEFT: Presence.LEFT,
    MeetingEvent.CALLER_DROPPED: Presence.DROPPED,
}


def _invited(request: Mapping[str, Any]) -> Attendee:
    return Attendee(
        id=str(uuid.uuid4()),
        external_user_id=request["ExternalUserId"],
        join_token=secrets.token_urlsafe(90),
        capabilities=request.get("Capabilities", _EVERYTHING),
    )


def _drop(attendee: Attendee) -> None:
    dropped, attendee.dropped = attendee.dropped, None
    if dropped:
        dropped()


def _shown(meeting: Meeting) -> dict[str, Any]:
    """As the control endpoint shows it: without what one could join it with."""
    return {
        "MeetingId": meeting.id,
        "ExternalMeetingId": meeting.members["ExternalMeetingId"],
        "MediaRegion": meeting.members["MediaRegion"],
        "State": "ended" if meeting.ended else "living",
        "Attendees": [
            present({
                "AttendeeId": attendee.id,
                "ExternalUserId": attendee.external_user_id,
                "Presence": attendee.presence,
            })
            for attendee in meeting.attendees
        ],
        "StartedAt": timestamp(meeting.started),
        "EndedAt": meeting.ended and timestamp(meeting.ended),
    }  # fmt: skip
