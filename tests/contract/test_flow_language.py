"""Two readings of the Flow language, written apart: what is checked before a deployment, and what the local
Amazon Connect takes. Each flow is refused by both or by none.
"""

import json
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.assets.contact_flow_lint.block_types import (
    BLOCK_TYPES,
    BUFFER,
    MISNAMED,
    STORED_INPUT,
    BlockType,
    FlowType,
)
from infra.assets.contact_flow_lint.blocks import read_block
from infra.assets.contact_flow_lint.form import form_faults, shape_faults
from local.emulator.connect import flow_language
from local.emulator.connect.flow_block_rules import BLOCK_RULES
from local.emulator.connect.flow_language import InvalidContactFlowError
from tests.examples import examples

ID = "22222222-2222-4222-8222-222222222222"
ARN = "arn:aws:connect:eu-west-2:000000000000:instance/i/queue/q"
REFERENCE = "$.Attributes.x"

# What is taken of each type; those without parameters are left out.
PARAMETERS: dict[str, list[dict[str, Any]]] = {
    "AssociateContactToCustomerProfile": [{"ProfileRequestData": {"ProfileId": REFERENCE, "ContactId": "c"}}],
    "CheckHoursOfOperation": [{}, {"HoursOfOperationId": ID}],
    "CheckMetricData": [
        {"MetricType": "NumberOfAgentsStaffed", "QueueId": ARN},
        {"MetricType": "NumberOfContactsInQueue", "AgentId": REFERENCE},
    ],
    "Compare": [{"ComparisonValue": "$.SegmentAttributes['connect:Subtype']"}],
    "ConnectParticipantWithLexBot": [
        {"LexV2Bot": {"AliasArn": ARN}, "Text": "Hi", "LexSessionAttributes": {"a": "b"}},
        {"LexBot": {"Name": "n", "Region": "r", "Alias": "a"}},
    ],
    "CreateCallbackContact": [
        {
            "InitialCallDelaySeconds": "5",
            "MaximumConnectionAttempts": 1,
            "RetryDelaySeconds": "600",
            "QueueId": ID,
        }
    ],
    "CreateCase": [{"CaseTemplateId": "t", "LinkContactToCase": "true", "CaseRequestFields": {"a": "b"}}],
    "CreateTask": [{"Name": "n", "ContactFlowId": ID, "DelaySeconds": "5", "References": {"a": "b"}}],
    "CreateWisdomSession": [{"WisdomAssistantArn": ARN}],
    "DequeueContactAndTransferToQueue": [{}, {"QueueId": ARN}],
    "GetCase": [{"CustomerId": REFERENCE, "GetLastUpdatedCase": "true", "CaseResponseFields": ["a"]}],
    "GetCustomerProfile": [
        {
            "ProfileRequestData": {"IdentifierName": "_phone", "IdentifierValue": REFERENCE},
            "ProfileResponseData": [],
        }
    ],
    "GetMetricData": [{}, {"QueueId": ARN, "QueueChannel": "Voice"}],
    "GetParticipantInput": [
        {"EnableDTMFBuffer": "true"},
        {
            "EnableDTMFBuffer": "false",
            "StoreInput": "true",
            "InputEncryption": {"EncryptionKeyId": "k", "Key": "p"},
        },
        {"Text": "1 or 2", "InputTimeLimitSeconds": "5", "StoreInput": "False"},
        {
            "SSML": "<speak/>",
            "StoreInput": "True",
            "InputTimeLimitSeconds": 8,
            "InputValidation": {"CustomValidation": {"MaximumLength": "12"}},
            "InputEncryption": {"EncryptionKeyId": "k", "Key": "p"},
            "DTMFConfiguration": {"InterdigitTimeLimitSeconds": "2", "DisableCancelKey": "True"},
        },
        {
            "StoreInput": "True",
            "InputTimeLimitSeconds": "8",
            "InputValidation": {"PhoneNumberValidation": {"NumberFormat": "Local", "CountryCode": "GB"}},
        },
    ],
    "InvokeFlowModule": [{"FlowModuleId": ID}],
    "InvokeLambdaFunction": [
        {
            "LambdaFunctionARN": ARN,
            "InvocationTimeLimitSeconds": "8",
            "InvocationType": "SYNCHRONOUS",
            "LambdaInvocationAttributes": {"a": ""},
            "ResponseValidation": {"ResponseType": "JSON"},
        }
    ],
    "Loop": [{"LoopCount": "3"}, {"LoopCount": REFERENCE}],
    "MessageParticipant": [
        {"Text": "Hi", "SkipWhenDTMFBufferEnabled": "false"},
        {"PromptId": ID},
        {"Media": {"Uri": "s3://a", "SourceType": "S3", "MediaType": "Audio"}},
    ],
    "MessageParticipantIteratively": [
        {"Messages": [{"Text": "Hi"}, {"PromptId": ARN}], "InterruptFrequencySeconds": "30"},
        {"Messages": [{"SSML": "<speak/>"}]},
    ],
    "ShowView": [
        {
            "ViewResource": {"Id": "arn:aws:connect:eu-west-2:aws:view/detail:1", "Version": "1"},
            "InvocationTimeLimitSeconds": "60",
            "ViewData": {"Heading": "Caller", "Actions": ["Done"]},
        }
    ],
    "TagContact": [{"Tags": {"a": "b"}}],
    "TransferParticipantToThirdParty": [{"ThirdPartyPhoneNumber": "+44", "CallerId": {"Name": "n"}}],
    "TransferToFlow": [{"ContactFlowId": "$.External.contact_flow_arn"}],
    "UntagContact": [{"TagKeys": ["a"]}],
    "UpdateCase": [{"CaseId": REFERENCE}],
    "UpdateContactAttributes": [{"Attributes": {"a_b-c": "", "d": "$.Name"}, "TargetContact": "Current"}],
    "UpdateContactCallbackNumber": [{"CallbackNumber": REFERENCE}],
    "UpdateContactData": [{}, {"Name": "$.Name", "References": {"a": "b"}, "TargetContact": "Related"}],
    "UpdateContactEventHooks": [
        {"EventHooks": {"AgentWhisper": ARN}},
        {
            "EventHooks": {"AgentWhisper": ARN},
            "EventHooksConfiguration": {"AgentWhisper": {"DisableExecution": "false"}},
        },
    ],
    "UpdateContactMediaProcessing": [{"ChatProcessor": {}}],
    "UpdateContactMediaStreamingBehavior": [
        {
            "MediaStreamingState": "Enabled",
            "MediaStreamType": "Audio",
            "Participants": [{"ParticipantType": "Customer"}],
        }
    ],
    "UpdateContactRecordingAndAnalyticsBehavior": [
        {"VoiceBehavior": {"VoiceRecordingBehavior": {"RecordedParticipants": ["Agent", "Customer"]}}},
        {"ScreenRecordingBehavior": {"ScreenRecordedParticipants": ["Agent"]}},
    ],
    "UpdateContactRecordingBehavior": [
        {
            "RecordingBehavior": {"RecordedParticipants": ["Agent"], "IVRRecordingBehavior": "Enabled"},
            "AnalyticsBehavior": {"Enabled": "True"},
        }
    ],
    "UpdateContactRoutingBehavior": [{"QueuePriority": "1"}, {"QueueTimeAdjustmentSeconds": "-600"}],
    "UpdateContactTargetQueue": [{"QueueId": ARN}, {"AgentId": ID}],
    "UpdateContactTextToSpeechVoice": [{"TextToSpeechVoice": "Amy", "TextToSpeechEngine": "Neural"}],
    "UpdateFlowAttributes": [{"FlowAttributes": {"a b": {"Value": ""}}}],
    "UpdateFlowLoggingBehavior": [{"FlowLoggingBehavior": "Disabled"}],
    "UpdatePreviousContactParticipantState": [{"PreviousContactParticipantState": "OffHold"}],
    "Wait": [{"TimeLimitSeconds": "900", "Events": ["CustomerReturned"]}, {"TimeLimitSeconds": 5}],
}
CONDITIONS: dict[str, list[tuple[str, object]]] = {
    "CheckHoursOfOperation": [("Equals", "True"), ("Equals", "False")],
    "CheckMetricData": [("NumberGreaterThan", "0")],
    "CheckOutboundCallStatus": [("Equals", "CallAnswered")],
    "CheckVoiceId": [("Equals", "Enrolled")],
    "Compare": [("TextContains", "a"), ("NumberLessThan", "3")],
    "DistributeByPercentage": [("NumberLessThan", "4"), ("NumberLessThan", 10)],
    "GetParticipantInput": [("Equals", "1"), ("Equals", "*")],
    "Loop": [("Equals", "ContinueLooping"), ("Equals", "DoneLooping")],
    "MessageParticipantIteratively": [("Equals", "MessagesInterrupted")],
    "ShowView": [("Equals", "Done")],
    "Wait": [("Equals", "WaitCompleted"), ("Equals", "CustomerReturned")],
}
TYPES = [
    flow_type for flow_type in FlowType if flow_type is not FlowType.MODULE
]  # a module is no contact flow
ERRORS = sorted(
    {error for type_ in BLOCK_TYPES.values() for error in (*type_.errors, *type_.may)} | {"AgentError"}
)
OPERATORS = ["Equals", "NumberGreaterThan", "NumberLessThan", "TextContains", "Matches", None]
VALUES: list[Any] = [
    None, True, 0, 1, 1.5, -1, 9, "", " ", "0", "1", "3", "9", "21", "-1", "1.5", "True", "true", "False",
    "x", "x y", "Agent", "Enabled", "S3", "$.", "$.Attributes.x", "a $.Name", ARN, ID, "%Arn%", "arn:a",
    [], {}, [""], ["Agent"], [{}], {"a": "b"}, {"a": 1}, {"": "b"}, {"a.b": "c"}, {"Text": "a", "SSML": "b"},
    ["x", 1], {"QueuePriority": "1"}, {"Id": ID}, {"Value": "v"}, 10**20, "1" * 20, "\u0661", "a\nb",
]  # fmt: skip


