"""The media of a meeting: shaped as the Amazon Chime SDK's answers are, leading nowhere."""

import uuid


def media_placement(region: str, meeting_id: str) -> dict[str, str]:
    """The URLs that a client joins a meeting with."""
    host = f"m1.{region}.app.chime.aws"
    return {
        "AudioHostUrl": f"{uuid.uuid4().hex}.k.{host}:3478",
        "AudioFallbackUrl": f"wss://haxrp.{host}:443/calls/{meeting_id}",
        "SignalingUrl": f"wss://signal.{host}/control/{meeting_id}",
        "TurnControlUrl": f"https://{meeting_id[:8]}.cell.{region}.meetings.chime.aws/v2/turn_sessions",
        "EventIngestionUrl": f"https://data.svc.{region}.ingest.chime.aws/v1/client-events",
    }
