"""What CreateContactFlow refuses: the document's shape, and each block by the table of `block_types`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from infra.assets.contact_flow_lint.block_types import (
    BLOCK_TYPES,
    BUFFER,
    MISNAMED,
    NO_MATCH,
    STORED_INPUT,
    BlockType,
    FlowType,
)
from infra.assets.contact_flow_lint.blocks import Block, condition, read_block
from infra.assets.contact_flow_lint.fault import Fault, Severity, short
from infra.assets.contact_flow_lint.values import REFERENCE

_VERSION = "2019-10-30"
_MAX_BLOCKS = 250
_IDENTIFIER = re.compile(r"[^%:(\\/)=$,;\[\]{}]{1,50}")
_RESERVED = (
    "__proto__",
    "constructor",
    "__defineGetter__",
    "__defineSetter__",
    "toString",
    "hasOwnProperty",
    "isPrototypeOf",
    "propertyIsEnumerable",
    "toLocaleString",
    "valueOf",
)
# What a flow can refer to (administrator guide, "List of available attributes").
_ROOTS = frozenset(
    {
        "Agent", "Attributes", "AwsRegion", "Capabilities", "Case", "Channel", "ContactId", "Contacts",
        "Customer", "CustomerEndpoint", "CustomerId", "DataTables", "Description", "Email", "External",
        "FlowAttributes", "InitialContactId", "InitiationMethod", "InstanceARN", "LambdaInvocation",
        "LanguageCode", "Lex", "Loop", "Media", "MediaStreams", "Metrics", "Modules", "Name",
        "OutboundCampaigns", "PreviousContactId", "Queue", "References", "RelatedContactId",
        "SegmentAttributes", "StoredCustomerInput", "SystemEndpoint", "Tags", "TaskTemplate",
        "TextToSpeechVoiceId", "Views", "Wisdom",
    }
)  # fmt: skip
# The console does not write a branch for what these cannot fail at.
_NEVER_FAIL = frozenset({"Loop", "MessageParticipantIteratively"})
_LEAST_INTERRUPTION = 20  # seconds; the console takes more than that


def shape_faults(flow: Any) -> Iterator[Fault]:
    """What is wrong with the document before any block is looked at."""
    if not isinstance(flow, dict) or not isinstance(flow.get("Actions"), list) or not flow["Actions"]:
        yield Fault(
            block="", what="content", value=short(flow), fix='an object with a list of blocks in "Actions"'
        )
        return
    if flow.get("Version") != _VERSION:
        yield Fault(block="", what="Version", value=flow.get("Version"), fix=f'"{_VERSION}", the only one')
    if len(flow["Actions"]) > _MAX_BLOCKS:
        yield Fault(block="", what="Actions", value=len(flow["Actions"]), fix=f"at most {_MAX_BLOCKS} blocks")
    blocks = [read_block(number, block) for number, block in enumerate(flow["Actions"])]
    for number, block in enumerate(blocks):
        if block is None:
            yield Fault(
                block="",
                what="Actions",
                value=short(flow["Actions"][number]),
                fix='a block is {"Identifier": "…", "Type": "…", "Parameters": {…}, "Transitions": {…}}',
            )
            return
    names = Counter(block.name for block in blocks if block)
    for name, uses in names.items():
        yield from _name_faults(name, uses)
    if flow.get("StartAction") not in list(names):
        yield Fault(
            block="", what="StartAction", value=flow.get("StartAction"), fix=f"one of: {', '.join(names)}"
        )


def _name_faults(name: str, uses: int) -> Iterator[Fault]:
    if uses > 1:
        yield Fault(block=name, what="Identifier", value=name, fix="name each block differently")
    if not _IDENTIFIER.fullmatch(name):
        fix = r"1 to 50 characters, none of % : ( \ / ) = $ , ; [ ] { }"
        yield Fault(block=name, what="Identifier", value=name, fix=fix)
    if name in _RESERVED:
        yield Fault(
            block=name,
            what="Identifier",
            value=name,
            fix=f"another name: {', '.join(_RESERVED)} are reserved",
        )


def form_faults(blocks: Mapping[str, Block], flow_type: FlowType) -> Iterator[Fault]:
    """What is wrong with the blocks one by one, in a flow of this type."""
    for block in blocks.values():
        for target in block.targets:
            if target not in blocks:
                yield Fault(
                    block=block.name,
                    what="NextAction",
                    value=target,
                    fix=f"one of: {', '.join(sorted(blocks))}",
                )
        type_ = type_of(block)
        if type_ is None:
            yield from _unknown_faults(block)
            continue
        if flow_type not in type_.flow_types:
            yield Fault(
                block=block.name,
                what="Type",
                value=block.type,
                fix=f"no block of a {flow_type} flow, but of {', '.join(sorted(type_.flow_types))}",
            )
        yield from _parameter_faults(block, type_)
        yield from _transition_faults(block, type_)
        yield from _further_faults(block)
        yield from _reference_faults(block)


def type_of(block: Block) -> BlockType | None:
    """What Connect takes of this block; None for a type that is not recorded."""
    if block.type == "GetParticipantInput":
        if "EnableDTMFBuffer" in block.parameters:
            return BUFFER
        if block.parameters.get("StoreInput") == "True":
            return STORED_INPUT
    return BLOCK_TYPES.get(block.type)


def _unknown_faults(block: Block) -> Iterator[Fault]:
    if block.type in MISNAMED:
        yield Fault(
            block=block.name,
            what="Type",
            value=block.type,
            fix=f'"{MISNAMED[block.type]}" is what the Flow language calls it',
            connect=f"Invalid Action type. Type: {block.type}",
        )
        return
    yield Fault(
        block=block.name,
        what="Type",
        value=block.type,
        fix="this check does not know the block: try the flow on an instance, and adopt it by its ARN",
        severity=Severity.WARNING,
    )


def _parameter_faults(block: Block, type_: BlockType) -> Iterator[Fault]:
    path = f"Path: Actions[{block.number}].Parameters"
    rules = type_.rules
    for name in type_.needed:
        if name not in block.parameters:
            wrong = next(type_.needed[name](None), ("", None, "add it"))
            yield Fault(
                block=block.name,
                what=f"Parameters.{name}",
                value=None,
                fix=wrong[2],
                connect=f"Action is missing required property. {path}.{name}",
            )
    for name, value in block.parameters.items():
        if name not in rules:
            if not type_.is_open:
                yield Fault(
                    block=block.name,
                    what=f"Parameters.{name}",
                    value=short(value),
                    fix=f"one of: {', '.join(rules)}"
                    if rules
                    else "remove it: the block takes no parameters",
                    connect=f"Invalid Action property name. {path}.{name}",
                )
            continue
        for where, found, fix in rules[name](value):
            yield Fault(
                block=block.name,
                what=f"Parameters.{name}{where}",
                value=short(found) if isinstance(found, dict | list) else found,
                fix=fix,
                connect=f"Invalid Action property value. {path}.{name}{where}",
            )
    for names, minimum in ((type_.one, 1), (type_.most_one, 0)):
        given = [name for name in names if name in block.parameters]
        if names and not minimum <= len(given) <= 1:
            yield Fault(
                block=block.name,
                what="Parameters",
                value=given,
                fix=f"{'exactly' if minimum else 'at most'} one of: {', '.join(names)}",
                connect=f"Invalid Action property value. {path}",
            )


def _transition_faults(block: Block, type_: BlockType) -> Iterator[Fault]:
    if type_.is_terminal:
        if block.targets:
            yield Fault(
                block=block.name,
                what="Transitions",
                value=block.targets,
                fix="{}: nothing comes after it",
                connect="Action does not support transitions",
            )
        return
    if not block.next_action and not (type_.may_hold and not block.has_next):
        yield Fault(
            block=block.name,
            what="Transitions.NextAction",
            value=block.next_action,
            fix="the block that follows: without it the caller is dropped",
        )
    yield from _error_faults(block, type_)
    yield from _condition_faults(block, type_)


def _error_faults(block: Block, type_: BlockType) -> Iterator[Fault]:
    given = block.error_types
    for missing in sorted(set(type_.errors) - set(given)):
        yield Fault(
            block=block.name,
            what="Transitions.Errors",
            value=sorted(given),
            fix=f'add a branch for "{missing}": without it the caller is dropped',
            connect=f"Action is missing required error. Error: {missing}",
        )
    allowed = {*type_.errors, *type_.may}
    for error in sorted(set(given) - allowed):
        if not type_.is_open:
            takes = (
                f"one of: {', '.join(sorted(allowed))}" if allowed else "remove it: the block has no errors"
            )
            yield Fault(block=block.name, what="ErrorType", value=error, fix=takes)
    if NO_MATCH in type_.may and NO_MATCH not in given and block.type not in _NEVER_FAIL:
        yield Fault(
            block=block.name,
            what="Transitions.Errors",
            value=sorted(given),
            fix=f'add a branch for "{NO_MATCH}": Connect takes it without, and a failure ends the call',
            severity=Severity.WARNING,
        )


def _condition_faults(block: Block, type_: BlockType) -> Iterator[Fault]:
    branches = type_.branches
    if branches is None:
        if block.conditions:
            yield Fault(
                block=block.name,
                what="Transitions.Conditions",
                value=short(list(block.conditions)),
                fix="remove them: the block has no conditions",
                connect="Action does not support conditions",
            )
        return
    operands: list[str] = []
    for branch in block.conditions:
        operator, values = condition(branch)
        if operator not in branches.operators:
            fix = f"one of: {', '.join(branches.operators)}"
            yield Fault(block=block.name, what="Condition.Operator", value=operator, fix=fix)
        match values:
            case [str(value)] if re.fullmatch(branches.operands, value):
                operands.append(value)
            case [int(value)] if block.type == "DistributeByPercentage" and not isinstance(value, bool):
                operands.append(str(value))
            case _:
                fix = f"exactly one text that matches {branches.operands}"
                yield Fault(block=block.name, what="Condition.Operands", value=short(values), fix=fix)
    for missing in sorted(set(branches.needed) - set(operands)):
        yield Fault(
            block=block.name,
            what="Transitions.Conditions",
            value=operands,
            fix=f'add a condition Equals "{missing}"',
        )
    if len(block.conditions) < branches.minimum:
        yield Fault(block=block.name, what="Transitions.Conditions", value=[], fix="add one at least")


def _further_faults(block: Block) -> Iterator[Fault]:
    """What a block's parts say of each other."""
    if further := _FURTHER.get(block.type):
        yield from further(block)


