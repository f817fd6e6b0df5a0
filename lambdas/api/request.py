"""A request as API Gateway sends it (REST, proxy integration), parsed once."""

import base64
import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from api.strict_json import read_object
from calls.errors import InvalidRequest, NotSignedIn, TooLarge, UnsupportedMediaType, Violation

_IDEMPOTENCY_KEY = re.compile(r"[A-Za-z0-9_-]{1,128}", re.ASCII)

MAX_BODY = 262_144
"""Characters. 32,768 bytes of attributes can take six times that when each is escaped as \\uXXXX."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request. What its caller may have got wrong is read, and refused, when a handler needs it."""

    method: str = ""
    resource: str = ""
    """The path as openapi.yaml has it, with the names of its parameters."""
    path: Mapping[str, str] = field(default_factory=dict)
    """The parameters in the path."""
    query: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """The parameters behind the path, each with all values."""
    headers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Lower-case names to all values."""
    body: str | None = None
    is_base64: bool = False
    authorizer: Mapping[str, Any] = field(default_factory=dict)
    """The answer of the API's authorizer."""
    request_id: str = ""
    """API Gateway's extended request id: a client cannot choose it."""

    @classmethod
    def read(cls, event: Mapping[str, Any]) -> "Request":
        """Reads a proxy event. Never refuses anything that a caller can send."""
        headers: dict[str, list[str]] = {}
        # HTTP names are case-insensitive; API Gateway passes them on as sent.
        for name, values in (event.get("multiValueHeaders") or {}).items():
            headers.setdefault(name.lower(), []).extend(values)
        context = event["requestContext"]
        return cls(
            method=event["httpMethod"],
            resource=event["resource"],
            path=event.get("pathParameters") or {},
            query=event.get("multiValueQueryStringParameters") or {},
            headers=headers,
            body=event.get("body"),
            is_base64=bool(event.get("isBase64Encoded")),
            authorizer=context.get("authorizer") or {},
            request_id=context.get("extendedRequestId", ""),
        )

    @property
    def origin(self) -> str:
        """The web origin that a browser sends, "" where there is none."""
        return self.headers.get("origin", ("",))[0]

    @cached_property
    def claims(self) -> Mapping[str, str]:
        """The claims of the caller's token, verified by the API's authorizer; every value is a string.

        Cognito's authorizer hands on an object. Our own can hand on no more than a JSON text, and until when
        it holds: API Gateway may have kept its answer past the end of the token.

        Raises `NotSignedIn` without a subject, and for a token that has expired.
        """
        claims: Mapping[str, str] = self.authorizer.get("claims", {})
        if isinstance(claims, str):
            claims = json.loads(claims)
            if int(self.authorizer["expiresAt"]) <= time.time():
                raise NotSignedIn("The token has expired. Sign in again.")
        if not claims.get("sub"):
            raise NotSignedIn("The request carries no verified identity.")
        return claims

    @property
    def user_id(self) -> str:
        """The verified subject. Raises `NotSignedIn`."""
        return self.claims["sub"]

    @cached_property
    def members(self) -> dict[str, Any]:
        """The members of a body that is a JSON object; no body has none.

        Raises `InvalidRequest`, `TooLarge` or `UnsupportedMediaType`.
        """
        body = self._text()
        if not body:
            return {}
        if len(body) > MAX_BODY:
            raise TooLarge(f"The body has over {MAX_BODY:,} characters.")
        content_type = (self.headers.get("content-type") or ("application/json",))[0]
        if content_type.partition(";")[0].strip().lower() != "application/json":
            raise UnsupportedMediaType("Send the body as application/json.")
        try:
            return read_object(body)
        except ValueError:
            raise InvalidRequest(
                Violation("", "The body must be a JSON object that names no member twice.")
            ) from None

    def idempotency_key(self, found: list[Violation]) -> str | None:
        """The Idempotency-Key, None where none is sent; what is wrong with it is added to `found`."""
        values = self.headers.get("idempotency-key", ())
        if not values:
            return None
        if len(set(values)) > 1 or not _IDEMPOTENCY_KEY.fullmatch(values[0]):
            found.append(
                Violation(
                    "header Idempotency-Key", "Send one value of 1 to 128 characters of A-Z a-z 0-9 _ -."
                )
            )
            return None
        return values[0]

    def unknown_members(self, known: frozenset[str]) -> list[Violation]:
        """A violation for each member that the contract does not have. Raises as `members` does."""
        names = ", ".join(sorted(known)) or "none"
        return [
            Violation(pointer(name), f"Unknown member. Known are {names}.")
            for name in self.members
            if name not in known
        ]

    def _text(self) -> str | None:
        if self.body is None or not self.is_base64:
            return self.body
        try:
            return base64.b64decode(self.body, validate=True).decode()
        except ValueError:
            raise InvalidRequest(Violation("", "The body is not UTF-8.")) from None


def pointer(*path: str) -> str:
    """A JSON pointer (RFC 6901); an over-long name, which is never a known one, is cut."""
    return "".join("/" + step[:64].replace("~", "~0").replace("/", "~1") for step in path)
