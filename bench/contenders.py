"""Who is measured: this project's functions as they are deployed, and what a team would write instead."""

from __future__ import annotations

import base64
import io
import json
import time
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from bench.aws_server import CONTACT_ID, REFERENCE, USER_ID
from bench.installed import RIVALS, installed
from infra.bundling import FUNCTIONS, bundle, bundle_dependencies

_INSTANCE_ARN = "arn:aws:connect:eu-west-2:111122223333:instance/0f000000-0000-4000-8000-000000000001"

# What Lambda and the stack set.
ENVIRONMENT: Mapping[str, str] = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "example",
    "AWS_SESSION_TOKEN": "t" * 800,
    "AWS_REGION": "eu-west-2",
    "AWS_DEFAULT_REGION": "eu-west-2",
    "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
    "AWS_LAMBDA_FUNCTION_NAME": "function",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
    "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
    "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
    "LAMBDA_TASK_ROOT": "/var/task",
    "LANG": "C.UTF-8",
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "TZ": ":UTC",
    "POWERTOOLS_SERVICE_NAME": "service",
    "POWERTOOLS_METRICS_NAMESPACE": "InAppCalling",
    "CONNECT_INSTANCE_ARN": _INSTANCE_ARN,
    "CONTACT_FLOW_ARN": f"{_INSTANCE_ARN}/contact-flow/0f000000-0000-4000-8000-000000000002",
    "TOPIC_CONTACT_FLOW_ARNS": "{}",
    "CALLS_TABLE": "calls",
    "CALLER_ATTRIBUTES": '["order_id"]',
    "CLAIM_ATTRIBUTES": '{"email": "customer_email"}',
    "DISPLAY_NAME_CLAIM": "name",
    "CAPABILITIES": '["Video"]',
    "REPLAY_SECONDS": "120",
    "REFERENCE_SECONDS": "300",
    "START_LEASE_SECONDS": "30",
    "LONGEST_CALL_SECONDS": "14400",
    "STARTS_PER_WINDOW": "10",
    "WINDOW_SECONDS": "60",
    "STARTS_PER_DAY": "20",
    "CALLING_PARAMETER": "/in-app-calling/bench/Calling",
    "AUTHENTICATION": "{}",
    "ALLOWED_ORIGINS": "[]",
}


@dataclass(frozen=True, kw_only=True)
class Contender:
    """A handler, and a request of its everyday work."""

    name: str
    handler: str
    paths: tuple[Path, ...]
    """The directories that it imports from; all that it ships."""
    event: Mapping[str, Any]
    expected: Mapping[str, Any]
    """Part of the right answer."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Beside `ENVIRONMENT`."""
    has_extension_modules: bool = False
    """Whether it ships any, which are for Lambda's processor."""


def contenders(checkout: Path) -> tuple[list[Contender], list[Contender]]:
    """Ours, and the rivals; builds and installs what is not there yet."""
    layer = bundle_dependencies(checkout) / "python"
    ours = [
        Contender(
            name=name,
            handler=f"{name}.handler.handler",
            paths=(bundle(checkout, name), layer),
            event=_EVENTS[name],
            expected=_EXPECTED[name],
        )
        # Those of the SIP bridge are not on the way of a call that Amazon Connect starts itself.
        for name in _EVENTS
    ]
    ours.append(_authorizer(checkout, layer))
    directory = installed(checkout)
    rivals = [
        Contender(
            name=name,
            handler=f"{name}.handler",
            paths=(directory / name,),
            event=_EVENTS["start_call"],
            expected=_EXPECTED["start_call"],
        )
        for name in RIVALS
    ]
    return ours, rivals


def own_assets(checkout: Path) -> tuple[int, int]:
    """Zipped bytes of the layer and all functions' assets together, but for the authorizer's, and of that."""
    others = [bundle(checkout, name) for name in FUNCTIONS if name != "authorizer"]
    return (
        sum(zipped_bytes(directory) for directory in (bundle_dependencies(checkout), *others)),
        zipped_bytes(bundle(checkout, "authorizer")),
    )


