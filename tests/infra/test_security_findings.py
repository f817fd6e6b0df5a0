"""What cdk-nag's six packs find: nothing open, and acknowledged exactly what is expected here."""

import functools
import json
import re
from pathlib import Path

import aws_cdk as cdk
import pytest
from aws_cdk import aws_lambda as lambda_

from infra.acknowledgements import acknowledge
from infra.checks import add_checks
from infra.config import OwnVoiceConnector, load
from tests.infra.synthesis import CHECKOUT, Synthesis, context, finish

PACKS = {"AwsSolutions", "HIPAA.Security", "NIST.800.53.R4", "NIST.800.53.R5", "PCI.DSS.321", "Serverless"}

FUNCTIONS = {
    f"Calling/{name}/Function"
    for name in ("CallControl", "CallerContext", "ContactEventsFunction", "StartCall")
}
STAGE = {"Calling/Api/RestApi/DeploymentStage.v1"}
TABLE = {"Calling/Calls/Table"}

EXPECTED = {
    "AwsSolutions-IAM5[Resource::*]": {"Calling/Tracing"},
    "AwsSolutions-IAM5[Resource::<instance>/contact/*]": {
        f"Calling/{name}/Policy" for name in ("CallControl", "ContactEventsFunction", "StartCall")
    },
    "AwsSolutions-L1": FUNCTIONS,
    "HIPAA.Security-APIGWCacheEnabledAndEncrypted": STAGE,
    "HIPAA.Security-APIGWSSLEnabled": STAGE,
    "HIPAA.Security-DynamoDBInBackupPlan": TABLE,
    "HIPAA.Security-LambdaDLQ": FUNCTIONS,
    "HIPAA.Security-LambdaInsideVPC": FUNCTIONS,
    "NIST.800.53.R4-APIGWCacheEnabledAndEncrypted": STAGE,
    "NIST.800.53.R4-DynamoDBInBackupPlan": TABLE,
    "NIST.800.53.R4-LambdaInsideVPC": FUNCTIONS,
    "NIST.800.53.R5-APIGWCacheEnabledAndEncrypted": STAGE,
    "NIST.800.53.R5-APIGWSSLEnabled": STAGE,
    "NIST.800.53.R5-DynamoDBInBackupPlan": TABLE,
    "NIST.800.53.R5-LambdaDLQ": FUNCTIONS,
    "NIST.800.53.R5-LambdaInsideVPC": FUNCTIONS,
    "PCI.DSS.321-APIGWCacheEnabledAndEncrypted": STAGE,
    "PCI.DSS.321-APIGWSSLEnabled": STAGE,
    "PCI.DSS.321-LambdaInsideVPC": FUNCTIONS,
    "Serverless-LambdaDLQ": FUNCTIONS,
    "Serverless-LambdaEventSourceMappingDestination": {"Calling/ContactEvents/Mapping"},
    "Serverless-LambdaLatestVersion": FUNCTIONS,
    "Serverless-SQSRedrivePolicy": {"Calling/ContactEvents/DeadLetters"},
}

EXPECTED_OF_A_USER_POOL = {"AwsSolutions-COG2": {"Identity/Users/Pool"}}

AUTHORIZER = {"Calling/Authorizer/Function"}

# What an issuer adds in place of a user pool.
EXPECTED_OF_AN_ISSUER = {
    "AwsSolutions-COG4": {
        f"Calling/Api/RestApi/Default/{method}"
        for method in (
            "calls/{ContactId}/DELETE",
            "calls/{ContactId}/GET",
            "calls/{ContactId}/connection/POST",
            "calls/{ContactId}/digits/POST",
            "start-call/POST",
        )
    },
    "AwsSolutions-L1": AUTHORIZER,
    "HIPAA.Security-LambdaDLQ": AUTHORIZER,
    "HIPAA.Security-LambdaInsideVPC": AUTHORIZER,
    "NIST.800.53.R4-LambdaInsideVPC": AUTHORIZER,
    "NIST.800.53.R5-LambdaDLQ": AUTHORIZER,
    "NIST.800.53.R5-LambdaInsideVPC": AUTHORIZER,
    "PCI.DSS.321-LambdaInsideVPC": AUTHORIZER,
    "Serverless-LambdaDLQ": AUTHORIZER,
    "Serverless-LambdaLatestVersion": AUTHORIZER,
}

