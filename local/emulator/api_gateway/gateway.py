"""API Gateway (REST): what MiniStack's gateway leaves out between the request and the function.

Each request gets a `_Request` of its own, found by the patched functions through a context variable: it
collects what the access log, the gateway responses and the metrics say about the request.
"""

import asyncio
import contextvars
import json
import re
import secrets
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import jsonschema
from ministack.services import apigateway_v1, cloudwatch, cloudwatch_logs, cognito

from local.emulator.api_gateway import authorizers, received
from local.emulator.lambda_ import functions

MAX_REQUEST_BYTES = 10 * 1024 * 1024  # bytes
MAX_HEADER_BYTES = 10_240  # bytes, of the request line and the values of all headers
MAX_FUNCTION_RESPONSE_BYTES = 6 * 1024 * 1024  # bytes
MAX_INTEGRATION_MS = 29_000  # ms, where the template says nothing

Answer = tuple[int, dict[str, Any], bytes]


@dataclass
class _Request:
    """The request that is being answered."""

    method: str
    path: str
    source_ip: str
    user_agent: str
    received: float
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    extended_request_id: str = field(default_factory=lambda: secrets.token_urlsafe(11) + "=")
    values: dict[str, str] = field(default_factory=dict)  # further $context variables


_current: contextvars.ContextVar[_Request] = contextvars.ContextVar("gateway_request")


def install(*, account: str, region: str) -> None:
    """Patch MiniStack's gateway for APIs of this account and Region."""
    _answer_requests(account=account, region=region)
    _take_identity_tokens_of_one_client()
    _read_keys_of_user_pools()
    authorizers.install(lambda: _current.get().values)
    _validate_by_content_type()
    _fill_gateway_responses()
    _name_requests_in_events()
    _invoke_functions_as_the_gateway(account=account, region=region)
    _refuse_malformed_answers()


def _answer_requests(*, account: str, region: str) -> None:
    answer_within_scope = apigateway_v1._handle_execute_in_scope

    async def answer(
        api_id: str,
        stage_name: str,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
        query: Mapping[str, list[str]],
        *scope: str,
    ) -> Answer:
        request = _Request(
            method=method,
            path=f"/{stage_name}{path}",
            source_ip=headers.get("x-forwarded-for", "127.0.0.1").partition(",")[0].strip(),
            user_agent=headers.get("user-agent", ""),
            received=time.time(),
        )
        token = _current.set(request)
        try:
            # Gateway responses that an API cannot shape. AWS documents the limits; of the second one not how
            # it is answered.
            if len(body or b"") > MAX_REQUEST_BYTES:
                answered = _plain(413, f"HTTP content length exceeded {MAX_REQUEST_BYTES} bytes.")
            elif _header_bytes(method, path) > MAX_HEADER_BYTES:
                answered = _plain(431, "Request Header Fields Too Large")
            else:
                answered = await answer_within_scope(
                    api_id, stage_name, method, path, headers, body, query, *scope
                )
        finally:
            _current.reset(token)
        status, answer_headers, answer_body = answered
        answer_headers |= {
            "x-amzn-RequestId": request.request_id,
            "x-amz-apigw-id": request.extended_request_id,
        }
        # MiniStack's gateway responses carry an id of their own under another spelling.
        answer_headers.pop("x-amzn-requestid", None)
        _finish(request, api_id, stage_name, status, len(answer_body), account=account, region=region)
        return status, answer_headers, answer_body

    apigateway_v1._handle_execute_in_scope = answer


def _plain(status: int, message: str) -> Answer:
    return status, {"Content-Type": "application/json"}, json.dumps({"message": message}).encode()


def _header_bytes(method: str, path: str) -> int:
    """What the limit counts: the request line and the values of all headers."""
    line = f"{method} {path} HTTP/1.1"
    return len(line.encode()) + sum(len(value.encode()) for _, value in received.headers.get())


