"""The web application firewall in front of the API."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import ArnFormat, RemovalPolicy, Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_wafv2 as wafv2
from constructs import Construct

WINDOW_SECONDS = 300
"""In which AWS WAF counts requests."""

_THROTTLED, _INVALID_REQUEST = "throttled", "invalid-request"

# What the path of a request to start a call holds, and that of no other.
_START_CALL = "/start-call"

# API Gateway answers a request with this header as one of the method that it names.
_METHOD_OVERRIDE = "x-http-method-override"

# AWS WAF takes no limit below.
_MIN_LIMIT = 10

# Of AWS's common rules those that would refuse what the contract allows: bodies over 8 KB (attributes may
# take 32 KB, which the function checks), and addresses of local networks in a text, as of a page that a
# caller looks at. Nothing here fetches an address that it is sent.
_COUNTED_COMMON_RULES = ("SizeRestrictions_BODY", "GenericRFI_BODY", "EC2MetaDataSSRF_BODY")

type _Statement = wafv2.CfnWebACL.StatementProperty


@dataclass(frozen=True, kw_only=True)
class FirewallLimits:
    """Requests in five minutes after which AWS WAF blocks an address, or a token, for a while.

    An address may be that of a whole mobile network; a token is one user's. But a token that a stranger
    invents is counted anew, so addresses have limits all the same.
    """

    requests_per_ip: int
    starts_per_ip: int
    requests_per_token: int
    starts_per_token: int
    hang_up_rate: int
    """Hang-ups a second that the API takes: of all of them, three addresses get at most half."""

    @property
    def hang_ups_per_ip(self) -> int:
        """A third of a half of what the API takes in five minutes."""
        return max(_MIN_LIMIT, self.hang_up_rate * WINDOW_SECONDS // 6)


class Firewall(Construct):
    """A web ACL: limits for each IP address and each token, and AWS's rules against known attacks."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        limits: FirewallLimits,
        allowed_origins: Sequence[str],
        key: kms.IKey,
        log_retention: logs.RetentionDays,
    ) -> None:
        super().__init__(scope, id_)
        too_many = _answer(_THROTTLED, 429, allowed_origins, retry_after_seconds=WINDOW_SECONDS)
        not_a_preflight = _not(_of_method("OPTIONS"))
        to_start_a_call, to_hang_up = _to_start_a_call(), _of_method("DELETE")
        self.web_acl = wafv2.CfnWebACL(
            self,
            "WebAcl",
            scope="REGIONAL",
            default_action=wafv2.CfnWebACL.DefaultActionProperty(allow={}),
            visibility_config=_visibility("Requests"),
            custom_response_bodies={
                _THROTTLED: _problem(
                    _THROTTLED,
                    429,
                    "Too many requests",
                    "Too many requests come from this address, or with this token. "
                    "Repeat the request after the seconds in Retry-After.",
                ),
                _INVALID_REQUEST: _problem(
                    _INVALID_REQUEST,
                    400,
                    "Invalid request",
                    "Send the request with its own method: X-HTTP-Method-Override is not supported.",
                ),
            },
            rules=[
                # A request that one rule blocks is not seen by the next. So the rule for all requests is the
                # first: what it counts is what an address has sent.
                _rate_rule("RequestsPerIp", 0, limits.requests_per_ip, too_many, of=not_a_preflight),
                # Before the rules that look at a request's method.
                wafv2.CfnWebACL.RuleProperty(
                    name="MethodOverride",
                    priority=1,
                    visibility_config=_visibility("MethodOverride"),
                    statement=_has_header(_METHOD_OVERRIDE),
                    action=_answer(_INVALID_REQUEST, 400, allowed_origins),
                ),
                _rate_rule("StartsPerIp", 2, limits.starts_per_ip, too_many, of=to_start_a_call),
                _rate_rule("HangUpsPerIp", 3, limits.hang_ups_per_ip, too_many, of=to_hang_up),
                _rate_rule(
                    "RequestsPerToken",
                    4,
                    limits.requests_per_token,
                    too_many,
                    of=not_a_preflight,
                    keys=[_token()],
                ),
                _rate_rule(
                    "StartsPerToken",
                    5,
                    limits.starts_per_token,
                    too_many,
                    of=to_start_a_call,
                    keys=[_token()],
                ),
                _managed_rules("AWSManagedRulesAmazonIpReputationList", 6),
                _managed_rules("AWSManagedRulesKnownBadInputsRuleSet", 7),
                _managed_rules("AWSManagedRulesCommonRuleSet", 8, only_counted=_COUNTED_COMMON_RULES),
            ],
        )
        log_group = logs.LogGroup(
            self,
            "Log",
            # AWS WAF takes no log group whose name begins otherwise.
            log_group_name=f"aws-waf-logs-{Stack.of(self).stack_name}",
            encryption_key=key,
            retention=log_retention,
            removal_policy=RemovalPolicy.DESTROY,
        )
        wafv2.CfnLoggingConfiguration(
            self,
            "Logging",
            resource_arn=self.web_acl.attr_arn,
            log_destination_configs=[
                Stack.of(self).format_arn(
                    service="logs",
                    resource="log-group",
                    resource_name=log_group.log_group_name,
                    arn_format=ArnFormat.COLON_RESOURCE_NAME,
                )
            ],
            redacted_fields=[
                wafv2.CfnLoggingConfiguration.FieldToMatchProperty(single_header={"Name": "authorization"})
            ],
        )

    def protect(self, id_: str, stage_arn: str) -> None:
        """Puts the firewall in front of a stage of a REST API."""
        wafv2.CfnWebACLAssociation(self, id_, resource_arn=stage_arn, web_acl_arn=self.web_acl.attr_arn)


