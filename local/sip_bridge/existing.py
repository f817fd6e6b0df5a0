"""What `[sip_bridge]` names that the account has before anything is deployed: numbers, a Voice Connector."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from local.sip_bridge.connect_numbers import ConnectNumbers
from local.sip_bridge.phone_numbers import country_of, is_toll_free
from local.sip_bridge.voice import Voice

_INSTANCE = re.compile(r"arn:aws:connect:[^:]+:\d{12}:instance/[0-9a-f-]{36}")


def make(sections: Mapping[str, Any], arns: Iterable[str], *, numbers: ConnectNumbers, voice: Voice) -> None:
    """Make all of it; `arns` are all that the configuration names, the instance's among them.

    Whatever is wrong with the section, the synthesis reports.
    """
    section = sections.get("sip_bridge", {})
    instance = next((arn for arn in arns if _INSTANCE.fullmatch(arn)), None)
    match section.get("connect_number"):
        case {"arn": str(arn), "number": str(number)} if instance is not None:
            type_ = "TOLL_FREE" if is_toll_free(number) else "DID"
            properties = {"TargetArn": instance, "CountryCode": country_of(number) or "", "Type": type_}
            numbers.adopt(arn, number, properties)
    match section.get("caller_number"):
        case {"number": str(number)}:
            voice.numbers.adopt(number)
    match section.get("voice_connector"):
        case {"arn": str(arn)}:
            voice.connectors.adopt(arn.rpartition("/")[2])
