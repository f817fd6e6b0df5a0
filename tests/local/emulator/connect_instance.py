"""An Amazon Connect instance for the tests of contacts and their participants."""

from collections.abc import Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.clients.observer import eventually
from local.emulator.connect.connect import Connect
from local.emulator.connect.contact import ContactEvent
from local.emulator.connect.instance import Kind, Resource
from tests.local.emulator.flows import FUNCTION, HANG_UP, block, content

ELSE_HANG_UP = {"NoMatchingError": "hang-up"}


class Instance:
    """An instance with hours, a queue, a function and a flow that invokes the function and then queues."""

    def __init__(self, connect: Connect, sdk: Any, arn: str) -> None:
        self.connect, self.sdk, self.arn = connect, sdk, arn
        self.id = arn.rpartition("/")[2]
        hours = connect.instances.create(
            Kind.HOURS_OF_OPERATION,
            {"InstanceArn": arn, "Name": "always", "TimeZone": "UTC", "Config": []},
        )
        self._hours = hours.arn
        self.queue = self.new_queue("all", MaxContacts=1)
        association = {"InstanceId": arn, "IntegrationType": "LAMBDA_FUNCTION", "IntegrationArn": FUNCTION}
        self.association = connect.instances.create(Kind.INTEGRATION_ASSOCIATION, association)
        self.flow = self.new_flow(
            "inbound",
            block(
                *("ask", "InvokeLambdaFunction", "remember"),
                errors=ELSE_HANG_UP,
                LambdaFunctionARN=FUNCTION,
                InvocationTimeLimitSeconds="1",
            ),
            block(
                *("remember", "UpdateContactAttributes", "choose"),
                errors=ELSE_HANG_UP,
                Attributes={"who": "$.External.who", "channel": "$.Channel", "name": "$.Name"},
            ),
            block("choose", "UpdateContactTargetQueue", "wait", errors=ELSE_HANG_UP, QueueId=self.queue.arn),
            block("wait", "TransferContactToQueue", errors=ELSE_HANG_UP),
            HANG_UP,
        )

    def new_queue(self, name: str, **properties: Any) -> Resource:
        """A queue of the instance, with its hours."""
        given = {"InstanceArn": self.arn, "Name": name, "HoursOfOperationArn": self._hours, **properties}
        return self.connect.instances.create(Kind.QUEUE, given)

    def new_flow(self, name: str, *blocks: Mapping[str, Any], flow_type: str = "CONTACT_FLOW") -> str:
        """The id of a new flow."""
        text = content(*blocks)
        created = self.sdk.create_contact_flow(InstanceId=self.id, Name=name, Type=flow_type, Content=text)
        return str(created["ContactFlowId"])

    def start(self, **changed: Any) -> Any:
        """The answer of StartWebRTCContact for a contact whose customer has joined."""
        answer = self.start_alone(**changed)
        self.connect.join(answer["ContactId"])
        return answer

    def start_alone(self, **changed: Any) -> Any:
        """The answer of StartWebRTCContact for a contact whose customer has not joined."""
        given = {"ParticipantDetails": {"DisplayName": "Ada"}, "ContactFlowId": self.flow, **changed}
        return self.sdk.start_web_rtc_contact(**{"InstanceId": self.id, **given})

    def stop(self, contact_id: str) -> Any:
        return self.sdk.stop_contact(InstanceId=self.id, ContactId=contact_id)

    def add(self, contact_id: str, **changed: Any) -> Any:
        """CreateParticipant."""
        details = {"ParticipantRole": "CUSTOMER", "DisplayName": "Ada", **changed.pop("details", {})}
        return self.sdk.create_participant(
            **{"InstanceId": self.id, "ContactId": contact_id, "ParticipantDetails": details, **changed}
        )

    def queued(self) -> Any:
        """The answer of StartWebRTCContact for a contact that waits in the queue by now."""
        answer = self.start()
        assert self.settled(answer["ContactId"])["State"] == "queued"
        return answer

    def connected(self) -> Any:
        """The answer of StartWebRTCContact for a contact that an agent has taken by now."""
        answer = self.queued()
        self.connect.happen(answer["ContactId"], ContactEvent.AGENT_CONNECTED)
        return answer

    def shown(self, contact_id: str) -> dict[str, Any]:
        """The contact as the control endpoint shows it."""
        [contact] = [each for each in self.connect.contacts() if each["ContactId"] == contact_id]
        return contact

    def settled(self, contact_id: str) -> dict[str, Any]:
        """The contact once its flow has run."""

        def found() -> dict[str, Any] | None:
            contact = self.shown(contact_id)
            return contact if contact["State"] in {"queued", "ended"} else None

        contact = eventually(found, seconds=5)
        assert contact is not None
        return contact


def code_of(caught: pytest.ExceptionInfo[ClientError]) -> str:
    return str(caught.value.response["Error"]["Code"])


def status_of(caught: pytest.ExceptionInfo[ClientError]) -> int:
    return int(caught.value.response["ResponseMetadata"]["HTTPStatusCode"])
