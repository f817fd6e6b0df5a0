"""Amazon Connect's flow language: reads a contact flow strictly.

Accepts the blocks that this project's flows use. Everything else (another block, operator, parameter or
reference) is refused when the flow is created, with all problems at once: a flow that is accepted here runs
here. Source of the rules: "Flow language" in the Amazon Connect developer guide.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from local.emulator.connect.contact_flow import (
    INPUT_TIME_LIMIT_EXCEEDED,
    NO_MATCHING_CONDITION,
    NO_MATCHING_ERROR,
    OPERATORS,
    REFERENCE,
    TERMINAL,
    Action,
    Condition,
    ContactFlow,
)

LANGUAGE_VERSION = "2019-10-30"
MAX_ACTIONS = 250
MAX_CONTENT = 256_000  # characters

SYSTEM_REFERENCES = frozenset(
    {
        "$.ContactId", "$.InitialContactId", "$.InstanceARN", "$.InitiationMethod", "$.Channel", "$.Name",
        "$.LanguageCode", "$.AwsRegion", "$.Queue.Name", "$.Queue.ARN",
        "$.SegmentAttributes['connect:Subtype']", "$.SegmentAttributes['connect:Direction']",
        "$.StoredCustomerInput", "$.CustomerEndpoint.Address", "$.CustomerEndpoint.Type",
        "$.SystemEndpoint.Address", "$.SystemEndpoint.Type",
    }
)  # fmt: skip
_USER_REFERENCE = re.compile(r"\$\.(?:Attributes|External)\.[\w-]+")
_IDENTIFIER = re.compile(r"[^%:(\\/)=$,;\[\]{}]{1,50}")
_FUNCTION_ARN = re.compile(r"arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:function:[\w-]+(?::[\w$-]+)?")


class InvalidContactFlowError(Exception):
    """The content is no flow that can run here; `problems` says everything that is wrong with it."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


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
    if not isinstance(value, str) or not REFERENCE.fullmatch(value):
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
        checks[name](item) if name in checks else f"{name} is not supported here"
        for name, item in value.items()
    ]
    return next((problem for problem in problems if problem), None)


def _unknown_references(text: str) -> Iterator[str]:
    for reference in REFERENCE.findall(text):
        if not _USER_REFERENCE.fullmatch(reference) and reference not in SYSTEM_REFERENCES:
            yield f"the reference {reference} is not supported here"


@dataclass(frozen=True)
class _Rules:
    """What a type of block takes."""

    required: Mapping[str, Check] = field(default_factory=dict)
    optional: Mapping[str, Check] = field(default_factory=dict)
    error_types: tuple[str, ...] = (NO_MATCHING_ERROR,)  # allowed; the last one must be there


_RULES: dict[str, _Rules] = {
    "UpdateFlowLoggingBehavior": _Rules(
        {"FlowLoggingBehavior": _one_of("Enabled", "Disabled")}, error_types=()
    ),
    "InvokeLambdaFunction": _Rules(
        {"LambdaFunctionARN": _function_arn, "InvocationTimeLimitSeconds": _time_limit},
        {
            "InvocationType": _one_of("SYNCHRONOUS"),
            "LambdaInvocationAttributes": _text_map,
            "ResponseValidation": _string_map_response,
        },
    ),
    "Compare": _Rules({"ComparisonValue": _one_reference}, error_types=(NO_MATCHING_CONDITION,)),
    "UpdateContactAttributes": _Rules({"Attributes": _attributes}, {"TargetContact": _one_of("Current")}),
    "UpdateContactTargetQueue": _Rules({"QueueId": _text}),
    "TransferContactToQueue": _Rules(error_types=("QueueAtCapacity", NO_MATCHING_ERROR)),
    "MessageParticipant": _Rules({"Text": _text}),
    "GetParticipantInput": _Rules(
        {"InputTimeLimitSeconds": _seconds(1, None)},
        {
            "Text": _text,
            "StoreInput": _one_of("True", "False"),
            "InputValidation": _custom_validation,
            "DTMFConfiguration": _dtmf_configuration,
        },
        error_types=(INPUT_TIME_LIMIT_EXCEEDED, NO_MATCHING_CONDITION, NO_MATCHING_ERROR),
    ),
    "TransferToFlow": _Rules({"ContactFlowId": _text_or_reference}),
    "DisconnectParticipant": _Rules(error_types=()),
}


def read(content: str) -> ContactFlow:
    """Read a flow's content; raises InvalidContactFlowError with every problem found."""
    if not 1 <= len(content) <= MAX_CONTENT:
        raise InvalidContactFlowError(
            [f"the content has {len(content)} characters, 1 to {MAX_CONTENT} allowed"]
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
    if len(document["Actions"]) > MAX_ACTIONS:
        yield f"{len(document['Actions'])} blocks, at most {MAX_ACTIONS} allowed"
    for name in document.keys() - {"Version", "StartAction", "Metadata", "Actions", "Settings"}:
        yield f"the member {name!r} is not supported"


def _block_problems(block: Any, number: int) -> list[str]:
    """What is wrong with one block, apart from where it leads."""
    if not isinstance(block, dict) or not isinstance(block.get("Identifier"), str):
        return [f"block {number} has no Identifier"]
    where = f"block {block['Identifier']!r}"
    if not _IDENTIFIER.fullmatch(block["Identifier"]):
        return [
            f"{where}: the Identifier has more than 50 characters or one of % : ( \\ / ) = $ , ; [ ] {{ }}"
        ]
    rules = _RULES.get(str(block.get("Type")))
    if rules is None:
        return [f"{where}: the type {block.get('Type')!r} does not run here; these do: {', '.join(_RULES)}"]
    parameters, transitions = block.get("Parameters", {}), block.get("Transitions", {})
    if not isinstance(parameters, dict) or not isinstance(transitions, dict):
        return [f"{where}: Parameters and Transitions are objects"]
    problems = [
        *_parameter_problems(rules, parameters),
        *_transition_problems(block["Type"], rules, transitions),
        *(_input_problems(parameters, transitions) if block["Type"] == "GetParticipantInput" else ()),
    ]
    return [f"{where}: {problem}" for problem in problems]


def _parameter_problems(rules: _Rules, parameters: Mapping[str, Any]) -> Iterator[str]:
    checks = {**rules.required, **rules.optional}
    for name in rules.required.keys() - parameters.keys():
        yield f"the parameter {name} is missing"
    for name, value in parameters.items():
        if name not in checks:
            yield f"the parameter {name} is not supported here"
        elif problem := checks[name](value):
            yield f"{name}: {problem}"


def _transition_problems(block_type: str, rules: _Rules, transitions: Mapping[str, Any]) -> Iterator[str]:
    if block_type not in TERMINAL and block_type != "Compare" and not transitions.get("NextAction"):
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
        operator, supported = condition.get("Operator"), ", ".join(OPERATORS)
        yield f"the operator {operator!r} does not run here; these do: {supported}"
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
