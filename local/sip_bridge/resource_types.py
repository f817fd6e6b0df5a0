"""The bridge's CloudFormation types: the Amazon Chime SDK's telephony, and numbers of Amazon Connect."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from local.emulator.aws_service import AwsError
from local.emulator.cloudformation.provisioners import PROVISIONERS, Attributes, Properties, Provisioner
from local.emulator.cloudformation.registry import Registry
from local.sip_bridge.connect_numbers import ClaimedNumber, ConnectNumbers
from local.sip_bridge.voice import Voice


def install(registry: Registry, voice: Voice, numbers: ConnectNumbers) -> None:
    """Add the types that the Region has."""
    _add_voice_types(registry, voice)
    if _NUMBER in registry.types:
        PROVISIONERS[_NUMBER] = _number_provisioner(registry, numbers)


_NUMBER = "AWS::Connect::PhoneNumber"


def _number_provisioner(registry: Registry, numbers: ConnectNumbers) -> Provisioner:
    def identify(number: ClaimedNumber) -> tuple[str, Attributes]:
        return number.arn, {"PhoneNumberArn": number.arn, "Address": number.address}

    def create(_logical_id: str, properties: Properties, _stack: str) -> tuple[str, Attributes]:
        return identify(numbers.claim(registry.checked(_NUMBER, properties)))

    def update(physical_id: str, old: Properties, new: Properties, _stack: str) -> tuple[str, Attributes]:
        checked = registry.checked(_NUMBER, new)
        if any(old.get(name) != new.get(name) for name in registry.names(_NUMBER, "createOnlyProperties")):
            claimed = numbers.claim(checked)
            numbers.release(physical_id)
            return identify(claimed)
        return identify(numbers.update(physical_id, checked))

    def delete(physical_id: str, _properties: Properties) -> None:
        numbers.release(physical_id)

    return {"create": create, "update": update, "delete": delete}


@dataclass(frozen=True)
class _VoiceType:
    """A type whose properties are the API's parameters; `updated` are those that its Update takes."""

    resource_type: str
    member: str  # of the answers, and the prefix of its id and ARN
    create: Callable[[Properties], Mapping[str, Any]]
    update: Callable[[Properties], Mapping[str, Any]]
    delete: Callable[[Properties], Mapping[str, Any]]
    updated: tuple[str, ...]


def _add_voice_types(registry: Registry, voice: Voice) -> None:
    for kind in (
        _VoiceType(
            "AWS::Chime::SipMediaApplication",
            "SipMediaApplication",
            voice.applications.create_sip_media_application,
            voice.applications.update_sip_media_application,
            voice.applications.delete_sip_media_application,
            ("Name", "Endpoints"),
        ),
        _VoiceType(
            "AWS::Chime::VoiceConnector",
            "VoiceConnector",
            voice.connectors.create_voice_connector,
            voice.connectors.update_voice_connector,
            voice.connectors.delete_voice_connector,
            ("Name", "RequireEncryption"),
        ),
    ):
        if kind.resource_type in registry.types:  # of this Region
            PROVISIONERS[kind.resource_type] = _voice_provisioner(registry, voice, kind)


def _voice_provisioner(registry: Registry, voice: Voice, kind: _VoiceType) -> Provisioner:
    read_only = registry.names(kind.resource_type, "readOnlyProperties")

    def identified(answer: Mapping[str, Any]) -> tuple[str, Attributes]:
        members = answer[kind.member]
        attributes = {name: _text(members[name]) for name in read_only}
        return attributes[f"{kind.member}Arn"], attributes

    def create(_logical_id: str, properties: Properties, _stack: str) -> tuple[str, Attributes]:
        return identified(kind.create(registry.checked(kind.resource_type, properties)))

    def update(physical_id: str, old: Properties, new: Properties, stack: str) -> tuple[str, Attributes]:
        checked = registry.checked(kind.resource_type, new)
        fixed = registry.names(kind.resource_type, "createOnlyProperties")
        if any(old.get(name) != new.get(name) for name in fixed):
            created = create("", new, stack)
            delete(physical_id, old)
            return created
        named = {f"{kind.member}Id": physical_id.rpartition("/")[2]}
        old_keys = [tag["Key"] for tag in old.get("Tags", [])]
        voice.tags.untag_resource({"ResourceARN": physical_id, "TagKeys": old_keys})
        voice.tags.tag_resource({"ResourceARN": physical_id, "Tags": checked.get("Tags", [])})
        return identified(kind.update({**named, **{name: checked[name] for name in kind.updated}}))

    def delete(physical_id: str, _properties: Properties) -> None:
        try:
            kind.delete({f"{kind.member}Id": physical_id.rpartition("/")[2]})
        except AwsError as error:
            if error.code != "NotFoundException":
                raise

    return {"create": create, "update": update, "delete": delete}


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