def _rate_rule(
    name: str,
    priority: int,
    limit: int,
    answer: wafv2.CfnWebACL.RuleActionProperty,
    *,
    of: _Statement,
    keys: Sequence[wafv2.CfnWebACL.RateBasedStatementCustomKeyProperty] = (),
) -> wafv2.CfnWebACL.RuleProperty:
    """Gives `answer` while there are more than `limit` requests `of` this kind in the window: from one
    address, or with one value of `keys`.
    """
    return wafv2.CfnWebACL.RuleProperty(
        name=name,
        priority=priority,
        visibility_config=_visibility(name),
        statement=wafv2.CfnWebACL.StatementProperty(
            rate_based_statement=wafv2.CfnWebACL.RateBasedStatementProperty(
                aggregate_key_type="CUSTOM_KEYS" if keys else "IP",
                custom_keys=list(keys) or None,
                evaluation_window_sec=WINDOW_SECONDS,
                limit=limit,
                scope_down_statement=of,
            )
        ),
        action=answer,
    )


def _token() -> wafv2.CfnWebACL.RateBasedStatementCustomKeyProperty:
    """The token of a request, hashed. Requests without one are not counted by it."""
    return wafv2.CfnWebACL.RateBasedStatementCustomKeyProperty(
        header=wafv2.CfnWebACL.RateLimitHeaderProperty(
            name="authorization",
            text_transformations=[wafv2.CfnWebACL.TextTransformationProperty(priority=0, type="SHA256")],
        )
    )


def _to_start_a_call() -> _Statement:
    """POST /start-call, however the path is spelled: with letters encoded, or with a slash behind it."""
    path = wafv2.CfnWebACL.FieldToMatchProperty(uri_path={})
    return wafv2.CfnWebACL.StatementProperty(
        and_statement=wafv2.CfnWebACL.AndStatementProperty(
            statements=[_of_method("POST"), _found_in(path, "CONTAINS", _START_CALL, "URL_DECODE")]
        )
    )


def _of_method(method: str) -> _Statement:
    return _found_in(wafv2.CfnWebACL.FieldToMatchProperty(method={}), "EXACTLY", method, "NONE")


