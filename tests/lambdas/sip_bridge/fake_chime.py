"""The Amazon Chime SDK's meetings and SIP media application as the SDK sees them: at the HTTP level, so that
parsing, signing and retries are real.
"""

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from botocore.awsrequest import AWSResponse

from tests.lambdas.fake_aws import Answer, RefusedError, attach, respond
from tests.lambdas.fake_connect import FakeConnect

APPLICATION_ID = "0f000000-0000-4000-8000-00000000050a"
MEETINGS_NUMBER = "+17035550122"


@dataclass
class FakeMeeting:
    """A meeting, its attendees by id."""

    meeting_id: str
    parameters: dict[str, Any]
    attendees: dict[str, dict[str, Any]] = field(default_factory=dict)
    ended: bool = False

    def attendee(self, user_id: str) -> dict[str, Any]:
        """The latest attendee of a user."""
        return [each for each in self.attendees.values() if each["ExternalUserId"] == user_id][-1]


@dataclass
class FakePhoneCall:
    """A phone call into a meeting."""

    meeting_id: str
    parameters: dict[str, Any]
    hung_up: bool = False
    contact_id: str | None = None
    """What it has become in Connect."""

    @property
    def arguments(self) -> dict[str, str]:
        arguments: dict[str, str] = self.parameters["ArgumentsMap"]
        return arguments


@dataclass
class FakeChime:
    """Creates meetings once per client token, phone calls as often as requested; a phone call ends with its
    meeting, by a hang-up or with its contact. `faults` are answered or raised first, oldest first.
    """

    connect: FakeConnect
    meetings: dict[str, FakeMeeting] = field(default_factory=dict)
    phone_calls: dict[str, FakePhoneCall] = field(default_factory=dict)
    """By transaction id."""
    digits: list[tuple[str, str, str]] = field(default_factory=list)
    """Transaction id, digits and their key."""
    requests: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    faults: dict[str, list[Answer | Exception]] = field(default_factory=dict)
    """By operation."""
    alter_answer: Callable[[str, dict[str, Any]], None] = lambda *_: None
    """Changes what is answered to an operation, once it is done."""

    def attach(self, client: Any) -> Any:
        """Makes a botocore client of either service talk to this object and returns it."""
        return attach(client, self._receive)

    def requested(self, operation: str) -> list[dict[str, Any]]:
        return [parameters for name, parameters in self.requests if name == operation]

    @property
    def live_meetings(self) -> list[str]:
        return [meeting.meeting_id for meeting in self.meetings.values() if not meeting.ended]

    @property
    def live_phone_calls(self) -> list[str]:
        return [
            transaction_id
            for transaction_id, call in self.phone_calls.items()
            if not call.hung_up
            and call.meeting_id in self.live_meetings
            and (call.contact_id is None or call.contact_id in self.connect.active)
        ]

    def reach_connect(self, transaction_id: str) -> str:
        """A phone call comes in at Connect; its contact."""
        contact_id = str(uuid.uuid4())
        self.phone_calls[transaction_id].contact_id = contact_id
        self.connect.contacts[transaction_id] = {"ContactId": contact_id}
        return contact_id

    def _receive(self, request: Any, event_name: str, **_: object) -> AWSResponse:
        operation = event_name.rpartition(".")[2]
        path = [unquote(part) for part in urlsplit(request.url).path.split("/")[1:]]
        names = (
            ("MeetingId", "AttendeeId")
            if path[0] == "meetings"
            else ("SipMediaApplicationId", "TransactionId")
        )
        parameters = dict(zip(names, path[1::2], strict=False)) | json.loads(request.body or "{}")
        self.requests.append((operation, parameters))
        assert "Authorization" in request.headers
        faults = self.faults.get(operation)
        return respond(request.url, faults, lambda: self._perform(operation, parameters))

    def _perform(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = getattr(self, f"_{operation}")(parameters)
        self.alter_answer(operation, answer)
        return answer

    def _CreateMeetingWithAttendees(self, parameters: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        made = {meeting.parameters["ClientRequestToken"]: meeting for meeting in self.meetings.values()}
        meeting = made.get(parameters["ClientRequestToken"])
        if meeting is None:
            meeting = FakeMeeting(str(uuid.uuid4()), parameters)
            self.meetings[meeting.meeting_id] = meeting
            for attendee in parameters["Attendees"]:
                self._add(meeting, attendee["ExternalUserId"])
        return {
            "Meeting": {
                "MeetingId": meeting.meeting_id,
                "ExternalMeetingId": parameters["ExternalMeetingId"],
                "MediaRegion": parameters["MediaRegion"],
                "MediaPlacement": {
                    "AudioHostUrl": "audio.example:3478",
                    "AudioFallbackUrl": "wss://fallback.example",
                    "SignalingUrl": "wss://signal.example",
                    "TurnControlUrl": "https://turn.example",
                    "EventIngestionUrl": "https://events.example",
                },
                "MeetingFeatures": {"Audio": {"EchoReduction": "AVAILABLE"}},
            },
            "Attendees": [dict(attendee) for attendee in meeting.attendees.values()],
            "Errors": [],
        }

    def _DeleteMeeting(self, parameters: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        self._meeting(parameters).ended = True
        return {}

    def _GetAttendee(self, parameters: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        attendees = self._meeting(parameters).attendees
        if parameters["AttendeeId"] not in attendees:
            raise RefusedError(404, "NotFoundException")
        return {"Attendee": dict(attendees[parameters["AttendeeId"]])}

    def _CreateAttendee(self, parameters: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        return {"Attendee": dict(self._add(self._meeting(parameters), parameters["ExternalUserId"]))}

    def _CreateSipMediaApplicationCall(self, parameters: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        headers = parameters["SipHeaders"]
        meeting = self.meetings[headers["X-chime-meeting-id"]]
        assert parameters["ToPhoneNumber"] == MEETINGS_NUMBER
        assert headers["X-chime-join-token"] == meeting.attendee("phone-agent")["JoinToken"]
        transaction_id = str(uuid.uuid4())
        self.phone_calls[transaction_id] = FakePhoneCall(meeting.meeting_id, parameters)
        return {"SipMediaApplicationCall": {"TransactionId": transaction_id}}

    def _UpdateSipMediaApplicationCall(self, parameters: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        transaction_id, arguments = parameters["TransactionId"], parameters["Arguments"]
        if transaction_id not in self.live_phone_calls:
            raise RefusedError(404, "NotFoundException")
        match arguments:
            case {"Action": "HangUp"}:
                self.phone_calls[transaction_id].hung_up = True
            case {"Action": "SendDigits", "Digits": digits, "Key": key}:
                self.digits.append((transaction_id, digits, key))
            case _:
                raise AssertionError(arguments)
        return {"SipMediaApplicationCall": {"TransactionId": transaction_id}}

    def _meeting(self, parameters: dict[str, Any]) -> FakeMeeting:
        meeting = self.meetings.get(parameters["MeetingId"])
        if meeting is None or meeting.ended:
            raise RefusedError(404, "NotFoundException")
        return meeting

    @staticmethod
    def _add(meeting: FakeMeeting, user_id: str) -> dict[str, Any]:
        attendee_id = str(uuid.uuid4())
        meeting.attendees[attendee_id] = {
            "ExternalUserId": user_id,
            "AttendeeId": attendee_id,
            "JoinToken": f"SECRET-JOIN-{attendee_id}",
        }
        return meeting.attendees[attendee_id]
