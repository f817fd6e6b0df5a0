"""The API as the configuration wants it, with its functions, its name and what stands in front of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import Stack
from aws_cdk import aws_lambda as lambda_

from infra.configuration import Api
from infra.constructs.api_domain import ApiDomain
from infra.constructs.call_api import (
    ENDPOINT_ACCESS_MODE,
    SECURITY_POLICY,
    CallApi,
    LambdaAuthorizer,
    Throttle,
    UserPoolAuthorizer,
)
from infra.constructs.firewall import Firewall, FirewallLimits
from infra.constructs.firewall_association import FirewallAssociation, acknowledge_no_firewall
from infra.functions.function import FunctionDefaults
from infra.log_retention import log_retention
from infra.outputs import Output
from infra.transport import CallThrottles


@dataclass(frozen=True, kw_only=True)
class HttpApi:
    """The API, and what the deployment publishes about it."""

    api: CallApi
    outputs: Mapping[Output, str]


def add_api(
    stack: Stack,
    *,
    defaults: FunctionDefaults,
    authorizer: UserPoolAuthorizer | LambdaAuthorizer,
    throttles: CallThrottles,
    start_call: lambda_.Alias,
    call_control: lambda_.Alias,
    availability: lambda_.Alias,
) -> HttpApi:
    """Adds the paths and methods of `openapi.yaml` to `stack`, each answered by its function.

    Reading a call's state, or a queue's, takes only tables, but for what is read once for all callers;
    `throttles` are for the rest.
    """
    settings = defaults.configuration.api
    methods = {
        ("POST", "/start-call"): (start_call, throttles.start),
        ("GET", "/availability"): (availability, None),
        ("GET", "/calls/{ContactId}"): (call_control, None),
        ("DELETE", "/calls/{ContactId}"): (call_control, throttles.hang_up),
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
        log_retention=log_retention(defaults.configuration),
    )
    for (method, path), (function, _) in methods.items():
        api.add_method(method, path, function=function)
    api.answer_unknown_requests()
    _protect(stack, api, settings, defaults, hang_up=throttles.hang_up)
    return HttpApi(api=api, outputs=_addresses(stack, api, settings))


def _protect(
    stack: Stack, api: CallApi, settings: Api, defaults: FunctionDefaults, *, hang_up: Throttle
) -> None:
    """Puts the configured web ACL in front of the API: an own one, one that exists, or none."""
    stage = api.rest_api.deployment_stage
    if settings.own_web_acl:
        firewall = Firewall(
            stack,
            "Firewall",
            limits=FirewallLimits(
                requests_per_ip=settings.requests_per_ip_per_5_minutes,
                starts_per_ip=settings.starts_per_ip_per_5_minutes,
                hang_up_rate=hang_up.rate,
                requests_per_token=settings.requests_per_token_per_5_minutes,
                starts_per_token=settings.starts_per_token_per_5_minutes,
            ),
            allowed_origins=settings.allowed_origins,
            key=defaults.key,
            log_retention=log_retention(defaults.configuration),
        )
        firewall.protect("Api", stage.stage_arn)
    elif settings.web_acl_arn is not None:
        FirewallAssociation(stack, "Firewall", web_acl_arn=settings.web_acl_arn, stage_arn=stage.stage_arn)
    else:
        acknowledge_no_firewall(stage)


def _addresses(stack: Stack, api: CallApi, settings: Api) -> dict[Output, str]:
    if settings.domain is None:
        return {Output.API_URL: api.rest_api.url}
    domain = ApiDomain(
        stack,
        "ApiDomain",
        name=settings.domain.name,
        certificate_arn=settings.domain.certificate_arn,
        security_policy=SECURITY_POLICY,
        endpoint_access_mode=ENDPOINT_ACCESS_MODE,
        stage=api.rest_api.deployment_stage,
    )
    return {Output.API_URL: domain.url, Output.API_DOMAIN_TARGET: domain.target}
