"""The Amazon Connect Participant Service, as far as the customer of a WebRTC call needs it.

Whoever holds a token may do what it is for: the service looks at no signature. `Connect` holds whom
a participant token speaks for; the tokens of connections are this module's.

Assumed, because AWS does not say it: a connection's token lasts 24 hours at the most; a further one does not
end it; the end of its participant does. A voice participant has no web socket. Which digits and how many
SendMessage takes is not documented beyond the keys of a phone and the comma, a pause.
"""

import re
import secrets
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from local.emulator.aws_service import AwsError, Parameters
from local.emulator.connect.connect import Connect
from local.emulator.connect.contact import Contact, Participant, now, timestamp

CONNECTION_LIFE = timedelta(hours=24)

_DIGITS = re.compile(r"[0-9*#,]+", re.ASCII)
# What StartWebRTCContact answers and CreateParticipantConnection does not.
_LEFT_OUT_OF_MEETING = frozenset({"MediaRegion"})
_LEFT_OUT_OF_PLACEMENT = frozenset({"TurnControlUrl"})


@dataclass(frozen=True)
class _Connection:
    """What a connection token stands for."""

    participant_token: str
    expires: datetime


class Participants:
    """The behaviour of the service `connectparticipant`."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._connections: dict[str, _Connection] = {}
        self._sent: dict[tuple[str, str], Mapping[str, Any]] = {}  # by connection token and client token
        self._lock = threading.Lock()

    def create_participant_connection(self, parameters: Parameters) -> Mapping[str, Any]:
        """CreateParticipantConnection: what to send messages with, or what to join the meeting with."""
        types = set(parameters.get("Type", []))
        if not types or "WEBSOCKET" in types:
            message = "The types of a voice participant are CONNECTION_CREDENTIALS and WEBRTC_CONNECTION."
            raise AwsError("ValidationException", message)
        token = parameters["ParticipantToken"]
        participant, contact = self._whom(token)
        answer: dict[str, Any] = {}
        if "CONNECTION_CREDENTIALS" in types:
            connection = _Connection(token, now() + CONNECTION_LIFE)
            connection_token = secrets.token_urlsafe(64)
            with self._lock:
                self._connections[connection_token] = connection
            expiry = timestamp(connection.expires)
            answer["ConnectionCredentials"] = {"ConnectionToken": connection_token, "Expiry": expiry}
        if "WEBRTC_CONNECTION" in types:
            meeting = _without(contact.conversation.meeting, _LEFT_OUT_OF_MEETING)
            placement = _without(meeting["MediaPlacement"], _LEFT_OUT_OF_PLACEMENT)
            answer["WebRTCConnection"] = {
                "Attendee": participant.attendee,
                "Meeting": {**meeting, "MediaPlacement": placement},
            }
        return answer

    def send_message(self, parameters: Parameters) -> Mapping[str, Any]:
        """SendMessage: DTMF digits into the call, once for each client token."""
        if parameters["ContentType"] != "audio/dtmf":
            raise AwsError("ValidationException", "A voice participant sends audio/dtmf and nothing else.")
        if not _DIGITS.fullmatch(parameters["Content"]):
            raise AwsError("ValidationException", "Content has characters other than 0-9, *, # and a comma.")
        token = parameters["ConnectionToken"]
        with self._lock:
            connection = self._connections.get(token)
            if connection is None or connection.expires <= now():
                raise _access_denied()
            _, contact = self._whom(connection.participant_token)
            key = token, parameters.get("ClientToken") or str(uuid.uuid4())
            if key not in self._sent:
                contact.digits.press(parameters["Content"])
                self._sent[key] = {"Id": str(uuid.uuid4()), "AbsoluteTime": timestamp(now())}
            return self._sent[key]

    def _whom(self, participant_token: str) -> tuple[Participant, Contact]:
        found = self._connect.participant(participant_token)
        if found is None:
            raise _access_denied()
        return found


def _access_denied() -> AwsError:
    return AwsError("AccessDeniedException", "The token is not valid, or no longer.")


def _without(members: Mapping[str, Any], names: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if name not in names}
