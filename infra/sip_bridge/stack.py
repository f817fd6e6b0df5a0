"""The stack of what carries calls from an app's meeting to Amazon Connect over SIP."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import Annotations, Environment, Stack
from constructs import Construct

from infra.assets.bundling import AwsOperations
from infra.configuration import Configuration
from infra.constructs.monitoring import Monitoring
from infra.data_key import data_key
from infra.functions.function import FunctionDefaults, reserved
from infra.functions.sources import AWS_OPERATIONS as CORE_AWS_OPERATIONS
from infra.log_retention import log_retention
from infra.publishing import publish
from infra.sip_bridge.constructs.bridged_calls import BridgedCalls
from infra.sip_bridge.constructs.caller_number import CallerNumber
from infra.sip_bridge.constructs.custom_resources import CustomResources
from infra.sip_bridge.constructs.meetings import Meetings
from infra.sip_bridge.constructs.sip_media_application import SipMediaApplication
from infra.sip_bridge.constructs.sip_rule import SipRule
from infra.sip_bridge.constructs.voice_connector import SIP_MESSAGE_LOG_GROUPS, VoiceConnector
from infra.sip_bridge.functions import media_application, resources
from infra.sip_bridge.functions.media_application import MediaApplicationFunction
from infra.sip_bridge.functions.resources import ResourcesFunction
from infra.sip_bridge.outputs import SipBridgeOutput
from infra.sip_bridge.section import MAX_CONCURRENCY, AdoptedCallerNumber, AdoptedVoiceConnector, section_of

_OF_CALLS: AwsOperations = {
    "chime-sdk-meetings": ("CreateAttendee", "CreateMeetingWithAttendees", "DeleteMeeting", "GetAttendee"),
    "chime-sdk-voice": ("CreateSipMediaApplicationCall", "UpdateSipMediaApplicationCall"),
    "dynamodb": ("GetItem", "Query", "UpdateItem"),
}


AWS_OPERATIONS = (_OF_CALLS, media_application.SOURCE.aws_operations, resources.SOURCE.aws_operations)
"""What the bridge's functions call, and the Calling stack's because of it."""


class SipBridgeStack(Stack):
    """The SIP media application, the Voice Connector, the number that calls come from, and their table."""

    def __init__(self, scope: Construct, id_: str, *, configuration: Configuration, checkout: Path) -> None:
        """`checkout` is where `lambdas/` lies."""
        super().__init__(
            scope,
            id_,
            description="In-app calling: SIP media application and Voice Connector",
            env=Environment(account=configuration.account, region=configuration.region),
        )
        self._warn()
        self._section, self._environment = section_of(configuration), configuration.environment
        connector = self._section.voice_connector
        logged = not isinstance(connector, AdoptedVoiceConnector) and connector.sip_message_logs
        log_groups = [f"{id_}-*", *([f"{SIP_MESSAGE_LOG_GROUPS}*"] if logged else [])]
        key = data_key(self, configuration.platform, log_group_names=log_groups)
        defaults = FunctionDefaults(
            self,
            "Functions",
            configuration=configuration,
            key=key,
            checkout=checkout,
            aws_operations=[*CORE_AWS_OPERATIONS, *AWS_OPERATIONS],
        )
        # In the events of each, so that those of other meetings of the account are left alone.
        self.meetings = Meetings(external_id=f"InAppCalling-{configuration.environment}")
        self.calls = BridgedCalls(self, "BridgedCalls", key=key)
        made_by = ResourcesFunction(self, "BridgeResources", defaults=defaults)
        self.custom_resources = CustomResources(
            self,
            "CustomResources",
            function=made_by.alias,
            role=made_by.role,
            tracing=defaults.tracing,
            reserved_concurrency=reserved(MAX_CONCURRENCY, configuration),
            key=key,
            log_retention=log_retention(configuration),
        )
        number_name, number = self._add_caller_number()
        sip_media = MediaApplicationFunction(
            self,
            "SipMedia",
            defaults=defaults,
            voice_connector_arn=self._voice_connector_arn(defaults),
            caller_number=number,
            number_name=number_name,
        )
        self.meetings.grant_delete(sip_media)
        self.application = SipMediaApplication(self, "SipMediaApplication", function=sip_media.alias)
        SipRule(
            self,
            "SipRule",
            custom_resources=self.custom_resources,
            application=self.application,
            name=number_name,
            number=number,
        )
        monitoring = Monitoring(self, "Monitoring", key=key, email=configuration.alarms.email)
        monitoring.watch(sip_media, made_by, self.calls)

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

    def _add_caller_number(self) -> tuple[str, str]:
        """A name that no other number of the environment has, and the number itself."""
        settings = self._section.caller_number
        properties: dict[str, object]
        if isinstance(settings, AdoptedCallerNumber):
            name = f"{self.stack_name}-{settings.number.removeprefix('+')}"
            properties = {"Number": settings.number}
        else:
            name = f"{self.stack_name}-{settings.country}-{settings.type}"
            properties = {"Country": settings.country, "Type": settings.type, "Name": name}
        made = CallerNumber(
            # The output has the other name.
            self,
            "PhoneNumber",
            custom_resources=self.custom_resources,
            properties=properties,
        )
        self._publish({SipBridgeOutput.CALLER_NUMBER: made.number})
        return name, made.number

    def _voice_connector_arn(self, defaults: FunctionDefaults) -> str:
        settings = self._section.voice_connector
        if isinstance(settings, AdoptedVoiceConnector):
            return settings.arn
        connector = VoiceConnector(
            self,
            "VoiceConnector",
            require_encryption=settings.require_encryption,
            sip_message_logs=settings.sip_message_logs,
            settings={
                "Cidrs": list(settings.termination_cidrs),
                "CallingRegions": list(settings.calling_regions),
                "CallsPerSecond": settings.calls_per_second,
                "CredentialsVersion": settings.credentials_version,
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
            },
            custom_resources=self.custom_resources,
            key=defaults.key,
            log_retention=log_retention(defaults.configuration),
        )
        self._publish(
            {
                SipBridgeOutput.VOICE_CONNECTOR_HOST_NAME: connector.host_name,
                SipBridgeOutput.TERMINATION_CREDENTIALS_ARN: connector.credentials_arn,
            }
        )
        return connector.arn

    def _publish(self, values: dict[SipBridgeOutput, str]) -> None:
        publish(self, environment=self._environment, values=values)
