"""`[connect]`: where calls go."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, override

from pydantic import ValidationInfo, field_validator

from infra.configuration.faults import detail, refuse, refuse_all
from infra.configuration.flow import Flow
from infra.configuration.instance_arn import ArnWithin, InstanceArn, example
from infra.configuration.place import Place
from infra.configuration.quotas import Quotas
from infra.configuration.section import Section
from infra.configuration.values import Entries, Text

DEFAULT_CONTACT_FLOW = "inbound"

_TOPIC_NAME = r"[A-Za-z0-9_-]{1,64}"


@dataclass(frozen=True, kw_only=True)
class AdoptedInstance:
    """An Amazon Connect instance that exists already; the queues are None where every flow is adopted."""

    instance_arn: str
    verified_queue_arn: str | None
    unverified_queue_arn: str | None


class Sandbox(Section):
    """An Amazon Connect instance that the Calling stack creates, with hours of operation and two queues."""

    instance_alias: Annotated[
        str,
        Text(
            "1 to 45 letters, digits and inner hyphens, not used by any other Connect instance in the world",
            r"(?!d-)[A-Za-z0-9]([A-Za-z0-9-]{0,43}[A-Za-z0-9])?",
            "Amazon Connect API reference, CreateInstance",
        ),
    ]
    """The name of the instance, part of its address."""


@dataclass(frozen=True, kw_only=True)
class AdoptedContactFlow:
    """A published contact flow of the adopted instance."""

    arn: str


@dataclass(frozen=True, kw_only=True)
class OwnContactFlow:
    """A contact flow that the Calling stack creates from `infra/contact_flows/<name>.json`."""

    name: str


ContactFlow = AdoptedContactFlow | OwnContactFlow


@dataclass(frozen=True)
class Topics(Entries):
    """A contact flow for each topic: the name of a file, or the ARN of a flow of the instance."""

    @override
    def read(self, value: Any, place: Place) -> Mapping[str, ContactFlow]:
        return {
            topic: flow
            if not isinstance(flow, str)
            else AdoptedContactFlow(arn=flow)
            if flow.startswith("arn:")
            else OwnContactFlow(name=flow)
            for topic, flow in super().read(value, place).items()
        }

    @override
    def write(self, value: Mapping[str, ContactFlow]) -> dict[str, str]:
        return {
            topic: flow.arn if isinstance(flow, AdoptedContactFlow) else flow.name
            for topic, flow in value.items()
        }


def _topic_fault(topic: str, flow: str, place: Place) -> str | None:
    if not re.fullmatch(_TOPIC_NAME, topic):
        return "name a topic with 1 to 64 of A-Z a-z 0-9 _ -"
    if flow.startswith("arn:"):
        adopted = ArnWithin(kind="contact-flow")
        if place.has_no_instance:
            return "a sandbox has no contact-flow yet: remove the key, or name an instance_arn"
        return None if re.fullmatch(adopted.expected(place), flow) else adopted.explained(place)
    if place.contact_flows is not None and flow not in place.contact_flows:
        return (
            "the ARN of a contact flow of the instance, or the name of a file of infra/contact_flows: "
            + ", ".join(place.contact_flows)
        )
    return None


def _topic_queue_fault(_topic: str, queue: str, place: Place) -> str | None:
    within = ArnWithin(kind="queue")
    if place.has_no_instance:
        return "a sandbox has no queue yet: remove the key, or name an instance_arn"
    return None if re.fullmatch(within.expected(place), queue) else within.explained(place)


class Connect(Section):
    """Where calls go: the instance, the queues, the default flow, the flow of each topic, the quotas."""

    instance_arn: Annotated[str, InstanceArn()] | None = None
    """An instance that you have. Its account and Region are the deployment's."""

    contact_flow_arn: Annotated[str, ArnWithin(kind="contact-flow")] | None = None
    """A published flow of the instance for calls without a topic, in place of `inbound`."""

    topics: Annotated[
        Mapping[str, ContactFlow],
        Topics(
            "for each topic the name of a file of infra/contact_flows, or the ARN of a contact flow of the "
            "instance",
            _topic_fault,
            key_pattern=_TOPIC_NAME,
        ),
    ] = {}  # of a frozen model
    """What callers may call about, and the contact flow of each."""

    verified_queue_arn: Annotated[str, ArnWithin(kind="queue")] | None = None
    """Where the flows that this app creates send callers whose identity is proved."""

    unverified_queue_arn: Annotated[str, ArnWithin(kind="queue")] | None = None
    """Where they send all others."""

    queue_arn: Annotated[str, ArnWithin(kind="queue")] | None = None
    """The queue whose hours, staffing and wait apps read before a call. By default `verified_queue_arn`."""

    topic_queue_arns: Annotated[
        Mapping[str, str],
        Entries("for each topic the ARN of a queue of the instance", _topic_queue_fault),
    ] = {}  # of a frozen model
    """The same of topics that are about another queue. The topic's contact flow leads there by itself."""

    sandbox: Sandbox | None = None
    """An instance to try things in, in place of `instance_arn`."""

    flow: Flow = Flow()

    quotas: Quotas = Quotas()

    @property
    def instance(self) -> AdoptedInstance | Sandbox:
        """The instance, and its queues where it exists already."""
        if self.instance_arn is None:
            assert self.sandbox is not None  # noqa: S101  # one of both, as validated
            return self.sandbox
        return AdoptedInstance(
            instance_arn=self.instance_arn,
            verified_queue_arn=self.verified_queue_arn,
            unverified_queue_arn=self.unverified_queue_arn,
        )

    @property
    def contact_flow(self) -> ContactFlow:
        """The flow of calls without a topic."""
        if self.contact_flow_arn is not None:
            return AdoptedContactFlow(arn=self.contact_flow_arn)
        return OwnContactFlow(name=DEFAULT_CONTACT_FLOW)

    @property
    def flow_features(self) -> frozenset[str]:
        """What the flows of this app do: `FEATURES` of `infra.assets.contact_flow_lint`."""
        flow = self.flow
        wanted = {
            "agent_guide": flow.agent_guide,
            "analytics": flow.analytics,
            "hours": flow.hours,
            "music": flow.music_prompt_arn is not None,
            # A sandbox makes a queue for it.
            "overflow": self.instance_arn is None or flow.overflow_queue_arn is not None,
            "recording": flow.recording,
            "voice": flow.voice is not None,
        }
        return frozenset(name for name, is_wanted in wanted.items() if is_wanted)

    @field_validator("instance_arn")
    @classmethod
    def _one_instance(cls, value: str | None, info: ValidationInfo) -> str | None:
        sandbox = info.context is not None and info.context.sandbox
        if value is not None and sandbox:
            refuse("either an existing instance, or [connect.sandbox]: remove one")
        if value is None and info.context is not None and not sandbox:
            refuse(
                f'the ARN of your instance: "{example(info.context)}"; '
                "or [connect.sandbox] with an instance_alias to create one"
            )
        return value

    @field_validator("topic_queue_arns")
    @classmethod
    def _of_topics(cls, value: Mapping[str, str], info: ValidationInfo) -> Mapping[str, str]:
        topics = info.data.get("topics", value)
        known = ", ".join(topics) or "there are none, so remove it"
        refuse_all(
            detail((topic,), arn, f"one of connect.topics: {known}")
            for topic, arn in value.items()
            if topic not in topics
        )
        return value

    @field_validator("verified_queue_arn", "unverified_queue_arn")
    @classmethod
    def _queue_of_own_flows(cls, value: str | None, info: ValidationInfo) -> str | None:
        if (
            info.context is None
            or info.context.has_no_instance
            or not {"contact_flow_arn", "topics"} <= set(info.data)
        ):
            return value
        own_flows = _has_own_flows(info.data)
        if value is None and own_flows:
            refuse(ArnWithin(kind="queue").explained(info.context))
        if value is not None and not own_flows:
            refuse("remove it: every contact flow is adopted, and an adopted flow names its own queues")
        return value

    @field_validator("unverified_queue_arn")
    @classmethod
    def _two_queues(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and value == info.data.get("verified_queue_arn"):
            refuse(
                "another queue than verified_queue_arn: in one queue agents could not see whose identity is "
                "proved"
            )
        return value

    @field_validator("flow")
    @classmethod
    def _flow_of_own_flows(cls, value: Flow, info: ValidationInfo) -> Flow:
        if {"contact_flow_arn", "topics"} <= set(info.data) and value != Flow():
            if not _has_own_flows(info.data):
                refuse("remove it: every contact flow is adopted, and this is for the flows of this app")
            for key in ("verified_queue_arn", "unverified_queue_arn"):
                overflow = value.overflow_queue_arn
                if overflow is not None and overflow == info.data.get(key):
                    fix = f"another queue than {key}: callers of both queues come here"
                    refuse_all([detail(("overflow_queue_arn",), overflow, fix)])
        return value


def _has_own_flows(values: Mapping[str, Any]) -> bool:
    """Whether this app creates a contact flow: that of calls without a topic, or one of a topic."""
    flows = [values["contact_flow_arn"], *values["topics"].values()]
    return any(flow is None or isinstance(flow, OwnContactFlow) for flow in flows)
