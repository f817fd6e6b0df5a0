"""What API Gateway itself answers, as the problems of openapi.yaml (RFC 9457)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from aws_cdk import aws_apigateway as apigateway


@dataclass(frozen=True, kw_only=True)
class Problem:
    """An answer of the gateway's own; `retry_after_seconds` where waiting helps, `errors` by JSON pointer."""

    status: int
    slug: str
    title: str
    detail: str
    retry_after_seconds: int | None = None
    errors: Mapping[str, str] = field(default_factory=dict)

    def body(self) -> str:
        """The problem as JSON, a template of API Gateway's that fills in the request's id."""
        found = [{"pointer": pointer, "detail": detail} for pointer, detail in self.errors.items()]
        return json.dumps(
            {
                "type": f"urn:in-app-calling:problem:{self.slug}",
                "title": self.title,
                "status": self.status,
                "detail": self.detail,
                "requestId": "$context.extendedRequestId",
                **({"errors": found} if found else {}),
            }
        )

    def headers(self, allowed_origins: Sequence[str]) -> dict[str, str]:
        """Its headers, in the quotes that API Gateway has literals in."""
        headers = {"Content-Type": "'application/problem+json'", "Cache-Control": "'no-store'"}
        if self.retry_after_seconds is not None:
            headers["Retry-After"] = f"'{self.retry_after_seconds}'"
        if allowed_origins:
            # These answers cannot choose from a list, and hold nothing of a user.
            origin = allowed_origins[0] if len(allowed_origins) == 1 else "*"
            headers["Access-Control-Allow-Origin"] = f"'{origin}'"
            headers["Access-Control-Expose-Headers"] = "'Retry-After'"
        return headers


_UNAUTHORIZED = Problem(
    status=401,
    slug="unauthorized",
    title="Not signed in",
    detail="Send the identity token of a signed-in user in the Authorization header.",
)
_FORBIDDEN = Problem(status=403, slug="forbidden", title="Forbidden", detail="The request was refused.")
NOT_FOUND = Problem(
    status=404, slug="not-found", title="Not found", detail="There is no such path or method."
)
_INVALID_BODY = Problem(
    status=400,
    slug="invalid-request",
    title="Invalid request",
    detail="The body is not what openapi.yaml describes.",
)
_THROTTLED = Problem(
    status=429,
    slug="throttled",
    title="Too many requests",
    detail="The API is busy. Repeat the request after the seconds in Retry-After.",
    retry_after_seconds=1,
)
_INTERNAL_ERROR = Problem(
    status=500,
    slug="internal-error",
    title="Internal error",
    detail="The request failed on our side.",
)

# Every answer of the gateway's own, except 413, whose body API Gateway does not let an API choose.
GATEWAY_PROBLEMS: Mapping[str, tuple[apigateway.ResponseType, Problem]] = {
    "AccessDenied": (apigateway.ResponseType.ACCESS_DENIED, _FORBIDDEN),
    "ApiConfigurationError": (apigateway.ResponseType.API_CONFIGURATION_ERROR, _INTERNAL_ERROR),
    "AuthorizerConfigurationError": (
        apigateway.ResponseType.AUTHORIZER_CONFIGURATION_ERROR,
        _INTERNAL_ERROR,
    ),
    "AuthorizerFailure": (apigateway.ResponseType.AUTHORIZER_FAILURE, _INTERNAL_ERROR),
    "BadRequestBody": (apigateway.ResponseType.BAD_REQUEST_BODY, _INVALID_BODY),
    "BadRequestParameters": (
        apigateway.ResponseType.BAD_REQUEST_PARAMETERS,
        Problem(
            status=400,
            slug="invalid-request",
            title="Invalid request",
            detail="A header or parameter is not what openapi.yaml describes.",
        ),
    ),
    # A status set on a default answer holds for its whole class, so the status in the body is true.
    "Default4xx": (
        apigateway.ResponseType.DEFAULT_4_XX,
        Problem(
            status=400,
            slug="invalid-request",
            title="Invalid request",
            detail="The request could not be handled.",
        ),
    ),
    "Default5xx": (apigateway.ResponseType.DEFAULT_5_XX, _INTERNAL_ERROR),
    "ExpiredToken": (apigateway.ResponseType.EXPIRED_TOKEN, _UNAUTHORIZED),
    # What the gateway calls a failed integration is, with Lambda behind it, a function that it cannot invoke:
    # as a rule one at its concurrency.
    "IntegrationFailure": (apigateway.ResponseType.INTEGRATION_FAILURE, _THROTTLED),
    "IntegrationTimeout": (
        apigateway.ResponseType.INTEGRATION_TIMEOUT,
        Problem(
            status=504,
            slug="timeout",
            title="Timed out",
            detail="The request took too long. Repeat it with the same Idempotency-Key.",
            retry_after_seconds=5,
        ),
    ),
    "InvalidApiKey": (apigateway.ResponseType.INVALID_API_KEY, _FORBIDDEN),
    "InvalidSignature": (apigateway.ResponseType.INVALID_SIGNATURE, _UNAUTHORIZED),
    # What the gateway calls a missing token is an unknown path or method.
    "MissingAuthenticationToken": (apigateway.ResponseType.MISSING_AUTHENTICATION_TOKEN, NOT_FOUND),
    "QuotaExceeded": (apigateway.ResponseType.QUOTA_EXCEEDED, _THROTTLED),
    "ResourceNotFound": (apigateway.ResponseType.RESOURCE_NOT_FOUND, NOT_FOUND),
    "Throttled": (apigateway.ResponseType.THROTTLED, _THROTTLED),
    "Unauthorized": (apigateway.ResponseType.UNAUTHORIZED, _UNAUTHORIZED),
    "UnsupportedMediaType": (
        apigateway.ResponseType.UNSUPPORTED_MEDIA_TYPE,
        Problem(
            status=415,
            slug="unsupported-media-type",
            title="Unsupported media type",
            detail="Send the body as application/json.",
        ),
    ),
    "WafFiltered": (apigateway.ResponseType.WAF_FILTERED, _FORBIDDEN),
}

