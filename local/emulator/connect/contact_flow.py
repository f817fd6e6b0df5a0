"""A contact flow, and how it runs for a contact. `flow_language` reads flows.

Every block that Connect takes runs. Blocks that change nothing here are noted on the way and passed. Those
that need what there is not here (bots, cases, profiles, modules, other telephones) fail, by the branch
that Connect has for it. Source of the rules: "Flow language" in the Amazon Connect developer guide.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

MAX_STEPS = 1000  # of one run: a flow that loops for ever is ended

SUCCESS = "Success"
NO_MATCHING_ERROR = "NoMatchingError"
NO_MATCHING_CONDITION = "NoMatchingCondition"
INPUT_TIME_LIMIT_EXCEEDED = "InputTimeLimitExceeded"
QUEUE_AT_CAPACITY = "QueueAtCapacity"
TIMEOUT = "Timeout"  # what $.StoredCustomerInput is when nobody pressed a key
INTERDIGIT_SECONDS = 5  # where the block does not say
MAX_PHONE_NUMBER = 20  # keys, where a block collects a telephone number

_FLOW_ATTRIBUTES = "$.FlowAttributes."
_MESSAGE = ("Text", "SSML", "PromptId", "Media")
REFERENCE = re.compile(r"\$\.[A-Za-z][\w-]*(?:\.[\w-]+|\['[^']+'\])*")


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _numbers(compare: Callable[[float, float], bool]) -> Callable[[str, str], bool]:
    """A comparison that is false where either side is not a number."""

    def holds(value: str, operand: str) -> bool:
        left, right = _number(value), _number(operand)
        return left is not None and right is not None and compare(left, right)

    return holds


OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "Equals": lambda value, operand: value == operand,
    "TextStartsWith": lambda value, operand: value.startswith(operand),
    "TextEndsWith": lambda value, operand: value.endswith(operand),
    "TextContains": lambda value, operand: operand in value,
    "NumberGreaterThan": _numbers(lambda value, operand: value > operand),
    "NumberGreaterOrEqualTo": _numbers(lambda value, operand: value >= operand),
    "NumberLessThan": _numbers(lambda value, operand: value < operand),
    "NumberLessOrEqualTo": _numbers(lambda value, operand: value <= operand),
}


class BlockError(Exception):
    """What a block wanted did not work: the flow takes the block's branch of `error_type`."""

    def __init__(self, reason: str, *, error_type: str = NO_MATCHING_ERROR) -> None:
        super().__init__(reason)
        self.error_type = error_type


@dataclass(frozen=True)
class Condition:
    """A branch of a block that has conditions."""

    operator: str
    operand: str
    next_action: str


@dataclass(frozen=True)
class Action:
    """One block of a flow."""

    identifier: str
    type: str
    parameters: Mapping[str, Any]
    next_action: str | None
    errors: Mapping[str, str]
    conditions: tuple[Condition, ...]


@dataclass(frozen=True)
class ContactFlow:
    """A flow that was read and found good."""

    start_action: str
    actions: Mapping[str, Action]
    type: str = "CONTACT_FLOW"


@dataclass(frozen=True)
class Step:
    """A block that a contact has passed; its result is Success, an error type or the operand that matched."""

    identifier: str
    type: str
    result: str
    detail: str | None = None


