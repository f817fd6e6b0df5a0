"""The Lambda function behind `POST /start-call`: HTTP in, HTTP out."""

import base64
import os
from collections.abc import Mapping, Sequence
from typing import Any

from calls import aws
from calls.errors import CallError, InvalidRequest, Violation
from calls.observability import count, log_unforeseen, logger, metrics, tracer
from calls.problem import Response, json_response, problem_response
from calls.record import now
from calls.table import CallTable
from start_call.caller import read_caller
from start_call.connect import ConnectInstance
from start_call.domain import StartCall, StartedCall
from start_call.request import parse
from start_call.settings import Settings

_settings = Settings.read(os.environ)
_start_call = StartCall(
    CallTable(
        aws.client("dynamodb"),
        _settings.table,
        retention_seconds=max(_settings.terms.rate.seconds, _settings.terms.longest_call_seconds),
    ),
    ConnectInstance(aws.client("connect"), _settings.offer.instance_arn),
    _settings.terms,
    now,
)


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@metrics.log_metrics
def handler(event: Mapping[str, Any], _context: object) -> Response:
    """Answers a proxy request of API Gateway (REST, Cognito authorizer) with a `StartCallResponse` or a
    problem.
    """
    headers = _headers(event)
    request_context = event["requestContext"]
    request_id = request_context.get("extendedRequestId", "")
    try:
        response = _answer(_start(event, headers))
    except CallError as error:
        response = problem_response(error, request_id)
        count("CallRefused")
        logger.info("Call refused", error_type=type(error).__name__, status=response["statusCode"])
    except Exception as error:  # noqa: BLE001
        # Left to the runtime, the error's text would be logged and the caller would get a bare 502.
        log_unforeseen(error)
        count("UnforeseenError")
        response = problem_response(None, request_id)
    origin = headers.get("origin", ("",))[0]
    if origin in _settings.allowed_origins:
        response["headers"] |= {"Access-Control-Allow-Origin": origin, "Vary": "Origin"}
    return response


def _start(event: Mapping[str, Any], headers: Mapping[str, Sequence[str]]) -> StartedCall:
    claims = event["requestContext"].get("authorizer", {}).get("claims", {})
    caller = read_caller(claims, _settings.claim_attributes, _settings.display_name_claim)
    return _start_call(caller, parse(headers, _body(event), _settings.offer))


def _answer(call: StartedCall) -> Response:
    logger.info("Call replayed" if call.replayed else "Call started", contact_id=call.contact_id)
    count("CallReplayed" if call.replayed else "CallStarted")
    if call.replayed:
        return json_response(200, call.body, {"Idempotent-Replayed": "true"})
    return json_response(201, call.body)


def _headers(event: Mapping[str, Any]) -> dict[str, Sequence[str]]:
    """Lower-case names to all values; HTTP names are case-insensitive, API Gateway passes them on as sent."""
    headers: dict[str, list[str]] = {}
    for name, values in (event.get("multiValueHeaders") or {}).items():
        headers.setdefault(name.lower(), []).extend(values)
    return dict(headers)


def _body(event: Mapping[str, Any]) -> str | None:
    body: str | None = event.get("body")
    if body is None or not event.get("isBase64Encoded"):
        return body
    try:
        return base64.b64decode(body, validate=True).decode()
    except ValueError:
        raise InvalidRequest(Violation("", "The body is not UTF-8.")) from None
