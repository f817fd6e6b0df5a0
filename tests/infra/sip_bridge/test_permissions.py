"""Rules of the house for what the SIP bridge's roles allow, and for what the others do because of it."""

from __future__ import annotations

import json
from typing import Any

from infra.sip_bridge.functions import media_application, resources
from infra.sip_bridge.section import AdoptedConnectNumber, section_of
from tests.infra.synthesis import Synthesis
from tests.infra.test_permissions import (
    core_actions,
    granted,
    indexes_by_policy,
    listed,
    services_that_use_keys,
    statements,
)

# Each action of a role, and where the Amazon Chime SDK knows the thing that it is done to.
ACTIONS_WITHOUT_CONNECTOR = {
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
    "secretsmanager:GetSecretValue": "secret",
}

# And where its SIP messages are logged.
LOG_ACTIONS = {
    "logs:CreateLogDelivery": "*",
    "logs:CreateLogGroup": "log group",
    "logs:DeleteLogDelivery": "*",
    "logs:DescribeLogGroups": "*",
    "logs:DescribeResourcePolicies": "*",
    "logs:GetLogDelivery": "*",
    "logs:ListLogDeliveries": "*",
    "logs:PutResourcePolicy": "*",
}


ACTIONS = ACTIONS_WITHOUT_CONNECTOR | CONNECTOR_ACTIONS


def test_roles_may_do_this_and_nothing_else(
    bridged: Synthesis, adopted: Synthesis, logged: Synthesis
) -> None:
    assert set(granted(bridged)) == core_actions(bridged) | set(ACTIONS)
    assert set(granted(logged)) == core_actions(logged) | set(ACTIONS) | set(LOG_ACTIONS)
    assert set(granted(adopted)) == core_actions(adopted) | set(ACTIONS_WITHOUT_CONNECTOR)


def test_logs_of_sip_messages_take_their_own_group_and_else_what_has_no_name(logged: Synthesis) -> None:
    grants = granted(logged)
    ((connector, _),) = logged.resources("AWS::Chime::VoiceConnector").items()
    region, account = logged.configuration.region, logged.configuration.account
    group = {
        "Fn::Join": [
            "",
            [
                f"arn:aws:logs:{region}:{account}:log-group:/aws/ChimeVoiceConnectorSipMessages/",
                {"Fn::GetAtt": [connector, "VoiceConnectorId"]},
            ],
        ]
    }
    things = {"*": ["*"], "log group": [group]}
    for action, thing in LOG_ACTIONS.items():
        assert grants[action] == things[thing], action


def test_rights_of_what_was_made_before_hold_until_an_update_has_ended(
    bridged: Synthesis, logged: Synthesis
) -> None:
    """Turning the logs off takes the rights of turning them on: they are another policy, which goes last."""
    before, after = (
        {id_ for id_ in each.resources("AWS::IAM::ManagedPolicy") if "SettingsRights" in id_}
        for each in (logged, bridged)
    )
    assert (len(before), len(after), before & after) == (1, 1, set())


def test_no_call_is_started_in_connect_itself(bridged: Synthesis) -> None:
    assert "connect:StartWebRTCContact" not in granted(bridged)


def test_only_tracing_and_actions_without_resource_types_have_every_resource(bridged: Synthesis) -> None:
    everywhere = {action for action, allowed in granted(bridged).items() if "*" in allowed}
    nameless = {action for action, resource in ACTIONS.items() if resource == "*"}
    assert everywhere == {"xray:PutTelemetryRecords", "xray:PutTraceSegments", *nameless}


def test_functions_use_keys_through_tables_queue_and_secret_alone(bridged: Synthesis) -> None:
    assert services_that_use_keys(bridged) == {"dynamodb", "secretsmanager", "sqs"}


def by_sid(synthesis: Synthesis, sid: str) -> dict[str, list[str]]:
    """The actions of the statements of this name, by the policy that has them."""
    return {
        policy["Description"]: sorted(listed(statement["Action"]))
        for policy in synthesis.resources("AWS::IAM::ManagedPolicy").values()
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Sid"] == sid
    }


def test_each_function_does_to_bridged_calls_what_it_has_to(bridged: Synthesis) -> None:
    name = f"What {bridged.environment}-{{}} may do"
    assert by_sid(bridged, "BridgedCalls") == {
        name.format("start-call"): ["dynamodb:UpdateItem"],
        name.format("call-control"): ["dynamodb:GetItem", "dynamodb:UpdateItem"],
        name.format("contact-events"): ["dynamodb:GetItem", "dynamodb:UpdateItem"],
        name.format("caller-context"): ["dynamodb:GetItem"],
    }
    assert indexes_by_policy(bridged) == {
        "CallControl": ["ByTurn"],
        "ContactEvents": ["ByContactId", "ByMeetingId"],
    }


