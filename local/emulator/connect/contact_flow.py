"""Amazon Connect's flow language: reads a contact flow strictly and runs it for a contact.

Knows the blocks that this project's flows use. Everything else (another block, operator, parameter or
reference) is refused when the flow is created, with all problems at once: a flow that is accepted here runs
here. Source of the rules: "Flow language" in the Amazon Connect developer guide.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

LANGUAGE_VERSION = "2019-10-30"
MOST_ACTIONS = 250
LONGEST_CONTENT = 256_000  # characters
MOST_STEPS = 1000  # of one run: a flow that loops for ever is ended

SUCCESS = "Success"
NO_MATCHING_ERROR = "NoMatchingError"
NO_MATCHING_CONDITION = "NoMatchingCondition"
INPUT_TIME_LIMIT_EXCEEDED = "InputTimeLimitExceeded"
TIMEOUT = "Timeout"  # what $.StoredCustomerInput is when nobody pressed a key
INTERDIGIT_SECONDS = 5  # where the block does not say

SYSTEM_REFERENCES = frozenset(
    {
        "$.ContactId", "$.InitialContactId", "$.InstanceARN", "$.InitiationMethod", "$.Channel", "$.Name",
        "$.LanguageCode", "$.AwsRegion", "$.Queue.Name", "$.Queue.ARN",
        "$.SegmentAttributes['connect:Subtype']", "$.SegmentAttributes['connect:Direction']",
        "$.StoredCustomerInput", "$.CustomerEndpoint.Address", "$.CustomerEndpoint.Type",
        "$.SystemEndpoint.Address", "$.SystemEndpoint.Type",
    }
)  # fmt: skip
_REFERENCE = re.compile(r"\$\.[A-Za-z][\w.\-]*(?:\['[\w:\-]+'\])?")
_USER_REFERENCE = re.compile(r"\$\.(?:Attributes|External)\.[\w-]+")
_IDENTIFIER = re.compile(r"[^%:(\\/)=$,;\[\]{}]{1,50}")
_FUNCTION_ARN = re.compile(r"arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:function:[\w-]+(?::[\w$-]+)?")


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


class InvalidContactFlowError(Exception):
    """The content is no flow that can run here; `problems` says everything that is wrong with it."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


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
    for _ in range(MOST_STEPS):
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
        _BLOCKS[action.type].perform(action.parameters, contact)
    except BlockError as error:
        return _failed(action, error)
    next_action = None if _BLOCKS[action.type].terminal else action.next_action
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
    return _REFERENCE.sub(lambda found: contact.reference(found.group()), text)


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


def _is_run_apart(_parameters: Mapping[str, Any], _contact: FlowContact) -> None:
    raise AssertionError("a block that branches or leaves the flow has a function of its own")


Check = Callable[[Any], str | None]  # what is wrong with a parameter's value, None if nothing


def _one_of(*values: str) -> Check:
    return lambda value: None if value in values else f"{value!r} is not one of {', '.join(values)}"


def _text(value: object) -> str | None:
    if not isinstance(value, str) or not value:
        return f"{value!r} is not a text"
    return next(_unknown_references(value), None)


def _function_arn(value: object) -> str | None:
    if isinstance(value, str) and _FUNCTION_ARN.fullmatch(value):
        return None
    return f"{value!r} is not the ARN of a Lambda function"


def _time_limit(value: object) -> str | None:
    return (
        None
        if str(value) in {str(seconds) for seconds in range(1, 9)}
        else f"{value!r} is not 1 to 8 seconds"
    )


def _text_map(value: object) -> str | None:
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        return f"{value!r} is not a map of texts"
    return next((problem for item in value.values() for problem in _unknown_references(item)), None)


def _attributes(value: object) -> str | None:
    if isinstance(value, dict) and not value:
        return "at least one attribute is needed"
    return _text_map(value)


def _string_map_response(value: object) -> str | None:
    return None if value == {"ResponseType": "STRING_MAP"} else f"{value!r}: only a STRING_MAP is read here"


def _one_reference(value: object) -> str | None:
    if not isinstance(value, str) or not _REFERENCE.fullmatch(value):
        return f"{value!r} is not one JSONPath reference"
    return next(_unknown_references(value), None)


def _text_or_reference(value: object) -> str | None:
    """A value that is static as a whole or one reference, nothing composed."""
    return _one_reference(value) if isinstance(value, str) and "$." in value else _text(value)


def _seconds(least: int, most: int | None) -> Check:
    """A whole number as a text or a number; the flow language has both."""

    def check(value: object) -> str | None:
        number = int(str(value)) if re.fullmatch(r"\d{1,5}", str(value)) else -1
        if number >= least and (most is None or number <= most):
            return None
        return f"{value!r} is not a whole number from {least}" + (f" to {most}" if most else "")

    return check


def _custom_validation(value: object) -> str | None:
    match value:
        case {"CustomValidation": {"MaximumLength": length, **rest}, **others} if not rest and not others:
            return _seconds(1, 20)(length)
    return f"{value!r}: only a CustomValidation with a MaximumLength runs here"


