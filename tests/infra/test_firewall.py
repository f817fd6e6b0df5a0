"""Rules of the house for the web application firewall: no pack reads its rules."""

import json

from tests.infra.synthesis import Properties, Synthesis


def rules(synthesis: Synthesis) -> dict[str, Properties]:
    ordered = sorted(synthesis.the("AWS::WAFv2::WebACL")["Rules"], key=lambda rule: rule["Priority"])
    return {rule["Name"]: rule for rule in ordered}


def test_one_address_cannot_take_the_quota_of_all(synthesis: Synthesis) -> None:
    first, *_ = rules(synthesis).values()
    assert first["Name"] == "RequestsPerIp"
    assert first["Statement"]["RateBasedStatement"] == {
        "AggregateKeyType": "IP",
        "EvaluationWindowSec": 300,
        "Limit": synthesis.configuration.api.requests_per_ip_per_5_minutes,
    }


def test_one_address_starts_fewer_calls_than_it_sends_requests(synthesis: Synthesis) -> None:
    # Behind the rule for all requests, which so counts these too.
    _, second, *_ = rules(synthesis).values()
    assert second["Name"] == "StartsPerIp"
    rate = second["Statement"]["RateBasedStatement"]
    assert (rate["AggregateKeyType"], rate["EvaluationWindowSec"]) == ("IP", 300)
    assert rate["Limit"] == synthesis.configuration.api.starts_per_ip_per_5_minutes
    assert rate["Limit"] <= synthesis.configuration.api.requests_per_ip_per_5_minutes
    method, path = (
        match["ByteMatchStatement"] for match in rate["ScopeDownStatement"]["AndStatement"]["Statements"]
    )
    assert (method["FieldToMatch"], method["PositionalConstraint"]) == ({"Method": {}}, "EXACTLY")
    assert method["SearchString"] == "POST"
    assert method["TextTransformations"] == [{"Priority": 0, "Type": "NONE"}]
    # Neither a slash behind it nor an encoded letter in it leads past the rule.
    assert (path["FieldToMatch"], path["PositionalConstraint"]) == ({"UriPath": {}}, "CONTAINS")
    assert path["SearchString"] == "/start-call"
    assert path["TextTransformations"] == [{"Priority": 0, "Type": "URL_DECODE"}]


def test_too_many_requests_are_answered_with_when_to_retry(synthesis: Synthesis) -> None:
    first, second, *_ = rules(synthesis).values()
    assert first["Action"] == second["Action"]
    answer = first["Action"]["Block"]["CustomResponse"]
    assert answer["ResponseCode"] == 429
    assert {"Name": "Retry-After", "Value": "300"} in answer["ResponseHeaders"]
    body = synthesis.the("AWS::WAFv2::WebACL")["CustomResponseBodies"][answer["CustomResponseBodyKey"]]
    assert json.loads(body["Content"])["status"] == 429


def test_awss_rules_block(synthesis: Synthesis) -> None:
    _, _, *managed = rules(synthesis).values()
    assert [rule["Statement"]["ManagedRuleGroupStatement"]["Name"] for rule in managed] == [
        "AWSManagedRulesAmazonIpReputationList",
        "AWSManagedRulesKnownBadInputsRuleSet",
        "AWSManagedRulesCommonRuleSet",
    ]
    assert all(rule["OverrideAction"] == {"None": {}} for rule in managed)
    overridden = [
        override["Name"]
        for rule in managed
        for override in rule["Statement"]["ManagedRuleGroupStatement"].get("RuleActionOverrides", [])
    ]
    # The function limits bodies itself; the rule's limit is below what the contract allows.
    assert overridden == ["SizeRestrictions_BODY"]


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
