"""A flow's faults, and the flows that may be deployed."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from infra.assets.contact_flow_lint.block_types import FlowType
from infra.assets.contact_flow_lint.blocks import Block, read_block
from infra.assets.contact_flow_lint.fault import Fault
from infra.assets.contact_flow_lint.flow_types import declared, guess
from infra.assets.contact_flow_lint.form import form_faults, shape_faults, texts
from infra.assets.contact_flow_lint.optional import optional_faults, substitutes
from infra.assets.contact_flow_lint.promise import proof_faults, way_faults

# What a stack puts into a flow, as `${name}`: ARNs of queues, functions and other flows, and values of
# [connect.flow]. Which of them a flow gets, its stack decides.
PLACEHOLDERS = (
    "AgentGuideFlowArn",
    "AgentWhisperFlowArn",
    "AvailabilityFunctionArn",
    "BusyText",
    "CallerContextFunctionArn",
    "ClosedFlowArn",
    "ClosedText",
    "CustomerQueueFlowArn",
    "DefaultContactFlowArn",
    "DetailViewArn",
    "InboundContactFlowArn",
    "Language",
    "MusicPromptArn",
    "OpeningDays",
    "OpeningText",
    "OverflowQueueArn",
    "OverflowSeconds",
    "RecordingText",
    "SmokeQueueArn",
    "UnverifiedQueueArn",
    "VerifiedQueueArn",
    "Voice",
    "VoiceEngine",
    "WaitingText",
)

_MAX_CONTENT = 256_000  # characters
_PLACEHOLDER = re.compile(r"\$\{(.*?)\}")


class ContactFlowError(Exception):
    """A contact flow's file that must not be deployed; the message names each fault and its fix."""

    def __init__(self, document: Path, faults: list[Fault]) -> None:
        self.faults = faults
        file = "/".join(document.parts[-3:])
        super().__init__("\n".join(f"{file}: {fault}" for fault in faults))


def read_contact_flow(
    document: Path,
    placeholders: Collection[str] = PLACEHOLDERS,
) -> dict[str, Any]:
    """The flow in the file `document`, checked as one of the type that it declares; it may hold these
    `placeholders`. Parameters that a block leaves out are there, empty. Raises ContactFlowError; warnings do
    not stop it.
    """
    flow, found = read(document)
    flow_type = declared_flow_type(flow)
    found += [fault for fault in faults(flow, placeholders, flow_type) if not found]
    errors = [fault for fault in found if fault.is_error]
    if errors:
        raise ContactFlowError(document, errors)
    blocks = [{"Parameters": {}, "Transitions": {}, **block} for block in flow["Actions"]]
    return {**flow, "Actions": blocks}


def read(document: Path) -> tuple[Any, list[Fault]]:
    """What the file holds, and what is wrong with it as JSON."""
    try:
        content = document.read_text(encoding="utf-8")
        flow = json.loads(content)
    except ValueError as error:
        return None, [Fault(block="", what="content", value=str(error), fix="make it valid JSON in UTF-8")]
    if len(content) > _MAX_CONTENT and len(json.dumps(flow, separators=(",", ":"))) > _MAX_CONTENT:
        fix = f"at most {_MAX_CONTENT} characters"
        return flow, [Fault(block="", what="content", value=len(content), fix=fix)]
    return flow, []


def faults(
    flow: Any,
    placeholders: Collection[str] = PLACEHOLDERS,
    flow_type: FlowType = FlowType.CONTACT_FLOW,
) -> Iterator[Fault]:
    """What is wrong with a flow of this type; first its shape, and only if that holds, blocks and ways."""
    shape = list(shape_faults(flow))
    yield from shape
    if shape:
        return
    blocks = _blocks(flow)
    for block in blocks.values():
        yield from _placeholder_faults(block, placeholders)
    yield from optional_faults(flow, blocks.keys())
    yield from form_faults(blocks, flow_type)
    yield from way_faults({flow["StartAction"], *substitutes(flow)}, blocks)
    yield from proof_faults(flow["StartAction"], blocks, flow_type)


def unwrapped(document: Any) -> tuple[Any, FlowType | None]:
    """The flow in what the Connect API describes, and its type there; other documents as they are."""
    match document:
        case {"ContactFlow": {"Content": content, **described}} | {"Content": content, **described}:
            try:
                flow = json.loads(content) if isinstance(content, str) else content
            except ValueError:
                return document, None
            type_ = described.get("Type")
            return flow, next((known for known in FlowType if known == type_), None)
    return document, None


def placeholders_of(flow: Mapping[str, Any]) -> set[str]:
    """The names of the placeholders that a flow holds."""
    return {name for text in texts(flow) for name in _PLACEHOLDER.findall(text)}


def declared_flow_type(flow: Any) -> FlowType:
    """The type of a flow of this project: what its file says, else CONTACT_FLOW."""
    return (declared(flow) if isinstance(flow, dict) else None) or FlowType.CONTACT_FLOW


def flow_type_of(flow: Any) -> FlowType:
    """The type of a flow, by its export or its blocks; CONTACT_FLOW for what is no flow."""
    return FlowType.CONTACT_FLOW if any(shape_faults(flow)) else guess(flow, _blocks(flow))


def _blocks(flow: Mapping[str, Any]) -> dict[str, Block]:
    read_blocks = (read_block(number, block) for number, block in enumerate(flow["Actions"]))
    return {block.name: block for block in read_blocks if block}


def _placeholder_faults(block: Block, placeholders: Collection[str]) -> Iterator[Fault]:
    known = ", ".join(sorted(placeholders))
    for text in texts([block.parameters, block.targets]):
        for placeholder in _PLACEHOLDER.findall(text):
            if placeholder not in placeholders:
                fix = f"one of: {known}; a deployment fills no others"
                yield Fault(block=block.name, what="placeholder", value=placeholder, fix=fix)
