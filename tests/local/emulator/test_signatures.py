"""Signatures, made by the SDK's own signers and verified here."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

from local.emulator.signatures import Request, SignatureError, read_claim, verify

KEY, SECRET = "000000000000", "a-secret"
ENDPOINT = "http://127.0.0.1:4566"


def received(prepared: Any) -> tuple[Request, bytes]:
    """A request of the SDK's as it arrives."""
    url = urlsplit(prepared.url)
    headers = {**prepared.headers, "Host": url.netloc}
    lines = [
        (name.lower(), value.decode() if isinstance(value, bytes) else str(value))
        for name, value in headers.items()
    ]
    body = prepared.body or b""
    body = body.read() if hasattr(body, "read") else body
    request = Request(prepared.method, url.path or "/", url.query, lines)
    return request, body.encode() if isinstance(body, str) else body


def check(request: Request, body: bytes, secret: str = SECRET, *, now: datetime | None = None) -> None:
    claim = read_claim(request, now=now)
    assert claim is not None
    verify(claim, request, body, secret)


@pytest.fixture
def sent() -> Callable[..., tuple[Request, bytes]]:
    """What the SDK sends for an operation."""

    def send(service: str, operation: str, **parameters: Any) -> tuple[Request, bytes]:
        session: Any = boto3.Session(
            region_name="eu-west-2",
            aws_access_key_id=KEY, aws_secret_access_key=SECRET, aws_session_token="token",
        )  # fmt: skip
        client = session.client(
            service, endpoint_url=ENDPOINT, config=Config(retries={"total_max_attempts": 1})
        )
        caught: list[Any] = []

        def stop(request: Any, **_: Any) -> None:
            caught.append(request)
            raise InterruptedError

        client.meta.events.register("before-send", stop)
        with pytest.raises(InterruptedError):
            getattr(client, operation)(**parameters)
        return received(caught[0])

    return send


CALLS: list[tuple[str, str, dict[str, Any]]] = [
    ("dynamodb", "list_tables", {}),
    ("sts", "get_caller_identity", {}),
    ("lambda", "list_tags", {"Resource": "arn:aws:lambda:eu-west-2:000000000000:function:a"}),
    ("connect", "search_contacts", {"InstanceId": "i", "TimeRange": {"Type": "INITIATION_TIMESTAMP",
     "StartTime": 0, "EndTime": 1}}),
    ("chime-sdk-meetings", "list_tags_for_resource", {"ResourceARN": "arn:aws:chime:a:0:meeting/a b"}),
    ("s3", "put_object", {"Bucket": "bucket", "Key": "a b/ü+%20&=?#.txt", "Body": b"text",
     "Metadata": {"x": "y  z"}}),
    ("s3", "list_objects_v2", {"Bucket": "bucket", "Prefix": "a/ü +*~'", "Delimiter": "/", "StartAfter": ""}),
    ("apigateway", "get_resources", {"restApiId": "a", "embed": ["methods", "x y"]}),
    ("connectparticipant", "disconnect_participant", {"ConnectionToken": "t"}),
]  # fmt: skip


@pytest.mark.parametrize(("service", "operation", "parameters"), CALLS, ids=[each[1] for each in CALLS])
def test_what_the_sdk_signs_is_verified(
    service: str, operation: str, parameters: dict[str, Any], sent: Callable[..., tuple[Request, bytes]]
) -> None:
    request, body = sent(service, operation, **parameters)
    check(request, body)
    with pytest.raises(SignatureError):
        check(request, body, "another-secret")


SIGNERS = {"header": SigV4Auth, "query": SigV4QueryAuth, "s3": S3SigV4Auth, "s3-query": S3SigV4QueryAuth}


def signed(how: str, url: str = f"{ENDPOINT}/a//b/../%C3%BC?b=2&a=1&a=&x=%2B", **options: Any) -> Request:
    unsigned = AWSRequest("GET", url, headers={"X-Amz-Custom": " a  b "})
    service = "s3" if how.startswith("s3") else "sqs"
    SIGNERS[how](Credentials(KEY, SECRET), service, "eu-west-2", **options).add_auth(unsigned)
    return received(unsigned.prepare())[0]


