"""What [sip_bridge] adds to an environment, and that nothing of it is there without."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from copy import replace
from pathlib import Path
from typing import Any

import pytest

from infra.configuration import Transport, environments, load
from infra.sip_bridge.functions import media_application
from infra.sip_bridge.section import OwnVoiceConnector, section_of
from tests.infra.synthesis import CHECKOUT, Properties, Synthesis, synthesize_unchecked

ENVIRONMENT = "local-bridge"
MEDIA_APPLICATION = media_application.SOURCE.package
SIP_MESSAGES = "/aws/ChimeVoiceConnectorSipMessages/"


def the(synthesis: Synthesis, type_: str) -> tuple[str, Mapping[str, Any]]:
    """Logical id and declaration of the only resource of this type."""
    ((id_, declaration),) = [
        (id_, declaration) for id_, declaration in synthesis.declarations() if declaration["Type"] == type_
    ]
    return id_, declaration


def test_without_a_bridge_no_template_speaks_of_one(native: Synthesis) -> None:
    templates = json.dumps(native.templates)
    assert not re.findall(
        r"(?i)chime|voice.?connector|\bsip|sip_?bridge|sip_|byreference|bymeetingid|bridged", templates
    )


def nameless(value: object) -> Any:
    """Without the hashes of functions' versions and of assets."""
    text = re.sub(r"(CurrentVersion[0-9A-F]{8})[0-9a-f]{32}", r"\1", json.dumps(value))
    return json.loads(re.sub(r"(?<=Dependencies)[0-9A-F]{8,}|[0-9a-f]{64}", "#", text))


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
    assert len(more) == 13
    # No call is started in Connect itself.
    (start,) = set(without["Resources"]) - set(with_["Resources"])
    assert start.startswith("StartCallStartContacts")
    assert set(with_["Outputs"]) - set(without["Outputs"]) == {"ConnectPhoneNumber"}
    (parameter,) = set(with_["Parameters"]) - set(without["Parameters"])
    assert "CallerNumber" in parameter
    changed = {
        (id_, place)
        for id_, resource in without["Resources"].items()
        if id_ != start
        for place in differences(resource, with_["Resources"][id_])
    }
    assert {(re.sub(r"[0-9A-F]{8}$", "", id_), place) for id_, place in changed} == {
        ("MonitoringDashboard", "Properties.DashboardBody.Fn::Join"),
        ("CallTransportParameter", "Properties.Value"),
        *(
            (f"{name}Function", f"Properties.Environment.Variables.{variable}")
            for name, names in {
                "StartCall": (
                    "BRIDGED_CALLS_TABLE",
                    "CALL_TRANSPORT",
                    "CALLER_NUMBER",
                    "CONNECT_NUMBER",
                    "EXTERNAL_MEETING_ID",
                    "SIP_HEADERS",
                    "SIP_MEDIA_APPLICATION_ID",
                ),
                "CallControl": ("BRIDGED_CALLS_TABLE", "CALL_TRANSPORT", "SIP_MEDIA_APPLICATION_ID"),
                "ContactEvents": ("BRIDGED_CALLS_TABLE", "CALL_TRANSPORT", "EXTERNAL_MEETING_ID"),
                "CallerContext": ("BRIDGED_CALLS_TABLE", "CALL_TRANSPORT", "CONNECT_NUMBER"),
            }.items()
            for variable in names
        ),
        *(
            (f"{name}Policy", "Properties.PolicyDocument.Statement")
            for name in ("StartCall", "CallControl", "ContactEvents", "CallerContext")
        ),
        ("StartCallAlias", "DependsOn"),
        # Chime's quotas, and what an address gets of them.
        ("ApiRestApiDeploymentStagev1", "Properties.MethodSettings"),
        ("FirewallWebAcl", "Properties.Rules"),
        ("ContactEventQueuePolicy", "Properties.PolicyDocument.Statement"),
        ("ContactEventQueueDeadLettersPolicy", "Properties.PolicyDocument.Statement"),
    }


def test_who_deploys_a_bridge_is_warned_twice(bridged: Synthesis) -> None:
    closed, review = bridged.warnings()
    assert "closed to new customers since 29 October 2026" in closed
    assert "maintenance mode since 29 September 2026" in closed
    assert "only after AWS has reviewed and approved it" in review


