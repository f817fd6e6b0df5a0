"""API Gateway's Lambda authorizers: what MiniStack leaves out of them.

After the developer guide (configure-api-gateway-lambda-authorization,
api-gateway-lambda-authorizer-output): the function's permission, the time that it may take, what a policy and
a context may be. MiniStack finds the token, keeps answers for their time and evaluates them anew per request.
"""

import asyncio
import fnmatch
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ministack.services import apigateway_v1

from local.emulator.lambda_ import functions

# Seconds: what HTTP APIs document for the answer of an authorizer; the guide names none for REST APIs.
ANSWERS_WITHIN = 10.0
_INVOKE = "execute-api:Invoke"
# The one text of an exception that is the caller's fault: https://docs.aws.amazon.com/apigateway/latest/
# developerguide/apigateway-use-lambda-authorizer.html
_UNAUTHORIZED = "Unauthorized"

Values = Callable[[], dict[str, str]]
Invoke = Callable[[Mapping[str, Any], Mapping[str, Any], str, str], Awaitable[Any]]
_LATENCY = "authorizer.integrationLatency"


def install(values: Values) -> None:
    """Patch MiniStack's authorizers; `values` are the $context variables of the request at hand."""
    _invoke_as_the_gateway(values)
    _evaluate_actions_too()
    _report_result(values)


def _invoke_as_the_gateway(values: Values) -> None:
    invoke: Invoke = apigateway_v1._invoke_authorizer_lambda

    async def invoke_if_permitted(
        authorizer: Mapping[str, Any], event: Mapping[str, Any], account: str, region: str
    ) -> Any:
        api_arn = event["methodArn"].partition("/")[0]
        function_arn = apigateway_v1._extract_lambda_ref_from_integration_uri(authorizer["authorizerUri"])
        caller = {
            "service": "apigateway.amazonaws.com",
            "source_arn": f"{api_arn}/authorizers/{authorizer['id']}",
            "source_account": account,
        }
        if not functions.may_invoke(function_arn, **caller):
            return None  # AUTHORIZER_CONFIGURATION_ERROR
        began = time.monotonic()
        call = asyncio.ensure_future(invoke(authorizer, event, account, region))
        # Not cancelled: the function runs on, as on AWS.
        done, _ = await asyncio.wait({call}, timeout=ANSWERS_WITHIN)
        values()[_LATENCY] = str(round((time.monotonic() - began) * 1000))
        return _checked(call.result()) if done else _FAILED

    apigateway_v1._invoke_authorizer_lambda = invoke_if_permitted


_FAILED = {"error": True, "body": {"errorMessage": "failed"}}  # AUTHORIZER_FAILURE


def _checked(result: Any) -> Any:
    """The function's answer, or one that MiniStack takes for what API Gateway would make of it."""
    if result is None:
        return None
    body = result.get("body")
    if result.get("error") or result.get("throttle"):
        message = body.get("errorMessage") if isinstance(body, dict) else None
        return result if message == _UNAUTHORIZED else _FAILED
    context = body.get("context") if isinstance(body, dict) else None
    is_plain = isinstance(context or {}, dict) and not any(
        isinstance(value, dict | list) for value in (context or {}).values()
    )
    return result if is_plain else {"body": None}  # AUTHORIZER_CONFIGURATION_ERROR


def _evaluate_actions_too() -> None:
    """MiniStack reads effects and resources alone."""
    evaluate = apigateway_v1._evaluate_policy

    def evaluate_statements(policy: Mapping[str, Any], method_arn: str) -> str:
        statements = [each for each in _listed(policy.get("Statement")) if _is_about_invoking(each)]
        decision: str = evaluate({"Statement": statements}, method_arn)
        return decision

    apigateway_v1._evaluate_policy = evaluate_statements


def _is_about_invoking(statement: Any) -> bool:
    return isinstance(statement, dict) and any(
        fnmatch.fnmatchcase(_INVOKE.lower(), str(action).lower())
        for action in _listed(statement.get("Action"))
    )


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


# What the access log says of an authorizer that let nobody through.
_STATUS = {"UNAUTHORIZED": "401", "ACCESS_DENIED": "403"}


def _report_result(values: Values) -> None:
    """Add the result and its latency (0 if it was cached) to the access log and the function's event."""
    authorize = apigateway_v1._authorize_request_v1

    async def authorize_and_report(
        api_id: str, stage_name: str, method: Mapping[str, Any], *rest: Any
    ) -> tuple[Any, Any]:
        error, context = await authorize(api_id, stage_name, method, *rest)
        if method.get("authorizationType") != "CUSTOM":
            return error, context
        logged = values()
        if error is not None:
            logged |= {
                "authorizer.error": error.message or "-",
                "authorizer.status": _STATUS.get(error.response_type, "500"),
            }
            return error, None
        logged |= {f"authorizer.{name}": value for name, value in context.items()}
        logged["authorizer.status"] = "200"
        return None, {**context, "integrationLatency": int(logged.setdefault(_LATENCY, "0"))}

    apigateway_v1._authorize_request_v1 = authorize_and_report
