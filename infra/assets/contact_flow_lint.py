"""Checks a contact flow's file before Amazon Connect would, and for more: that no caller is dropped, and that
only a proven caller is marked verified.

`python -m infra.assets.contact_flow_lint [file …]` checks the files given, or every one in a folder
`contact_flows` of `infra`.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# The ARNs that a stack puts into a flow, as `${name}`. Which of them a flow gets, its stack decides: a flow
# that leads to queues gets these, one that leads to another flow gets that flow's.
PLACEHOLDERS = ("CallerContextFunctionArn", "DefaultContactFlowArn", "UnverifiedQueueArn", "VerifiedQueueArn")

# The blocks that an inbound flow may hold, each with the errors it must have a branch for
# (Amazon Connect developer guide, "Actions in the Flow language").
_ERRORS: Mapping[str, frozenset[str]] = {
    "CheckHoursOfOperation": frozenset({"NoMatchingError"}),
    "CheckMetricData": frozenset({"NoMatchingCondition", "NoMatchingError"}),
    "Compare": frozenset({"NoMatchingCondition"}),
    "DisconnectParticipant": frozenset(),
    "DistributeByPercentage": frozenset({"NoMatchingCondition"}),
    # As it is used here, storing what it hears.
    "GetParticipantInput": frozenset({"InputTimeLimitExceeded", "NoMatchingError"}),
    "InvokeLambdaFunction": frozenset({"NoMatchingError"}),
    "MessageParticipant": frozenset({"NoMatchingError"}),
    "TransferContactToQueue": frozenset({"NoMatchingError", "QueueAtCapacity"}),
    "TransferToFlow": frozenset({"NoMatchingError"}),
    "UpdateContactAttributes": frozenset({"NoMatchingError"}),
    "UpdateContactEventHooks": frozenset({"NoMatchingError"}),
    "UpdateContactRecordingBehavior": frozenset(),
    "UpdateContactRoutingBehavior": frozenset(),
    "UpdateContactTargetQueue": frozenset({"NoMatchingError"}),
    "UpdateContactTextToSpeechVoice": frozenset({"NoMatchingError"}),
    "UpdateFlowLoggingBehavior": frozenset(),
}

# The only block after which nothing comes.
_TERMINAL = "DisconnectParticipant"

# Blocks that hand the caller over, to an agent's queue or to another flow, or say goodbye.
_ENDS = (_TERMINAL, "TransferContactToQueue", "TransferToFlow")

_OPERATORS = (
    "Equals",
    "NumberGreaterOrEqualTo",
    "NumberGreaterThan",
    "NumberLessOrEqualTo",
    "NumberLessThan",
    "TextContains",
    "TextEndsWith",
    "TextStartsWith",
)

# Amazon Connect waits no longer for a function.
_MAX_INVOCATION_SECONDS = 8

_VERSION = "2019-10-30"
_MAX_BLOCKS = 250
_IDENTIFIER = re.compile(r"[^%:(\\/)=$,;\[\]{}]{1,50}")
_PLACEHOLDER = re.compile(r"\$\{(.*?)\}")

# What the answer of the caller_context function is compared with before a contact counts as verified.
_PROOF = ("$.External.auth_status", "Equals", ["verified"])


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What is wrong with a block ("" for the flow itself): the value found, and what to write."""

    block: str
    what: str
    value: object
    fix: str

    def __str__(self) -> str:
        place = f"block {self.block!r}, " if self.block else ""
        return f"{place}{self.what} = {self.value!r}\n  Fix: {self.fix}"


class ContactFlowError(Exception):
    """A contact flow's file that must not be deployed; the message names each fault and its fix."""

    def __init__(self, document: Path, faults: list[Fault]) -> None:
        file = "/".join(document.parts[-3:])
        super().__init__("\n".join(f"{file}: {fault}" for fault in faults))


def read_contact_flow(document: Path, placeholders: Collection[str] = PLACEHOLDERS) -> dict[str, Any]:
    """The flow in the file `document`, checked; it may hold these `placeholders`. Raises ContactFlowError."""
    try:
        flow = json.loads(document.read_text(encoding="utf-8"))
    except ValueError as error:
        fault = Fault(block="", what="content", value=str(error), fix="make it valid JSON in UTF-8")
        raise ContactFlowError(document, [fault]) from error
    found = list(faults(flow, placeholders))
    if found:
        raise ContactFlowError(document, found)
    checked: dict[str, Any] = flow
    return checked


def faults(flow: Any, placeholders: Collection[str] = PLACEHOLDERS) -> Iterator[Fault]:
    """What is wrong with a flow; first its shape, and only if that holds, the ways through it."""
    shape = list(_shape_faults(flow))
    yield from shape
    if not shape:
        blocks = {block["Identifier"]: block for block in flow["Actions"]}
        for block in blocks.values():
            yield from _block_faults(block, placeholders)
        yield from _way_faults(flow["StartAction"], blocks)
        yield from _proof_faults(flow["StartAction"], blocks)


