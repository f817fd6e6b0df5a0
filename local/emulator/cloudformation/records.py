"""Resources of types without behaviour: validated against the registry schemas, and recorded."""

import re
import uuid
from dataclasses import dataclass
from typing import Any

from ministack.core import responses

from local.emulator.cloudformation.provisioners import PROVISIONERS, Attributes, Properties, Provisioner
from local.emulator.cloudformation.registry import Registry


@dataclass
class Record:
    """A resource whose properties are valid and that does nothing."""

    resource_type: str
    logical_id: str
    stack: str
    properties: Properties
    attributes: Attributes


class Records:
    """The resources of types that this emulator has no behaviour for."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._records: dict[tuple[str, str], Record] = {}

    def take_missing_types(self) -> None:
        """Record, from now on, the resources of every type that has no provisioner."""
        for resource_type in self._registry.types:
            if resource_type not in PROVISIONERS:
                PROVISIONERS[resource_type] = self.provisioner(resource_type)

    def listed(self) -> list[dict[str, Any]]:
        """Type, logical id, stack and properties of each recorded resource."""
        return [
            {"Type": record.resource_type, "LogicalId": record.logical_id, "Stack": record.stack,
             "Properties": record.properties}
            for record in self._records.values()
        ]  # fmt: skip

    def provisioner(self, resource_type: str) -> Provisioner:
        """The provisioner that records a type."""
        registry = self._registry

        def create(logical_id: str, properties: Properties, stack: str) -> tuple[str, Attributes]:
            checked = registry.checked(resource_type, properties)
            attributes = self._attributes(resource_type, checked)
            identifier = [
                str(
                    attributes.get(name)
                    or checked.get(name)
                    or f"{stack}-{logical_id}-{uuid.uuid4().hex[:12]}"
                )
                for name in registry.names(resource_type, "primaryIdentifier")
            ]
            physical_id = "|".join(identifier)
            self._records[resource_type, physical_id] = Record(
                resource_type, logical_id, stack, checked, attributes
            )
            return physical_id, attributes

        def update(
            physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str
        ) -> tuple[str, Attributes]:
            fixed = registry.names(resource_type, "createOnlyProperties")
            if any(old.get(name) != new.get(name) for name in fixed):
                created = create(logical_id, new, stack)
                delete(physical_id, old)
                return created
            record = self._records[resource_type, physical_id]
            record.properties = registry.checked(resource_type, new)
            return physical_id, record.attributes

        def delete(physical_id: str, _properties: Properties) -> None:
            self._records.pop((resource_type, physical_id), None)

        return {"create": create, "update": update, "update_with_logical_id": True, "delete": delete}

    def _attributes(self, resource_type: str, properties: Properties) -> Attributes:
        service, kind = (_dashed(part) for part in resource_type.split("::")[1:3])
        own_id = str(uuid.uuid4())
        arn = f"arn:aws:{service}:{responses.get_region()}:{responses.get_account_id()}:{kind}/{own_id}"
        read_only = self._registry.names(resource_type, "readOnlyProperties")
        return {
            name: arn if name.lower().endswith("arn") else properties.get(name, own_id) for name in read_only
        }


def _dashed(camel_case: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", camel_case).lower()
