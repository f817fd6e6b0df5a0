"""The answer to the app: that of StartWebRTCContact, checked and completed for the clients that exist.

In AWS's model every member of that answer is optional; the clients decode none of theirs as optional.
"""

from collections.abc import Mapping
from typing import Any

from runtime.errors import AnswerIncomplete


def to_start_call_response(answer: Mapping[str, Any], media_region: str) -> dict[str, Any]:
    """The body of `StartCallResponse` in openapi.yaml, from an answer of StartWebRTCContact.

    Fills what clients decode but never depend on: `MeetingFeatures`, `MediaRegion` (with `media_region`) and
    `TurnControlUrl`, which the Chime SDK no longer uses. Raises `AnswerIncomplete` when a credential or an
    address is missing.
    """
    data = _part(answer, "ConnectionData")
    attendee = _part(data, "Attendee")
    meeting = _part(data, "Meeting")
    media = _part(meeting, "MediaPlacement")
    placement = {
        "AudioHostUrl": _text(media, "AudioHostUrl"),
        "AudioFallbackUrl": _text(media, "AudioFallbackUrl"),
        "SignalingUrl": _text(media, "SignalingUrl"),
        "TurnControlUrl": _text_or(media, "TurnControlUrl", ""),
    }
    if event_ingestion_url := _text_or(media, "EventIngestionUrl", ""):
        placement["EventIngestionUrl"] = event_ingestion_url
    audio = _part(_part(meeting, "MeetingFeatures"), "Audio")
    return {
        "ConnectionData": {
            "Attendee": {
                "AttendeeId": _text(attendee, "AttendeeId"),
                "JoinToken": _text(attendee, "JoinToken"),
            },
            "Meeting": {
                "MeetingId": _text(meeting, "MeetingId"),
                "MediaRegion": _text_or(meeting, "MediaRegion", media_region),
                "MediaPlacement": placement,
                "MeetingFeatures": {
                    "Audio": {"EchoReduction": _text_or(audio, "EchoReduction", "UNAVAILABLE")}
                },
            },
            "MediaPlacement": placement,
        },
        "ContactId": _text(answer, "ContactId"),
        "ParticipantId": _text(answer, "ParticipantId"),
        "ParticipantToken": _text(answer, "ParticipantToken"),
    }


def _part(whole: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = whole.get(name)
    return part if isinstance(part, Mapping) else {}


def _text(whole: Mapping[str, Any], name: str) -> str:
    value = _text_or(whole, name, "")
    if not value:
        raise AnswerIncomplete("The contact center did not say how to join the call. Try again.")
    return value


def _text_or(whole: Mapping[str, Any], name: str, default: str) -> str:
    value = whole.get(name)
    return value if isinstance(value, str) and value.strip() else default
