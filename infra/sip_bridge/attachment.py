"""What the SIP bridge adds to the Calling stack."""

from __future__ import annotations

import json
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import Stack
from aws_cdk import aws_ssm as ssm

from infra.assets.bundling import AwsOperations
from infra.configuration import Configuration
from infra.constructs.call_api import Throttle
from infra.outputs import parameter_name
from infra.publishing import publish
from infra.sip_bridge.constructs.connect_number import ConnectNumber
from infra.sip_bridge.functions.media_application import MEETING_FAULTS, RUNBOOKS
from infra.sip_bridge.outputs import SipBridgeOutput
from infra.sip_bridge.section import AdoptedCallerNumber, AdoptedConnectNumber, section_of
from infra.sip_bridge.stack import AWS_OPERATIONS, SipBridgeStack
from infra.transport import CallingParts, CallThrottles

_CONTACT_FLOW = Path(__file__).parent / "contact_flows" / "bridge.json"


def add_transport(
    app: cdk.App, stack_prefix: str, *, configuration: Configuration, checkout: Path
) -> SipBridgeTransport:
    """Adds the SipBridge stack to `app`, and returns what attaches it to the Calling stack."""
    stack = SipBridgeStack(app, f"{stack_prefix}-SipBridge", configuration=configuration, checkout=checkout)
    return SipBridgeTransport(stack, configuration)


