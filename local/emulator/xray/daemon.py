"""X-Ray's daemon, which functions send their segments to."""

import json
import logging
import socket
import threading
from collections.abc import Callable, Mapping
from typing import Any

_log = logging.getLogger("local.xray")


def serve(note: Callable[[Mapping[str, Any]], None]) -> str:
    """Take segments over UDP until this process ends, and note each; returns host:port."""
    daemon = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    daemon.bind(("127.0.0.1", 0))

    def receive() -> None:
        while True:
            datagram = daemon.recv(65_536)
            # A line that describes the format, then the segment.
            _, _, segment = datagram.partition(b"\n")
            try:
                note(json.loads(segment))
            except ValueError:
                _log.warning("a datagram to the X-Ray daemon is no segment: %r", datagram[:200])

    threading.Thread(target=receive, name="x-ray-daemon", daemon=True).start()
    return f"127.0.0.1:{daemon.getsockname()[1]}"
