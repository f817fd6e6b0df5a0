"""Rules of the house for what roles, keys and topics allow."""

import json
import re
from collections.abc import Callable, Iterator
from copy import replace
from pathlib import Path
from typing import Any

import pytest

from infra.configuration import AdoptedContactFlow, KmsKeys, load
from tests.infra.synthesis import CHECKOUT, Properties, Synthesis, synthesize_unchecked

KEY_ACTIONS = ("kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey")


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def statements(synthesis: Synthesis) -> Iterator[Properties]:
    """What roles may do. Nothing but managed policies grants it, and all of them are granted to one."""
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


def core_actions(synthesis: Synthesis) -> set[str]:
    """What the functions of every deployment may do."""
    return {
        *KEY_ACTIONS,
        "connect:CreateParticipant",
        *(
            ["connect:DescribeQueue", "connect:GetEffectiveHoursOfOperations"]
            if queues_of_calls(synthesis)
            else []
        ),
        "connect:GetContactMetrics",
        "connect:GetCurrentMetricData",
        "connect:StopContact",
        "dynamodb:GetItem",
        "dynamodb:Query",
        "dynamodb:UpdateItem",
        *(["kms:GetPublicKey"] if keys_of_kms(synthesis) else []),
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:ReceiveMessage",
        "ssm:GetParameter",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "xray:PutTelemetryRecords",
        "xray:PutTraceSegments",
    }


def queues_of_calls(synthesis: Synthesis) -> list[Any]:
    """Those that callers see the availability of."""
    connect = synthesis.configuration.connect
    created = [
        {"Fn::GetAtt": [id_, "QueueArn"]}
        for id_ in synthesis.resources("AWS::Connect::Queue")
        if not any(name in id_ for name in ("UnverifiedQueue", "OverflowQueue", "SmokeQueue"))
    ]
    adopted = [connect.queue_arn or connect.verified_queue_arn, *connect.topic_queue_arns.values()]
    return created + [arn for arn in adopted if arn is not None]


def test_availability_reads_the_queues_of_calls_alone(synthesis: Synthesis) -> None:
    (policy,) = (
        of
        for name, of in synthesis.resources("AWS::IAM::ManagedPolicy").items()
        if re.fullmatch(r"AvailabilityPolicy[0-9A-F]{8}", name)
    )
    statements = policy["PolicyDocument"]["Statement"]
    (read,) = [each for each in statements if "connect:DescribeQueue" in listed(each["Action"])]
    assert read["Action"] == ["connect:DescribeQueue", "connect:GetCurrentMetricData"]
    assert listed(read["Resource"]) == queues_of_calls(synthesis)
    # Nothing of a call: neither its record nor its contact.
    tables = {
        id_: table
        for id_, table in synthesis.resources("AWS::DynamoDB::Table").items()
        if id_.startswith("Waiting")
    }
    (waiting,) = tables
    used = [each["Resource"] for each in statements if "dynamodb:GetItem" in listed(each["Action"])]
    assert used == [{"Fn::GetAtt": [waiting, "Arn"]}]
    assert "/contact/" not in json.dumps(statements)


def test_roles_may_do_this_and_nothing_else(native: Synthesis) -> None:
    assert set(granted(native)) == core_actions(native) | {"connect:StartWebRTCContact"}


def keys_of_kms(synthesis: Synthesis) -> list[str]:
    keys = synthesis.issuer.keys if synthesis.issuer is not None else None
    return list(keys.arns) if isinstance(keys, KmsKeys) else []


def test_the_authorizer_reads_its_issuers_keys_in_kms_and_does_nothing_else(synthesis: Synthesis) -> None:
    keys = keys_of_kms(synthesis)
    assert granted(synthesis).get("kms:GetPublicKey", []) == keys
    for name, policy in synthesis.resources("AWS::IAM::ManagedPolicy").items():
        if re.fullmatch(r"AuthorizerPolicy[0-9A-F]{8}", name):
            held = [listed(statement["Action"]) for statement in policy["PolicyDocument"]["Statement"]]
            assert held == [
                ["logs:CreateLogStream", "logs:PutLogEvents"],
                *([["kms:GetPublicKey"]] if keys else []),
            ]


