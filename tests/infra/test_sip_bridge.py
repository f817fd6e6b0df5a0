"""What [sip_bridge] adds to an environment, and that without it nothing of it is there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from copy import replace
from pathlib import Path
from typing import Any

import pytest

from infra.config import (
    AdoptedCallerNumber,
    AdoptedConnectNumber,
    AdoptedVoiceConnector,
    ClaimedConnectNumber,
    Configuration,
    OrderedCallerNumber,
    OwnVoiceConnector,
    SipBridge,
    environments,
    load,
)
from infra.configuration import Transport
from tests.infra.synthesis import CHECKOUT, Properties, Synthesis, synthesize_unchecked

ENVIRONMENT = "local-bridge"
SIP_MESSAGES = "/aws/ChimeVoiceConnectorSipMessages/"


def settings_of(configuration: Configuration) -> SipBridge:
    assert configuration.sip_bridge is not None
    return configuration.sip_bridge


@pytest.fixture(scope="module")
def bridged(tmp_path_factory: pytest.TempPathFactory) -> Synthesis:
    return synthesize_unchecked(load(CHECKOUT, ENVIRONMENT), tmp_path_factory.mktemp("bridged"))


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Synthesis:
    """The same environment without [sip_bridge]."""
    configuration = replace(load(CHECKOUT, ENVIRONMENT), transport=None)
    return synthesize_unchecked(configuration, tmp_path_factory.mktemp("plain"))


@pytest.fixture(scope="module")
def adopted(tmp_path_factory: pytest.TempPathFactory) -> Synthesis:
    """With numbers and a Voice Connector that exist already."""
    configuration = load(CHECKOUT, ENVIRONMENT)
    settings = replace(
        settings_of(configuration),
        caller_number=AdoptedCallerNumber(number="+12065550100"),
        connect_number=AdoptedConnectNumber(
            arn="arn:aws:connect:us-east-1:000000000000:phone-number/11111111-1111-4111-8111-111111111111",
            number="+12065550101",
        ),
        voice_connector=AdoptedVoiceConnector(
            arn="arn:aws:chime:us-east-1:000000000000:vc/abcdef1ghij2klmno3pqr4"
        ),
    )
    return synthesize_unchecked(
        replace(configuration, transport=Transport("sip_bridge", settings)),
        tmp_path_factory.mktemp("adopted"),
    )


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Synthesis:
    """With a log of SIP messages, and so without headers."""
    configuration = load(CHECKOUT, ENVIRONMENT)
    settings = settings_of(configuration)
    assert isinstance(settings.voice_connector, OwnVoiceConnector)
    settings = replace(
        settings, voice_connector=replace(settings.voice_connector, sip_message_logs=True), headers={}
    )
    return synthesize_unchecked(
        replace(configuration, transport=Transport("sip_bridge", settings)), tmp_path_factory.mktemp("logged")
    )


@pytest.fixture(scope="module")
def renumbered(tmp_path_factory: pytest.TempPathFactory) -> Synthesis:
    """With other numbers, which are ordered and claimed too."""
    configuration = load(CHECKOUT, ENVIRONMENT)
    settings = replace(
        settings_of(configuration),
        caller_number=OrderedCallerNumber(country="US", type="TollFree"),
        connect_number=ClaimedConnectNumber(country="US", type="TOLL_FREE"),
    )
    return synthesize_unchecked(
        replace(configuration, transport=Transport("sip_bridge", settings)),
        tmp_path_factory.mktemp("renumbered"),
    )


def the(synthesis: Synthesis, type_: str) -> tuple[str, Mapping[str, Any]]:
    """Logical id and declaration of the only resource of this type."""
    ((id_, declaration),) = [
        (id_, declaration) for id_, declaration in synthesis.declarations() if declaration["Type"] == type_
    ]
    return id_, declaration


def variables(synthesis: Synthesis, package: str) -> Mapping[str, Any]:
    (function,) = [
        function
        for function in synthesis.resources("AWS::Lambda::Function").values()
        if function["Handler"] == f"{package}.handler.handler"
    ]
    found: Mapping[str, Any] = function["Environment"]["Variables"]
    return found


def test_without_a_bridge_no_template_speaks_of_one(synthesis: Synthesis) -> None:
    templates = json.dumps(synthesis.templates)
    traces = re.findall(
        r"(?i)chime|voice.?connector|\bsip|sipbridge|sip_|byreference|bymeetingid|bridged", templates
    )
    assert bool(traces) == synthesis.bridged


def nameless(value: object) -> Any:
    """Without the hashes of functions' versions, and which of the two tables it is."""
    text = re.sub(r"(CurrentVersion[0-9A-F]{8})[0-9a-f]{32}", r"\1", json.dumps(value))
    return json.loads(re.sub(r"Calls(Bridged)?Table[0-9A-F]{8}", "CallsTable", text))


