"""Rules of the house for the functions of the SIP bridge, and for what it passes to others."""

from __future__ import annotations

from infra.functions.sources import SOURCES
from infra.sip_bridge.functions import media_application, resources
from infra.sip_bridge.section import MAX_CONCURRENCY
from tests.infra.synthesis import Properties, Synthesis
from tests.infra.test_functions import functions, package
from tests.infra.test_monitoring import alarms, check_counts

# A SIP media application hangs up a call without an answer after this.
SIP_MEDIA_SECONDS = 20

MEDIA_APPLICATION, RESOURCES = media_application.SOURCE.package, resources.SOURCE.package


def the_function(synthesis: Synthesis, name: str) -> Properties:
    (function,) = [of for of in functions(synthesis).values() if package(of) == name]
    return function


def framework(synthesis: Synthesis) -> Properties:
    """The CDK's own function between CloudFormation and that of the custom resources."""
    (function,) = [
        of
        for of in synthesis.resources("AWS::Lambda::Function").values()
        if of["Handler"] == "framework.onEvent"
    ]
    return function


def test_the_bridge_has_two_functions_more(bridged: Synthesis) -> None:
    expected = {*SOURCES, MEDIA_APPLICATION, RESOURCES} - {"authorizer"}
    assert sorted(map(package, functions(bridged).values())) == sorted(expected)


def test_each_answers_before_its_caller_gives_up(bridged: Synthesis) -> None:
    assert the_function(bridged, MEDIA_APPLICATION)["Timeout"] < SIP_MEDIA_SECONDS
    # The framework has to answer CloudFormation too.
    assert the_function(bridged, RESOURCES)["Timeout"] <= framework(bridged)["Timeout"] - 60


def test_calls_have_the_configured_concurrency_and_deployments_little(bridged: Synthesis) -> None:
    configured = bridged.configuration.functions.reserved_concurrency
    assert the_function(bridged, MEDIA_APPLICATION)["ReservedConcurrentExecutions"] == configured
    for function in (the_function(bridged, RESOURCES), framework(bridged)):
        assert function["ReservedConcurrentExecutions"] == MAX_CONCURRENCY


def test_deployments_start_from_no_snapshot(bridged: Synthesis) -> None:
    assert "SnapStart" not in the_function(bridged, RESOURCES)


def test_the_alarm_on_throttled_custom_resources_names_what_to_raise(bridged: Synthesis) -> None:
    (advice,) = [
        alarm["AlarmDescription"]
        for alarm in alarms(bridged).values()
        if alarm.get("MetricName") == "Throttles" and "BridgeResources" in alarm["AlarmDescription"]
    ]
    setting = "MAX_CONCURRENCY of infra/sip_bridge/section.py"
    assert advice.startswith(f"BridgeResources was throttled: raise {setting}. Runbook: ")


def test_what_is_counted_is_what_the_functions_count(bridged: Synthesis) -> None:
    # What custom resources fail at is in the events of the deployment.
    check_counts(bridged, without={RESOURCES})


def test_meetings_that_cannot_be_deleted_alarm(bridged: Synthesis, plain: Synthesis) -> None:
    counted = {
        alarm["Dimensions"][0]["Value"].removeprefix(f"{bridged.environment}-")
        for alarm in alarms(bridged).values()
        if alarm.get("MetricName") == "MeetingDeleteFailed"
    }
    assert counted == {"start-call", "contact-events", media_application.SOURCE.name}
    assert "MeetingDeleteFailed" not in {alarm.get("MetricName") for alarm in alarms(plain).values()}


def test_voice_connectors_may_invoke_the_media_application_of_their_account(bridged: Synthesis) -> None:
    permissions = bridged.resources("AWS::Lambda::Permission").values()
    assert {permission["Principal"] for permission in permissions} == {
        "apigateway.amazonaws.com",
        "connect.amazonaws.com",
        "voiceconnector.chime.amazonaws.com",
    }
    assert {permission["Action"] for permission in permissions} == {"lambda:InvokeFunction"}


def test_the_flow_is_one_more(bridged: Synthesis, plain: Synthesis) -> None:
    type_ = "AWS::Connect::ContactFlow"
    assert len(bridged.resources(type_)) == len(plain.resources(type_)) + 1