def _dtmf_configuration(value: object) -> str | None:
    checks: dict[str, Check] = {
        "InputTerminationSequence": lambda text: (
            None if re.fullmatch(r"[0-9*#]{1,5}", str(text)) else f"{text!r} is not one to five keys"
        ),
        "DisableCancelKey": _one_of("True", "False"),
        "InterdigitTimeLimitSeconds": _seconds(1, 20),
    }
    if not isinstance(value, dict):
        return f"{value!r} is not an object"
    problems = [
        checks[name](item) if name in checks else f"{name} is not known here" for name, item in value.items()
    ]
    return next((problem for problem in problems if problem), None)


def _unknown_references(text: str) -> Iterator[str]:
    for reference in _REFERENCE.findall(text):
        if not _USER_REFERENCE.fullmatch(reference) and reference not in SYSTEM_REFERENCES:
            yield f"the reference {reference} is not known here"


@dataclass(frozen=True)
class _Block:
    """What a type of block takes and does."""

    perform: Callable[[Mapping[str, Any], FlowContact], None]
    required: Mapping[str, Check] = field(default_factory=dict)
    optional: Mapping[str, Check] = field(default_factory=dict)
    error_types: tuple[str, ...] = (NO_MATCHING_ERROR,)  # allowed; the last one must be there
    terminal: bool = False


_BLOCKS: dict[str, _Block] = {
    "UpdateFlowLoggingBehavior": _Block(
        _set_logging, {"FlowLoggingBehavior": _one_of("Enabled", "Disabled")}, error_types=()
    ),
    "InvokeLambdaFunction": _Block(
        _invoke_function,
        {"LambdaFunctionARN": _function_arn, "InvocationTimeLimitSeconds": _time_limit},
        {
            "InvocationType": _one_of("SYNCHRONOUS"),
            "LambdaInvocationAttributes": _text_map,
            "ResponseValidation": _string_map_response,
        },
    ),
    "Compare": _Block(
        _is_run_apart, {"ComparisonValue": _one_reference}, error_types=(NO_MATCHING_CONDITION,)
    ),
    "UpdateContactAttributes": _Block(
        _update_attributes, {"Attributes": _attributes}, {"TargetContact": _one_of("Current")}
    ),
    "UpdateContactTargetQueue": _Block(_update_target_queue, {"QueueId": _text}),
    "TransferContactToQueue": _Block(
        _transfer_to_queue, error_types=("QueueAtCapacity", NO_MATCHING_ERROR), terminal=True
    ),
    "MessageParticipant": _Block(_play_message, {"Text": _text}),
    "GetParticipantInput": _Block(
        _is_run_apart,
        {"InputTimeLimitSeconds": _seconds(1, None)},
        {
            "Text": _text,
            "StoreInput": _one_of("True", "False"),
            "InputValidation": _custom_validation,
            "DTMFConfiguration": _dtmf_configuration,
        },
        error_types=(INPUT_TIME_LIMIT_EXCEEDED, NO_MATCHING_CONDITION, NO_MATCHING_ERROR),
    ),
    "TransferToFlow": _Block(_is_run_apart, {"ContactFlowId": _text_or_reference}, terminal=True),
    "DisconnectParticipant": _Block(_disconnect, error_types=(), terminal=True),
}


def read(content: str) -> ContactFlow:
    """Read a flow's content; raises InvalidContactFlowError with every problem found."""
    if not 1 <= len(content) <= LONGEST_CONTENT:
        raise InvalidContactFlowError(
            [f"the content has {len(content)} characters, 1 to {LONGEST_CONTENT} allowed"]
        )
    try:
        document = json.loads(content)
    except ValueError as error:
        raise InvalidContactFlowError([f"the content is not JSON: {error}"]) from error
    if not isinstance(document, dict) or not isinstance(document.get("Actions"), list):
        raise InvalidContactFlowError(["the content is not an object with a list of Actions"])
    problems = list(_document_problems(document))
    actions: dict[str, Action] = {}
    for number, block in enumerate(document["Actions"], 1):
        found = _block_problems(block, number)
        problems += found
        if not found:
            action = _action(block)
            if action.identifier in actions:
                problems.append(f"two blocks are called {action.identifier!r}")
            actions[action.identifier] = action
    if not problems:
        problems = list(_target_problems(document["StartAction"], actions))
    if problems:
        raise InvalidContactFlowError(problems)
    return ContactFlow(document["StartAction"], actions)


def _document_problems(document: Mapping[str, Any]) -> Iterator[str]:
    if document.get("Version") != LANGUAGE_VERSION:
        yield f"Version is {document.get('Version')!r}, not {LANGUAGE_VERSION!r}"
    if not isinstance(document.get("StartAction"), str):
        yield "StartAction is missing"
    if len(document["Actions"]) > MOST_ACTIONS:
        yield f"{len(document['Actions'])} blocks, at most {MOST_ACTIONS} allowed"
    for name in document.keys() - {"Version", "StartAction", "Metadata", "Actions", "Settings"}:
        yield f"the member {name!r} is not known"