def test_without_a_bridge_nobody_is_warned(native: Synthesis) -> None:
    assert native.warnings() == []


def test_the_application_may_invoke_its_function(bridged: Synthesis) -> None:
    _, application = the(bridged, "AWS::Chime::SipMediaApplication")
    (endpoint,) = application["Properties"]["Endpoints"]
    assert "SipMedia" in endpoint["LambdaArn"]["Ref"]
    assert bridged.resources("AWS::Lambda::Alias")[endpoint["LambdaArn"]["Ref"]]
    (permission,) = [
        permission
        for permission in bridged.resources("AWS::Lambda::Permission").values()
        if permission["Principal"] == "voiceconnector.chime.amazonaws.com"
    ]
    assert permission["FunctionName"] == endpoint["LambdaArn"]
    assert permission["SourceAccount"] == bridged.configuration.account
    (id_,) = bridged.resources("AWS::Chime::SipMediaApplication")
    assert permission["SourceArn"] == {"Fn::GetAtt": [id_, "SipMediaApplicationArn"]}


def test_settings_reach_the_voice_connector(bridged: Synthesis) -> None:
    connector, declared = the(bridged, "AWS::Chime::VoiceConnector")
    wanted = section_of(bridged.configuration).voice_connector
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
    (name,) = bridged.variables("start_call")["CALLER_NUMBER"].values()
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


def test_other_numbers_make_new_versions_of_the_functions_that_have_them(
    bridged: Synthesis, renumbered: Synthesis
) -> None:
    one, other = versions(bridged), versions(renumbered)
    passed = {
        id_
        for id_, function in bridged.resources("AWS::Lambda::Function").items()
        if {"CALLER_NUMBER", "CONNECT_NUMBER"} & set(function.get("Environment", {}).get("Variables", {}))
    }
    assert len(passed) == 3
    assert {id_ for id_ in one if one[id_] != other[id_]} == passed


def test_switching_the_bridge_on_leaves_the_table_of_calls_as_it_is(
    bridged: Synthesis, plain: Synthesis
) -> None:
    """So native calls, blocks and rates survive it."""
    with_, without = (one.alone("Calling").resources("AWS::DynamoDB::Table") for one in (bridged, plain))
    assert with_ == without


