"""Traces of AWS X-Ray: a provider for Powertools' Tracer that imports nothing heavy.

The X-Ray SDK takes a twentieth of a cold start, for what amounts to one datagram: a subsegment is a JSON
document for the daemon that Lambda runs beside the function (AWS X-Ray Developer Guide, "Sending trace data
to X-Ray" and "Segment documents").
"""

import json
import os
import secrets
import socket
import time
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

_HEADER = b'{"format": "json", "version": 1}\n'
# Where Lambda's daemon listens unless the environment has another address.
_DAEMON = "127.0.0.1:2000"

_current: ContextVar[str | None] = ContextVar("subsegment", default=None)
"""The id of the subsegment that is open, which the next one lies in."""


class Subsegment:
    """A piece of work, with what it can be searched by."""

    def __init__(self) -> None:
        self.annotations: dict[str, str | float | bool] = {}

    def put_annotation(self, key: str, value: str | float | bool) -> None:  # noqa: FBT001 - Powertools' signature
        """Makes the trace searchable by a key of letters, digits and underscores. Nothing personal."""
        self.annotations[key] = value


class DaemonProvider:
    """Sends each subsegment to the daemon as it closes, unless the invocation is not sampled."""

    def __init__(self) -> None:
        host, _, port = os.environ.get("AWS_XRAY_DAEMON_ADDRESS", _DAEMON).rpartition(":")
        self._daemon = (host, int(port))
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.settimeout(0)

    @contextmanager
    def in_subsegment(self, name: str) -> Generator[Subsegment]:
        """A subsegment of `name` (up to 200 characters), open for the length of the block.

        One that an exception leaves is marked as a fault; nothing of the exception is kept.
        """
        # Lambda changes the variable with each invocation.
        header = dict(part.partition("=")[::2] for part in os.environ.get("_X_AMZN_TRACE_ID", "").split(";"))
        subsegment = Subsegment()
        if header.get("Sampled") != "1" or "Root" not in header or "Parent" not in header:
            yield subsegment
            return
        own_id = secrets.token_hex(8)
        parent_id = _current.get() or header["Parent"]
        document: dict[str, object] = {"start_time": time.time(), "annotations": subsegment.annotations}
        token = _current.set(own_id)
        try:
            yield subsegment
        except BaseException:
            document["fault"] = True
            raise
        finally:
            _current.reset(token)
            document |= {
                "name": name,
                "id": own_id,
                "type": "subsegment",
                "trace_id": header["Root"],
                "parent_id": parent_id,
                "end_time": time.time(),
            }
            self._send(document)

    def _send(self, document: dict[str, object]) -> None:
        try:
            self._socket.sendto(_HEADER + json.dumps(document).encode(), self._daemon)
        except OSError:
            # A trace is not worth a call: the daemon may be slow to start, or gone.
            return
