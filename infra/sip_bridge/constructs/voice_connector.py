"""The Voice Connector, between the Amazon Chime SDK and a SIP host."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from aws_cdk import ArnFormat, RemovalPolicy, Stack
from aws_cdk import aws_chime as chime
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct, IDependable

from infra.acknowledgements import acknowledge
from infra.sip_bridge.constructs.custom_resources import CustomResources

SIP_MESSAGE_LOG_GROUPS = "/aws/ChimeVoiceConnectorSipMessages/"
"""How the names begin of the log groups that Voice Connectors write SIP messages to; their ids follow."""


class VoiceConnector(Construct):
    """A Voice Connector, the credentials that the SIP host has to show it, and the log of its SIP messages.

    CloudFormation has no types for its routes and settings: a custom resource makes them.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        require_encryption: bool,
        sip_message_logs: bool,
        settings: Mapping[str, object],
        custom_resources: CustomResources,
        key: kms.IKey,
        log_retention: logs.RetentionDays,
    ) -> None:
        """`settings` are properties of Custom::VoiceConnectorSettings: routes, and who may send calls on."""
        super().__init__(scope, id_)
        stack = Stack.of(self)
        self._key = key
        connector = chime.CfnVoiceConnector(
            self,
            "Connector",
            name=stack.stack_name,
            aws_region=stack.region,
            require_encryption=require_encryption,
        )
        self.arn = connector.attr_voice_connector_arn
        self._connector_id = connector.attr_voice_connector_id
        self.host_name = connector.attr_outbound_host_name
        # Not Secret: it would let every role that may read the secret do more with the key than decrypt.
        credentials = secretsmanager.CfnSecret(
            self,
            "Credentials",
            description="What the SIP host shows to send calls on by the Voice Connector",
            kms_key_id=key.key_arn,
            generate_secret_string=secretsmanager.CfnSecret.GenerateSecretStringProperty(
                secret_string_template=json.dumps({"username": "sip-host"}),
                generate_string_key="password",
                password_length=40,
                # SIP software has its own ideas about quoting.
                exclude_punctuation=True,
            ),
        )
        credentials.apply_removal_policy(RemovalPolicy.DESTROY)
        self.credentials_arn = credentials.ref
        acknowledge(
            credentials,
            "AwsSolutions::AwsSolutions-SMG4",
            "HIPAA.Security::HIPAA.Security-SecretsManagerRotationEnabled",
            "NIST.800.53.R5::NIST.800.53.R5-SecretsManagerRotationEnabled",
            reason="The other half of these credentials is in the configuration of a SIP host that AWS "
            "cannot reach: a rotation on a schedule would cut its calls off. An operator changes both, and "
            "hands the new ones to the Voice Connector by raising credentials_version.",
        )
        self._add_settings(
            {
                "VoiceConnectorId": self._connector_id,
                **settings,
                "CredentialsSecretArn": self.credentials_arn,
                "SipMessageLogs": sip_message_logs,
            },
            custom_resources,
            after=[self._log_group(log_retention)] if sip_message_logs else [],
            logged=sip_message_logs,
        )

    def _log_group(self, retention: logs.RetentionDays) -> logs.LogGroup:
        # The Voice Connector would make it, without an end and without the key.
        return logs.LogGroup(
            self,
            "SipMessages",
            log_group_name=self._log_group_name,
            encryption_key=self._key,
            retention=retention,
            removal_policy=RemovalPolicy.DESTROY,
        )

    def _add_settings(
        self,
        properties: dict[str, object],
        custom_resources: CustomResources,
        *,
        after: Sequence[IDependable],
        logged: bool,
    ) -> None:
        rights = custom_resources.grant(
            self,
            "SettingsRights",
            description="What making a VoiceConnectorSettings takes",
            statements=[*self._settings_statements(), *(self._log_statements() if logged else [])],
        )
        if logged:
            acknowledge(
                rights,
                "AwsSolutions::AwsSolutions-IAM5[Resource::*]",
                reason="Log deliveries, which turning SIP message logs on and off makes and removes, support "
                "no resource-level permissions: IAM takes only * for them.",
            )
        custom_resources.add(
            self,
            "Settings",
            resource_type="Custom::VoiceConnectorSettings",
            properties=properties,
            after=[rights, *after],
        )

    @property
    def _log_group_name(self) -> str:
        return f"{SIP_MESSAGE_LOG_GROUPS}{self._connector_id}"

    def _log_statements(self) -> list[iam.PolicyStatement]:
        """What PutVoiceConnectorLoggingConfiguration does in the name of its caller."""
        group = Stack.of(self).format_arn(
            service="logs",
            resource="log-group",
            resource_name=self._log_group_name,
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        return [
            iam.PolicyStatement(
                sid="SipMessageLogs",
                actions=[
                    "logs:CreateLogDelivery",
                    "logs:DeleteLogDelivery",
                    "logs:DescribeLogGroups",
                    "logs:DescribeResourcePolicies",
                    "logs:GetLogDelivery",
                    "logs:ListLogDeliveries",
                    "logs:PutResourcePolicy",
                ],
                resources=["*"],
            ),
            iam.PolicyStatement(sid="SipMessageLogGroup", actions=["logs:CreateLogGroup"], resources=[group]),
        ]

    def _settings_statements(self) -> list[iam.PolicyStatement]:
        """Writing the Voice Connector's settings, and taking them away."""
        stack = Stack.of(self)
        return [
            iam.PolicyStatement(
                sid="VoiceConnectorSettings",
                actions=[
                    "chime:DeleteVoiceConnectorOrigination",
                    "chime:DeleteVoiceConnectorTermination",
                    "chime:DeleteVoiceConnectorTerminationCredentials",
                    "chime:ListVoiceConnectorTerminationCredentials",
                    "chime:PutVoiceConnectorLoggingConfiguration",
                    "chime:PutVoiceConnectorOrigination",
                    "chime:PutVoiceConnectorTermination",
                    "chime:PutVoiceConnectorTerminationCredentials",
                ],
                resources=[self.arn],
            ),
            iam.PolicyStatement(
                sid="ReadCredentials",
                actions=["secretsmanager:GetSecretValue"],
                resources=[self.credentials_arn],
            ),
            iam.PolicyStatement(
                sid="DecryptCredentials",
                actions=["kms:Decrypt"],
                resources=[self._key.key_arn],
                conditions={
                    "StringEquals": {"kms:ViaService": f"secretsmanager.{stack.region}.amazonaws.com"},
                },
            ),
        ]
