"""Amazon Connect as the SDK sees it: at the HTTP level, so that parsing, signing and retries are real."""

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from botocore.awsrequest import AWSResponse

Answer = tuple[int, str | None, dict[str, Any]]
"""HTTP status, error code or None, body."""


class _Raw:
    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, *_: object, **__: object) -> list[bytes]:
        return [self._body]


@dataclass
class FakeConnect:
    """Starts contacts once per client token; `faults` are answered or raised first, oldest first."""

    contacts: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Client token to the parameters of the start and `ContactId`."""
    stopped: list[str] = field(default_factory=list)
    requests: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    start_faults: list[Answer | Exception] = field(default_factory=list)
    stop_faults: list[Answer | Exception] = field(default_factory=list)
    alter_answer: Callable[[dict[str, Any]], None] = lambda _: None

    def attach(self, client: Any) -> Any:
        """Makes a botocore client talk to this object and returns it."""
        client.meta.events.register_first("before-send.connect.*", self._receive)
        return client

    @property
    def active(self) -> list[str]:
        return [c["ContactId"] for c in self.contacts.values() if c["ContactId"] not in self.stopped]

    def _receive(self, request: Any, event_name: str, **_: object) -> AWSResponse:
        operation = event_name.rpartition(".")[2]
        parameters = json.loads(request.body)
        self.requests.append((operation, parameters))
        faults = self.start_faults if operation == "StartWebRTCContact" else self.stop_faults
        fault = faults.pop(0) if faults else None
        if isinstance(fault, Exception):
            raise fault
        status, code, body = fault or (200, None, getattr(self, f"_{operation}")(parameters))
        headers: Any = {"Content-Type": "application/json", "x-amzn-RequestId": str(uuid.uuid4())}
        if code:
            headers["x-amzn-ErrorType"] = code
        content = b"not json" if body == {"garbage": True} else json.dumps(body).encode()
        return AWSResponse(request.url, status, headers, _Raw(content))

    def _StartWebRTCContact(self, parameters: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        contact = self.contacts.setdefault(
            parameters["ClientToken"], {**parameters, "ContactId": str(uuid.uuid4())}
        )
        answer = connection_of(contact["ContactId"])
        self.alter_answer(answer)
        return answer

    def _StopContact(self, parameters: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        self.stopped.append(parameters["ContactId"])
        return {}


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
