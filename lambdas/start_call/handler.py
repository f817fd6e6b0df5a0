"""The Lambda function behind `POST /start-call`: HTTP in, HTTP out."""

import os

from runtime import aws
from runtime.startup import finish_init
from runtime.telemetry import count, logger, metrics, tracer

from api.endpoint import endpoint
from api.request import Request
from api.responses import Response, json_response
from calls.errors import CallingStopped, StartRefused
from calls.record import now
from calls.table import CallTable
from calls.transport import load_transport
from start_call.caller import read_caller
from start_call.domain import StartCall
from start_call.request import parse
from start_call.settings import StartCallSettings
from start_call.switch import Switch

_settings = StartCallSettings.read(os.environ)
_dynamodb = aws.client("dynamodb")
_calls = CallTable(
    _dynamodb,
    _settings.table,
    retention_seconds=max(
        _settings.limits.max_call_seconds, *(rate.seconds for rate in _settings.limits.rates)
    ),
)
# Read before each start, within the time that is left for it: once, and not for long.
_switch = Switch(aws.client("ssm", read_timeout=2, repeats=False), _settings.calling_parameter, now)
_transport = load_transport("start_call", calls=_calls, dynamodb=_dynamodb)
_start_call = StartCall(_calls, _transport, _settings.limits, now)

finish_init()


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@metrics.log_metrics
@endpoint(_settings.allowed_origins)
def handler(request: Request) -> Response:
    """Starts a call for the caller of a verified token, or replays the answer of an earlier request."""
    caller = read_caller(request.claims, _settings.claim_attributes, _settings.display_name_claim)
    parsed = parse(request, _settings.policy)
    _settings.authentication_for(parsed.topic).check(caller, now())
    try:
        _switch.check()
    except CallingStopped:
        # An operator wants this answer: it is no failure.
        count("StartStopped")
        raise
    try:
        call = _start_call(caller, parsed)
    except StartRefused as refused:
        # Apart, so that one user who tries again and again does not look like several.
        count("StartRefusedAgain" if refused.is_repeated else "StartRefused")
        raise
    logger.info("Call replayed" if call.replayed else "Call started", contact_id=call.contact_id)
    count("CallReplayed" if call.replayed else "CallStarted")
    if call.replayed:
        return json_response(200, call.body, {"Idempotent-Replayed": "true"})
    return json_response(201, call.body)