def _finish(
    request: _Request, api_id: str, stage_name: str, status: int, size: int, *, account: str, region: str
) -> None:
    """Write the access log line and the metrics of an answered request."""
    stage = apigateway_v1._stages_v1.get(api_id, {}).get(stage_name)
    if stage is None:
        return
    milliseconds = round((time.time() - request.received) * 1000)
    received = datetime.fromtimestamp(request.received, UTC)
    request.values |= {
        "accountId": account,
        "apiId": api_id,
        "domainName": f"{api_id}.execute-api.{region}.amazonaws.com",
        "extendedRequestId": request.extended_request_id,
        "httpMethod": request.method,
        "identity.sourceIp": request.source_ip,
        "identity.userAgent": request.user_agent,
        "path": request.path,
        "protocol": "HTTP/1.1",
        "requestId": request.request_id,
        "requestTime": received.strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "requestTimeEpoch": str(int(request.received * 1000)),
        "responseLatency": str(milliseconds),
        "responseLength": str(size),
        "stage": stage_name,
        "status": str(status),
    }
    settings = stage.get("accessLogSettings") or {}
    if settings.get("destinationArn") and settings.get("format"):
        line = _VARIABLE.sub(lambda found: _logged(request, found[1]), settings["format"])
        _write_log(
            settings["destinationArn"].partition(":log-group:")[2].removesuffix(":*"), stage_name, line
        )
    dimensions = {"ApiName": apigateway_v1._rest_apis[api_id]["name"], "Stage": stage_name}
    for name, value, unit in (
        ("Count", 1, "Count"),
        ("Latency", milliseconds, "Milliseconds"),
        ("4XXError", int(400 <= status < 500), "Count"),
        ("5XXError", int(status >= 500), "Count"),
    ):
        cloudwatch.record_metric("AWS/ApiGateway", name, value, unit, dimensions)


_VARIABLE = re.compile(r"\$context\.([A-Za-z][\w.]*[\w])")


def _logged(request: _Request, variable: str) -> str:
    value = request.values.get(variable, "-")
    # The one variable that brings its own quotes; the others stand within those of the format.
    return value if variable == "error.messageString" else json.dumps(value)[1:-1]


def _write_log(group: str, stream: str, line: str) -> None:
    """Like the gateway, write nothing where the log group does not exist."""
    if group not in cloudwatch_logs._log_groups:
        return
    if stream not in cloudwatch_logs._log_groups[group]["streams"]:
        cloudwatch_logs._create_log_stream({"logGroupName": group, "logStreamName": stream})
    event = {"timestamp": int(time.time() * 1000), "message": line}
    cloudwatch_logs._put_log_events({"logGroupName": group, "logStreamName": stream, "logEvents": [event]})


def _take_identity_tokens_of_one_client() -> None:
    """Where a method has no scopes, the authorizer takes identity tokens alone; and by its expression, those
    of a client (API Gateway API reference, CreateAuthorizer, identityValidationExpression).
    """
    validate = apigateway_v1._validate_cognito_authorizer

    async def validate_identity_token(
        authorizer: Any, method: Mapping[str, Any], *args: Any
    ) -> tuple[Any, Any]:
        claims, error = await validate(authorizer, method, *args)
        if error is None and not _is_taken(authorizer, method, claims):
            error = apigateway_v1._gw_error("UNAUTHORIZED", "Unauthorized")
        if error is not None:
            _current.get().values["authorizer.error"] = error.message
            return None, error
        _current.get().values |= {
            f"authorizer.claims.{name}": str(value)
            for name, value in claims.items()
            if isinstance(value, str)
        }
        return claims, None

    apigateway_v1._validate_cognito_authorizer = validate_identity_token


def _is_taken(authorizer: Mapping[str, Any], method: Mapping[str, Any], claims: Mapping[str, Any]) -> bool:
    expression = authorizer.get("identityValidationExpression")
    is_of_client = not expression or re.fullmatch(expression, str(claims.get("aud", ""))) is not None
    return is_of_client and (bool(method.get("authorizationScopes")) or claims.get("token_use") == "id")


def _read_keys_of_user_pools() -> None:
    """MiniStack gets them from itself by HTTP, and refuses requests while a slow machine answers that."""

    async def read_keys(url: str) -> Any:
        pool_id = urlsplit(url).path.split("/")[1]
        return json.loads(cognito.well_known_jwks(pool_id)[2])

    apigateway_v1._fetch_jwks = read_keys


def _validate_by_content_type() -> None:
    """A body is validated only if the method has a model for its Content-Type (or `$default`)."""
    validate = apigateway_v1._check_request_validation

    def validate_modelled(
        method: Mapping[str, Any],
        api_id: str,
        request: Any,
        headers: Mapping[str, str],
        body: bytes,
        query: Any,
    ) -> Any:
        models = method.get("requestModels") or {}
        content_type = apigateway_v1._header_ci(headers, "content-type") or "application/json"
        model = models.get(content_type.partition(";")[0].strip()) or models.get("$default")
        applied = {**method, "requestModels": {"application/json": model} if model else {}}
        # An empty body is validated as {}: https://github.com/localstack/localstack/issues/7916
        error = validate(applied, api_id, request, headers, body or b"{}", query)
        if error is not None:
            _current.get().values["error.validationErrorString"] = (
                _body_problems(api_id, model, body or b"{}")
                if model and error.response_type == "BAD_REQUEST_BODY"
                else error.message
            )
        return error

    apigateway_v1._check_request_validation = validate_modelled