def test_what_the_bridge_remembers_has_a_table_of_its_own(bridged: Synthesis) -> None:
    table = bridged.alone("SipBridge").the("AWS::DynamoDB::Table")
    assert table["KeySchema"] == [{"AttributeName": "Reference", "KeyType": "HASH"}]
    assert table["GlobalSecondaryIndexes"] == [
        {
            "IndexName": "ByMeetingId",
            "KeySchema": [{"AttributeName": "MeetingId", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        }
    ]
    assert table["BillingMode"] == "PAY_PER_REQUEST"


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
    assert adopted.variables(MEDIA_APPLICATION)["VOICE_CONNECTOR_ARN"].endswith(":vc/abcdef1ghij2klmno3pqr4")
    assert adopted.variables("start_call")["CONNECT_NUMBER"] == "+12065550101"
    assert adopted.variables("start_call")["CALLER_NUMBER"] == "+12065550100"
    _, association = the(adopted, "Custom::ContactFlowNumber")
    assert "11111111-1111-4111-8111-111111111111" in json.dumps(association["Properties"]["PhoneNumberId"])


def test_functions_receive_of_the_bridge_what_they_use(bridged: Synthesis) -> None:
    number, _ = the(bridged, "AWS::Connect::PhoneNumber")
    passed = bridged.variables("start_call")
    assert passed["CONNECT_NUMBER"] == {"Fn::GetAtt": [number, "Address"]}
    assert json.loads(passed["SIP_HEADERS"]) == {"order_id": "x-order-id"}
    assert passed["EXTERNAL_MEETING_ID"] == f"InAppCalling-{ENVIRONMENT}"
    assert "SipMediaApplicationId" in passed["SIP_MEDIA_APPLICATION_ID"]["Fn::ImportValue"]
    # From which number calls go out is the same for who dials and for who bridges.
    caller, _ = the(bridged, "Custom::CallerNumber")
    assert bridged.variables(MEDIA_APPLICATION)["CALLER_NUMBER"] == {"Fn::GetAtt": [caller, "Number"]}
    assert "CallerNumber" in passed["CALLER_NUMBER"]["Ref"]


@pytest.mark.parametrize("environment", environments(CHECKOUT))
def test_what_meetings_are_known_by_is_short_enough(environment: str) -> None:
    # CreateMeetingWithAttendees; an environment's name has at most 32 characters.
    assert len(f"InAppCalling-{environment}") <= len(f"InAppCalling-{'e' * 32}") <= 64


def bridge_flow(synthesis: Synthesis) -> Properties:
    (flow,) = [
        flow
        for flow in synthesis.resources("AWS::Connect::ContactFlow").values()
        if "bridge - " in flow["Name"]
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
    assert flow not in json.dumps(bridged.variables("start_call"))


def test_events_of_this_deployments_calls_alone_are_taken(bridged: Synthesis) -> None:
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
            "externalMeetingId": [bridged.variables("start_call")["EXTERNAL_MEETING_ID"]],
        },
    }
    assert bridged.variables("contact_events")["EXTERNAL_MEETING_ID"] == f"InAppCalling-{ENVIRONMENT}"
    contacts = rules["Contact events of calls over the SIP bridge"]["EventPattern"]
    plain = rules["Contact events that may be of in-app calls"]["EventPattern"]
    assert contacts["source"] == ["aws.connect"]
    assert contacts["detail-type"] == plain["detail-type"]
    assert contacts["detail"] == {
        "instanceArn": plain["detail"]["instanceArn"],
        "channel": plain["detail"]["channel"],
        "eventType": plain["detail"]["eventType"],
        "initiationMethod": ["INBOUND"],
        "tags": {"aws:connect:systemEndpoint": [{"Fn::GetAtt": [number, "Address"]}]},
    }
    assert "INBOUND" in plain["detail"]["initiationMethod"][0]["anything-but"]


def test_requests_are_throttled_to_the_least_of_the_quotas(tmp_path: Path) -> None:
    configuration = load(CHECKOUT, ENVIRONMENT)
    quotas = replace(configuration.connect.quotas, call_control_rate=7, call_control_burst=9)
    settings = replace(section_of(configuration), call_rate=3, call_burst=4, control_rate=5, control_burst=11)
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
        # Hanging up and digits are one operation of Chime, whose quota they share out.
        ("/~1calls~1{ContactId}", "DELETE"): (3, 6),
        ("/~1calls~1{ContactId}~1connection", "POST"): (2, 5),
        ("/~1calls~1{ContactId}~1digits", "POST"): (2, 5),
    }


def test_the_sip_hosts_credentials_are_encrypted_generated_and_long(bridged: Synthesis) -> None:
    secret = bridged.the("AWS::SecretsManager::Secret")
    (key,) = bridged.alone("SipBridge").resources("AWS::KMS::Key")
    assert secret["KmsKeyId"] == {"Fn::GetAtt": [key, "Arn"]}
    assert "SecretString" not in secret
    generated = secret["GenerateSecretString"]
    assert generated["GenerateStringKey"] == "password"
    assert generated["PasswordLength"] >= 32
    assert "password" not in generated["SecretStringTemplate"]


def test_the_bridge_publishes_what_the_people_of_the_sip_host_need(
    bridged: Synthesis, plain: Synthesis, adopted: Synthesis
) -> None:
    of_numbers = {"CallerNumber", "ConnectPhoneNumber"}
    of_connector = {"TerminationCredentialsArn", "VoiceConnectorHostName"}
    assert set(bridged.outputs) - set(plain.outputs) == of_numbers | of_connector
    assert set(adopted.outputs) - set(plain.outputs) == of_numbers
    assert bridged.outputs["CallTransport"]["Value"] == "sip_bridge"


def test_only_this_many_rules_and_logs_are_added(bridged: Synthesis, plain: Synthesis) -> None:
    for type_, more in (("AWS::Events::Rule", 2), ("AWS::Logs::LogGroup", 3), ("AWS::DynamoDB::Table", 1)):
        assert len(bridged.resources(type_)) == len(plain.resources(type_)) + more
