"""The Lambda function behind `/calls/{ContactId}`: HTTP in, HTTP out."""

import json
import os
from datetime import UTC, datetime

from runtime import aws
from runtime.startup import finish_init
from runtime.telemetry import count, logger, metrics, tracer

from api.endpoint import endpoint
from api.request import Request
from api.responses import Response, empty_response, json_response
from call_control.domain import CallControl
from call_control.request import parse_digits, parse_nothing
from calls.errors import CallNotFound
from calls.record import Call, State, now
from calls.table import CallTable
from calls.transport import load_transport

_dynamodb = aws.client("dynamodb")
_table = CallTable(_dynamodb, os.environ["CALLS_TABLE"])
_calls = CallControl(_table, load_transport("call_control", calls=_table, dynamodb=_dynamodb), now)

finish_init()


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@metrics.log_metrics
@endpoint(frozenset(json.loads(os.environ["ALLOWED_ORIGINS"])))
def handler(request: Request) -> Response:
    """Reads, ends or joins a call of the caller, or sends digits into it, as openapi.yaml says."""
    user_id, contact_id = request.user_id, request.path.get("ContactId", "")
    match request.method, request.resource:
        case "GET", "/calls/{ContactId}":
            count("StatusRead")
            return json_response(200, json.dumps(_status(_calls.find(user_id, contact_id))))
        case "DELETE", "/calls/{ContactId}":
            _calls.hang_up(user_id, contact_id)
            _note("CallHungUp", contact_id)
            return empty_response()
        case "POST", "/calls/{ContactId}/connection":
            parse_nothing(request)
            answer = _calls.rejoin(user_id, contact_id)
            _note("CallRejoined", contact_id)
            return json_response(200, answer)
        case "POST", "/calls/{ContactId}/digits":
            sent = parse_digits(request)
            _calls.send_digits(user_id, contact_id, sent.digits, sent.idempotency_key)
            _note("DigitsSent", contact_id)
            return empty_response()
    raise CallNotFound("There is no such path or method.")


def _note(what: str, contact_id: str) -> None:
    logger.info(what, contact_id=contact_id)
    count(what)


def _status(call: Call) -> dict[str, str]:
    """`CallStatus` in openapi.yaml; what has not come is left out."""
    state = call.state(now())
    ended_at = call.ended_at if call.ended_at is not None or state is not State.ENDED else call.slot_until
    times = {
        "StartedAt": call.started_at,
        "QueuedAt": call.queued_at,
        "ConnectedAt": call.connected_at,
        "EndedAt": ended_at,
    }
    status = {
        "ContactId": str(call.id),
        "State": state,
        **{name: _rfc_3339(time) for name, time in times.items() if time is not None},
    }
    if state is State.ENDED:
        status["EndedBy"] = call.ended_by
        if call.disconnect_reason is not None:
            status["DisconnectReason"] = call.disconnect_reason
    return status


def _rfc_3339(milliseconds: int) -> str:
    text = datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
