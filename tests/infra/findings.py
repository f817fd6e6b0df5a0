"""What cdk-nag's six packs find, named so that environments can be compared."""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Mapping

from tests.infra.synthesis import Synthesis

Expected = Mapping[str, Collection[str]]

# What differs between environments, and what stands for it.
_NAMES = {
    r"arn:[^\]]*:instance/[0-9a-f-]{36}|<ConnectSandboxInstance\w+\.Arn>": "<instance>",
    r"arn:[^\]]*:meeting/\*": "<meetings>",
    r"arn:[^\]]*:phone-number/\*": "<numbers>",
}

FUNCTION_RULES = (
    "AwsSolutions-L1",
    "HIPAA.Security-LambdaDLQ",
    "HIPAA.Security-LambdaInsideVPC",
    "NIST.800.53.R4-LambdaInsideVPC",
    "NIST.800.53.R5-LambdaDLQ",
    "NIST.800.53.R5-LambdaInsideVPC",
    "PCI.DSS.321-LambdaInsideVPC",
    "Serverless-LambdaDLQ",
    "Serverless-LambdaLatestVersion",
)
"""The findings of every function of ours."""


def of_functions(stack: str, *names: str) -> Expected:
    """The findings of these functions of a stack."""
    return dict.fromkeys(FUNCTION_RULES, tuple(f"{stack}/{name}/Function" for name in names))


def named(*parts: Expected) -> set[tuple[str, str]]:
    """Rule and path of each expected finding."""
    return {(rule, path) for part in parts for rule, paths in part.items() for path in paths}


def acknowledged(synthesis: Synthesis) -> set[tuple[str, str]]:
    """Rule and path of each acknowledged finding, without what differs between environments."""
    return {
        (
            functools.reduce(lambda rule, name: re.sub(name, _NAMES[name], rule), _NAMES, finding.rule),
            # Without the hash of a policy's content, which tells it from the one that it takes the place of.
            re.sub(
                r"(?<=Rights)[0-9A-F]{8}$",
                "",
                finding.resource.removeprefix(f"InAppCalling-{synthesis.environment}-").removesuffix(
                    "/Resource"
                ),
            ),
        )
        for finding in synthesis.findings()[1]
    }


PARTS_OF_THE_COMPOSITE_ALARM = (
    "ConnectConcurrencyQuotaBreached",
    "ContactEventsMissing",
    "StartsFailing1Hour",
    "StartsFailing30Minutes",
    "StartsFailing5Minutes",
    "StartsFailing6Hours",
)

NATIVE: Expected = {
    "AwsSolutions-IAM5[Resource::*]": {"Calling/Functions/Tracing"},
    "AwsSolutions-IAM5[Resource::<instance>/contact/*]": {
        f"Calling/{name}/Policy" for name in ("CallControl", "ContactEvents", "StartCall")
    },
    "AwsSolutions-IAM5[Resource::<instance>/operating-hours/*]": {"Calling/Availability/Policy"},
    "AwsSolutions-IAM5[Resource::<instance>/queue/*]": {"Calling/CallControl/Policy"},
    **dict.fromkeys(
        (
            "HIPAA.Security-APIGWCacheEnabledAndEncrypted",
            "HIPAA.Security-APIGWSSLEnabled",
            "NIST.800.53.R4-APIGWCacheEnabledAndEncrypted",
            "NIST.800.53.R5-APIGWCacheEnabledAndEncrypted",
            "NIST.800.53.R5-APIGWSSLEnabled",
            "PCI.DSS.321-APIGWCacheEnabledAndEncrypted",
            "PCI.DSS.321-APIGWSSLEnabled",
        ),
        ("Calling/Api/RestApi/DeploymentStage.v1",),
    ),
    **dict.fromkeys(
        (
            "HIPAA.Security-DynamoDBInBackupPlan",
            "NIST.800.53.R4-DynamoDBInBackupPlan",
            "NIST.800.53.R5-DynamoDBInBackupPlan",
        ),
        ("Calling/Calls/Table", "Calling/Waiting/Table"),
    ),
    **dict.fromkeys(
        (
            "HIPAA.Security-CloudWatchAlarmAction",
            "NIST.800.53.R4-CloudWatchAlarmAction",
            "NIST.800.53.R5-CloudWatchAlarmAction",
        ),
        tuple(f"Calling/Monitoring/{name}" for name in PARTS_OF_THE_COMPOSITE_ALARM),
    ),
    **of_functions("Calling", "Availability", "CallControl", "CallerContext", "ContactEvents", "StartCall"),
    "Serverless-LambdaEventSourceMappingDestination": {"Calling/ContactEventQueue/Mapping"},
    "Serverless-SQSRedrivePolicy": {"Calling/ContactEventQueue/DeadLetters"},
}
"""What every deployment has, whatever its transport and its users."""

_OF_A_USER_POOL: Expected = {"AwsSolutions-COG2": {"Identity/Users/Pool"}}

# What an issuer adds in place of a user pool.
_OF_AN_ISSUER: Expected = {
    "AwsSolutions-COG4": {
        f"Calling/Api/RestApi/Default/{method}"
        for method in (
            "availability/GET",
            "calls/{ContactId}/DELETE",
            "calls/{ContactId}/GET",
            "calls/{ContactId}/connection/POST",
            "calls/{ContactId}/digits/POST",
            "start-call/POST",
            "ANY",
            "{proxy+}/ANY",
        )
    },
    **of_functions("Calling", "Authorizer"),
}


def of_users(synthesis: Synthesis) -> Expected:
    """What a user pool has, or an issuer."""
    return _OF_A_USER_POOL if synthesis.issuer is None else _OF_AN_ISSUER


def of_alarm_address(synthesis: Synthesis) -> Expected:
    """What a subscription has, where the configuration names an address."""
    email = synthesis.configuration.alarms.email
    paths = {f"{stack}/Monitoring/Alarms/{email}" for stack in synthesis.names_with_functions}
    return {} if email is None else {"Serverless-SNSRedrivePolicy": paths}