class FlowContact(Protocol):
    """The contact that a flow runs for. Methods raise BlockError where Connect takes an error branch."""

    def try_block(self, identifier: str) -> None:
        """Raises BlockError where this block is to fail whatever it does."""

    def is_over(self) -> bool:
        """Whether the flow is to stop: the contact has ended, or is no longer where this flow is for."""

    def reference(self, path: str) -> str:
        """The value of a reference such as `$.Attributes.topic`, empty where there is none."""

    def invoke_function(
        self, function_arn: str, parameters: Mapping[str, str], *, seconds: float, nested: bool
    ) -> None:
        """Invoke a function within so many seconds; `$.External` is its answer afterwards: nested JSON, or a
        flat object of texts.
        """

    def set_attributes(self, attributes: Mapping[str, str]) -> None:
        """Add or overwrite user-defined attributes."""

    def set_data(self, data: Mapping[str, Any]) -> None:
        """Set what is Connect's own about the contact: Name, Description, CustomerId, References …"""

    def set_hook(self, hook: str, flow_id: str) -> None:
        """Choose the flow, by ARN or id, that runs at an event of the contact, such as AgentWhisper."""

    def set_target_queue(self, queue_id: str) -> None:
        """Choose the queue, by ARN or id, that TransferContactToQueue uses."""

    def enter_queue(self) -> None:
        """Put the contact into the chosen queue."""

    def change_queue(self, queue_id: str | None) -> None:
        """Take the contact out of its queue into another, or into the chosen one."""

    def is_open(self, hours_id: str | None) -> bool:
        """Whether these hours of operation, or those of the chosen queue, say open."""

    def metric(self, metric_type: str, queue_id: str | None) -> int:
        """A metric of CheckMetricData about that queue, or about the chosen one."""

    def load_metrics(self, queue_id: str | None) -> None:
        """Read the queue's metrics: `$.Metrics`."""

    def draw(self) -> int:
        """A number from 1 to 100, by chance."""

    def hear(self, text: str) -> None:
        """Play a message to the participant that the flow is for."""

    def wait(self, seconds: float | None) -> bool:
        """Stay in the flow, for so many seconds or for good; False once the flow is over."""

    def keep_early_digits(self, *, keep: bool) -> None:
        """Keep keys that are pressed before a block collects them; or no longer, and forget those kept."""

    def collect_digits(
        self, most: int, *, first_within: float, next_within: float, ends_with: str, cancels: bool
    ) -> str | None:
        """Wait for the customer to press keys, as `Digits` does; None where none is pressed."""

    def store_input(self, digits: str) -> None:
        """Keep what was collected: `$.StoredCustomerInput`."""

    def show_view(self, view_id: str, data: Mapping[str, Any]) -> str:
        """Show the agent a view of a guide; returns the action that they choose."""

    def enter_flow(self, flow_id: str) -> "ContactFlow":
        """An active flow of the contact's instance, by ARN or id; the contact is in it from now on."""

    def disconnect(self) -> None:
        """End the contact."""

    def pass_block(self, step: Step) -> None:
        """Note a block on the contact's way."""


# Flows that have the caller: whoever comes to the end of one, and is in no queue, is disconnected.
_HAVE_THE_CALLER = frozenset({"CONTACT_FLOW", "AGENT_TRANSFER", "QUEUE_TRANSFER", "CAMPAIGN"})
# Blocks that change nothing here.
_PASSED = frozenset(
    {
        "AssociateContactToCustomerProfile", "CompleteOutboundCall", "CreateCallbackContact", "CreateCase",
        "CreateContact", "CreateCustomerProfile", "CreatePersistentContactAssociation", "CreateTask",
        "CreateWisdomSession", "ResumeContact", "StartOutboundChatContact", "StartOutboundEmailContact",
        "TagContact", "UntagContact", "UpdateCase", "UpdateContactMediaProcessing",
        "UpdateContactMediaStreamingBehavior", "UpdateContactRecordingAndAnalyticsBehavior",
        "UpdateContactRecordingBehavior", "UpdateContactRoutingBehavior", "UpdateContactRoutingCriteria",
        "UpdateContactTextToSpeechVoice", "UpdateCustomerProfile", "UpdateFlowLoggingBehavior",
        "UpdatePreviousContactParticipantState", "UpdateRoutingCriteria",
    }
)  # fmt: skip
# Blocks that fail here otherwise than by NoMatchingError: nobody has a profile or a case.
_FAILS_BY = {
    "GetCase": "NoneFound",
    "GetCustomerProfile": "NoneFoundError",
    "GetCustomerProfileObject": "NoneFoundError",
}
_MARK = re.compile(r"<[^>]*>")  # of SSML
_E164 = re.compile(r"\+[1-9]\d{1,14}")

