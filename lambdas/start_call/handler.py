"""The Lambda function behind `POST /start-call`: HTTP in, HTTP out."""

import os
from collections.abc import Mapping
from typing import Any

from api.problems import Response, json_response
from api.request import read_body, read_claims, read_headers, respond
from calls.connect import ConnectInstance
from calls.record import now
from calls.table import CallTable
from calls.webrtc import WebRtcContacts
from runtime import aws
from runtime.startup import startup_done
from runtime.telemetry import count, logger, metrics, tracer
from start_call.caller import read_caller
from start_call.domain import StartCall, StartedCall, Way
from start_call.request import parse
from start_call.settings import Settings
from start_call.switch import Switch

_settings = Settings.read(os.environ)
_calls = CallTable(
    aws.client("dynamodb"),
    _settings.table,
    retention_seconds=max(
        _settings.terms.longest_call_seconds, *(rate.seconds for rate in _settings.terms.rates)
    ),
)
# Asked before each start, within the time that is left for it: once, and not for long.
_switch = Switch(aws.client("ssm", read_timeout=2, repeats=False), _settings.calling_parameter, now)
_connect = ConnectInstance(aws.client("connect"), _settings.offer.instance_arn)


def _way() -> Way:
    """How calls of this deployment reach Connect."""
    if _settings.bridge is None:
        return WebRtcContacts(_connect)
    # Imported here: most deployments have no bridge, and shall not wait for it in a cold start.
    from sip_bridge.meetings import Meetings  # noqa: PLC0415
    from sip_bridge.phone_calls import SipMediaApplication  # noqa: PLC0415
    from sip_bridge.transport import Bridge  # noqa: PLC0415

    voice = aws.client("chime-sdk-voice", repeats=False)
    return Bridge(
        _calls,
        Meetings(aws.client("chime-sdk-meetings")),
        SipMediaApplication(voice, _settings.bridge.sip_media_application_id),
        _connect,
        _settings.bridge,
    )


_start_call = StartCall(_calls, _way(), _settings.terms, now)

startup_done()


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@metrics.log_metrics
def handler(event: Mapping[str, Any], _context: object) -> Response:
    """Answers a proxy request of API Gateway (REST) with a `StartCallResponse` or a
    problem.
    """
    return respond(event, _settings.allowed_origins, lambda: _answer(_start(event)))


def _start(event: Mapping[str, Any]) -> StartedCall:
    caller = read_caller(read_claims(event), _settings.claim_attributes, _settings.display_name_claim)
    request = parse(read_headers(event), read_body(event), _settings.offer)
    _settings.authentication_for(request.topic).check(caller, now())
    _switch.check()
    return _start_call(caller, request)


def _answer(call: StartedCall) -> Response:
    logger.info("Call replayed" if call.replayed else "Call started", contact_id=call.contact_id)
    count("CallReplayed" if call.replayed else "CallStarted")
    if call.replayed:
        return json_response(200, call.body, {"Idempotent-Replayed": "true"})
    return json_response(201, call.body)