def differences(one: Any, other: Any, path: str = "") -> Iterator[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted(one.keys() | other.keys()):
            yield from differences(one.get(key), other.get(key), f"{path}.{key}")
    elif one != other:
        yield path.removeprefix(".")


def test_the_bridge_is_all_that_differs(bridged: Synthesis, plain: Synthesis) -> None:
    assert bridged.templates["Identity"] == plain.templates["Identity"]
    assert set(bridged.templates) - set(plain.templates) == {"SipBridge"}
    with_, without = nameless(bridged.templates["Calling"]), nameless(plain.templates["Calling"])
    more = set(with_["Resources"]) - set(without["Resources"])
    assert {with_["Resources"][id_]["Type"] for id_ in more} == {
        "AWS::CloudWatch::Alarm",
        "AWS::Connect::ContactFlow",
        "AWS::Connect::PhoneNumber",
        "AWS::Events::Rule",
        "AWS::IAM::ManagedPolicy",
        "AWS::SSM::Parameter",
        "Custom::ContactFlowNumber",
    }
    assert len(more) == 9
    assert set(with_["Outputs"]) - set(without["Outputs"]) == {"ConnectPhoneNumber"}
    (parameter,) = set(with_["Parameters"]) - set(without["Parameters"])
    assert "CallerNumber" in parameter
    changed = {
        (id_, place)
        for id_, resource in without["Resources"].items()
        for place in differences(resource, with_["Resources"][id_])
    }
    assert {(re.sub(r"[0-9A-F]{8}$", "", id_), place) for id_, place in changed} == {
        ("MonitoringDashboard", "Properties.DashboardBody.Fn::Join"),
        ("CallsTable", "Properties.AttributeDefinitions"),
        ("CallsTable", "Properties.GlobalSecondaryIndexes"),
        *(
            (f"{name}Function", f"Properties.Environment.Variables.{variable}")
            for name, names in {
                "StartCall": (
                    "CALLER_NUMBER",
                    "CONNECT_NUMBER",
                    "EXTERNAL_MEETING_ID",
                    "SIP_HEADERS",
                    "SIP_MEDIA_APPLICATION_ID",
                ),
                "CallControl": ("SIP_MEDIA_APPLICATION_ID",),
                "ContactEvents": ("EXTERNAL_MEETING_ID",),
                "CallerContext": ("CONNECT_NUMBER",),
            }.items()
            for variable in names
        ),
        *(
            (f"{name}Policy", "Properties.PolicyDocument.Statement")
            for name in ("StartCall", "CallControl", "ContactEventsFunction", "CallerContext")
        ),
        ("ContactEventsQueuePolicy", "Properties.PolicyDocument.Statement"),
        ("ContactEventsDeadLettersPolicy", "Properties.PolicyDocument.Statement"),
    }


def test_who_deploys_a_bridge_is_warned_twice(synthesis: Synthesis) -> None:
    warnings = synthesis.warnings()
    if not synthesis.bridged:
        assert warnings == []
        return
    closed, review = warnings
    assert "closed to new customers since 29 October 2026" in closed
    assert "maintenance mode since 29 September 2026" in closed
    assert "only after AWS has reviewed and approved it" in review
    # On the stack, where no deployment of it can miss them.
    assert synthesis.alone("SipBridge").templates


def test_the_application_asks_its_function_and_may(bridged: Synthesis) -> None:
    _, application = the(bridged, "AWS::Chime::SipMediaApplication")
    (endpoint,) = application["Properties"]["Endpoints"]
    assert "SipMedia" in endpoint["LambdaArn"]["Ref"]
    assert bridged.resources("AWS::Lambda::Alias")[endpoint["LambdaArn"]["Ref"]]
    (permission,) = [
        (id_, permission)
        for id_, permission in bridged.resources("AWS::Lambda::Permission").items()
        if permission["Principal"] == "voiceconnector.chime.amazonaws.com"
    ]
    assert permission[1]["FunctionName"] == endpoint["LambdaArn"]
    assert permission[1]["SourceAccount"] == bridged.configuration.account
    assert permission[0] in application["DependsOn"]


def test_settings_reach_the_voice_connector(bridged: Synthesis) -> None:
    connector, declared = the(bridged, "AWS::Chime::VoiceConnector")
    wanted = settings_of(bridged.configuration).voice_connector
    assert isinstance(wanted, OwnVoiceConnector)
    assert declared["Properties"]["RequireEncryption"] is wanted.require_encryption
    _, settings = the(bridged, "Custom::VoiceConnectorSettings")
    properties = dict(settings["Properties"])
    secret, _ = the(bridged, "AWS::SecretsManager::Secret")
    del properties["ServiceToken"]
    assert properties == {
        "VoiceConnectorId": {"Fn::GetAtt": [connector, "VoiceConnectorId"]},
        "Cidrs": list(wanted.termination_cidrs),
        "CallingRegions": list(wanted.calling_regions),
        "CallsPerSecond": wanted.calls_per_second,
        "CredentialsSecretArn": {"Ref": secret},
        "CredentialsVersion": wanted.credentials_version,
        "SipMessageLogs": False,
        "Routes": [
            {
                "Host": route.host,
                "Port": route.port,
                "Protocol": route.protocol,
                "Priority": route.priority,
                "Weight": route.weight,
            }
            for route in wanted.routes
        ],
    }


def admitted(synthesis: Synthesis) -> str:
    """Of log groups, those that the SipBridge stack's key is for."""
    statements = synthesis.alone("SipBridge").the("AWS::KMS::Key")["KeyPolicy"]["Statement"]
    (statement,) = [one for one in statements if one.get("Sid") == "LogGroupsOfThisStack"]
    return json.dumps(statement["Condition"])


def test_sip_messages_go_to_a_log_that_ends_and_is_encrypted(logged: Synthesis) -> None:
    connector, _ = the(logged, "AWS::Chime::VoiceConnector")
    (key,) = logged.alone("SipBridge").resources("AWS::KMS::Key")
    name = {"Fn::Join": ["", [SIP_MESSAGES, {"Fn::GetAtt": [connector, "VoiceConnectorId"]}]]}
    ((id_, group),) = [
        (id_, group)
        for id_, group in logged.resources("AWS::Logs::LogGroup").items()
        if group.get("LogGroupName") == name
    ]
    assert group["RetentionInDays"] == logged.configuration.functions.log_retention_days
    assert group["KmsKeyId"] == {"Fn::GetAtt": [key, "Arn"]}
    assert f":log-group:{SIP_MESSAGES}*" in admitted(logged)
    _, settings = the(logged, "Custom::VoiceConnectorSettings")
    assert settings["Properties"]["SipMessageLogs"] is True
    # Or the Voice Connector would make one of its own.
    assert id_ in settings["DependsOn"]


def test_without_a_log_of_sip_messages_there_is_no_group_for_one(bridged: Synthesis) -> None:
    assert SIP_MESSAGES not in json.dumps(bridged.resources("AWS::Logs::LogGroup"))
    assert SIP_MESSAGES not in admitted(bridged)


def exported(synthesis: Synthesis) -> dict[str, Any]:
    return {
        name: output
        for name, output in synthesis.templates["SipBridge"]["Outputs"].items()
        if "Export" in output
    }


def test_nothing_is_exported_that_changes_with_a_number(
    bridged: Synthesis, renumbered: Synthesis, adopted: Synthesis
) -> None:
    exports = exported(bridged)
    assert exports
    assert exports == exported(renumbered) == exported(adopted)
    number, _ = the(bridged, "Custom::CallerNumber")
    assert number not in json.dumps(exports)


def test_an_ordered_number_is_read_from_its_parameter_once_it_is_published(bridged: Synthesis) -> None:
    (name,) = variables(bridged, "start_call")["CALLER_NUMBER"].values()
    read = bridged.templates["Calling"]["Parameters"][name]
    assert read["Type"] == "AWS::SSM::Parameter::Value<String>"
    caller, _ = the(bridged, "Custom::CallerNumber")
    (published,) = [
        parameter
        for parameter in bridged.alone("SipBridge").resources("AWS::SSM::Parameter").values()
        if parameter["Name"] == read["Default"]
    ]
    assert published["Value"] == {"Fn::GetAtt": [caller, "Number"]}
    artifacts = json.loads((bridged.directory / "manifest.json").read_text(encoding="utf-8"))["artifacts"]
    first = artifacts[f"InAppCalling-{ENVIRONMENT}-Calling"]["dependencies"]
    assert f"InAppCalling-{ENVIRONMENT}-SipBridge" in first


def versions(synthesis: Synthesis) -> dict[str, str]:
    """Of each function, the logical id of its version: another one is another version."""
    return {
        version["FunctionName"]["Ref"]: id_
        for id_, version in synthesis.resources("AWS::Lambda::Version").items()
    }


def test_other_numbers_make_new_versions_of_the_functions_that_are_told_them(
    bridged: Synthesis, renumbered: Synthesis
) -> None:
    one, other = versions(bridged), versions(renumbered)
    told = {
        id_
        for id_, function in bridged.resources("AWS::Lambda::Function").items()
        if {"CALLER_NUMBER", "CONNECT_NUMBER"} & set(function.get("Environment", {}).get("Variables", {}))
    }
    assert len(told) == 3
    assert {id_ for id_ in one if one[id_] != other[id_]} == told


def test_the_bridge_has_a_table_of_its_own(bridged: Synthesis, plain: Synthesis) -> None:
    # CloudFormation refuses an update that adds or removes two indexes of one table.
    (with_,), (without,) = (one.resources("AWS::DynamoDB::Table").items() for one in (bridged, plain))
    more = len(with_[1]["GlobalSecondaryIndexes"]) - len(without[1]["GlobalSecondaryIndexes"])
    assert more == 2
    assert with_[0] != without[0]


def test_calls_that_nobody_answers_are_shown_and_alarm_nobody(bridged: Synthesis) -> None:
    alarms = {
        alarm["MetricName"]: alarm["Threshold"]
        for alarm in bridged.alone("SipBridge").resources("AWS::CloudWatch::Alarm").values()
    }
    assert alarms["BridgeFailed"] == 1
    assert "CallNotAnswered" not in alarms
    dashboard = json.dumps(bridged.alone("SipBridge").the("AWS::CloudWatch::Dashboard"))
    assert re.search(r"InAppCalling\W+CallNotAnswered\W+service", dashboard)


def test_every_custom_resource_is_made_after_its_rights_and_removed_before_them(bridged: Synthesis) -> None:
    policies = {
        id_: declaration
        for id_, declaration in bridged.declarations()
        if declaration["Type"] == "AWS::IAM::ManagedPolicy"
    }
    made = [of for _, of in bridged.declarations() if of["Type"].startswith("Custom::")]
    assert len(made) == 4
    framework, _ = next(
        (id_, function)
        for id_, function in bridged.resources("AWS::Lambda::Function").items()
        if function["Handler"] == "framework.onEvent"
    )
    for resource in made:
        rights = [policies[id_] for id_ in resource["DependsOn"] if id_ in policies]
        assert len(rights) == 1
        assert "BridgeResourcesRole" in json.dumps(rights[0]["Properties"]["Roles"])
        assert framework in json.dumps(resource["Properties"]["ServiceToken"])
        assert resource["DeletionPolicy"] == "Delete"


def test_the_number_is_ordered_under_a_name_of_its_own(bridged: Synthesis, adopted: Synthesis) -> None:
    _, ordered = the(bridged, "Custom::CallerNumber")
    properties = dict(ordered["Properties"])
    assert properties.pop("ServiceToken")
    name = f"InAppCalling-{ENVIRONMENT}-SipBridge-US-Local"
    assert properties == {"Country": "US", "Type": "Local", "Name": name}
    _, known = the(adopted, "Custom::CallerNumber")
    assert set(known["Properties"]) == {"ServiceToken", "Number"}
    assert known["Properties"]["Number"] == "+12065550100"


def test_the_rule_leads_the_number_to_the_application(bridged: Synthesis) -> None:
    application, _ = the(bridged, "AWS::Chime::SipMediaApplication")
    number, _ = the(bridged, "Custom::CallerNumber")
    _, rule = the(bridged, "Custom::SipRule")
    assert rule["Properties"]["Number"] == {"Fn::GetAtt": [number, "Number"]}
    assert rule["Properties"]["SipMediaApplicationId"] == {
        "Fn::GetAtt": [application, "SipMediaApplicationId"]
    }
    assert rule["Properties"]["Region"] == bridged.configuration.region


def test_what_is_adopted_is_left_alone(adopted: Synthesis) -> None:
    for type_ in (
        "AWS::Chime::VoiceConnector",
        "AWS::Connect::PhoneNumber",
        "AWS::SecretsManager::Secret",
        "Custom::VoiceConnectorSettings",
    ):
        assert not adopted.resources(type_)
    assert not {"TerminationCredentialsArn", "VoiceConnectorHostName"} & set(adopted.outputs)
    assert adopted.outputs["ConnectPhoneNumber"]["Value"] == "+12065550101"
    assert variables(adopted, "sip_media")["VOICE_CONNECTOR_ARN"].endswith(":vc/abcdef1ghij2klmno3pqr4")
    assert variables(adopted, "start_call")["CONNECT_NUMBER"] == "+12065550101"
    assert variables(adopted, "start_call")["CALLER_NUMBER"] == "+12065550100"
    _, association = the(adopted, "Custom::ContactFlowNumber")
    assert "11111111-1111-4111-8111-111111111111" in json.dumps(association["Properties"]["PhoneNumberId"])


def test_functions_are_told_of_the_bridge_what_they_need(bridged: Synthesis) -> None:
    number, _ = the(bridged, "AWS::Connect::PhoneNumber")
    told = variables(bridged, "start_call")
    assert told["CONNECT_NUMBER"] == {"Fn::GetAtt": [number, "Address"]}
    assert json.loads(told["SIP_HEADERS"]) == {"order_id": "x-order-id"}
    assert told["EXTERNAL_MEETING_ID"] == f"InAppCalling-{ENVIRONMENT}"
    assert "SipMediaApplicationId" in told["SIP_MEDIA_APPLICATION_ID"]["Fn::ImportValue"]
    # From which number calls go out is the same for who dials and for who bridges.
    caller, _ = the(bridged, "Custom::CallerNumber")
    assert variables(bridged, "sip_media")["CALLER_NUMBER"] == {"Fn::GetAtt": [caller, "Number"]}
    assert "CallerNumber" in told["CALLER_NUMBER"]["Ref"]


@pytest.mark.parametrize("environment", environments(CHECKOUT))
def test_what_meetings_are_known_by_is_short_enough(environment: str) -> None:
    # CreateMeetingWithAttendees; an environment's name has at most 32 characters.
    assert len(f"InAppCalling-{environment}") <= len(f"InAppCalling-{'e' * 32}") <= 64


def bridge_flow(synthesis: Synthesis) -> Properties:
    (flow,) = [
        flow
        for flow in synthesis.resources("AWS::Connect::ContactFlow").values()
        if "bridge (" in flow["Name"]
    ]
    return flow


def test_calls_to_the_number_enter_the_flow_that_hears_their_code(bridged: Synthesis) -> None:
    number, declared = the(bridged, "AWS::Connect::PhoneNumber")
    assert declared["Properties"]["TargetArn"] == bridged.outputs["ConnectInstanceArn"]["Value"]
    (flow,) = [id_ for id_ in bridged.resources("AWS::Connect::ContactFlow") if "bridge" in id_]
    _, association = the(bridged, "Custom::ContactFlowNumber")
    properties = {name: json.dumps(value) for name, value in association["Properties"].items()}
    assert f'["{number}", "PhoneNumberArn"]' in properties["PhoneNumberId"]
    assert f'["{flow}", "ContactFlowArn"]' in properties["ContactFlowId"]
    assert association["Properties"]["ContactFlowId"]["Fn::Select"][0] == 3
    assert association["Properties"]["PhoneNumberId"]["Fn::Select"][0] == 1
    assert association["Properties"]["InstanceId"]["Fn::Select"][0] == 1


def test_the_flow_hands_over_what_is_proved_and_what_the_caller_sent(bridged: Synthesis) -> None:
    content, arns = bridge_flow(bridged)["Content"]["Fn::Sub"]
    assert set(arns) == {"CallerContextFunctionArn", "DefaultContactFlowArn"}
    assert arns["DefaultContactFlowArn"] == bridged.outputs["ContactFlowArn"]["Value"]
    blocks = {block["Identifier"]: block for block in json.loads(content)["Actions"]}
    assert blocks["hand-over-code-and-attributes"]["Parameters"]["Attributes"] == {
        "auth_token": "$.StoredCustomerInput",
        "customer_id": "$.External.customer_id",
        "customer_email": "$.External.customer_email",
        "order_id": "$.External.order_id",
        "page": "$.External.page",
    }


def test_the_flow_is_no_topic(bridged: Synthesis) -> None:
    (flow,) = [id_ for id_ in bridged.resources("AWS::Connect::ContactFlow") if "bridge" in id_]
    assert flow not in json.dumps(variables(bridged, "start_call"))


def test_events_of_this_deployments_calls_alone_are_heard(bridged: Synthesis) -> None:
    number, _ = the(bridged, "AWS::Connect::PhoneNumber")
    rules = {rule["Description"]: rule for rule in bridged.resources("AWS::Events::Rule").values()}
    meetings = rules["Meetings that end, and callers who join and leave them"]["EventPattern"]
    assert meetings == {
        "source": ["aws.chime"],
        "detail-type": ["Chime Meeting State Change"],
        "detail": {
            "eventType": [
                "chime:MeetingEnded",
                "chime:AttendeeJoined",
                "chime:AttendeeLeft",
                "chime:AttendeeDropped",
            ],
            "externalMeetingId": [variables(bridged, "start_call")["EXTERNAL_MEETING_ID"]],
        },
    }
    assert variables(bridged, "contact_events")["EXTERNAL_MEETING_ID"] == f"InAppCalling-{ENVIRONMENT}"
    contacts = rules["Contact events of calls over the SIP bridge"]["EventPattern"]
    plain = rules["Contact events of in-app calls"]["EventPattern"]
    assert contacts["source"] == ["aws.connect"]
    assert contacts["detail-type"] == plain["detail-type"]
    assert contacts["detail"] == {
        "instanceArn": plain["detail"]["instanceArn"],
        "eventType": plain["detail"]["eventType"],
        "initiationMethod": ["INBOUND"],
        "tags": {"aws:connect:systemEndpoint": [{"Fn::GetAtt": [number, "Address"]}]},
    }
    assert "INBOUND" not in plain["detail"]["initiationMethod"]


def test_requests_are_throttled_to_the_least_of_the_quotas(tmp_path: Path) -> None:
    configuration = load(CHECKOUT, ENVIRONMENT)
    quotas = replace(configuration.connect.quotas, call_control_rate=7, call_control_burst=9)
    settings = replace(
        settings_of(configuration), call_rate=3, call_burst=4, control_rate=5, control_burst=11
    )
    synthesis = synthesize_unchecked(
        replace(
            configuration,
            connect=replace(configuration.connect, quotas=quotas),
            transport=Transport("sip_bridge", settings),
        ),
        tmp_path,
    )
    throttles = {
        (setting["ResourcePath"], setting["HttpMethod"]): (
            setting["ThrottlingRateLimit"],
            setting["ThrottlingBurstLimit"],
        )
        for setting in synthesis.the("AWS::ApiGateway::Stage")["MethodSettings"]
        if setting["ResourcePath"] != "/*"
    }
    assert throttles == {
        ("/~1start-call", "POST"): (3, 4),
        ("/~1calls~1{ContactId}", "DELETE"): (5, 9),
        ("/~1calls~1{ContactId}~1connection", "POST"): (5, 9),
        ("/~1calls~1{ContactId}~1digits", "POST"): (5, 9),
    }
