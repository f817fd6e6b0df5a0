"""Events of calls over the SIP bridge, as AWS sends them to the functions."""

from datetime import UTC, datetime
from typing import Any

from tests.lambdas.events import START, flow_event

CONNECT_NUMBER = "+442079460000"
EXTERNAL_MEETING_ID = "in-app-calling-test"


def bridge_flow_event(attributes: dict[str, str], **contact: Any) -> dict[str, Any]:
    """What a contact flow sends to its Lambda function for a phone call that the SIP bridge has made."""
    return flow_event(
        attributes,
        **{
            "InitiationMethod": "INBOUND",
            "SystemEndpoint": {"Address": CONNECT_NUMBER, "Type": "TELEPHONE_NUMBER"},
            "CustomerEndpoint": {"Address": "+12065550100", "Type": "TELEPHONE_NUMBER"},
            **contact,
        },
    )


def meeting_event(event_type: str, meeting_id: str, *, at: float = 0, **detail: Any) -> dict[str, Any]:
    """An event of a meeting of the Chime SDK as EventBridge delivers it, `at` is `START` plus seconds."""
    return {
        "version": "0",
        "id": "0f000000-0000-4000-8000-000000000011",
        "detail-type": "Chime Meeting State Change",
        "source": "aws.chime",
        "account": "111122223333",
        "time": datetime.fromtimestamp(START // 1000 + int(at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": "eu-west-2",
        "resources": [],
        "detail": {
            "version": "0",
            "eventType": event_type,
            "timestamp": START + round(at * 1000),
            "meetingId": meeting_id,
            "externalMeetingId": EXTERNAL_MEETING_ID,
            "mediaRegion": "eu-west-2",
            **detail,
        },
    }
