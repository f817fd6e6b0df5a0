"""A contact of Amazon Connect, the conversation that it belongs to, and how others see it.

How it is shown: to people and tests (`shown`), in the API (`described`), in contact events (`event`) and to
the functions of a flow (`flow_event`).
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from local.emulator.aws_service import Parameters
from local.emulator.connect.contact_flow import Step
from local.emulator.connect.digits import Digits
from local.emulator.connect.instance import Resource


class State(StrEnum):
    """Where a contact is."""

    CONNECTING = "connecting"
    QUEUED = "queued"
    CONNECTED = "connected"
    ENDED = "ended"


class ContactEvent(StrEnum):
    """What an agent or a customer can do to a contact through the control endpoints."""

    AGENT_CONNECTED = "AgentConnected"
    AGENT_DISCONNECTED = "AgentDisconnected"
    CUSTOMER_DISCONNECTED = "CustomerDisconnected"
    CUSTOMER_DROPPED = "CustomerDropped"  # gone for the 60 s after which a participant is out
    CUSTOMER_HELD = "CustomerHeld"  # by the agent
    CUSTOMER_RESUMED = "CustomerResumed"
    TRANSFERRED = "Transferred"  # by the agent, into the queue that it came from


class ContactStateError(Exception):
    """A contact event does not fit the state that the contact is in."""


class Role(StrEnum):
    """Which side of a call somebody is on."""

    CUSTOMER = "CUSTOMER"
    AGENT = "AGENT"


@dataclass
class Participant:
    """Whoever called, or came back after a drop, or was added to the customer's side; or an agent."""

    id: str
    name: str
    token: str
    attendee: Mapping[str, str]
    left: datetime | None = None
    role: Role = Role.CUSTOMER

    @property
    def external_user_id(self) -> str:
        """As others in the meeting see it: of an agent it ends in `agent`, which clients rely on."""
        return f"{self.id}-agent" if self.role is Role.AGENT else self.id


@dataclass
class Conversation:
    """What a customer takes for one call: the contacts that transfers make of it, oldest first.

    `meeting` is that of a WebRTC call, `over` is called once when a telephone call has ended.
    """

    meeting: Mapping[str, Any]
    over: Callable[[], None] | None = None
    contacts: list["Contact"] = field(default_factory=list)
    customers: list[Participant] = field(default_factory=list)
    agents: list[Participant] = field(default_factory=list)  # who take it through the media plane

    @property
    def current(self) -> "Contact | None":
        """The contact that goes on, None once all have ended."""
        return next((contact for contact in self.contacts if not contact.ended), None)

    @property
    def present_customers(self) -> list[Participant]:
        """Those who are not out."""
        return [participant for participant in self.customers if participant.left is None]

    @property
    def present_agents(self) -> list[Participant]:
        """The agents who are not out."""
        return [agent for agent in self.agents if agent.left is None]

    @property
    def agent(self) -> Participant | None:
        """The agent who has a place."""
        return next(iter(self.present_agents), None)


