"""Rules of the house for alarms: each reaches somebody, and counts what a function really counts."""

import fnmatch
import itertools
import json
import re
from collections.abc import Mapping

import pytest

from infra.constructs.error_budget import BURNS, Burn
from tests.documents.test_documents import anchors
from tests.infra.synthesis import CHECKOUT, Properties, Synthesis
from tools.capacity.assumptions import ASSUMED


def alarms(synthesis: Synthesis) -> dict[str, Properties]:
    return synthesis.resources("AWS::CloudWatch::Alarm")


def metrics(synthesis: Synthesis) -> list[Properties]:
    """What all alarms look at, alone or in an expression."""
    return [
        metric
        for alarm in alarms(synthesis).values()
        for metric in (
            [part["MetricStat"]["Metric"] for part in alarm["Metrics"] if "MetricStat" in part]
            if "Metrics" in alarm
            else [alarm]
        )
    ]


def expression(alarm: Properties) -> tuple[str, dict[str, Properties]]:
    """The expression of an alarm, and what its names stand for."""
    (text,) = [part["Expression"] for part in alarm["Metrics"] if "Expression" in part]
    return text, {part["Id"]: part["MetricStat"] for part in alarm["Metrics"] if "MetricStat" in part}


def named_alarm(synthesis: Synthesis, name: str) -> Properties:
    """The alarm that its stack calls so."""
    (alarm,) = [
        of for id_, of in alarms(synthesis).items() if re.fullmatch(rf"Monitoring{name}[0-9A-F]{{8}}", id_)
    ]
    return alarm


def rule(synthesis: Synthesis) -> tuple[str, list[str]]:
    """The rule of the composite alarm as a Python expression of the alarms' logical ids, and these."""
    parts = synthesis.the("AWS::CloudWatch::CompositeAlarm")["AlarmRule"]["Fn::Join"][1]
    ids = [part["Fn::GetAtt"][0] for part in parts if isinstance(part, dict)]
    text = "".join(part if isinstance(part, str) else part["Fn::GetAtt"][0] for part in parts)
    return re.sub(r'ALARM\("(\w+)"\)', r"\1", text).replace("AND", "and").replace("OR", "or"), ids


def is_in_alarm(synthesis: Synthesis, *on: str) -> bool:
    """Whether the composite alarm is on while these are, by their names."""
    text, ids = rule(synthesis)
    states = {id_: any(re.fullmatch(rf"Monitoring{name}[0-9A-F]{{8}}", id_) for name in on) for id_ in ids}
    assert sum(states.values()) == len(on)
    return bool(eval(text, {}, states))  # noqa: S307 our own template


def test_every_alarm_says_what_to_do_and_notifies_by_itself_or_by_the_composite_alarm(
    synthesis: Synthesis,
) -> None:
    for stack in synthesis.with_functions:
        (topic,) = stack.resources("AWS::SNS::Topic")
        composite = stack.resources("AWS::CloudWatch::CompositeAlarm")
        assert all(alarm["AlarmActions"] == [{"Ref": topic}] for alarm in composite.values())
        notified_for = rule(stack)[1] if composite else []
        assert alarms(stack)
        for id_, alarm in alarms(stack).items():
            assert alarm.get("AlarmActions", []) == ([] if id_ in notified_for else [{"Ref": topic}])
            assert alarm["TreatMissingData"] == "notBreaching"
        for alarm in (*alarms(stack).values(), *composite.values()):
            assert 60 < len(alarm["AlarmDescription"]) <= 1024


