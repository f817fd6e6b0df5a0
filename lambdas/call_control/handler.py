"""The Lambda function behind `/calls/{ContactId}`: HTTP in, HTTP out."""

import json
import os
from typing import Any

from runtime import aws
from runtime.startup import finish_init
from runtime.telemetry import count, logger, metrics, tracer

from api.endpoint import endpoint
from api.repeated_reads import rfc_3339, tagged_response
from api.request import Request
from api.responses import Response, empty_response, json_response
from call_control.domain import CallControl
from call_control.request import parse_digits, parse_nothing
from call_control.waiting import Waiting, WaitingCalls
from calls.connect_queues import ConnectQueues, client
from calls.errors import CallNotFound
from calls.positions import Positions
from calls.queue_state import QueueStates
from calls.readings import SharedReadings
from calls.record import Call, State, now
from calls.table import CallTable
from calls.transport import load_transport
from calls.waiting_table import WaitingTable

_dynamodb = aws.client("dynamodb")
_table = CallTable(_dynamodb, os.environ["CALLS_TABLE"])
_calls = CallControl(_table, load_transport("call_control", calls=_table, dynamodb=_dynamodb), now)
_queues = ConnectQueues(client(), os.environ["CONNECT_INSTANCE_ARN"])
_waiting_table = WaitingTable(_dynamodb, os.environ["WAITING_TABLE"])
_waiting = WaitingCalls(
    QueueStates(SharedReadings(_waiting_table, now), _queues), Positions(_waiting_table, _queues, now)
)

finish_init()

# So many seconds apart an app reads a call in a state. An address that reads more often is refused by the
# firewall, sooner or later; an agent who has taken the call seldom puts it back.
_ASK_AGAIN = {State.CONNECTING: 10, State.QUEUED: 10, State.CONNECTED: 30}


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
            return tagged_response(request, json.dumps(_status(_calls.find(user_id, contact_id))))
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


def _status(call: Call) -> dict[str, Any]:
    """`CallStatus` in openapi.yaml; what has not come is left out."""
    state = call.state(now())
    ended_at = call.ended_at if call.ended_at is not None or state is not State.ENDED else call.slot_until
    times = {
        "StartedAt": call.started_at,
        "QueuedAt": call.queued_at,
        "ConnectedAt": call.connected_at,
        "EndedAt": ended_at,
    }
    status: dict[str, Any] = {
        "ContactId": str(call.id),
        "State": state,
        **{name: rfc_3339(time) for name, time in times.items() if time is not None},
    }
    if state is State.ENDED:
        status["EndedBy"] = call.ended_by
        if call.disconnect_reason is not None:
            status["DisconnectReason"] = call.disconnect_reason
    else:
        if state is State.QUEUED:
            status |= _shown(_waiting.of(call))
        status["AskAgainAfterSeconds"] = _ASK_AGAIN[state]
    return status


def _shown(waiting: Waiting) -> dict[str, Any]:
    position = waiting.position
    members = {
        "ExpectedWaitSeconds": waiting.expected_wait,
        "PositionInQueue": position,
        "PositionAt": None if position is None else rfc_3339(waiting.position_at),
    }
    return {name: value for name, value in members.items() if value is not None}
