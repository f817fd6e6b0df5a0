"""The HTTP API that the apps call."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
from infra.alarms import PERIOD, RUNBOOKS, Alarm
from infra.assets.request_models import read_members, read_operation
from infra.gateway_problems import (
    NOT_FOUND,
    Problem,
    gateway_problems,
    problem_integration,
    problem_response,
)

STAGE = "v1"

SECURITY_POLICY = "SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09"
"""TLS 1.3, or 1.2 with forward secrecy; post-quantum key exchange for whoever offers it."""

ENDPOINT_ACCESS_MODE = "STRICT"
"""Requests come by the name that they say they came by."""

# API Gateway waits no longer for a function unless the account's quota is raised.
_INTEGRATION_TIMEOUT = Duration.seconds(29)


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
class UserPoolAuthorizer:
    """API Gateway itself, which takes identity tokens of a user pool that were issued to one client of it.

    A pool's other clients may write other attributes, and what they write proves nothing here.
    """

    pool: cognito.IUserPool
    client_id: str


@dataclass(frozen=True, kw_only=True)
class LambdaAuthorizer:
    """A function that verifies tokens; the gateway keeps its answer to a token for `cache_ttl`, and `errors`
    counts what the function has not answered.

    Its answer to a good token must hold for all methods, and what comes of it must end with the token.
    """

    function: lambda_.Alias
    cache_ttl: Duration
    errors: cloudwatch.IMetric


class CallApi(Construct):
    """A regional REST API all of whose methods require the token of a signed-in user."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        contract: Path,
        authorizer: UserPoolAuthorizer | LambdaAuthorizer,
        allowed_origins: Sequence[str],
        throttle: Throttle,
        throttles: Mapping[str, Throttle],
        key: kms.IKey,
        log_retention: logs.RetentionDays,
    ) -> None:
        """`contract` is the OpenAPI document of the methods. `authorizer` verifies tokens: API Gateway those
        of a user pool's client, or a function.

        `throttle` holds for each method that `throttles` ("/start-call/POST") does not name.
        `allowed_origins` are browser origins (none: no CORS).
        """
        super().__init__(scope, id_)
        self._contract = contract
        self.access_log = logs.LogGroup(
            self,
            "AccessLog",
            encryption_key=key,
            retention=log_retention,
            removal_policy=RemovalPolicy.DESTROY,
        )
        # No metric counts invocations that fail, unless they are throttled: CloudWatch counts gateway
        # responses whose status an API has changed as errors of callers.
        self._not_invoked = self._count_errors(
            "NotInvoked", "IntegrationFailure", apigateway.ResponseType.INTEGRATION_FAILURE
        )
        # Where a function verifies tokens, it counts what it can: not that it cannot be invoked.
        self._not_authorized = self._count_errors(
            "NotAuthorized",
            "AuthorizerFailure",
            apigateway.ResponseType.AUTHORIZER_FAILURE,
            apigateway.ResponseType.AUTHORIZER_CONFIGURATION_ERROR,
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
                access_log_destination=apigateway.LogGroupLogDestination(self.access_log),
                access_log_format=apigateway.AccessLogFormat.custom(json.dumps(_ACCESS_LOG)),
            ),
        )
        # Its own output of the address would stand beside ours, under a name with a hash.
        self.rest_api.node.try_remove_child("Endpoint")
        # RestApi has no property for these two yet.
        resource = cast(apigateway.CfnRestApi, self.rest_api.node.default_child)
        resource.security_policy = SECURITY_POLICY
        resource.endpoint_access_mode = ENDPOINT_ACCESS_MODE
        # Until the API is deployed anew, a stage goes on as it was deployed.
        self._renew_deployment_with(
            {"securityPolicy": resource.security_policy, "endpointAccessMode": resource.endpoint_access_mode}
        )

        acknowledge(
            self.rest_api.deployment_stage,
            "HIPAA.Security::HIPAA.Security-APIGWCacheEnabledAndEncrypted",
            "NIST.800.53.R4::NIST.800.53.R4-APIGWCacheEnabledAndEncrypted",
            "NIST.800.53.R5::NIST.800.53.R5-APIGWCacheEnabledAndEncrypted",
            "PCI.DSS.321::PCI.DSS.321-APIGWCacheEnabledAndEncrypted",
            reason="Answers carry one user's credentials for one call and are marked no-store, or are for "
            "that user's app alone and hold for seconds: there is nothing to cache, encrypted or not.",
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

        self._allowed_origins = allowed_origins
        self._verified_by_function = isinstance(authorizer, LambdaAuthorizer)
        self._authorizer_errors = authorizer.errors if isinstance(authorizer, LambdaAuthorizer) else None
        self._authorizer = self._add_authorizer(authorizer)
        self._validator = apigateway.RequestValidator(
            self,
            "Validator",
            rest_api=self.rest_api,
            validate_request_body=True,
            validate_request_parameters=True,
        )
        problems = gateway_problems(
            verified_by_function=self._verified_by_function, members=read_members(contract)
        )
        for name, (response_type, problem) in problems.items():
            self._gateway_response(name, response_type, problem, allowed_origins)

    def _add_authorizer(self, authorizer: UserPoolAuthorizer | LambdaAuthorizer) -> apigateway.Authorizer:
        if isinstance(authorizer, LambdaAuthorizer):
            return apigateway.TokenAuthorizer(
                self,
                "Authorizer",
                handler=authorizer.function,
                identity_source=apigateway.IdentitySource.header("Authorization"),
                validation_regex=_THREE_PARTS,
                results_cache_ttl=authorizer.cache_ttl,
            )
        of_pool = apigateway.CognitoUserPoolsAuthorizer(
            self,
            "Authorizer",
            cognito_user_pools=[authorizer.pool],
            # A cached answer would let a token live on past its expiry.
            results_cache_ttl=Duration.seconds(0),
        )
        # Matched against `aud` (API Gateway API reference, CreateAuthorizer, identityValidationExpression).
        # Client ids are letters and digits, also + in old ones, which is escaped.
        client = authorizer.client_id.replace("+", r"\+")
        resource = cast("apigateway.CfnAuthorizer", of_pool.node.default_child)
        resource.identity_validation_expression = f"^{client}$"
        self._renew_deployment_with({"client": resource.identity_validation_expression})
        return of_pool

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
                f"method.request.{place}.{name}": required
                for place, parameters in (("header", operation.headers), ("querystring", operation.query))
                for name, required in parameters.items()
            },
        )
        self._acknowledge_lambda_authorizer(added)

    def answer_unknown_requests(self) -> None:
        """Has every other path and method answer signed-in users that there is none.

        Without it API Gateway takes a token for a signature of AWS's that is malformed: 400 or 403.
        Methods that a path lacks come here too: API Gateway looks for path and method together.
        """
        root = self.rest_api.root
        for resource in (root, root.add_resource("{proxy+}")):
            self._acknowledge_lambda_authorizer(
                resource.add_method(
                    "ANY",
                    problem_integration(NOT_FOUND, self._allowed_origins),
                    authorizer=self._authorizer,
                    method_responses=[problem_response(NOT_FOUND, self._allowed_origins)],
                )
            )

    def _acknowledge_lambda_authorizer(self, method: apigateway.Method) -> None:
        if self._verified_by_function:
            acknowledge(
                method,
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
                runbook=f"{RUNBOOKS}#servererrors",
            ),
            Alarm(
                name="IntegrationFailures",
                metric=self._integration_failures(),
                threshold=5,
                advice="API Gateway could not invoke a function five or more times within five minutes; "
                "callers got 429. If a Throttles alarm is on too, raise functions.reserved_concurrency. If "
                "not, the API's execution log says why: look at the function's alias live, at who may invoke "
                "it, and at the health of AWS Lambda.",
                runbook=f"{RUNBOOKS}#integrationfailures",
            ),
            Alarm(
                name="AuthorizerFailures",
                metric=self._authorizer_failures(),
                threshold=5,
                advice="API Gateway could not have tokens verified five or more times within five minutes; "
                "callers got 5xx. With identity.issuer, look at the alarm AuthorizerThrottles, and at who "
                "may invoke the alias live of the function Authorizer. With a user pool, look whether it "
                "still exists. The API's execution log says why.",
                runbook=f"{RUNBOOKS}#authorizerfailures",
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

    def _authorizer_failures(self) -> cloudwatch.IMetric:
        """Those that are no error of the function's, which has alarms of its own."""
        failures = self._not_authorized.metric(period=PERIOD, statistic="Sum")
        if self._authorizer_errors is None:
            return failures
        return cloudwatch.MathExpression(
            expression="failures - FILL(errors, 0)",
            using_metrics={"failures": failures, "errors": self._authorizer_errors},
            period=PERIOD,
            label="Tokens not verified",
        )

    def _count_errors(self, id_: str, metric: str, *types: apigateway.ResponseType) -> logs.MetricFilter:
        """Counts lines of the access log whose error is one of these gateway responses.

        The metric's name holds the environment, since an account may have several; for a dimension it would
        take a field of the log.
        """
        return self.access_log.add_metric_filter(
            id_,
            filter_pattern=logs.FilterPattern.any(
                *(logs.FilterPattern.string_value("$.errorType", "=", type_.response_type) for type_ in types)
            ),
            metric_namespace="InAppCalling",
            metric_name=f"{Stack.of(self).stack_name}-{metric}",
            metric_value="1",
        )

    def _renew_deployment_with(self, values: Mapping[str, Any]) -> None:
        """Makes a new deployment whenever `values` change. A deployment is a snapshot; RestApi makes one by
        default.
        """
        cast(apigateway.Deployment, self.rest_api.latest_deployment).add_to_logical_id(values)

    def _model(self, id_: str, schema: Mapping[str, Any]) -> apigateway.IModel:
        model = apigateway.CfnModel(
            self,
            f"{id_}-model",
            rest_api_id=self.rest_api.rest_api_id,
            content_type="application/json",
            schema=schema,
        )
        cast(apigateway.Deployment, self.rest_api.latest_deployment).node.add_dependency(model)
        self._renew_deployment_with({"model": id_, "schema": schema})
        return apigateway.Model.from_model_name(self, f"{id_}-model-name", model.ref)

    def _gateway_response(
        self,
        id_: str,
        response_type: apigateway.ResponseType,
        problem: Problem,
        allowed_origins: Sequence[str],
    ) -> None:
        self.rest_api.add_gateway_response(
            id_,
            type=response_type,
            status_code=str(problem.status),
            response_headers=problem.headers(allowed_origins),
            # The key is the type of the request that is answered; the header says what the answer is.
            templates={"application/json": problem.body()},
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
        allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "If-None-Match"],
        max_age=Duration.hours(1),
    )
