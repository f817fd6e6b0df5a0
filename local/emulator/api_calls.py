"""AWS API calls on their way to their services: faults happen to them, those of functions are noted.

The participant service is answered here. Its requests carry a token and no signature, so that MiniStack
recognizes neither the service nor the caller: their paths say what they are, IAM does not decide, and they
are noted whoever makes them, with the role and the function null unless they are signed all the same.
"""

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ministack import app
from ministack.core import iam_actions, router

from local.emulator.aws_service import RestJsonService
from local.emulator.connect.connect import Connect
from local.emulator.connect.participants import Participants
from local.emulator.control import Control
from local.emulator.iam import permissions
from local.emulator.lambda_ import functions
from local.faults import Fault

Headers = Mapping[str, str]
Query = Mapping[str, list[str]]
Answer = tuple[int, dict[str, str], Any]
Dispatch = Callable[[str, str, Headers, bytes, Query, str], Awaitable[Answer]]

_SIGNED_FOR = re.compile(r"Credential=[^/]+/[^/]+/[^/]+/([^/]+)/")
_PARTICIPANTS_SCOPE = "execute-api"  # what a request to the participant service is signed for, if at all


@dataclass(frozen=True)
class _Call:
    """An AWS API call, and who answers it."""

    service: str
    operation: str
    resources: list[str]
    """The ARNs that IAM decides about."""
    dispatch: Dispatch


def install(control: Control, connect: Connect, *, account: str, region: str) -> None:
    """Answer for the participant service, and watch all AWS API calls."""
    participants = RestJsonService("connectparticipant", Participants(connect), invalid="ValidationException")
    watched = _ApiCalls(control, participants, account=account, region=region)
    app._dispatch_service_request = watched.dispatch


class _ApiCalls:
    """All AWS API calls, those to the service `participants` among them."""

    def __init__(self, control: Control, participants: RestJsonService, *, account: str, region: str) -> None:
        self._control = control
        self._participants = participants
        self._account = account
        self._region = region
        self._dispatch: Dispatch = app._dispatch_service_request

    async def dispatch(
        self, method: str, path: str, headers: Headers, body: bytes, query: Query, request_id: str
    ) -> Answer:
        """Take the place of MiniStack's dispatcher, which answers all but the participants' calls."""
        role = permissions.role_of(router.extract_access_key_id(headers, query))
        if role is not None and not functions.is_function(role[1]):
            role = None  # somebody else's, the CDK's for one
        call = self._find_participants_call(method, path, headers)
        is_noted = role is not None or call is not None
        if not is_noted and not self._control.has_faults():
            return await self._dispatch(method, path, headers, body, query, request_id)
        call = call or self._identify(method, path, headers, body, query)
        began = datetime.now(UTC)
        started = time.perf_counter()
        fault = self._control.take_fault(call.service, call.operation)
        if fault and fault.code:
            answer = fault.error_answer()
        else:
            if fault:
                await asyncio.sleep(fault.delay_seconds)
            answer = await call.dispatch(method, path, headers, body, query, request_id)
            if fault and fault.malformed:
                answer = _spoiled(answer, fault)
        if is_noted:
            self._control.note_call({
                "Time": began.isoformat(timespec="milliseconds"),
                "Milliseconds": round((time.perf_counter() - started) * 1000, 1),
                "Role": role and role[0],
                "Function": role and role[1],
                "Service": call.service,
                "Operation": call.operation,
                "Resources": call.resources,
                "Status": answer[0],
                "Error": _error_code(answer) if answer[0] >= 400 else None,
            })  # fmt: skip
        return answer

    def _identify(self, method: str, path: str, headers: Headers, body: bytes, query: Query) -> _Call:
        params = app._routing_params(method, path, headers, body, query)
        service = router.detect_service(method, path, headers, params)
        action = (
            iam_actions.extract_iam_action(service, method, path, headers, body, params)
            or f"{service}:Unknown"
        )
        resources = permissions.resources_of(service, method, path, headers, body, query) or [
            iam_actions.extract_resource_arn(
                service, method, path, headers, body, params, self._region, self._account
            )
        ]
        return _Call(service, action.partition(":")[2], resources, self._dispatch)

    def _find_participants_call(self, method: str, path: str, headers: Headers) -> _Call | None:
        signed_for = _SIGNED_FOR.search(headers.get("authorization", ""))
        if signed_for and signed_for[1] != _PARTICIPANTS_SCOPE:
            return None
        operation = self._participants.operation(method, path)
        if operation is None:
            return None
        return _Call(self._participants.name, operation, ["*"], self._dispatch_participants)

    async def _dispatch_participants(
        self, method: str, path: str, headers: Headers, body: bytes, query: Query, _request_id: str
    ) -> Answer:
        answer = self._participants.answer(method, path, headers, body, query)
        return answer.status, answer.headers, answer.body


def _spoiled(answer: Answer, fault: Fault) -> Answer:
    # DynamoDB's checksum would give the change away as a transmission error.
    headers = {name: value for name, value in answer[1].items() if name.lower() != "x-amz-crc32"}
    return answer[0], headers, fault.spoil(answer[2])


def _error_code(answer: Answer) -> str:
    headers = {name.lower(): value for name, value in answer[1].items()}
    code: str = headers.get("x-amzn-errortype", "")
    if not code:
        try:
            document = json.loads(answer[2])
        except ValueError:
            return "Unknown"
        code = str(document.get("__type", "Unknown"))
    return code.rpartition("#")[2].partition(":")[0]
