"""Rules of the house for alarms: each reaches somebody, and counts what a function really counts."""

import json
import re

from tests.infra.synthesis import CHECKOUT, Properties, Synthesis
from tools.capacity.assumptions import ASSUMED


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


def test_a_configured_address_is_subscribed(synthesis: Synthesis) -> None:
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
    # What the CDK's own function fails at is in the events of the deployment.
    functions = [
        id_
        for id_, function in synthesis.resources("AWS::Lambda::Function").items()
        if function["Handler"] != "framework.onEvent"
    ]
    assert watched == {(metric, function) for metric in ("Errors", "Throttles") for function in functions}


def test_the_alarm_on_throttles_names_the_setting_to_raise(native: Synthesis) -> None:
    for alarm in alarms(native).values():
        if alarm["MetricName"] == "Throttles":
            name = alarm["AlarmDescription"].partition(" ")[0]
            own = {"ContactEvents": "functions.event_concurrency"}
            setting = own.get(name, "functions.reserved_concurrency")
            assert alarm["AlarmDescription"] == f"{name} was throttled: raise {setting}."
            assert alarm["Dimensions"][0]["Value"]["Ref"].startswith(name)


def test_tokens_that_cannot_be_verified_alarm(synthesis: Synthesis) -> None:
    of_authorizer = {
        alarm["MetricName"]: alarm["AlarmDescription"]
        for alarm in alarms(synthesis).values()
        if {"Name": "service", "Value": f"{synthesis.environment}-authorizer"} in alarm.get("Dimensions", [])
    }
    expected = {"ConfigurationFault", "KeysUnavailable", "UnforeseenError"}
    assert set(of_authorizer) == (set() if synthesis.issuer is None else expected)
    shown = json.dumps(list(synthesis.resources("AWS::CloudWatch::Dashboard").values()))
    for count in ("TokenAccepted", "TokenRefused"):
        assert (count in shown) == (synthesis.issuer is not None)


def test_contact_events_that_nobody_takes_alarm(synthesis: Synthesis) -> None:
    """They expire in their queue and never come to the dead-letter queue, whose alarm stays silent."""
    ((id_, queue),) = [
        (id_, of) for id_, of in synthesis.resources("AWS::SQS::Queue").items() if "RedrivePolicy" in of
    ]
    (alarm,) = [
        alarm
        for alarm in alarms(synthesis).values()
        if alarm["MetricName"] == "ApproximateAgeOfOldestMessage"
    ]
    assert alarm["Dimensions"] == [{"Name": "QueueName", "Value": {"Fn::GetAtt": [id_, "QueueName"]}}]
    assert (alarm["Statistic"], alarm["EvaluationPeriods"]) == ("Maximum", 1)
    longest_attempts = queue["RedrivePolicy"]["maxReceiveCount"] * queue["VisibilityTimeout"]
    assert longest_attempts < alarm["Threshold"] == 15 * 60
    # Most of the time that events are kept is left to do something.
    assert alarm["Threshold"] < queue["MessageRetentionPeriod"] / 4
    assert "15 minutes" in alarm["AlarmDescription"]
    for advice in ("functions.event_concurrency", "event source mapping"):
        assert advice in alarm["AlarmDescription"]


def test_functions_that_the_gateway_cannot_invoke_alarm(synthesis: Synthesis) -> None:
    """Callers get 429 then, which CloudWatch counts among the callers' errors, and Lambda hears nothing."""
    log = synthesis.the("AWS::ApiGateway::Stage")["AccessLogSetting"]
    counted = synthesis.the("AWS::Logs::MetricFilter")
    assert counted["LogGroupName"] in log["DestinationArn"]["Fn::Join"][1]
    pattern = re.fullmatch(r'\{ \$\.(\w+) = "(\w+)" \}', counted["FilterPattern"])
    assert pattern is not None
    assert json.loads(log["Format"])[pattern[1]] == "$context.error.responseType"
    (answer,) = [
        of
        for of in synthesis.resources("AWS::ApiGateway::GatewayResponse").values()
        if of["ResponseType"] == pattern[2]
    ]
    assert (answer["ResponseType"], answer["StatusCode"]) == ("INTEGRATION_FAILURE", "429")
    # A metric filter can give its metric no dimension of its own. Environments may share an account.
    metric = f"InAppCalling-{synthesis.environment}-Calling-IntegrationFailure"
    assert counted["MetricTransformations"] == [
        {"MetricNamespace": "InAppCalling", "MetricName": metric, "MetricValue": "1"}
    ]
    (alarm,) = [alarm for alarm in alarms(synthesis).values() if alarm["MetricName"] == metric]
    assert (alarm["Namespace"], alarm.get("Dimensions")) == ("InAppCalling", None)
    assert (alarm["Statistic"], alarm["Period"], alarm["Threshold"]) == ("Sum", 300, 5)
    for advice in ("functions.reserved_concurrency", "Throttles", "execution log"):
        assert advice in alarm["AlarmDescription"]


def test_the_alarms_that_a_month_is_calculated_with_are_those_that_there_are(native: Synthesis) -> None:
    """make capacity calculates an environment with a user pool."""
    if native.issuer is None:
        assert len(alarms(native)) == ASSUMED.alarms


def test_what_is_counted_is_what_the_functions_count(native: Synthesis) -> None:
    check_counts(native, without=set())


def check_counts(synthesis: Synthesis, *, without: set[str]) -> None:
    """Each metric is one that a function counts; all functions but those `without` faults have alarms."""
    sources = "".join(path.read_text(encoding="utf-8") for path in (CHECKOUT / "lambdas").rglob("*.py"))
    services = {
        function["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]
        for function in synthesis.resources("AWS::Lambda::Function").values()
        if function["Handler"].removesuffix(".handler.handler") not in {"framework.onEvent", *without}
    }
    # What API Gateway's log counts has no dimension.
    own = [
        alarm
        for alarm in alarms(synthesis).values()
        if alarm["Namespace"] == "InAppCalling" and "Dimensions" in alarm
    ]
    assert {alarm["Dimensions"][0]["Name"] for alarm in own} == {"service"}
    assert {alarm["Dimensions"][0]["Value"] for alarm in own} == services
    dashboard = json.dumps(list(synthesis.resources("AWS::CloudWatch::Dashboard").values()))
    shown = re.findall(r"InAppCalling\W+(\w+)\W+service", dashboard)
    assert shown
    for metric in {*shown, *(alarm["MetricName"] for alarm in own)}:
        # caller_context counts its answers by their name.
        answer = metric.removeprefix("Contact").lower()
        assert f'"{metric}"' in sources or f'"{answer}"' in sources
