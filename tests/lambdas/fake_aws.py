"""What the fakes of AWS's services have in common: how they answer a request of the SDK over HTTP."""

import json
import uuid
from collections.abc import Callable
from functools import cache
from typing import Any

from botocore.awsrequest import AWSResponse

from runtime import aws

Answer = tuple[int, str | None, dict[str, Any]]
"""HTTP status, error code or None, body."""


@cache
def shared_client(service: str, **options: Any) -> Any:
    """A client as the functions have it, which all tests share: to make one takes as long as most tests."""
    return aws.client(service, **options)


def attach(client: Any, receive: Callable[..., AWSResponse]) -> Any:
    """Makes a botocore client send its requests to `receive`, and no more to the fake before; returns it."""
    event = f"before-send.{client.meta.service_model.service_name}.*"
    client.meta.events.unregister(event, unique_id="fake")
    client.meta.events.register_first(event, receive, unique_id="fake")
    return client


class RefusedError(Exception):
    """The service refuses, with an HTTP status, the code of an error and other members."""

    def __init__(self, status: int, code: str, **reported: Any) -> None:
        super().__init__(code)
        self.answer: Answer = (status, code, {"message": "SECRET-AWS", **reported})


class _Raw:
    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, *_: object, **__: object) -> list[bytes]:
        return [self._body]


def respond(
    url: str, faults: list[Answer | Exception] | None, perform: Callable[[], dict[str, Any]]
) -> AWSResponse:
    """Answers or raises the first of the `faults`, which it takes away, else what `perform` returns."""
    fault = faults.pop(0) if faults else None
    if isinstance(fault, Exception):
        raise fault
    status, code, body = fault or _performed(perform)
    headers: Any = {"Content-Type": "application/json", "x-amzn-RequestId": str(uuid.uuid4())}
    if code:
        headers["x-amzn-ErrorType"] = code
        body = {"__type": code, **body}  # where the JSON protocols have it
    content = b"not json" if body == {"garbage": True} else json.dumps(body).encode()
    return AWSResponse(url, status, headers, _Raw(content))


def _performed(perform: Callable[[], dict[str, Any]]) -> Answer:
    try:
        return 200, None, perform()
    except RefusedError as refused:
        return refused.answer
