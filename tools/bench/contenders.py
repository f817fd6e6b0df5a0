"""Who is measured: start_call as it is deployed, and what a team would write instead."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.assets.bundling import bundle, bundle_dependencies
from infra.functions.sources import AWS_OPERATIONS, SOURCES
from tools.bench.aws_server import CONTACT_FLOW_ARN, INSTANCE_ARN, USER_ID
from tools.bench.installed import RIVALS, installed

# What Lambda and the stack set, everything switched on.
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
    "CONNECT_INSTANCE_ARN": INSTANCE_ARN,
    "CONTACT_FLOW_ARN": CONTACT_FLOW_ARN,
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

_BODY = {"DisplayName": "Ada", "Attributes": {"order_id": "A-1"}, "Capabilities": {"Video": True}}
_HEADERS = {
    "Authorization": f"Bearer {'t' * 900}",
    "Content-Type": "application/json",
    "Host": "api.example",
    "Idempotency-Key": "tap-1",
    "User-Agent": "App/1 CFNetwork/1 Darwin/1",
}
# A proxy request of a REST API with a Cognito authorizer.
EVENT: Mapping[str, Any] = {
    "resource": "/start-call",
    "path": "/start-call",
    "httpMethod": "POST",
    "headers": _HEADERS,
    "multiValueHeaders": {name: [value] for name, value in _HEADERS.items()},
    "queryStringParameters": None,
    "multiValueQueryStringParameters": None,
    "pathParameters": None,
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
    "body": json.dumps(_BODY),
    "isBase64Encoded": False,
}


@dataclass(frozen=True, kw_only=True)
class Contender:
    """A handler that starts a call."""

    name: str
    handler: str
    paths: tuple[Path, ...]
    """The directories that it imports from; all that it ships."""


def contenders(checkout: Path) -> list[Contender]:
    """start_call, the guide's handler and the Powertools version; builds and installs what is missing."""
    ours = Contender(
        name="start_call",
        handler="start_call.handler.handler",
        paths=(
            bundle(checkout, SOURCES["start_call"]),
            bundle_dependencies(checkout, AWS_OPERATIONS) / "python",
        ),
    )
    rivals = installed(checkout)
    return [
        ours,
        *(Contender(name=name, handler=f"{name}.handler", paths=(rivals / name,)) for name in RIVALS),
    ]
