"""What platform teams prescribe: each value is one construct, and keeps to the rules of all packs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from copy import replace
from pathlib import Path
from typing import Any

import pytest

from infra import canary_metric
from infra.configuration import ExistingUserPool
from tests.infra.configuration.files import (
    ACCOUNT,
    QUEUE,
    THREE_VALUES,
    UUID,
    VALID,
    Loader,
    check_refused,
    load_text,
)
from tests.infra.findings import NATIVE, acknowledged, named
from tests.infra.synthesis import CHECKOUT, Synthesis, synthesize, synthesize_unchecked

WEB_ACL = f"arn:aws:wafv2:eu-west-2:{ACCOUNT}:regional/webacl/shared/{UUID}"
CERTIFICATE = f"arn:aws:acm:eu-west-2:{ACCOUNT}:certificate/{UUID}"
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/boundary"
KEY = f"arn:aws:kms:eu-west-2:999988887777:key/{UUID}"
POOL = f"arn:aws:cognito-idp:eu-west-2:{ACCOUNT}:userpool/eu-west-2_Abc123"
SMOKE_QUEUE = f"arn:aws:connect:eu-west-2:{ACCOUNT}:instance/{UUID}/queue/{UUID}"
QUEUE_OF_DEV = VALID["connect"]["verified_queue_arn"]
CLIENT = "1example23456789+x"

KNOBS: Mapping[str, str] = {
    "three values": "",
    "no web ACL": '[api]\nweb_acl = "none"\n',
    "all that is prescribed": f"""
[identity.existing_user_pool]
arn = "{POOL}"
client_id = "{CLIENT}"
client_writes = ["name", "custom:nick"]

[api]
web_acl = "{WEB_ACL}"

[api.domain]
name = "calls.example.com"
certificate_arn = "{CERTIFICATE}"

[platform]
permissions_boundary_arn = "{BOUNDARY}"
bootstrap_qualifier = "platform7"
kms_key_arn = "{KEY}"

[smoke]
queue_arn = "{SMOKE_QUEUE}"
canary = true

[pipeline]
repository = "acme@1234/calls@5678"
environment = "production"