def test_the_table_of_bridged_calls_and_its_key_alone_are_named(bridged: Synthesis) -> None:
    stack = bridged.alone("SipBridge")
    (table,), (key,) = (stack.resources(type_) for type_ in ("AWS::DynamoDB::Table", "AWS::KMS::Key"))
    exports = {
        output["Export"]["Name"]: output["Value"]
        for output in bridged.templates["SipBridge"]["Outputs"].values()
        if "Export" in output
    }
    for statement in statements(bridged):
        if statement["Sid"] in {"BridgedCalls", "UseKeyOfBridgedCalls"}:
            named = exports[statement["Resource"]["Fn::ImportValue"]]
            assert named == {"Fn::GetAtt": [table if statement["Sid"] == "BridgedCalls" else key, "Arn"]}


def test_the_bridges_rights_are_for_its_own_things_alone(bridged: Synthesis) -> None:
    section = section_of(bridged.configuration)
    grants, region, account = (
        granted(bridged),
        bridged.configuration.region,
        bridged.configuration.account,
    )
    number_arns: list[Any] = [
        {"Fn::GetAtt": [id_, "PhoneNumberArn"]} for id_ in bridged.resources("AWS::Connect::PhoneNumber")
    ]
    if isinstance(section.connect_number, AdoptedConnectNumber):
        number_arns = [section.connect_number.arn]
    ((application, _),) = bridged.resources("AWS::Chime::SipMediaApplication").items()
    (flow,) = [name for name in bridged.resources("AWS::Connect::ContactFlow") if "bridge" in name]
    (alias,) = [name for name in bridged.resources("AWS::Lambda::Alias") if "BridgeResources" in name]
    things: dict[str, list[Any]] = {
        "*": ["*"],
        "meeting": [f"arn:aws:chime:{region}:{account}:meeting/*"],
        "application": [{"Fn::GetAtt": [application, "SipMediaApplicationArn"]}],
        "connector": [
            {"Fn::GetAtt": [id_, "VoiceConnectorArn"]}
            for id_ in bridged.resources("AWS::Chime::VoiceConnector")
        ],
        "numbers": [f"arn:aws:connect:{region}:{account}:phone-number/*"],
        "number and flow": [*number_arns, {"Fn::GetAtt": [flow, "ContactFlowArn"]}],
        "function": [{"Ref": alias}],
        "secret": [{"Ref": id_} for id_ in bridged.resources("AWS::SecretsManager::Secret")],
    }
    for action, thing in ACTIONS.items():
        for allowed in grants[action]:
            # From another stack.
            if isinstance(allowed, dict) and "Fn::ImportValue" in allowed:
                assert [name for name in (application, alias) if name in allowed["Fn::ImportValue"]]
            else:
                assert allowed in things[thing], action


def test_of_the_bridges_functions_each_has_its_own_rights(bridged: Synthesis) -> None:
    """What makes numbers and rules makes no calls, and what leads calls ends meetings and nothing else."""
    policies, roles = bridged.resources("AWS::IAM::ManagedPolicy"), bridged.resources("AWS::IAM::Role")
    held: dict[str, set[str]] = {}
    for function in bridged.resources("AWS::Lambda::Function").values():
        role = function["Role"]["Fn::GetAtt"][0]
        attached = [policy["Ref"] for policy in roles[role]["ManagedPolicyArns"]]
        # By a reference, or from another stack by an export that is named after the role.
        attached += [id_ for id_, policy in policies.items() if role in json.dumps(policy.get("Roles", []))]
        held[function["Handler"].removesuffix(".handler.handler")] = {
            action
            for id_ in attached
            for statement in policies[id_]["PolicyDocument"]["Statement"]
            for action in listed(statement["Action"])
            if action.partition(":")[0] in {"chime", "connect", "lambda", "secretsmanager"}
        }
    assert held[media_application.SOURCE.package] == {"chime:DeleteMeeting"}
    assert held["framework.onEvent"] == {"lambda:GetFunction", "lambda:InvokeFunction"}
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
        "connect:CreateParticipant",
        "connect:StopContact",
    }
    assert held["contact_events"] == {"chime:DeleteMeeting", "connect:StopContact"}
    assert held["caller_context"] == set()
    called = {
        action
        for service, operations in resources.SOURCE.aws_operations.items()
        for action in (f"{service.removesuffix('-sdk-voice')}:{operation}" for operation in operations)
    }
    assert held[resources.SOURCE.package] == called
