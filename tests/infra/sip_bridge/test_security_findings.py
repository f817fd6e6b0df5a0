"""What cdk-nag's six packs find of the SIP bridge, beside what every deployment has."""

from tests.infra.findings import NATIVE, Expected, acknowledged, named, of_functions, of_users
from tests.infra.synthesis import Synthesis

FRAMEWORK = ("SipBridge/CustomResources/Provider/framework-onEvent",)
TABLE = ("SipBridge/BridgedCalls/Table",)
CREDENTIALS = ("SipBridge/VoiceConnector/Credentials",)

OF_THE_BRIDGE: Expected = {
    "AwsSolutions-IAM5[Resource::*]": (
        "Calling/StartCall/Policy",
        "SipBridge/Functions/Tracing",
        "SipBridge/PhoneNumber/Rights",
        "SipBridge/SipRule/Rights",
    ),
    "AwsSolutions-IAM5[Resource::<numbers>]": ("Calling/ConnectNumber/Rights",),
    "AwsSolutions-IAM5[Resource::<meetings>]": (
        "Calling/CallControl/Policy",
        "Calling/ContactEvents/Policy",
        "Calling/StartCall/Policy",
        "SipBridge/SipMedia/Policy",
    ),
    "AwsSolutions-SMG4": CREDENTIALS,
    "HIPAA.Security-DynamoDBInBackupPlan": TABLE,
    "HIPAA.Security-SecretsManagerRotationEnabled": CREDENTIALS,
    "NIST.800.53.R4-DynamoDBInBackupPlan": TABLE,
    "NIST.800.53.R5-DynamoDBInBackupPlan": TABLE,
    "NIST.800.53.R5-SecretsManagerRotationEnabled": CREDENTIALS,
}

OF_THE_FRAMEWORK: Expected = {
    "HIPAA.Security-LambdaDLQ": FRAMEWORK,
    "HIPAA.Security-LambdaInsideVPC": FRAMEWORK,
    "NIST.800.53.R4-LambdaInsideVPC": FRAMEWORK,
    "NIST.800.53.R5-LambdaDLQ": FRAMEWORK,
    "NIST.800.53.R5-LambdaInsideVPC": FRAMEWORK,
    "PCI.DSS.321-LambdaInsideVPC": FRAMEWORK,
    "Serverless-LambdaDLQ": FRAMEWORK,
    "Serverless-LambdaDefaultMemorySize": FRAMEWORK,
}

# What the report repeats of a stack's warnings to whoever deploys it.
WARNINGS = {
    "Annotation::InAppCalling:SipMediaApplicationsAreClosed",
    "Annotation::InAppCalling:VoiceConnectorNeedsReview",
}


def test_no_finding_is_open_but_the_warnings(bridged: Synthesis) -> None:
    open_ = bridged.findings()[0]
    assert {finding.rule for finding in open_} == WARNINGS
    assert {finding.resource.rpartition("-")[2] for finding in open_} == {"SipBridge"}


def test_the_acknowledged_findings_are_the_expected_ones(bridged: Synthesis) -> None:
    own = of_functions("SipBridge", "BridgeResources", "SipMedia")
    assert acknowledged(bridged) == named(NATIVE, of_users(bridged), OF_THE_BRIDGE, own, OF_THE_FRAMEWORK)
