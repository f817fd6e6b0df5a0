"""The Amazon Connect instance, as calls need it."""

from collections.abc import Mapping, Sequence
from typing import Any

from runtime import aws
from runtime.errors import AnswerIncomplete, CapacityReached
from runtime.telemetry import count, logger, traced

from calls.errors import CallEnded, NotPossibleNow, StartRefused
from calls.interfaces import Participant

# StopContact's codes for nothing left to stop.
_GONE = frozenset({"ContactNotFoundException", "ResourceNotFoundException"})
_STOP_ERRORS = _GONE | {
    "InvalidActiveRegionException",
    "InvalidParameterException",
    "InvalidRequestException",
}
_PARTICIPANT_ERRORS = frozenset(
    {
        "ConflictException",
        "InvalidRequestException",
        "ResourceNotFoundException",
        "ServiceQuotaExceededException",
    }
)


class ConnectInstance:
    """One Amazon Connect instance.

    Beside its own errors, every method raises `CapacityReached`, `Unavailable`, `TimedOut`,
    `AnswerIncomplete` or `ConfigurationFault`, after which Connect may have carried out the request.
    """

    def __init__(self, client: Any, instance_arn: str) -> None:
        """`client` is a botocore client of Connect."""
        self._client = client
        self._instance_id = instance_arn.rpartition("/")[2]
        self.media_region = instance_arn.split(":")[3]

    @traced
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
        """Starts a WebRTC contact, or finds the one that the same `client_token` started in the last 7 days.

        Returns the answer of StartWebRTCContact: every member is optional, and of a contact that was found
        only its id is promised. Raises `StartRefused` in the place of `ConfigurationFault`.
        """
        granted = _granted(capabilities)
        optional: dict[str, Any] = {}
        if granted:
            optional["AllowedCapabilities"] = {"Customer": granted, "Agent": granted}
        if related_contact_id is not None:
            optional["RelatedContactId"] = related_contact_id
        return aws.call(
            self._client,
            "StartWebRTCContact",
            refused=StartRefused,
            InstanceId=self._instance_id,
            ContactFlowId=contact_flow_arn.rpartition("/")[2],
            ClientToken=client_token,
            ParticipantDetails={"DisplayName": display_name},
            Attributes=attributes,
            **optional,
        )

    @traced
    def stop(self, contact_id: str) -> None:
        """Ends a contact. Idempotent.

        Raises `NotPossibleNow` when Connect does not end it in its present state.
        """
        try:
            aws.call(
                self._client,
                "StopContact",
                expected_errors=_STOP_ERRORS,
                InstanceId=self._instance_id,
                ContactId=contact_id,
            )
        except aws.ExpectedError as error:
            if error.code not in _GONE:
                _note_stop_failed(contact_id)
                raise NotPossibleNow(
                    "The call cannot be ended just now. Try again.", retry_after=1
                ) from error
        except Exception:
            _note_stop_failed(contact_id)
            raise

    @traced
    def create_participant(
        self, contact_id: str, *, client_token: str, display_name: str, capabilities: Sequence[str]
    ) -> Participant:
        """Adds the caller to a contact again; the same `client_token` gives the same participant.

        Raises `CallEnded`, `NotPossibleNow` (Connect takes nobody in before an agent has connected) or
        `CapacityReached` (a contact has at most six participants).
        """
        granted = _granted(capabilities)
        optional = {"ParticipantCapabilities": granted} if granted else {}
        try:
            answer = aws.call(
                self._client,
                "CreateParticipant",
                expected_errors=_PARTICIPANT_ERRORS,
                InstanceId=self._instance_id,
                ContactId=contact_id,
                ClientToken=client_token,
                ParticipantDetails={"ParticipantRole": "CUSTOMER", "DisplayName": display_name, **optional},
            )
        except aws.ExpectedError as error:
            match error.code:
                case "ResourceNotFoundException":
                    raise CallEnded from error
                case "ServiceQuotaExceededException":
                    raise CapacityReached("Too many take part in this call. Try again.") from error
                case "ConflictException":
                    raise NotPossibleNow("The call is just changing. Try again.", retry_after=1) from error
            raise NotPossibleNow("The call cannot be rejoined just now.") from error
        participant_id = answer.get("ParticipantId")
        credentials = answer.get("ParticipantCredentials") or {}
        token = credentials.get("ParticipantToken")
        if not participant_id or not token:
            raise AnswerIncomplete("The contact center did not say how to rejoin the call. Try again.")
        return Participant(participant_id, token)


def _note_stop_failed(contact_id: str) -> None:
    """So that the alarm's reader finds the contact, which the table may not hold."""
    logger.error("Contact not stopped", contact_id=contact_id)
    count("ContactStopFailed")


def _granted(capabilities: Sequence[str]) -> dict[str, str]:
    return dict.fromkeys(sorted(capabilities), "SEND")