def test_the_switch_is_read_by_what_starts_calls_alone(synthesis: Synthesis) -> None:
    (switch,) = granted(synthesis)["ssm:GetParameter"]
    parts = switch["Fn::Join"][1]
    region, account = synthesis.configuration.region, synthesis.configuration.account
    assert parts == [
        f"arn:aws:ssm:{region}:{account}:parameter",
        synthesis.outputs["CallingParameter"]["Value"],
    ]
    (holder,) = (
        name
        for name, policy in synthesis.resources("AWS::IAM::ManagedPolicy").items()
        if "ssm:GetParameter" in json.dumps(policy)
    )
    assert holder.startswith("StartCallPolicy")


def test_no_statement_allows_by_exception(synthesis: Synthesis) -> None:
    for statement in statements(synthesis):
        assert statement["Effect"] == "Allow"
        assert not {"NotAction", "NotResource", "NotPrincipal"} & set(statement)


def test_tracing_alone_reaches_every_resource(native: Synthesis) -> None:
    everywhere = {action for action, resources in granted(native).items() if "*" in resources}
    assert everywhere == {"xray:PutTelemetryRecords", "xray:PutTraceSegments"}


def test_calls_start_in_the_configured_instance_and_flows_alone(native: Synthesis) -> None:
    synthesis = native
    connect = synthesis.configuration.connect
    flows: list[Any] = [
        {"Fn::GetAtt": [id_, "ContactFlowArn"]}
        for id_ in synthesis.resources("AWS::Connect::ContactFlow")
        if "shared" not in id_ or "sharedsmoke" in id_  # no call enters the others first
    ]
    flows += [
        flow.arn
        for flow in (connect.contact_flow, *connect.topics.values())
        if isinstance(flow, AdoptedContactFlow)
    ]
    instance = synthesis.outputs["ConnectInstanceArn"]["Value"]
    allowed = granted(synthesis)["connect:StartWebRTCContact"]
    assert sorted(map(str, allowed)) == sorted(map(str, [instance, *flows]))


def rights_to_start(synthesis: Synthesis) -> tuple[str, Properties]:
    """The policy of that, by its logical id."""
    (found,) = (
        (id_, of)
        for id_, of in synthesis.resources("AWS::IAM::ManagedPolicy").items()
        if "connect:StartWebRTCContact" in json.dumps(of)
    )
    return found


@pytest.mark.slow  # synth after synth
def test_a_changed_flow_takes_one_deployment(tmp_path: Path) -> None:
    """The version behind the alias goes on starting calls in its flow until the next one has taken its place.

    An update creates first and removes last (AWS CloudFormation user guide, "Update behaviors of stack
    resources"), so the rights of both must be two resources, and the alias must wait for the new one.
    """
    configuration = load(CHECKOUT, "prod")
    old, new = (
        synthesize_unchecked(
            replace(
                configuration,
                connect=replace(
                    configuration.connect,
                    contact_flow_arn=f"{configuration.connect.instance_arn}/contact-flow/{flow}",
                ),
            ),
            tmp_path / flow,
        )
        for flow in ("one", "two")
    )
    (old_id, old_rights), (new_id, new_rights) = rights_to_start(old), rights_to_start(new)
    assert old_id != new_id
    assert "/contact-flow/one" in json.dumps(old_rights)
    assert "/contact-flow/one" not in json.dumps(new_rights)
    # Attached by the policy: the role, which an update would change in place, does not name it.
    (role,) = (part["Ref"] for part in new_rights["Roles"])
    assert new_id not in json.dumps(new.resources("AWS::IAM::Role")[role])
    aliases = [
        of
        for _, of in new.declarations()
        if of["Type"] == "AWS::Lambda::Alias" and new_id in of.get("DependsOn", [])
    ]
    (alias,) = aliases
    function = new.resources("AWS::Lambda::Function")[alias["Properties"]["FunctionName"]["Ref"]]
    assert function["Role"]["Fn::GetAtt"][0] == role
    # Nothing else of the role differs, so nothing is taken from the old version meanwhile.
    for type_ in ("AWS::IAM::Role", "AWS::IAM::ManagedPolicy"):
        before, after = old.resources(type_), new.resources(type_)
        assert {id_: of for id_, of in before.items() if id_ != old_id} == {
            id_: of for id_, of in after.items() if id_ != new_id
        }