@dataclass
class Contact:
    """A WebRTC or a telephone contact; `flow` is None for one that an agent's transfer has put into a queue.

    `customer_number` and `system_number` are who dialled and what was dialled; a WebRTC contact has neither.
    """

    id: str
    instance: Resource
    flow: Resource | None
    conversation: Conversation
    initiation_method: str
    parameters: Parameters
    attributes: dict[str, str]
    started: datetime
    joined: datetime | None = None  # the customer of a WebRTC contact, for the first time
    previous: "Contact | None" = None
    target_queue: Resource | None = None
    enqueued: datetime | None = None
    agent_connected: datetime | None = None
    on_hold: bool = False
    ended: datetime | None = None
    disconnect_reason: str | None = None
    customer_number: str | None = None
    system_number: str | None = None
    external: dict[str, str] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)  # set by a flow: Name, Description, CustomerId …
    hooks: dict[str, Resource] = field(default_factory=dict)  # flows by event, such as AgentWhisper
    agent_heard: list[str] = field(default_factory=list)
    views: list[dict[str, Any]] = field(default_factory=list)  # that a guide has shown the agent
    stirred: threading.Event = field(default_factory=threading.Event)  # whatever ends a wait in a queue
    stored_input: str = ""
    heard: list[str] = field(default_factory=list)
    digits: Digits = field(default_factory=Digits)
    way: list[tuple[Step, datetime]] = field(default_factory=list)

    @property
    def arn(self) -> str:
        """The ARN that contact events name."""
        return f"{self.instance.arn}/contact/{self.id}"

    @property
    def initial(self) -> "Contact":
        """The contact that StartWebRTCContact made."""
        return self.conversation.contacts[0]

    @property
    def state(self) -> State:
        """Derived from which times exist."""
        if self.ended:
            return State.ENDED
        if self.agent_connected:
            return State.CONNECTED
        return State.QUEUED if self.enqueued else State.CONNECTING

    @property
    def display_name(self) -> str:
        """What the agent sees as the caller's name."""
        return str(
            self.data.get("Name") or self.parameters.get("ParticipantDetails", {}).get("DisplayName", "")
        )

    @property
    def subtype(self) -> str:
        """The segment attribute that says how the customer is connected."""
        return "connect:Telephony" if self.system_number else "connect:WebRTC"

    def shown(self) -> dict[str, Any]:
        """As the control endpoint shows it."""
        queue = self.target_queue if self.enqueued else None
        agent = [{"Role": "AGENT"}] if self.agent_connected else []
        return {
            "ContactId": self.id,
            "InitialContactId": self.previous and self.initial.id,
            "PreviousContactId": self.previous and self.previous.id,
            "InitiationMethod": self.initiation_method,
            "InstanceArn": self.instance.arn,
            "CustomerEndpoint": _endpoint(self.customer_number),
            "SystemEndpoint": _endpoint(self.system_number),
            "ContactFlow": self.flow and {"Arn": self.flow.arn, "Name": self.flow.name},
            "State": self.state,
            "Parameters": self.parameters,
            "Attributes": dict(self.attributes),
            "Queue": queue and {"Arn": queue.arn, "Name": queue.name},
            "Way": [
                {"Block": step.identifier, "Type": step.type, "Result": step.result, "Detail": step.detail,
                 "Time": timestamp(at)}
                for step, at in self.way
            ],
            "Heard": list(self.heard),
            "AgentHeard": list(self.agent_heard),
            "Views": list(self.views),
            "Data": dict(self.data),
            "Hooks": {hook: flow.arn for hook, flow in self.hooks.items()},
            "Digits": self.digits.passed,
            "AwaitsDigits": self.digits.are_awaited,
            "OnHold": self.on_hold,
            "Participants": [*map(_shown_customer, self.conversation.customers), *agent],
            "DisconnectReason": self.disconnect_reason,
            "StartedAt": timestamp(self.started),
            "JoinedAt": self.initial.joined and timestamp(self.initial.joined),
            "QueuedAt": self.enqueued and timestamp(self.enqueued),
            "ConnectedAt": self.agent_connected and timestamp(self.agent_connected),
            "EndedAt": self.ended and timestamp(self.ended),
        }  # fmt: skip

    def described(self) -> dict[str, Any]:
        """As DescribeContact describes it."""
        queue = self.target_queue if self.enqueued else None
        return present({
            "Arn": self.arn,
            "Id": self.id,
            "InitialContactId": self.initial.id,
            "PreviousContactId": self.previous and self.previous.id,
            "RelatedContactId": self.parameters.get("RelatedContactId"),
            "InitiationMethod": self.initiation_method,
            "Channel": "VOICE",
            "Name": self.display_name or None,
            "Description": self.data.get("Description", self.parameters.get("Description")),
            "CustomerId": self.data.get("CustomerId"),
            "Attributes": dict(self.attributes),
            "SegmentAttributes": {"connect:Subtype": {"ValueString": self.subtype}},
            "CustomerEndpoint": _endpoint(self.customer_number),
            "SystemEndpoint": _endpoint(self.system_number),
            "InitiationTimestamp": self.started,
            "DisconnectTimestamp": self.ended,
            "DisconnectReason": self.disconnect_reason,
            "LastUpdateTimestamp": self.ended or self.agent_connected or self.enqueued or self.started,
            "QueueInfo": queue and {"Id": queue.id, "EnqueueTimestamp": self.enqueued},
            "AgentInfo": self.agent_connected and {"ConnectedToAgentTimestamp": self.agent_connected},
        })  # fmt: skip

    def event(self, event_type: str, more: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The detail of a contact event about it."""
        queue_info = (
            self.enqueued
            and self.target_queue
            and {
                "queueArn": self.target_queue.arn,
                "queueType": "STANDARD",
                "enqueueTimestamp": timestamp(self.enqueued),
            }
        )
        agent_info = self.agent_connected and {
            "agentArn": f"{self.instance.arn}/agent/{uuid5(NAMESPACE_URL, self.instance.arn)}",
            "connectedToAgentTimestamp": timestamp(self.agent_connected),
        }
        return present({
            "eventType": event_type,
            "contactId": self.id,
            "initialContactId": self.previous and self.initial.id,
            "previousContactId": self.previous and self.previous.id,
            "channel": "VOICE",
            "instanceArn": self.instance.arn,
            "initiationMethod": self.initiation_method,
            "initiationTimestamp": timestamp(self.started),
            "connectedToSystemTimestamp": timestamp(self.started) if self.system_number else None,
            "disconnectTimestamp": self.ended and timestamp(self.ended),
            "queueInfo": queue_info or None,
            "agentInfo": agent_info,
            "segmentAttributes": {"connect:Subtype": {"valueString": self.subtype}},
            "tags": present({
                "aws:connect:instanceId": self.instance.id,
                "aws:connect:systemEndpoint": self.system_number,
            }),
            **(more or {}),
        })  # fmt: skip

    def flow_event(self, parameters: Mapping[str, str], *, region: str) -> dict[str, Any]:
        """What a flow sends a function about the contact."""
        queue = self.target_queue
        allowed = self.parameters.get("AllowedCapabilities", {})
        return {
            "Details": {
                "ContactData": {
                    "Attributes": dict(self.attributes),
                    "AwsRegion": region,
                    "Capabilities": {
                        "Agent": dict(allowed.get("Agent", {})),
                        "Customer": dict(allowed.get("Customer", {})),
                    },
                    "Channel": "VOICE",
                    "ContactId": self.id,
                    "CustomerEndpoint": _endpoint(self.customer_number),
                    "CustomerId": self.data.get("CustomerId"),
                    "Description": self.data.get("Description", self.parameters.get("Description")),
                    "InitialContactId": self.id,
                    "InitiationMethod": self.initiation_method,
                    "InstanceARN": self.instance.arn,
                    "LanguageCode": self.data.get("LanguageCode", "en-US"),
                    "MediaStreams": {"Customer": {"Audio": None}},
                    "Name": self.display_name or None,
                    "PreviousContactId": self.id,
                    "Queue": queue and {"ARN": queue.arn, "Name": queue.name, "OutboundCallerId": None},
                    "References": {
                        **self.parameters.get("References", {}),
                        **self.data.get("References", {}),
                    },
                    "RelatedContactId": self.parameters.get("RelatedContactId"),
                    "SegmentAttributes": {
                        "connect:Direction": {"ValueString": "INBOUND"},
                        "connect:Subtype": {"ValueString": self.subtype},
                    },
                    "SystemEndpoint": _endpoint(self.system_number),
                    "Tags": {},
                },
                "Parameters": dict(parameters),
            },
            "Name": "ContactFlowEvent",
        }


def _endpoint(number: str | None) -> dict[str, str] | None:
    return {"Address": number, "Type": "TELEPHONE_NUMBER"} if number else None


def _shown_customer(participant: Participant) -> dict[str, Any]:
    return {
        "ParticipantId": participant.id,
        "Role": "CUSTOMER",
        "Name": participant.name,
        "LeftAt": participant.left and timestamp(participant.left),
    }


def now() -> datetime:
    """The time of this machine."""
    return datetime.now(UTC)


def present(members: Mapping[str, Any]) -> dict[str, Any]:
    """The members that have a value."""
    return {name: value for name, value in members.items() if value is not None}


def timestamp(moment: datetime) -> str:
    """As contact events and expiries are spelled: `2026-01-01T10:00:00.120Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
