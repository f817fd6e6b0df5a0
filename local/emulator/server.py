"""The emulator's process: MiniStack, extended. Started by `local.launcher`, with `.venv-local`'s Python.

Settings come from the environment, as MiniStack's do: GATEWAY_PORT, MINISTACK_ACCOUNT_ID, MINISTACK_REGION,
LOCAL_FUNCTIONS_PYTHON and LOCAL_FUNCTIONS_NODE (what functions run with), LOCAL_SIGNING_KEYS (keys of KMS
that the account has from the beginning: their specs by their ARNs, as JSON), TMPDIR, AUTH=true, BIND_HOST.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

import hypercorn.config
from ministack import app

from local import optional_rooms
from local.emulator import origins
from local.emulator.control import PREFIX, Control
from local.emulator.emulator import Emulator, Settings
from local.emulator.services import SERVICES


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    emulator = Emulator(Settings.from_environment())
    for service in SERVICES:
        service.install(emulator)
    for room in optional_rooms.in_emulator():
        room.install(emulator)
    emulator.records.take_missing_types()
    _serve_control(emulator.control)
    hypercorn.config.Config.backlog = 1024  # connections that wait: bursts of some hundred requests
    sys.argv = sys.argv[:1]
    app.main()


def _serve_control(control: Control) -> None:
    serve = app.app

    async def serve_with_control(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await serve(scope, receive, send)
            return
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
        }
        if reason := origins.refusal(scope["path"], headers):
            await _send(send, HTTPStatus.FORBIDDEN, {"message": reason})
        elif scope["path"].startswith(PREFIX):
            body = await _received(receive)
            # Off the event loop: a contact event may invoke functions through EventBridge.
            answer = await asyncio.to_thread(control.answer, scope["method"], scope["path"], body)
            await _send(send, *answer)
        else:
            await serve(scope, receive, send)

    app.app = serve_with_control


async def _received(receive: Callable[[], Awaitable[Any]]) -> bytes:
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


async def _send(send: Callable[[Any], Awaitable[None]], status: int, document: Any) -> None:
    content = json.dumps(document).encode()
    length = str(len(content)).encode()
    await send({
        "type": "http.response.start",
        "status": int(status),
        "headers": [(b"content-type", b"application/json"), (b"content-length", length)],
    })  # fmt: skip
    await send({"type": "http.response.body", "body": content})


if __name__ == "__main__":
    main()
