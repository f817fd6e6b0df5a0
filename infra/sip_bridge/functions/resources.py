"""The function behind the custom resources."""

from __future__ import annotations

from aws_cdk import Duration
from constructs import Construct

from infra.assets.bundling import FunctionSource
from infra.functions.function import Function, FunctionDefaults
from infra.sip_bridge.section import MAX_CONCURRENCY

SOURCE = FunctionSource(
    handler="sip_bridge.resources.handler.handler",
    aws_operations={
        "chime-sdk-voice": (
            "CreatePhoneNumberOrder",
            "CreateSipRule",
            "DeletePhoneNumber",
            "DeleteSipRule",
            "DeleteVoiceConnectorOrigination",
            "DeleteVoiceConnectorTermination",
            "DeleteVoiceConnectorTerminationCredentials",
            "GetPhoneNumber",
            "GetPhoneNumberOrder",
            "ListPhoneNumbers",
            "ListSipRules",
            "ListVoiceConnectorTerminationCredentials",
            "PutVoiceConnectorLoggingConfiguration",
            "PutVoiceConnectorOrigination",
            "PutVoiceConnectorTermination",
            "PutVoiceConnectorTerminationCredentials",
            "SearchAvailablePhoneNumbers",
            "UpdateSipRule",
        ),
        "connect": ("AssociatePhoneNumberContactFlow", "DisassociatePhoneNumberContactFlow"),
        "secretsmanager": ("GetSecretValue",),
    },
)

# Ordering a phone number takes minutes; the framework around the function waits for 15.
_TIMEOUT = Duration.minutes(14)


class ResourcesFunction(Function):
    """Makes, changes and removes what CloudFormation has no types for."""

    def __init__(self, scope: Construct, id_: str, *, defaults: FunctionDefaults) -> None:
        super().__init__(
            scope,
            id_,
            source=SOURCE,
            defaults=defaults,
            description="Makes what CloudFormation has no types for",
            timeout=_TIMEOUT,
            environment={},
            reserved_concurrency=MAX_CONCURRENCY,
            concurrency_setting="MAX_CONCURRENCY of infra/sip_bridge/section.py",
            asynchronous=True,
            # What it cannot make fails the deployment, whose events say why.
            faults={},
        )