def _authorizer(checkout: Path, layer: Path) -> Contender:
    """It verifies a signature, and asks nobody: its keys are part of its environment."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    numbers = key.public_key().public_numbers()
    jwk = {"kty": "RSA", "kid": "1", "n": _base64url(numbers.n.to_bytes(256)), "e": "AQAB"}
    now = int(time.time())
    issuer, audience = "https://login.example/", "https://calls.example"
    claims = {
        "iss": issuer,
        "aud": audience,
        "sub": USER_ID,
        "iat": now,
        "exp": now + 3600,
        "scope": "calls",
        "email": "ada@example.com",
        "email_verified": True,
        "name": "Ada",
    }
    parts = [{"alg": "RS256", "kid": "1", "typ": "at+jwt"}, claims]
    signed = ".".join(_base64url(json.dumps(part).encode()) for part in parts)
    signature = key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    return Contender(
        name="authorizer",
        handler="authorizer.handler.handler",
        paths=(bundle(checkout, "authorizer"), layer),
        event={
            "type": "TOKEN",
            "authorizationToken": f"Bearer {signed}.{_base64url(signature)}",
            "methodArn": "arn:aws:execute-api:eu-west-2:111122223333:api/v1/POST/start-call",
        },
        expected={"principalId": "user", "policyDocument": _LET_IN},
        environment={
            "ISSUER": issuer,
            "AUDIENCES": json.dumps([audience]),
            "TOKEN_USE": "access",
            "ALGORITHMS": '["RS256"]',
            "LEEWAY_SECONDS": "30",
            "REQUIRED_SCOPES": '["calls"]',
            "REQUIRED_CLAIMS": "{}",
            "CLAIMS": '["email", "email_verified", "name"]',
            "JWKS": json.dumps({"keys": [jwk]}),
        },
        has_extension_modules=True,
    )


_LET_IN = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Action": "execute-api:Invoke",
            "Effect": "Allow",
            "Resource": "arn:aws:execute-api:eu-west-2:111122223333:api/v1/*",
        }
    ],
}


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def zipped_bytes(*directories: Path) -> int:
    """The size of one archive of all of these."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as written:
        for directory in directories:
            for path in sorted(directory.rglob("*")):
                if path.is_file():
                    written.write(path, path.relative_to(directory))
    return len(archive.getvalue())


def _api_event(method: str, resource: str, body: str | None = None) -> dict[str, Any]:
    """A proxy request of a REST API with a Cognito authorizer."""
    headers = {
        "Authorization": f"Bearer {'t' * 900}",
        "Content-Type": "application/json",
        "Host": "api.example",
        "Idempotency-Key": "tap-1",
        "User-Agent": "App/1 CFNetwork/1 Darwin/1",
    }
    return {
        "resource": resource,
        "path": resource.replace("{ContactId}", CONTACT_ID),
        "httpMethod": method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": {"ContactId": CONTACT_ID},
        "stageVariables": None,
        "requestContext": {
            "requestId": "0f000000-0000-4000-8000-000000000020",
            "extendedRequestId": "extended-request-id=",
            "stage": "v1",
            "authorizer": {
                "claims": {
                    "sub": USER_ID,
                    "auth_time": "1790000000",
                    "email": "ada@example.com",
                    "email_verified": "true",
                    "name": "Ada",
                    "token_use": "id",
                }
            },
            "identity": {"sourceIp": "192.0.2.1"},
        },
        "body": body,
        "isBase64Encoded": False,
    }


_EVENTS: Mapping[str, Mapping[str, Any]] = {
    "start_call": _api_event(
        "POST",
        "/start-call",
        json.dumps(
            {"DisplayName": "Ada", "Attributes": {"order_id": "A-1"}, "Capabilities": {"Video": True}}
        ),
    ),
    # Hanging up: the table, Connect, and the table again.
    "call_control": _api_event("DELETE", "/calls/{ContactId}"),
    "contact_events": {
        "Records": [
            {
                "messageId": "message-1",
                "body": json.dumps(
                    {
                        "time": "2026-09-21T14:13:21Z",
                        "detail": {
                            "eventType": "QUEUED",
                            "contactId": CONTACT_ID,
                            "initiationMethod": "WEBRTC_API",
                            "queueInfo": {"enqueueTimestamp": "2026-09-21T14:13:21.000Z"},
                        },
                    }
                ),
                "attributes": {"ApproximateReceiveCount": "1"},
            }
        ]
    },
    "caller_context": {
        "Name": "ContactFlowEvent",
        "Details": {
            "Parameters": {},
            "ContactData": {
                "Attributes": {"customer_id": USER_ID, "auth_status": "verified", "auth_token": REFERENCE},
                "ContactId": CONTACT_ID,
                "InitialContactId": CONTACT_ID,
                "InitiationMethod": "WEBRTC_API",
                "InstanceARN": _INSTANCE_ARN,
            },
        },
    },
}
_EXPECTED: Mapping[str, Mapping[str, Any]] = {
    "start_call": {"statusCode": 201},
    "call_control": {"statusCode": 204},
    "contact_events": {"batchItemFailures": []},
    "caller_context": {"auth_status": "verified"},
}
