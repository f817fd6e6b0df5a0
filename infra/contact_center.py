"""What the configuration wants of Amazon Connect: an instance, and the contact flows that calls enter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from aws_cdk import Stack
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.configuration import (
    TRUSTED_ATTRIBUTES,
    AdoptedContactFlow,
    AdoptedInstance,
    OwnContactFlow,
    Sandbox,
)
from infra.constructs.connect_function import ConnectFunction
from infra.constructs.connect_instance import VERIFIED_QUEUE, ConnectInstance
from infra.constructs.connect_sandbox import ConnectSandbox
from infra.constructs.contact_flow import ContactFlow
from infra.functions.function import CallFunctionDefaults


def connect_instance(stack: Stack, settings: AdoptedInstance | Sandbox) -> ConnectInstance:
    """The instance that exists, or a sandbox that `stack` creates; with the queues that flows lead to."""
    if isinstance(settings, Sandbox):
        sandbox = ConnectSandbox(stack, "ConnectSandbox", instance_alias=settings.instance_alias)
        return ConnectInstance(
            arn=sandbox.instance_arn,
            queue_arns=_queues(sandbox.verified_queue_arn, sandbox.unverified_queue_arn),
            alias=settings.instance_alias,
        )
    return ConnectInstance(
        arn=settings.instance_arn,
        queue_arns=_queues(settings.verified_queue_arn, settings.unverified_queue_arn),
    )


def _queues(verified_arn: str | None, unverified_arn: str | None) -> dict[str, str]:
    """By the placeholders of contact flows; none where every flow is adopted."""
    if verified_arn is None or unverified_arn is None:
        return {}
    return {VERIFIED_QUEUE: verified_arn, "UnverifiedQueueArn": unverified_arn}


class ContactFlows(Construct):
    """The flow that calls enter, and that of each topic: some exist, others are created from files."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        defaults: CallFunctionDefaults,
        caller_context: lambda_.Alias,
    ) -> None:
        """The files lie in `infra/contact_flows/`; they invoke `caller_context`.

        Raises ContactFlowError.
        """
        super().__init__(scope, id_)
        self._configuration, self._instance = defaults.configuration, defaults.instance
        self._verification = ConnectFunction(
            self, "CallerVerification", function=caller_context, instance_arn=self._instance.arn
        )
        self._documents = defaults.checkout / "infra" / "contact_flows"
        self._created: dict[str, ContactFlow] = {}
        settings = self._configuration.connect
        self.default_arn = self._arn(settings.contact_flow)
        self.topic_arns = {topic: self._arn(flow) for topic, flow in settings.topics.items()}
        self.uncounted_bytes = max(
            self._uncounted_bytes(flow, topic)
            for topic, flow in [(None, settings.contact_flow), *settings.topics.items()]
        )
        """UTF-8 bytes of the attributes that a call's flow sets beyond what every start counts."""

    def add(
        self,
        scope: Construct,
        id_: str,
        document: Path,
        *,
        arns: Mapping[str, str],
        verified: Sequence[str] = (),
    ) -> ContactFlow:
        """Creates the flow of the file `document`, which invokes `caller_context`.

        `arns` fills its other placeholders. Beside those of claims, it takes the attributes `verified` from
        that answer.
        """
        flow = ContactFlow(
            scope,
            id_,
            document=document,
            # Amazon Connect has no metrics of a flow with parentheses in its name.
            name=f"In-app calling: {document.stem} - {self._configuration.environment}",
            instance_arn=self._instance.arn,
            arns={"CallerContextFunctionArn": self._verification.arn, **arns},
            verified_attributes=[*self._configuration.attributes.from_claims.values(), *verified],
        )
        flow.node.add_dependency(self._verification)
        return flow

    def _arn(self, flow: AdoptedContactFlow | OwnContactFlow) -> str:
        if isinstance(flow, AdoptedContactFlow):
            return flow.arn
        if flow.name not in self._created:
            document = self._documents / f"{flow.name}.json"
            self._created[flow.name] = self.add(self, flow.name, document, arns=self._instance.queue_arns)
        return self._created[flow.name].arn

    def _uncounted_bytes(self, flow: AdoptedContactFlow | OwnContactFlow, topic: str | None) -> int:
        """Of a call about `topic`. What an adopted flow sets is known to its authors alone."""
        if isinstance(flow, AdoptedContactFlow):
            return 0
        claims = self._configuration.attributes.from_claims.values()
        # As `calls.start_call_request.check_contact_size` counts them.
        counted = dict.fromkeys([*TRUSTED_ATTRIBUTES, *claims], "unknown") | {"auth_status": "unverified"}
        if topic is not None:
            counted["topic"] = topic
        return sum(
            max(0, _bytes(value) - _bytes(counted[name])) if name in counted else _bytes(name + value)
            for name, value in self._created[flow.name].constant_attributes.items()
        )


def _bytes(text: str) -> int:
    return len(text.encode())
