"""Adds the bridge's services to the emulator: the Amazon Chime SDK, and phone numbers of Amazon Connect."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from ministack import app
from ministack.core import router

from local.emulator.aws_service import Call, RestJsonService
from local.emulator.emulator import Emulator
from local.sip_bridge import existing, resource_types
from local.sip_bridge.connect_numbers import ConnectNumbers
from local.sip_bridge.control import BridgeControl
from local.sip_bridge.phone_numbers import NumberSupply
from local.sip_bridge.telephony import Telephony

MEETINGS = "chime-sdk-meetings"
VOICE = "chime-sdk-voice"
CHIME = "chime"  # what requests to both are signed for, and how policies call both

_SIGNED_FOR = re.compile(r"Credential=[^/]+/[^/]+/[^/]+/([^/]+)/")
# Of the Amazon Chime SDK's operations, the resource type that the service authorization reference has.
_CHIME_RESOURCES = {"MeetingId": "meeting", "SipMediaApplicationId": "sma", "VoiceConnectorId": "vc"}
# With these, the application is one to choose among, or none.
_LISTS = frozenset({"ListSipRules"})


def install(emulator: Emulator) -> None:
    """Add all of it."""
    here, supply = {"region": emulator.region, "account": emulator.account}, NumberSupply()
    numbers = ConnectNumbers(emulator.connect, supply, **here)
    telephony = Telephony(
        **here,
        numbers=supply,
        rest=emulator.rest_of_aws(principal="voiceconnector.chime.amazonaws.com", event_source="aws.chime"),
        media=emulator.media,
        ring=numbers.ring,
    )
    given = emulator.settings.existing
    existing.make(given.sections, given.arns, numbers=numbers, voice=telephony.voice)
    emulator.connect_service.add(numbers)
    resource_types.install(emulator.registry, telephony.voice, numbers)
    _distinguish_services()
    for name, behaviours in ((MEETINGS, (telephony.meetings,)), (VOICE, telephony.voice.behaviours)):
        service = RestJsonService(name, *behaviours, invalid="BadRequestException")
        emulator.serve(service, lambda call: _resources_of(call, **here), namespace=CHIME)
    BridgeControl(meetings=telephony.meetings, calls=telephony.calls, numbers=numbers).add_to(
        emulator.control
    )


def _resources_of(call: Call, *, region: str, account: str) -> list[str]:
    """The ARNs that IAM decides about."""
    base = f"arn:aws:chime:{region}:{account}"
    given = call.parameters
    if "ResourceARN" in given:
        return [given["ResourceARN"]]
    if call.operation in {"CreateSipRule", "UpdateSipRule"} and "TargetApplications" in given:
        applications = [each.get("SipMediaApplicationId", "*") for each in given["TargetApplications"]]
        return [f"{base}:sma/{each}" for each in applications]
    for name, resource_type in _CHIME_RESOURCES.items():
        if name in given and call.operation not in _LISTS:
            return [f"{base}:{resource_type}/{given[name]}"]
    return ["*"]


def _distinguish_services() -> None:
    """Both are signed for `chime`, which MiniStack takes for the name of a service: paths say which it is."""
    detect: Callable[..., str] = router.detect_service

    def detect_chime(method: str, path: str, headers: Mapping[str, str], params: Any) -> str:
        signed_for = _SIGNED_FOR.search(headers.get("authorization", ""))
        if signed_for is None or signed_for[1] != CHIME:
            return detect(method, path, headers, params)
        is_tagged_meeting = path == "/tags" and ":meeting/" in str(params.get("arn"))
        return MEETINGS if path.startswith("/meetings") or is_tagged_meeting else VOICE

    router.detect_service = detect_chime
    app.detect_service = detect_chime