def _shape_faults(flow: Any) -> Iterator[Fault]:
    if not isinstance(flow, dict) or not isinstance(flow.get("Actions"), list) or not flow["Actions"]:
        yield Fault(
            block="", what="content", value=_short(flow), fix='an object with a list of blocks in "Actions"'
        )
        return
    if flow.get("Version") != _VERSION:
        yield Fault(block="", what="Version", value=flow.get("Version"), fix=f'"{_VERSION}", the only one')
    if len(flow["Actions"]) > _MAX_BLOCKS:
        yield Fault(block="", what="Actions", value=len(flow["Actions"]), fix=f"at most {_MAX_BLOCKS} blocks")
    for block in flow["Actions"]:
        if not _is_block(block):
            yield Fault(
                block="",
                what="Actions",
                value=_short(block),
                fix='a block is {"Identifier": "…", "Type": "…", "Parameters": {…}, "Transitions": {…}}',
            )
            return
    names = Counter(block["Identifier"] for block in flow["Actions"])
    for name, uses in names.items():
        if uses > 1:
            yield Fault(block=name, what="Identifier", value=name, fix="name each block differently")
        if not _IDENTIFIER.fullmatch(name):
            yield Fault(
                block=name,
                what="Identifier",
                value=name,
                fix=r"1 to 50 characters, none of % : ( \ / ) = $ , ; [ ] { }",
            )
    if flow.get("StartAction") not in list(names):
        yield Fault(
            block="", what="StartAction", value=flow.get("StartAction"), fix=f"one of: {', '.join(names)}"
        )


def _is_block(block: Any) -> bool:
    match block:
        case {"Identifier": str(), "Type": str(), "Parameters": dict(), "Transitions": dict(transitions)}:
            lists = [transitions.get("Errors", []), transitions.get("Conditions", [])]
            return all(
                isinstance(branches, list) and all(isinstance(branch, dict) for branch in branches)
                for branches in lists
            )
    return False


def _block_faults(block: Mapping[str, Any], placeholders: Collection[str]) -> Iterator[Fault]:
    name, type_ = block["Identifier"], block["Type"]
    known = ", ".join(sorted(placeholders))
    for placeholder in _PLACEHOLDER.findall(json.dumps(block)):
        if placeholder not in placeholders:
            yield Fault(block=name, what="placeholder", value=placeholder, fix=f"one of: {known}")
    if type_ not in _ERRORS:
        yield Fault(
            block=name, what="Type", value=type_, fix=f"a block of inbound flows: {', '.join(_ERRORS)}"
        )
    elif type_ != _TERMINAL:
        yield from _branch_faults(name, block["Transitions"], _ERRORS[type_])
    elif block["Transitions"]:
        yield Fault(
            block=name, what="Transitions", value=block["Transitions"], fix="{}: nothing comes after it"
        )
    if type_ == "InvokeLambdaFunction":
        yield from _invocation_faults(name, block["Parameters"])
    if type_ == "GetParticipantInput":
        yield from _input_faults(name, block["Parameters"])


def _branch_faults(
    name: str, transitions: Mapping[str, Any], needed_errors: frozenset[str]
) -> Iterator[Fault]:
    if "NextAction" not in transitions:
        yield Fault(
            block=name,
            what="Transitions.NextAction",
            value=None,
            fix=f"the block that follows: without it the caller is dropped, and only {_TERMINAL} ends a flow",
        )
    errors = {str(branch.get("ErrorType")) for branch in transitions.get("Errors", [])}
    for missing in sorted(needed_errors - errors):
        yield Fault(
            block=name,
            what="Transitions.Errors",
            value=sorted(errors),
            fix=f'add a branch for "{missing}": without it the caller is dropped',
        )
    for branch in transitions.get("Conditions", []):
        operator = _mapping(branch.get("Condition")).get("Operator")
        if operator not in _OPERATORS:
            yield Fault(
                block=name, what="Condition.Operator", value=operator, fix=f"one of: {', '.join(_OPERATORS)}"
            )


def _invocation_faults(name: str, parameters: Mapping[str, Any]) -> Iterator[Fault]:
    # Amazon Connect exports the number as a string, and takes both.
    limit = parameters.get("InvocationTimeLimitSeconds")
    if not re.fullmatch(rf"[1-{_MAX_INVOCATION_SECONDS}]", str(limit)):
        yield Fault(
            block=name,
            what="Parameters.InvocationTimeLimitSeconds",
            value=limit,
            fix=f"a whole number of seconds from 1 to {_MAX_INVOCATION_SECONDS}",
        )
    attributes = parameters.get("LambdaInvocationAttributes", {})
    if not isinstance(attributes, dict) or not all(isinstance(value, str) for value in attributes.values()):
        yield Fault(
            block=name,
            what="Parameters.LambdaInvocationAttributes",
            value=_short(attributes),
            fix='an object of texts, such as {"Code": "$.StoredCustomerInput"}',
        )


