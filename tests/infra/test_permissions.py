"""Rules of the house for what roles, keys and topics allow."""

import json
import re
from collections.abc import Iterator
from typing import Any

from infra.bundling import FUNCTIONS
from infra.config import AdoptedConnectNumber, AdoptedContactFlow, OwnVoiceConnector
from infra.identity_config import KmsKeys
from tests.infra.synthesis import Properties, Synthesis

KEY_ACTIONS = ("kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey")

# Each action of a role, and where the Amazon Chime SDK knows the thing that it is done to.
BRIDGE_ACTIONS = {
    "chime:CreateAttendee": "meeting",
    "chime:CreateMeetingWithAttendees": "*",
    "chime:CreatePhoneNumberOrder": "*",
    "chime:CreateSipMediaApplicationCall": "application",
    "chime:CreateSipRule": "application",
    "chime:DeleteMeeting": "meeting",
    "chime:DeletePhoneNumber": "*",
    "chime:DeleteSipRule": "*",
    "chime:GetAttendee": "meeting",
    "chime:GetPhoneNumber": "*",
    "chime:GetPhoneNumberOrder": "*",
    "chime:ListPhoneNumbers": "*",
    "chime:ListSipRules": "*",
    "chime:SearchAvailablePhoneNumbers": "*",
    "chime:UpdateSipMediaApplicationCall": "application",
    "chime:UpdateSipRule": "*",
    "connect:AssociatePhoneNumberContactFlow": "number and flow",
    "connect:DisassociatePhoneNumberContactFlow": "numbers",
    "lambda:GetFunction": "function",
    "lambda:InvokeFunction": "function",
}

# The same of what makes a Voice Connector's settings, where none is adopted.
CONNECTOR_ACTIONS = {
    "chime:DeleteVoiceConnectorOrigination": "connector",
    "chime:DeleteVoiceConnectorTermination": "connector",
    "chime:DeleteVoiceConnectorTerminationCredentials": "connector",
    "chime:ListVoiceConnectorTerminationCredentials": "connector",
    "chime:PutVoiceConnectorLoggingConfiguration": "connector",
    "chime:PutVoiceConnectorOrigination": "connector",
    "chime:PutVoiceConnectorTermination": "connector",
    "chime:PutVoiceConnectorTerminationCredentials": "connector",
    "logs:CreateLogDelivery": "*",
    "logs:CreateLogGroup": "*",
    "logs:DeleteLogDelivery": "*",
    "logs:DescribeLogGroups": "*",
    "logs:DescribeResourcePolicies": "*",
    "logs:GetLogDelivery": "*",
    "logs:ListLogDeliveries": "*",
    "logs:PutResourcePolicy": "*",
    "secretsmanager:GetSecretValue": "secret",
}


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


def bridge_actions(synthesis: Synthesis) -> dict[str, str]:
    """The actions that the environment's SIP bridge takes, if there is one."""
    bridge = synthesis.configuration.sip_bridge
    if bridge is None:
        return {}
    if isinstance(bridge.voice_connector, OwnVoiceConnector):
        return BRIDGE_ACTIONS | CONNECTOR_ACTIONS
    return BRIDGE_ACTIONS


def arn(synthesis: Synthesis, type_: str) -> dict[str, list[str]]:
    (id_,) = synthesis.resources(type_)
    return {"Fn::GetAtt": [id_, "Arn"]}


