"""A contact flow, and how it runs for a contact. `flow_language` reads flows: it accepts what runs here.

Source of the rules: "Flow language" in the Amazon Connect developer guide.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

MAX_STEPS = 1000  # of one run: a flow that loops for ever is ended

SUCCESS = "Success"
NO_MATCHING_ERROR = "NoMatchingError"
NO_MATCHING_CONDITION = "NoMatchingCondition"
INPUT_TIME_LIMIT_EXCEEDED = "InputTimeLimitExceeded"
TIMEOUT = "Timeout"  # what $.StoredCustomerInput is when nobody pressed a key
INTERDIGIT_SECONDS = 5  # where the block does not say
# Blocks after whose success the flow is over.
TERMINAL = frozenset({"TransferContactToQueue", "TransferToFlow", "DisconnectParticipant"})

REFERENCE = re.compile(r"\$\.[A-Za-z][\w.\-]*(?:\['[\w:\-]+'\])?")


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


@dataclass(frozen=True)
class Step:
    """A block that a contact has passed; its result is Success, an error type or the operand that matched."""

    identifier: str
    type: str
    result: str
    detail: str | None = None


class FlowContact(Protocol):
    """The contact that a flow runs for. Methods raise BlockError where Connect takes an error branch."""

    def is_ended(self) -> bool:
        """Whether customer, agent or API ended the contact meanwhile."""

    def reference(self, path: str) -> str:
        """The value of a reference such as `$.Attributes.topic`, empty where there is none."""

    def invoke_function(self, function_arn: str, parameters: Mapping[str, str], *, seconds: float) -> None:
        """Invoke a function within so many seconds; `$.External` is its answer afterwards."""

    def set_attributes(self, attributes: Mapping[str, str]) -> None:
        """Add or overwrite user-defined attributes."""

    def set_target_queue(self, queue_id: str) -> None:
        """Choose the queue, by ARN or id, that TransferContactToQueue uses."""

    def enter_queue(self) -> None:
        """Put the contact into the chosen queue."""

    def hear(self, text: str) -> None:
        """Play a message to the customer."""

    def collect_digits(
        self, most: int, *, first_within: float, next_within: float, ends_with: str, cancels: bool
    ) -> str | None:
        """Wait for the customer to press keys, as `Digits` does; None where none is pressed."""

    def store_input(self, digits: str) -> None:
        """Keep what was collected: `$.StoredCustomerInput`."""

    def enter_flow(self, flow_id: str) -> "ContactFlow":
        """An active flow of the contact's instance, by ARN or id; the contact is in it from now on."""

    def disconnect(self) -> None:
        """End the contact."""

    def pass_block(self, step: Step) -> None:
        """Note a block on the contact's way."""


def run(flow: ContactFlow, contact: FlowContact) -> None:
    """Run the flow to its end. A contact that is in no queue by then is disconnected, as in Connect."""
    identifier: str | None = flow.start_action
    for _ in range(MAX_STEPS):
        if identifier is None or contact.is_ended():
            break
        action = flow.actions[identifier]
        if action.type == "TransferToFlow":
            step, flow, identifier = _transfer_to_flow(action, flow, contact)
        else:
            step, identifier = _perform(action, contact)
        contact.pass_block(step)
        if identifier is None and action.type == "TransferContactToQueue" and step.result == SUCCESS:
            return
    contact.disconnect()


def _perform(action: Action, contact: FlowContact) -> tuple[Step, str | None]:
    try:
        if action.type == "Compare":
            return _branch(action, contact.reference(action.parameters["ComparisonValue"]))
        if action.type == "GetParticipantInput":
            return _get_input(action, contact)
        _BLOCKS[action.type](action.parameters, contact)
    except BlockError as error:
        return _failed(action, error)
    next_action = None if action.type in TERMINAL else action.next_action
    return Step(action.identifier, action.type, SUCCESS), next_action


def _failed(action: Action, error: BlockError) -> tuple[Step, str | None]:
    step = Step(action.identifier, action.type, error.error_type, str(error))
    # NoMatchingError is the branch of every error that has none of its own.
    return step, action.errors.get(error.error_type) or action.errors.get(NO_MATCHING_ERROR)


