"""The one place where an error becomes an HTTP status and a problem (RFC 9457)."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from runtime import errors as runtime_errors

from api.responses import Response, json_response
from calls import errors


class ProblemType(NamedTuple):
    """What every occurrence of one problem shares."""

    slug: str
    status: int
    title: str


INTERNAL_ERROR = ProblemType("internal-error", 500, "Internal error")

PROBLEMS: Mapping[type[runtime_errors.ServiceError], ProblemType] = {
    errors.InvalidRequest: ProblemType("invalid-request", 400, "The request is not valid"),
    errors.NotSignedIn: ProblemType("unauthorized", 401, "Sign in first"),
    errors.AuthenticationInsufficient: ProblemType(
        "insufficient-user-authentication", 403, "Sign in again first"
    ),
    errors.CallerBlocked: ProblemType("caller-blocked", 403, "Calling is blocked"),
    errors.CallNotFound: ProblemType("not-found", 404, "Not found"),
    errors.AgentNotConnected: ProblemType("agent-not-connected", 409, "No agent has taken the call"),
    errors.CallEnded: ProblemType("call-ended", 409, "The call has ended"),
    errors.NotConnected: ProblemType("not-connected", 409, "Not connected to the call"),
    errors.NotPossibleNow: ProblemType("not-possible-now", 409, "Not possible now"),
    errors.CallActive: ProblemType("call-active", 409, "A call is active"),
    errors.RequestInProgress: ProblemType("request-in-progress", 409, "The first request is still running"),
    errors.TooLarge: ProblemType("too-large", 413, "The body is too large"),
    errors.UnsupportedMediaType: ProblemType("unsupported-media-type", 415, "The body must be JSON"),
    errors.IdempotencyKeyReused: ProblemType(
        "idempotency-key-reused", 422, "The key belongs to another request"
    ),
    errors.RateExceeded: ProblemType("rate-exceeded", 429, "Too many calls"),
    runtime_errors.CapacityReached: ProblemType("capacity-reached", 429, "The contact center is busy"),
    runtime_errors.ConfigurationFault: INTERNAL_ERROR,
    errors.StartRefused: INTERNAL_ERROR,
    runtime_errors.AnswerIncomplete: ProblemType("answer-incomplete", 502, "An unusable answer"),
    errors.CallingStopped: ProblemType("calling-stopped", 503, "Calling is switched off"),
    runtime_errors.Unavailable: ProblemType("unavailable", 503, "Calling is unavailable"),
    runtime_errors.TimedOut: ProblemType("timeout", 504, "Calling takes too long"),
}


def problem_response(error: runtime_errors.ServiceError | None, request_id: str) -> Response:
    """The RFC 9457 answer to `error`; None stands for an error that nobody foresaw.

    `request_id` is API Gateway's extended request id: a client cannot choose it.
    """
    problem = INTERNAL_ERROR if error is None else PROBLEMS[type(error)]
    body: dict[str, Any] = {
        "type": f"urn:in-app-calling:problem:{problem.slug}",
        "title": problem.title,
        "status": problem.status,
        "detail": "The service failed. Its operator has been alarmed." if error is None else error.detail,
        "requestId": request_id,
    }
    headers = {"Content-Type": "application/problem+json"}
    match error:
        case errors.InvalidRequest():
            body["errors"] = [{"pointer": v.pointer, "detail": v.detail} for v in error.violations]
        case errors.CallActive(contact_id=str(contact_id)):
            body["ContactId"] = contact_id
        case errors.AuthenticationInsufficient():
            if error.max_age_seconds is not None:
                body["MaxAge"] = error.max_age_seconds
            if error.amr:
                body["Amr"] = error.amr
    if error is not None and error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    return json_response(problem.status, json.dumps(body), headers)
