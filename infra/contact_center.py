"""What the configuration wants of Amazon Connect: an instance, and the contact flows that calls enter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

from aws_cdk import Stack
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.configuration import (
    DEFAULT_CONTACT_FLOW,
    TRUSTED_ATTRIBUTES,
    AdoptedContactFlow,
    Connect,
    Flow,
    OwnContactFlow,
    Sandbox,
    Smoke,
)
from infra.constructs.connect_function import ConnectFunction
from infra.constructs.connect_instance import VERIFIED_QUEUE, ConnectInstance
from infra.constructs.connect_sandbox import ConnectSandbox
from infra.constructs.contact_flow import ContactFlow, deployed_flow, longest_texts
from infra.functions.function import CallFunctionDefaults
from infra.needed_flows import FLOWS_OF_FLOWS


def connect_instance(stack: Stack, connect: Connect, smoke: Smoke) -> ConnectInstance:
    """The instance that exists, or a sandbox that `stack` creates; with the queues that flows lead to."""
    settings = connect.instance
    if isinstance(settings, Sandbox):
        sandbox = ConnectSandbox(
            stack,
            "ConnectSandbox",
            instance_alias=settings.instance_alias,
            with_smoke_queue=smoke.sandbox,
        )
        return ConnectInstance(
            arn=sandbox.instance_arn,
            queue_arns=_queues(
                sandbox.verified_queue_arn,
                sandbox.unverified_queue_arn,
                sandbox.overflow_queue_arn,
                sandbox.smoke_queue_arn,
            ),
            alias=settings.instance_alias,
        )
    return ConnectInstance(
        arn=settings.instance_arn,
        queue_arns=_queues(
            settings.verified_queue_arn,
            settings.unverified_queue_arn,
            connect.flow.overflow_queue_arn,
            smoke.queue_arn,
        ),
    )


def _queues(
    verified_arn: str | None, unverified_arn: str | None, overflow_arn: str | None, smoke_arn: str | None
) -> dict[str, str]:
    """By the placeholders of contact flows; none where every flow is adopted."""
    arns = {
        VERIFIED_QUEUE: verified_arn,
        "UnverifiedQueueArn": unverified_arn,
        "OverflowQueueArn": overflow_arn,
        "SmokeQueueArn": smoke_arn,
    }
    return {name: arn for name, arn in arns.items() if arn is not None}


class ContactFlows(Construct):
    """The flow that calls enter, and that of each topic: some exist, others are created from files, with the
    flows that these need.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        defaults: CallFunctionDefaults,
        caller_context: lambda_.Alias,
        availability: lambda_.Alias,
    ) -> None:
        """The files lie in `infra/contact_flows/`; they invoke `caller_context` and `availability`.

        Raises ContactFlowError.
        """
        super().__init__(scope, id_)
        self._configuration, self._instance = defaults.configuration, defaults.instance
        self._verification = ConnectFunction(
            self, "CallerVerification", function=caller_context, instance_arn=self._instance.arn
        )
        self._availability = availability
        self._documents = defaults.checkout / "infra" / "contact_flows"
        self._created: dict[str, ContactFlow] = {}
        settings = self._configuration.connect
        self._features = settings.flow_features
        self._values = _values(settings.flow)
        self._arns = {
            "AvailabilityFunctionArn": availability.function_arn,
            "CallerContextFunctionArn": self._verification.arn,
            "DetailViewArn": f"arn:aws:connect:{Stack.of(self).region}:aws:view/detail:1",
            **self._instance.queue_arns,
            **({"MusicPromptArn": music} if (music := settings.flow.music_prompt_arn) else {}),
        }
        self.default_arn = self._arn(settings.contact_flow)
        topics = self._configuration.topics
        self.topic_arns = {topic: self._arn(flow) for topic, flow in topics.items()}
        self.uncounted_bytes = max(
            self._uncounted_bytes(flow) for flow in (settings.contact_flow, *topics.values())
        )
        """UTF-8 bytes of the attributes that a call's flow sets beyond what every start counts."""

    def add(
        self,
        scope: Construct,
        id_: str,
        document: Path,
        *,
        arns: Mapping[str, str] = MappingProxyType({}),
        verified: Sequence[str] = (),
    ) -> ContactFlow:
        """Creates the flow of the file `document`, which may invoke `caller_context`.

        `arns` fills further placeholders. Beside those of claims, it takes the attributes `verified` from
        that answer.
        """
        attributes = self._configuration.attributes
        known = {**self._arns, **arns}
        flow = deployed_flow(
            document,
            features=self._features,
            values=self._values,
            arns={*known, *FLOWS_OF_FLOWS},
            proved=[*attributes.from_claims.values(), *verified],
            unproved=attributes.from_caller,
        )
        wanted = {
            name: known[name] if name in known else self._own(FLOWS_OF_FLOWS[name]).arn
            for name in sorted(flow.placeholders)
        }
        created = ContactFlow(
            scope,
            id_,
            flow=flow,
            # Amazon Connect has no metrics of a flow with parentheses in its name.
            name=f"In-app calling: {document.stem.replace('_', ' ')} - {self._configuration.environment}",
            instance_arn=self._instance.arn,
            arns=wanted,
        )
        created.node.add_dependency(self._verification)
        if "AvailabilityFunctionArn" in flow.placeholders:
            created.node.add_dependency(self._opening_times)
        return created

    @cached_property
    def _opening_times(self) -> ConnectFunction:
        """Created where a flow asks when a closed queue opens."""
        return ConnectFunction(
            self, "OpeningTimes", function=self._availability, instance_arn=self._instance.arn
        )

    def _arn(self, flow: AdoptedContactFlow | OwnContactFlow) -> str:
        return flow.arn if isinstance(flow, AdoptedContactFlow) else self._own(flow.name).arn

    def _own(self, name: str) -> ContactFlow:
        if name not in self._created:
            document = self._documents / f"{name}.json"
            self._created[name] = self.add(self, name.replace("/", "-"), document)
        return self._created[name]

    def _uncounted_bytes(self, flow: AdoptedContactFlow | OwnContactFlow) -> int:
        """Of a call that enters the flow. What an adopted flow sets is known to its authors alone."""
        if isinstance(flow, AdoptedContactFlow):
            return 0
        claims = self._configuration.attributes.from_claims.values()
        # As `calls.start_call_request.check_contact_size` counts them.
        counted = dict.fromkeys([*TRUSTED_ATTRIBUTES, *claims], "unknown")
        counted |= {"auth_status": "unverified", "profileSearchKey": "_account"}
        # A flow may lead to that of all calls, which sets its own.
        longest = longest_texts(
            text for each in self._reached_by(flow) for text in each.constant_attributes.items()
        )
        return sum(
            max(0, _bytes(value) - _bytes(counted[name])) if name in counted else _bytes(name + value)
            for name, value in longest.items()
        )

    def _reached_by(self, flow: OwnContactFlow) -> list[ContactFlow]:
        names = dict.fromkeys([flow.name, DEFAULT_CONTACT_FLOW])
        return [self._created[name] for name in names if name in self._created]


def _bytes(text: str) -> int:
    return len(text.encode())


def _values(flow: Flow) -> dict[str, str]:
    return {
        "BusyText": flow.busy_text,
        "ClosedText": flow.closed_text,
        "Language": flow.language,
        "OpeningDays": flow.opening_days,
        "OpeningText": flow.opening_text,
        "OverflowSeconds": str(flow.overflow_seconds),
        "RecordingText": flow.recording_text,
        "Voice": flow.voice or "",
        "VoiceEngine": flow.voice_engine.capitalize(),
        "WaitingText": flow.waiting_text,
    }
