"""The native transport: a call is a WebRTC contact, and its caller a participant of the contact."""

import hashlib
import os
import secrets
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from runtime import aws
from runtime.errors import ServiceError

from calls.contact_event import ContactEvent, read_contact_event
from calls.errors import AgentNotConnected, CallEnded, NotConnected, NotPossibleNow, ParticipantGone
from calls.interfaces import Calls, Connection, Contacts, Credential, Function, Participant, Participants
from calls.join_answer import to_start_call_response
from calls.record import NATIVE_TRANSPORT, Call, now
from calls.start_call_request import StartCallRequest, check_contact_size

# A token is not used in its last moments: it must still be good when it arrives.
_TOKEN_MARGIN = 60_000  # milliseconds

# Participants of earlier attempts to rejoin that may have gone before their answer reached the app.
_MAX_LOST = 3

_INITIATION_METHODS = frozenset({"WEBRTC_API", "TRANSFER", "QUEUE_TRANSFER"})


def create_transport(function: Function, *, calls: Calls, dynamodb: Any) -> "WebRtc":  # noqa: ARG001
    """See `calls.transport.CreateTransport`; this one needs no table of its own."""
    instance_arn = os.environ["CONNECT_INSTANCE_ARN"]
    contacts: Any = None
    participants: Any = None
    # A client takes a tenth of a cold start to make, and a module that nobody needs some of it to import.
    if function in {"start_call", "call_control"}:
        from calls.connect import ConnectInstance  # noqa: PLC0415

        contacts = ConnectInstance(aws.client("connect"), instance_arn)
    if function == "call_control":
        from calls.participant_service import ParticipantService  # noqa: PLC0415

        participants = ParticipantService(aws.client("connectparticipant", signed=False))
    return WebRtc(
        calls,
        contacts,
        participants,
        now,
        instance_arn=instance_arn,
        flow_bytes=int(os.environ.get("FLOW_ATTRIBUTES_BYTES", "0")),
    )


