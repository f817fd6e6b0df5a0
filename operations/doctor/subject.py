"""What the checks look at: the configuration of an environment, and its account."""

from __future__ import annotations

import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import boto3
from botocore.exceptions import ClientError

from infra.configuration import NATIVE, Configuration, Sandbox, UserPool
from infra.outputs import Output

Fetch = Callable[[str], bytes]
"""Reads a document by its `https:` address; raises OSError."""

_FETCH_WITHIN = 10.0  # seconds
_MAX_DOCUMENT_BYTES = 1_000_000


def fetch(url: str) -> bytes:
    """The document at an address of the configuration, which takes `https:` alone."""
    with urllib.request.urlopen(url, timeout=_FETCH_WITHIN) as answer:  # noqa: S310
        document: bytes = answer.read(_MAX_DOCUMENT_BYTES)
        return document


@dataclass(frozen=True)
class StackResource:
    """A resource of a deployed stack."""

    type: str
    logical_id: str
    physical_id: str


@dataclass(frozen=True)
class Subject:
    """An environment: what its configuration says, and clients of its account and Region.

    `outputs` are what the deployment publishes, by name; empty before the first one.
    """

    configuration: Configuration
    session: boto3.Session
    outputs: Mapping[str, str] = field(default_factory=dict)
    fetch: Fetch = fetch

    def client(self, service: str) -> Any:
        """A client of a service, by botocore's name for it; the same each time."""
        if service not in self._clients:
            self._clients[service] = self.session.client(service)  # type: ignore[call-overload]
        return self._clients[service]

    @cached_property
    def _clients(self) -> dict[str, Any]:
        return {}

    @property
    def is_deployed(self) -> bool:
        """Whether the environment takes calls, or could: all its stacks have been deployed once."""
        return Output.API_URL in self.outputs

    @property
    def is_native(self) -> bool:
        """Whether calls reach Amazon Connect by `StartWebRTCContact`."""
        return self.configuration.transport_name == NATIVE

    @property
    def user_pool(self) -> UserPool | None:
        """The settings of the app's own user pool; None where users come from elsewhere."""
        source = self.configuration.identity.source
        return source if isinstance(source, UserPool) else None

    @property
    def instance_arn(self) -> str | None:
        """The Connect instance; None for a sandbox that no deployment has made yet."""
        return self.configuration.connect.instance_arn or self.outputs.get(Output.CONNECT_INSTANCE_ARN)

    @property
    def instance_id(self) -> str:
        """The last part of that ARN, which Amazon Connect's operations take."""
        return str(self.instance_arn).rpartition("/")[2]

    @property
    def queue_arns(self) -> tuple[str, ...]:
        """Where flows of this app send callers, and what apps are told of; none where nobody names any."""
        connect = self.configuration.connect
        if isinstance(connect.instance, Sandbox):
            queues = [each.physical_id for each in self.resources_of("AWS::Connect::Queue")]
            return tuple(arn for arn in queues if arn != self.smoke_queue_arn)
        named = (
            connect.verified_queue_arn,
            connect.unverified_queue_arn,
            connect.flow.overflow_queue_arn,
            connect.queue_arn,
            *connect.topic_queue_arns.values(),
        )
        return tuple(dict.fromkeys(arn for arn in named if arn))

    @property
    def smoke_queue_arn(self) -> str | None:
        """Where calls that only test wait, and no agent is to serve; None where there is none, or not yet."""
        if self.configuration.smoke.sandbox:
            queues = self.resources_of("AWS::Connect::Queue")
            return next((each.physical_id for each in queues if "Smoke" in each.logical_id), None)
        return self.configuration.smoke.queue_arn

    @property
    def stack_names(self) -> tuple[str, ...]:
        """The environment's stacks in its account, by name, whether deployed or not."""
        names = ["Identity", "Calling"] if self.user_pool else ["Calling"]
        if not self.is_native:
            names.append("".join(part.title() for part in self.configuration.transport_name.split("_")))
        return tuple(f"InAppCalling-{self.configuration.environment}-{name}" for name in names)

    @cached_property
    def resources(self) -> tuple[StackResource, ...]:
        """All that the stacks have made; empty before the first deployment."""
        found = []
        pages = self.client("cloudformation").get_paginator("list_stack_resources")
        for name in self.stack_names:
            try:
                found += [
                    StackResource(
                        type=each["ResourceType"],
                        logical_id=each["LogicalResourceId"],
                        physical_id=each.get("PhysicalResourceId", ""),
                    )
                    for page in pages.paginate(StackName=name)
                    for each in page["StackResourceSummaries"]
                ]
            except ClientError as error:
                # What CloudFormation says where there is no such stack.
                if error.response["Error"]["Code"] != "ValidationError":
                    raise
        return tuple(found)

    def resources_of(self, resource_type: str) -> list[StackResource]:
        """Those of a type, as CloudFormation calls it."""
        return [each for each in self.resources if each.type == resource_type]
