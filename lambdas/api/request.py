"""Requests as API Gateway sends them (REST, proxy integration), and how each gets its answer."""

import base64
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from api.problems import Response, problem_response
from api.strict_json import read_object
from calls.errors import (
    InvalidRequest,
    NotSignedIn,
    TooLarge,
    UnsupportedMediaType,
    Violation,
)
from runtime.errors import ServiceError
from runtime.telemetry import count, log_unforeseen, logger

_IDEMPOTENCY_KEY = re.compile(r"[A-Za-z0-9_-]{1,128}", re.ASCII)

LARGEST_BODY = 262_144
"""Characters. 32,768 bytes of attributes can take six times that when each is escaped as \\uXXXX."""


def respond(
    event: Mapping[str, Any], allowed_origins: frozenset[str], answer: Callable[[], Response]
) -> Response:
    """What `answer` returns, or the problem for what it raises, for a browser of an allowed origin too."""
    request_id = event["requestContext"].get("extendedRequestId", "")
    try:
        response = answer()
    except ServiceError as error:
        response = problem_response(error, request_id)
        count("RequestRefused")
        logger.info("Request refused", error_type=type(error).__name__, status=response["statusCode"])
    except Exception as error:  # noqa: BLE001
        # Left to the runtime, the error's text would be logged and the caller would get a bare 502.
        log_unforeseen(error)
        count("UnforeseenError")
        response = problem_response(None, request_id)
    origin = read_headers(event).get("origin", ("",))[0]
    if origin in allowed_origins:
        response["headers"] |= {
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Expose-Headers": "Idempotent-Replayed, Retry-After",
            "Vary": "Origin",
        }
    return response


def read_claims(event: Mapping[str, Any]) -> Mapping[str, str]:
    """The claims of the caller's token, verified by the API's authorizer; every value is a string.

    Cognito's authorizer hands on an object. Our own can hand on no more than a JSON text, and until when it
    holds: API Gateway may have kept its answer past the end of the token.

    Raises `NotSignedIn` without a subject, and for a token that has expired.
    """
    authorizer: Mapping[str, Any] = event["requestContext"].get("authorizer") or {}
    claims: Mapping[str, str] = authorizer.get("claims", {})
    if isinstance(claims, str):
        claims = json.loads(claims)
        if int(authorizer["expiresAt"]) <= time.time():
            raise NotSignedIn("The token has expired. Sign in again.")
    if not claims.get("sub"):
        raise NotSignedIn("The request carries no verified identity.")
    return claims


def read_headers(event: Mapping[str, Any]) -> dict[str, Sequence[str]]:
    """Lower-case names to all values; HTTP names are case-insensitive, API Gateway passes them on as sent."""
    headers: dict[str, list[str]] = {}
    for name, values in (event.get("multiValueHeaders") or {}).items():
        headers.setdefault(name.lower(), []).extend(values)
    return dict(headers)


def read_body(event: Mapping[str, Any]) -> str | None:
    """The body as text. Raises `InvalidRequest` when it is none."""
    body: str | None = event.get("body")
    if body is None or not event.get("isBase64Encoded"):
        return body
    try:
        return base64.b64decode(body, validate=True).decode()
    except ValueError:
        raise InvalidRequest(Violation("", "The body is not UTF-8.")) from None


def read_members(headers: Mapping[str, Sequence[str]], body: str | None) -> dict[str, Any]:
    """The members of a body that is a JSON object; no body has none.

    Raises `InvalidRequest`, `TooLarge` or `UnsupportedMediaType`.
    """
    if not body:
        return {}
    if len(body) > LARGEST_BODY:
        raise TooLarge(f"The body has over {LARGEST_BODY:,} characters.")
    media_type = (headers.get("content-type") or ("application/json",))[0].partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise UnsupportedMediaType("Send the body as application/json.")
    try:
        return read_object(body)
    except ValueError:
        raise InvalidRequest(
            Violation("", "The body must be a JSON object that names no member twice.")
        ) from None


def read_idempotency_key(headers: Mapping[str, Sequence[str]], found: list[Violation]) -> str | None:
    """The Idempotency-Key, None where none is sent; what is wrong with it is added to `found`."""
    values = headers.get("idempotency-key", ())
    if not values:
        return None
    if len(set(values)) > 1 or not _IDEMPOTENCY_KEY.fullmatch(values[0]):
        found.append(
            Violation("header Idempotency-Key", "Send one value of 1 to 128 characters of A-Z a-z 0-9 _ -.")
        )
        return None
    return values[0]


def unknown_members(members: Mapping[str, Any], known: frozenset[str]) -> list[Violation]:
    """A violation for each member that the contract does not have."""
    names = ", ".join(sorted(known)) or "none"
    return [
        Violation(pointer(name), f"Unknown member. Known are {names}.")
        for name in members
        if name not in known
    ]


def pointer(*path: str) -> str:
    """A JSON pointer (RFC 6901); an over-long name, which is never a known one, is cut."""
    return "".join("/" + step[:64].replace("~", "~0").replace("/", "~1") for step in path)
