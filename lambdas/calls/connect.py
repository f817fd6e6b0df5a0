"""Amazon Connect, as calls need it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from calls.errors import CallEnded, NotPossibleNow
from runtime import aws
from runtime.errors import AnswerIncomplete, CapacityReached
from runtime.telemetry import count, traced

# StopContact's ways of saying that there is nothing left to stop.
_GONE = frozenset({"ContactNotFoundException", "ResourceNotFoundException"})
_STOP_REFUSALS = _GONE | {
    "InvalidActiveRegionException",
    "InvalidParameterException",
    "InvalidRequestException",
}
_PARTICIPANT_REFUSALS = frozenset(
    {
        "ConflictException",
        "InvalidRequestException",
        "ResourceNotFoundException",
        "ServiceQuotaExceededException",
    }
)


@dataclass(frozen=True)
class Participant:
    """A participant of a contact, and the token that speaks for it."""

    participant_id: str
    token: str


class ConnectInstance:
    """One Amazon Connect instance.

    Beside what is said of each, every method raises `CapacityReached`, `Unavailable`, `TimedOut`,
    `AnswerIncomplete` or `ConfigurationFault`, after which Connect may have done as asked.
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
    ) -> Mapping[str, Any]:
        """Starts a WebRTC contact, or finds the one that the same `client_token` started in the last 7 days.

        Returns what StartWebRTCContact answers (every member is optional).
        """
        granted = _granted(capabilities)
        optional = {"AllowedCapabilities": {"Customer": granted, "Agent": granted}} if granted else {}
        return aws.ask(
            self._client,
            "StartWebRTCContact",
            InstanceId=self._instance_id,
            ContactFlowId=contact_flow_arn.rpartition("/")[2],
            ClientToken=client_token,
            ParticipantDetails={"DisplayName": display_name},
            Attributes=attributes,
            **optional,
        )

    @traced
    def stop(self, contact_id: str) -> None:
        """Ends a contact; one that has ended already is as good.

        Raises `NotPossibleNow` when Connect does not end it in its present state.
        """
        try:
            aws.ask(
                self._client,
                "StopContact",
                refusals=_STOP_REFUSALS,
                InstanceId=self._instance_id,
                ContactId=contact_id,
            )
        except aws.Refused as refused:
            if refused.code not in _GONE:
                count("ContactStopFailed")
                raise NotPossibleNow(
                    "The call cannot be ended just now. Try again.", retry_after=1
                ) from refused
        except Exception:
            count("ContactStopFailed")
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
            answer = aws.ask(
                self._client,
                "CreateParticipant",
                refusals=_PARTICIPANT_REFUSALS,
                InstanceId=self._instance_id,
                ContactId=contact_id,
                ClientToken=client_token,
                ParticipantDetails={"ParticipantRole": "CUSTOMER", "DisplayName": display_name, **optional},
            )
        except aws.Refused as refused:
            match refused.code:
                case "ResourceNotFoundException":
                    raise CallEnded from refused
                case "ServiceQuotaExceededException":
                    raise CapacityReached("Too many take part in this call. Try again.") from refused
                case "ConflictException":
                    raise NotPossibleNow("The call is just changing. Try again.", retry_after=1) from refused
            raise NotPossibleNow("The call cannot be rejoined just now.") from refused
        participant_id = answer.get("ParticipantId")
        credentials = answer.get("ParticipantCredentials") or {}
        token = credentials.get("ParticipantToken")
        if not participant_id or not token:
            raise AnswerIncomplete("The contact center did not say how to rejoin the call. Try again.")
        return Participant(participant_id, token)


def _granted(capabilities: Sequence[str]) -> dict[str, str]:
    return dict.fromkeys(sorted(capabilities), "SEND")
