"""MiniStack's provisioners, by which its CloudFormation makes resources; and how to add to what they do."""

import json
from collections.abc import Callable
from typing import Any

from ministack.services.cloudformation import provisioners

Properties = dict[str, Any]
Attributes = dict[str, Any]
Provisioner = dict[str, Any]  # MiniStack's: the callables create, update, delete under these names
Hook = Callable[
    [str, Properties, Properties], None
]  # physical id, properties before (empty: new), properties now

# By type. A type without one is unknown to MiniStack.
PROVISIONERS: dict[str, Provisioner] = provisioners._RESOURCE_HANDLERS


def after(resource_type: str, hook: Hook) -> None:
    """Run the hook whenever a resource of the type was created or updated."""
    before = PROVISIONERS[resource_type]

    def create(logical_id: str, properties: Properties, stack: str) -> tuple[str, Attributes]:
        created: tuple[str, Attributes] = before["create"](logical_id, properties, stack)
        hook(created[0], {}, properties)
        return created

    def update(
        physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str
    ) -> tuple[str, Attributes]:
        named = [logical_id] if before.get("update_with_logical_id") else []
        updated: tuple[str, Attributes] = before["update"](physical_id, old, new, stack, *named)
        hook(updated[0], old if updated[0] == physical_id else {}, new)
        return updated

    PROVISIONERS[resource_type] = {
        **before,
        "create": create,
        "update": update,
        "update_with_logical_id": True,
    }


def accepted(answer: tuple[int, Any, bytes | str]) -> Any:
    """The document of a service's answer; raises ValueError for an error."""
    status, _, body = answer
    if status >= 400:
        raise ValueError(body.decode() if isinstance(body, bytes) else str(body))
    return json.loads(body or b"{}")