STAY = {
    "Identifier": "b",
    "Type": "UpdateFlowLoggingBehavior",
    "Parameters": {"FlowLoggingBehavior": "Enabled"},
    "Transitions": {"NextAction": "a"},
}


def flow_of(block: dict[str, Any]) -> dict[str, Any]:
    """A flow of this block and one more, where every type of flow may come to an end."""
    return {"Version": "2019-10-30", "StartAction": "a", "Metadata": {}, "Actions": [block, deepcopy(STAY)]}


def rules_of(type_: str, parameters: dict[str, Any]) -> BlockType:
    if "EnableDTMFBuffer" in parameters:
        return BUFFER
    return STORED_INPUT if parameters.get("StoreInput") == "True" else BLOCK_TYPES[type_]


def sound(type_: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """A block as it is taken."""
    rules = rules_of(type_, parameters)
    block: dict[str, Any] = {
        "Identifier": "a",
        "Type": type_,
        "Parameters": deepcopy(parameters),
        "Transitions": {},
    }
    if rules.is_terminal:
        return block
    conditions = CONDITIONS.get(type_, []) if rules.branches else []
    block["Transitions"] = {
        "NextAction": "b",
        "Errors": [{"ErrorType": error, "NextAction": "b"} for error in rules.errors],
        "Conditions": [
            {"NextAction": "b", "Condition": {"Operator": operator, "Operands": [operand]}}
            for operator, operand in conditions
        ],
    }
    return block


SOUND = [(type_, given) for type_ in BLOCK_TYPES for given in PARAMETERS.get(type_, [{}])]


def lint_refuses(flow: Any, flow_type: FlowType) -> list[str]:
    shape = list(shape_faults(flow))
    if shape:
        return [str(fault) for fault in shape]
    blocks = [read_block(number, block) for number, block in enumerate(flow["Actions"])]
    found = form_faults({block.name: block for block in blocks if block}, flow_type)
    return [str(fault) for fault in found if fault.is_error]


def emulator_refuses(flow: Any, flow_type: FlowType) -> list[str]:
    try:
        flow_language.read(json.dumps(flow), flow_type)
    except InvalidContactFlowError as error:
        return error.problems
    return []


def test_both_readings_know_the_same_blocks() -> None:
    assert set(BLOCK_TYPES) == set(BLOCK_RULES)
    assert not set(MISNAMED) & set(BLOCK_TYPES)


@pytest.mark.parametrize(("type_", "given"), SOUND, ids=lambda value: value if isinstance(value, str) else "")
def test_a_sound_block_is_taken_where_it_may_stand(type_: str, given: dict[str, Any]) -> None:
    block = sound(type_, given)
    for flow_type in TYPES:
        refused = flow_type not in rules_of(type_, given).flow_types
        assert bool(lint_refuses(flow_of(block), flow_type)) is refused, lint_refuses(
            flow_of(block), flow_type
        )
        assert bool(emulator_refuses(flow_of(block), flow_type)) is refused


def members(value: Any) -> list[Any]:
    """Every object and list in a value that something can be changed in."""
    if isinstance(value, dict):
        return [value, *(inner for item in value.values() for inner in members(item))]
    if isinstance(value, list) and value:
        return [value, *(inner for item in value for inner in members(item))]
    return []


def a_value(data: st.DataObject) -> Any:
    return deepcopy(data.draw(st.sampled_from(VALUES)))


def change_parameter(data: st.DataObject, block: dict[str, Any]) -> None:
    if not isinstance(block.get("Parameters"), dict):
        block["Parameters"] = {}
    where = data.draw(st.sampled_from(members(block["Parameters"])))
    value = a_value(data)
    if isinstance(where, list):
        where[0] = value
    elif where and data.draw(st.booleans()):
        key = data.draw(st.sampled_from(sorted(where)))
        if data.draw(st.booleans()):
            del where[key]
        else:
            where[key] = value
    else:
        known = BLOCK_TYPES.get(str(block["Type"]), BUFFER).rules
        where[data.draw(st.sampled_from([*known, "Extra"]))] = value


def transitions_of(block: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(block.get("Transitions"), dict):
        block["Transitions"] = {}
    transitions: dict[str, Any] = block["Transitions"]
    return transitions


def change_next(data: st.DataObject, block: dict[str, Any]) -> None:
    transitions = transitions_of(block)
    transitions.pop("NextAction", None)
    if data.draw(st.booleans()):
        transitions["NextAction"] = data.draw(st.sampled_from(["b", "a", "gone", "", None, 5]))


def change_errors(data: st.DataObject, block: dict[str, Any]) -> None:
    wanted = data.draw(st.sets(st.sampled_from(ERRORS), max_size=4))
    transitions_of(block)["Errors"] = [{"ErrorType": error, "NextAction": "b"} for error in sorted(wanted)]


def change_conditions(data: st.DataObject, block: dict[str, Any]) -> None:
    transitions = transitions_of(block)
    kept = list(transitions.get("Conditions", []))
    kept = kept[: data.draw(st.integers(0, len(kept)))]
    if data.draw(st.booleans()):
        operands = [a_value(data) for _ in range(data.draw(st.sampled_from([1, 1, 1, 0, 2])))]
        compared = {"Operator": data.draw(st.sampled_from(OPERATORS)), "Operands": operands}
        kept.append({"NextAction": "b", "Condition": compared})
    transitions["Conditions"] = kept


def change_name(data: st.DataObject, block: dict[str, Any]) -> None:
    names = ["a", "b", "constructor", "valueOf", "a/b", "a" * 50, "a" * 51, "", 1]
    block["Identifier"] = data.draw(st.sampled_from(names))


def change_type(data: st.DataObject, block: dict[str, Any]) -> None:
    block["Type"] = data.draw(st.sampled_from([*BLOCK_TYPES, *MISNAMED, None]))


def change_block(data: st.DataObject, block: dict[str, Any]) -> None:
    block[data.draw(st.sampled_from(["Parameters", "Transitions"]))] = a_value(data)


def change_flow(data: st.DataObject, flow: dict[str, Any]) -> None:
    blocks = [[*flow["Actions"], *flow["Actions"]], [flow["Actions"][0]], [STAY, 1]]
    values = [a_value(data), "2019-10-30", "b", *blocks]
    flow[data.draw(st.sampled_from(["Version", "StartAction", "Actions"]))] = data.draw(
        st.sampled_from(values)
    )


CHANGES = [
    change_parameter,
    change_next,
    change_errors,
    change_conditions,
    change_name,
    change_type,
    change_block,
]


@settings(max_examples=examples(500))
@given(data=st.data())
def test_each_flow_is_refused_by_both_or_by_none(data: st.DataObject) -> None:
    block = sound(*data.draw(st.sampled_from(SOUND)))
    flow = flow_of(block)
    flow_type = data.draw(st.sampled_from(TYPES))
    for changed in data.draw(st.lists(st.sampled_from(CHANGES), min_size=1, max_size=3)):
        changed(data, block)
    if data.draw(st.integers(0, 9)) == 0:
        change_flow(data, flow)
    by_lint, by_emulator = lint_refuses(flow, flow_type), emulator_refuses(flow, flow_type)
    assert bool(by_lint) == bool(by_emulator), (json.dumps(flow), flow_type, by_lint, by_emulator)
