"""Rules of the house for alarms: each reaches somebody, and counts what a function really counts."""

import json
import re

from tests.infra.synthesis import CHECKOUT, Properties, Synthesis


def alarms(synthesis: Synthesis) -> dict[str, Properties]:
    return synthesis.resources("AWS::CloudWatch::Alarm")


def test_every_alarm_goes_to_its_stacks_topic_and_says_what_to_do(synthesis: Synthesis) -> None:
    for stack in synthesis.with_functions:
        (topic,) = stack.resources("AWS::SNS::Topic")
        assert alarms(stack)
        for alarm in alarms(stack).values():
            assert alarm["AlarmActions"] == [{"Ref": topic}]
            assert alarm["TreatMissingData"] == "notBreaching"
            assert len(alarm["AlarmDescription"]) > 40


def test_alarms_of_a_stack_may_publish_and_only_over_tls(synthesis: Synthesis) -> None:
    account, region = synthesis.configuration.account, synthesis.configuration.region
    for stack in synthesis.with_functions:
        (name,) = stack.templates
        statements = stack.the("AWS::SNS::TopicPolicy")["PolicyDocument"]["Statement"]
        allowed = [statement for statement in statements if statement["Effect"] == "Allow"]
        denied = [statement for statement in statements if statement["Effect"] == "Deny"]
        (publish,) = allowed
        assert publish["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
        assert publish["Action"] == "sns:Publish"
        assert publish["Condition"] == {
            "StringEquals": {"aws:SourceAccount": account},
            "ArnLike": {
                "aws:SourceArn": f"arn:aws:cloudwatch:{region}:{account}:alarm:"
                f"InAppCalling-{synthesis.environment}-{name}-*"
            },
        }
        assert [statement["Condition"] for statement in denied] == [
            {"Bool": {"aws:SecureTransport": "false"}}
        ]


def test_alarms_may_use_the_topics_key(synthesis: Synthesis) -> None:
    for stack in synthesis.with_functions:
        (statement,) = [
            statement
            for statement in stack.the("AWS::KMS::Key")["KeyPolicy"]["Statement"]
            if statement["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
        ]
        assert set(statement["Action"]) == {"kms:Decrypt", "kms:GenerateDataKey"}


def test_a_configured_address_is_told(synthesis: Synthesis) -> None:
    email = synthesis.configuration.alarms.email
    for stack in synthesis.with_functions:
        addresses = [
            subscription["Endpoint"] for subscription in stack.resources("AWS::SNS::Subscription").values()
        ]
        assert addresses == ([] if email is None else [email])


def test_every_function_is_watched(synthesis: Synthesis) -> None:
    watched = {
        (alarm["MetricName"], alarm["Dimensions"][0]["Value"]["Ref"])
        for alarm in alarms(synthesis).values()
        if alarm["Namespace"] == "AWS/Lambda"
    }
    # Of the CDK's own function CloudFormation tells the person who deploys.
    functions = [
        id_
        for id_, function in synthesis.resources("AWS::Lambda::Function").items()
        if function["Handler"] != "framework.onEvent"
    ]
    assert watched == {(metric, function) for metric in ("Errors", "Throttles") for function in functions}


# What limits the functions that callers do not wait for.
OF_THEIR_OWN = {
    "ContactEvents": "functions.event_concurrency",
    "BridgeResources": "MOST_AT_ONCE of infra/constructs/custom_resources.py",
}


def test_an_operator_is_told_which_setting_a_throttled_function_needs(synthesis: Synthesis) -> None:
    for alarm in alarms(synthesis).values():
        if alarm["MetricName"] == "Throttles":
            name = alarm["AlarmDescription"].partition(" ")[0]
            setting = OF_THEIR_OWN.get(name, "functions.reserved_concurrency")
            assert alarm["AlarmDescription"] == f"{name} was throttled: raise {setting}."
            assert alarm["Dimensions"][0]["Value"]["Ref"].startswith(name)


def test_an_operator_is_told_when_tokens_cannot_be_verified(synthesis: Synthesis) -> None:
    of_authorizer = {
        alarm["MetricName"]: alarm["AlarmDescription"]
        for alarm in alarms(synthesis).values()
        if {"Name": "service", "Value": f"{synthesis.environment}-authorizer"} in alarm["Dimensions"]
    }
    expected = {"ConfigurationFault", "KeysUnavailable", "UnforeseenError"}
    assert set(of_authorizer) == (set() if synthesis.issuer is None else expected)
    shown = json.dumps(list(synthesis.resources("AWS::CloudWatch::Dashboard").values()))
    for count in ("TokenAccepted", "TokenRefused"):
        assert (count in shown) == (synthesis.issuer is not None)


def test_what_is_counted_is_what_the_functions_count(synthesis: Synthesis) -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in (CHECKOUT / "lambdas").rglob("*.py"))
    # bridge_resources counts nothing: it fails, and that is told to the person who deploys.
    services = {
        function["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]
        for function in synthesis.resources("AWS::Lambda::Function").values()
        if function["Handler"] not in {"framework.onEvent", "bridge_resources.handler.handler"}
    }
    own = [alarm for alarm in alarms(synthesis).values() if alarm["Namespace"] == "InAppCalling"]
    assert {alarm["Dimensions"][0]["Name"] for alarm in own} == {"service"}
    assert {alarm["Dimensions"][0]["Value"] for alarm in own} == services
    dashboard = json.dumps(list(synthesis.resources("AWS::CloudWatch::Dashboard").values()))
    shown = re.findall(r"InAppCalling\W+(\w+)\W+service", dashboard)
    assert shown
    for metric in {*shown, *(alarm["MetricName"] for alarm in own)}:
        # caller_context counts its answers by their name.
        answer = metric.removeprefix("Contact").lower()
        assert f'"{metric}"' in sources or f'"{answer}"' in sources