def _metric_faults(block: Block) -> Iterator[Fault]:
    if str(block.member("MetricType")).startswith("NumberOfAgents"):
        for branch in block.conditions:
            if condition(branch) != ("NumberGreaterThan", ["0"]):
                fix = 'NumberGreaterThan "0" alone: of agents Connect says whether there are any'
                yield Fault(block=block.name, what="Condition", value=short(branch.get("Condition")), fix=fix)


def _wait_faults(block: Block) -> Iterator[Fault]:
    operands = [operand for branch in block.conditions for operand in condition(branch)[1]]
    events = block.member("Events")
    for event in events if isinstance(events, list) else []:
        if event not in operands:
            fix = f'add a condition Equals "{event}"'
            yield Fault(block=block.name, what="Transitions.Conditions", value=short(events), fix=fix)


def _analytics_faults(block: Block) -> Iterator[Fault]:
    error = "InFlightRedactionConfigurationFailed"
    if "ChatBehavior" in block.parameters and error not in block.error_types:
        yield Fault(
            block=block.name,
            what="Transitions.Errors",
            value=block.error_types,
            fix=f'add a branch for "{error}"',
            connect=f"Action is missing required error. Error: {error}",
        )


def _hook_faults(block: Block) -> Iterator[Fault]:
    hooks = block.member("EventHooks")
    if isinstance(hooks, dict) and len(hooks) != 1:
        yield Fault(
            block=block.name,
            what="Parameters.EventHooks",
            value=sorted(hooks),
            fix="one hook a block: the developer guide allows no more, and accounts differ about none",
            severity=Severity.WARNING,
        )
    if "EventHooksConfiguration" in block.parameters:
        yield Fault(
            block=block.name,
            what="Parameters.EventHooksConfiguration",
            value=short(block.parameters["EventHooksConfiguration"]),
            fix="leave it out: the console exports it, no page documents it, and accounts differ about it",
            severity=Severity.WARNING,
        )


