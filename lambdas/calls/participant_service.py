"""The Amazon Connect Participant Service: what the caller's own participant may do.

Its requests carry a bearer token and no signature.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from runtime import aws
from runtime.errors import AnswerIncomplete
from runtime.telemetry import traced

from calls.errors import NotPossibleNow, ParticipantGone
from calls.interfaces import Connection

_TOKEN_REFUSED = "AccessDeniedException"  # noqa: S105 - the code of an error
_ERRORS = frozenset({_TOKEN_REFUSED, "ValidationException"})


class ParticipantService:
    """Speaks for the caller.

    Beside its own errors, every method raises `CapacityReached`, `Unavailable`, `TimedOut`,
    `AnswerIncomplete`, `NotPossibleNow` or `ConfigurationFault`.
    """

    def __init__(self, client: Any) -> None:
        """`client` is an unsigned botocore client of the participant service."""
        self._client = client

    @traced
    def connect(self, participant_token: str) -> Connection:
        """A connection for messages. Raises `ParticipantGone`."""
        credentials = (
            self._connect(participant_token, "CONNECTION_CREDENTIALS").get("ConnectionCredentials") or {}
        )
        token = credentials.get("ConnectionToken")
        if not token:
            raise AnswerIncomplete("The contact center's answer cannot be used. Try again.")
        return Connection(token, _milliseconds(credentials.get("Expiry")))

    @traced
    def join(self, participant_token: str) -> Mapping[str, Any]:
        """A `WebRTCConnection`: meeting and attendee, of which every member is optional.

        Raises `ParticipantGone`.
        """
        connection: Mapping[str, Any] = (
            self._connect(participant_token, "WEBRTC_CONNECTION").get("WebRTCConnection") or {}
        )
        return connection

    @traced
    def send_digits(self, connection_token: str, digits: str, *, client_token: str) -> None:
        """Sends DTMF digits, once for a `client_token`. Raises `ParticipantGone`."""
        self._call(
            "SendMessage",
            ConnectionToken=connection_token,
            ContentType="audio/dtmf",
            Content=digits,
            ClientToken=client_token,
        )

    def _connect(self, participant_token: str, connection_type: str) -> Mapping[str, Any]:
        return self._call(
            "CreateParticipantConnection", ParticipantToken=participant_token, Type=[connection_type]
        )

    def _call(self, operation: str, **parameters: Any) -> Mapping[str, Any]:
        try:
            return aws.call(self._client, operation, expected_errors=_ERRORS, **parameters)
        except aws.ExpectedError as error:
            if error.code == _TOKEN_REFUSED:
                raise ParticipantGone from None
            raise NotPossibleNow("The call does not take this just now.") from error


def _milliseconds(expiry: object) -> int:
    """An ISO 8601 time, as the service writes it, in milliseconds since the epoch; 0 when it is none."""
    try:
        return int(datetime.fromisoformat(str(expiry)).timestamp() * 1000)
    except (OverflowError, ValueError):
        return 0
