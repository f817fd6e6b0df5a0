"""What the resources of the Amazon Chime SDK's telephony have in common."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from local.emulator.aws_service import AwsError, Parameters

BAD, MISSING, CONFLICT = "BadRequestException", "NotFoundException", "ConflictException"


@dataclass
class VoiceResource:
    """A SIP media application, SIP rule or Voice Connector: `members` are as the API spells them."""

    id: str
    members: dict[str, Any]
    tags: dict[str, str] = field(default_factory=dict)


Rules = dict[str, VoiceResource]  # SIP rules by id


def find[R](resources: Mapping[str, R], resource_id: str) -> R:
    """The resource of that id; raises AwsError where there is none."""
    if resource_id not in resources:
        raise AwsError(MISSING, f"There is no {resource_id}.")
    return resources[resource_id]


def tags_of(parameters: Parameters) -> dict[str, str]:
    """The tags of a request."""
    return {tag["Key"]: tag["Value"] for tag in parameters.get("Tags", [])}