type _Next = tuple[Step, str | None]


def run(flow: ContactFlow, contact: FlowContact) -> None:
    """Run the flow to its end, and those that it leads to."""
    _Run(flow, contact).to_end()


class _Run:
    """One run of a flow: where it is, how often it went round, its own attributes."""

    def __init__(self, flow: ContactFlow, contact: FlowContact) -> None:
        self._flow = flow
        self._contact = contact
        self._rounds: Counter[str] = Counter()
        self._attributes: dict[str, str] = {}
        self._interrupted: str | None = None  # the loop of prompts to which EndFlowExecution leads back
        self._is_queued = False
        self._steps = 0
        self._blocks: dict[str, Callable[[Action], _Next]] = {
            "CheckHoursOfOperation": self._check_hours,
            "CheckMetricData": self._check_metric,
            "Compare": lambda action: self._branch(
                action, self._reference(action.parameters["ComparisonValue"])
            ),
            "DequeueContactAndTransferToQueue": self._change_queue,
            "DisconnectParticipant": self._disconnect,
            "DistributeByPercentage": lambda action: self._branch(action, str(self._contact.draw())),
            "EndFlowExecution": self._end_execution,
            "GetMetricData": self._load_metrics,
            "GetParticipantInput": self._get_input,
            "InvokeLambdaFunction": self._invoke_function,
            "Loop": self._loop,
            "MessageParticipant": self._play_message,
            "MessageParticipantIteratively": self._play_messages,
            "ShowView": self._show_view,
            "TransferContactToAgent": self._disconnect,
            "TransferContactToQueue": self._enter_queue,
            "TransferToFlow": self._enter_flow,
            "UpdateContactAttributes": self._set_attributes,
            "UpdateContactCallbackNumber": self._set_callback_number,
            "UpdateContactData": self._set_data,
            "UpdateContactEventHooks": self._set_hooks,
            "UpdateContactTargetQueue": self._set_target_queue,
            "UpdateFlowAttributes": self._set_flow_attributes,
            **dict.fromkeys(_PASSED, self._passed_over),
        }

    def to_end(self) -> None:
        identifier: str | None = self._flow.start_action
        while identifier is not None and self._steps < MAX_STEPS and not self._contact.is_over():
            self._steps += 1
            action = self._flow.actions[identifier]
            step, identifier = self._perform(action)
            self._contact.pass_block(step)
        if self._flow.type in _HAVE_THE_CALLER and not self._is_queued:
            self._contact.disconnect()

    def _perform(self, action: Action) -> _Next:
        try:
            self._contact.try_block(action.identifier)
            return self._blocks.get(action.type, self._is_not_here)(action)
        except BlockError as error:
            step = Step(action.identifier, action.type, error.error_type, str(error))
            # NoMatchingError is the branch of every error that has none of its own.
            return step, action.errors.get(error.error_type) or action.errors.get(NO_MATCHING_ERROR)

    # What blocks do, by type

    def _passed_over(self, action: Action) -> _Next:
        return self._done(action, json.dumps(self._filled(action.parameters)) if action.parameters else None)

    def _is_not_here(self, action: Action) -> _Next:
        error_type = _FAILS_BY.get(action.type, NO_MATCHING_ERROR)
        raise BlockError(f"{action.type} finds nothing here", error_type=error_type)

    def _check_hours(self, action: Action) -> _Next:
        return self._branch(action, str(self._contact.is_open(self._optional(action, "HoursOfOperationId"))))

    def _check_metric(self, action: Action) -> _Next:
        value = self._contact.metric(action.parameters["MetricType"], self._optional(action, "QueueId"))
        return self._branch(action, str(value))

    def _load_metrics(self, action: Action) -> _Next:
        self._contact.load_metrics(self._optional(action, "QueueId"))
        return self._done(action)

    def _loop(self, action: Action) -> _Next:
        count = _number(self._text(action.parameters["LoopCount"])) or 0
        if self._rounds[action.identifier] < count:
            self._rounds[action.identifier] += 1
            return self._branch(action, "ContinueLooping")
        self._rounds[action.identifier] = 0
        return self._branch(action, "DoneLooping")

    def _invoke_function(self, action: Action) -> _Next:
        parameters = action.parameters
        if parameters.get("InvocationType") == "ASYNCHRONOUS":
            raise BlockError("functions are only invoked synchronously here")
        given = parameters.get("LambdaInvocationAttributes", {})
        self._contact.invoke_function(
            self._text(parameters["LambdaFunctionARN"]),
            {name: self._text(value) for name, value in given.items()},
            seconds=float(parameters["InvocationTimeLimitSeconds"]),
            nested=parameters.get("ResponseValidation", {}).get("ResponseType") == "JSON",
        )
        return self._done(action)

    def _set_attributes(self, action: Action) -> _Next:
        if action.parameters.get("TargetContact") == "Related":
            raise BlockError("there is no related contact here")
        attributes = action.parameters["Attributes"]
        self._contact.set_attributes({name: self._text(value) for name, value in attributes.items()})
        return self._done(action)

    def _set_flow_attributes(self, action: Action) -> _Next:
        for name, value in action.parameters["FlowAttributes"].items():
            self._attributes[name] = self._text(value["Value"])
        return self._done(action)

    def _set_data(self, action: Action) -> _Next:
        if action.parameters.get("TargetContact") == "Related":
            raise BlockError("there is no related contact here")
        data = {name: value for name, value in action.parameters.items() if name != "TargetContact"}
        self._contact.set_data(self._filled(data))
        return self._done(action)

    def _set_hooks(self, action: Action) -> _Next:
        for hook, flow_id in action.parameters["EventHooks"].items():
            self._contact.set_hook(hook, self._text(flow_id))
        return self._done(action)

    def _set_callback_number(self, action: Action) -> _Next:
        number = self._reference(action.parameters["CallbackNumber"])
        if not _E164.fullmatch(number):
            raise BlockError(f"{number!r} is no telephone number", error_type="InvalidCallbackNumber")
        return self._done(action, number)

    def _set_target_queue(self, action: Action) -> _Next:
        if "AgentId" in action.parameters:
            raise BlockError("agents have no queues of their own here")
        self._contact.set_target_queue(self._text(action.parameters["QueueId"]))
        return self._done(action)

    def _enter_queue(self, action: Action) -> _Next:
        self._contact.enter_queue()
        self._is_queued = True
        return Step(action.identifier, action.type, SUCCESS), None

    def _change_queue(self, action: Action) -> _Next:
        self._contact.change_queue(self._optional(action, "QueueId"))
        return Step(action.identifier, action.type, SUCCESS), None

    def _enter_flow(self, action: Action) -> _Next:
        flow_id = self._text(action.parameters["ContactFlowId"])
        self._flow = self._contact.enter_flow(flow_id)
        self._attributes = {}
        self._rounds.clear()
        return Step(action.identifier, action.type, SUCCESS, flow_id), self._flow.start_action

    def _play_message(self, action: Action) -> _Next:
        self._contact.hear(self._spoken(action.parameters))
        return self._done(action)

    def _play_messages(self, action: Action) -> _Next:
        """Prompts in a loop, each noted once, until time or an agent interrupts them."""
        for message in action.parameters["Messages"]:
            self._contact.hear(self._spoken(message))
        seconds = action.parameters.get("InterruptFrequencySeconds")
        self._interrupted = action.identifier
        # A caller may be in a queue for longer than a flow may run without coming to rest.
        self._steps = 0
        if self._contact.wait(None if seconds is None else float(seconds)) and action.conditions:
            return self._branch(action, "MessagesInterrupted")
        return Step(action.identifier, action.type, SUCCESS), None

    def _get_input(self, action: Action) -> _Next:
        """Three kinds: the buffer of early digits, several digits that are stored, one that is a choice."""
        parameters = action.parameters
        if "EnableDTMFBuffer" in parameters:
            self._contact.keep_early_digits(keep=parameters["EnableDTMFBuffer"].lower() == "true")
            return self._done(action)
        if not parameters.keys().isdisjoint(_MESSAGE):
            self._contact.hear(self._spoken(parameters))
        stores = parameters.get("StoreInput") == "True"
        dtmf = parameters.get("DTMFConfiguration", {})
        validation = parameters.get("InputValidation", {}).get("CustomValidation", {})
        collected = self._contact.collect_digits(
            int(validation.get("MaximumLength", MAX_PHONE_NUMBER)) if stores else 1,
            first_within=float(parameters["InputTimeLimitSeconds"]),
            next_within=float(self._text(str(dtmf.get("InterdigitTimeLimitSeconds", INTERDIGIT_SECONDS)))),
            ends_with=dtmf.get("InputTerminationSequence", "#") if stores else "",
            cancels=stores and dtmf.get("DisableCancelKey") != "True",
        )
        if stores:
            self._contact.store_input(TIMEOUT if collected is None else collected)
            return self._done(action)
        if collected is None:
            raise BlockError("no key was pressed", error_type=INPUT_TIME_LIMIT_EXCEEDED)
        return self._branch(action, collected)

    def _show_view(self, action: Action) -> _Next:
        view_id = self._text(action.parameters["ViewResource"]["Id"])
        chosen = self._contact.show_view(view_id, self._filled(action.parameters.get("ViewData", {})))
        return self._branch(action, chosen)

    def _end_execution(self, action: Action) -> _Next:
        return Step(action.identifier, action.type, SUCCESS), self._interrupted

    def _disconnect(self, action: Action) -> _Next:
        self._contact.disconnect()
        return Step(action.identifier, action.type, SUCCESS), None

    # Where a block leads

    def _done(self, action: Action, detail: str | None = None) -> _Next:
        return Step(action.identifier, action.type, SUCCESS, detail), action.next_action

    def _branch(self, action: Action, value: str) -> _Next:
        for condition in action.conditions:
            if OPERATORS[condition.operator](value, condition.operand):
                return Step(action.identifier, action.type, condition.operand), condition.next_action
        raise BlockError(f"{value!r} is none of the conditions", error_type=NO_MATCHING_CONDITION)

    # Texts with references

    def _reference(self, path: str) -> str:
        if path.startswith(_FLOW_ATTRIBUTES):
            return self._attributes.get(path.removeprefix(_FLOW_ATTRIBUTES), "")
        return self._contact.reference(path)

    def _text(self, text: str) -> str:
        return REFERENCE.sub(lambda found: self._reference(found.group()), str(text))

    def _optional(self, action: Action, name: str) -> str | None:
        return self._text(action.parameters[name]) if name in action.parameters else None

    def _filled(self, value: Any) -> Any:
        """The value with every reference in it, however deep, replaced."""
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, Mapping):
            return {name: self._filled(item) for name, item in value.items()}
        return [self._filled(item) for item in value] if isinstance(value, list) else value

    def _spoken(self, message: Mapping[str, Any]) -> str:
        """What a message says, without marks of how; a recording is named."""
        if "PromptId" in message:
            return f"[prompt {self._text(message['PromptId'])}]"
        if "Media" in message:
            return f"[audio {self._text(message['Media']['Uri'])}]"
        return self._text(message["Text"] if "Text" in message else _MARK.sub("", message["SSML"]))