# A subscription exists only where the configuration names an address.
EXPECTED_OF_AN_ADDRESS = {"Serverless-SNSRedrivePolicy": {"Calling/Monitoring/Alarms/{email}"}}

BRIDGE_FUNCTIONS = {f"SipBridge/{name}/Function" for name in ("BridgeResources", "SipMedia")}
FRAMEWORK = {"SipBridge/CustomResources/Provider/framework-onEvent"}

# What the SIP bridge adds.
EXPECTED_OF_THE_BRIDGE = {
    "AwsSolutions-IAM5[Resource::*]": {
        "Calling/StartCall/Policy",
        "SipBridge/CallerNumberRights",
        "SipBridge/SipRuleRights",
        "SipBridge/Tracing",
    },
    "AwsSolutions-IAM5[Resource::<numbers>]": {"Calling/ContactFlowNumberRights"},
    "AwsSolutions-IAM5[Resource::<meetings>]": {
        "Calling/CallControl/Policy",
        "Calling/ContactEventsFunction/Policy",
        "Calling/StartCall/Policy",
        "SipBridge/SipMedia/Policy",
    },
    "AwsSolutions-L1": BRIDGE_FUNCTIONS,
    "HIPAA.Security-LambdaConcurrency": FRAMEWORK,
    "HIPAA.Security-LambdaDLQ": BRIDGE_FUNCTIONS | FRAMEWORK,
    "HIPAA.Security-LambdaInsideVPC": BRIDGE_FUNCTIONS | FRAMEWORK,
    "NIST.800.53.R4-LambdaInsideVPC": BRIDGE_FUNCTIONS | FRAMEWORK,
    "NIST.800.53.R5-LambdaConcurrency": FRAMEWORK,
    "NIST.800.53.R5-LambdaDLQ": BRIDGE_FUNCTIONS | FRAMEWORK,
    "NIST.800.53.R5-LambdaInsideVPC": BRIDGE_FUNCTIONS | FRAMEWORK,
    "PCI.DSS.321-LambdaInsideVPC": BRIDGE_FUNCTIONS | FRAMEWORK,
    "Serverless-LambdaDLQ": BRIDGE_FUNCTIONS | FRAMEWORK,
    "Serverless-LambdaDefaultMemorySize": FRAMEWORK,
    "Serverless-LambdaLatestVersion": BRIDGE_FUNCTIONS,
    "Serverless-LambdaTracing": FRAMEWORK,
}

CREDENTIALS = {"SipBridge/VoiceConnector/Credentials"}

# What a Voice Connector adds that is not adopted.
EXPECTED_OF_A_VOICE_CONNECTOR = {
    "AwsSolutions-IAM5[Resource::*]": {"SipBridge/VoiceConnectorSettingsRights"},
    "AwsSolutions-SMG4": CREDENTIALS,
    "HIPAA.Security-SecretsManagerRotationEnabled": CREDENTIALS,
    "NIST.800.53.R5-SecretsManagerRotationEnabled": CREDENTIALS,
}

# What the report repeats of a stack's warnings to whoever deploys it.
WARNINGS = {
    "Annotation::InAppCalling:SipMediaApplicationsAreClosed",
    "Annotation::InAppCalling:VoiceConnectorNeedsReview",
}

# AwsSolutions numbers the rules that other packs name; these are one.
SAME_RULE = {"L1": "LambdaLatestVersion"}


def expected(synthesis: Synthesis) -> set[tuple[str, str]]:
    email, bridge = synthesis.configuration.alarms.email, synthesis.configuration.sip_bridge
    owns_connector = bridge is not None and isinstance(bridge.voice_connector, OwnVoiceConnector)
    findings = [
        EXPECTED,
        EXPECTED_OF_A_USER_POOL if synthesis.issuer is None else EXPECTED_OF_AN_ISSUER,
        *([] if email is None else [EXPECTED_OF_AN_ADDRESS]),
        *([EXPECTED_OF_THE_BRIDGE] if bridge is not None else []),
        *([EXPECTED_OF_A_VOICE_CONNECTOR] if owns_connector else []),
    ]
    return {
        (rule, path.replace("{email}", str(email)))
        for part in findings
        for rule, paths in part.items()
        for path in paths
    }


