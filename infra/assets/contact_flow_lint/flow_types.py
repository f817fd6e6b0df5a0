"""Which type a flow has, where nobody says it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from infra.assets.contact_flow_lint.block_types import FlowType
from infra.assets.contact_flow_lint.blocks import Block
from infra.assets.contact_flow_lint.form import type_of

# `Metadata.type` of an export of the console.
_EXPORTED: Mapping[str, FlowType] = {
    "contactFlow": FlowType.CONTACT_FLOW,
    "agentWhisper": FlowType.AGENT_WHISPER,
    "customerWhisper": FlowType.CUSTOMER_WHISPER,
    "outboundWhisper": FlowType.OUTBOUND_WHISPER,
    "customerQueue": FlowType.CUSTOMER_QUEUE,
    "customerHold": FlowType.CUSTOMER_HOLD,
    "agentHold": FlowType.AGENT_HOLD,
    "agentTransfer": FlowType.AGENT_TRANSFER,
    "queueTransfer": FlowType.QUEUE_TRANSFER,
    "contactFlowModule": FlowType.MODULE,
}


def declared(flow: Mapping[str, Any]) -> FlowType | None:
    """The type that the export names."""
    metadata = flow.get("Metadata")
    name = metadata.get("type") if isinstance(metadata, dict) else None
    return _EXPORTED.get(name) if isinstance(name, str) else None


def guess(flow: Mapping[str, Any], blocks: Mapping[str, Block]) -> FlowType:
    """The type that the export names; else the first in which most of the blocks may stand."""
    if (named := declared(flow)) is not None:
        return named
    types = [type_ for block in blocks.values() if (type_ := type_of(block)) is not None]
    return max(FlowType, key=lambda flow_type: sum(flow_type in type_.flow_types for type_ in types))
