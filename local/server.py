"""The emulator's process: MiniStack, extended. Started by `local.environment` with `.venv-local`'s Python.

Settings come from the environment, as MiniStack's do: GATEWAY_PORT, MINISTACK_ACCOUNT_ID, MINISTACK_REGION,
LOCAL_FUNCTIONS_PYTHON (the interpreter that functions run with), AUTH=true, BIND_HOST.
"""

import asyncio
import json
import logging
import os
import socket
import sys
import threading
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import hypercorn.config
from ministack import app
from ministack.core import responses, router
from ministack.services import eventbridge

from local import cloudformation, functions, gateway, origins, permissions, queues, user_pools
from local.api_calls import ApiCalls
from local.aws_service import AwsError, RestJsonService
from local.connect import Connect
from local.control import PREFIX, Control
from local.participants import Participants

_log = logging.getLogger("local.server")

CONNECT = "connect"
PARTICIPANTS = "connectparticipant"


@dataclass(frozen=True)
class Settings:
    """Where this emulator stands and what it pretends to be."""

    port: int
    account: str
    region: str
    functions_python: Path

    @classmethod
    def from_environment(cls) -> "Settings":
        """Read the settings; KeyError where one is missing."""
        return cls(
            port=int(os.environ["GATEWAY_PORT"]),
            account=os.environ["MINISTACK_ACCOUNT_ID"],
            region=os.environ["MINISTACK_REGION"],
            functions_python=Path(os.environ["LOCAL_FUNCTIONS_PYTHON"]),
        )


class _RestOfAws:
    """What Connect reaches: functions and EventBridge."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def invoke_function(self, function_arn: str, event: Mapping[str, Any], *, source_arn: str) -> object:
        with responses.request_scope(self._settings.account, self._settings.region):
            return functions.invoke(
                function_arn,
                event,
                service="connect.amazonaws.com",
                source_arn=source_arn,
                account=self._settings.account,
                region=self._settings.region,
            )

    def publish_event(self, detail_type: str, detail: Mapping[str, Any], resources: list[str]) -> None:
        entry = {
            "Source": "aws.connect",
            "DetailType": detail_type,
            "Detail": json.dumps(detail),
            "Resources": resources,
        }
        with responses.request_scope(self._settings.account, self._settings.region):
            eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    settings = Settings.from_environment()
    connect = Connect(region=settings.region, account=settings.account, surroundings=_RestOfAws(settings))
    records = cloudformation.install(connect, region=settings.region)
    control = Control(connect, records.listed)
    traces = _receive_traces(control)
    functions.install(
        python=settings.functions_python,
        endpoint_url=f"http://127.0.0.1:{settings.port}",
        trace_daemon=f"127.0.0.1:{traces.getsockname()[1]}",
    )
    gateway.install(account=settings.account, region=settings.region)
    permissions.install()
    queues.install(account=settings.account, region=settings.region)
    user_pools.install()
    _serve_connect(RestJsonService(CONNECT, connect), settings)
    participants = RestJsonService(PARTICIPANTS, Participants(connect), invalid="ValidationException")
    ApiCalls(control, participants, account=settings.account, region=settings.region).install()
    _serve_control(control)
    hypercorn.config.Config.backlog = 1024  # connections that wait: bursts of some hundred requests
    sys.argv = sys.argv[:1]
    app.main()


def _receive_traces(control: Control) -> socket.socket:
    """Take the place of the X-Ray daemon: functions send it segments over UDP."""
    daemon = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    daemon.bind(("127.0.0.1", 0))

    def receive() -> None:
        while True:
            datagram = daemon.recv(65_536)
            # A line that describes the format, then the segment.
            _, _, segment = datagram.partition(b"\n")
            try:
                control.note_trace(json.loads(segment))
            except ValueError:
                _log.warning("a datagram to the X-Ray daemon is no segment: %r", datagram[:200])

    threading.Thread(target=receive, name="x-ray-daemon", daemon=True).start()
    return daemon


def _serve_connect(service: RestJsonService, settings: Settings) -> None:
    base = f"arn:aws:connect:{settings.region}:{settings.account}:instance"

    def resources(
        method: str, path: str, headers: Mapping[str, str], body: bytes, query: Mapping[str, list[str]]
    ) -> tuple[str, list[str]]:
        """The operation of a request, and the ARNs that IAM is asked about."""
        try:
            call = service.read(method, path, headers, body, query)
        except AwsError:
            # The service refuses it anyway; whoever may do nothing on Connect is refused before.
            return "Unknown", ["*"]
        instance = f"{base}/{call.parameters.get('InstanceId', '*')}"
        if call.operation == "StartWebRTCContact":
            return call.operation, [instance, f"{instance}/contact-flow/{call.parameters['ContactFlowId']}"]
        if "ContactId" in call.parameters:
            return call.operation, [f"{instance}/contact/{call.parameters['ContactId']}"]
        return call.operation, [instance]

    async def handle(
        method: str, path: str, headers: Mapping[str, str], body: bytes, query: Mapping[str, list[str]]
    ) -> tuple[int, dict[str, str], bytes]:
        operation, arns = resources(method, path, headers, body, query)
        access_key_id = router.extract_access_key_id(headers, query)
        for arn in arns[1:]:
            refusal: tuple[int, dict[str, str], bytes] | None = permissions.refusal(
                access_key_id, CONNECT, operation, arn, region=settings.region, request_id=""
            )
            if refusal is not None:
                return refusal
        answer = service.answer(method, path, headers, body, query)
        return answer.status, answer.headers, answer.body

    app.SERVICE_HANDLERS[CONNECT] = handle
    # Known by its SigV4 scope; without this MiniStack loads every botocore model to look for it.
    router.SERVICE_PATTERNS[CONNECT] = {}
    permissions.govern(CONNECT, resources)


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