def _block_problems(block: Any, number: int) -> list[str]:
    """What is wrong with one block, apart from where it leads."""
    if not isinstance(block, dict) or not isinstance(block.get("Identifier"), str):
        return [f"block {number} has no Identifier"]
    where = f"block {block['Identifier']!r}"
    if not _IDENTIFIER.fullmatch(block["Identifier"]):
        return [
            f"{where}: the Identifier has more than 50 characters or one of % : ( \\ / ) = $ , ; [ ] {{ }}"
        ]
    rules = _BLOCKS.get(str(block.get("Type")))
    if rules is None:
        return [f"{where}: the type {block.get('Type')!r} does not run here; these do: {', '.join(_BLOCKS)}"]
    parameters, transitions = block.get("Parameters", {}), block.get("Transitions", {})
    if not isinstance(parameters, dict) or not isinstance(transitions, dict):
        return [f"{where}: Parameters and Transitions are objects"]
    problems = [
        *_parameter_problems(rules, parameters),
        *_transition_problems(block["Type"], rules, transitions),
        *(_input_problems(parameters, transitions) if block["Type"] == "GetParticipantInput" else ()),
    ]
    return [f"{where}: {problem}" for problem in problems]


def _parameter_problems(rules: _Block, parameters: Mapping[str, Any]) -> Iterator[str]:
    checks = {**rules.required, **rules.optional}
    for name in rules.required.keys() - parameters.keys():
        yield f"the parameter {name} is missing"
    for name, value in parameters.items():
        if name not in checks:
            yield f"the parameter {name} is not known here"
        elif problem := checks[name](value):
            yield f"{name}: {problem}"


def _transition_problems(block_type: str, rules: _Block, transitions: Mapping[str, Any]) -> Iterator[str]:
    if not rules.terminal and block_type != "Compare" and not transitions.get("NextAction"):
        yield "Transitions.NextAction is missing"
    error_types = [error.get("ErrorType") for error in transitions.get("Errors", [])]
    for unknown in set(error_types) - set(rules.error_types):
        allowed = ", ".join(rules.error_types) or "none"
        yield f"the error type {unknown!r} is not one of this block's: {allowed}"
    if rules.error_types and rules.error_types[-1] not in error_types:
        yield f"the error branch {rules.error_types[-1]} is missing"
    conditions = transitions.get("Conditions", [])
    if conditions and block_type not in {"Compare", "GetParticipantInput"}:
        yield "this block has no conditions"
    for condition in conditions:
        yield from _condition_problems(condition.get("Condition", {}))


def _input_problems(parameters: Mapping[str, Any], transitions: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with a GetParticipantInput whose parameters are good one by one."""
    stores = parameters.get("StoreInput") == "True"
    conditions = [condition.get("Condition", {}) for condition in transitions.get("Conditions", [])]
    has_no_match = NO_MATCHING_CONDITION in [
        error.get("ErrorType") for error in transitions.get("Errors", [])
    ]
    if stores is not ("InputValidation" in parameters):
        yield "InputValidation is required if StoreInput is True, and allowed only then"
    if stores and (conditions or has_no_match):
        yield f"with StoreInput there are no conditions, and no {NO_MATCHING_CONDITION}"
    if not stores and not has_no_match:
        yield f"without StoreInput the error branch {NO_MATCHING_CONDITION} is missing"
    for condition in conditions:
        operand = (condition.get("Operands") or [""])[0]
        if condition.get("Operator") != "Equals" or not re.fullmatch(r"[0-9*#]", str(operand)):
            yield f"the condition {condition!r} is not Equals and one key"


def _condition_problems(condition: Mapping[str, Any]) -> Iterator[str]:
    if condition.get("Operator") not in OPERATORS:
        operator, known = condition.get("Operator"), ", ".join(OPERATORS)
        yield f"the operator {operator!r} does not run here; these do: {known}"
    operands = condition.get("Operands")
    if not isinstance(operands, list) or len(operands) != 1 or not isinstance(operands[0], str):
        yield f"the operands {operands!r} are not exactly one text"


def _action(block: Mapping[str, Any]) -> Action:
    transitions = block.get("Transitions", {})
    return Action(
        identifier=block["Identifier"],
        type=block["Type"],
        parameters=block.get("Parameters", {}),
        next_action=transitions.get("NextAction") or None,
        errors={error["ErrorType"]: str(error.get("NextAction")) for error in transitions.get("Errors", [])},
        conditions=tuple(
            Condition(
                operator=condition["Condition"]["Operator"],
                operand=condition["Condition"]["Operands"][0],
                next_action=str(condition.get("NextAction")),
            )
            for condition in transitions.get("Conditions", [])
        ),
    )


def _target_problems(start_action: str, actions: Mapping[str, Action]) -> Iterator[str]:
    if start_action not in actions:
        yield f"StartAction {start_action!r} names no block"
    for action in actions.values():
        targets = {action.next_action, *action.errors.values(), *(c.next_action for c in action.conditions)}
        for target in targets - {None} - actions.keys():
            yield f"block {action.identifier!r} leads to {target!r}, which is no block"