def acknowledged(synthesis: Synthesis) -> set[tuple[str, str]]:
    """Rule and path of each acknowledged finding, without what differs between environments."""
    instance = r"arn:[^\]]*:instance/[0-9a-f-]{36}|<ConnectSandboxInstance\w+\.Arn>"
    names = {
        instance: "<instance>",
        r"arn:[^\]]*:meeting/\*": "<meetings>",
        r"arn:[^\]]*:phone-number/\*": "<numbers>",
    }
    return {
        (
            functools.reduce(lambda rule, name: re.sub(name, names[name], rule), names, finding.rule),
            finding.resource.removeprefix(f"InAppCalling-{synthesis.environment}-")
            .removesuffix("/Resource")
            .replace("BridgedTable", "Table"),
        )
        for finding in synthesis.findings()[1]
    }


def test_no_finding_is_open_but_the_bridges_warnings(synthesis: Synthesis) -> None:
    open_ = synthesis.findings()[0]
    assert {finding.rule for finding in open_} == (WARNINGS if synthesis.bridged else set())
    assert {finding.resource.rpartition("-")[2] for finding in open_} <= {"SipBridge"}


def test_the_acknowledged_findings_are_the_expected_ones(synthesis: Synthesis) -> None:
    assert acknowledged(synthesis) == expected(synthesis)


def test_every_acknowledgement_in_the_code_meets_a_finding(synthesis: Synthesis) -> None:
    met = {(finding.acknowledged_id, finding.acknowledged_at) for finding in synthesis.findings()[1]}
    assert synthesis.acknowledgements() == met


def test_at_most_fourteen_rules_are_disagreed_with(synthesis: Synthesis) -> None:
    """However many packs repeat a rule and resources meet it, and whether it is acknowledged or not. The SIP
    bridge is not counted: each of its findings is expected above.
    """
    if synthesis.bridged:
        return
    # The name behind the pack's; the packs' names hold no hyphen.
    rules = {finding.rule.partition("[")[0].partition("-")[2] for finding in set.union(*synthesis.findings())}
    assert len({SAME_RULE.get(rule, rule) for rule in rules}) <= 14


def test_nothing_is_there_only_to_please_a_rule(synthesis: Synthesis) -> None:
    """No queue for failures that never come, no unchecked certificate, no backup of what expires."""
    assert not synthesis.resources(
        "AWS::ApiGateway::ClientCertificate",
        "AWS::Backup::BackupPlan",
        "AWS::Backup::BackupSelection",
    )
    # Each queue is delivered to.
    for rule in synthesis.resources("AWS::Events::Rule").values():
        for queue in synthesis.resources("AWS::SQS::Queue"):
            assert f'"{queue}"' in json.dumps(rule["Targets"])


@pytest.fixture
def canary(tmp_path: Path) -> Synthesis:
    """A function with nothing but what Lambda wants, one of its faults acknowledged."""
    app = cdk.App(context=context(), outdir=str(tmp_path))
    acknowledge(faulty_function(app), "AwsSolutions::AwsSolutions-L1", reason="Seen, for this test.")
    finish(app)
    return Synthesis(tmp_path, load(CHECKOUT, "dev"))


def faulty_function(app: cdk.App) -> lambda_.CfnFunction:
    return lambda_.CfnFunction(
        cdk.Stack(app, "Canary"),
        "Function",
        code=lambda_.CfnFunction.CodeProperty(zip_file="pass"),
        role="arn:aws:iam::111122223333:role/canary",
        handler="index.handler",
        runtime="python3.12",
    )


def test_each_pack_sees_a_faulty_function(canary: Synthesis) -> None:
    open_, seen = canary.findings()
    assert {finding.pack for finding in open_ | seen} >= PACKS


def test_an_acknowledgement_hides_no_other_finding(canary: Synthesis) -> None:
    open_, seen = canary.findings()
    assert {finding.rule for finding in seen} == {"AwsSolutions-L1"}
    assert "HIPAA.Security-LambdaInsideVPC" in {finding.rule for finding in open_}


def test_an_open_finding_stops_the_synthesis(tmp_path: Path) -> None:
    app = cdk.App(context=context(), outdir=str(tmp_path))
    faulty_function(app)
    add_checks(app)
    with pytest.raises(RuntimeError, match="ValidationFailed"):
        app.synth()
