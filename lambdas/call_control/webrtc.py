"""Control of a call that is a WebRTC contact: its caller is a participant of the contact."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol

from calls.connect import Participant
from calls.errors import (
    AgentNotConnected,
    CallEnded,
    NotConnected,
    NotPossibleNow,
)
from calls.join_answer import complete
from calls.participant_service import Connection, ParticipantGoneError
from calls.record import Call
from runtime.errors import ServiceError

# A token is not used in its last moments: it must still be good when it arrives.
_TOKEN_MARGIN = 60_000  # milliseconds

# Participants of earlier attempts to rejoin that may have gone before their answer reached the app.
_MOST_LOST = 3


class Calls(Protocol):
    """The records of calls; `calls.table.CallTable` says more."""

    def store_connection_token(self, call: Call, token: str, until: int) -> None:
        """Keeps a token for later digits."""


class Contacts(Protocol):
    """Contacts of the Connect instance; `calls.connect.ConnectInstance` says more."""

    media_region: str

    def stop(self, contact_id: str) -> None:
        """Ends a contact."""

    def create_participant(
        self, contact_id: str, *, client_token: str, display_name: str, capabilities: Sequence[str]
    ) -> Participant:
        """Adds the caller to a contact again."""


class Participants(Protocol):
    """The callers' participants; `calls.participant_service.ParticipantService` says more."""

    def connect(self, participant_token: str) -> Connection:
        """A connection for messages. Raises ParticipantGoneError."""

    def join(self, participant_token: str) -> Mapping[str, Any]:
        """Meeting and attendee. Raises ParticipantGoneError."""

    def send_digits(self, connection_token: str, digits: str, *, client_token: str) -> None:
        """Sends DTMF digits, once for a `client_token`. Raises ParticipantGoneError."""


class WebRtcContacts:
    """A `call_control.domain.Way`: what Connect has for contacts and their participants."""

    def __init__(
        self, calls: Calls, contacts: Contacts, participants: Participants, now: Callable[[], int]
    ) -> None:
        """`now` tells the time in milliseconds since the epoch."""
        self._calls = calls
        self._contacts = contacts
        self._participants = participants
        self._now = now

    def end(self, call: Call) -> None:
        """Stops the contact."""
        # StopContact ends nothing that a transfer began: that ends when the caller's app leaves it.
        if call.contact_id is not None and call.contact_id in call.open_contacts:
            self._contacts.stop(call.contact_id)

    def rejoin(self, call: Call, answer: Mapping[str, Any]) -> Mapping[str, Any]:
        """What the app had, as long as the caller's participant lives. Afterwards Connect makes another
        participant, but only in a call that an agent has taken.

        Raises `AgentNotConnected` or `NotPossibleNow` too.
        """
        try:
            connection = self._participants.connect(answer["ParticipantToken"])
        except ParticipantGoneError:
            return self._join_as_new(call, answer)
        self._keep(call, connection)
        return answer

    def send_digits(self, call: Call, answer: Mapping[str, Any], digits: str, *, client_token: str) -> None:
        """Speaks as the caller's participant. Raises `NotConnected` or `NotPossibleNow` too."""
        token = call.connection_token
        if token is not None and call.connection_token_until - _TOKEN_MARGIN > self._now():
            # A token can be refused before its time, when its participant left and came back.
            with suppress(ParticipantGoneError):
                self._participants.send_digits(token, digits, client_token=client_token)
                return
        try:
            connection = self._participants.connect(answer["ParticipantToken"])
            self._keep(call, connection)
            self._participants.send_digits(connection.token, digits, client_token=client_token)
        except ParticipantGoneError:
            raise NotConnected from None

    def _join_as_new(self, call: Call, answer: Mapping[str, Any]) -> dict[str, Any]:
        lost = answer["ParticipantId"]
        for _ in range(_MOST_LOST):
            participant = self._replace(call, lost)
            try:
                connection = self._participants.join(participant.token)
            except ParticipantGoneError:
                # It was made for a request that died, and nobody has joined with it since.
                lost = participant.participant_id
                continue
            return self._completed(call, answer, participant, connection)
        raise NotPossibleNow("The call is just changing. Try again.", retry_after=1)

    def _replace(self, call: Call, lost: str) -> Participant:
        """The participant in the place of the `lost` one: the same, however often it is asked for."""
        try:
            return self._contacts.create_participant(
                str(call.contact_id),
                client_token=hashlib.sha256(f"{call.contact_id}\0{lost}".encode()).hexdigest(),
                display_name=call.display_name,
                capabilities=call.capabilities,
            )
        except CallEnded:
            # As far as Connect knows. Were it wrong, the caller's next call would be a second one.
            with suppress(ServiceError):
                self._contacts.stop(str(call.contact_id))
            raise
        except NotPossibleNow as refused:
            if refused.retry_after is None and call.connected_at is None:
                raise AgentNotConnected from refused
            raise

    def _completed(
        self, call: Call, before: Mapping[str, Any], participant: Participant, connection: Mapping[str, Any]
    ) -> dict[str, Any]:
        """The answer of a rejoin; what Connect leaves out of it is taken from the answer before."""
        known = before["ConnectionData"]["Meeting"]
        meeting = connection.get("Meeting") or {}
        placement = meeting.get("MediaPlacement") or {}
        filled = {
            "MediaRegion": known["MediaRegion"],
            "MeetingFeatures": known["MeetingFeatures"],
            **meeting,
            "MediaPlacement": {"TurnControlUrl": known["MediaPlacement"]["TurnControlUrl"], **placement},
        }
        return complete(
            {
                "ConnectionData": {"Attendee": connection.get("Attendee"), "Meeting": filled},
                "ContactId": call.contact_id,
                "ParticipantId": participant.participant_id,
                "ParticipantToken": participant.token,
            },
            self._contacts.media_region,
        )

    def _keep(self, call: Call, connection: Connection) -> None:
        """For later digits, which can do without."""
        if connection.until:
            with suppress(ServiceError):
                self._calls.store_connection_token(call, connection.token, connection.until)