def test_roles_may_do_this_and_nothing_else(synthesis: Synthesis) -> None:
    assert set(granted(synthesis)) == {
        *KEY_ACTIONS,
        *(bridge_actions(synthesis) or ["connect:CreateParticipant", "connect:StartWebRTCContact"]),
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


def test_only_tracing_and_what_aws_knows_no_resource_for_reach_every_resource(synthesis: Synthesis) -> None:
    everywhere = {action for action, resources in granted(synthesis).items() if "*" in resources}
    nameless = {action for action, resource in bridge_actions(synthesis).items() if resource == "*"}
    assert everywhere == {"xray:PutTelemetryRecords", "xray:PutTraceSegments", *nameless}


def test_the_bridges_rights_are_for_its_own_things_alone(synthesis: Synthesis) -> None:
    bridge = synthesis.configuration.sip_bridge
    if bridge is None:
        return
    grants, region, account = (
        granted(synthesis),
        synthesis.configuration.region,
        synthesis.configuration.account,
    )
    number_arns: list[Any] = [
        {"Fn::GetAtt": [id_, "PhoneNumberArn"]} for id_ in synthesis.resources("AWS::Connect::PhoneNumber")
    ]
    if isinstance(bridge.connect_number, AdoptedConnectNumber):
        number_arns = [bridge.connect_number.arn]
    ((application, _),) = synthesis.resources("AWS::Chime::SipMediaApplication").items()
    (flow,) = [name for name in synthesis.resources("AWS::Connect::ContactFlow") if "bridge" in name]
    (alias,) = [name for name in synthesis.resources("AWS::Lambda::Alias") if "BridgeResources" in name]
    things: dict[str, list[Any]] = {
        "*": ["*"],
        "meeting": [f"arn:aws:chime:{region}:{account}:meeting/*"],
        "application": [{"Fn::GetAtt": [application, "SipMediaApplicationArn"]}],
        "connector": [
            {"Fn::GetAtt": [id_, "VoiceConnectorArn"]}
            for id_ in synthesis.resources("AWS::Chime::VoiceConnector")
        ],
        "numbers": [f"arn:aws:connect:{region}:{account}:phone-number/*"],
        "number and flow": [*number_arns, {"Fn::GetAtt": [flow, "ContactFlowArn"]}],
        "function": [{"Ref": alias}],
        "secret": [{"Ref": id_} for id_ in synthesis.resources("AWS::SecretsManager::Secret")],
    }
    for action, thing in bridge_actions(synthesis).items():
        for allowed in grants[action]:
            # From another stack.
            if isinstance(allowed, dict) and "Fn::ImportValue" in allowed:
                assert [name for name in (application, alias) if name in allowed["Fn::ImportValue"]]
            else:
                assert allowed in things[thing], action


def test_of_the_bridges_functions_each_has_its_own_rights(synthesis: Synthesis) -> None:
    """What makes numbers and rules makes no calls, and what leads calls ends meetings and nothing else."""
    if not synthesis.bridged:
        return
    policies, roles = synthesis.resources("AWS::IAM::ManagedPolicy"), synthesis.resources("AWS::IAM::Role")
    held: dict[str, set[str]] = {}
    for function in synthesis.resources("AWS::Lambda::Function").values():
        role = function["Role"]["Fn::GetAtt"][0]
        attached = [policy["Ref"] for policy in roles[role]["ManagedPolicyArns"]]
        # By a reference, or from another stack by an export that is named after the role.
        attached += [id_ for id_, policy in policies.items() if role in json.dumps(policy.get("Roles", []))]
        held[function["Handler"].partition(".")[0]] = {
            action
            for id_ in attached
            for statement in policies[id_]["PolicyDocument"]["Statement"]
            for action in listed(statement["Action"])
            if action.partition(":")[0] in {"chime", "connect", "lambda", "secretsmanager"}
        }
    assert held["sip_media"] == {"chime:DeleteMeeting"}
    assert held["framework"] == {"lambda:GetFunction", "lambda:InvokeFunction"}
    assert held["start_call"] == {
        "chime:CreateMeetingWithAttendees",
        "chime:CreateSipMediaApplicationCall",
        "chime:DeleteMeeting",
        "chime:UpdateSipMediaApplicationCall",
        "connect:StopContact",
    }
    assert held["call_control"] == {
        "chime:CreateAttendee",
        "chime:DeleteMeeting",
        "chime:GetAttendee",
        "chime:UpdateSipMediaApplicationCall",
        "connect:StopContact",
    }
    assert held["contact_events"] == {"chime:DeleteMeeting", "connect:StopContact"}
    assert held["caller_context"] == set()
    called = {
        action
        for service, operations in FUNCTIONS["bridge_resources"].aws_operations.items()
        for action in (f"{service.removesuffix('-sdk-voice')}:{operation}" for operation in operations)
    }
    unused = CONNECTOR_ACTIONS.keys() - bridge_actions(synthesis).keys()
    assert held["bridge_resources"] == called - unused


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
    if synthesis.bridged:
        assert "connect:StartWebRTCContact" not in granted(synthesis)
        return
    allowed = granted(synthesis)["connect:StartWebRTCContact"]
    assert sorted(map(str, allowed)) == sorted(map(str, [instance, *flows]))


def test_contacts_of_the_configured_instance_alone_are_touched(synthesis: Synthesis) -> None:
    instance = synthesis.outputs["ConnectInstanceArn"]["Value"]
    known = isinstance(instance, str)
    contacts: Any = f"{instance}/contact/*" if known else {"Fn::Join": ["", [instance, "/contact/*"]]}
    grants = granted(synthesis)
    assert all(allowed == contacts for allowed in grants["connect:StopContact"])
    if not synthesis.bridged:
        assert grants["connect:CreateParticipant"] == [instance, contacts]


def test_functions_use_the_table_alone_and_its_indexes_to_find_users(synthesis: Synthesis) -> None:
    grants = granted(synthesis)
    table = arn(synthesis, "AWS::DynamoDB::Table")
    assert all(
        resource == table for action in ("GetItem", "UpdateItem") for resource in grants[f"dynamodb:{action}"]
    )
    indexes = ["ByReference", "ByContactId", "ByMeetingId"] if synthesis.bridged else ["ByContactId"]
    assert grants["dynamodb:Query"] == [{"Fn::Join": ["", [table, f"/index/{name}"]]} for name in indexes]


def test_functions_use_the_key_through_table_queue_and_secret_alone(synthesis: Synthesis) -> None:
    region = synthesis.configuration.region
    by = {"DecryptEvents": "sqs", "UseKeyOfCalls": "dynamodb", "DecryptCredentials": "secretsmanager"}
    for stack in synthesis.with_functions:
        key = arn(stack, "AWS::KMS::Key")
        for statement in statements(stack):
            if set(KEY_ACTIONS) & set(listed(statement["Action"])):
                assert statement["Resource"] == key
                through = by[statement["Sid"]]
                assert statement["Condition"] == {
                    "StringEquals": {"kms:ViaService": f"{through}.{region}.amazonaws.com"}
                }


def test_who_finds_users_by_what(synthesis: Synthesis) -> None:
    """Contact events name a contact or a meeting; a contact over the bridge presents a reference."""
    found = {
        name: re.findall(r"/index/(\w+)", json.dumps(policy))
        for name, policy in synthesis.resources("AWS::IAM::ManagedPolicy").items()
        if "dynamodb:Query" in json.dumps(policy)
    }
    by = {re.sub(r"Policy[0-9A-F]{8}$", "", name): indexes for name, indexes in found.items()}
    assert by == {
        "ContactEventsFunction": ["ByContactId", *(["ByMeetingId"] if synthesis.bridged else [])],
        **({"CallerContext": ["ByReference"]} if synthesis.bridged else {}),
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
