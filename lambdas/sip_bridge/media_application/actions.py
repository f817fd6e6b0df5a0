"""Actions of the SIP media application (SDK guide, "Supported actions for the PSTN Audio service")."""

from dataclasses import dataclass
from typing import Any

from sip_bridge.media_application.event import Leg
from sip_bridge.sip_arguments import DialledCall

Action = dict[str, Any]

_ANSWER_SECONDS = 30
_TONE_MILLISECONDS = 250


@dataclass(frozen=True)
class Bridge:
    """The way to Amazon Connect's number."""

    voice_connector_arn: str
    caller_number: str
    """E.164, of this account: what Connect sees as the caller."""

    def to(self, call: DialledCall) -> Action:
        """Rings Connect's number and connects it with the meeting."""
        parameters: dict[str, Any] = {
            "CallTimeoutSeconds": _ANSWER_SECONDS,
            "CallerIdNumber": self.caller_number,
            "Endpoints": [
                {
                    "BridgeEndpointType": "AWS",
                    "Arn": self.voice_connector_arn,
                    "Uri": call.connect_number,
                }
            ],
        }
        if call.sip_headers:
            parameters["SipHeaders"] = dict(call.sip_headers)
        return {"Type": "CallAndBridge", "Parameters": parameters}


def send_digits(call_id: str, digits: str) -> Action:
    """Sends DTMF to the far end of a leg; a comma is a pause of half a second."""
    return {
        "Type": "SendDigits",
        "Parameters": {
            "CallId": call_id,
            "Digits": digits,
            "ToneDurationInMilliseconds": _TONE_MILLISECONDS,
        },
    }


def hang_up(leg: Leg | None = None, *, sip_response_code: str = "0") -> Action:
    """Ends a leg; without one that can be named, the leg that the event is about."""
    parameters = {"SipResponseCode": sip_response_code}
    if leg is not None and leg.call_id:
        parameters["CallId"] = leg.call_id
    elif leg is not None and leg.tag:
        parameters["ParticipantTag"] = leg.tag
    return {"Type": "Hangup", "Parameters": parameters}