def _not(statement: _Statement) -> _Statement:
    return wafv2.CfnWebACL.StatementProperty(
        not_statement=wafv2.CfnWebACL.NotStatementProperty(statement=statement)
    )


def _has_header(name: str) -> _Statement:
    """Any value of it, also none. A request without the header does not match."""
    return wafv2.CfnWebACL.StatementProperty(
        size_constraint_statement=wafv2.CfnWebACL.SizeConstraintStatementProperty(
            field_to_match=wafv2.CfnWebACL.FieldToMatchProperty(single_header={"Name": name}),
            comparison_operator="GE",
            size=0,
            text_transformations=[wafv2.CfnWebACL.TextTransformationProperty(priority=0, type="NONE")],
        )
    )


def _found_in(
    field: wafv2.CfnWebACL.FieldToMatchProperty, constraint: str, text: str, transformation: str
) -> _Statement:
    return wafv2.CfnWebACL.StatementProperty(
        byte_match_statement=wafv2.CfnWebACL.ByteMatchStatementProperty(
            field_to_match=field,
            positional_constraint=constraint,
            search_string=text,
            text_transformations=[
                wafv2.CfnWebACL.TextTransformationProperty(priority=0, type=transformation)
            ],
        )
    )


def _problem(slug: str, status: int, title: str, detail: str) -> wafv2.CfnWebACL.CustomResponseBodyProperty:
    # AWS WAF offers no application/problem+json, and has no id of the request.
    return wafv2.CfnWebACL.CustomResponseBodyProperty(
        content_type="APPLICATION_JSON",
        content=json.dumps(
            {
                "type": f"urn:in-app-calling:problem:{slug}",
                "title": title,
                "status": status,
                "detail": detail,
                "requestId": "none",
            }
        ),
    )


def _answer(
    body: str, status: int, allowed_origins: Sequence[str], *, retry_after_seconds: int | None = None
) -> wafv2.CfnWebACL.RuleActionProperty:
    headers = {} if retry_after_seconds is None else {"Retry-After": str(retry_after_seconds)}
    if allowed_origins:
        headers["Access-Control-Allow-Origin"] = allowed_origins[0] if len(allowed_origins) == 1 else "*"
        headers["Access-Control-Expose-Headers"] = "Retry-After"
    return wafv2.CfnWebACL.RuleActionProperty(
        block=wafv2.CfnWebACL.BlockActionProperty(
            custom_response=wafv2.CfnWebACL.CustomResponseProperty(
                response_code=status,
                custom_response_body_key=body,
                response_headers=[
                    wafv2.CfnWebACL.CustomHTTPHeaderProperty(name=name, value=value)
                    for name, value in headers.items()
                ]
                or None,
            )
        )
    )


def _managed_rules(
    name: str, priority: int, only_counted: Sequence[str] = ()
) -> wafv2.CfnWebACL.RuleProperty:
    return wafv2.CfnWebACL.RuleProperty(
        name=name,
        priority=priority,
        visibility_config=_visibility(name),
        override_action=wafv2.CfnWebACL.OverrideActionProperty(none={}),
        statement=wafv2.CfnWebACL.StatementProperty(
            managed_rule_group_statement=wafv2.CfnWebACL.ManagedRuleGroupStatementProperty(
                vendor_name="AWS",
                name=name,
                rule_action_overrides=[
                    wafv2.CfnWebACL.RuleActionOverrideProperty(
                        name=rule, action_to_use=wafv2.CfnWebACL.RuleActionProperty(count={})
                    )
                    for rule in only_counted
                ]
                or None,
            )
        ),
    )


def _visibility(metric: str) -> wafv2.CfnWebACL.VisibilityConfigProperty:
    # Sampled requests would show the Authorization header in the console.
    return wafv2.CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, metric_name=metric, sampled_requests_enabled=False
    )
