"""What cdk-nag's six packs find: nothing open, and acknowledged exactly what is expected here."""

import json
from pathlib import Path

import aws_cdk as cdk
import pytest
from aws_cdk import aws_lambda as lambda_

from infra.acknowledgements import acknowledge
from infra.checks import add_checks
from infra.configuration import load
from tests.infra.findings import NATIVE, acknowledged, named, of_alarm_address, of_users
from tests.infra.synthesis import CHECKOUT, Synthesis, context, finish

PACKS = {"AwsSolutions", "HIPAA.Security", "NIST.800.53.R4", "NIST.800.53.R5", "PCI.DSS.321", "Serverless"}

# AwsSolutions numbers the rules that other packs name; these are one.
SAME_RULE = {"L1": "LambdaLatestVersion"}


def test_no_finding_is_open(native: Synthesis) -> None:
    assert native.findings()[0] == set()


def test_the_acknowledged_findings_are_the_expected_ones(native: Synthesis) -> None:
    assert acknowledged(native) == named(NATIVE, of_users(native), of_alarm_address(native))


def test_every_acknowledgement_in_the_code_meets_a_finding(synthesis: Synthesis) -> None:
    met = {(finding.acknowledged_id, finding.acknowledged_at) for finding in synthesis.findings()[1]}
    assert synthesis.acknowledgements() == met


def test_at_most_fourteen_rules_are_disagreed_with(native: Synthesis) -> None:
    """However many packs repeat a rule and resources meet it, and whether it is acknowledged or not."""
    # The name behind the pack's; the packs' names hold no hyphen.
    rules = {finding.rule.partition("[")[0].partition("-")[2] for finding in set.union(*native.findings())}
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