def test_every_alarm_names_the_section_of_the_documents_that_names_it(synthesis: Synthesis) -> None:
    composite = synthesis.resources("AWS::CloudWatch::CompositeAlarm")
    for id_, alarm in (alarms(synthesis) | composite).items():
        named = re.search(r" Runbook: (docs/[a-z-]+\.md)#([a-z0-9-]+)$", alarm["AlarmDescription"])
        assert named, alarm["AlarmDescription"]
        document = CHECKOUT / named[1]
        assert named[2] in anchors(document)
        [heading] = [
            found
            for found in re.findall(r"^### (.+)$", document.read_text(encoding="utf-8"), re.MULTILINE)
            if re.sub(r"[^a-z-]", "", found.lower().replace(" ", "-")) == named[2]
        ]
        names = [re.escape(name).replace("…", r"\w*") for name in heading.split(" and ")]
        assert re.fullmatch(rf"Monitoring\w*({'|'.join(names)})[0-9A-F]{{8}}", id_), (id_, heading)


def test_callers_cannot_reach_us_while_one_of_four_things_is_wrong(synthesis: Synthesis) -> None:
    fast, slow = (
        ("StartsFailing1Hour", "StartsFailing5Minutes"),
        ("StartsFailing6Hours", "StartsFailing30Minutes"),
    )
    assert not is_in_alarm(synthesis)
    for on in (fast, slow, ("ConnectConcurrencyQuotaBreached",), ("ContactEventsMissing",)):
        assert is_in_alarm(synthesis, *on)
    # One window of two says nothing: it was long ago, or it was a moment. Nor do two of different speeds.
    for one, other in itertools.product(fast, slow):
        assert not is_in_alarm(synthesis, one, other)


def test_the_composite_alarm_may_publish(synthesis: Synthesis) -> None:
    """The topic takes messages of alarms whose names begin with the stack's."""
    name = synthesis.the("AWS::CloudWatch::CompositeAlarm")["AlarmName"]
    assert name == f"InAppCalling-{synthesis.environment}-Calling-CallersCannotReachUs"


def share(alarm: Properties, **counts: int) -> float:
    """What an alarm's expression makes of these counts; the others were never published."""
    text, of = expression(alarm)
    known = {id_: counts.get(stat["Metric"]["MetricName"].rpartition("-")[2]) for id_, stat in of.items()}
    condition, value, otherwise = re.fullmatch(r"IF\((.+), (\(.+\)), (\d+)\)", text).groups()  # type: ignore[union-attr]
    names = {"FILL": lambda count, missing: missing if count is None else count, **known}
    chosen = value if eval(condition, {}, names) else otherwise  # noqa: S307 our own template
    return float(eval(chosen, {}, names))  # noqa: S307


@pytest.mark.parametrize("burn", BURNS, ids=lambda burn: burn.name)
def test_a_share_of_failed_starts_burns_the_budget(native: Synthesis, burn: Burn) -> None:
    long, short = [
        named_alarm(native, name)
        for name in {"fast": ("StartsFailing1Hour", "StartsFailing5Minutes"),
                     "slow": ("StartsFailing6Hours", "StartsFailing30Minutes")}[burn.name]
    ]  # fmt: skip
    expected = {"fast": (0.072, 3_600, 300), "slow": (0.03, 21_600, 1_800)}[burn.name]
    for alarm, period in zip((long, short), expected[1:], strict=True):
        assert alarm["Threshold"] == expected[0]
        assert {stat["Period"] for stat in expression(alarm)[1].values()} == {period}
        assert share(alarm, StartsAnswered=900, StartsFailed=100) == 0.1
        # All that was not answered as an operator wants it, or to one user who tries again and again.
        assert share(alarm, StartsAnswered=900, StartsFailed=100, StartStopped=100) == 0
        assert share(alarm, StartsAnswered=900, StartsFailed=100, StartRefusedAgain=100) == 0
        assert share(alarm, StartsAnswered=900) == 0
        assert share(alarm) == 0
    # A total failure of few calls, and the first failure of so many that a share says something.
    few = burn.min_requests - 1
    assert share(long, StartsFailed=few) == 0
    assert share(short, StartsFailed=few) == 1
    assert share(long, StartsFailed=few + 1) == 1
    assert share(long, StartsAnswered=few, StartsFailed=1) < long["Threshold"]


