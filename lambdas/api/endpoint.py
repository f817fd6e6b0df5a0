"""A function behind API Gateway: a request in, an answer or a problem out."""

from collections.abc import Callable, Mapping
from typing import Any

from runtime.errors import ServiceError
from runtime.telemetry import count, log_unforeseen, logger

from api.problems import problem_response
from api.request import Request
from api.responses import Response


def endpoint(
    allowed_origins: frozenset[str],
) -> Callable[[Callable[[Request], Response]], Callable[[Mapping[str, Any], object], Response]]:
    """Makes `answer`, which raises what it refuses, a Lambda function that answers proxy events.

    Browsers of `allowed_origins` may read the answers.
    """

    def decorate(answer: Callable[[Request], Response]) -> Callable[[Mapping[str, Any], object], Response]:
        def handler(event: Mapping[str, Any], _context: object) -> Response:
            request = Request.read(event)
            response = _answer_or_problem(answer, request)
            if request.origin in allowed_origins:
                response["headers"] |= {
                    "Access-Control-Allow-Origin": request.origin,
                    "Access-Control-Expose-Headers": "ETag, Idempotent-Replayed, Retry-After",
                    "Vary": "Origin",
                }
            return response

        return handler

    return decorate


def _answer_or_problem(answer: Callable[[Request], Response], request: Request) -> Response:
    try:
        return answer(request)
    except ServiceError as error:
        response = problem_response(error, request.request_id)
        count("RequestRefused")
        logger.info("Request refused", error_type=type(error).__name__, status=response["statusCode"])
    except Exception as error:  # noqa: BLE001
        # Left to the runtime, the error's text would be logged and the caller would get a bare 502.
        log_unforeseen(error)
        count("UnforeseenError")
        response = problem_response(None, request.request_id)
    return response
