"""A flow's blocks as the rules see them, and the ways between them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Block:
    """One block; `number` is its place in the flow's Actions. What a file leaves out is empty."""

    number: int
    name: str
    type: str
    parameters: Mapping[str, Any]
    next_action: object
    errors: tuple[Mapping[str, Any], ...]
    conditions: tuple[Mapping[str, Any], ...]
    has_next: bool

    @property
    def targets(self) -> list[str]:
        """Where it leads, in the file's order."""
        following = [str(self.next_action)] if self.has_next else []
        return following + [str(branch.get("NextAction")) for branch in (*self.errors, *self.conditions)]

    @property
    def error_types(self) -> list[str]:
        """The errors that it has branches for."""
        return [str(branch.get("ErrorType")) for branch in self.errors]

    def member(self, *names: str) -> Any:
        """A member of the parameters, None where there is none."""
        value: Any = self.parameters
        for name in names:
            value = value.get(name) if isinstance(value, dict) else None
        return value


def read_block(number: int, block: Any) -> Block | None:
    """The block, None if it is none: no object, or without a text as Identifier or Type."""
    match block:
        case {"Identifier": str(name), "Type": str(type_)}:
            parameters = block.get("Parameters") or {}
            transitions = block.get("Transitions") or {}
            if not isinstance(parameters, dict) or not isinstance(transitions, dict):
                return None
            errors, conditions = (_branches(transitions.get(key)) for key in ("Errors", "Conditions"))
            if errors is None or conditions is None:
                return None
            return Block(
                number=number,
                name=name,
                type=type_,
                parameters=parameters,
                next_action=transitions.get("NextAction"),
                errors=errors,
                conditions=conditions,
                has_next="NextAction" in transitions,
            )
    return None


def _branches(value: Any) -> tuple[Mapping[str, Any], ...] | None:
    value = value or []
    if isinstance(value, list) and all(isinstance(branch, dict) for branch in value):
        return tuple(value)
    return None


def condition(branch: Mapping[str, Any]) -> tuple[object, list[object]]:
    """Operator and operands of a branch that has a condition."""
    match branch.get("Condition"):
        case {"Operator": operator, "Operands": list(operands)}:
            return operator, operands
        case {"Operator": operator}:
            return operator, []
    return None, []


def closure(start: Iterable[str], edges: Mapping[str, list[str]]) -> set[str]:
    """All that can be reached from `start`, which belongs to it."""
    found: set[str] = set()
    wanted = list(start)
    while wanted:
        name = wanted.pop()
        if name not in found:
            found.add(name)
            wanted += edges.get(name, [])
    return found