def matches(pattern: str, line: Mapping[str, str]) -> bool:
    """Whether a line of a log matches a filter pattern of CloudWatch Logs, of those that there are here."""
    tests = re.sub(
        r'\$\.(\w+) = "([^"]+)"',
        lambda found: str(fnmatch.fnmatchcase(line.get(found[1], "-"), found[2])),
        pattern.strip("{} "),
    )
    return bool(eval(tests.replace("&&", "and").replace("||", "or"), {}))  # noqa: S307 our own template


START = {"method": "POST", "resourcePath": "/start-call", "status": "201", "errorType": "-"}


@pytest.mark.parametrize(
    ("line", "counted"),
    [
        ({}, "StartsAnswered"),
        ({"status": "200"}, "StartsAnswered"),
        ({"status": "500"}, "StartsFailed"),
        ({"status": "503"}, "StartsFailed"),
        ({"status": "504", "errorType": "INTEGRATION_TIMEOUT"}, "StartsFailed"),
        ({"status": "500", "errorType": "AUTHORIZER_FAILURE"}, "StartsFailed"),
        ({"status": "429", "errorType": "INTEGRATION_FAILURE"}, "StartsFailed"),
        ({"status": "429", "errorType": "THROTTLED"}, None),
        ({"status": "401", "errorType": "UNAUTHORIZED"}, None),
        ({"status": "409"}, None),
        ({"resourcePath": "/calls/{ContactId}", "method": "DELETE", "status": "503"}, None),
        ({"method": "OPTIONS", "status": "500"}, None),
    ],
)
def test_starts_are_counted_by_what_the_caller_is_answered(
    native: Synthesis, line: dict[str, str], counted: str | None
) -> None:
    log = native.the("AWS::ApiGateway::Stage")["AccessLogSetting"]
    assert START.keys() <= json.loads(log["Format"]).keys()
    filters = {
        of["MetricTransformations"][0]["MetricName"].rpartition("-")[2]: of["FilterPattern"]
        for of in native.resources("AWS::Logs::MetricFilter").values()
    }
    starts = {name: pattern for name, pattern in filters.items() if name.startswith("Starts")}
    assert len(starts) == 2
    found = [name for name, pattern in starts.items() if matches(pattern, START | line)]
    assert found == ([] if counted is None else [counted])


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
        (metric["MetricName"], metric["Dimensions"][0]["Value"]["Ref"])
        for metric in metrics(synthesis)
        if metric["Namespace"] == "AWS/Lambda"
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
        if alarm.get("MetricName") == "Throttles":
            name = alarm["AlarmDescription"].partition(" ")[0]
            own = {"ContactEvents": "functions.event_concurrency"}
            setting = own.get(name, "functions.reserved_concurrency")
            assert alarm["AlarmDescription"].startswith(f"{name} was throttled: raise {setting}. Runbook: ")
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
        if alarm.get("MetricName") == "ApproximateAgeOfOldestMessage"
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
    metric = f"InAppCalling-{synthesis.environment}-Calling-IntegrationFailure"
    (counted,) = (
        of
        for of in synthesis.resources("AWS::Logs::MetricFilter").values()
        if of["MetricTransformations"][0]["MetricName"] == metric
    )
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
    assert counted["MetricTransformations"] == [
        {"MetricNamespace": "InAppCalling", "MetricName": metric, "MetricValue": "1"}
    ]
    (alarm,) = [alarm for alarm in alarms(synthesis).values() if alarm.get("MetricName") == metric]
    assert (alarm["Namespace"], alarm.get("Dimensions")) == ("InAppCalling", None)
    assert (alarm["Statistic"], alarm["Period"], alarm["Threshold"]) == ("Sum", 300, 5)
    for advice in ("functions.reserved_concurrency", "Throttles", "execution log"):
        assert advice in alarm["AlarmDescription"]


