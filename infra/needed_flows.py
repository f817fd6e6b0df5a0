"""Which files of `infra/contact_flows` become contact flows of an instance."""

from __future__ import annotations

import json
from pathlib import Path

from infra.assets.contact_flow_lint import placeholders_of, without_unwanted
from infra.configuration import DEFAULT_CONTACT_FLOW, Configuration, OwnContactFlow

# Flows that others lead to or set, by the placeholders of their ARNs.
FLOWS_OF_FLOWS = {
    "AgentGuideFlowArn": "shared/agent_guide",
    "AgentWhisperFlowArn": "shared/agent_whisper",
    "ClosedFlowArn": "shared/closed",
    "CustomerQueueFlowArn": "shared/customer_queue",
    "InboundContactFlowArn": DEFAULT_CONTACT_FLOW,
}


def needed_flows(folder: Path, configuration: Configuration) -> set[str]:
    """The flows that calls enter, and all that these lead to or set, by their files in `folder`."""
    connect = configuration.connect
    flows = (connect.contact_flow, *configuration.topics.values())
    wanted = [flow.name for flow in flows if isinstance(flow, OwnContactFlow)]
    needed: set[str] = set()
    while wanted:
        name = wanted.pop()
        if name not in needed:
            needed.add(name)
            document = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
            placeholders = placeholders_of(without_unwanted(document, connect.flow_features))
            wanted += [FLOWS_OF_FLOWS[each] for each in placeholders if each in FLOWS_OF_FLOWS]
    return needed