def _input_faults(name: str, parameters: Mapping[str, Any]) -> Iterator[Fault]:
    for parameter, value, valid, fix in (
        (
            "Text",
            parameters.get("Text"),
            r".*\S.*",
            "a text to say; digits are heard already meanwhile",
        ),
        ("StoreInput", parameters.get("StoreInput"), "True", '"True": conditions compare one digit alone'),
        (
            "InputTimeLimitSeconds",
            parameters.get("InputTimeLimitSeconds"),
            r"[1-9]\d{0,2}",
            "a whole number of seconds, in quotes, until the first digit",
        ),
        (
            "InputValidation.CustomValidation.MaximumLength",
            _mapping(_mapping(parameters.get("InputValidation")).get("CustomValidation")).get(
                "MaximumLength"
            ),
            r"[1-9]\d{0,2}",
            "how many digits are heard, in quotes",
        ),
        (
            "DTMFConfiguration.InterdigitTimeLimitSeconds",
            _mapping(parameters.get("DTMFConfiguration")).get("InterdigitTimeLimitSeconds"),
            r"[1-9]|1\d|20",
            "a whole number of seconds from 1 to 20, in quotes, between two digits",
        ),
    ):
        if not isinstance(value, str) or not re.fullmatch(valid, value):
            yield Fault(block=name, what=f"Parameters.{parameter}", value=value, fix=fix)


def _way_faults(start: str, blocks: Mapping[str, Mapping[str, Any]]) -> Iterator[Fault]:
    """Transitions that lead nowhere, blocks that nothing leads to, and ways that never end."""
    for name, block in blocks.items():
        for target in _targets(block):
            if target not in blocks:
                yield Fault(
                    block=name, what="NextAction", value=target, fix=f"one of: {', '.join(sorted(blocks))}"
                )
    reached = _closure({start}, {name: _targets(block) for name, block in blocks.items()})
    leads_to: dict[str, list[str]] = {name: [] for name in blocks}
    for name, block in blocks.items():
        for target in _targets(block):
            leads_to.setdefault(target, []).append(name)
    ending = _closure({name for name, block in blocks.items() if block["Type"] in _ENDS}, leads_to)
    for name in blocks:
        if name not in reached:
            yield Fault(
                block=name, what="Identifier", value=name, fix="lead a branch to it, or remove it: none does"
            )
        elif name not in ending:
            yield Fault(
                block=name,
                what="Transitions",
                value=_targets(blocks[name]),
                fix=f"lead to a block that ends the caller's way: {', '.join(_ENDS)}",
            )


def _proof_faults(start: str, blocks: Mapping[str, Mapping[str, Any]]) -> Iterator[Fault]:
    """Ways to a block that marks the contact verified, or hands a code over to another flow, other than by
    the function's word.
    """
    verifying = {name for name, block in blocks.items() if _verifies(block)}
    fix = (
        "a contact is marked verified only where Compare finds $.External.auth_status Equals verified: "
        "whoever starts a contact may set its attributes"
    )
    if start in verifying:
        yield Fault(block=start, what="StartAction", value=start, fix=fix)
    for name, block in blocks.items():
        for target in verifying.intersection(_unproven_targets(block)):
            yield Fault(block=name, what="NextAction", value=target, fix=fix)


def _verifies(block: Mapping[str, Any]) -> bool:
    attributes = _mapping(block["Parameters"].get("Attributes"))
    return attributes.get("auth_status") == "verified" or "auth_token" in attributes


def _unproven_targets(block: Mapping[str, Any]) -> list[str]:
    """Where the block leads without the proof having been seen."""

    def proves(branch: Mapping[str, Any]) -> bool:
        condition = _mapping(branch.get("Condition"))
        compared = block["Parameters"].get("ComparisonValue")
        return (compared, condition.get("Operator"), condition.get("Operands")) == _PROOF

    conditions = [branch for branch in block["Transitions"].get("Conditions", []) if not proves(branch)]
    return _targets({"Transitions": {**block["Transitions"], "Conditions": conditions}})


def _targets(block: Mapping[str, Any]) -> list[str]:
    transitions = block["Transitions"]
    branches = [transitions] if "NextAction" in transitions else []
    branches += [*transitions.get("Errors", []), *transitions.get("Conditions", [])]
    return [str(branch.get("NextAction")) for branch in branches]


def _closure(start: set[str], edges: Mapping[str, list[str]]) -> set[str]:
    found: set[str] = set()
    wanted = list(start)
    while wanted:
        name = wanted.pop()
        if name not in found:
            found.add(name)
            wanted += edges.get(name, [])
    return found


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _short(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 80 else f"{text[:79]}…"


def main(arguments: list[str]) -> int:
    """Prints every fault of the files; returns the exit status, 1 if there is any."""
    files = [Path(argument) for argument in arguments] or sorted(
        Path(__file__).parents[1].rglob("contact_flows/*.json")
    )
    failed = False
    for file in files:
        try:
            read_contact_flow(file)
        except ContactFlowError as error:
            failed = True
            print(error, file=sys.stderr)  # noqa: T201
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