def test_tokens_that_the_gateway_cannot_have_verified_alarm(synthesis: Synthesis) -> None:
    """Of an authorizer that is throttled or may not be invoked, its own metrics and log hold nothing."""
    metric = f"InAppCalling-{synthesis.environment}-Calling-AuthorizerFailure"
    (counted,) = (
        of
        for of in synthesis.resources("AWS::Logs::MetricFilter").values()
        if of["MetricTransformations"][0]["MetricName"] == metric
    )
    assert re.findall(r'\$\.errorType = "(\w+)"', counted["FilterPattern"]) == [
        "AUTHORIZER_FAILURE",
        "AUTHORIZER_CONFIGURATION_ERROR",
    ]
    assert " || " in counted["FilterPattern"]
    alarm = named_alarm(synthesis, "AuthorizerFailures")
    assert alarm["Threshold"] == 5
    if synthesis.issuer is None:
        assert (alarm["MetricName"], alarm["Statistic"]) == (metric, "Sum")
        return
    # Without those that the function raises itself: it has alarms of its own for what of that is a fault.
    text, of = expression(alarm)
    assert text == "failures - FILL(errors, 0)"
    assert of["failures"]["Metric"]["MetricName"] == metric
    errors = of["errors"]["Metric"]
    assert errors["MetricName"] == "Errors"
    assert errors["Dimensions"][0]["Value"]["Ref"].startswith("Authorizer")
    assert named_alarm(synthesis, "AuthorizerThrottles")["MetricName"] == "Throttles"


def test_errors_of_the_authorizer_that_anybody_can_cause_alarm_nobody(synthesis: Synthesis) -> None:
    """It raises for the id of a key that it does not know yet, which anybody can invent."""
    if synthesis.issuer is None:
        return
    text, of = expression(named_alarm(synthesis, "AuthorizerErrors"))
    assert text == "errors - FILL(tokenEarly, 0) - FILL(keyUnknown, 0)"
    assert {id_: metric["Metric"]["MetricName"] for id_, metric in of.items()} == {
        "errors": "Errors",
        "tokenEarly": "TokenEarly",
        "keyUnknown": "KeyUnknown",
    }


def test_events_that_are_not_delivered_alarm_for_each_rule(synthesis: Synthesis) -> None:
    watched = {
        (alarm["MetricName"], alarm["Dimensions"][0]["Value"]["Ref"])
        for alarm in alarms(synthesis).values()
        if alarm.get("Namespace") == "AWS/Events"
    }
    rules = synthesis.resources("AWS::Events::Rule")
    metrics = ("FailedInvocations", "InvocationsFailedToBeSentToDlq")
    assert watched == {(metric, rule) for metric in metrics for rule in rules}


def test_calls_without_events_alarm(synthesis: Synthesis) -> None:
    """An event that matches no rule fails nowhere."""
    ((id_, _),) = [
        (id_, of) for id_, of in synthesis.resources("AWS::SQS::Queue").items() if "RedrivePolicy" in of
    ]
    alarm = named_alarm(synthesis, "ContactEventsMissing")
    text, of = expression(alarm)
    started, sent = of["started"], of["sent"]
    assert (started["Metric"]["MetricName"], started["Metric"]["Dimensions"]) == (
        "CallStarted",
        [{"Name": "service", "Value": f"{synthesis.environment}-start-call"}],
    )
    assert (sent["Metric"]["MetricName"], sent["Metric"]["Dimensions"]) == (
        "NumberOfMessagesSent",
        [{"Name": "QueueName", "Value": {"Fn::GetAtt": [id_, "QueueName"]}}],
    )
    # Both of one hour, in which the last of some calls may have been started just now.
    assert started["Period"] == sent["Period"] == 3_600
    assert text == "IF(FILL(started, 0) >= 3 AND FILL(sent, 0) == 0, 1, 0)"
    assert (alarm["Threshold"], alarm["EvaluationPeriods"]) == (1, 1)


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
        if alarm.get("Namespace") == "InAppCalling" and "Dimensions" in alarm
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


