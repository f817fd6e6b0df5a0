"""Amazon Connect's flow language: reads a contact flow as CreateContactFlow does.

Refuses what the service refuses, by `flow_block_rules`, with all problems at once; and a type of block that
is not recorded there, since nobody could say what it does. What runs, and how, is in `contact_flow`. Not
checked: whether the queues, functions and prompts that a flow names exist.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from local.emulator.connect.contact_flow import Action, Condition, ContactFlow
from local.emulator.connect.flow_block_rules import (
    EVERYWHERE,
    FLOW_LETTERS,
    BlockRules,
    Conditions,
    further_problems,
    rules_of,
)

LANGUAGE_VERSION = "2019-10-30"
MAX_ACTIONS = 250
MAX_CONTENT = 256_000  # characters

_IDENTIFIER = re.compile(r"[^%:(\\/)=$,;\[\]{}]{1,50}")
# Names that a JavaScript object has already.
_TAKEN = re.compile(
    r"__(?:proto|defineGetter|defineSetter)__|constructor|toString|toLocaleString|valueOf|hasOwnProperty"
    r"|isPrototypeOf|propertyIsEnumerable"
)


class InvalidContactFlowError(Exception):
    """The content is no flow that Connect takes; `problems` says everything that is wrong with it."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def read(content: str, flow_type: str = "CONTACT_FLOW") -> ContactFlow:
    """Read the content of a flow of this type; raises InvalidContactFlowError with every problem found."""
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
    for number, block in enumerate(document["Actions"]):
        problems += _block_problems(number, block, FLOW_LETTERS.get(flow_type, EVERYWHERE))
    if problems:
        raise InvalidContactFlowError(problems)
    actions = {action.identifier: action for action in map(read_action, document["Actions"])}
    problems = list(_target_problems(document["StartAction"], actions))
    if problems:
        raise InvalidContactFlowError(problems)
    return ContactFlow(document["StartAction"], actions, flow_type)


def _document_problems(document: Mapping[str, Any]) -> Iterator[str]:
    if document.get("Version") != LANGUAGE_VERSION:
        yield f"Version is {document.get('Version')!r}, not {LANGUAGE_VERSION!r}"
    if not isinstance(document.get("StartAction"), str):
        yield "StartAction is missing"
    if not 1 <= len(document["Actions"]) <= MAX_ACTIONS:
        yield f"{len(document['Actions'])} blocks, 1 to {MAX_ACTIONS} allowed"
    names = [block.get("Identifier") for block in document["Actions"] if isinstance(block, dict)]
    for name, uses in Counter(name for name in names if isinstance(name, str)).items():
        if uses > 1:
            yield f"two blocks are called {name!r}"


def _block_problems(number: int, block: Any, letters: str) -> list[str]:
    """What is wrong with one block, apart from where it leads."""
    match block:
        case {"Identifier": str(identifier), "Type": str(block_type)}:
            where = f"block {identifier!r}"
        case _:
            return [f"Actions[{number}] is no object with an Identifier and a Type"]
    if not _IDENTIFIER.fullmatch(identifier) or _TAKEN.fullmatch(identifier):
        signs = r"% : ( \ / ) = $ , ; [ ] { }"
        return [f"{where}: the Identifier has more than 50 characters, is reserved, or has one of {signs}"]
    parameters, transitions = block.get("Parameters") or {}, block.get("Transitions") or {}
    if not isinstance(parameters, dict) or not isinstance(transitions, dict):
        return [f"{where}: Parameters and Transitions are objects"]
    errors, conditions = transitions.get("Errors") or [], transitions.get("Conditions") or []
    for branches in (errors, conditions):
        if not isinstance(branches, list) or not all(isinstance(branch, dict) for branch in branches):
            return [f"{where}: Errors and Conditions are lists of objects"]
    rules = rules_of(block_type, parameters)
    if rules is None:
        return [f"{where}: Invalid Action type. Type: {block_type}"]
    error_types = [str(error.get("ErrorType")) for error in errors]
    compared = list(map(_compared, conditions))
    problems = [
        *_place_problems(block_type, rules, letters),
        *_parameter_problems(f"Path: Actions[{number}].Parameters", rules, parameters),
        *_transition_problems(rules, transitions, error_types),
        *_condition_problems(rules.conditions, compared),
    ]
    problems = problems or list(further_problems(block_type, parameters, error_types, compared))
    return [f"{where}: {problem}" for problem in problems]


