"""AWS Signature Version 4: whether whoever sent a request holds the secret of the access key that it names.

botocore's own signer says what the signature has to be: https://docs.aws.amazon.com/IAM/latest/UserGuide/
reference_sigv-create-signed-request.html. Not taken, since no SDK of today needs them: Version 2, asymmetric
signatures (4A), a `Date` header in place of `X-Amz-Date`, forms of S3 that carry a policy.
"""

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from botocore.auth import UNSIGNED_PAYLOAD, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials

ALGORITHM = "AWS4-HMAC-SHA256"
MAX_SKEW = timedelta(minutes=15)
MAX_EXPIRES = timedelta(days=7)

_TIMESTAMP = "%Y%m%dT%H%M%SZ"
_CREDENTIAL = (
    r"(?P<key>[A-Za-z0-9_-]+)/(?P<date>\d{8})/(?P<region>[a-z0-9-]+)/(?P<service>[a-z0-9-]+)/aws4_request"
)
_HEADER = re.compile(
    rf"{ALGORITHM} +Credential={_CREDENTIAL}, *SignedHeaders=(?P<headers>[a-z0-9;._-]+), *"
    r"Signature=(?P<signature>[0-9a-f]{64})",
    re.ASCII,
)
_PRESIGNED = ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders",
              "X-Amz-Signature")  # fmt: skip
_TOKEN = "X-Amz-Security-Token"  # noqa: S105 the name of a parameter
# Whatever MiniStack might take an access key from, in any spelling.
_CLAIMING = frozenset({*(name.lower() for name in _PRESIGNED), "awsaccesskeyid", "signature"})
_SHA256 = re.compile(r"[0-9a-f]{64}")


