"""The emulator's process: MiniStack, extended. Started by `local.launcher`, with `.venv-local`'s Python.

Settings come from the environment, as MiniStack's do: GATEWAY_PORT, MINISTACK_ACCOUNT_ID, MINISTACK_REGION,
LOCAL_FUNCTIONS_PYTHON and LOCAL_FUNCTIONS_NODE (what functions run with), LOCAL_SIGNING_KEYS (keys of KMS
that the account has from the beginning: their specs by their ARNs, as JSON), TMPDIR, AUTH=true, BIND_HOST.
"""

import asyncio
import json
import logging
import os
import re
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

from local.emulator import origins
from local.emulator.api_calls import ApiCalls
from local.emulator.api_gateway import gateway
from local.emulator.aws_service import AwsError, Call, RestJsonService
from local.emulator.cloudformation import resource_types as cloudformation
from local.emulator.cognito import user_pools
from local.emulator.connect.connect import Connect
from local.emulator.connect.participants import Participants
from local.emulator.control import PREFIX, Control
from local.emulator.iam import permissions
from local.emulator.kms import keys
from local.emulator.lambda_ import functions
from local.emulator.sqs import queues
from local.issuer.issuer import Issuer
from local.sip_bridge.phone_numbers import NumberSupply
from local.sip_bridge.telephony import Telephony

_log = logging.getLogger("local.emulator.server")

CONNECT = "connect"
PARTICIPANTS = "connectparticipant"
MEETINGS = "chime-sdk-meetings"
VOICE = "chime-sdk-voice"
CHIME = "chime"  # what requests to both are signed for, and how policies call both

_SIGNED_FOR = re.compile(r"Credential=[^/]+/[^/]+/[^/]+/([^/]+)/")


@dataclass(frozen=True)
class Settings:
    """Where this emulator stands and what it pretends to be."""

    port: int
    account: str
    region: str
    functions_python: Path
    functions_node: Path
    signing_keys: Mapping[str, str]
    folder: Path

    @classmethod
    def from_environment(cls) -> "Settings":
        """Read the settings; KeyError where one is missing."""
        return cls(
            port=int(os.environ["GATEWAY_PORT"]),
            account=os.environ["MINISTACK_ACCOUNT_ID"],
            region=os.environ["MINISTACK_REGION"],
            functions_python=Path(os.environ["LOCAL_FUNCTIONS_PYTHON"]),
            functions_node=Path(os.environ["LOCAL_FUNCTIONS_NODE"]),
            signing_keys=json.loads(os.environ["LOCAL_SIGNING_KEYS"]),
            folder=Path(os.environ["TMPDIR"]),
        )


class _RestOfAws:
    """What an emulated service reaches: functions, in the name of `principal`, and EventBridge."""

    def __init__(self, settings: Settings, *, principal: str, event_source: str) -> None:
        self._settings = settings
        self._principal = principal
        self._event_source = event_source

    def invoke_function(self, function_arn: str, event: Mapping[str, Any], *, source_arn: str) -> object:
        with responses.request_scope(self._settings.account, self._settings.region):
            return functions.invoke(
                function_arn,
                event,
                service=self._principal,
                source_arn=source_arn,
                account=self._settings.account,
                region=self._settings.region,
            )

    def publish_event(self, detail_type: str, detail: Mapping[str, Any], resources: list[str]) -> None:
        entry = {
            "Source": self._event_source,
            "DetailType": detail_type,
            "Detail": json.dumps(detail),
            "Resources": resources,
        }
        with responses.request_scope(self._settings.account, self._settings.region):
            eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    settings = Settings.from_environment()
    here, numbers = {"region": settings.region, "account": settings.account}, NumberSupply()
    rest = _RestOfAws(settings, principal="connect.amazonaws.com", event_source="aws.connect")
    connect = Connect(**here, surroundings=rest, numbers=numbers)
    chime = _RestOfAws(settings, principal="voiceconnector.chime.amazonaws.com", event_source="aws.chime")
    telephony = Telephony(
        **here,
        numbers=numbers,
        invoke=lambda arn, function_arn, event: chime.invoke_function(function_arn, event, source_arn=arn),
        publish=lambda detail_type, detail: chime.publish_event(detail_type, detail, []),
        ring=connect.ring,
    )
    records = cloudformation.install(connect, telephony.voice, region=settings.region)
    issuer = Issuer()
    control = Control(
        connect, records.listed, meetings=telephony.meetings, calls=telephony.calls, issuer=issuer
    )
    issuer.take_fault = control.take_fault
    traces = _receive_traces(control)
    functions.install(
        python=settings.functions_python,
        node=settings.functions_node,
        endpoint_url=f"http://127.0.0.1:{settings.port}",
        trace_daemon=f"127.0.0.1:{traces.getsockname()[1]}",
        issuer=issuer.serve(settings.folder),
    )
    gateway.install(account=settings.account, region=settings.region)
    keys.install(settings.signing_keys, account=settings.account, region=settings.region)
    permissions.install()
    queues.install(account=settings.account, region=settings.region)
    user_pools.install()
    _serve_connect(RestJsonService(CONNECT, connect), settings)
    _tell_chime_services_apart()
    for name, behaviour in ((MEETINGS, telephony.meetings), (VOICE, telephony.voice)):
        _serve_chime(RestJsonService(name, behaviour, invalid="BadRequestException"), settings)
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
    region_arn = f"arn:aws:connect:{settings.region}:{settings.account}"

    def resources(call: Call) -> list[str]:
        given = call.parameters
        instance = f"{region_arn}:instance/{given.get('InstanceId', '*')}"
        flow = f"{instance}/contact-flow/{given.get('ContactFlowId', '*')}"
        if call.operation == "StartWebRTCContact":
            return [instance, flow]
        if "PhoneNumberId" in given:
            number = f"{region_arn}:phone-number/{given['PhoneNumberId'].rpartition('/')[2]}"
            return [number, flow] if call.operation == "AssociatePhoneNumberContactFlow" else [number]
        if "ContactId" in given:
            contact = f"{instance}/contact/{given['ContactId']}"
            return [contact, instance] if call.operation == "CreateParticipant" else [contact]
        return [instance]

    _serve(service, resources, namespace=CONNECT, settings=settings)


