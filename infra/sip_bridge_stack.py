"""The stack of what carries calls from an app's meeting to Amazon Connect over SIP."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from aws_cdk import Annotations, Duration, Environment, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct, IDependable

from infra.acknowledgements import acknowledge
from infra.config import (
    AdoptedCallerNumber,
    AdoptedVoiceConnector,
    Configuration,
    OrderedCallerNumber,
    OwnVoiceConnector,
    SipBridge,
)
from infra.constructs.custom_resources import MOST_AT_ONCE, CustomResources
from infra.constructs.customer_key import CustomerKey
from infra.constructs.monitoring import Monitoring
from infra.constructs.python_function import PythonFunction
from infra.constructs.sip_media_application import SipMediaApplication
from infra.constructs.voice_connector import SIP_MESSAGE_LOG_GROUPS, VoiceConnector
from infra.functions import FAULTS, Functions, log_retention
from infra.outputs import Output, publish

# A SIP media application asks again after 5 s, and hangs up after 20 s without an answer.
_SIP_MEDIA_TIMEOUT = Duration.seconds(10)

# Ordering a phone number takes minutes; the framework around the function waits for 15.
_RESOURCES_TIMEOUT = Duration.minutes(14)

MEETING_FAULTS = {
    "MeetingDeleteFailed": "A meeting that should end could not be deleted. It ends by itself when nobody "
    "is left in it. Look at the function's log.",
}
"""What functions count that end meetings where nobody tries again, and what an operator does about it."""

_SIP_MEDIA_FAULTS = {
    "BridgeFailed": "A call did not get from its meeting to Amazon Connect. Look at the function's log, at "
    "the Voice Connector's routes, and at the SIP host.",
}


class SipBridgeStack(Stack):
    """The SIP media application, the Voice Connector, and the number that calls come from."""

    def __init__(
        self, scope: Construct, id_: str, *, configuration: Configuration, settings: SipBridge, checkout: Path
    ) -> None:
        """`settings` are the configuration's; `checkout` is where `lambdas/` lies."""
        super().__init__(
            scope,
            id_,
            description="In-app calling: SIP media application and Voice Connector",
            env=Environment(account=configuration.account, region=configuration.region),
        )
        self._warn()
        self._configuration = configuration
        self.settings = settings
        self._log_retention = log_retention(configuration)
        log_groups = [f"{self.stack_name}-*"]
        connector = settings.voice_connector
        if isinstance(connector, OwnVoiceConnector) and connector.sip_message_logs:
            log_groups.append(f"{SIP_MESSAGE_LOG_GROUPS}*")
        self._key = CustomerKey(self, "CustomerKey", log_group_names=log_groups).key
        self._functions = Functions(self, configuration=configuration, key=self._key, checkout=checkout)

        bridge_resources = self._functions.add(
            "BridgeResources",
            "bridge_resources",
            description="Makes what CloudFormation has no types for",
            timeout=_RESOURCES_TIMEOUT,
            reserved_concurrency=MOST_AT_ONCE,
            environment={},
            # Each custom resource brings its own.
            statements=[],
        )
        self.custom_resources = CustomResources(
            self,
            "CustomResources",
            function=bridge_resources.alias,
            role=bridge_resources.role,
            key=self._key,
            log_retention=self._log_retention,
        )
        voice_connector_arn = self._voice_connector_arn(settings.voice_connector)
        number_name, caller_number = self._caller_number(settings.caller_number)
        sip_media = self._sip_media(voice_connector_arn, number_name, caller_number)
        self.application = SipMediaApplication(self, "SipMediaApplication", function=sip_media.alias)
        self._sip_rule(number_name, caller_number)
        self._monitoring(sip_media=sip_media, bridge_resources=bridge_resources)

    def _warn(self) -> None:
        annotations = Annotations.of(self)
        annotations.add_warning_v2(
            "InAppCalling:SipMediaApplicationsAreClosed",
            "SIP media applications are in maintenance mode since 29 September 2026, and closed to new "
            "customers since 29 October 2026: only accounts that had them may deploy this stack. "
            "Without [sip_bridge] calls reach Amazon Connect by itself.",
        )
        annotations.add_warning_v2(
            "InAppCalling:VoiceConnectorNeedsReview",
            "Carrying calls from a Voice Connector into Amazon Connect is supported only after AWS has "
            "reviewed and approved it: ask your account team before calls are sent this way.",
        )

    def _voice_connector_arn(self, settings: AdoptedVoiceConnector | OwnVoiceConnector) -> str:
        if isinstance(settings, AdoptedVoiceConnector):
            return settings.arn
        connector = VoiceConnector(
            self,
            "VoiceConnector",
            require_encryption=settings.require_encryption,
            sip_message_logs=settings.sip_message_logs,
            key=self._key,
            log_retention=self._log_retention,
        )
        rights = self._allow("VoiceConnectorSettings", connector.settings_statements())
        acknowledge(
            rights,
            "AwsSolutions::AwsSolutions-IAM5[Resource::*]",
            reason="Log deliveries, which turning SIP message logs on and off makes and removes, support no "
            "resource-level permissions: IAM takes only * for them.",
        )
        after: list[IDependable] = [rights]
        if connector.log_group is not None:
            after.append(connector.log_group)
        self.custom_resources.add(
            self,
            "VoiceConnectorSettings",
            resource_type="Custom::VoiceConnectorSettings",
            properties={
                "VoiceConnectorId": connector.connector_id,
                "Cidrs": list(settings.termination_cidrs),
                "CallingRegions": list(settings.calling_regions),
                "CallsPerSecond": settings.calls_per_second,
                "Routes": [
                    {
                        "Host": route.host,
                        "Port": route.port,
                        "Protocol": route.protocol,
                        "Priority": route.priority,
                        "Weight": route.weight,
                    }
                    for route in settings.routes
                ],
                "CredentialsSecretArn": connector.credentials_arn,
                "CredentialsVersion": settings.credentials_version,
                "SipMessageLogs": settings.sip_message_logs,
            },
            after=after,
        )
        publish(
            self,
            environment=self._configuration.environment,
            values={
                Output.VOICE_CONNECTOR_HOST_NAME: connector.host_name,
                Output.TERMINATION_CREDENTIALS_ARN: connector.credentials_arn,
            },
        )
        return connector.arn

    def _caller_number(self, settings: AdoptedCallerNumber | OrderedCallerNumber) -> tuple[str, str]:
        """A name that tells this number from any other of the environment, and the number itself."""
        properties: dict[str, object]
        if isinstance(settings, AdoptedCallerNumber):
            name = f"{self.stack_name}-{settings.number.removeprefix('+')}"
            properties = {"Number": settings.number}
        else:
            name = f"{self.stack_name}-{settings.country}-{settings.type}"
            properties = {"Country": settings.country, "Type": settings.type, "Name": name}
        rights = self._allow(
            "CallerNumber",
            [
                iam.PolicyStatement(
                    sid="PhoneNumbers",
                    # Also those for releasing it: the configuration may name another number one day.
                    actions=[
                        "chime:CreatePhoneNumberOrder",
                        "chime:DeletePhoneNumber",
                        "chime:GetPhoneNumber",
                        "chime:GetPhoneNumberOrder",
                        "chime:ListPhoneNumbers",
                        "chime:SearchAvailablePhoneNumbers",
                    ],
                    resources=["*"],
                )
            ],
        )
        acknowledge(
            rights,
            "AwsSolutions::AwsSolutions-IAM5[Resource::*]",
            reason="The Amazon Chime SDK has no resource type for phone numbers and their orders: IAM takes "
            "only * for these actions. The function that has them runs while the stack is deployed.",
        )
        number = self.custom_resources.add(
            self,
            # The output has the other name.
            "PhoneNumber",
            resource_type="Custom::CallerNumber",
            properties=properties,
            after=[rights],
        )
        ordered_or_adopted = number.get_att_string("Number")
        publish(
            self,
            environment=self._configuration.environment,
            values={Output.CALLER_NUMBER: ordered_or_adopted},
        )
        return name, ordered_or_adopted

    def _sip_media(self, voice_connector_arn: str, number_name: str, caller_number: str) -> PythonFunction:
        meetings = self.format_arn(service="chime", resource="meeting", resource_name="*")
        function = self._functions.add(
            "SipMedia",
            "sip_media",
            description="Leads a call from its meeting to Amazon Connect, and ends both",
            timeout=_SIP_MEDIA_TIMEOUT,
            environment={"VOICE_CONNECTOR_ARN": voice_connector_arn, "CALLER_NUMBER": caller_number},
            statements=[
                iam.PolicyStatement(sid="Meetings", actions=["chime:DeleteMeeting"], resources=[meetings])
            ],
        )
        # A version keeps the number that it was told; the template says the same of any that is yet to come.
        function.function.invalidate_version_based_on(number_name)
        acknowledge(
            function.policy,
            f"AwsSolutions::AwsSolutions-IAM5[Resource::{meetings}]",
            reason="Meetings come into being while the function runs: one for each call.",
        )
        return function

    def _sip_rule(self, name: str, caller_number: str) -> None:
        """Leads calls that dial the number to the application too, which refuses them."""
        rights = self._allow(
            "SipRule",
            [
                iam.PolicyStatement(
                    sid="RuleForTheApplication",
                    actions=["chime:CreateSipRule"],
                    resources=[self.application.arn],
                ),
                iam.PolicyStatement(
                    sid="SipRules",
                    actions=["chime:DeleteSipRule", "chime:ListSipRules", "chime:UpdateSipRule"],
                    resources=["*"],
                ),
            ],
        )
        acknowledge(
            rights,
            "AwsSolutions::AwsSolutions-IAM5[Resource::*]",
            reason="The Amazon Chime SDK has no resource type for SIP rules: finding, disabling and removing "
            "one names no application, and IAM takes only * then. The function that may do it runs while the "
            "stack is deployed.",
        )
        self.custom_resources.add(
            self,
            "SipRule",
            resource_type="Custom::SipRule",
            properties={
                "Name": name,
                "Number": caller_number,
                "SipMediaApplicationId": self.application.application_id,
                "Region": self.region,
            },
            after=[rights],
        )

    def _allow(self, what: str, statements: Sequence[iam.PolicyStatement]) -> iam.ManagedPolicy:
        return self.custom_resources.allow(
            self, f"{what}Rights", description=f"What making a {what} takes", statements=statements
        )

    def _monitoring(self, *, sip_media: PythonFunction, bridge_resources: PythonFunction) -> None:
        monitoring = Monitoring(self, "Monitoring", key=self._key, email=self._configuration.alarms.email)
        service = self._functions.service("sip_media")
        monitoring.watch_function("SipMedia", sip_media.function)
        monitoring.watch_faults("SipMedia", service, {**FAULTS, **MEETING_FAULTS, **_SIP_MEDIA_FAULTS})
        monitoring.show_counts(
            "Calls over the SIP bridge",
            service,
            # That nobody answers is no fault of the bridge.
            ["CallBridged", "BridgeFailed", "CallNotAnswered", "InboundCallRefused"],
        )
        # What it cannot make is told to the person who deploys; here is what it leaves without an answer.
        monitoring.watch_function(
            "BridgeResources",
            bridge_resources.function,
            concurrency="MOST_AT_ONCE of infra/constructs/custom_resources.py",
        )