def _interruption_faults(block: Block) -> Iterator[Fault]:
    seconds = str(block.parameters.get("InterruptFrequencySeconds", ""))
    if re.fullmatch(r"[0-9]{1,9}", seconds) and 0 < int(seconds) <= _LEAST_INTERRUPTION:
        yield Fault(
            block=block.name,
            what="Parameters.InterruptFrequencySeconds",
            value=seconds,
            fix=f"more than {_LEAST_INTERRUPTION}: the console takes no less",
            severity=Severity.WARNING,
        )


def _input_faults(block: Block) -> Iterator[Fault]:
    by_number = block.member("InputValidation", "PhoneNumberValidation") is not None
    if "InvalidPhoneNumber" in block.error_types and not by_number:
        fix = 'remove it: only an "InputValidation" with "PhoneNumberValidation" has that branch'
        yield Fault(block=block.name, what="ErrorType", value="InvalidPhoneNumber", fix=fix)
    if by_number and "InputEncryption" in block.parameters:
        fix = 'remove it: only an "InputValidation" with "CustomValidation" is encrypted'
        yield Fault(block=block.name, what="Parameters.InputEncryption", value="…", fix=fix)


_FURTHER: Mapping[str, Callable[[Block], Iterator[Fault]]] = {
    "CheckMetricData": _metric_faults,
    "GetParticipantInput": _input_faults,
    "MessageParticipantIteratively": _interruption_faults,
    "UpdateContactEventHooks": _hook_faults,
    "UpdateContactRecordingAndAnalyticsBehavior": _analytics_faults,
    "Wait": _wait_faults,
}


def _reference_faults(block: Block) -> Iterator[Fault]:
    """References to what no contact has: Connect may take them, and reads nothing."""
    for text in texts(block.parameters):
        for found in REFERENCE.findall(text):
            root = re.split(r"[.\[]", found.removeprefix("$."))[0]
            if root not in _ROOTS:
                yield Fault(
                    block=block.name,
                    what="reference",
                    value=found,
                    fix="a reference of the list of available attributes: a flow reads nothing there",
                    severity=Severity.WARNING,
                )


def texts(value: Any) -> Iterator[str]:
    """Every text in a value, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for member in value.values():
            yield from texts(member)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)