def changed(request: Request, name: str, value: str | None) -> Request:
    """Another value of a header, or none."""
    rest = [(found, text) for found, text in request.headers if found != name]
    return Request(
        request.method, request.path, request.query, rest if value is None else [*rest, (name, value)]
    )


@pytest.mark.parametrize("how", SIGNERS)
def test_whatever_is_signed_cannot_be_changed(how: str) -> None:
    request = signed(how)
    check(request, b"")
    others = [
        Request("PUT", request.path, request.query, request.headers),
        Request(request.method, f"{request.path}x", request.query, request.headers),
        Request(request.method, request.path, f"{request.query}&c=3", request.headers),
        Request(request.method, request.path, request.query.replace("b=2", "b=3"), request.headers),
        changed(request, "host", "localhost:4566"),
        changed(request, "x-amz-custom", "b a"),
    ]
    if how != "s3-query":
        with pytest.raises(SignatureError):
            check(request, b"another body")
    for other in others:
        with pytest.raises(SignatureError):
            check(other, b"")


def test_a_body_that_is_not_the_declared_one_is_refused() -> None:
    request = signed("s3")
    with pytest.raises(SignatureError, match="body"):
        check(request, b"x")


@pytest.mark.parametrize("how", ["header", "query"])
def test_a_signature_ends_with_its_time(how: str) -> None:
    request = signed(how) if how == "header" else signed(how, expires=60)
    lasts = timedelta(minutes=15) if how == "header" else timedelta(seconds=60)
    second, now = timedelta(seconds=2), datetime.now(UTC)
    check(request, b"", now=now + lasts - second)
    for late in (now + lasts + second, now - timedelta(minutes=15) - second):
        with pytest.raises(SignatureError) as caught:
            check(request, b"", now=late)
        assert caught.value.code == "RequestTimeTooSkewed"


def test_who_signs_nothing_claims_nothing() -> None:
    for headers in ([], [("authorization", "Bearer x")], [("authorization", "eyJhbGciOi")]):
        assert read_claim(Request("GET", "/", "a=b", headers)) is None


CREDENTIAL = "000000000000/20260101/eu-west-2/sqs/aws4_request"
PLAIN = signed("header")
QUERY = signed("query").query


@pytest.mark.parametrize(
    "request_",
    [
        Request("GET", "/", QUERY, PLAIN.headers),
        changed(PLAIN, "x-amz-date", None),
        Request("GET", "/", "", [*PLAIN.headers, *PLAIN.headers]),
        changed(PLAIN, "authorization", f"AWS4-HMAC-SHA256 Credential={CREDENTIAL}"),
        changed(
            PLAIN, "authorization", dict(PLAIN.headers)["authorization"].replace("HMAC-SHA256", "HMAC-SHA1")
        ),
        changed(PLAIN, "authorization", "AWS 000000000000:c2lnbmF0dXJl"),
        changed(PLAIN, "authorization", " aws4-hmac-sha256 Credential=000000000000/x"),
        Request("GET", "/", "AWSAccessKeyId=000000000000&Signature=c2ln&Expires=9999999999", []),
        Request("GET", "/", "x-amz-credential=000000000000/x", []),
        Request("GET", "/", f"X-Amz-Credential={CREDENTIAL}", []),
        Request("GET", "/", QUERY.replace("X-Amz-Credential", "x-amz-credential"), []),
        Request("GET", "/", f"{QUERY}&X-Amz-Credential={CREDENTIAL}", []),
        Request("GET", "/", QUERY.replace("HMAC-SHA256", "ECDSA-P256-SHA256"), []),
        Request("GET", "/", QUERY.replace("SignedHeaders=host", "SignedHeaders=x-amz-custom"), []),
        Request("GET", "/", QUERY.replace("X-Amz-Expires=3600", "X-Amz-Expires=-1"), []),
        Request("GET", "/", QUERY.replace("X-Amz-Date=2", "X-Amz-Date=3"), []),
    ],
)
def test_an_odd_claim_is_an_error_and_never_nobodys(request_: Request) -> None:
    with pytest.raises(SignatureError):
        read_claim(request_)