CONNECT_METRICS = {
    "ConnectConcurrencyQuotaBreached": ("CallsBreachingConcurrencyQuota", 1, "concurrent active calls"),
    "ConnectConcurrencyQuotaNear": ("ConcurrentCallsPercentage", 0.8, "80%"),
    "ConnectCallsThrottled": ("ThrottledCalls", 1, "connect.quotas.start_webrtc_contact_rate"),
    "ConnectCallsMissed": ("MissedCalls", 5, "supervisor"),
}
CONNECT_QUERIES = {
    "ConnectFlowFatalErrors": ("ContactFlowFatalErrors", "ContactFlow", 1, "caller_context"),
    "ConnectFlowErrors": ("ContactFlowErrors", "ContactFlow", 5, "caller_context"),
    "ConnectQueueFull": ("QueueCapacityExceededError", "Queue", 1, "limit"),
}


def instance_id(synthesis: Synthesis) -> Properties | str:
    """As the template has it: the end of an ARN that may be known at deployment only."""
    arn = synthesis.outputs["ConnectInstanceArn"]["Value"]
    if isinstance(arn, str):
        return arn.rpartition("/")[2]
    return {"Fn::Select": [1, {"Fn::Split": ["/", arn]}]}


def test_what_connect_counts_of_calls_alarms(synthesis: Synthesis) -> None:
    for name, (metric, threshold, advice) in CONNECT_METRICS.items():
        alarm = named_alarm(synthesis, name)
        assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/Connect", metric)
        assert sorted(alarm["Dimensions"], key=lambda each: each["Name"]) == [
            {"Name": "InstanceId", "Value": instance_id(synthesis)},
            {"Name": "MetricGroup", "Value": "VoiceCalls"},
        ]
        assert alarm["Threshold"] == threshold
        assert advice in alarm["AlarmDescription"]


def test_a_share_of_the_quota_is_a_fraction(synthesis: Synthesis) -> None:
    """The metric is called a percentage, and 80 would never be reached."""
    alarm = named_alarm(synthesis, "ConnectConcurrencyQuotaNear")
    assert (alarm["Statistic"], alarm["Threshold"]) == ("Maximum", 0.8)


def test_errors_of_flows_and_full_queues_alarm_whatever_they_are_called(synthesis: Synthesis) -> None:
    """A deployment that adopts them by ARN has no names, which the metrics carry."""
    for name, (metric, group, threshold, advice) in CONNECT_QUERIES.items():
        alarm = named_alarm(synthesis, name)
        (query,) = alarm["Metrics"]
        text = query["Expression"]
        if not isinstance(text, str):
            text = "".join(part if isinstance(part, str) else "<id>" for part in text["Fn::Join"][1])
        else:
            text = text.replace(str(instance_id(synthesis)), "<id>")
        assert text == (
            f'SELECT SUM({metric}) FROM SCHEMA("AWS/Connect", {group}Name, InstanceId, MetricGroup) '  # noqa: S608
            f"WHERE InstanceId = '<id>' AND MetricGroup = '{group}'"
        )
        assert alarm["Threshold"] == threshold
        assert advice in alarm["AlarmDescription"]


def test_the_dashboard_shows_which_flow_or_queue_it_is(synthesis: Synthesis) -> None:
    shown = json.dumps(synthesis.alone("Calling").the("AWS::CloudWatch::Dashboard"))
    for metric in ("ContactFlowErrors", "ContactFlowFatalErrors", "QueueCapacityExceededError"):
        assert re.search(rf"SEARCH[^)]*MetricName=[\\\"]+{metric}", shown)


def test_connect_has_metrics_of_every_flow_that_is_created(synthesis: Synthesis) -> None:
    """It has none of a flow whose name holds any other character (administrator guide, "Monitoring your
    instance using CloudWatch").
    """
    for flow in synthesis.resources("AWS::Connect::ContactFlow").values():
        assert re.fullmatch(r"[A-Za-z0-9 .,_/#:$@&{}+?%|-]+", flow["Name"])
