"""Rules of the house for what roles, keys and topics allow."""

from collections.abc import Iterator
from typing import Any

from infra.config import AdoptedContactFlow
from tests.infra.synthesis import Properties, Synthesis

KEY_ACTIONS = ("kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey")


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def statements(synthesis: Synthesis) -> Iterator[Properties]:
    """What roles may do. Nothing but managed policies grants it."""
    assert not synthesis.resources("AWS::IAM::Policy", "AWS::IAM::UserPolicy", "AWS::IAM::RolePolicy")
    for role in synthesis.resources("AWS::IAM::Role").values():
        assert "Policies" not in role
        assert all("Ref" in policy for policy in role["ManagedPolicyArns"])
    for policy in synthesis.resources("AWS::IAM::ManagedPolicy").values():
        yield from policy["PolicyDocument"]["Statement"]


def granted(synthesis: Synthesis) -> dict[str, list[Any]]:
    """Each action that some role has, and the resources it has it on."""
    grants: dict[str, list[Any]] = {}
    for statement in statements(synthesis):
        for action in listed(statement["Action"]):
            grants.setdefault(action, []).extend(listed(statement["Resource"]))
    return grants


def arn(synthesis: Synthesis, type_: str) -> dict[str, list[str]]:
    (id_,) = synthesis.resources(type_)
    return {"Fn::GetAtt": [id_, "Arn"]}


def test_roles_may_do_this_and_nothing_else(synthesis: Synthesis) -> None:
    assert set(granted(synthesis)) == {
        *KEY_ACTIONS,
        "connect:CreateParticipant",
        "connect:StartWebRTCContact",
        "connect:StopContact",
        "dynamodb:GetItem",
        "dynamodb:Query",
        "dynamodb:UpdateItem",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:ReceiveMessage",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "xray:PutTelemetryRecords",
        "xray:PutTraceSegments",
    }


def test_no_statement_allows_by_exception(synthesis: Synthesis) -> None:
    for statement in statements(synthesis):
        assert statement["Effect"] == "Allow"
        assert not {"NotAction", "NotResource", "NotPrincipal"} & set(statement)


def test_only_tracing_reaches_every_resource(synthesis: Synthesis) -> None:
    everywhere = {action for action, resources in granted(synthesis).items() if "*" in resources}
    assert everywhere == {"xray:PutTelemetryRecords", "xray:PutTraceSegments"}


def test_calls_start_in_the_configured_instance_and_flows_alone(synthesis: Synthesis) -> None:
    connect = synthesis.configuration.connect
    flows: list[Any] = [
        {"Fn::GetAtt": [id_, "ContactFlowArn"]} for id_ in synthesis.resources("AWS::Connect::ContactFlow")
    ]
    flows += [
        flow.arn
        for flow in (connect.contact_flow, *connect.topics.values())
        if isinstance(flow, AdoptedContactFlow)
    ]
    instance = synthesis.outputs["ConnectInstanceArn"]["Value"]
    allowed = granted(synthesis)["connect:StartWebRTCContact"]
    assert sorted(map(str, allowed)) == sorted(map(str, [instance, *flows]))


def test_contacts_of_the_configured_instance_alone_are_touched(synthesis: Synthesis) -> None:
    instance = synthesis.outputs["ConnectInstanceArn"]["Value"]
    for action in ("connect:StopContact", "connect:CreateParticipant"):
        for allowed in granted(synthesis)[action]:
            if isinstance(instance, str):
                assert allowed == f"{instance}/contact/*"
            else:
                assert allowed == {"Fn::Join": ["", [instance, "/contact/*"]]}


def test_functions_use_the_table_alone_and_its_index_to_find_users(synthesis: Synthesis) -> None:
    grants = granted(synthesis)
    table = arn(synthesis, "AWS::DynamoDB::Table")
    assert all(
        resource == table for action in ("GetItem", "UpdateItem") for resource in grants[f"dynamodb:{action}"]
    )
    assert grants["dynamodb:Query"] == [{"Fn::Join": ["", [table, "/index/ByContactId"]]}]


def test_functions_use_the_key_through_the_table_and_the_queue_alone(synthesis: Synthesis) -> None:
    grants, region = granted(synthesis), synthesis.configuration.region
    key = arn(synthesis, "AWS::KMS::Key")
    assert all(resource == key for action in KEY_ACTIONS for resource in grants[action])
    for statement in statements(synthesis):
        if set(KEY_ACTIONS) & set(listed(statement["Action"])):
            through = "sqs" if statement["Sid"] == "DecryptEvents" else "dynamodb"
            assert statement["Condition"] == {
                "StringEquals": {"kms:ViaService": f"{through}.{region}.amazonaws.com"}
            }


def test_events_are_taken_off_their_queue_alone(synthesis: Synthesis) -> None:
    (mapping,) = synthesis.resources("AWS::Lambda::EventSourceMapping").values()
    for action in ("DeleteMessage", "GetQueueAttributes", "ReceiveMessage"):
        assert granted(synthesis)[f"sqs:{action}"] == [mapping["EventSourceArn"]]


def test_a_function_writes_its_own_log_alone(synthesis: Synthesis) -> None:
    policies = synthesis.resources("AWS::IAM::ManagedPolicy")
    roles = synthesis.resources("AWS::IAM::Role")
    for function in synthesis.resources("AWS::Lambda::Function").values():
        role = roles[function["Role"]["Fn::GetAtt"][0]]
        written = [
            resource
            for policy in role["ManagedPolicyArns"]
            for statement in policies[policy["Ref"]]["PolicyDocument"]["Statement"]
            if "logs:PutLogEvents" in listed(statement["Action"])
            for resource in listed(statement["Resource"])
        ]
        assert written == [{"Fn::GetAtt": [function["LoggingConfig"]["LogGroup"]["Ref"], "Arn"]}]


def test_lambda_alone_takes_the_roles(synthesis: Synthesis) -> None:
    for role in synthesis.resources("AWS::IAM::Role").values():
        assert role["AssumeRolePolicyDocument"]["Statement"] == [
            {
                "Action": "sts:AssumeRole",
                "Effect": "Allow",
                "Principal": {"Service": "lambda.amazonaws.com"},
            }
        ]


def test_a_service_uses_the_key_for_this_account_alone(synthesis: Synthesis) -> None:
    (owner, *services) = synthesis.the("AWS::KMS::Key")["KeyPolicy"]["Statement"]
    account, region = synthesis.configuration.account, synthesis.configuration.region
    partition = "aws-us-gov" if region.startswith("us-gov-") else "aws"
    assert owner["Principal"] == {"AWS": f"arn:{partition}:iam::{account}:root"}
    of_account = {"StringEquals": {"aws:SourceAccount": account}}
    # CloudFormation makes a rule's name of a shortened stack's name: no pattern on that would hold.
    of_rule = {"ArnLike": {"aws:SourceArn": f"arn:{partition}:events:{region}:{account}:rule/*"}}
    conditions = {statement["Principal"]["Service"]: statement["Condition"] for statement in services}
    of_logs = conditions.pop(f"logs.{region}.amazonaws.com")  # tests/infra/test_stored_data.py looks at it
    assert account in str(of_logs)
    assert conditions == {
        "cloudwatch.amazonaws.com": of_account,
        "events.amazonaws.com": of_account | of_rule,
    }
    for statement in services:
        assert not any("*" in action for action in statement["Action"])