class SignatureError(Exception):
    """A request does not prove whose it is: AWS's code of the error, and why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Request:
    """A request as it arrived: path and query still encoded, header names in lower case."""

    method: str
    path: str
    query: str
    headers: Sequence[tuple[str, str]]

    def values(self, name: str) -> list[str]:
        """Of each line of a header."""
        return [value for found, value in self.headers if found == name]

    @property
    def parameters(self) -> list[tuple[str, str]]:
        """Of the query, decoded."""
        return parse_qsl(self.query, keep_blank_values=True)


@dataclass(frozen=True)
class Claim:
    """Whose request it says to be, and the signature that is to show it."""

    access_key_id: str
    session_token: str | None
    region: str
    service: str
    timestamp: str
    signed_headers: tuple[str, ...]
    signature: str
    is_presigned: bool


def read_claim(request: Request, *, now: datetime | None = None) -> Claim | None:
    """What a request says of its sender, None where it says nothing; SignatureError for what cannot hold."""
    authorizations = request.values("authorization")
    in_header = any(value.lstrip().upper().startswith("AWS") for value in authorizations)
    in_query = any(name.lower() in _CLAIMING for name, _ in request.parameters)
    if not in_header and not in_query:
        return None
    if in_header and (in_query or len(authorizations) > 1):
        raise SignatureError("IncompleteSignature", "a request names its sender once")
    claim, expires = _presigned(request) if in_query else _in_header(request)
    if "host" not in claim.signed_headers:
        raise SignatureError("IncompleteSignature", "the header host is not signed")
    _check_time(claim, expires, now or datetime.now(UTC))
    return claim


def _in_header(request: Request) -> tuple[Claim, timedelta]:
    [authorization] = request.values("authorization")
    found = _HEADER.fullmatch(authorization)
    dates, tokens = request.values("x-amz-date"), request.values(_TOKEN.lower())
    if found is None or len(dates) != 1 or len(tokens) > 1:
        message = f"not {ALGORITHM} with Credential, SignedHeaders, Signature and one X-Amz-Date"
        raise SignatureError("IncompleteSignature", message)
    return _claim(found, dates[0], next(iter(tokens), None), found["headers"], found["signature"]), MAX_SKEW


def _presigned(request: Request) -> tuple[Claim, timedelta]:
    given = dict(request.parameters)
    names = [name for name, _ in request.parameters if name.lower() in {*_CLAIMING, _TOKEN.lower()}]
    credential = re.fullmatch(_CREDENTIAL, given.get("X-Amz-Credential", ""), re.ASCII)
    expires = given.get("X-Amz-Expires", "")
    if (
        sorted(names) != sorted({*_PRESIGNED, *(name for name in names if name == _TOKEN)})
        or given["X-Amz-Algorithm"] != ALGORITHM
        or credential is None
        or not re.fullmatch(r"\d{1,6}", expires, re.ASCII)
    ):
        raise SignatureError(
            "IncompleteSignature", f"not {ALGORITHM} with {', '.join(_PRESIGNED)}, each once"
        )
    claim = _claim(
        credential, given["X-Amz-Date"], given.get(_TOKEN), given["X-Amz-SignedHeaders"],
        given["X-Amz-Signature"], is_presigned=True,
    )  # fmt: skip
    return claim, min(timedelta(seconds=int(expires)), MAX_EXPIRES)


def _claim(
    credential: re.Match[str],
    timestamp: str,
    token: str | None,
    signed_headers: str,
    signature: str,
    *,
    is_presigned: bool = False,
) -> Claim:
    if credential["date"] != timestamp[:8]:
        raise SignatureError("SignatureDoesNotMatch", "the dates of Credential and X-Amz-Date differ")
    return Claim(
        access_key_id=credential["key"],
        session_token=token,
        region=credential["region"],
        service=credential["service"],
        timestamp=timestamp,
        signed_headers=tuple(signed_headers.split(";")),
        signature=signature,
        is_presigned=is_presigned,
    )


def _check_time(claim: Claim, expires: timedelta, now: datetime) -> None:
    try:
        signed = datetime.strptime(claim.timestamp, _TIMESTAMP).replace(tzinfo=UTC)
    except ValueError:
        raise SignatureError("IncompleteSignature", "X-Amz-Date is no time") from None
    if not signed - MAX_SKEW <= now <= signed + expires:
        raise SignatureError("RequestTimeTooSkewed", "it was signed too long ago, or is from the future")


def verify(claim: Claim, request: Request, body: bytes, secret: str) -> None:
    """Raise SignatureError unless the request was signed, as it arrived, with that secret."""
    for declared in request.values("x-amz-content-sha256"):
        if _SHA256.fullmatch(declared) and declared != hashlib.sha256(body).hexdigest():
            raise SignatureError("XAmzContentSHA256Mismatch", "the body is not the one that was signed")
    # Its stubs know headers and parameters as mappings alone, where a name comes once.
    new_request: Any = AWSRequest
    signed = new_request(
        method=request.method,
        url=f"http://host{request.path}",
        headers=_headers(request.headers),
        data=body,
        params=[(name, value) for name, value in request.parameters if name != "X-Amz-Signature"],
    )
    signed.context["timestamp"] = claim.timestamp
    signer = _Signer(claim, secret)
    text = signer.string_to_sign(signed, signer.canonical_request(signed))
    if not hmac.compare_digest(signer.signature(text, signed), claim.signature):
        raise SignatureError("SignatureDoesNotMatch", "it was not signed with the secret of this key")


class _Signer(SigV4Auth):
    """botocore's, for a request that somebody has signed: of the headers that they have signed."""

    def __init__(self, claim: Claim, secret: str) -> None:
        super().__init__(Credentials(claim.access_key_id, secret), claim.service, claim.region)
        self._claim = claim

    def headers_to_sign(self, request: Any) -> HTTPHeaders:
        return _headers(
            (name.lower(), value)
            for name, value in request.headers.items()
            if name.lower() in self._claim.signed_headers
        )

    def payload(self, request: Any) -> str:
        if self._claim.is_presigned and self._claim.service == "s3":
            return UNSIGNED_PAYLOAD
        return hashlib.sha256(request.data or b"").hexdigest()

    def _normalize_url_path(self, path: str) -> str:
        return path if self._claim.service == "s3" else str(super()._normalize_url_path(path))  # type: ignore[misc]


def _headers(pairs: Any) -> HTTPHeaders:
    headers = HTTPHeaders()
    for name, value in pairs:
        headers[name] = value  # a further line, where there is one of this name
    return headers
