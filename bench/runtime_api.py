"""Lambda's Runtime API on loopback: hands a function one event again and again, and keeps its answers.

AWS Lambda developer guide, "Using the Lambda runtime API for custom runtimes".
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_PATH = "/2018-06-01/runtime/"
_REQUEST_ID = "00000000-0000-4000-8000-000000000000"
_TIMEOUT = 20  # seconds


@dataclass
class RuntimeApi:
    """A server that runs."""

    address: str
    """What `AWS_LAMBDA_RUNTIME_API` is."""
    event: bytes = b""
    """The JSON of each invocation."""
    answers: list[bytes] = field(default_factory=list)
    """What was answered, errors included, oldest first."""


@contextmanager
def serving_invocations() -> Iterator[RuntimeApi]:
    """Runs the server."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as http:
        http.daemon_threads = True
        _Handler.api = RuntimeApi(f"127.0.0.1:{http.server_port}")
        thread = threading.Thread(target=http.serve_forever, daemon=True)
        thread.start()
        try:
            yield _Handler.api
        finally:
            http.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body in one packet
    timeout = 30  # seconds
    api: RuntimeApi

    def do_GET(self) -> None:
        if self.path == f"{_PATH}restore/next":  # asked once the hooks before a snapshot are through
            self._answer(200, b"", {})
            return
        if self.path != f"{_PATH}invocation/next":
            self.send_error(404)
            return
        self._answer(
            200,
            self.api.event,
            {
                "Lambda-Runtime-Aws-Request-Id": _REQUEST_ID,
                "Lambda-Runtime-Deadline-Ms": str(int((time.time() + _TIMEOUT) * 1000)),
                "Lambda-Runtime-Invoked-Function-Arn": (
                    "arn:aws:lambda:eu-west-2:111122223333:function:function:live"
                ),
                "Lambda-Runtime-Trace-Id": (
                    "Root=1-6a000000-000000000000000000000001;Parent=0000000000000001;Sampled=1"
                ),
            },
        )

    def do_POST(self) -> None:
        self.api.answers.append(self.rfile.read(int(self.headers["Content-Length"])))
        self._answer(202, b"{}", {})

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Says nothing: `answers` tells it."""
