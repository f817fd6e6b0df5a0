"""Blocks of a flow that a deployment leaves out unless its configuration wants them.

The flow's `Metadata.optional` has them: by the block's name what it `needs`, and the block that takes its
place `otherwise`. So a file holds all that a flow can do, and an instance gets what it does there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from infra.assets.contact_flow_lint.fault import Fault

# What a configuration may want of the flows; `[connect.flow]` says which.
FEATURES = ("agent_guide", "analytics", "hours", "music", "overflow", "recording", "voice")


def optional_blocks(flow: Mapping[str, Any]) -> Mapping[str, Any]:
    """The entries by the blocks' names; nothing where a file has none, or something else in their place."""
    metadata = flow.get("Metadata")
    optional = metadata.get("optional") if isinstance(metadata, dict) else None
    return optional if isinstance(optional, dict) else {}


def substitutes(flow: Mapping[str, Any]) -> set[str]:
    """The blocks that take the place of others."""
    found = (entry.get("otherwise") for entry in optional_blocks(flow).values() if isinstance(entry, dict))
    return {name for name in found if isinstance(name, str)}


def optional_faults(flow: Mapping[str, Any], blocks: Collection[str]) -> Iterator[Fault]:
    """Entries for blocks that are not there, without an end, or that need what no configuration has."""
    optional = optional_blocks(flow)
    for name, entry in optional.items():
        if name not in blocks:
            yield _fault(name, "optional", name, f"one of: {', '.join(sorted(blocks))}")
            continue
        match entry:
            case {"needs": str(needs), "otherwise": str(otherwise), **rest} if not rest:
                if needs not in FEATURES:
                    yield _fault(name, "optional.needs", needs, f"one of: {', '.join(FEATURES)}")
                if otherwise not in blocks:
                    yield _fault(name, "optional.otherwise", otherwise, "the block that takes its place")
                elif _place_of(name, optional, ()) is None:
                    yield _fault(name, "optional.otherwise", otherwise, "a block at the end: these go round")
            case _:
                yield _fault(name, "optional", entry, '{"needs": "recording", "otherwise": "<block>"}')


def _fault(block: str, what: str, value: object, fix: str) -> Fault:
    return Fault(block=block, what=f"Metadata.{what}", value=value, fix=fix)


def without_unwanted(flow: Mapping[str, Any], features: Collection[str]) -> dict[str, Any]:
    """The flow as a deployment with these features has it: without blocks that need another, and without
    those that nothing leads to then. Its `Metadata` is empty.
    """
    optional = optional_blocks(flow)

    def place(name: str) -> str:
        return _place_of(name, optional, features) or name

    kept = {}
    for block in flow["Actions"]:
        transitions = dict(block.get("Transitions") or {})
        if "NextAction" in transitions:
            transitions["NextAction"] = place(transitions["NextAction"])
        for kind in ("Conditions", "Errors"):
            if kind in transitions:
                transitions[kind] = [
                    {**branch, "NextAction": place(branch["NextAction"])} for branch in transitions[kind]
                ]
        kept[block["Identifier"]] = {**block, "Transitions": transitions}
    start = place(flow["StartAction"])
    reached: dict[str, None] = {}
    wanted = [start]
    while wanted:
        name = wanted.pop()
        if name not in reached:
            reached[name] = None
            wanted += targets_of(kept[name]["Transitions"])
    actions = [block for name, block in kept.items() if name in reached]
    return {**flow, "StartAction": start, "Metadata": {}, "Actions": actions}


def targets_of(transitions: Mapping[str, Any]) -> list[str]:
    """The blocks that a block's transitions lead to."""
    following = [transitions["NextAction"]] if "NextAction" in transitions else []
    branches = [*transitions.get("Conditions", []), *transitions.get("Errors", [])]
    return following + [branch["NextAction"] for branch in branches]


def _place_of(name: str, optional: Mapping[str, Any], features: Collection[str]) -> str | None:
    """The block itself where the features have it, or who takes its place; None where these go round."""
    for _ in range(len(optional) + 1):
        entry = optional.get(name)
        if not isinstance(entry, dict) or entry.get("needs") in features:
            return name
        name = str(entry.get("otherwise"))
    return None
