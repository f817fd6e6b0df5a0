"""Who is measured: our functions as they are deployed, and what a team would write instead."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tools.bench.aws_server import CONTACT_FLOW_ARN, INSTANCE_ARN, REFERENCE, USER_ID
from tools.bench.commands import synthesize
from tools.bench.installed import RIVALS, installed

# What Lambda sets.
_LAMBDA: Mapping[str, str] = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "example",
    "AWS_SESSION_TOKEN": "t" * 800,
    "AWS_REGION": "eu-west-2",
    "AWS_DEFAULT_REGION": "eu-west-2",
    "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
    "AWS_LAMBDA_FUNCTION_NAME": "function",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
    "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
    "LAMBDA_TASK_ROOT": "/var/task",
    "LANG": "C.UTF-8",
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "TZ": ":UTC",
}
# What CloudFormation resolves in the function's environment variables.
_RESOLVED: Mapping[str, str] = {
    "CALLING_PARAMETER": "/in-app-calling/bench/Calling",
    "CALLS_TABLE": "calls",
    "CONNECT_INSTANCE_ARN": INSTANCE_ARN,
    "CONTACT_FLOW_ARN": CONTACT_FLOW_ARN,
    "TOPIC_CONTACT_FLOW_ARNS": "{}",
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
_TAP: Mapping[str, Any] = {
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
# What a contact flow sends for the contact that was started.
_CONTACT: Mapping[str, Any] = {
    "Name": "ContactFlowEvent",
    "Details": {
        "ContactData": {
            "Attributes": {"order_id": "A-1", "customer_id": USER_ID, "auth_token": REFERENCE},
            "AwsRegion": "eu-west-2",
            "Channel": "VOICE",
            "ContactId": "0f000000-0000-4000-8000-000000000010",
            "CustomerEndpoint": None,
            "InitialContactId": "0f000000-0000-4000-8000-000000000010",
            "InitiationMethod": "WEBRTC_API",
            "InstanceARN": INSTANCE_ARN,
            "PreviousContactId": "0f000000-0000-4000-8000-000000000010",
            "Queue": None,
            "SystemEndpoint": None,
            "Tags": {},
        },
        "Parameters": {},
    },
}


@dataclass(frozen=True, kw_only=True)
class Contender:
    """A function, and the event that it gets."""

    name: str
    handler: str
    paths: tuple[Path, ...]
    """The directories that it imports from; all that it ships."""
    environment: Mapping[str, str]
    event: Mapping[str, Any]
    answer: Mapping[str, Any]
    """What every answer of it must have."""


def contenders(checkout: Path) -> list[Contender]:
    """start_call, the guide's handler, the Powertools version and caller_context; builds and installs what is
    missing.
    """
    start_call, caller_context = _deployed(checkout)
    rivals = [
        replace(start_call, name=name, handler=f"{name}.handler", paths=(installed(checkout) / name,))
        for name in RIVALS
    ]
    return [start_call, *rivals, caller_context]


def _deployed(checkout: Path) -> tuple[Contender, Contender]:
    """start_call and caller_context of the environment `local` as its template has them."""
    output = checkout / "build" / "bench"
    shutil.rmtree(output, ignore_errors=True)
    synthesize(checkout, "local", output)
    (manifest,) = output.glob("*-Calling.assets.json")
    files = json.loads(manifest.read_text(encoding="utf-8"))["files"]
    (template,) = output.glob("*-Calling.template.json")
    resources = json.loads(template.read_text(encoding="utf-8"))["Resources"]

    def directory(code: Mapping[str, str]) -> Path:
        archive: Path = output / files[code["S3Key"].removesuffix(".zip")]["source"]["path"]
        unpacked = archive.with_suffix("")
        if not unpacked.exists():
            shutil.unpack_archive(archive, unpacked)
        return unpacked

    def contender(name: str, event: Mapping[str, Any], answer: Mapping[str, Any]) -> Contender:
        handler = f"{name}.handler.handler"
        (function,) = (
            properties
            for resource in resources.values()
            if (properties := resource.get("Properties", {})).get("Handler") == handler
        )
        layers = [resources[layer["Ref"]]["Properties"]["Content"] for layer in function["Layers"]]
        own = {
            name: value if isinstance(value, str) else _RESOLVED[name]
            for name, value in function["Environment"]["Variables"].items()
        }
        return Contender(
            name=name,
            handler=handler,
            paths=(directory(function["Code"]), *(directory(layer) / "python" for layer in layers)),
            environment={**_LAMBDA, **own},
            event=event,
            answer=answer,
        )

    return (
        contender("start_call", _TAP, {"statusCode": 201}),
        contender("caller_context", _CONTACT, {"auth_status": "verified"}),
    )
