"""The web application firewall in front of the API."""

from __future__ import annotations

import json
from collections.abc import Sequence

from aws_cdk import ArnFormat, RemovalPolicy, Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_wafv2 as wafv2
from constructs import Construct

_THROTTLED = "throttled"

# What the path of a request to start a call holds, and that of no other.
_START_CALL = "/start-call"

# Seconds in which AWS WAF counts an address's requests.
_WINDOW_SECONDS = 300


class Firewall(Construct):
    """A web ACL: limits for each IP address, and AWS's rules against known attacks."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        requests_per_ip_per_5_minutes: int,
        starts_per_ip_per_5_minutes: int,
        allowed_origins: Sequence[str],
        key: kms.IKey,
        log_retention: logs.RetentionDays,
    ) -> None:
        super().__init__(scope, id_)
        answer = _too_many(allowed_origins)
        self.web_acl = wafv2.CfnWebACL(
            self,
            "WebAcl",
            scope="REGIONAL",
            default_action=wafv2.CfnWebACL.DefaultActionProperty(allow={}),
            visibility_config=_visibility("Requests"),
            custom_response_bodies={
                # AWS WAF offers no application/problem+json, and has no id of the request.
                _THROTTLED: wafv2.CfnWebACL.CustomResponseBodyProperty(
                    content_type="APPLICATION_JSON",
                    content=json.dumps(
                        {
                            "type": "urn:in-app-calling:problem:throttled",
                            "title": "Too many requests",
                            "status": 429,
                            "detail": "Too many requests come from this address. "
                            "Repeat the request after the seconds in Retry-After.",
                            "requestId": "none",
                        }
                    ),
                )
            },
            rules=[
                # A request that one rule blocks is not seen by the next. So the rule for all requests is the
                # first: what it counts is what an address has sent.
                _rate_rule("RequestsPerIp", 0, requests_per_ip_per_5_minutes, answer),
                _rate_rule("StartsPerIp", 1, starts_per_ip_per_5_minutes, answer, only=_to_start_a_call()),
                _managed_rules("AWSManagedRulesAmazonIpReputationList", 2),
                _managed_rules("AWSManagedRulesKnownBadInputsRuleSet", 3),
                # It would block bodies over 8 KB; attributes may take 32 KB, and the function checks that.
                _managed_rules("AWSManagedRulesCommonRuleSet", 4, only_counted=["SizeRestrictions_BODY"]),
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
    only: wafv2.CfnWebACL.StatementProperty | None = None,
) -> wafv2.CfnWebACL.RuleProperty:
    """Gives `answer` to an address while it sends more than `limit` requests in the window: any, or `only`
    those.
    """
    return wafv2.CfnWebACL.RuleProperty(
        name=name,
        priority=priority,
        visibility_config=_visibility(name),
        statement=wafv2.CfnWebACL.StatementProperty(
            rate_based_statement=wafv2.CfnWebACL.RateBasedStatementProperty(
                aggregate_key_type="IP",
                evaluation_window_sec=_WINDOW_SECONDS,
                limit=limit,
                scope_down_statement=only,
            )
        ),
        action=answer,
    )


def _to_start_a_call() -> wafv2.CfnWebACL.StatementProperty:
    """POST /start-call, however the path is spelled: with letters encoded, or with a slash behind it."""
    return wafv2.CfnWebACL.StatementProperty(
        and_statement=wafv2.CfnWebACL.AndStatementProperty(
            statements=[
                _found_in(wafv2.CfnWebACL.FieldToMatchProperty(method={}), "EXACTLY", "POST", "NONE"),
                _found_in(
                    wafv2.CfnWebACL.FieldToMatchProperty(uri_path={}), "CONTAINS", _START_CALL, "URL_DECODE"
                ),
            ]
        )
    )


def _found_in(
    field: wafv2.CfnWebACL.FieldToMatchProperty, constraint: str, text: str, transformation: str
) -> wafv2.CfnWebACL.StatementProperty:
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


def _too_many(allowed_origins: Sequence[str]) -> wafv2.CfnWebACL.RuleActionProperty:
    headers = {"Retry-After": str(_WINDOW_SECONDS)}
    if allowed_origins:
        headers["Access-Control-Allow-Origin"] = allowed_origins[0] if len(allowed_origins) == 1 else "*"
        headers["Access-Control-Expose-Headers"] = "Retry-After"
    return wafv2.CfnWebACL.RuleActionProperty(
        block=wafv2.CfnWebACL.BlockActionProperty(
            custom_response=wafv2.CfnWebACL.CustomResponseProperty(
                response_code=429,
                custom_response_body_key=_THROTTLED,
                response_headers=[
                    wafv2.CfnWebACL.CustomHTTPHeaderProperty(name=name, value=value)
                    for name, value in headers.items()
                ],
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
