"""Amazon Connect, as starting a call needs it."""

from collections.abc import Mapping
from typing import Any

from botocore import exceptions

from calls import aws
from calls.errors import AnswerIncomplete
from calls.observability import count, traced

# StopContact's ways of saying that there is nothing left to stop.
_GONE = frozenset({"ContactNotFoundException", "ResourceNotFoundException"})


class ConnectInstance:
    """One Amazon Connect instance."""

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
        capabilities: frozenset[str],
    ) -> Mapping[str, Any]:
        """Starts a WebRTC contact, or finds the one that the same `client_token` started in the last 7 days.

        Returns what StartWebRTCContact answers (every member is optional). Raises `CapacityReached`,
        `Unavailable`, `TimedOut`, `AnswerIncomplete` or `ConfigurationFault`; a contact may exist after any
        of them.
        """
        granted = dict.fromkeys(sorted(capabilities), "SEND")
        optional = {"AllowedCapabilities": {"Customer": granted, "Agent": granted}} if granted else {}
        try:
            answer: Mapping[str, Any] = self._client.start_web_rtc_contact(
                InstanceId=self._instance_id,
                ContactFlowId=contact_flow_arn.rpartition("/")[2],
                ClientToken=client_token,
                ParticipantDetails={"DisplayName": display_name},
                Attributes=attributes,
                **optional,
            )
        except (exceptions.ClientError, exceptions.BotoCoreError) as error:
            raise aws.translate(error, "StartWebRTCContact") from error
        except (AttributeError, TypeError, ValueError) as error:
            # What botocore's parser stumbles over when an answer has another shape than AWS's model.
            raise AnswerIncomplete(
                "The contact center did not say how to join the call. Try again."
            ) from error
        return answer

    @traced
    def stop(self, contact_id: str) -> None:
        """Ends a contact; one that has ended already is as good. Raises as `start` does."""
        try:
            self._client.stop_contact(InstanceId=self._instance_id, ContactId=contact_id)
        except (exceptions.ClientError, exceptions.BotoCoreError) as error:
            if isinstance(error, exceptions.ClientError) and error.response["Error"]["Code"] in _GONE:
                return
            count("ContactStopFailed")
            raise aws.translate(error, "StopContact") from error
