"""The Lambda function behind `/calls/{ContactId}`: HTTP in, HTTP out."""

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from api.problems import Response, empty_response, json_response
from api.request import read_body, read_claims, read_headers, respond
from call_control.domain import CallControl, Way
from call_control.request import parse_digits, parse_nothing
from call_control.webrtc import WebRtcContacts
from calls.connect import ConnectInstance
from calls.errors import CallNotFound
from calls.participant_service import ParticipantService
from calls.record import Call, State, now
from calls.table import CallTable
from runtime import aws
from runtime.startup import startup_done
from runtime.telemetry import count, logger, metrics, tracer

_table = CallTable(aws.client("dynamodb"), os.environ["CALLS_TABLE"])
_connect = ConnectInstance(aws.client("connect"), os.environ["CONNECT_INSTANCE_ARN"])


def _way() -> Way:
    """How calls of this deployment reach Connect."""
    if "SIP_MEDIA_APPLICATION_ID" not in os.environ:
        participants = ParticipantService(aws.client("connectparticipant", signed=False))
        return WebRtcContacts(_table, _connect, participants, now)
    # Imported here: most deployments have no bridge, and shall not wait for it in a cold start.
    from call_control.bridge import Bridge  # noqa: PLC0415
    from sip_bridge.meetings import Meetings  # noqa: PLC0415
    from sip_bridge.phone_calls import SipMediaApplication  # noqa: PLC0415

    return Bridge(
        Meetings(aws.client("chime-sdk-meetings")),
        SipMediaApplication(aws.client("chime-sdk-voice"), os.environ["SIP_MEDIA_APPLICATION_ID"]),
        _connect,
        now,
    )


_calls = CallControl(_table, _way(), now)
_allowed_origins = frozenset(json.loads(os.environ["ALLOWED_ORIGINS"]))

startup_done()


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@metrics.log_metrics
def handler(event: Mapping[str, Any], _context: object) -> Response:
    """Answers a proxy request of API Gateway (REST) as openapi.yaml says."""
    return respond(event, _allowed_origins, lambda: _answer(event))


def _answer(event: Mapping[str, Any]) -> Response:
    user_id = read_claims(event)["sub"]
    contact_id = (event.get("pathParameters") or {}).get("ContactId", "")
    match event["httpMethod"], event["resource"]:
        case "GET", "/calls/{ContactId}":
            count("StatusRead")
            return json_response(200, json.dumps(_status(_calls.find(user_id, contact_id))))
        case "DELETE", "/calls/{ContactId}":
            _calls.hang_up(user_id, contact_id)
            _note("CallHungUp", contact_id)
            return empty_response()
        case "POST", "/calls/{ContactId}/connection":
            parse_nothing(read_headers(event), read_body(event))
            answer = _calls.rejoin(user_id, contact_id)
            _note("CallRejoined", contact_id)
            return json_response(200, answer)
        case "POST", "/calls/{ContactId}/digits":
            request = parse_digits(read_headers(event), read_body(event))
            _calls.send_digits(user_id, contact_id, request.digits, request.idempotency_key)
            _note("DigitsSent", contact_id)
            return empty_response()
    raise CallNotFound("There is no such path or method.")


def _note(what: str, contact_id: str) -> None:
    logger.info(what, contact_id=contact_id)
    count(what)


def _status(call: Call) -> dict[str, str]:
    """`CallStatus` in openapi.yaml; a time that has not come is left out."""
    state = call.state(now())
    ended_at = call.ended_at if call.ended_at is not None or state is not State.ENDED else call.slot_until
    times = {
        "StartedAt": call.started_at,
        "QueuedAt": call.queued_at,
        "ConnectedAt": call.connected_at,
        "EndedAt": ended_at,
    }
    return {
        "ContactId": str(call.id),
        "State": state,
        **{name: _rfc_3339(time) for name, time in times.items() if time is not None},
    }


def _rfc_3339(milliseconds: int) -> str:
    text = datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