def _transfer_to_flow(
    action: Action, flow: ContactFlow, contact: FlowContact
) -> tuple[Step, ContactFlow, str | None]:
    flow_id = _filled(action.parameters["ContactFlowId"], contact)
    try:
        other = contact.enter_flow(flow_id)
    except BlockError as error:
        step, identifier = _failed(action, error)
        return step, flow, identifier
    return Step(action.identifier, action.type, SUCCESS, flow_id), other, other.start_action


def _get_input(action: Action, contact: FlowContact) -> tuple[Step, str | None]:
    """Both kinds: one that stores several digits, and one that branches by a single one."""
    parameters = action.parameters
    if text := parameters.get("Text"):
        contact.hear(_filled(text, contact))
    stores = parameters.get("StoreInput") == "True"
    dtmf = parameters.get("DTMFConfiguration", {})
    collected = contact.collect_digits(
        int(parameters["InputValidation"]["CustomValidation"]["MaximumLength"]) if stores else 1,
        first_within=float(parameters["InputTimeLimitSeconds"]),
        next_within=float(dtmf.get("InterdigitTimeLimitSeconds", INTERDIGIT_SECONDS)),
        ends_with=dtmf.get("InputTerminationSequence", "#") if stores else "",
        cancels=stores and dtmf.get("DisableCancelKey") != "True",
    )
    if stores:
        contact.store_input(TIMEOUT if collected is None else collected)
    if collected is None and (not stores or INPUT_TIME_LIMIT_EXCEEDED in action.errors):
        return _failed(action, BlockError("no key was pressed", error_type=INPUT_TIME_LIMIT_EXCEEDED))
    if stores:
        return Step(action.identifier, action.type, SUCCESS), action.next_action
    return _branch(action, collected or "")


def _branch(action: Action, value: str) -> tuple[Step, str]:
    for condition in action.conditions:
        if OPERATORS[condition.operator](value, condition.operand):
            return Step(action.identifier, action.type, condition.operand), condition.next_action
    return Step(action.identifier, action.type, NO_MATCHING_CONDITION), action.errors[NO_MATCHING_CONDITION]


def _filled(text: str, contact: FlowContact) -> str:
    return REFERENCE.sub(lambda found: contact.reference(found.group()), text)


def _set_logging(_parameters: Mapping[str, Any], _contact: FlowContact) -> None:
    """The way of every contact is always kept here: nothing to switch."""


def _invoke_function(parameters: Mapping[str, Any], contact: FlowContact) -> None:
    given = parameters.get("LambdaInvocationAttributes", {})
    contact.invoke_function(
        parameters["LambdaFunctionARN"],
        {name: _filled(value, contact) for name, value in given.items()},
        seconds=float(parameters["InvocationTimeLimitSeconds"]),
    )


def _update_attributes(parameters: Mapping[str, Any], contact: FlowContact) -> None:
    contact.set_attributes(
        {name: _filled(value, contact) for name, value in parameters["Attributes"].items()}
    )


def _update_target_queue(parameters: Mapping[str, Any], contact: FlowContact) -> None:
    contact.set_target_queue(_filled(parameters["QueueId"], contact))


def _transfer_to_queue(_parameters: Mapping[str, Any], contact: FlowContact) -> None:
    contact.enter_queue()


def _play_message(parameters: Mapping[str, Any], contact: FlowContact) -> None:
    contact.hear(_filled(parameters["Text"], contact))


def _disconnect(_parameters: Mapping[str, Any], contact: FlowContact) -> None:
    contact.disconnect()


# Compare, GetParticipantInput and TransferToFlow choose their next block themselves: `_perform` and `run`.
_BLOCKS: dict[str, Callable[[Mapping[str, Any], FlowContact], None]] = {
    "UpdateFlowLoggingBehavior": _set_logging,
    "InvokeLambdaFunction": _invoke_function,
    "UpdateContactAttributes": _update_attributes,
    "UpdateContactTargetQueue": _update_target_queue,
    "TransferContactToQueue": _transfer_to_queue,
    "MessageParticipant": _play_message,
    "DisconnectParticipant": _disconnect,
}
