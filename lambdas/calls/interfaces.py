"""What the functions' domains need of others: one Protocol for each collaborator."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from calls.contact_event import ContactEvent
from calls.record import Call, Rate
from calls.start_call_request import StartCallRequest

Function = Literal["start_call", "call_control", "contact_events", "caller_context"]
"""The functions that use a transport. Each needs other parts of it, and so other AWS clients."""


@dataclass(frozen=True)
class Participant:
    """A participant of a contact, and the token that speaks for it."""

    participant_id: str
    token: str = field(repr=False)


@dataclass(frozen=True)
class Connection:
    """What messages of a participant are sent with; `until` in milliseconds since the epoch, 0 if unknown."""

    token: str = field(repr=False)
    until: int


@dataclass(frozen=True, kw_only=True)
class Credential:
    """What a contact presents to a contact flow, as the proof of being a call of this backend."""

    user_id: str
    reference: str = field(repr=False)
    contact_id: str
    """The first contact of the call: of a transferred contact the one that it began as."""
    attributes: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What the flow is to set beside the proved context, which replaces attributes of the same name."""


class Calls(Protocol):
    """The records of calls: `calls.table.CallTable`, which describes each method."""

    def claim(self, call: Call, rates: Sequence[Rate], *, cleared: str = "") -> Call | None:
        """Gives the user's slot to `call`, or returns the call that stands in the way. Raises
        `CallerBlocked`.
        """

    def take_over(self, crashed: Call, *, slot_until: int, reference_until: int) -> Call | None:
        """Renews the lease of a crashed start; None when another request was faster."""

    def store_answer(self, call: Call, rates: Sequence[Rate]) -> bool:
        """Stores ids, answer and times; False when the call is no longer the user's."""

    def abandon(self, call: Call, now: int, *, counted: Sequence[Rate] = ()) -> Call | None:
        """Ends a start that was not answered; the call then, None when it is no longer the user's. It counts
        for the rates in `counted`.
        """

    def give_up(self, call: Call, now: int) -> bool:
        """Ends a start that was not answered; False when a request has taken it over."""

    def end(self, call: Call, now: int, *, hung_up: bool = False) -> None:
        """Marks the call as ended by the backend, for its caller if `hung_up`."""

    def find(self, user_id: str, now: int) -> Call | None:
        """The user's latest call."""

    def find_user(self, contact_id: str) -> str | None:
        """The user whose latest call a contact is."""

    def bind(self, user_id: str, reference: str, contact_id: str, now: int) -> Call | None:
        """Binds a reference to the contact that presents it, once."""

    def store_events(self, before: Call, after: Call) -> bool:
        """Stores what events have changed; False when the record is no longer as in `before`."""

    def store_connection(self, call: Call, answer: str) -> bool:
        """Stores the answer of a rejoin; False when the call has ended."""

    def store_connection_token(self, call: Call, token: str, until: int) -> None:
        """Keeps a token for later digits."""


class Contacts(Protocol):
    """Contacts of the Connect instance: `calls.connect.ConnectInstance`."""

    media_region: str
    """The Region of the instance, where media are."""

    def start(
        self,
        *,
        contact_flow_arn: str,
        client_token: str,
        display_name: str,
        attributes: Mapping[str, str],
        capabilities: Sequence[str],
        related_contact_id: str | None = None,
    ) -> Mapping[str, Any]:
        """Starts a WebRTC contact and returns the answer of StartWebRTCContact. Raises `StartRefused`."""

    def stop(self, contact_id: str) -> None:
        """Ends a contact; idempotent."""

    def create_participant(
        self, contact_id: str, *, client_token: str, display_name: str, capabilities: Sequence[str]
    ) -> Participant:
        """Adds the caller to a contact again."""


class Participants(Protocol):
    """The callers' participants: `calls.participant_service.ParticipantService`."""

    def connect(self, participant_token: str) -> Connection:
        """A connection for messages. Raises `ParticipantGone`."""

    def join(self, participant_token: str) -> Mapping[str, Any]:
        """Meeting and attendee. Raises `ParticipantGone`."""

    def send_digits(self, connection_token: str, digits: str, *, client_token: str) -> None:
        """Sends DTMF digits, once for a `client_token`. Raises `ParticipantGone`."""


class CallTransport(Protocol):
    """How calls reach Amazon Connect: `calls.webrtc.WebRtc`, or that of an optional package.

    A deployment starts calls with one. That one also serves calls whose `Call.transport` is the native one,
    so that they go on while another is switched on.
    """

    name: str
    """`Call.transport` of the calls that it starts."""
    media_region: str
    can_repeat: bool
    """Whether starting a call again finds what a crashed start of it has left, and so makes nothing twice."""

    def prepare(self, context: Mapping[str, str], request: StartCallRequest) -> str:
        """A new random reference for a call that carries `context`, the proved attributes.

        Raises `InvalidRequest` for a request that can never be started this way.
        """

    def start(self, call: Call, request: StartCallRequest) -> tuple[Call, Mapping[str, Any]]:
        """Starts a call. Returns it with the ids that it has now, and the answer for the app in the shape of
        StartWebRTCContact's, of which every member is optional. Raises `StartRefused` too.
        """

    def end(self, call: Call) -> None:
        """Ends all of a call that is known of; idempotent."""

    def rejoin(self, call: Call, answer: Mapping[str, Any]) -> Mapping[str, Any]:
        """What the app needs to join again: `answer`, which it had, or a new one.

        Raises `CallEnded` when there is nothing to join any more, and has then tried to end what is left.
        """

    def send_digits(self, call: Call, answer: Mapping[str, Any], digits: str, *, client_token: str) -> None:
        """Sends DTMF digits, once for a `client_token`."""

    def read_credential(self, event: Mapping[str, Any]) -> Credential | None:
        """What the contact of a contact flow's Lambda event presents; None when it cannot be a call of this
        backend.
        """

    def read_event(self, envelope: Mapping[str, Any], *, early_delivery: bool) -> ContactEvent | None:
        """Reads an event as EventBridge delivers it; None when it changes no call.

        `early_delivery` is one at which the record may not have been written yet. Raises `RetryLater` when
        the event must be delivered again, and KeyError, TypeError or ValueError when it is no event.
        """
