"""Answers to what apps read again and again: one that is the same as before is not sent again."""

import hashlib
import re
from datetime import UTC, datetime

from api.request import Request
from api.responses import Response, json_response

# An entity tag in If-None-Match, weak or not, or the asterisk (RFC 9110, sections 8.8.3 and 13.1.2).
_TAG = re.compile(r'(?:W/)?("[^"]*")|\*')


def tagged_response(request: Request, body: str, *, cache_control: str = "no-store") -> Response:
    """200 with `body` and its entity tag, or 304 where the app has that already."""
    tag = f'"{hashlib.sha256(body.encode()).hexdigest()[:32]}"'
    headers = {"Cache-Control": cache_control, "ETag": tag}
    known = {
        found.group(1) for value in request.headers.get("if-none-match", ()) for found in _TAG.finditer(value)
    }
    # The asterisk, which stands for whatever there is, has no group.
    if known & {tag, None}:
        return {"statusCode": 304, "headers": headers, "body": ""}
    return json_response(200, body, headers)


def rfc_3339(milliseconds: int) -> str:
    """A time since the epoch as the contract spells it, in UTC with milliseconds."""
    text = datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
