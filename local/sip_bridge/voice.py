"""The Amazon Chime SDK's telephony, the service `chime-sdk-voice`, put together.

Independent of MiniStack. Facts about the real service: the Amazon Chime SDK API reference, "Editing Voice
Connector settings" in its administrator guide.

Assumed, because AWS does not say it:

- A SIP rule that is not disabled, an application that a rule leads to, and a number that a rule has are not
  deleted: ConflictException, or BadRequestException for the number.
- A number in the deletion queue is found by its id, with a DeletionTimestamp, and not listed.
- Settings of a Voice Connector that were never made, or deleted, are not found, except its logging.
- PhoneNumberId is the number in E.164 with %2B for its plus, and is taken in either spelling.

Not emulated: quotas (but that of calls at a time), proxy sessions, groups, emergency calls, streaming.
"""

from collections.abc import Mapping
from typing import Any

from local.emulator.aws_service import Parameters
from local.sip_bridge.phone_number_inventory import PhoneNumberInventory
from local.sip_bridge.phone_numbers import NumberSupply
from local.sip_bridge.sip_calls import SipCalls
from local.sip_bridge.sip_media_applications import SipMediaApplications
from local.sip_bridge.voice_connectors import Ring, VoiceConnectors
from local.sip_bridge.voice_resources import Rules, VoiceResource, find, tags_of


class Voice:
    """All of it; `behaviours` are its operations."""

    def __init__(
        self, *, region: str, account: str, numbers: NumberSupply, calls: SipCalls, ring: Ring
    ) -> None:
        """`numbers` are those that can be ordered; `ring` dials one of the telephone network."""
        here, rules = {"region": region, "account": account}, Rules()
        self.numbers = PhoneNumberInventory(numbers, rules, **here)
        self.connectors = VoiceConnectors(rules, self.numbers, ring, **here)
        self.applications = SipMediaApplications(rules, self.numbers, self.connectors, calls, **here)
        self.tags = Tags(self.applications, self.connectors)

    @property
    def behaviours(self) -> tuple[object, ...]:
        """What `RestJsonService` takes."""
        return self.numbers, self.connectors, self.applications, self.tags


class Tags:
    """The tags of applications and Voice Connectors."""

    def __init__(self, applications: SipMediaApplications, connectors: VoiceConnectors) -> None:
        self._applications = applications
        self._connectors = connectors

    def list_tags_for_resource(self, parameters: Parameters) -> Mapping[str, Any]:
        """ListTagsForResource."""
        tags = self._tagged(parameters).tags
        return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]} if tags else {}

    def tag_resource(self, parameters: Parameters) -> Mapping[str, Any]:
        """TagResource."""
        self._tagged(parameters).tags |= tags_of(parameters)
        return {}

    def untag_resource(self, parameters: Parameters) -> Mapping[str, Any]:
        """UntagResource."""
        resource = self._tagged(parameters)
        for key in parameters["TagKeys"]:
            resource.tags.pop(key, None)
        return {}

    def _tagged(self, parameters: Parameters) -> VoiceResource:
        resource_id = parameters["ResourceARN"].rpartition("/")[2]
        return find({**self._applications.resources, **self._connectors.resources}, resource_id)
