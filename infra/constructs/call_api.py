"""The HTTP API that the apps call."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cognito as cognito
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.acknowledgements import acknowledge
from infra.alarms import PERIOD, Alarm
from infra.assets.request_models import read_operation

STAGE = "v1"

# API Gateway waits no longer for a function unless the account's quota is raised.
_INTEGRATION_TIMEOUT = Duration.seconds(29)


@dataclass(frozen=True, kw_only=True)
class _Problem:
    status: int
    slug: str
    title: str
    detail: str
    retry_after_seconds: int | None = None


_UNAUTHORIZED = _Problem(
    status=401,
    slug="unauthorized",
    title="Not signed in",
    detail="Send the identity token of a signed-in user in the Authorization header.",
)
_FORBIDDEN = _Problem(status=403, slug="forbidden", title="Forbidden", detail="The request was refused.")
_NOT_FOUND = _Problem(
    status=404, slug="not-found", title="Not found", detail="There is no such path or method."
)
_INVALID_BODY = _Problem(
    status=400,
    slug="invalid-request",
    title="Invalid request",
    detail="The body is not what openapi.yaml describes.",
)
_THROTTLED = _Problem(
    status=429,
    slug="throttled",
    title="Too many requests",
    detail="The API is busy. Repeat the request after the seconds in Retry-After.",
    retry_after_seconds=1,
)
_INTERNAL_ERROR = _Problem(
    status=500,
    slug="internal-error",
    title="Internal error",
    detail="The request failed on our side.",
)

# Every answer of the gateway's own, except 413, whose body API Gateway does not let an API choose.
_GATEWAY_PROBLEMS: Mapping[str, tuple[apigateway.ResponseType, _Problem]] = {
    "AccessDenied": (apigateway.ResponseType.ACCESS_DENIED, _FORBIDDEN),
    "ApiConfigurationError": (apigateway.ResponseType.API_CONFIGURATION_ERROR, _INTERNAL_ERROR),
    "AuthorizerConfigurationError": (
        apigateway.ResponseType.AUTHORIZER_CONFIGURATION_ERROR,
        _INTERNAL_ERROR,
    ),
    "AuthorizerFailure": (apigateway.ResponseType.AUTHORIZER_FAILURE, _INTERNAL_ERROR),
    "BadRequestBody": (apigateway.ResponseType.BAD_REQUEST_BODY, _INVALID_BODY),
    "BadRequestParameters": (
        apigateway.ResponseType.BAD_REQUEST_PARAMETERS,
        _Problem(
            status=400,
            slug="invalid-request",
            title="Invalid request",
            detail="A header or parameter is not what openapi.yaml describes.",
        ),
    ),
    # A status set on a default answer holds for its whole class, so the status in the body is true.
    "Default4xx": (
        apigateway.ResponseType.DEFAULT_4_XX,
        _Problem(
            status=400,
            slug="invalid-request",
            title="Invalid request",
            detail="The request could not be handled.",
        ),
    ),
    "Default5xx": (apigateway.ResponseType.DEFAULT_5_XX, _INTERNAL_ERROR),
    "ExpiredToken": (apigateway.ResponseType.EXPIRED_TOKEN, _UNAUTHORIZED),
    # What the gateway calls a failed integration is, with Lambda behind it, a function that it cannot invoke:
    # as a rule one at its concurrency.
    "IntegrationFailure": (apigateway.ResponseType.INTEGRATION_FAILURE, _THROTTLED),
    "IntegrationTimeout": (
        apigateway.ResponseType.INTEGRATION_TIMEOUT,
        _Problem(
            status=504,
            slug="timeout",
            title="Timed out",
            detail="The request took too long. Repeat it with the same Idempotency-Key.",
            retry_after_seconds=5,
        ),
    ),
    "InvalidApiKey": (apigateway.ResponseType.INVALID_API_KEY, _FORBIDDEN),
    "InvalidSignature": (apigateway.ResponseType.INVALID_SIGNATURE, _UNAUTHORIZED),
    # What the gateway calls a missing token is an unknown path or method.
    "MissingAuthenticationToken": (apigateway.ResponseType.MISSING_AUTHENTICATION_TOKEN, _NOT_FOUND),
    "QuotaExceeded": (apigateway.ResponseType.QUOTA_EXCEEDED, _THROTTLED),
    "ResourceNotFound": (apigateway.ResponseType.RESOURCE_NOT_FOUND, _NOT_FOUND),
    "Throttled": (apigateway.ResponseType.THROTTLED, _THROTTLED),
    "Unauthorized": (apigateway.ResponseType.UNAUTHORIZED, _UNAUTHORIZED),
    "UnsupportedMediaType": (
        apigateway.ResponseType.UNSUPPORTED_MEDIA_TYPE,
        _Problem(
            status=415,
            slug="unsupported-media-type",
            title="Unsupported media type",
            detail="Send the body as application/json.",
        ),
    ),
    "WafFiltered": (apigateway.ResponseType.WAF_FILTERED, _FORBIDDEN),
}

# Where a function verifies tokens, a bad one is to the gateway a request that is denied.
_TOKEN_REFUSED = replace(
    _UNAUTHORIZED, detail="Send a valid token of a signed-in user in the Authorization header."
)
_PROBLEMS_OF_LAMBDA_AUTHORIZER: Mapping[str, tuple[apigateway.ResponseType, _Problem]] = {
    **{
        name: (response_type, _TOKEN_REFUSED if problem is _UNAUTHORIZED else problem)
        for name, (response_type, problem) in _GATEWAY_PROBLEMS.items()
    },
    "AccessDenied": (apigateway.ResponseType.ACCESS_DENIED, _TOKEN_REFUSED),
    "AuthorizerFailure": (
        apigateway.ResponseType.AUTHORIZER_FAILURE,
        _Problem(
            status=503,
            slug="unavailable",
            title="Unavailable",
            detail="Tokens cannot be verified just now. Repeat the request after the seconds in Retry-After.",
            retry_after_seconds=10,
        ),
    ),
}

# A token of three parts in base64url (RFC 7515, section 7.1), alone or with its scheme (RFC 6750): what is
# something else costs no function.
_THREE_PARTS = r"^([Bb][Ee][Aa][Rr][Ee][Rr] )?[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$"

# Ids and figures only. Not the authorizer's claims, and not the text of a validation error: that quotes
# the body.
_ACCESS_LOG = {
    "requestId": "$context.requestId",
    "extendedRequestId": "$context.extendedRequestId",
    "traceId": "$context.xrayTraceId",
    "requestTime": "$context.requestTimeEpoch",
    "sourceIp": "$context.identity.sourceIp",
    "method": "$context.httpMethod",
    "resourcePath": "$context.resourcePath",
    "status": "$context.status",
    "responseLength": "$context.responseLength",
    "responseLatencyMs": "$context.responseLatency",
    "integrationLatencyMs": "$context.integrationLatency",
    "integrationStatus": "$context.integration.integrationStatus",
    "functionStatus": "$context.integration.status",
    "functionRequestId": "$context.integration.requestId",
    "errorType": "$context.error.responseType",
    "authorizerStatus": "$context.authorizer.status",
    "firewallStatus": "$context.waf.status",
}


@dataclass(frozen=True, kw_only=True)
class Throttle:
    """How many requests a second the gateway lets through on the average, and how many at once."""

    rate: int
    burst: int


@dataclass(frozen=True, kw_only=True)
class LambdaAuthorizer:
    """A function that verifies tokens; the gateway keeps its answer to a token for `cache_ttl`.

    Its answer to a good token must hold for all methods, and what comes of it must end with the token.
    """

    function: lambda_.Alias
    cache_ttl: Duration


class CallApi(Construct):
    """A regional REST API all of whose methods require the token of a signed-in user."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        contract: Path,
        authorizer: cognito.IUserPool | LambdaAuthorizer,
        allowed_origins: Sequence[str],
        throttle: Throttle,
        throttles: Mapping[str, Throttle],
        key: kms.IKey,
        log_retention: logs.RetentionDays,
    ) -> None:
        """`contract` is the OpenAPI document of the methods. `authorizer` is a user pool, whose identity
        tokens are taken, or a function that verifies tokens.

        `throttle` holds for each method that `throttles` ("/start-call/POST") does not name.
        `allowed_origins` are browser origins (none: no CORS).
        """
        super().__init__(scope, id_)
        self._contract = contract
        self._access_log = logs.LogGroup(
            self,
            "AccessLog",
            encryption_key=key,
            retention=log_retention,
            removal_policy=RemovalPolicy.DESTROY,
        )
        # No metric counts invocations that fail, unless they are throttled: CloudWatch counts gateway
        # responses whose status an API has changed as errors of callers. The name of this one tells the
        # environments of an account apart; for a dimension it would take a field of the log.
        self._not_invoked = self._access_log.add_metric_filter(
            "NotInvoked",
            filter_pattern=logs.FilterPattern.string_value(
                "$.errorType", "=", apigateway.ResponseType.INTEGRATION_FAILURE.response_type
            ),
            metric_namespace="InAppCalling",
            metric_name=f"{Stack.of(self).stack_name}-IntegrationFailure",
            metric_value="1",
        )
        self.rest_api = apigateway.RestApi(
            self,
            "RestApi",
            # By this a person finds the API in the account. It need not be unique: it blocks no replacement.
            rest_api_name=Stack.of(self).stack_name,
            description="Calls of signed-in users with the contact center",
            endpoint_configuration=apigateway.EndpointConfiguration(types=[apigateway.EndpointType.REGIONAL]),
            # The account's role for API Gateway's logs belongs to the account, not to one of its stacks.
            cloud_watch_role=False,
            default_cors_preflight_options=_cors(allowed_origins),
            deploy_options=apigateway.StageOptions(
                stage_name=STAGE,
                **_method_options(throttle),
                method_options={
                    method: apigateway.MethodDeploymentOptions(**_method_options(of_method))
                    for method, of_method in throttles.items()
                },
                tracing_enabled=True,
                access_log_destination=apigateway.LogGroupLogDestination(self._access_log),
                access_log_format=apigateway.AccessLogFormat.custom(json.dumps(_ACCESS_LOG)),
            ),
        )
        # Its own output of the address would stand beside ours, under a name with a hash.
        self.rest_api.node.try_remove_child("Endpoint")
        # RestApi has no property for these two yet.
        resource = cast(apigateway.CfnRestApi, self.rest_api.node.default_child)
        resource.security_policy = "SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09"
        resource.endpoint_access_mode = "STRICT"

        acknowledge(
            self.rest_api.deployment_stage,
            "HIPAA.Security::HIPAA.Security-APIGWCacheEnabledAndEncrypted",
            "NIST.800.53.R4::NIST.800.53.R4-APIGWCacheEnabledAndEncrypted",
            "NIST.800.53.R5::NIST.800.53.R5-APIGWCacheEnabledAndEncrypted",
            "PCI.DSS.321::PCI.DSS.321-APIGWCacheEnabledAndEncrypted",
            reason="Answers carry one user's credentials for one call and are marked no-store: there is "
            "nothing to cache, encrypted or not.",
        )
        acknowledge(
            self.rest_api.deployment_stage,
            "HIPAA.Security::HIPAA.Security-APIGWSSLEnabled",
            "NIST.800.53.R5::NIST.800.53.R5-APIGWSSLEnabled",
            "PCI.DSS.321::PCI.DSS.321-APIGWSSLEnabled",
            reason="A client certificate proves the gateway to an HTTP backend. The backend here is Lambda, "
            "which takes invocations by IAM and never sees such a certificate.",
        )

        # API Gateway would create this group itself, without a key, a retention or an end.
        execution_log = logs.LogGroup(
            self,
            "ExecutionLog",
            log_group_name=f"API-Gateway-Execution-Logs_{self.rest_api.rest_api_id}/{STAGE}",
            encryption_key=key,
            retention=log_retention,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.rest_api.deployment_stage.node.add_dependency(execution_log)

        self._verified_by_function = isinstance(authorizer, LambdaAuthorizer)
        self._authorizer = self._add_authorizer(authorizer)
        self._validator = apigateway.RequestValidator(
            self,
            "Validator",
            rest_api=self.rest_api,
            validate_request_body=True,
            validate_request_parameters=True,
        )
        problems = _PROBLEMS_OF_LAMBDA_AUTHORIZER if self._verified_by_function else _GATEWAY_PROBLEMS
        for name, (response_type, problem) in problems.items():
            self._gateway_response(name, response_type, problem, allowed_origins)

    def _add_authorizer(self, authorizer: cognito.IUserPool | LambdaAuthorizer) -> apigateway.Authorizer:
        if isinstance(authorizer, LambdaAuthorizer):
            return apigateway.TokenAuthorizer(
                self,
                "Authorizer",
                handler=authorizer.function,
                identity_source=apigateway.IdentitySource.header("Authorization"),
                validation_regex=_THREE_PARTS,
                results_cache_ttl=authorizer.cache_ttl,
            )
        return apigateway.CognitoUserPoolsAuthorizer(
            self,
            "Authorizer",
            cognito_user_pools=[authorizer],
            # A cached answer would let a token live on past its expiry.
            results_cache_ttl=Duration.seconds(0),
        )

    def add_method(self, method: str, path: str, *, function: lambda_.Alias) -> None:
        """Has `function` answer `method` of `path` ("/calls/{ContactId}") to signed-in users whose requests
        are what the contract describes.

        Raises KeyError where the contract lacks it, ContractError where draft 4 cannot say its body.
        """
        operation = read_operation(self._contract, path, method.lower())
        path = path.removeprefix("/")
        models = None
        if operation.body_schema is not None:
            name = "".join(part for part in f"{path}-{method.lower()}" if part not in "{}")
            models = {"application/json": self._model(name.replace("/", "-"), operation.body_schema)}
        resource = self.rest_api.root.resource_for_path(path)
        added = resource.add_method(
            method,
            apigateway.LambdaIntegration(function, timeout=_INTEGRATION_TIMEOUT, allow_test_invoke=False),
            authorizer=self._authorizer,
            request_validator=self._validator,
            request_models=models,
            request_parameters={
                f"method.request.header.{name}": required for name, required in operation.headers.items()
            },
        )
        if self._verified_by_function:
            acknowledge(
                added,
                "AwsSolutions::AwsSolutions-COG4",
                reason="The users are an issuer's and not a Cognito user pool's. The method has an "
                "authorizer all the same: a function that verifies signature, issuer, audience and expiry of "
                "each token.",
            )

    def alarms(self) -> list[Alarm]:
        """On 5xx, and on functions that cannot be invoked."""
        return [
            Alarm(
                name="ServerErrors",
                metric=self._server_errors(),
                threshold=5,
                advice="Callers got five or more 5xx within five minutes. Look at the function's log and at "
                "the health of Amazon Connect.",
            ),
            Alarm(
                name="IntegrationFailures",
                metric=self._integration_failures(),
                threshold=5,
                advice="API Gateway could not invoke a function five or more times within five minutes; "
                "callers got 429. If a Throttles alarm is on too, raise functions.reserved_concurrency. If "
                "not, the API's execution log says why: look at the function's alias live, at who may invoke "
                "it, and at the health of AWS Lambda.",
            ),
        ]

    def graphs(self) -> list[list[cloudwatch.IWidget]]:
        """Requests, errors and latency."""
        stage = self.rest_api.deployment_stage
        return [
            [
                cloudwatch.GraphWidget(
                    title="Requests",
                    width=12,
                    left=[
                        stage.metric_count(period=PERIOD),
                        stage.metric_client_error(period=PERIOD, statistic="Sum"),
                        self._server_errors(),
                        self._integration_failures(),
                    ],
                ),
                cloudwatch.GraphWidget(
                    title="Latency",
                    width=12,
                    left=[
                        stage.metric_latency(period=PERIOD, statistic="p50"),
                        stage.metric_latency(period=PERIOD, statistic="p99"),
                    ],
                ),
            ]
        ]

    def _server_errors(self) -> cloudwatch.Metric:
        return self.rest_api.deployment_stage.metric_server_error(period=PERIOD, statistic="Sum")

    def _integration_failures(self) -> cloudwatch.Metric:
        return self._not_invoked.metric(period=PERIOD, statistic="Sum")

    def _model(self, id_: str, schema: Mapping[str, Any]) -> apigateway.IModel:
        model = apigateway.CfnModel(
            self,
            f"{id_}-model",
            rest_api_id=self.rest_api.rest_api_id,
            content_type="application/json",
            schema=schema,
        )
        # A deployment is a snapshot: a changed model needs a new one. RestApi makes one unless told not to.
        deployment = cast(apigateway.Deployment, self.rest_api.latest_deployment)
        deployment.node.add_dependency(model)
        deployment.add_to_logical_id({"model": id_, "schema": schema})
        return apigateway.Model.from_model_name(self, f"{id_}-model-name", model.ref)

    def _gateway_response(
        self,
        id_: str,
        response_type: apigateway.ResponseType,
        problem: _Problem,
        allowed_origins: Sequence[str],
    ) -> None:
        headers = {"Content-Type": "'application/problem+json'", "Cache-Control": "'no-store'"}
        if problem.retry_after_seconds is not None:
            headers["Retry-After"] = f"'{problem.retry_after_seconds}'"
        if allowed_origins:
            # These answers cannot choose from a list, and hold nothing of a user.
            origin = allowed_origins[0] if len(allowed_origins) == 1 else "*"
            headers["Access-Control-Allow-Origin"] = f"'{origin}'"
            headers["Access-Control-Expose-Headers"] = "'Retry-After'"
        body = {
            "type": f"urn:in-app-calling:problem:{problem.slug}",
            "title": problem.title,
            "status": problem.status,
            "detail": problem.detail,
            "requestId": "$context.extendedRequestId",
        }
        self.rest_api.add_gateway_response(
            id_,
            type=response_type,
            status_code=str(problem.status),
            response_headers=headers,
            # The key is the type of the request that is answered; the header says what the answer is.
            templates={"application/json": json.dumps(body)},
        )


def _method_options(throttle: Throttle) -> dict[str, Any]:
    """What a method's settings are but for its throttle: one that is set apart inherits nothing."""
    return {
        "throttling_rate_limit": throttle.rate,
        "throttling_burst_limit": throttle.burst,
        "metrics_enabled": True,
        "logging_level": apigateway.MethodLoggingLevel.ERROR,
        "data_trace_enabled": False,
    }


def _cors(allowed_origins: Sequence[str]) -> apigateway.CorsOptions | None:
    if not allowed_origins:
        return None
    return apigateway.CorsOptions(
        allow_origins=list(allowed_origins),
        allow_methods=["DELETE", "GET", "POST"],
        allow_headers=["Authorization", "Content-Type", "Idempotency-Key"],
        max_age=Duration.hours(1),
    )