# Of the Amazon Chime SDK's operations, the resource type that the service authorization reference has.
_CHIME_RESOURCES = {"MeetingId": "meeting", "SipMediaApplicationId": "sma", "VoiceConnectorId": "vc"}
# With these, the application is one to choose among, or none.
_LISTS = frozenset({"ListSipRules"})


def _serve_chime(service: RestJsonService, settings: Settings) -> None:
    base = f"arn:aws:chime:{settings.region}:{settings.account}"

    def resources(call: Call) -> list[str]:
        given = call.parameters
        if "ResourceARN" in given:
            return [given["ResourceARN"]]
        if call.operation in {"CreateSipRule", "UpdateSipRule"} and "TargetApplications" in given:
            applications = [each.get("SipMediaApplicationId", "*") for each in given["TargetApplications"]]
            return [f"{base}:sma/{each}" for each in applications]
        for name, resource_type in _CHIME_RESOURCES.items():
            if name in given and call.operation not in _LISTS:
                return [f"{base}:{resource_type}/{given[name]}"]
        return ["*"]

    _serve(service, resources, namespace=CHIME, settings=settings)


def _tell_chime_services_apart() -> None:
    """Both are signed for `chime`, which MiniStack takes for the name of a service: paths say which it is."""
    detect: Callable[..., str] = router.detect_service

    def detect_chime(method: str, path: str, headers: Mapping[str, str], params: Any) -> str:
        signed_for = _SIGNED_FOR.search(headers.get("authorization", ""))
        if signed_for is None or signed_for[1] != CHIME:
            return detect(method, path, headers, params)
        is_tagged_meeting = path == "/tags" and ":meeting/" in str(params.get("arn"))
        return MEETINGS if path.startswith("/meetings") or is_tagged_meeting else VOICE

    router.detect_service = detect_chime
    app.detect_service = detect_chime


def _serve(
    service: RestJsonService,
    arns_of: Callable[[Call], list[str]],
    *,
    namespace: str,
    settings: Settings,
) -> None:
    """Let MiniStack answer for a service; `arns_of` says which resources IAM is asked about."""

    def resources(
        method: str, path: str, headers: Mapping[str, str], body: bytes, query: Mapping[str, list[str]]
    ) -> tuple[str, list[str]]:
        try:
            call = service.read(method, path, headers, body, query)
        except AwsError:
            # The service refuses it anyway; whoever may do nothing there is refused before.
            return "Unknown", ["*"]
        return call.operation, arns_of(call)

    async def handle(
        method: str, path: str, headers: Mapping[str, str], body: bytes, query: Mapping[str, list[str]]
    ) -> tuple[int, dict[str, str], bytes]:
        operation, arns = resources(method, path, headers, body, query)
        access_key_id = router.extract_access_key_id(headers, query)
        for arn in arns[1:]:
            refusal: tuple[int, dict[str, str], bytes] | None = permissions.refusal(
                access_key_id, service.name, operation, arn, region=settings.region, request_id=""
            )
            if refusal is not None:
                return refusal
        answer = service.answer(method, path, headers, body, query)
        return answer.status, answer.headers, answer.body

    app.SERVICE_HANDLERS[service.name] = handle
    # Known by its name; without this MiniStack loads every botocore model to look for it.
    router.SERVICE_PATTERNS[service.name] = {}
    permissions.govern(service.name, resources, namespace=namespace)


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
