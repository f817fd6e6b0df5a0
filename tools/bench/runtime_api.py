"""Lambda's Runtime API on loopback: hands a function one event again and again, and keeps its answers.

AWS Lambda developer guide, "Using the Lambda runtime API for custom runtimes".
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer

from tools.bench.loopback import Handler, running

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
    seconds: list[float] = field(default_factory=list)
    """How long each of them took, from when the function had its event."""
    handed_out_at: float = 0.0


@contextmanager
def serving_invocations() -> Iterator[RuntimeApi]:
    """Runs the server."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as http:
        _Handler.api = RuntimeApi(f"127.0.0.1:{http.server_port}")
        with running(http):
            yield _Handler.api


class _Handler(Handler):
    api: RuntimeApi

    def do_GET(self) -> None:  # noqa: N802 - the base class's names
        if self.path == f"{_PATH}restore/next":  # called once the hooks before a snapshot are through
            self.answer(200, b"", {})
            return
        if self.path != f"{_PATH}invocation/next":
            self.send_error(404)
            return
        self.api.handed_out_at = time.monotonic()
        self.answer(
            200,
            self.api.event,
            {
                "Content-Type": "application/json",
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

    def do_POST(self) -> None:  # noqa: N802 - the base class's names
        self.api.answers.append(self.read_body())
        self.api.seconds.append(time.monotonic() - self.api.handed_out_at)
        self.answer(202, b"{}", {"Content-Type": "application/json"})