def _body_problems(api_id: str, model: str, body: bytes) -> str:
    """What is wrong with a body that its model refused, as the gateway words it: in a list."""
    try:
        document = json.loads(body)
        schema = apigateway_v1._model_schema(api_id, model)
        messages = [_worded(error) for error in jsonschema.Draft4Validator(schema).iter_errors(document)]
    except (ValueError, RecursionError, jsonschema.exceptions.SchemaError):
        return "Invalid JSON"
    return f"[{', '.join(messages)}]"


# In the words of the validator that the gateway uses, json-schema-validator for Java.
_WORDS: dict[str, Callable[[Any, Any, Any], str]] = {
    "additionalProperties": lambda found, _, schema: (
        "object instance has properties which are not allowed by the schema: "
        + json.dumps(sorted(found.keys() - schema.get("properties", {}).keys()))
    ),
    "required": lambda found, wanted, _: (
        f"object has missing required properties ({json.dumps(sorted(set(wanted) - found.keys()))})"
    ),
    "type": lambda found, wanted, _: (
        f"instance type ({_type_name(found)}) does not match any allowed primitive type "
        f"(allowed: {json.dumps(wanted if isinstance(wanted, list) else [wanted])})"
    ),
    "minLength": lambda found, wanted, _: (
        f'string "{found}" is too short (length: {len(found)}, required minimum: {wanted})'
    ),
    "maxLength": lambda found, wanted, _: (
        f'string "{found}" is too long (length: {len(found)}, maximum allowed: {wanted})'
    ),
    "pattern": lambda found, wanted, _: f'ECMA 262 regex "{wanted}" does not match input string "{found}"',
    "enum": lambda found, wanted, _: (
        f"instance value ({json.dumps(found)}) not found in enum (possible values: {json.dumps(wanted)})"
    ),
}


def _worded(error: jsonschema.ValidationError) -> str:
    """One violation."""
    word = _WORDS.get(str(error.validator))
    return word(error.instance, error.validator_value, error.schema) if word else str(error.message)


def _type_name(value: Any) -> str:
    names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return names.get(type(value), "null")


def _fill_gateway_responses() -> None:
    """MiniStack leaves variables without a value in a gateway response as they are."""
    render = apigateway_v1._gateway_error_response

    def render_whole(error: Any, request: Any) -> Answer:
        status, headers, body = render(error, request)
        current = _current.get()
        current.values |= {
            "error.message": error.message or "-",
            "error.messageString": json.dumps(error.message),
            "error.responseType": error.response_type,
            "resourcePath": request["resource_path"] or "-",
        }
        filled = {
            "requestId": current.request_id,
            "extendedRequestId": current.extended_request_id,
            # Within a JSON text, hence without the quotes.
            "error.validationErrorString": json.dumps(current.values.get("error.validationErrorString", ""))[
                1:-1
            ],
        }
        text = body.decode().replace(request["request_id"], current.request_id)
        return status, headers, _VARIABLE.sub(lambda found: filled.get(found[1], found[0]), text).encode()

    apigateway_v1._gateway_error_response = render_whole


def _name_requests_in_events() -> None:
    """The function's event and the gateway's answer have the same ids; claims are spelled as on AWS."""
    build = apigateway_v1._build_lambda_event_v1

    def build_named(*args: Any, **options: Any) -> dict[str, Any]:
        event: dict[str, Any] = build(*args, **options)
        if lines := received.by_name():
            event["multiValueHeaders"] = lines
            event["headers"] = {name: values[-1] for name, values in lines.items()}
        context = event["requestContext"]
        current = _current.get()
        context |= {"requestId": current.request_id, "extendedRequestId": current.extended_request_id}
        current.values["resourcePath"] = context["resourcePath"]
        claims = (context.get("authorizer") or {}).get("claims")
        if isinstance(claims, dict):  # Cognito's; those of an authorizer of one's own are its text
            _spell_claims(claims)
        return event

    apigateway_v1._build_lambda_event_v1 = build_named


def _spell_claims(claims: dict[str, str]) -> None:
    """Times are Java's date texts, lists are joined by commas (facts from real events)."""
    for name in ("exp", "iat"):
        if claims.get(name, "").isdigit():
            claims[name] = datetime.fromtimestamp(int(claims[name]), UTC).strftime("%a %b %d %H:%M:%S UTC %Y")
    groups = claims.get("cognito:groups", "")
    if groups.startswith("[") and groups.endswith("]"):
        claims["cognito:groups"] = groups[1:-1].replace(" ", ",")


