"""The API as the configuration wants it, with its functions, behind a firewall."""

from __future__ import annotations

from aws_cdk import Stack
from aws_cdk import aws_cognito as cognito
from aws_cdk import aws_lambda as lambda_

from infra.constructs.call_api import CallApi, LambdaAuthorizer, Throttle
from infra.constructs.firewall import Firewall
from infra.functions.function import FunctionDefaults
from infra.log_retention import log_retention
from infra.transport import CallThrottles


def add_api(
    stack: Stack,
    *,
    defaults: FunctionDefaults,
    authorizer: cognito.IUserPool | LambdaAuthorizer,
    throttles: CallThrottles,
    start_call: lambda_.Alias,
    call_control: lambda_.Alias,
) -> CallApi:
    """Adds the paths and methods of `openapi.yaml` to `stack`, each answered by its function.

    Reading a call's state takes only the table; `throttles` are for the rest.
    """
    configuration = defaults.configuration
    settings, retention = configuration.api, log_retention(configuration)
    methods = {
        ("POST", "/start-call"): (start_call, throttles.start),
        ("GET", "/calls/{ContactId}"): (call_control, None),
        ("DELETE", "/calls/{ContactId}"): (call_control, throttles.control),
        ("POST", "/calls/{ContactId}/connection"): (call_control, throttles.control),
        ("POST", "/calls/{ContactId}/digits"): (call_control, throttles.control),
    }
    api = CallApi(
        stack,
        "Api",
        contract=defaults.checkout / "openapi.yaml",
        authorizer=authorizer,
        allowed_origins=settings.allowed_origins,
        throttle=Throttle(rate=settings.status_rate, burst=settings.status_burst),
        throttles={
            f"{path}/{method}": throttle
            for (method, path), (_, throttle) in methods.items()
            if throttle is not None
        },
        key=defaults.key,
        log_retention=retention,
    )
    for (method, path), (function, _) in methods.items():
        api.add_method(method, path, function=function)
    firewall = Firewall(
        stack,
        "Firewall",
        requests_per_ip_per_5_minutes=settings.requests_per_ip_per_5_minutes,
        starts_per_ip_per_5_minutes=settings.starts_per_ip_per_5_minutes,
        allowed_origins=settings.allowed_origins,
        key=defaults.key,
        log_retention=retention,
    )
    firewall.protect("Api", api.rest_api.deployment_stage.stage_arn)
    return api
