"""Answers over HTTP."""

from collections.abc import Mapping
from typing import Any

Response = dict[str, Any]
"""A Lambda proxy answer for API Gateway: `statusCode`, `headers`, `body`."""


def json_response(status: int, body: str, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer that no cache may keep: each holds one user's credentials or state."""
    return {
        "statusCode": status,
        "headers": {"Content-Type": "application/json", "Cache-Control": "no-store", **(headers or {})},
        "body": body,
    }


def empty_response() -> Response:
    """204: done, and nothing to say."""
    return {"statusCode": 204, "headers": {"Cache-Control": "no-store"}, "body": ""}