def _invoke_functions_as_the_gateway(*, account: str, region: str) -> None:
    """Check the function's permission, the integration's time-out and the size of the response."""
    call_function = apigateway_v1._call_lambda_raw
    invoke_proxy = apigateway_v1._invoke_lambda_proxy_v1
    source: contextvars.ContextVar[str] = contextvars.ContextVar("gateway_source", default="")

    async def call_if_permitted(function_ref: str, event: Any, **options: Any) -> tuple[Any, Any]:
        caller = {
            "service": "apigateway.amazonaws.com",
            "source_arn": source.get(),
            "source_account": account,
        }
        if not functions.may_invoke(function_ref, **caller):
            _current.get().values["integration.error"] = "Invalid permissions on Lambda function"
            return None, "no permission"
        answer: tuple[Any, Any] = await call_function(function_ref, event, **options)
        return answer

    async def invoke(
        integration: Mapping[str, Any],
        api_id: str,
        stage_name: str,
        stage: Any,
        resource: Mapping[str, Any],
        path: str,
        method: str,
        *args: Any,
        **options: Any,
    ) -> Any:
        source.set(f"arn:aws:execute-api:{region}:{account}:{api_id}/{stage_name}/{method}{resource['path']}")
        seconds = int(integration.get("timeoutInMillis") or MAX_INTEGRATION_MS) / 1000
        began = time.time()
        call = asyncio.ensure_future(
            invoke_proxy(integration, api_id, stage_name, stage, resource, path, method, *args, **options)
        )
        # Not cancelled: the function runs on, as on AWS.
        done, _ = await asyncio.wait({call}, timeout=seconds)
        milliseconds = str(round((time.time() - began) * 1000))
        _current.get().values |= {"integration.latency": milliseconds, "integrationLatency": milliseconds}
        if not done:
            _current.get().values["integration.error"] = "Endpoint request timed out"
            return apigateway_v1._gw_error("INTEGRATION_TIMEOUT", "Endpoint request timed out")
        answered = call.result()
        if isinstance(answered, tuple):
            if len(answered[2]) > MAX_FUNCTION_RESPONSE_BYTES:
                return _failed("the function's answer is too large", 502, api_id, stage_name, stage, resource)
            if failure := answered[1].pop(_FAILURE, None):
                reason = answered[2].decode()
                if failure == _THROTTLED:
                    _current.get().values["integration.error"] = reason
                    return apigateway_v1._gw_error("INTEGRATION_FAILURE", "Internal server error")
                return _failed(reason, answered[0], api_id, stage_name, stage, resource)
            _current.get().values["integration.status"] = str(answered[0])
        return answered

    apigateway_v1._call_lambda_raw = call_if_permitted
    apigateway_v1._invoke_lambda_proxy_v1 = invoke


def _failed(
    reason: str,
    status: int,
    api_id: str,
    stage_name: str,
    stage: Any,
    resource: Mapping[str, Any],
) -> Answer:
    """The API's DEFAULT_5XX response under a status that has no response type of its own."""
    current = _current.get()
    current.values["integration.error"] = reason
    request = {
        "api_id": api_id,
        "stage_name": stage_name,
        "stage": stage,
        "headers": {},
        "query_params": {},
        "path_params": {},
        "resource_path": resource["path"],
        "request_id": current.request_id,
    }
    error = apigateway_v1._gw_error("DEFAULT_5XX", "Internal server error")
    _, headers, body = apigateway_v1._gateway_error_response(error, request)
    return status, headers, body


_FAILURE = "x-local-failure"  # marks an answer that the function never gave; taken off before it is sent
_THROTTLED = "throttled"


def _refuse_malformed_answers() -> None:
    """A function that failed or was throttled, or a wrong answer, is the gateway's error to the client."""
    shape: Callable[[Mapping[str, Any]], tuple[Any, Any]] = apigateway_v1._lambda_proxy_response

    def shape_strictly(result: Mapping[str, Any]) -> tuple[Any, Any]:
        body = result.get("body")
        if result.get("throttle"):
            return _failure(500, "Lambda throttled the function", kind=_THROTTLED), None
        if result.get("error"):
            return _failure(502, "the function failed"), None
        members = {"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"}
        if not isinstance(body, dict) or "statusCode" not in body or not body.keys() <= members:
            return _failure(502, "Malformed Lambda proxy response"), None
        return shape(result)

    apigateway_v1._lambda_proxy_response = shape_strictly


def _failure(status: int, reason: str, *, kind: str = "failed") -> dict[str, Any]:
    return {"statusCode": status, "headers": {_FAILURE: kind}, "body": reason}
