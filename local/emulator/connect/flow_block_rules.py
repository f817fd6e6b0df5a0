"""What CreateContactFlow takes of each type of block: the table that `flow_language` reads flows by.

Source: "Actions in the Flow language" in the Amazon Connect developer guide, and the problems that the
service is known to have answered. Where the two differ, the latter.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from local.emulator.connect.contact_flow import (
    INPUT_TIME_LIMIT_EXCEEDED,
    NO_MATCHING_CONDITION,
    NO_MATCHING_ERROR,
    OPERATORS,
    QUEUE_AT_CAPACITY,
    REFERENCE,
)

Check = Callable[[Any], bool]  # whether a parameter has a value that is taken

# Where a block may stand: I inbound, T transfer, Q customer queue, W whispers, O outbound whisper, H holds.
FLOW_LETTERS: Mapping[str, str] = {
    "CONTACT_FLOW": "I",
    "AGENT_TRANSFER": "T",
    "QUEUE_TRANSFER": "T",
    "CUSTOMER_QUEUE": "Q",
    "AGENT_WHISPER": "W",
    "CUSTOMER_WHISPER": "W",
    "OUTBOUND_WHISPER": "WO",
    "CUSTOMER_HOLD": "H",
    "AGENT_HOLD": "H",
    "CAMPAIGN": "ITQWOH",  # nothing is documented of it
}
EVERYWHERE = "ITQWOH"

_RESOURCE = re.compile(
    r"arn:aws[a-z-]*:[a-z0-9-]+:[^\s%{}]+|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    re.IGNORECASE,
)


def _any(_value: object) -> bool:
    return True


def _string(value: object) -> bool:
    return isinstance(value, str)


def _text(value: object) -> bool:
    return isinstance(value, str) and value.strip() != ""


def is_reference(value: object) -> bool:
    """Whether a value is one JSONPath reference and nothing else."""
    return isinstance(value, str) and REFERENCE.fullmatch(value) is not None


def _resource(value: object) -> bool:
    return is_reference(value) or (isinstance(value, str) and _RESOURCE.fullmatch(value) is not None)


def _one_of(*values: str) -> Check:
    return lambda value: isinstance(value, str) and value in values


def _number(least: int, most: int | None = None, *, or_reference: bool = False) -> Check:
    """A whole number, as a number or as a text; the flow language has both."""

    def check(value: object) -> bool:
        if or_reference and is_reference(value):
            return True
        if isinstance(value, bool) or not isinstance(value, int | str):
            return False
        if re.fullmatch(r"-?[0-9]{1,19}", str(value)) is None:
            return False
        return least <= int(value) and (most is None or int(value) <= most)

    return check


def _map(check: Check, *, key: Check = _any, least: int = 0, most: int | None = None) -> Check:
    def holds(value: object) -> bool:
        return (
            isinstance(value, dict)
            and least <= len(value)
            and (most is None or len(value) <= most)
            and all(name != "" and key(name) and check(item) for name, item in value.items())
        )

    return holds


def _list(check: Check, *, least: int = 0) -> Check:
    return lambda value: isinstance(value, list) and len(value) >= least and all(map(check, value))


def _object(
    required: Mapping[str, Check], optional: Mapping[str, Check], *, exactly_one: bool = False
) -> Check:
    """An object of these members; `exactly_one` of the optional ones if so."""

    def holds(value: object) -> bool:
        if not isinstance(value, dict) or not required.keys() <= value.keys():
            return False
        if exactly_one and len(value.keys() & optional.keys()) != 1:
            return False
        known = {**required, **optional}
        return all(name in known and known[name](item) for name, item in value.items())

    return holds


def _matches(pattern: str) -> Check:
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None


@dataclass(frozen=True)
class Conditions:
    """The conditions that a block takes: which operators and operands, and operands that must be there."""

    operators: Sequence[str] = tuple(OPERATORS)
    operand: Check = _string
    required: frozenset[str] = frozenset()
    least: int = 0


_EQUALS = Conditions(("Equals",))


@dataclass(frozen=True)
class BlockRules:
    """What one type of block takes. `loose`: it has parameters and errors that are documented nowhere."""

    required: Mapping[str, Check] = field(default_factory=dict)
    optional: Mapping[str, Check] = field(default_factory=dict)
    errors: frozenset[str] = frozenset({NO_MATCHING_ERROR})
    other_errors: frozenset[str] = frozenset()
    conditions: Conditions | None = None
    flows: str = EVERYWHERE
    exactly_one_of: frozenset[str] = frozenset()
    at_most_one_of: frozenset[str] = frozenset()
    ends: bool = False
    stays: bool = False  # the participant waits in it: no NextAction is needed
    loose: bool = False


_NONE: frozenset[str] = frozenset()
_MATCH = frozenset({NO_MATCHING_ERROR})
_CONDITION = frozenset({NO_MATCHING_CONDITION})
_FULL = frozenset({QUEUE_AT_CAPACITY, NO_MATCHING_ERROR})
_OPTIONAL_MATCH: Mapping[str, Any] = {"errors": _NONE, "other_errors": _MATCH}

_true = _one_of("True", "False")
_lower_true = _one_of("true", "false")
_either_true = _one_of("True", "False", "true", "false")
_hook = _one_of(
    "AgentHold",
    "AgentWhisper",
    "CustomerHold",
    "CustomerQueue",
    "CustomerRemaining",
    "CustomerWhisper",
    "DefaultAgentUI",
    "DisconnectAgentUI",
    "PauseContact",
    "ResumeContact",
)
_message: Mapping[str, Check] = {
    "Text": _text,
    "SSML": _text,
    "PromptId": _resource,
    "Media": _object({"Uri": _text}, {"SourceType": _one_of("S3"), "MediaType": _one_of("Audio")}),
}
_MESSAGE_KEYS = frozenset(_message)
_queue: Mapping[str, Check] = {"QueueId": _resource, "AgentId": _resource}
_QUEUE_KEYS = frozenset(_queue)
_case: Mapping[str, Check] = {
    "LinkContactToCase": _lower_true,
    "CaseRequestFields": _map(_any),
    "ContactToLink": _text,
}
_participants = _list(_one_of("Agent", "Customer"))
_dtmf = _object(
    {},
    {
        "InputTerminationSequence": _text,
        "DisableCancelKey": _true,
        "InterdigitTimeLimitSeconds": _number(1, 20, or_reference=True),
    },
)

# GetParticipantInput is three blocks: which one, its parameters say (`rules_of`).
_EARLY_DIGITS = BlockRules(
    {"EnableDTMFBuffer": _either_true},
    {"StoreInput": _either_true, "InputEncryption": _any},
    flows="ITQO",
)
_STORED_DIGITS = BlockRules(
    {
        "StoreInput": _true,
        "InputTimeLimitSeconds": _number(1),
        "InputValidation": _object(
            {},
            {
                "CustomValidation": _object({"MaximumLength": _number(1)}, {}),
                "PhoneNumberValidation": _object(
                    {"NumberFormat": _one_of("Local", "E164")}, {"CountryCode": _text}
                ),
            },
            exactly_one=True,
        ),
    },
    {
        **_message,
        "InputEncryption": _object({"EncryptionKeyId": _text, "Key": _text}, {}),
        "DTMFConfiguration": _dtmf,
    },
    other_errors=frozenset({"InvalidPhoneNumber"}),
    flows="ITQO",
    at_most_one_of=_MESSAGE_KEYS,
)
_MENU = BlockRules(
    {"InputTimeLimitSeconds": _number(1)},
    {**_message, "StoreInput": _true, "DTMFConfiguration": _dtmf},
    errors=frozenset({INPUT_TIME_LIMIT_EXCEEDED, NO_MATCHING_CONDITION, NO_MATCHING_ERROR}),
    conditions=Conditions(("Equals",), _matches("[0-9*#]")),
    flows="ITQO",
    at_most_one_of=_MESSAGE_KEYS,
)
_UNDOCUMENTED = BlockRules(**_OPTIONAL_MATCH, conditions=Conditions(), loose=True)
_PROFILE = BlockRules(
    {}, {"ProfileRequestData": _any, "ProfileResponseData": _any}, **_OPTIONAL_MATCH, loose=True
)

BLOCK_RULES: Mapping[str, BlockRules] = {
    "AssociateContactToCustomerProfile": BlockRules(
        {"ProfileRequestData": _object({"ProfileId": _text, "ContactId": _text}, {})}, **_OPTIONAL_MATCH
    ),
    "AuthenticateParticipant": BlockRules(
        errors=frozenset({NO_MATCHING_ERROR, "TimeLimitExceeded"}), conditions=Conditions(), loose=True
    ),
    "CheckHoursOfOperation": BlockRules(
        {},
        {"HoursOfOperationId": _resource},
        conditions=Conditions(("Equals",), _one_of("True", "False"), frozenset({"True", "False"})),
        flows="ITQ",
    ),
    "CheckMetricData": BlockRules(
        {
            "MetricType": _one_of(
                "NumberOfAgentsAvailable",
                "NumberOfAgentsOnline",
                "NumberOfAgentsStaffed",
                "NumberOfContactsInQueue",
                "OldestContactInQueueAgeSeconds",
            )
        },
        _queue,
        errors=_CONDITION | _MATCH,
        conditions=Conditions(
            ("Equals", *(name for name in OPERATORS if name.startswith("Number"))),
            _matches("[0-9]+"),
            least=1,
        ),
        flows="ITQ",
        at_most_one_of=_QUEUE_KEYS,
    ),
    "CheckOutboundCallStatus": BlockRules(conditions=_EQUALS, loose=True),
    "CheckSegmentMembership": _UNDOCUMENTED,
    "CheckVoiceId": _UNDOCUMENTED,
    "Compare": BlockRules({"ComparisonValue": is_reference}, errors=_CONDITION, conditions=Conditions()),
    "CompleteOutboundCall": BlockRules(errors=_NONE, loose=True),
    "ConnectParticipantWithLexBot": BlockRules(
        {},
        {
            **_message,
            "LexV2Bot": _object({"AliasArn": _resource}, {}),
            "LexBot": _object({"Name": _text, "Region": _text, "Alias": _text}, {}),
            "LexSessionAttributes": _map(_any),
            "LexInitializationData": _any,
            "LexTimeoutSeconds": _any,
        },
        errors=_CONDITION | _MATCH,
        other_errors=frozenset({INPUT_TIME_LIMIT_EXCEEDED}),
        conditions=_EQUALS,
        flows="ITQ",
        exactly_one_of=frozenset({"LexV2Bot", "LexBot"}),
        at_most_one_of=_MESSAGE_KEYS,
    ),
    "CreateCallbackContact": BlockRules(
        {
            "InitialCallDelaySeconds": _number(1, 259_200),
            "MaximumConnectionAttempts": _number(1),
            "RetryDelaySeconds": _number(1, 259_200),
        },
        {**_queue, "ContactFlowId": _resource, "CallerId": _any},
        flows="ITQ",
        at_most_one_of=_QUEUE_KEYS,
    ),
    "CreateCase": BlockRules(
        {"CaseTemplateId": _text}, _case, errors=_NONE, other_errors=_MATCH | {"ContactNotLinked"}
    ),
    "CreateContact": _UNDOCUMENTED,
    "CreateCustomerProfile": _PROFILE,
    "CreatePersistentContactAssociation": _UNDOCUMENTED,
    "CreateTask": BlockRules(
        {"Name": _text},
        {
            "ContactFlowId": _resource,
            "Attributes": _map(_any),
            "Description": _text,
            "References": _map(_any),
            "DelaySeconds": _number(1, 518_400, or_reference=True),
            "ScheduledTime": _any,
            "TaskTemplateId": _text,
        },
        **_OPTIONAL_MATCH,
        at_most_one_of=frozenset({"DelaySeconds", "ScheduledTime"}),
    ),
    "CreateWisdomSession": BlockRules({"WisdomAssistantArn": _resource}),
    "DequeueContactAndTransferToQueue": BlockRules(
        {}, _queue, errors=_FULL, flows="Q", at_most_one_of=_QUEUE_KEYS
    ),
    "DisconnectParticipant": BlockRules(errors=_NONE, flows="ITQ", ends=True),
    "DistributeByPercentage": BlockRules(
        errors=_CONDITION,
        conditions=Conditions(
            ("NumberLessThan",), lambda value: re.fullmatch("[0-9]{1,3}", str(value)) is not None
        ),
        flows="ITQ",
    ),
    "EndFlowExecution": BlockRules(errors=_NONE, flows="WQ", ends=True),
    "EndFlowModuleExecution": BlockRules(errors=_NONE, flows="", ends=True, loose=True),
    "EvaluateDataTableValues": _UNDOCUMENTED,
    "GetCalculatedAttributesForCustomerProfile": _PROFILE,
    "GetCase": BlockRules(
        {},
        {
            **_case,
            "GetLastUpdatedCase": _lower_true,
            "CustomerId": _text,
            "CaseResponseFields": _list(_any),
        },
        errors=_NONE,
        other_errors=_MATCH | {"ContactNotLinked", "MultipleFound", "NoneFound"},
    ),
    "GetCustomerProfile": BlockRules(
        {"ProfileRequestData": _map(_any, least=1)},
        {"ProfileResponseData": _any},
        errors=_NONE,
        other_errors=_MATCH | {"MultipleFoundError", "NoneFoundError"},
    ),
    "GetCustomerProfileObject": BlockRules(errors=_MATCH | {"NoneFoundError"}, loose=True),
    "GetMetricData": BlockRules(
        {}, {**_queue, "QueueChannel": _text}, at_most_one_of=_QUEUE_KEYS, loose=True
    ),
    "GetParticipantInput": _MENU,
    "InvokeFlowModule": BlockRules({"FlowModuleId": _resource}, conditions=Conditions(), loose=True),
    "InvokeLambdaFunction": BlockRules(
        {"LambdaFunctionARN": _resource, "InvocationTimeLimitSeconds": _number(1, 8)},
        {
            "InvocationType": _one_of("SYNCHRONOUS", "ASYNCHRONOUS"),
            "LambdaInvocationAttributes": _map(_string),
            "ResponseValidation": _object({"ResponseType": _one_of("STRING_MAP", "JSON")}, {}),
        },
        other_errors=frozenset({"TimeLimitExceeded"}),
    ),
    "LoadContactContent": _UNDOCUMENTED,
    "Loop": BlockRules(
        {"LoopCount": _number(0, 100, or_reference=True)},
        **_OPTIONAL_MATCH,
        conditions=Conditions(
            ("Equals",),
            _one_of("ContinueLooping", "DoneLooping"),
            frozenset({"ContinueLooping", "DoneLooping"}),
        ),
    ),
    "MessageParticipant": BlockRules(
        {},
        {**_message, "SkipWhenDTMFBufferEnabled": _lower_true},
        **_OPTIONAL_MATCH,
        flows="ITQWO",
        exactly_one_of=_MESSAGE_KEYS,
    ),
    "MessageParticipantIteratively": BlockRules(
        {"Messages": _list(_object({}, _message, exactly_one=True), least=1)},
        {"InterruptFrequencySeconds": _number(1)},
        **_OPTIONAL_MATCH,
        conditions=Conditions(("Equals",), _one_of("MessagesInterrupted")),
        flows="QH",
        stays=True,
    ),
    "RenderMessageTemplate": BlockRules(
        errors=frozenset({NO_MATCHING_ERROR, "TemplateRenderingError"}), loose=True
    ),
    "ResumeContact": BlockRules(**_OPTIONAL_MATCH, loose=True),
    "RouteContactToAgent": _UNDOCUMENTED,
    "ShowView": BlockRules(
        {
            "ViewResource": _object({"Id": _resource}, {"Version": _any}),
            "InvocationTimeLimitSeconds": _number(1),
        },
        {"ViewData": _map(_any), "SensitiveDataConfiguration": _any},
        errors=_CONDITION | _MATCH | {"TimeLimitExceeded"},
        conditions=_EQUALS,
        flows="IQ",
    ),
    "StartOutboundChatContact": BlockRules(**_OPTIONAL_MATCH, loose=True),
    "StartOutboundEmailContact": _UNDOCUMENTED,
    "StartVoiceIdStream": BlockRules(**_OPTIONAL_MATCH, loose=True),
    "TagContact": BlockRules({"Tags": _map(_text, least=1, most=6)}),
    "TransferContactToAgent": BlockRules(errors=_NONE, flows="T", ends=True),
    "TransferContactToQueue": BlockRules(errors=_FULL, flows="IT"),
    "TransferParticipantToThirdParty": BlockRules(
        {"ThirdPartyPhoneNumber": _text}, **_OPTIONAL_MATCH, flows="ITQ", loose=True
    ),
    "TransferToFlow": BlockRules({"ContactFlowId": _resource}, flows="IT"),
    "UntagContact": BlockRules({"TagKeys": _list(_text, least=1)}),
    "UpdateCase": BlockRules(
        {"CaseId": _text}, _case, errors=_NONE, other_errors=_MATCH | {"ContactNotLinked"}
    ),
    "UpdateContactAttributes": BlockRules(
        {"Attributes": _map(_string, key=_matches("[A-Za-z0-9_-]+"), least=1)},
        {"TargetContact": _one_of("Current", "Related"), "TargetNamespace": _one_of("User")},
    ),
    "UpdateContactCallbackNumber": BlockRules(
        {"CallbackNumber": is_reference},
        errors=frozenset({"CallbackNumberNotDialable", "InvalidCallbackNumber"}),
        flows="ITQ",
    ),
    "UpdateContactData": BlockRules(
        {},
        {
            "References": _map(_any),
            "TargetContact": _one_of("Current", "Related"),
            **dict.fromkeys(
                (
                    "Name",
                    "Description",
                    "LanguageCode",
                    "CustomerId",
                    "WisdomSessionArn",
                    "IsVoiceIdStreamingEnabled",
                    "IsVoiceAuthenticationEnabled",
                    "IsFraudDetectionEnabled",
                    "VoiceAuthenticationThreshold",
                    "VoiceAuthenticationResponseTime",
                    "FraudDetectionThreshold",
                    "WatchlistId",
                ),
                _text,
            ),
        },
    ),
    "UpdateContactEventHooks": BlockRules(
        {"EventHooks": _map(_resource, key=_hook)},
        # As the console exports it, and an AWS sample deploys it.
        {"EventHooksConfiguration": _map(_object({"DisableExecution": _lower_true}, {}), key=_hook)},
    ),
    "UpdateContactMediaProcessing": BlockRules(
        {}, {"ChatProcessor": _any}, other_errors=frozenset({"ChannelMismatch"}), loose=True
    ),
    "UpdateContactMediaStreamingBehavior": BlockRules(
        {"MediaStreamingState": _one_of("Enabled", "Disabled")},
        {"Participants": _list(_any), "MediaStreamType": _one_of("Audio")},
        **_OPTIONAL_MATCH,
        flows="ITQWO",
    ),
    "UpdateContactRecordingAndAnalyticsBehavior": BlockRules(
        {},
        {
            "VoiceBehavior": _object(
                {},
                {
                    "VoiceRecordingBehavior": _object(
                        {"RecordedParticipants": _participants},
                        {"IVRRecordingBehavior": _one_of("Enabled", "Disabled")},
                    ),
                    "VoiceAnalyticsBehavior": _any,
                },
            ),
            "ChatBehavior": _any,
            "ScreenRecordingBehavior": _object({"ScreenRecordedParticipants": _list(_one_of("Agent"))}, {}),
        },
        errors=_MATCH | {"ChannelMismatch"},
        other_errors=frozenset({"InFlightRedactionConfigurationFailed"}),
        exactly_one_of=frozenset({"VoiceBehavior", "ChatBehavior", "ScreenRecordingBehavior"}),
    ),
    "UpdateContactRecordingBehavior": BlockRules(
        {
            "RecordingBehavior": _object(
                {},
                {
                    "RecordedParticipants": _participants,
                    "ScreenRecordedParticipants": _participants,
                    "IVRRecordingBehavior": _one_of("Enabled", "Disabled"),
                },
            )
        },
        {"AnalyticsBehavior": _any},
        **_OPTIONAL_MATCH,
        flows="ITQO",
    ),
    "UpdateContactRoutingBehavior": BlockRules(
        {},
        {"QueuePriority": _number(1), "QueueTimeAdjustmentSeconds": _number(-259_200)},
        errors=_NONE,
        flows="ITQ",
        at_most_one_of=frozenset({"QueuePriority", "QueueTimeAdjustmentSeconds"}),
    ),
    "UpdateContactRoutingCriteria": BlockRules(flows="ITQ", loose=True),
    "UpdateContactTargetQueue": BlockRules({}, _queue, flows="IT", exactly_one_of=_QUEUE_KEYS),
    "UpdateContactTextToSpeechVoice": BlockRules(
        {"TextToSpeechVoice": _text},
        {"TextToSpeechEngine": _text, "TextToSpeechStyle": _text},
        **_OPTIONAL_MATCH,
    ),
    "UpdateCustomerProfile": _PROFILE,
    "UpdateFlowAttributes": BlockRules(
        {"FlowAttributes": _map(_object({"Value": _string}, {}), key=_matches("[^$.]+"), least=1)}
    ),
    "UpdateFlowLoggingBehavior": BlockRules(
        {"FlowLoggingBehavior": _one_of("Enabled", "Disabled")}, errors=_NONE
    ),
    "UpdatePreviousContactParticipantState": BlockRules(
        {"PreviousContactParticipantState": _one_of("AgentOnHold", "CustomerOnHold", "OffHold")},
        **_OPTIONAL_MATCH,
        flows="IT",
    ),
    "UpdateRoutingCriteria": BlockRules(**_OPTIONAL_MATCH, flows="ITQ", loose=True),
    "Wait": BlockRules(
        {"TimeLimitSeconds": _number(1, 604_800, or_reference=True)},
        {"Events": _list(_one_of("CustomerReturned", "BotParticipantDisconnected"))},
        errors=_NONE,
        other_errors=_MATCH | {"ParticipantNotFound"},
        conditions=Conditions(("Equals",), required=frozenset({"WaitCompleted"})),
    ),
}


def rules_of(block_type: str, parameters: Mapping[str, Any]) -> BlockRules | None:
    """The rules of a block; None for a type that there is not."""
    if block_type == "GetParticipantInput" and "EnableDTMFBuffer" in parameters:
        return _EARLY_DIGITS
    if block_type == "GetParticipantInput" and parameters.get("StoreInput") == "True":
        return _STORED_DIGITS
    return BLOCK_RULES.get(block_type)


def further_problems(
    block_type: str,
    parameters: Mapping[str, Any],
    error_types: Sequence[str],
    conditions: Sequence[tuple[Any, Any]],
) -> Iterator[str]:
    """What the parts of a block, each good by itself, must not be together. Conditions: operator, operand."""
    match block_type:
        case "CheckMetricData" if str(parameters.get("MetricType")).startswith("NumberOfAgents"):
            if set(conditions) != {("NumberGreaterThan", "0")}:
                yield "the one condition on a number of agents is NumberGreaterThan 0"
        case "GetParticipantInput":
            validation = parameters.get("InputValidation")
            by_number = isinstance(validation, dict) and "PhoneNumberValidation" in validation
            if "InvalidPhoneNumber" in error_types and not by_number:
                yield "InvalidPhoneNumber goes with a PhoneNumberValidation"
            if by_number and "InputEncryption" in parameters:
                yield "InputEncryption goes with a CustomValidation"
        case "UpdateContactRecordingAndAnalyticsBehavior":
            error = "InFlightRedactionConfigurationFailed"
            if "ChatBehavior" in parameters and error not in error_types:
                yield f"Action is missing required error. Error: {error}"
        case "Wait":
            for event in set(parameters.get("Events", [])) - {operand for _, operand in conditions}:
                yield f"there is no condition for {event}"