class WebRtc:
    """A `CallTransport` of Connect's own: contacts that StartWebRTCContact starts, and their participants."""

    name = NATIVE_TRANSPORT
    can_repeat = True
    """StartWebRTCContact finds a started contact again by its client token."""

    def __init__(
        self,
        calls: Calls,
        contacts: Contacts,
        participants: Participants,
        now: Callable[[], int],
        *,
        instance_arn: str,
        flow_bytes: int = 0,
    ) -> None:
        """`now` returns the time in milliseconds since the epoch. `flow_bytes` is the size of the attributes
        that contact flows set beside those of this backend.
        """
        self._calls = calls
        self._contacts = contacts
        self._participants = participants
        self._now = now
        self._instance_arn = instance_arn
        self._flow_bytes = flow_bytes
        self.media_region = instance_arn.split(":")[3]

    def prepare(self, context: Mapping[str, str], request: StartCallRequest) -> str:
        """A reference of 192 random bits: the contact carries it itself."""
        reference = secrets.token_urlsafe(24)
        check_contact_size(request, context, reference, flow_bytes=self._flow_bytes)
        return reference

    def start(self, call: Call, request: StartCallRequest) -> tuple[Call, Mapping[str, Any]]:
        """`call` with its contact, and the answer of StartWebRTCContact, which may be incomplete."""
        answer = self._contacts.start(
            contact_flow_arn=request.contact_flow_arn,
            client_token=call.client_token,
            display_name=call.display_name,
            attributes=_attributes(call.context, call.reference, request),
            capabilities=call.capabilities,
            related_contact_id=call.related_contact_id,
        )
        contact_id = answer.get("ContactId")
        if not isinstance(contact_id, str) or not contact_id:
            return call, answer  # of no use to an app either
        return replace(call, call_id=contact_id, contact_id=contact_id), answer

    def end(self, call: Call) -> None:
        """Stops the contact, if one is known and goes on."""
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
        except ParticipantGone:
            return self._join_as_new(call, answer)
        self._keep(call, connection)
        return answer

    def send_digits(self, call: Call, answer: Mapping[str, Any], digits: str, *, client_token: str) -> None:
        """Speaks as the caller's participant. Raises `NotConnected` or `NotPossibleNow` too."""
        token = call.connection_token
        if token is not None and call.connection_token_until - _TOKEN_MARGIN > self._now():
            # A token can be refused before its time, when its participant left and came back.
            with suppress(ParticipantGone):
                self._participants.send_digits(token, digits, client_token=client_token)
                return
        try:
            connection = self._participants.connect(answer["ParticipantToken"])
            self._keep(call, connection)
            self._participants.send_digits(connection.token, digits, client_token=client_token)
        except ParticipantGone:
            raise NotConnected from None

    def read_credential(self, event: Mapping[str, Any]) -> Credential | None:
        """The subject and the reference that a contact of this instance carries as attributes.

        A contact that was transferred presents what its first contact presented.
        """
        return read_attributes(event, self._instance_arn, _INITIATION_METHODS)

    def read_event(
        self,
        envelope: Mapping[str, Any],
        *,
        early_delivery: bool,  # noqa: ARG002 - contact events need nothing that is written later
    ) -> ContactEvent | None:
        """A contact event of Connect."""
        return read_contact_event(envelope)

    def _join_as_new(self, call: Call, answer: Mapping[str, Any]) -> dict[str, Any]:
        lost = answer["ParticipantId"]
        for _ in range(_MAX_LOST):
            participant = self._replace(call, lost)
            try:
                connection = self._participants.join(participant.token)
            except ParticipantGone:
                # It was made for a request that died, and nobody has joined with it since.
                lost = participant.participant_id
                continue
            return self._completed(call, answer, participant, connection)
        raise NotPossibleNow("The call is just changing. Try again.", retry_after=1)

    def _replace(self, call: Call, lost: str) -> Participant:
        """The participant in the place of the `lost` one: the same for each repetition."""
        try:
            return self._contacts.create_participant(
                str(call.contact_id),
                client_token=hashlib.sha256(f"{call.contact_id}\0{lost}".encode()).hexdigest(),
                display_name=call.display_name,
                capabilities=call.capabilities,
            )
        except CallEnded:
            # By Connect's answer. Were it wrong, the caller's next call would be a second one.
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
        return to_start_call_response(
            {
                "ConnectionData": {"Attendee": connection.get("Attendee"), "Meeting": filled},
                "ContactId": call.contact_id,
                "ParticipantId": participant.participant_id,
                "ParticipantToken": participant.token,
            },
            self.media_region,
        )

    def _keep(self, call: Call, connection: Connection) -> None:
        """For later digits, which can do without."""
        if connection.until:
            with suppress(ServiceError):
                self._calls.store_connection_token(call, connection.token, connection.until)


def read_attributes(
    event: Mapping[str, Any], instance_arn: str, initiation_methods: Collection[str]
) -> Credential | None:
    """The credential in the attributes of a contact flow's Lambda event; None where there is none, and for
    contacts of another instance or that began in another way.
    """
    contact = event.get("Details", {}).get("ContactData", {})
    attributes = contact.get("Attributes") or {}
    user_id, reference = attributes.get("customer_id"), attributes.get("auth_token")
    contact_id = contact.get("InitialContactId") or contact.get("ContactId")
    is_ours = (
        contact.get("InstanceARN") == instance_arn and contact.get("InitiationMethod") in initiation_methods
    )
    if not is_ours or not user_id or not reference or not contact_id:
        return None
    return Credential(user_id=user_id, reference=reference, contact_id=contact_id)


def _attributes(context: Mapping[str, str], reference: str, request: StartCallRequest) -> dict[str, str]:
    """The contact's attributes; the trusted ones come last, so nothing that is sent can replace them."""
    trusted = {name: value for name, value in context.items() if value}
    # No `auth_status`: that comes of the proof alone, which a contact flow has yet to ask for.
    return {**request.attributes, **trusted, "auth_token": reference}
