"""What stands between the network and MiniStack: an ASGI application around another.

`local.emulator.admission` decides; here it is applied to requests, and what pages of this machine called is
made readable for them.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any
from xml.sax.saxutils import escape

from local import origins
from local.emulator.admission import CONTROL, Admission, Refused, answers_pages, check_host
from local.emulator.api_gateway import received
from local.emulator.control import Control
from local.emulator.signatures import Request

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
App = Callable[[Any, Receive, Send], Awaitable[None]]

_JSON = {"Content-Type": "application/json"}


def guarded(serve: App, admission: Admission, control: Control) -> App:
    """The application with nothing let in that `admission` refuses, and with the control endpoints."""

    async def serve_admitted(scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            # The local AWS has none, and a page may open one to anywhere.
            await send({"type": "websocket.close", "code": 1008})
        elif scope["type"] == "http":
            await _answer(scope, receive, send)
        else:
            await serve(scope, receive, send)

    async def _answer(scope: Any, receive: Receive, send: Send) -> None:
        method, path, headers = scope["method"], scope["path"], _headers(scope)
        request = Request(
            method=method,
            path=scope["raw_path"].decode("latin-1"),
            query=scope["query_string"].decode("latin-1"),
            headers=headers,
        )
        by_name = dict(headers)
        try:
            if origins.is_preflight(method, by_name) and answers_pages(path, by_name):
                check_host(request)
                await _send(send, HTTPStatus.OK, b"", origins.preflight_headers(by_name))
                return
            claim = admission.admit(path, request)
            if claim is not None:
                body = await _received(receive)
                admission.verify(claim, request, body)
                receive = _again(body, receive)
        except Refused as refused:
            await _send(send, refused.status, *_refusal(request, refused))
            return
        received.headers.set(headers)
        if path.startswith(CONTROL):
            # Off the event loop: a contact event may invoke functions through EventBridge.
            status, document = await asyncio.to_thread(control.answer, method, path, await _received(receive))
            await _send(send, status, json.dumps(document).encode(), _JSON)
        elif "origin" in by_name:
            await serve(scope, receive, _readable_by_page(send, by_name))
        else:
            await serve(scope, receive, send)

    return serve_admitted


def _headers(scope: Any) -> list[tuple[str, str]]:
    """With names in lower case, as they arrived otherwise."""
    return [(name.decode("latin-1").lower(), _text(value)) for name, value in scope["headers"]]


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _refusal(request: Request, refused: Refused) -> tuple[bytes, dict[str, str]]:
    """Body and headers that the SDK of the service reads an error from."""
    content_type, authorization = (
        "".join(request.values(name)) for name in ("content-type", "authorization")
    )
    if "x-www-form-urlencoded" in content_type or "/s3/aws4_request" in authorization:
        error = f"<Code>{refused.code}</Code><Message>{escape(str(refused))}</Message>"
        return f"<ErrorResponse><Error>{error}</Error></ErrorResponse>".encode(), {"Content-Type": "text/xml"}
    document = {"__type": refused.code, "message": str(refused)}
    return json.dumps(document).encode(), {**_JSON, "x-amzn-ErrorType": refused.code}


def _readable_by_page(send: Send, headers: Mapping[str, str]) -> Send:
    """MiniStack lets every page read every answer: here the one that sent the request, of this machine."""
    allowed = [
        (name.lower().encode(), value.encode()) for name, value in origins.cors_headers(headers).items()
    ]

    async def send_readable(message: Any) -> None:
        if message["type"] == "http.response.start":
            kept = [
                (name, value)
                for name, value in message.get("headers", [])
                if not name.lower().startswith(b"access-control-")
            ]
            message = {**message, "headers": [*kept, *allowed]}
        await send(message)

    return send_readable


def _again(body: bytes, receive: Receive) -> Receive:
    """Gives the body that was read once more."""
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Any:
        return messages.pop() if messages else await receive()

    return receive_again


async def _received(receive: Receive) -> bytes:
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


async def _send(send: Send, status: int, body: bytes, headers: Mapping[str, str]) -> None:
    shown = {**headers, "Content-Length": str(len(body))}
    await send({
        "type": "http.response.start",
        "status": int(status),
        "headers": [(name.lower().encode(), value.encode()) for name, value in shown.items()],
    })  # fmt: skip
    await send({"type": "http.response.body", "body": body})
