"""Where the media of meetings is: on this machine, whatever client joins one.

The URLs are shaped as the Amazon Chime SDK's answers are. A client sends its join token to them, and reports
on the call to the last: with a name of AWS's it would do so over the Internet. `local/media` answers there,
where the launcher has started it; nothing does otherwise.
"""

import socket
from dataclasses import dataclass, field

_HOST = "127.0.0.1"


@dataclass(frozen=True)
class MediaPlane:
    """The one port of loopback that all media placements lead to."""

    port: int
    reserved: socket.socket | None = field(default=None, repr=False)

    @classmethod
    def at(cls, port: int | None) -> "MediaPlane":
        """The media plane that listens on a port, or none."""
        return cls.reserve() if port is None else cls(port)

    @classmethod
    def reserve(cls) -> "MediaPlane":
        """A free port, which no other program gets as long as this one runs: whoever connects is refused."""
        reserved = socket.socket()
        reserved.bind((_HOST, 0))
        return cls(reserved.getsockname()[1], reserved)

    def placement(self, meeting_id: str) -> dict[str, str]:
        """The URLs that a client joins a meeting with."""
        host = f"{_HOST}:{self.port}"
        return {
            "AudioHostUrl": host,
            "AudioFallbackUrl": f"ws://{host}/calls/{meeting_id}",
            "SignalingUrl": f"ws://{host}/control/{meeting_id}",
            "TurnControlUrl": f"http://{host}/v2/turn_sessions",
            "EventIngestionUrl": f"http://{host}/v1/client-events",
        }