def _place_problems(block_type: str, rules: BlockRules, letters: str) -> Iterator[str]:
    if not set(letters) & set(rules.flows):
        yield f"{block_type} is no block of this type of flow"


def _parameter_problems(path: str, rules: BlockRules, parameters: Mapping[str, Any]) -> Iterator[str]:
    checks = {**rules.required, **rules.optional}
    for name in rules.required.keys() - parameters.keys():
        yield f"Action is missing required property. {path}.{name}"
    for name, value in parameters.items():
        if name in checks and not checks[name](value):
            yield f"Invalid Action property value. {path}.{name}: {value!r}"
        if name not in checks and not rules.loose:
            yield f"Invalid Action property name. {path}.{name}"
    if rules.exactly_one_of and len(rules.exactly_one_of & parameters.keys()) != 1:
        choices = ", ".join(sorted(rules.exactly_one_of))
        yield f"Invalid Action property value. {path}: exactly one of {choices}"
    if len(rules.at_most_one_of & parameters.keys()) > 1:
        choices = ", ".join(sorted(rules.at_most_one_of))
        yield f"Invalid Action property value. {path}: at most one of {choices}"


def _transition_problems(
    rules: BlockRules, transitions: Mapping[str, Any], error_types: list[str]
) -> Iterator[str]:
    following = transitions.get("NextAction")
    if rules.ends:
        if "NextAction" in transitions or error_types or transitions.get("Conditions"):
            yield "Action does not support transitions"
        return
    if not following and not (rules.stays and "NextAction" not in transitions):
        yield "Transitions.NextAction is missing"
    for missing in sorted(rules.errors - set(error_types)):
        yield f"Action is missing required error. Error: {missing}"
    if not rules.loose:
        for unknown in sorted(set(error_types) - rules.errors - rules.other_errors):
            allowed = ", ".join(sorted(rules.errors | rules.other_errors)) or "none"
            yield f"the error type {unknown!r} is not one of this block's: {allowed}"


def _compared(condition: Mapping[str, Any]) -> tuple[Any, Any]:
    """Operator and operand; None as operand where there is not exactly one."""
    compared = condition.get("Condition")
    if not isinstance(compared, dict):
        return None, None
    operands = compared.get("Operands")
    operand = operands[0] if isinstance(operands, list) and len(operands) == 1 else None
    operator = compared.get("Operator")
    if isinstance(operand, int) and not isinstance(operand, bool):
        return operator, operand
    return operator, operand if isinstance(operand, str) else None


def _condition_problems(rules: Conditions | None, compared: list[tuple[Any, Any]]) -> Iterator[str]:
    if rules is None:
        if compared:
            yield "Action does not support conditions"
        return
    for operator, operand in compared:
        if operator not in rules.operators:
            yield f"the operator {operator!r} is not one of this block's: {', '.join(rules.operators)}"
        if operand is None or not rules.operand(operand):
            yield f"the operand {operand!r} is not exactly one that this block takes"
    for missing in sorted(rules.required - {operand for _, operand in compared if isinstance(operand, str)}):
        yield f"the condition Equals {missing} is missing"
    if len(compared) < rules.least:
        yield "a condition is missing"


def read_action(block: Mapping[str, Any]) -> Action:
    """A block that is known to be good."""
    transitions = block.get("Transitions") or {}
    return Action(
        identifier=block["Identifier"],
        type=block["Type"],
        parameters=block.get("Parameters") or {},
        next_action=str(transitions["NextAction"]) if transitions.get("NextAction") else None,
        errors={
            str(error["ErrorType"]): str(error.get("NextAction")) for error in transitions.get("Errors") or []
        },
        conditions=tuple(
            Condition(
                operator=condition["Condition"]["Operator"],
                operand=str(condition["Condition"]["Operands"][0]),
                next_action=str(condition.get("NextAction")),
            )
            for condition in transitions.get("Conditions") or []
        ),
    )


def _target_problems(start_action: str, actions: Mapping[str, Action]) -> Iterator[str]:
    if start_action not in actions:
        yield f"StartAction {start_action!r} names no block"
    for action in actions.values():
        targets = {action.next_action, *action.errors.values(), *(c.next_action for c in action.conditions)}
        for target in targets - {None} - actions.keys():
            yield f"block {action.identifier!r} leads to {target!r}, which is no block"