def test_the_same_flows_leave_the_rights_as_they_are(
    synthesized: Callable[[str], Synthesis], prod_again: Synthesis
) -> None:
    assert rights_to_start(prod_again) == rights_to_start(synthesized("prod"))


def test_contacts_of_the_configured_instance_alone_are_touched(synthesis: Synthesis) -> None:
    instance = synthesis.outputs["ConnectInstanceArn"]["Value"]
    known = isinstance(instance, str)
    contacts: Any = f"{instance}/contact/*" if known else {"Fn::Join": ["", [instance, "/contact/*"]]}
    grants = granted(synthesis)
    assert all(allowed == contacts for allowed in grants["connect:StopContact"])
    assert grants["connect:CreateParticipant"] == [instance, contacts]
    assert grants["connect:GetContactMetrics"] == [instance, contacts]


def test_functions_use_the_tables_alone_and_their_indexes_to_find_items(native: Synthesis) -> None:
    grants = granted(native)
    calls, waiting = (
        {"Fn::GetAtt": [id_, "Arn"]} for id_ in sorted(native.resources("AWS::DynamoDB::Table"))
    )
    assert all(
        resource in (calls, waiting)
        for action in ("GetItem", "UpdateItem")
        for resource in grants[f"dynamodb:{action}"]
    )
    indexes = [(calls, "ByContactId"), (waiting, "ByTurn")]
    assert sorted(map(str, grants["dynamodb:Query"])) == sorted(
        str({"Fn::Join": ["", [table, f"/index/{index}"]]}) for table, index in indexes
    )


def services_that_use_keys(synthesis: Synthesis) -> set[str]:
    """Those through which functions use keys, all of them only through one."""
    services = set()
    for statement in statements(synthesis):
        if set(KEY_ACTIONS) & set(listed(statement["Action"])):
            (operator,) = statement["Condition"].items()
            assert operator[0] == "StringEquals"
            services.add(operator[1]["kms:ViaService"].partition(f".{synthesis.configuration.region}.")[0])
    return services


def test_functions_use_their_key_through_table_and_queue_alone(native: Synthesis) -> None:
    assert services_that_use_keys(native) == {"dynamodb", "sqs"}
    key = arn(native, "AWS::KMS::Key")
    for statement in statements(native):
        if set(KEY_ACTIONS) & set(listed(statement["Action"])):
            assert statement["Resource"] == key


def indexes_by_policy(synthesis: Synthesis) -> dict[str, list[str]]:
    """By which indexes each function finds items."""
    return {
        re.sub(r"Policy[0-9A-F]{8}$", "", name): re.findall(r"/index/(\w+)", json.dumps(policy))
        for name, policy in synthesis.resources("AWS::IAM::ManagedPolicy").items()
        if "dynamodb:Query" in json.dumps(policy)
    }


def test_contact_events_alone_find_users_by_a_contact(native: Synthesis) -> None:
    assert indexes_by_policy(native) == {"CallControl": ["ByTurn"], "ContactEvents": ["ByContactId"]}


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


def test_a_service_uses_a_key_for_this_account_alone(synthesis: Synthesis) -> None:
    for stack in synthesis.with_functions:
        check_key(stack)


def check_key(synthesis: Synthesis) -> None:
    (owner, *services) = synthesis.the("AWS::KMS::Key")["KeyPolicy"]["Statement"]
    account, region = synthesis.configuration.account, synthesis.configuration.region
    assert owner["Principal"] == {"AWS": f"arn:aws:iam::{account}:root"}
    of_account = {"StringEquals": {"aws:SourceAccount": account}}
    # CloudFormation makes a rule's name of a shortened stack's name: no pattern on that would hold.
    of_rule = {"ArnLike": {"aws:SourceArn": f"arn:aws:events:{region}:{account}:rule/*"}}
    conditions = {statement["Principal"]["Service"]: statement["Condition"] for statement in services}
    of_logs = conditions.pop(f"logs.{region}.amazonaws.com")  # tests/infra/test_stored_data.py looks at it
    assert account in str(of_logs)
    assert conditions == {
        "cloudwatch.amazonaws.com": of_account,
        "events.amazonaws.com": of_account | of_rule,
    }
    for statement in services:
        assert not any("*" in action for action in statement["Action"])
