"""Who is measured: start_call as it is deployed, and what a team would write instead."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.bench.aws_server import CONTACT_FLOW_ARN, INSTANCE_ARN, USER_ID
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
_HANDLER = "start_call.handler.handler"

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
    environment: Mapping[str, str]


def contenders(checkout: Path) -> list[Contender]:
    """start_call, the guide's handler and the Powertools version; builds and installs what is missing."""
    ours = _start_call(checkout)
    rivals = installed(checkout)
    return [
        ours,
        *(
            Contender(
                name=name, handler=f"{name}.handler", paths=(rivals / name,), environment=ours.environment
            )
            for name in RIVALS
        ),
    ]


def _start_call(checkout: Path) -> Contender:
    """The function of the environment `local` as its template has it."""
    output = checkout / "build" / "bench"
    shutil.rmtree(output, ignore_errors=True)
    synthesize(checkout, "local", output)
    (manifest,) = output.glob("*-Calling.assets.json")
    files = json.loads(manifest.read_text(encoding="utf-8"))["files"]
    (template,) = output.glob("*-Calling.template.json")
    resources = json.loads(template.read_text(encoding="utf-8"))["Resources"]
    (function,) = (
        properties
        for resource in resources.values()
        if (properties := resource.get("Properties", {})).get("Handler") == _HANDLER
    )
    layers = [resources[layer["Ref"]]["Properties"]["Content"] for layer in function["Layers"]]

    def directory(code: Mapping[str, str]) -> Path:
        path: str = files[code["S3Key"].removesuffix(".zip")]["source"]["path"]
        return output / path

    own = {
        name: value if isinstance(value, str) else _RESOLVED[name]
        for name, value in function["Environment"]["Variables"].items()
    }
    return Contender(
        name="start_call",
        handler=_HANDLER,
        paths=(directory(function["Code"]), *(directory(layer) / "python" for layer in layers)),
        environment={**_LAMBDA, **own},
    )