[tags]
cost-center = "4711"
Owner = "contact center"
""",
}
"""Beside the three values; each synthesis takes seconds, so what does not exclude each other is one."""

# Without reserved concurrency, which no three values have.
OF_NO_CONCURRENCY = {
    "HIPAA.Security-LambdaConcurrency": tuple(
        f"Calling/{name}/Function"
        for name in ("Availability", "CallControl", "CallerContext", "ContactEvents", "StartCall")
    ),
    "NIST.800.53.R5-LambdaConcurrency": tuple(
        f"Calling/{name}/Function"
        for name in ("Availability", "CallControl", "CallerContext", "ContactEvents", "StartCall")
    ),
}
OF_AN_OWN_POOL = {"AwsSolutions-COG2": ("Identity/Users/Pool",)}
OF_NO_WEB_ACL = dict.fromkeys(
    ("AwsSolutions-APIG3", "NIST.800.53.R5-APIGWAssociatedWithWAF", "PCI.DSS.321-APIGWAssociatedWithWAF"),
    ("Calling/Api/RestApi/DeploymentStage.v1",),
)


@pytest.fixture(scope="module")
def knob(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Synthesis]:
    """The three values and one knob, synthesized once with all checks."""
    done: dict[str, Synthesis] = {}

    def synthesized(name: str) -> Synthesis:
        if name not in done:
            root = tmp_path_factory.mktemp("knob")
            configuration = load_text(root, THREE_VALUES + KNOBS[name])
            done[name] = synthesize(configuration, root / "cdk.out")
        return done[name]

    return synthesized


def of_a_pipeline(synthesis: Synthesis) -> Mapping[str, list[str]]:
    """What commands read has no name before the first deployment; of no other policy of the stack."""
    found: dict[str, list[str]] = {}
    for name, file in (("Doctor", "doctor/policy.json"), ("Smoke", "smoke_policy.json")):
        text = (CHECKOUT / "operations" / file).read_text(encoding="utf-8")
        text = text.replace(":*:*:", f":eu-west-2:{ACCOUNT}:").replace("iam::*:", f"iam::{ACCOUNT}:")
        for statement in json.loads(text)["Statement"]:
            if "*" in statement["Resource"] and "Pipeline" in synthesis.templates:
                rule = f"AwsSolutions-IAM5[Resource::{statement['Resource']}]"
                found.setdefault(rule, []).append(f"Pipeline/{name}")
    return found


# As the other parts of the alarm of outages: it has no action of its own.
OF_A_CANARY = {
    f"{pack}-CloudWatchAlarmAction": ["Calling/Canary/Alarm"]
    for pack in ("HIPAA.Security", "NIST.800.53.R4", "NIST.800.53.R5")
}


@pytest.mark.parametrize("name", KNOBS)
def test_each_value_keeps_to_the_rules_of_all_packs(knob: Callable[[str], Synthesis], name: str) -> None:
    synthesis = knob(name)
    assert synthesis.findings()[0] == set()
    expected = named(
        NATIVE,
        OF_NO_CONCURRENCY,
        {} if name == "all that is prescribed" else OF_AN_OWN_POOL,
        OF_NO_WEB_ACL if name == "no web ACL" else {},
        of_a_pipeline(synthesis),
        OF_A_CANARY if name == "all that is prescribed" else {},
    )
    assert acknowledged(synthesis) == expected
    met = {(finding.acknowledged_id, finding.acknowledged_at) for finding in synthesis.findings()[1]}
    assert synthesis.acknowledgements() == met


def test_three_values_are_a_whole_deployment(knob: Callable[[str], Synthesis]) -> None:
    synthesis = knob("three values")
    assert set(synthesis.templates) == {"Calling", "Identity"}
    for type_ in ("AWS::ApiGateway::DomainName", "AWS::ApiGateway::BasePathMapping"):
        assert not synthesis.resources(type_)
    assert len(synthesis.resources("AWS::WAFv2::WebACL")) == 1
    assert "PermissionsBoundary" not in json.dumps(synthesis.templates)


def test_an_existing_user_pools_tokens_are_taken_of_the_one_client(knob: Callable[[str], Synthesis]) -> None:
    synthesis = knob("all that is prescribed")
    assert set(synthesis.templates) == {"Calling", "Pipeline"}
    assert not [type_ for _, of in synthesis.declarations() if "Cognito" in (type_ := of["Type"])]
    authorizer = synthesis.the("AWS::ApiGateway::Authorizer")
    assert (authorizer["Type"], authorizer["ProviderARNs"]) == ("COGNITO_USER_POOLS", [POOL])
    # A pattern: the one character of it that means something there is escaped.
    assert authorizer["IdentityValidationExpression"] == r"^1example23456789\+x$"
    assert authorizer["AuthorizerResultTtlInSeconds"] == 0
    outputs = {name: output["Value"] for name, output in synthesis.outputs.items()}
    assert (outputs["UserPoolId"], outputs["UserPoolClientId"]) == ("eu-west-2_Abc123", CLIENT)
    assert "ManagedLoginUrl" not in outputs


def test_another_client_makes_a_new_deployment_of_the_api(
    knob: Callable[[str], Synthesis], tmp_path: Path
) -> None:
    synthesis = knob("all that is prescribed")
    identity = synthesis.configuration.identity
    assert isinstance(identity.source, ExistingUserPool)
    pool = replace(identity.source, client_id="2example23456789")
    changed = replace(synthesis.configuration, identity=replace(identity, existing_user_pool=pool))
    other = synthesize_unchecked(changed, tmp_path)
    one, another = (each.resources("AWS::ApiGateway::Deployment").keys() for each in (synthesis, other))
    assert not one & another


def test_a_domain_name_leads_to_the_stage(knob: Callable[[str], Synthesis]) -> None:
    synthesis = knob("all that is prescribed")
    ((id_, domain),) = synthesis.resources("AWS::ApiGateway::DomainName").items()
    api = synthesis.the("AWS::ApiGateway::RestApi")
    assert domain["DomainName"] == "calls.example.com"
    assert domain["RegionalCertificateArn"] == CERTIFICATE
    assert domain["EndpointConfiguration"] == {"Types": ["REGIONAL"]}
    for setting in ("SecurityPolicy", "EndpointAccessMode"):
        assert domain[setting] == api[setting]
    mapping = synthesis.the("AWS::ApiGateway::BasePathMapping")
    (stage,) = synthesis.resources("AWS::ApiGateway::Stage")
    assert (mapping["DomainName"], mapping["Stage"]) == ({"Ref": id_}, {"Ref": stage})
    # All paths, as they are in the contract.
    assert "BasePath" not in mapping
    outputs = {name: output["Value"] for name, output in synthesis.outputs.items()}
    assert outputs["ApiUrl"] == "https://calls.example.com/"
    assert outputs["ApiDomainTarget"] == {"Fn::GetAtt": [id_, "RegionalDomainName"]}


def test_a_web_acl_that_exists_stands_before_the_stage(knob: Callable[[str], Synthesis]) -> None:
    synthesis = knob("all that is prescribed")
    association = synthesis.the("AWS::WAFv2::WebACLAssociation")
    (stage,) = synthesis.resources("AWS::ApiGateway::Stage")
    assert association["WebACLArn"] == WEB_ACL
    assert stage in json.dumps(association["ResourceArn"])
    assert not synthesis.resources("AWS::WAFv2::WebACL", "AWS::WAFv2::LoggingConfiguration")


def test_without_a_web_acl_the_stack_leaves_what_is_attached_alone(knob: Callable[[str], Synthesis]) -> None:
    synthesis = knob("no web ACL")
    assert not [type_ for _, of in synthesis.declarations() if "WAFv2" in (type_ := of["Type"])]
    key = json.dumps(synthesis.the("AWS::KMS::Key"))
    assert "aws-waf-logs" not in key


@pytest.mark.slow  # a synth of its own
def test_every_role_has_the_boundary(tmp_path: Path) -> None:
    """With the bridge too, whose framework of custom resources has a role of its own."""
    configuration = load_text(tmp_path, THREE_VALUES + KNOBS["all that is prescribed"] + bridge_section())
    roles = synthesize_unchecked(configuration, tmp_path / "cdk.out").resources("AWS::IAM::Role")
    assert len(roles) >= 4
    assert {role.get("PermissionsBoundary") for role in roles.values()} == {BOUNDARY}


def bridge_section() -> str:
    """That of config/local-bridge.toml with numbers that exist; empty in a checkout without the room."""
    file = CHECKOUT / "config" / "local-bridge.toml"
    if not file.exists():
        return ""
    text = file.read_text(encoding="utf-8")
    section = text[text.index("[sip_bridge]") : text.index("[calls]")]
    header, _, rest = section.partition("[sip_bridge.caller_number]")
    _, _, rest = rest.partition("[sip_bridge.connect_number]")
    number = '[sip_bridge.caller_number]\nnumber = "+12065550100"\n'
    headers = rest.partition("[sip_bridge.headers]")[0]
    return f"\n{header}{number}[sip_bridge.connect_number]{headers}"


def test_stacks_are_deployed_by_the_roles_of_the_qualifier(knob: Callable[[str], Synthesis]) -> None:
    for name, qualifier, other in (
        ("all that is prescribed", "platform7", "hnb659fds"),
        ("three values", "hnb659fds", "platform7"),
    ):
        synthesis = knob(name)
        for stack in synthesis.templates:
            properties = synthesis.manifest(stack)
            assert f"cdk-{qualifier}-deploy-role" in properties["assumeRoleArn"]
            assert f"cdk-{qualifier}-cfn-exec-role" in properties["cloudFormationExecutionRoleArn"]
        written = "".join(
            path.read_text(encoding="utf-8") for path in synthesis.directory.glob("*.json") if path.is_file()
        )
        assert f"cdk-{qualifier}-assets" in written
        assert other not in written


def keys_named(value: Any) -> set[str]:
    """The keys that resources of a template are encrypted with, as JSON."""
    if isinstance(value, Mapping):
        found = {
            json.dumps(inner)
            for name, inner in value.items()
            if name in {"KmsKeyId", "KmsMasterKeyId", "KMSMasterKeyId", "KMSKeyId"}
        }
        return found.union(*(keys_named(inner) for inner in value.values()))
    if isinstance(value, list):
        return set().union(*(keys_named(inner) for inner in value))
    return set()


def test_a_key_that_exists_encrypts_all_that_an_own_one_does(knob: Callable[[str], Synthesis]) -> None:
    own, existing = knob("three values"), knob("all that is prescribed")
    assert not existing.resources("AWS::KMS::Key")
    assert keys_named(existing.templates) == {json.dumps(KEY)}
    (id_,) = own.resources("AWS::KMS::Key")
    assert keys_named(own.templates) == {json.dumps({"Fn::GetAtt": [id_, "Arn"]})}
    # The right to use it is on it alone.
    for policy in existing.alone("Calling").resources("AWS::IAM::ManagedPolicy").values():
        for statement in policy["PolicyDocument"]["Statement"]:
            if "kms:" in json.dumps(statement["Action"]):
                assert statement["Resource"] == KEY


def test_every_resource_that_takes_tags_has_the_configured_ones(knob: Callable[[str], Synthesis]) -> None:
    synthesis = knob("all that is prescribed")
    tagged = 0
    for _, declaration in synthesis.declarations():
        tags = declaration.get("Properties", {}).get("Tags")
        if isinstance(tags, list):
            found = {tag["Key"]: tag["Value"] for tag in tags}
            assert found == {
                "Application": "in-app-calling",
                "Environment": "test",
                "cost-center": "4711",
                "Owner": "contact center",
            }
            tagged += 1
    assert tagged > 15


def test_no_association_with_connect_is_tagged(knob: Callable[[str], Synthesis]) -> None:
    """Its handler would write them through an API that has no tags of it."""
    associations = knob("all that is prescribed").resources("AWS::Connect::IntegrationAssociation")
    assert len(associations) == 2
    assert not any("Tags" in association for association in associations.values())


def test_calls_that_only_test_have_a_flow_that_proves_and_a_queue_of_their_own(
    knob: Callable[[str], Synthesis],
) -> None:
    assert "smoke" not in json.dumps(knob("three values").variables("start_call"))
    synthesis = knob("all that is prescribed")
    (flow,) = [
        of
        for of in synthesis.resources("AWS::Connect::ContactFlow").values()
        if SMOKE_QUEUE in json.dumps(of)
    ]
    content = json.dumps(flow["Content"])
    assert "CallerContext" in content
    assert QUEUE not in content
    topics = json.dumps(synthesis.variables("start_call")["TOPIC_CONTACT_FLOW_ARNS"])
    assert "smoke" in topics


def test_an_alarm_says_when_no_call_of_the_canary_comes_through(knob: Callable[[str], Synthesis]) -> None:
    def canaries(name: str) -> list[Any]:
        alarms = knob(name).resources("AWS::CloudWatch::Alarm").values()
        return [of for of in alarms if of.get("Namespace") == canary_metric.NAMESPACE]

    assert canaries("three values") == []
    (alarm,) = canaries("all that is prescribed")
    assert alarm["TreatMissingData"] == "breaching"
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("LessThanThreshold", 1)
    assert alarm["Dimensions"] == [{"Name": canary_metric.DIMENSION, "Value": "test"}]
    assert alarm["EvaluationPeriods"] * alarm["Period"] == 90 * 60
    # The one alarm of outages notifies for it.
    assert "AlarmActions" not in alarm
    outages = json.dumps(knob("all that is prescribed").the("AWS::CloudWatch::CompositeAlarm")["AlarmRule"])
    assert "CanaryAlarm" in outages


def test_a_pipelines_role_is_one_repositorys_and_takes_the_roles_of_the_bootstrap(
    knob: Callable[[str], Synthesis],
) -> None:
    assert "Pipeline" not in knob("three values").templates
    pipeline = knob("all that is prescribed").alone("Pipeline")
    (provider,) = pipeline.resources("AWS::IAM::OIDCProvider")
    (statement,) = pipeline.the("AWS::IAM::Role")["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Federated": {"Ref": provider}}
    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert statement["Condition"] == {
        "StringEquals": {
            "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
            "token.actions.githubusercontent.com:sub": "repo:acme@1234/calls@5678:environment:production",
        }
    }
    policies = pipeline.resources("AWS::IAM::ManagedPolicy")
    statements = [each for of in policies.values() for each in of["PolicyDocument"]["Statement"]]
    (takes,) = [each for each in statements if each["Action"] == "sts:AssumeRole"]
    assert takes["Resource"] == [
        f"arn:aws:iam::{ACCOUNT}:role/cdk-platform7-{name}-role-{ACCOUNT}-eu-west-2"
        for name in ("deploy", "file-publishing", "lookup")
    ]
    written = {
        action
        for each in statements
        for action in ([each["Action"]] if isinstance(each["Action"], str) else each["Action"])
        if not re.match(r"[a-z0-9-]+:(Get|List|Describe|GET)", action)
    }
    assert written == {
        "sts:AssumeRole",
        "cognito-idp:AdminCreateUser",
        "cognito-idp:AdminDeleteUser",
        "cognito-idp:AdminSetUserPassword",
    }


@pytest.mark.parametrize(
    ("changes", "key", "fix"),
    [
        ({"pipeline.environment": "prod"}, "pipeline.environment", "name pipeline.repository too"),
        ({"pipeline.repository": "acme"}, "pipeline.repository", '"acme/calls"'),
        ({"pipeline.repository": "acme/*"}, "pipeline.repository", '"acme/calls"'),
        (
            {
                "pipeline.repository": "acme/calls",
                "pipeline.provider_arn": "arn:aws:iam::999:oidc-provider/x",
            },
            "pipeline.provider_arn",
            "oidc-provider/token.actions.githubusercontent.com",
        ),
        ({"smoke.sandbox": True}, "smoke.sandbox", "name queue_arn"),
        ({"smoke.canary": True}, "smoke.canary", "name smoke.queue_arn too"),
        ({"smoke.queue_arn": QUEUE_OF_DEV}, "smoke.queue_arn", "another queue"),
        (
            {"smoke.queue_arn": SMOKE_QUEUE, "connect.topics.smoke": "billing"},
            "connect.topics.smoke",
            "remove it, or [smoke]",
        ),
    ],
)
def test_what_does_not_fit_is_refused(
    load_changed: Loader, changes: Mapping[str, Any], key: str, fix: str
) -> None:
    check_refused(load_changed, changes, key, fix)
