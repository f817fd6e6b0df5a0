"""Amazon Connect and its Participant Service as the SDK sees them: at the HTTP level, so that parsing,
signing and retries are real.
"""

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from botocore.awsrequest import AWSResponse

from tests.lambdas.fake_aws import Answer, RefusedError, attach, respond

EXPIRY = "2026-09-21T15:13:20.000Z"
"""When connections of participants expire: an hour after `START` in `tests.lambdas.events`."""


@dataclass
class FakeParticipant:
    """A customer's participant in a contact."""

    contact_id: str
    participant_id: str
    parameters: dict[str, Any] = field(default_factory=dict)
    gone: bool = False


@dataclass
class FakeConnect:
    """Starts contacts once per client token; `…_faults` are answered or raised first, oldest first."""

    contacts: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Client token to the parameters of the start and `ContactId`."""
    stopped: list[str] = field(default_factory=list)
    ended: set[str] = field(default_factory=set)
    """Contacts that an agent or a flow has ended."""
    answered: set[str] = field(default_factory=set)
    """Contacts that an agent has taken."""
    participants: dict[str, FakeParticipant] = field(default_factory=dict)
    """By participant token."""
    connections: dict[str, FakeParticipant] = field(default_factory=dict)
    """By connection token."""
    digits: list[tuple[str, str]] = field(default_factory=list)
    """Contact and digits."""
    requests: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    """To both services; those to the Participant Service with their `X-Amz-Bearer`."""
    start_faults: list[Answer | Exception] = field(default_factory=list)
    stop_faults: list[Answer | Exception] = field(default_factory=list)
    participant_faults: list[Answer | Exception] = field(default_factory=list)
    connection_faults: list[Answer | Exception] = field(default_factory=list)
    message_faults: list[Answer | Exception] = field(default_factory=list)
    alter_answer: Callable[[dict[str, Any]], None] = lambda _: None
    """Changes what is answered to the operations that answer anything."""

    def attach(self, client: Any) -> Any:
        """Makes a botocore client of either service talk to this object and returns it."""
        return attach(client, self._receive)

    @property
    def active(self) -> list[str]:
        return [c["ContactId"] for c in self.contacts.values() if not self._is_over(c["ContactId"])]

    def requested(self, operation: str) -> list[dict[str, Any]]:
        return [parameters for name, parameters in self.requests if name == operation]

    def drop(self, contact_id: str) -> None:
        """The customer of a contact has been away for over a minute."""
        for participant in self.participants.values():
            participant.gone |= participant.contact_id == contact_id

    def _is_over(self, contact_id: str) -> bool:
        return contact_id in self.stopped or contact_id in self.ended

    def _receive(self, request: Any, event_name: str, **_: object) -> AWSResponse:
        operation = event_name.rpartition(".")[2]
        parameters = json.loads(request.body)
        is_signed = "Authorization" in request.headers
        if "X-Amz-Bearer" in request.headers:
            parameters["X-Amz-Bearer"] = request.headers["X-Amz-Bearer"].decode()
        self.requests.append((operation, parameters))
        # The Participant Service has_key participants by their tokens alone.
        assert is_signed != ("X-Amz-Bearer" in request.headers)
        faults = {
            "StartWebRTCContact": self.start_faults,
            "StopContact": self.stop_faults,
            "CreateParticipant": self.participant_faults,
            "CreateParticipantConnection": self.connection_faults,
            "SendMessage": self.message_faults,
        }[operation]
        return respond(request.url, faults, lambda: self._perform(operation, parameters))

    def _perform(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = getattr(self, f"_{operation}")(parameters)
        if answer:
            self.alter_answer(answer)
        return answer

    def _StartWebRTCContact(self, parameters: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        contact = self.contacts.setdefault(
            parameters["ClientToken"], {**parameters, "ContactId": str(uuid.uuid4())}
        )
        answer = connection_of(contact["ContactId"])
        self.participants.setdefault(
            answer["ParticipantToken"], FakeParticipant(contact["ContactId"], answer["ParticipantId"])
        )
        return answer

    def _StopContact(self, parameters: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        if self._is_over(parameters["ContactId"]):
            raise RefusedError(410, "ContactNotFoundException")
        self.stopped.append(parameters["ContactId"])
        return {}

    def _CreateParticipant(self, parameters: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        contact_id = parameters["ContactId"]
        if contact_id not in self.active:
            raise RefusedError(404, "ResourceNotFoundException")
        if contact_id not in self.answered:
            raise RefusedError(400, "InvalidRequestException")
        number = len(self.participants) + 1
        made = {each.parameters.get("ClientToken"): token for token, each in self.participants.items()}
        token = made.get(parameters["ClientToken"], f"SECRET-PARTICIPANT-TOKEN-{number}")
        participant = self.participants.setdefault(
            token, FakeParticipant(contact_id, f"participant-{number}", parameters)
        )
        return {
            "ParticipantId": participant.participant_id,
            "ParticipantCredentials": {"ParticipantToken": token, "Expiry": EXPIRY},
        }

    def _CreateParticipantConnection(self, parameters: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        participant = self._speaker(self.participants, parameters)
        match parameters["Type"]:
            case ["CONNECTION_CREDENTIALS"]:
                token = f"SECRET-CONNECTION-TOKEN-{len(self.connections) + 1}"
                self.connections[token] = participant
                return {"ConnectionCredentials": {"ConnectionToken": token, "Expiry": EXPIRY}}
            case ["WEBRTC_CONNECTION"]:
                return {"WebRTCConnection": rejoin_of(participant.participant_id)}
        raise RefusedError(400, "ValidationException")

    def _SendMessage(self, parameters: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        participant = self._speaker(self.connections, parameters)
        assert parameters["ContentType"] == "audio/dtmf"
        assert parameters["ClientToken"]
        self.digits.append((participant.contact_id, parameters["Content"]))
        return {"Id": str(uuid.uuid4()), "AbsoluteTime": EXPIRY}

    def _speaker(self, known: dict[str, FakeParticipant], parameters: dict[str, Any]) -> FakeParticipant:
        participant = known.get(parameters["X-Amz-Bearer"])
        if participant is None or participant.gone or self._is_over(participant.contact_id):
            raise RefusedError(403, "AccessDeniedException")
        return participant


def connection_of(contact_id: str) -> dict[str, Any]:
    """What StartWebRTCContact answers about a contact; the join credentials can be recognised in a log."""
    return {
        "ContactId": contact_id,
        "ParticipantId": f"participant-of-{contact_id}",
        "ParticipantToken": f"SECRET-PARTICIPANT-TOKEN-{contact_id}",
        "ConnectionData": {
            "Attendee": {"AttendeeId": f"attendee-of-{contact_id}", "JoinToken": f"SECRET-JOIN-{contact_id}"},
            "Meeting": {
                "MeetingId": f"meeting-of-{contact_id}",
                "MediaRegion": "eu-central-1",
                "MediaPlacement": {
                    "AudioHostUrl": "audio.example:3478",
                    "AudioFallbackUrl": "wss://fallback.example",
                    "SignalingUrl": "wss://signal.example",
                    "TurnControlUrl": "https://turn.example",
                    "EventIngestionUrl": "https://events.example",
                },
                "MeetingFeatures": {"Audio": {"EchoReduction": "AVAILABLE"}},
            },
        },
    }


def rejoin_of(participant_id: str) -> dict[str, Any]:
    """What CreateParticipantConnection answers for WebRTC: neither Region nor TURN control nor features."""
    return {
        "Attendee": {
            "AttendeeId": f"attendee-of-{participant_id}",
            "JoinToken": f"SECRET-JOIN-{participant_id}",
        },
        "Meeting": {
            "MeetingId": "0f000000-0000-4000-8000-000000000009",
            "MediaPlacement": {
                "AudioHostUrl": "audio-2.example:3478",
                "AudioFallbackUrl": "wss://fallback-2.example",
                "SignalingUrl": "wss://signal-2.example",
                "EventIngestionUrl": "https://events-2.example",
            },
        },
    }
