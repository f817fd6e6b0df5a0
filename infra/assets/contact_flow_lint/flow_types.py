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


def guess(flow: Mapping[str, Any], blocks: Mapping[str, Block]) -> FlowType:
    """The type that the export names; else the first in which most of the blocks may stand."""
    metadata = flow.get("Metadata")
    if isinstance(metadata, dict) and isinstance(metadata.get("type"), str) and metadata["type"] in _EXPORTED:
        return _EXPORTED[metadata["type"]]
    types = [type_ for block in blocks.values() if (type_ := type_of(block)) is not None]
    return max(FlowType, key=lambda flow_type: sum(flow_type in type_.flow_types for type_ in types))