class SipBridgeTransport:
    """Calls go from a meeting by a SIP media application to a number of the Connect instance."""

    name = "sip_bridge"
    modules: tuple[str, ...] = ("sip_bridge.transport",)

    def __init__(self, bridge: SipBridgeStack, configuration: Configuration) -> None:
        self._bridge, self._configuration = bridge, configuration
        self._section = section_of(configuration)
        self._meetings = bridge.meetings

    @property
    def aws_operations(self) -> tuple[AwsOperations, ...]:
        """Those of all functions of the bridge, so that the layers of both stacks are one asset."""
        return AWS_OPERATIONS

    def attach(self, calling: CallingParts) -> CallThrottles:
        """Adds the number that calls arrive on and the flow that they enter; lets the functions make, join
        and end bridged calls, and takes the events of these.
        """
        number = self._connect_number(calling)
        flow_arn = self._add_contact_flow(calling)
        number.enter(
            flow_arn=flow_arn,
            instance_arn=calling.instance.arn,
            custom_resources=self._bridge.custom_resources,
        )
        self._add_environment(calling, connect_number=number.number)
        self._grant(calling)
        self._add_event_rules(calling, connect_number=number.number)
        for function in (calling.start_call, calling.contact_events):
            function.add_faults(MEETING_FAULTS, runbooks=RUNBOOKS)
        publish(
            calling.stack,
            environment=self._configuration.environment,
            values={SipBridgeOutput.CONNECT_PHONE_NUMBER: number.number},
        )
        return self._throttles()

    def _connect_number(self, calling: CallingParts) -> ConnectNumber:
        settings = self._section.connect_number
        if isinstance(settings, AdoptedConnectNumber):
            return ConnectNumber(calling.stack, "ConnectNumber", arn=settings.arn, number=settings.number)
        return ConnectNumber.claim(
            calling.stack,
            "ConnectNumber",
            instance_arn=calling.instance.arn,
            country=settings.country,
            type_=settings.type,
            description=f"In-app calling: over the SIP bridge ({self._configuration.environment})",
        )

    def _add_contact_flow(self, calling: CallingParts) -> str:
        """The flow that takes the code of a call to the number, and leads it on to its topic's flow."""
        return calling.flows.add(
            calling.stack,
            "ContactFlow-bridge",
            _CONTACT_FLOW,
            arns={"DefaultContactFlowArn": calling.flows.default_arn},
            verified=self._configuration.attributes.from_caller,
        ).arn

    def _add_environment(self, calling: CallingParts, *, connect_number: str) -> None:
        every = {
            "CALL_TRANSPORT": self.name,
            "BRIDGED_CALLS_TABLE": self._bridge.calls.table.table_name,
        }
        application = {"SIP_MEDIA_APPLICATION_ID": self._bridge.application.application_id}
        number = {"CONNECT_NUMBER": connect_number}
        meetings = {"EXTERNAL_MEETING_ID": self._meetings.external_id}
        calling.start_call.add_environment(
            {
                **every,
                **application,
                **number,
                **meetings,
                "CALLER_NUMBER": self._caller_number(calling.stack),
                "SIP_HEADERS": json.dumps(self._section.headers),
            }
        )
        calling.call_control.add_environment(every | application)
        calling.contact_events.add_environment(every | meetings)
        calling.caller_context.add_environment(every | number)
        numbers = f"{self._section.caller_number!r} {self._section.connect_number!r}"
        for function in (calling.start_call, calling.caller_context):
            function.force_new_version(numbers)

    def _caller_number(self, stack: Stack) -> str:
        """The number, by no export of the SipBridge stack: what is imported may not change, and it may."""
        settings = self._section.caller_number
        if isinstance(settings, AdoptedCallerNumber):
            return settings.number
        # Read when the stack is deployed: by then the number has been ordered, and published.
        stack.add_stack_dependency(self._bridge)
        return ssm.StringParameter.value_for_string_parameter(
            stack, parameter_name(self._configuration.environment, SipBridgeOutput.CALLER_NUMBER)
        )

    def _grant(self, calling: CallingParts) -> None:
        calls, application, meetings = self._bridge.calls, self._bridge.application, self._meetings
        calls.grant_update(calling.start_call)
        # Digits take the call's transaction.
        calls.grant_read_write(calling.call_control)
        calls.grant_read_write(calling.contact_events)
        calls.grant_find(calling.contact_events)
        calls.grant_read(calling.caller_context)
        meetings.grant_create(calling.start_call)
        meetings.grant_rejoin(calling.call_control)
        meetings.grant_delete(calling.contact_events)
        application.grant_dial(calling.start_call)
        application.grant_update_call(calling.call_control)

    def _add_event_rules(self, calling: CallingParts, *, connect_number: str) -> None:
        calling.events.add_rule(
            "BridgeRule",
            sid="EventsOfBridgedContacts",
            description="Contact events of calls over the SIP bridge",
            pattern=calling.events.contact_events(
                initiationMethod=["INBOUND"],
                # Of all calls by telephone those alone that dialled this number.
                tags={"aws:connect:systemEndpoint": [connect_number]},
            ),
        )
        calling.events.add_rule(
            "MeetingRule",
            sid="EventsOfMeetings",
            description="Meetings that end, and callers who join and leave them",
            pattern={
                "source": ["aws.chime"],
                "detail-type": ["Chime Meeting State Change"],
                "detail": {
                    "eventType": [
                        "chime:MeetingEnded",
                        "chime:AttendeeJoined",
                        "chime:AttendeeLeft",
                        "chime:AttendeeDropped",
                    ],
                    "externalMeetingId": [self._meetings.external_id],
                },
            },
        )

    def _throttles(self) -> CallThrottles:
        """What the SIP media application takes, and for calls under way Connect too: some are contacts that
        were started before the bridge was there.
        """
        section, quotas = self._section, self._configuration.connect.quotas
        # Hanging up and sending digits are one operation of Chime: each gets a part of its quota.
        hang_up = Throttle(rate=_larger_half(section.control_rate), burst=_larger_half(section.control_burst))
        return CallThrottles(
            start=Throttle(rate=section.call_rate, burst=section.call_burst),
            hang_up=Throttle(
                rate=min(hang_up.rate, quotas.stop_contact_rate),
                burst=min(hang_up.burst, quotas.stop_contact_burst),
            ),
            control=Throttle(
                rate=min(max(1, section.control_rate - hang_up.rate), quotas.call_control_rate),
                burst=min(max(1, section.control_burst - hang_up.burst), quotas.call_control_burst),
            ),
        )


def _larger_half(number: int) -> int:
    return number - number // 2