# Where a function verifies tokens, a bad one is to the gateway a request that is denied.
_TOKEN_REFUSED = replace(
    _UNAUTHORIZED, detail="Send a valid token of a signed-in user in the Authorization header."
)
PROBLEMS_OF_LAMBDA_AUTHORIZER: Mapping[str, tuple[apigateway.ResponseType, Problem]] = {
    **{
        name: (response_type, _TOKEN_REFUSED if problem is _UNAUTHORIZED else problem)
        for name, (response_type, problem) in GATEWAY_PROBLEMS.items()
    },
    "AccessDenied": (apigateway.ResponseType.ACCESS_DENIED, _TOKEN_REFUSED),
    "AuthorizerFailure": (
        apigateway.ResponseType.AUTHORIZER_FAILURE,
        Problem(
            status=503,
            slug="unavailable",
            title="Unavailable",
            detail="Tokens cannot be verified just now. Repeat the request after the seconds in Retry-After.",
            retry_after_seconds=10,
        ),
    ),
}


def gateway_problems(
    *, verified_by_function: bool, members: Mapping[str, Sequence[str]]
) -> dict[str, tuple[apigateway.ResponseType, Problem]]:
    """All of them for an API, whose tokens a function verifies or not; `members` are those of the body that
    each method takes ("POST /start-call").

    What is wrong with a body, API Gateway says in words for people (`$context.error.validationErrorString`):
    without the place in the body, with what was sent, in quotes that are not documented to be escaped. So
    the pointer here is that of the whole body, and the members are what a misspelt one can be held against.
    """
    problems = PROBLEMS_OF_LAMBDA_AUTHORIZER if verified_by_function else GATEWAY_PROBLEMS
    response_type, problem = problems["BadRequestBody"]
    known = "; ".join(f"{method}: {', '.join(names) or 'none'}" for method, names in members.items())
    detail = f"A JSON object with these members, spelled so, each as openapi.yaml describes it. {known}."
    return {**problems, "BadRequestBody": (response_type, replace(problem, errors={"": detail}))}


def problem_integration(problem: Problem, allowed_origins: Sequence[str]) -> apigateway.MockIntegration:
    """Answers `problem` whatever the request is; no function runs."""
    return apigateway.MockIntegration(
        # A body that no template reads would be taken for the template's own output, hence 415 for those.
        passthrough_behavior=apigateway.PassthroughBehavior.NEVER,
        request_templates={"application/json": json.dumps({"statusCode": problem.status})},
        integration_responses=[
            apigateway.IntegrationResponse(
                status_code=str(problem.status),
                response_templates={"application/json": problem.body()},
                response_parameters={
                    f"method.response.header.{name}": value
                    for name, value in problem.headers(allowed_origins).items()
                },
            )
        ],
    )


def problem_response(problem: Problem, allowed_origins: Sequence[str]) -> apigateway.MethodResponse:
    """What the method declares of `problem_integration`."""
    return apigateway.MethodResponse(
        status_code=str(problem.status),
        response_parameters={
            f"method.response.header.{name}": True for name in problem.headers(allowed_origins)
        },
    )
