"""A token as it comes: a JSON Web Token (RFC 7519) with one signature (RFC 7515), in the compact form.

Nothing here needs a key. What a stranger may send at no cost is refused at the least cost.
"""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from api.strict_json import read_object
from authorizer.refusal import Reason, TokenRefused

MAX_TOKEN_LENGTH = 8_192
"""Characters. What web servers and proxies commonly take as one header; API Gateway takes 10,240 bytes of
them all. Tokens have some 700 to 3,000.
"""

_COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)", re.ASCII)
# It is only ever compared. The longest in use are thumbprint URIs (RFC 9278) and ARNs, of under 150.
_KEY_ID = re.compile(r"[ -~]{1,256}", re.ASCII)

# What changes how the rest is to be read, which a reader must not ignore (RFC 7515, section 4.1.11; RFC 7797;
# RFC 7516, section 4.1).
_NOT_UNDERSTOOD = frozenset({"b64", "crit", "enc", "zip"})
# A key comes from the issuer alone. Thumbprints (x5t, which Entra ID sends) hold none and are ignored.
_BRING_A_KEY = frozenset({"jku", "jwk", "x5c", "x5u"})

_ACCESS_TOKEN_TYPES = frozenset({"at+jwt", "application/at+jwt"})  # RFC 9068, section 2.1
_TYPES = _ACCESS_TOKEN_TYPES | {"jwt"}


@dataclass(frozen=True, kw_only=True)
class UnverifiedToken:
    """What a token says of itself; none of it is true yet."""

    text: str
    algorithm: str
    key_id: str | None
    is_typed_access_token: bool
    """Whether its header says that it is an access token."""
    claims: Mapping[str, Any]


def read_token(text: str, algorithms: frozenset[str]) -> UnverifiedToken:
    """Reads a token whose algorithm is one of `algorithms`. Raises `TokenRefused`."""
    if len(text) > MAX_TOKEN_LENGTH:
        raise TokenRefused(Reason.TOO_LONG)
    segments = _COMPACT.fullmatch(text)
    if segments is None:
        raise TokenRefused(Reason.NOT_A_JWS)
    header_text, payload_text, _ = (_decode(segment) for segment in segments.groups())
    try:
        header, claims = read_object(header_text), read_object(payload_text)
    except ValueError:
        raise TokenRefused(Reason.NOT_JSON) from None
    token_type = _read_type(header)
    return UnverifiedToken(
        text=text,
        algorithm=_read_algorithm(header, algorithms),
        key_id=_read_key_id(header),
        is_typed_access_token=token_type in _ACCESS_TOKEN_TYPES,
        claims=claims,
    )


def _decode(segment: str) -> bytes:
    """Decodes base64url in its one canonical form, so that a token has one text only."""
    try:
        decoded = base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    except ValueError:
        raise TokenRefused(Reason.NOT_A_JWS) from None
    if base64.urlsafe_b64encode(decoded).rstrip(b"=") != segment.encode():
        raise TokenRefused(Reason.NOT_A_JWS)
    return decoded


def _read_type(header: Mapping[str, Any]) -> str | None:
    if not _NOT_UNDERSTOOD.isdisjoint(header):
        raise TokenRefused(Reason.HEADER_NOT_UNDERSTOOD)
    if not _BRING_A_KEY.isdisjoint(header):
        raise TokenRefused(Reason.BRINGS_A_KEY)
    if "typ" not in header:
        return None
    token_type = header["typ"]
    if not isinstance(token_type, str) or token_type.lower() not in _TYPES:
        raise TokenRefused(Reason.WRONG_TYPE)
    return token_type.lower()


def _read_algorithm(header: Mapping[str, Any], algorithms: frozenset[str]) -> str:
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in algorithms:
        raise TokenRefused(Reason.ALGORITHM_NOT_ALLOWED)
    return algorithm


def _read_key_id(header: Mapping[str, Any]) -> str | None:
    if "kid" not in header:
        return None
    key_id = header["kid"]
    if not isinstance(key_id, str) or not _KEY_ID.fullmatch(key_id):
        raise TokenRefused(Reason.MALFORMED_KEY_ID)
    return key_id
