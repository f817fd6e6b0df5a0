"""Every block of the Flow language: where it may stand, what it takes, and the branches that it has.

Sources: Amazon Connect developer guide, "Actions in the Flow language", one page per type; where an account
answered otherwise than the page, what public catalogues of CreateContactFlow's answers say. A parameter or an
error that the guide does not say to be required, and that nobody was refused for, is not required here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from infra.assets.contact_flow_lint.values import (
    Rule,
    anything,
    list_of,
    map_of,
    one_of,
    record,
    reference,
    resource,
    string,
    text,
    whole,
)


class FlowType(StrEnum):
    """`Type` of a flow in the Connect API, and MODULE."""

    CONTACT_FLOW = "CONTACT_FLOW"
    AGENT_WHISPER = "AGENT_WHISPER"
    CUSTOMER_WHISPER = "CUSTOMER_WHISPER"
    OUTBOUND_WHISPER = "OUTBOUND_WHISPER"
    CUSTOMER_QUEUE = "CUSTOMER_QUEUE"
    CUSTOMER_HOLD = "CUSTOMER_HOLD"
    AGENT_HOLD = "AGENT_HOLD"
    AGENT_TRANSFER = "AGENT_TRANSFER"
    QUEUE_TRANSFER = "QUEUE_TRANSFER"
    MODULE = "MODULE"


ALL = frozenset(FlowType)
INBOUND = frozenset({FlowType.CONTACT_FLOW, FlowType.MODULE})
TRANSFER = frozenset({FlowType.AGENT_TRANSFER, FlowType.QUEUE_TRANSFER, FlowType.MODULE})
QUEUE = frozenset({FlowType.CUSTOMER_QUEUE, FlowType.MODULE})
WHISPER = frozenset(
    {FlowType.AGENT_WHISPER, FlowType.CUSTOMER_WHISPER, FlowType.OUTBOUND_WHISPER, FlowType.MODULE}
)
HOLD = frozenset({FlowType.CUSTOMER_HOLD, FlowType.AGENT_HOLD})
OUTBOUND = frozenset({FlowType.OUTBOUND_WHISPER})
CALLER = INBOUND | TRANSFER | QUEUE  # where somebody can press keys and be hung up on

OPERATORS = (
    "Equals",
    "NumberGreaterOrEqualTo",
    "NumberGreaterThan",
    "NumberLessOrEqualTo",
    "NumberLessThan",
    "TextContains",
    "TextEndsWith",
    "TextStartsWith",
)

NO_MATCH = "NoMatchingError"
NO_CONDITION = "NoMatchingCondition"
TIME_OUT = "InputTimeLimitExceeded"
FULL = "QueueAtCapacity"


@dataclass(frozen=True, kw_only=True)
class Branches:
    """The conditions that a block can have: their operators, and the operands where these are fixed.

    With `needed`, Connect refuses the block that lacks one of these operands.
    """

    operators: tuple[str, ...] = OPERATORS
    operands: str = r"(?s).*"
    needed: tuple[str, ...] = ()
    minimum: int = 0


@dataclass(frozen=True, kw_only=True)
class BlockType:
    """What Connect takes of one type of block.

    `errors` must have a branch each, `may` can have one. Of the parameters `one` exactly one must be there,
    of `most_one` at most one. `is_open`: the type has parameters and errors that are not recorded.
    """

    flow_types: frozenset[FlowType] = ALL
    needed: Mapping[str, Rule] = field(default_factory=dict)
    optional: Mapping[str, Rule] = field(default_factory=dict)
    one: tuple[str, ...] = ()
    most_one: tuple[str, ...] = ()
    errors: tuple[str, ...] = (NO_MATCH,)
    may: tuple[str, ...] = ()
    branches: Branches | None = None
    is_terminal: bool = False
    may_hold: bool = False  # needs no NextAction: the participant stays in it
    is_open: bool = False

    @property
    def rules(self) -> dict[str, Rule]:
        """All parameters that are recorded."""
        return {**self.needed, **self.optional}


_TRUE = one_of("True", "False")
_MEDIA = record({"Uri": text}, {"SourceType": one_of("S3"), "MediaType": one_of("Audio")})
_MESSAGE: dict[str, Rule] = {"Text": text, "SSML": text, "PromptId": resource, "Media": _MEDIA}
_QUEUE: dict[str, Rule] = {"QueueId": resource, "AgentId": resource}
_PARTICIPANTS = list_of(one_of("Agent", "Customer"))
_HOOKS = (
    "AgentHold|AgentWhisper|CustomerHold|CustomerQueue|CustomerRemaining|CustomerWhisper|DefaultAgentUI"
    "|DisconnectAgentUI|PauseContact|ResumeContact"
)
_THREE_DAYS = 259_200  # seconds
_PROFILE: dict[str, Rule] = {"ProfileRequestData": anything, "ProfileResponseData": anything}
_CASE: dict[str, Rule] = {
    "LinkContactToCase": one_of("true", "false"),
    "CaseRequestFields": map_of(anything),
    "ContactToLink": text,
}

# Three blocks of the console are one type: a menu, digits that are stored, and the buffer of early digits.
# `form` chooses among them; this is what they have in common.
BUFFER = BlockType(
    flow_types=CALLER | OUTBOUND,
    needed={"EnableDTMFBuffer": one_of("true", "false", "True", "False")},
    optional={"StoreInput": one_of("true", "false", "True", "False"), "InputEncryption": anything},
)
STORED_INPUT = BlockType(
    flow_types=CALLER | OUTBOUND,
    needed={
        "InputTimeLimitSeconds": whole(
            1, what="a whole number of seconds, in quotes, until the first digit,"
        ),
        "InputValidation": record(
            {},
            {
                "CustomValidation": record({"MaximumLength": whole(1, what="how many digits are heard,")}),
                "PhoneNumberValidation": record(
                    {"NumberFormat": one_of("Local", "E164")}, {"CountryCode": text}
                ),
            },
            one=("CustomValidation", "PhoneNumberValidation"),
        ),
        "StoreInput": _TRUE,
    },
    optional={
        **_MESSAGE,
        "InputEncryption": record({"EncryptionKeyId": text, "Key": text}),
        "DTMFConfiguration": record(
            {},
            {
                "InputTerminationSequence": text,
                "DisableCancelKey": _TRUE,
                "InterdigitTimeLimitSeconds": whole(
                    1, 20, dynamic=True, what="a whole number of seconds between two digits,"
                ),
            },
        ),
    },
    most_one=tuple(_MESSAGE),
    may=("InvalidPhoneNumber",),
)
MENU = BlockType(
    flow_types=CALLER | OUTBOUND,
    needed={"InputTimeLimitSeconds": STORED_INPUT.needed["InputTimeLimitSeconds"]},
    optional={
        **_MESSAGE,
        "StoreInput": _TRUE,
        "DTMFConfiguration": STORED_INPUT.optional["DTMFConfiguration"],
    },
    most_one=tuple(_MESSAGE),
    errors=(TIME_OUT, NO_CONDITION, NO_MATCH),
    branches=Branches(operators=("Equals",), operands="[0-9*#]"),
)

BLOCK_TYPES: Mapping[str, BlockType] = {
    # What the participant hears, sees and does.
    "MessageParticipant": BlockType(
        flow_types=CALLER | WHISPER,
        optional={**_MESSAGE, "SkipWhenDTMFBufferEnabled": one_of("true", "false")},
        one=tuple(_MESSAGE),
        errors=(),
        may=(NO_MATCH,),
    ),
    "MessageParticipantIteratively": BlockType(
        flow_types=QUEUE | HOLD,
        needed={"Messages": list_of(record({}, _MESSAGE, one=tuple(_MESSAGE)), minimum=1)},
        optional={"InterruptFrequencySeconds": whole(1)},
        errors=(),
        may=(NO_MATCH,),
        branches=Branches(operators=("Equals",), operands="MessagesInterrupted"),
        may_hold=True,
    ),
    "GetParticipantInput": MENU,
    "ConnectParticipantWithLexBot": BlockType(
        flow_types=CALLER,
        optional={
            **_MESSAGE,
            "LexV2Bot": record({"AliasArn": resource}),
            "LexBot": record({"Name": text, "Region": text, "Alias": text}),
            "LexSessionAttributes": map_of(anything),
            "LexInitializationData": anything,
            "LexTimeoutSeconds": anything,
        },
        one=("LexV2Bot", "LexBot"),
        most_one=tuple(_MESSAGE),
        errors=(NO_CONDITION, NO_MATCH),
        may=(TIME_OUT,),
        branches=Branches(operators=("Equals",)),
    ),
    "ShowView": BlockType(
        flow_types=INBOUND | QUEUE,
        needed={
            "ViewResource": record({"Id": resource}, {"Version": anything}),
            "InvocationTimeLimitSeconds": whole(1),
        },
        optional={"ViewData": map_of(anything), "SensitiveDataConfiguration": anything},
        errors=(NO_CONDITION, NO_MATCH, "TimeLimitExceeded"),
        branches=Branches(operators=("Equals",)),
    ),
    "DisconnectParticipant": BlockType(flow_types=CALLER, errors=(), is_terminal=True),
    # Where the flow goes.
    "Compare": BlockType(needed={"ComparisonValue": reference}, errors=(NO_CONDITION,), branches=Branches()),
    "CheckHoursOfOperation": BlockType(
        flow_types=CALLER,
        optional={"HoursOfOperationId": resource},
        branches=Branches(operators=("Equals",), operands="True|False", needed=("True", "False")),
    ),
    "CheckMetricData": BlockType(
        flow_types=CALLER,
        needed={
            "MetricType": one_of(
                "NumberOfAgentsAvailable",
                "NumberOfAgentsStaffed",
                "NumberOfAgentsOnline",
                "OldestContactInQueueAgeSeconds",
                "NumberOfContactsInQueue",
            )
        },
        optional=_QUEUE,
        most_one=("QueueId", "AgentId"),
        errors=(NO_CONDITION, NO_MATCH),
        branches=Branches(
            operators=tuple(name for name in OPERATORS if not name.startswith("Text")),
            operands="[0-9]+",
            minimum=1,
        ),
    ),
    "DistributeByPercentage": BlockType(
        flow_types=CALLER,
        errors=(NO_CONDITION,),
        branches=Branches(operators=("NumberLessThan",), operands="[0-9]{1,3}"),
    ),
    "Loop": BlockType(
        needed={"LoopCount": whole(0, 100, dynamic=True)},
        errors=(),
        may=(NO_MATCH,),
        branches=Branches(
            operators=("Equals",),
            operands="ContinueLooping|DoneLooping",
            needed=("ContinueLooping", "DoneLooping"),
        ),
    ),
    "Wait": BlockType(
        needed={"TimeLimitSeconds": whole(1, 604_800, dynamic=True)},
        optional={"Events": list_of(one_of("CustomerReturned", "BotParticipantDisconnected"))},
        errors=(),
        may=(NO_MATCH, "ParticipantNotFound"),
        branches=Branches(operators=("Equals",), needed=("WaitCompleted",)),
    ),
    "TransferToFlow": BlockType(flow_types=INBOUND | TRANSFER, needed={"ContactFlowId": resource}),
    "InvokeFlowModule": BlockType(
        flow_types=ALL, needed={"FlowModuleId": resource}, branches=Branches(), is_open=True
    ),
    "EndFlowExecution": BlockType(
        flow_types=(WHISPER | QUEUE) - {FlowType.MODULE}, errors=(), is_terminal=True
    ),
    "EndFlowModuleExecution": BlockType(
        flow_types=frozenset({FlowType.MODULE}), errors=(), is_terminal=True, is_open=True
    ),
    # Queues and agents.
    "UpdateContactTargetQueue": BlockType(
        flow_types=INBOUND | TRANSFER, optional=_QUEUE, one=("QueueId", "AgentId")
    ),
    "TransferContactToQueue": BlockType(flow_types=INBOUND | TRANSFER, errors=(FULL, NO_MATCH)),
    "DequeueContactAndTransferToQueue": BlockType(
        flow_types=QUEUE, optional=_QUEUE, most_one=("QueueId", "AgentId"), errors=(FULL, NO_MATCH)
    ),
    "TransferContactToAgent": BlockType(flow_types=TRANSFER, errors=(), is_terminal=True),
    "TransferParticipantToThirdParty": BlockType(
        flow_types=CALLER,
        needed={"ThirdPartyPhoneNumber": text},
        errors=(),
        may=(NO_MATCH,),
        is_open=True,
    ),
    "CreateCallbackContact": BlockType(
        flow_types=CALLER,
        needed={
            "InitialCallDelaySeconds": whole(1, _THREE_DAYS),
            "MaximumConnectionAttempts": whole(1),
            "RetryDelaySeconds": whole(1, _THREE_DAYS),
        },
        optional={**_QUEUE, "ContactFlowId": resource, "CallerId": anything},
        most_one=("QueueId", "AgentId"),
    ),
    "UpdateContactCallbackNumber": BlockType(
        flow_types=CALLER,
        needed={"CallbackNumber": reference},
        errors=("InvalidCallbackNumber", "CallbackNumberNotDialable"),
    ),
    "UpdateContactRoutingBehavior": BlockType(
        flow_types=INBOUND | TRANSFER | QUEUE,
        optional={"QueuePriority": whole(1), "QueueTimeAdjustmentSeconds": whole(-_THREE_DAYS)},
        most_one=("QueuePriority", "QueueTimeAdjustmentSeconds"),
        errors=(),
    ),
    "UpdateRoutingCriteria": BlockType(flow_types=CALLER, errors=(), may=(NO_MATCH,), is_open=True),
    "UpdateContactRoutingCriteria": BlockType(flow_types=CALLER, is_open=True),
    "GetMetricData": BlockType(
        optional={**_QUEUE, "QueueChannel": text}, most_one=("QueueId", "AgentId"), is_open=True
    ),
    # The contact's data.
    "UpdateContactAttributes": BlockType(
        needed={"Attributes": map_of(string, names=r"[A-Za-z0-9_-]+", minimum=1)},
        optional={"TargetContact": one_of("Current", "Related"), "TargetNamespace": one_of("User")},
    ),
    "UpdateFlowAttributes": BlockType(
        needed={"FlowAttributes": map_of(record({"Value": string}), names=r"[^$.]+", minimum=1)}
    ),
    "UpdateContactData": BlockType(
        optional={
            **dict.fromkeys(("Name", "Description", "LanguageCode", "CustomerId", "WisdomSessionArn"), text),
            "References": map_of(anything),
            "TargetContact": one_of("Current", "Related"),
            **dict.fromkeys(
                (
                    "IsVoiceIdStreamingEnabled",
                    "IsVoiceAuthenticationEnabled",
                    "IsFraudDetectionEnabled",
                    "VoiceAuthenticationThreshold",
                    "VoiceAuthenticationResponseTime",
                    "FraudDetectionThreshold",
                    "WatchlistId",
                ),
                text,
            ),
        },
    ),
    "TagContact": BlockType(needed={"Tags": map_of(text, minimum=1, maximum=6)}),
    "UntagContact": BlockType(needed={"TagKeys": list_of(text, minimum=1)}),
    "UpdateContactEventHooks": BlockType(
        needed={"EventHooks": map_of(resource, names=_HOOKS)},
        # Exported by the console and documented nowhere.
        optional={
            "EventHooksConfiguration": map_of(
                record({"DisableExecution": one_of("true", "false")}), names=_HOOKS
            )
        },
    ),
    # Functions, cases, profiles, tasks.
    "InvokeLambdaFunction": BlockType(
        needed={
            "LambdaFunctionARN": resource,
            "InvocationTimeLimitSeconds": whole(1, 8, what="a whole number of seconds"),
        },
        optional={
            "InvocationType": one_of("SYNCHRONOUS", "ASYNCHRONOUS"),
            "LambdaInvocationAttributes": map_of(string),
            "ResponseValidation": record({"ResponseType": one_of("STRING_MAP", "JSON")}),
        },
        may=("TimeLimitExceeded",),
    ),
    "CreateCase": BlockType(
        needed={"CaseTemplateId": text}, optional=_CASE, errors=(), may=("ContactNotLinked", NO_MATCH)
    ),
    "GetCase": BlockType(
        optional={
            **_CASE,
            "GetLastUpdatedCase": one_of("true", "false"),
            "CustomerId": text,
            "CaseResponseFields": list_of(anything),
        },
        errors=(),
        may=("ContactNotLinked", "MultipleFound", "NoneFound", NO_MATCH),
    ),
    "UpdateCase": BlockType(
        needed={"CaseId": text}, optional=_CASE, errors=(), may=("ContactNotLinked", NO_MATCH)
    ),
    "CreateTask": BlockType(
        needed={"Name": text},
        optional={
            "ContactFlowId": resource,
            "Attributes": map_of(anything),
            "Description": text,
            "References": map_of(anything),
            "DelaySeconds": whole(1, 518_400, dynamic=True),
            "ScheduledTime": anything,
            "TaskTemplateId": text,
        },
        most_one=("DelaySeconds", "ScheduledTime"),
        errors=(),
        may=(NO_MATCH,),
    ),
    "CreateWisdomSession": BlockType(needed={"WisdomAssistantArn": resource}),
    "GetCustomerProfile": BlockType(
        needed={"ProfileRequestData": map_of(anything, minimum=1)},
        optional={"ProfileResponseData": anything},
        errors=(),
        may=("MultipleFoundError", "NoneFoundError", NO_MATCH),
    ),
    "GetCustomerProfileObject": BlockType(errors=(NO_MATCH, "NoneFoundError"), is_open=True),
    **dict.fromkeys(
        ("CreateCustomerProfile", "UpdateCustomerProfile", "GetCalculatedAttributesForCustomerProfile"),
        BlockType(optional=_PROFILE, errors=(), may=(NO_MATCH,), is_open=True),
    ),
    "AssociateContactToCustomerProfile": BlockType(
        needed={"ProfileRequestData": record({"ProfileId": text, "ContactId": text})},
        errors=(),
        may=(NO_MATCH,),
    ),
    # Media, recording, voice, logs.
    "UpdateContactRecordingBehavior": BlockType(
        flow_types=CALLER | OUTBOUND,
        needed={
            "RecordingBehavior": record(
                {},
                {
                    "RecordedParticipants": _PARTICIPANTS,
                    "ScreenRecordedParticipants": _PARTICIPANTS,
                    "IVRRecordingBehavior": one_of("Enabled", "Disabled"),
                },
            )
        },
        optional={"AnalyticsBehavior": anything},
        errors=(),
        may=(NO_MATCH,),
    ),
    "UpdateContactRecordingAndAnalyticsBehavior": BlockType(
        optional={
            "VoiceBehavior": record(
                {},
                {
                    "VoiceRecordingBehavior": record(
                        {"RecordedParticipants": _PARTICIPANTS},
                        {"IVRRecordingBehavior": one_of("Enabled", "Disabled")},
                    ),
                    "VoiceAnalyticsBehavior": anything,
                },
            ),
            "ChatBehavior": anything,
            "ScreenRecordingBehavior": record({"ScreenRecordedParticipants": list_of(one_of("Agent"))}),
        },
        one=("VoiceBehavior", "ChatBehavior", "ScreenRecordingBehavior"),
        errors=("ChannelMismatch", NO_MATCH),
        may=("InFlightRedactionConfigurationFailed",),
    ),
    "UpdateContactMediaStreamingBehavior": BlockType(
        flow_types=CALLER | WHISPER,
        needed={"MediaStreamingState": one_of("Enabled", "Disabled")},
        optional={"Participants": list_of(anything), "MediaStreamType": one_of("Audio")},
        errors=(),
        may=(NO_MATCH,),
    ),
    "UpdateContactMediaProcessing": BlockType(
        optional={"ChatProcessor": anything}, may=("ChannelMismatch",), is_open=True
    ),
    "UpdateContactTextToSpeechVoice": BlockType(
        # Whether there is such a voice is only seen when the flow runs.
        needed={"TextToSpeechVoice": text},
        optional={"TextToSpeechEngine": text, "TextToSpeechStyle": text},
        errors=(),
        may=(NO_MATCH,),
    ),
    "UpdateFlowLoggingBehavior": BlockType(
        needed={"FlowLoggingBehavior": one_of("Enabled", "Disabled")}, errors=()
    ),
    "UpdatePreviousContactParticipantState": BlockType(
        flow_types=INBOUND | TRANSFER,
        needed={"PreviousContactParticipantState": one_of("AgentOnHold", "CustomerOnHold", "OffHold")},
        errors=(),
        may=(NO_MATCH,),
    ),
    # Outbound calls, chats, voice identification, and what is known by exports alone.
    "CompleteOutboundCall": BlockType(errors=(), is_open=True),
    "CheckOutboundCallStatus": BlockType(branches=Branches(operators=("Equals",)), is_open=True),
    "StartOutboundChatContact": BlockType(errors=(), may=(NO_MATCH,), is_open=True),
    "ResumeContact": BlockType(errors=(), may=(NO_MATCH,), is_open=True),
    "CheckVoiceId": BlockType(errors=(), may=(NO_MATCH,), branches=Branches(), is_open=True),
    "StartVoiceIdStream": BlockType(errors=(), may=(NO_MATCH,), is_open=True),
    "AuthenticateParticipant": BlockType(
        errors=(NO_MATCH, "TimeLimitExceeded"), branches=Branches(), is_open=True
    ),
    "RenderMessageTemplate": BlockType(errors=(NO_MATCH, "TemplateRenderingError"), is_open=True),
    **dict.fromkeys(
        (
            "CheckSegmentMembership",
            "CreateContact",
            "CreatePersistentContactAssociation",
            "EvaluateDataTableValues",
            "LoadContactContent",
            "RouteContactToAgent",
            "StartOutboundEmailContact",
        ),
        BlockType(errors=(), may=(NO_MATCH,), branches=Branches(), is_open=True),
    ),
}

# Names that the console, a page or somebody's memory has for a block, and Connect refuses as a type.
MISNAMED: Mapping[str, str] = {
    "CheckAttribute": "Compare",
    "CheckQueueStatus": "CheckMetricData",
    "CheckStaffing": "CheckMetricData",
    "Disconnect": "DisconnectParticipant",
    "Distribute": "DistributeByPercentage",
    "EndFlow": "EndFlowExecution",
    "GetUserInput": "GetParticipantInput",
    "PlayPrompt": "MessageParticipant",
    "SetCallbackNumber": "UpdateContactCallbackNumber",
    "SetContactAttributes": "UpdateContactAttributes",
    "SetLoggingBehavior": "UpdateFlowLoggingBehavior",
    "SetRecordingBehavior": "UpdateContactRecordingBehavior",
    "SetVoice": "UpdateContactTextToSpeechVoice",
    "SetWorkingQueue": "UpdateContactTargetQueue",
    "StartMediaStreaming": "UpdateContactMediaStreamingBehavior",
    "StopMediaStreaming": "UpdateContactMediaStreamingBehavior",
    "StoreUserInput": "GetParticipantInput",
    "TransferToAgent": "TransferContactToAgent",
    "TransferToPhoneNumber": "TransferParticipantToThirdParty",
    "TransferToQueue": "TransferContactToQueue",
    "TransferToThirdParty": "TransferParticipantToThirdParty",
    "UnTagContact": "UntagContact",
}
