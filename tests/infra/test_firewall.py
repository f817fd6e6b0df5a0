"""Rules of the house for the web application firewall: no pack reads its rules."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from infra.constructs.firewall import WINDOW_SECONDS, FirewallLimits
from tests.infra.synthesis import Properties, Synthesis
from tests.openapi import CONTRACT

RATE_RULES = ["RequestsPerIp", "StartsPerIp", "HangUpsPerIp", "RequestsPerToken", "StartsPerToken"]
PREFLIGHTS: tuple[Any, ...] = {"Method": {}}, "EXACTLY", "OPTIONS", "NONE"

# docs/apps.md: an app that waits reads the state every ten seconds at most.
EXAMPLES = CONTRACT["components"]["examples"]
# What answers ask of apps: of the state of a call that waits, and at worst of availability before it.
SECONDS_BETWEEN_READS = EXAMPLES["QueuedCall"]["value"]["AskAgainAfterSeconds"]
SECONDS_BETWEEN_LOOKS = EXAMPLES["NotKnown"]["value"]["AskAgainAfterSeconds"]


def rules(synthesis: Synthesis) -> dict[str, Properties]:
    ordered = sorted(synthesis.the("AWS::WAFv2::WebACL")["Rules"], key=lambda rule: rule["Priority"])
    return {rule["Name"]: rule for rule in ordered}


def rate(synthesis: Synthesis, name: str) -> Mapping[str, Any]:
    statement: Mapping[str, Any] = rules(synthesis)[name]["Statement"]["RateBasedStatement"]
    assert statement["EvaluationWindowSec"] == WINDOW_SECONDS
    return statement


def limits(synthesis: Synthesis) -> dict[str, int]:
    return {name: rate(synthesis, name)["Limit"] for name in RATE_RULES}


def match(statement: Mapping[str, Any]) -> tuple[Any, ...]:
    """Field, constraint, text and transformation of a match."""
    found = statement["ByteMatchStatement"]
    (transformation,) = found["TextTransformations"]
    return found["FieldToMatch"], found["PositionalConstraint"], found["SearchString"], transformation["Type"]


def test_one_address_cannot_take_the_quota_of_all(synthesis: Synthesis) -> None:
    name, *_ = rules(synthesis)
    assert name == "RequestsPerIp"
    statement = rate(synthesis, name)
    # With a token or without: one that is invented would be a new one each time.
    assert (statement["AggregateKeyType"], "CustomKeys" in statement) == ("IP", False)
    assert statement["Limit"] == synthesis.configuration.api.requests_per_ip_per_5_minutes
    # All but preflights, which browsers send of themselves.
    assert match(statement["ScopeDownStatement"]["NotStatement"]["Statement"]) == PREFLIGHTS


def test_one_address_starts_fewer_calls_than_it_sends_requests(synthesis: Synthesis) -> None:
    statement = rate(synthesis, "StartsPerIp")
    assert statement["AggregateKeyType"] == "IP"
    assert statement["Limit"] == synthesis.configuration.api.starts_per_ip_per_5_minutes
    assert statement["Limit"] <= synthesis.configuration.api.requests_per_ip_per_5_minutes
    check_starts(statement)


def check_starts(statement: Mapping[str, Any]) -> None:
    """Neither a slash behind it nor an encoded letter in it leads past the rule."""
    method, path = statement["ScopeDownStatement"]["AndStatement"]["Statements"]
    assert match(method) == ({"Method": {}}, "EXACTLY", "POST", "NONE")
    assert match(path) == ({"UriPath": {}}, "CONTAINS", "/start-call", "URL_DECODE")


def test_each_token_has_strict_limits_and_no_log_has_the_token(synthesis: Synthesis) -> None:
    api = synthesis.configuration.api
    requests, starts = rate(synthesis, "RequestsPerToken"), rate(synthesis, "StartsPerToken")
    for statement in (requests, starts):
        assert statement["AggregateKeyType"] == "CUSTOM_KEYS"
        assert statement["CustomKeys"] == [
            {"Header": {"Name": "authorization", "TextTransformations": [{"Priority": 0, "Type": "SHA256"}]}}
        ]
    assert requests["Limit"] == api.requests_per_token_per_5_minutes
    assert match(requests["ScopeDownStatement"]["NotStatement"]["Statement"]) == PREFLIGHTS
    assert starts["Limit"] == api.starts_per_token_per_5_minutes
    check_starts(starts)


def test_a_request_under_another_name_of_its_method_is_refused(synthesis: Synthesis) -> None:
    """API Gateway takes it for one of the method that the header names."""
    names = list(rules(synthesis))
    first_by_method = min(names.index(name) for name in ("StartsPerIp", "HangUpsPerIp", "StartsPerToken"))
    assert names.index("MethodOverride") < first_by_method
    rule = rules(synthesis)["MethodOverride"]
    assert rule["Statement"] == {
        "SizeConstraintStatement": {
            "FieldToMatch": {"SingleHeader": {"Name": "x-http-method-override"}},
            "ComparisonOperator": "GE",
            "Size": 0,
            "TextTransformations": [{"Priority": 0, "Type": "NONE"}],
        }
    }
    assert rule["Action"]["Block"]["CustomResponse"]["ResponseCode"] == 400


def test_three_addresses_hang_up_at_most_half_of_what_the_api_takes(synthesis: Synthesis) -> None:
    statement = rate(synthesis, "HangUpsPerIp")
    assert statement["AggregateKeyType"] == "IP"
    assert match(statement["ScopeDownStatement"]) == ({"Method": {}}, "EXACTLY", "DELETE", "NONE")
    (taken_a_second,) = [
        setting["ThrottlingRateLimit"]
        for setting in synthesis.the("AWS::ApiGateway::Stage")["MethodSettings"]
        if setting["HttpMethod"] == "DELETE"
    ]
    assert 3 * statement["Limit"] <= taken_a_second * WINDOW_SECONDS / 2


@pytest.mark.parametrize("rate_a_second", [1, 3, 5, 10, 500])
def test_the_limit_of_hang_ups_follows_what_the_api_takes(rate_a_second: int) -> None:
    limit = FirewallLimits(
        requests_per_ip=10_000,
        starts_per_ip=150,
        requests_per_token=300,
        starts_per_token=20,
        hang_up_rate=rate_a_second,
    ).hang_ups_per_ip
    # AWS WAF takes no limit below ten.
    assert 10 <= limit <= rate_a_second * WINDOW_SECONDS / 6


def test_a_hundred_waiting_callers_behind_one_address_stay_under_all_limits(native: Synthesis) -> None:
    """All of them look whether anybody is there for five minutes, start their calls, wait, come back once and
    hang up within the five minutes that are counted.
    """
    callers = 100
    reads = WINDOW_SECONDS // SECONDS_BETWEEN_READS + WINDOW_SECONDS // SECONDS_BETWEEN_LOOKS
    # One retry of the start each, with the same key.
    starts, rejoins, hang_ups = 2, 1, 1
    each = {
        "RequestsPerToken": starts + reads + rejoins + hang_ups,
        "StartsPerToken": starts,
    }
    together = {
        "RequestsPerIp": callers * each["RequestsPerToken"],
        # The retries of some.
        "StartsPerIp": callers + callers // 4,
        "HangUpsPerIp": callers * hang_ups,
    }
    allowed = limits(native)
    assert {name: sent for name, sent in (each | together).items() if sent > allowed[name]} == {}


def test_too_many_requests_are_answered_with_when_to_retry(synthesis: Synthesis) -> None:
    (action,) = {json.dumps(rules(synthesis)[name]["Action"]) for name in RATE_RULES}
    answer = json.loads(action)["Block"]["CustomResponse"]
    assert answer["ResponseCode"] == 429
    assert {"Name": "Retry-After", "Value": "300"} in answer["ResponseHeaders"]


def test_every_refusal_is_a_problem_of_its_status(synthesis: Synthesis) -> None:
    bodies = synthesis.the("AWS::WAFv2::WebACL")["CustomResponseBodies"]
    used = set()
    for rule in rules(synthesis).values():
        if "Action" in rule:
            answer = rule["Action"]["Block"]["CustomResponse"]
            used.add(answer["CustomResponseBodyKey"])
            problem = json.loads(bodies[answer["CustomResponseBodyKey"]]["Content"])
            assert problem["status"] == answer["ResponseCode"]
            assert problem["type"] == f"urn:in-app-calling:problem:{answer['CustomResponseBodyKey']}"
    assert used == set(bodies)


def test_awss_rules_block(synthesis: Synthesis) -> None:
    managed = [rule for rule in rules(synthesis).values() if "OverrideAction" in rule]
    assert [rule["Statement"]["ManagedRuleGroupStatement"]["Name"] for rule in managed] == [
        "AWSManagedRulesAmazonIpReputationList",
        "AWSManagedRulesKnownBadInputsRuleSet",
        "AWSManagedRulesCommonRuleSet",
    ]
    assert all(rule["OverrideAction"] == {"None": {}} for rule in managed)
    overridden = {
        override["Name"]: override["ActionToUse"]
        for rule in managed
        for override in rule["Statement"]["ManagedRuleGroupStatement"].get("RuleActionOverrides", [])
    }
    # The function limits bodies itself; the rule's limit is below what the contract allows. The others refuse
    # an address of a local network in a text, as {"page": "http://192.168.0.10:3000/help"}.
    assert overridden == {
        name: {"Count": {}} for name in ("SizeRestrictions_BODY", "GenericRFI_BODY", "EC2MetaDataSSRF_BODY")
    }


def test_the_firewall_stands_before_the_stage(synthesis: Synthesis) -> None:
    acl = synthesis.the("AWS::WAFv2::WebACL")
    (stage,) = synthesis.resources("AWS::ApiGateway::Stage")
    association = synthesis.the("AWS::WAFv2::WebACLAssociation")
    assert acl["Scope"] == "REGIONAL"
    assert acl["DefaultAction"] == {"Allow": {}}
    assert stage in json.dumps(association["ResourceArn"])


def test_no_token_is_in_the_firewalls_log_or_samples(synthesis: Synthesis) -> None:
    acl = synthesis.the("AWS::WAFv2::WebACL")
    logging = synthesis.the("AWS::WAFv2::LoggingConfiguration")
    assert logging["RedactedFields"] == [{"SingleHeader": {"Name": "authorization"}}]
    for visible in (acl, *acl["Rules"]):
        assert visible["VisibilityConfig"]["SampledRequestsEnabled"] is False
