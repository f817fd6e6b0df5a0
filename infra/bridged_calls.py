"""What becomes of the Calling stack when its calls reach Amazon Connect over the SIP bridge."""

from __future__ import annotations

import json
from pathlib import Path

from aws_cdk import Fn, Stack
from aws_cdk import aws_connect as connect
from aws_cdk import aws_iam as iam
from aws_cdk import aws_ssm as ssm

from infra.acknowledgements import acknowledge
from infra.config import AdoptedCallerNumber, AdoptedConnectNumber, ClaimedConnectNumber, Configuration
from infra.constructs.call_api import Throttle
from infra.constructs.connect_function import ConnectFunction
from infra.constructs.contact_flow import ContactFlow
from infra.constructs.python_function import PythonFunction
from infra.outputs import Output, parameter_name, publish
from infra.sip_bridge_stack import SipBridgeStack


class BridgedCalls:
    """The number that calls arrive on, the contact flow that they enter, and what functions are told of them
    and may do with them.
    """

    def __init__(
        self, stack: Stack, *, configuration: Configuration, sip_bridge: SipBridgeStack, instance_arn: str
    ) -> None:
        self._stack, self._configuration, self._sip_bridge = stack, configuration, sip_bridge
        self._instance_arn = instance_arn
        self._number_arn, self.connect_number = self._arrive_on(sip_bridge.settings.connect_number)
        # On each meeting and in its events, so that those of other meetings of the account are not heard.
        self.external_meeting_id = f"InAppCalling-{configuration.environment}"
        self._environment = {
            "SIP_MEDIA_APPLICATION_ID": sip_bridge.application.application_id,
            "CALLER_NUMBER": self._caller_number(),
            "CONNECT_NUMBER": self.connect_number,
            "SIP_HEADERS": json.dumps(sip_bridge.settings.headers),
            "EXTERNAL_MEETING_ID": self.external_meeting_id,
        }
        publish(
            stack,
            environment=configuration.environment,
            values={Output.CONNECT_PHONE_NUMBER: self.connect_number},
        )

    def _caller_number(self) -> str:
        """The number, by no export of the SipBridge stack: what is imported may not change, and it may."""
        settings = self._sip_bridge.settings.caller_number
        if isinstance(settings, AdoptedCallerNumber):
            return settings.number
        # Read when the stack is deployed: by then the number has been ordered, and published.
        self._stack.add_dependency(self._sip_bridge)
        return ssm.StringParameter.value_for_string_parameter(
            self._stack, parameter_name(self._configuration.environment, Output.CALLER_NUMBER)
        )

    def _arrive_on(self, settings: AdoptedConnectNumber | ClaimedConnectNumber) -> tuple[str, str]:
        """ARN and number."""
        if isinstance(settings, AdoptedConnectNumber):
            return settings.arn, settings.number
        claimed = connect.CfnPhoneNumber(
            self._stack,
            "ConnectNumber",
            target_arn=self._instance_arn,
            country_code=settings.country,
            type=settings.type,
            description=f"In-app calling: over the SIP bridge ({self._configuration.environment})",
        )
        return claimed.attr_phone_number_arn, claimed.attr_address

    def lead_into_flows(
        self, verification: ConnectFunction, *, default_contact_flow_arn: str, checkout: Path
    ) -> None:
        """Has calls to the number enter the flow that hears their code, and that leads them on."""
        attributes = self._configuration.attributes
        flow = ContactFlow(
            self._stack,
            "ContactFlow-bridge",
            document=checkout / "infra" / "contact_flows" / "bridge.json",
            name=f"In-app calling: bridge ({self._configuration.environment})",
            instance_arn=self._instance_arn,
            arns={
                "CallerContextFunctionArn": verification.arn,
                "DefaultContactFlowArn": default_contact_flow_arn,
            },
            verified_attributes=[*attributes.from_claims.values(), *attributes.from_caller],
        )
        flow.node.add_dependency(verification)
        numbers = self._stack.format_arn(service="connect", resource="phone-number", resource_name="*")
        rights = self._sip_bridge.custom_resources.allow(
            self._stack,
            "ContactFlowNumberRights",
            description="What leading the SIP bridge's number into its contact flow takes",
            statements=[
                iam.PolicyStatement(
                    sid="LeadIntoFlow",
                    actions=["connect:AssociatePhoneNumberContactFlow"],
                    # Evaluated on both.
                    resources=[self._number_arn, flow.arn],
                ),
                iam.PolicyStatement(
                    sid="LeadNowhere",
                    # Also the number that another one has taken the place of, or that a rollback gives up.
                    actions=["connect:DisassociatePhoneNumberContactFlow"],
                    resources=[numbers],
                ),
            ],
        )
        acknowledge(
            rights,
            f"AwsSolutions::AwsSolutions-IAM5[Resource::{numbers}]",
            reason="When another number takes the place of this one, CloudFormation removes the old one's "
            "association after these rights name the new one alone. Only the contact flow of a number of "
            "this account and Region can be taken away; the function that may do it runs while the stack is "
            "deployed.",
        )
        self._sip_bridge.custom_resources.add(
            self._stack,
            "ContactFlowNumber",
            resource_type="Custom::ContactFlowNumber",
            properties={
                # arn:…:phone-number/<id>, arn:…:instance/<id>/contact-flow/<id>
                "PhoneNumberId": _part(self._number_arn, 1),
                "InstanceId": _part(self._instance_arn, 1),
                "ContactFlowId": _part(flow.arn, 3),
            },
            after=[rights],
        )

    def told(self, *names: str) -> dict[str, str]:
        """These of the environment variables that make a function's calls bridged ones."""
        return {name: self._environment[name] for name in names}

    def renew_with_numbers(self, function: PythonFunction) -> None:
        """Has a new version made of `function` when the configuration asks for other numbers.

        A version keeps what it was told, and the template says the same of any number that is yet to come.
        """
        settings = self._sip_bridge.settings
        numbers = f"{settings.caller_number!r} {settings.connect_number!r}"
        function.function.invalidate_version_based_on(numbers)

    def start_statements(self) -> list[iam.PolicyStatement]:
        """Making a meeting with its attendees, calling it and Connect, and ending both again."""
        return [
            iam.PolicyStatement(
                sid="CreateMeetings", actions=["chime:CreateMeetingWithAttendees"], resources=["*"]
            ),
            self._on_meetings("chime:DeleteMeeting"),
            self._on_calls("chime:CreateSipMediaApplicationCall", "chime:UpdateSipMediaApplicationCall"),
        ]

    def control_statements(self) -> list[iam.PolicyStatement]:
        """Ending calls and meetings, coming back into a meeting, and sending digits."""
        return [
            self._on_meetings("chime:CreateAttendee", "chime:DeleteMeeting", "chime:GetAttendee"),
            self._on_calls("chime:UpdateSipMediaApplicationCall"),
        ]

    def event_statements(self) -> list[iam.PolicyStatement]:
        """Ending meetings that their callers have left."""
        return [self._on_meetings("chime:DeleteMeeting")]

    def acknowledge_meetings(self, function: PythonFunction, *, makes_them: bool = False) -> None:
        """That rights on meetings name no single one."""
        acknowledge(
            function.policy,
            f"AwsSolutions::AwsSolutions-IAM5[Resource::{self._meetings()}]",
            reason="Meetings come into being while the function runs: one for each call.",
        )
        if makes_them:
            acknowledge(
                function.policy,
                "AwsSolutions::AwsSolutions-IAM5[Resource::*]",
                reason="CreateMeetingWithAttendees makes what could be named, and supports no resource-level "
                "permissions: IAM takes only * for it.",
            )

    def start_throttle(self) -> Throttle:
        """Of requests that start calls: what the SIP media application may be asked to call."""
        settings = self._sip_bridge.settings
        return Throttle(rate=settings.call_rate, burst=settings.call_burst)

    def control_throttle(self) -> Throttle:
        """Of requests on calls under way, which ask the SIP media application or Connect."""
        settings, quotas = self._sip_bridge.settings, self._configuration.connect.quotas
        return Throttle(
            rate=min(settings.control_rate, quotas.call_control_rate),
            burst=min(settings.control_burst, quotas.call_control_burst),
        )

    def _meetings(self) -> str:
        return self._stack.format_arn(service="chime", resource="meeting", resource_name="*")

    def _on_meetings(self, *actions: str) -> iam.PolicyStatement:
        return iam.PolicyStatement(sid="Meetings", actions=list(actions), resources=[self._meetings()])

    def _on_calls(self, *actions: str) -> iam.PolicyStatement:
        return iam.PolicyStatement(
            sid="BridgeCalls", actions=list(actions), resources=[self._sip_bridge.application.arn]
        )


def _part(arn: str, number: int) -> str:
    """The part of an ARN behind so many slashes; an ARN may be known at deployment only."""
    return Fn.select(number, Fn.split("/", arn))
