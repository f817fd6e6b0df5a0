"""What an Amazon Connect instance consists of."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from local.emulator.connect.contact_flow import ContactFlow


class Kind(StrEnum):
    """What an instance consists of; the value is how its ARN spells it."""

    INSTANCE = "instance"
    HOURS_OF_OPERATION = "operating-hours"
    QUEUE = "queue"
    CONTACT_FLOW = "contact-flow"
    INTEGRATION_ASSOCIATION = "integration-association"


_NAME_PROPERTY = {Kind.INSTANCE: "InstanceAlias", Kind.INTEGRATION_ASSOCIATION: "IntegrationArn"}


@dataclass
class Resource:
    """An instance or a part of one; its properties are spelled as CloudFormation spells them."""

    kind: Kind
    arn: str
    instance_arn: str
    properties: Mapping[str, Any]
    created: datetime
    flow: ContactFlow | None = None

    @property
    def id(self) -> str:
        """The last part of the ARN."""
        return self.arn.rpartition("/")[2]

    @property
    def tags(self) -> dict[str, str]:
        """The tags as the API spells them."""
        return {tag["Key"]: tag["Value"] for tag in self.properties.get("Tags", [])}

    @property
    def name(self) -> str:
        """What must be unique among its kind."""
        return str(self.properties.get(_NAME_PROPERTY.get(self.kind, "Name"), ""))
