"""How calls reach Amazon Connect, as far as the stacks are concerned."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

import aws_cdk as cdk

from infra.assets.bundling import AwsOperations
from infra.configuration import NATIVE, Configuration, Quotas
from infra.constructs.call_api import Throttle
from infra.constructs.connect_instance import ConnectInstance
from infra.constructs.contact_events import ContactEvents
from infra.contact_center import ContactFlows
from infra.functions.call_control import CallControlFunction
from infra.functions.caller_context import CallerContextFunction
from infra.functions.contact_events import ContactEventsFunction
from infra.functions.start_call import StartCallFunction


@dataclass(frozen=True, kw_only=True)
class CallingParts:
    """What of the Calling stack a transport adds to."""

    stack: cdk.Stack
    instance: ConnectInstance
    flows: ContactFlows
    events: ContactEvents
    start_call: StartCallFunction
    call_control: CallControlFunction
    contact_events: ContactEventsFunction
    caller_context: CallerContextFunction


@dataclass(frozen=True, kw_only=True)
class CallThrottles:
    """Of requests that start calls, of those that end them, and of others that have the transport do
    something.

    Hanging up has its own: whatever callers do to their calls, others can end theirs.
    """

    start: Throttle
    hang_up: Throttle
    control: Throttle


class Transport(Protocol):
    """A way for calls to reach Amazon Connect."""

    @property
    def name(self) -> str:
        """What `CallTransport` of `lambdas/calls` calls it: calls are stored with it."""
        ...

    @property
    def modules(self) -> tuple[str, ...]:
        """The modules of `lambdas/` that functions load by this name."""
        ...

    @property
    def aws_operations(self) -> tuple[AwsOperations, ...]:
        """What its functions call beside what those of every deployment do."""
        ...

    def attach(self, calling: CallingParts) -> CallThrottles:
        """Adds its grants, environment variables, event rules and alarms to the Calling stack."""
        ...


class TransportRoom(Protocol):
    """`infra.<name>.attachment` of an optional transport."""

    def add_transport(
        self, app: cdk.App, stack_prefix: str, *, configuration: Configuration, checkout: Path
    ) -> Transport:
        """Adds its stacks to `app`, their names beginning with `stack_prefix`."""
        ...


class NativeTransport:
    """Calls are contacts that `StartWebRTCContact` starts."""

    name = NATIVE
    modules: tuple[str, ...] = ()

    # None beside those of every deployment: a native call goes on after the transport has changed.
    aws_operations: tuple[AwsOperations, ...] = ()

    def __init__(self, quotas: Quotas) -> None:
        self._quotas = quotas

    def attach(self, calling: CallingParts) -> CallThrottles:
        """Lets calls be started in the configured flows, as fast as Connect's quotas allow."""
        calling.instance.grant_start_contact(
            calling.start_call,
            contact_flow_arns=[calling.flows.default_arn, *calling.flows.topic_arns.values()],
        )
        quotas = self._quotas
        return CallThrottles(
            start=Throttle(rate=quotas.start_webrtc_contact_rate, burst=quotas.start_webrtc_contact_burst),
            hang_up=Throttle(rate=quotas.stop_contact_rate, burst=quotas.stop_contact_burst),
            control=Throttle(rate=quotas.call_control_rate, burst=quotas.call_control_burst),
        )


def transport_room(name: str) -> TransportRoom:
    """The room of an optional transport, which is named as its section of the configuration is."""
    return cast("TransportRoom", import_module(f"infra.{name}.attachment"))
