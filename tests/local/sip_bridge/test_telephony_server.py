"""The Amazon Chime SDK and the numbers of Amazon Connect in the running emulator."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.clients.observer import eventually
from local.launcher.local_aws import LocalAws
from local.sip_bridge.phone_numbers import MEETING_NUMBER
from tests.local.emulator.flows import HANG_UP, block
from tests.local.emulator.stacks import allow, as_role, deploy, flow, get, instance, last_of, resource, trust
from tests.local.sip_bridge.control_endpoints import BridgeControlEndpoints

ELSE_HANG_UP = {"NoMatchingError": "hang-up"}
REGION = "eu-west-2"  # of config/local.toml
BASE = f"arn:aws:chime:{REGION}:000000000000"

# Answers each event with what its arguments say.
SIP_FUNCTION = """
import json
def handler(event, context):
    attributes = event["CallDetails"].get("TransactionAttributes") or {}
    if event["InvocationEventType"] == "NEW_OUTBOUND_CALL":
        return {"SchemaVersion": "1.0", "Actions": [],
                "TransactionAttributes": event["ActionData"]["Parameters"]["Arguments"]}
    actions = json.loads(attributes.get(event["InvocationEventType"], "[]"))
    return {"SchemaVersion": "1.0", "Actions": actions}
"""
# The CDK's provider framework is such a function: in Node, with AWS's client of Lambda, and one that answers
# to CloudFormation.
NODE_FUNCTION = """
const https = require("https");
const url = require("url");
const { LambdaClient } = require("@aws-sdk/client-lambda");
exports.handler = (event, context) => new Promise((resolve, reject) => {
  const body = JSON.stringify({
    Status: "SUCCESS", PhysicalResourceId: "made-by-node", StackId: event.StackId, RequestId: event.RequestId,
    LogicalResourceId: event.LogicalResourceId,
    Data: { Version: process.versions.node, Client: typeof LambdaClient },
  });
  const to = url.parse(event.ResponseURL);
  const request = https.request(
    { hostname: to.hostname, path: to.path, port: to.port, method: "PUT",
      headers: { "content-type": "", "content-length": body.length } }, resolve);
  request.on("error", reject);
  request.end(body);
});
"""


def permission(function: str, principal: str) -> dict[str, Any]:
    return resource(
        "AWS::Lambda::Permission",
        Action="lambda:InvokeFunction",
        FunctionName={"Ref": function},
        Principal=principal,
    )


def function_of(code: str, runtime: str) -> dict[str, Any]:
    return resource(
        "AWS::Lambda::Function",
        Code={"ZipFile": code},
        Handler="index.handler",
        Role=get("Role", "Arn"),
        Runtime=runtime,
    )


TEMPLATE = {
    "Resources": {
        "Role": resource("AWS::IAM::Role", AssumeRolePolicyDocument=trust(Service="lambda.amazonaws.com")),
        "Function": function_of(SIP_FUNCTION, "python3.13"),
        "Permission": permission("Function", "voiceconnector.chime.amazonaws.com"),
        "Application": resource(
            "AWS::Chime::SipMediaApplication",
            AwsRegion=REGION,
            Name="bridge",
            Endpoints=[{"LambdaArn": get("Function", "Arn")}],
            Tags=[{"Key": "environment", "Value": "tests"}],
        ),
        "Connector": resource(
            "AWS::Chime::VoiceConnector", AwsRegion=REGION, Name="bridge", RequireEncryption="true"
        ),
        "Instance": instance("telephony"),
        "Number": resource(
            "AWS::Connect::PhoneNumber",
            TargetArn=get("Instance", "Arn"),
            Type="DID",
            CountryCode="US",
            Description="bridge",
        ),
        "Flow": flow(
            "listens",
            block(
                *("ask", "GetParticipantInput", "keep"),
                errors=ELSE_HANG_UP,
                StoreInput="True",
                InputTimeLimitSeconds="8",
                InputValidation={"CustomValidation": {"MaximumLength": "4"}},
            ),
            block(
                *("keep", "UpdateContactAttributes", "listen"),
                errors=ELSE_HANG_UP,
                Attributes={"typed": "$.StoredCustomerInput"},
            ),
            block(
                *("listen", "GetParticipantInput", "hang-up"),
                errors=dict.fromkeys(
                    ("InputTimeLimitExceeded", "NoMatchingCondition", "NoMatchingError"), "hang-up"
                ),
                InputTimeLimitSeconds="60",
            ),
            HANG_UP,
        ),
        "NodeFunction": function_of(NODE_FUNCTION, "nodejs22.x"),
        "Custom": resource("Custom::MadeByNode", ServiceToken=get("NodeFunction", "Arn")),
        "Key": resource("AWS::KMS::Key", KeyPolicy={"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:root"}, "Action": "kms:*",
             "Resource": "*"},
        ]}),
        "Secret": resource(
            "AWS::SecretsManager::Secret",
            KmsKeyId=get("Key", "Arn"),
            GenerateSecretString={
                "SecretStringTemplate": '{"username": "sip"}', "GenerateStringKey": "password",
                "ExcludePunctuation": "true", "PasswordLength": "200",
            },
        ),
    },
    "Outputs": {
        "Application": {"Value": get("Application", "SipMediaApplicationId")},
        "ApplicationArn": {"Value": get("Application", "SipMediaApplicationArn")},
        "ApplicationRef": {"Value": {"Ref": "Application"}},
        "Connector": {"Value": get("Connector", "VoiceConnectorId")},
        "ConnectorArn": {"Value": get("Connector", "VoiceConnectorArn")},
        "ConnectorHost": {"Value": get("Connector", "OutboundHostName")},
        "Instance": {"Value": get("Instance", "Arn")},
        "Flow": {"Value": get("Flow", "ContactFlowArn")},
        "Number": {"Value": get("Number", "Address")},
        "NumberArn": {"Value": get("Number", "PhoneNumberArn")},
        "Function": {"Value": get("Function", "Arn")},
        "Permission": {"Value": {"Ref": "Permission"}},
        "NodeVersion": {"Value": get("Custom", "Version")},
        "NodeClient": {"Value": get("Custom", "Client")},
        "Custom": {"Value": {"Ref": "Custom"}},
        "Secret": {"Value": {"Ref": "Secret"}},
        "KeyArn": {"Value": get("Key", "Arn")},
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def outputs(running: LocalAws) -> dict[str, str]:
    stack = deploy(running, "telephony", TEMPLATE)
    assert stack["StackStatus"] == "CREATE_COMPLETE", stack
    return {item["OutputKey"]: item["OutputValue"] for item in stack["Outputs"]}


@pytest.fixture(scope="module")
def caller_number(running: LocalAws, outputs: dict[str, str]) -> str:
    """A number of the inventory."""
    voice = running.client("chime-sdk-voice")
    [number] = voice.search_available_phone_numbers(Country="US", State="WA", MaxResults=1)[
        "E164PhoneNumbers"
    ]
    voice.create_phone_number_order(ProductType="SipMediaApplicationDialIn", E164PhoneNumbers=[number])

    def is_held() -> bool:
        return bool(voice.get_phone_number(PhoneNumberId=number)["PhoneNumber"]["Status"] == "Unassigned")

    assert eventually(is_held)
    return str(number)


def create_meeting(client: Any) -> Any:
    return client.create_meeting_with_attendees(
        ClientRequestToken="from-the-server",
        MediaRegion=REGION,
        ExternalMeetingId="tests",
        Attendees=[{"ExternalUserId": "caller"}, {"ExternalUserId": "phone-agent"}],
    )


@pytest.fixture
def meeting(running: LocalAws, outputs: dict[str, str]) -> Any:
    client = running.client("chime-sdk-meetings")
    created = create_meeting(client)
    yield created
    client.delete_meeting(MeetingId=created["Meeting"]["MeetingId"])


def dial(client: Any, outputs: dict[str, str], caller: str, meeting: Any, **arguments: str) -> str:
    created = client.create_sip_media_application_call(
        SipMediaApplicationId=outputs["Application"],
        FromPhoneNumber=caller,
        ToPhoneNumber=MEETING_NUMBER,
        SipHeaders={
            "X-chime-join-token": meeting["Attendees"][1]["JoinToken"],
            "X-chime-meeting-id": meeting["Meeting"]["MeetingId"],
        },
        ArgumentsMap=arguments,
    )
    return str(created["SipMediaApplicationCall"]["TransactionId"])


def test_both_services_answer_though_they_are_signed_alike(
    running: LocalAws, outputs: dict[str, str], meeting: Any
) -> None:
    meeting_id = meeting["Meeting"]["MeetingId"]
    meetings, voice = running.client("chime-sdk-meetings"), running.client("chime-sdk-voice")
    assert meetings.get_meeting(MeetingId=meeting_id)["Meeting"] == meeting["Meeting"]
    found = voice.get_sip_media_application(SipMediaApplicationId=outputs["Application"])
    assert found["SipMediaApplication"]["Endpoints"] == [{"LambdaArn": outputs["Function"]}]
    assert "Tags" not in meetings.list_tags_for_resource(ResourceARN=meeting["Meeting"]["MeetingArn"])
    tags = voice.list_tags_for_resource(ResourceARN=outputs["ApplicationArn"])["Tags"]
    assert tags == [{"Key": "environment", "Value": "tests"}]


def test_cloudformation_makes_what_the_services_have(running: LocalAws, outputs: dict[str, str]) -> None:
    assert outputs["ApplicationRef"] == outputs["ApplicationArn"]
    assert outputs["ApplicationArn"] == f"{BASE}:sma/{outputs['Application']}"
    assert outputs["ConnectorArn"] == f"{BASE}:vc/{outputs['Connector']}"
    assert outputs["ConnectorHost"] == f"{outputs['Connector']}.voiceconnector.localhost"
    connector = running.client("chime-sdk-voice").get_voice_connector(VoiceConnectorId=outputs["Connector"])
    assert connector["VoiceConnector"]["RequireEncryption"] is True
    described = running.client("connect").describe_phone_number(PhoneNumberId=outputs["NumberArn"])
    summary = described["ClaimedPhoneNumberSummary"]
    assert (summary["PhoneNumber"], summary["TargetArn"]) == (outputs["Number"], outputs["Instance"])
    assert summary["PhoneNumberDescription"] == "bridge"


@pytest.mark.parametrize(
    ("resource_type", "properties", "says"),
    [
        ("AWS::Chime::SipMediaApplication", {"Name": "a", "Endpoints": []}, "AwsRegion"),
        ("AWS::Chime::VoiceConnector", {"Name": "a", "RequireEncryption": True, "More": 1}, "More"),
        ("AWS::Chime::VoiceConnector", {"Name": "a", "RequireEncryption": True, "AwsRegion": "eu-west-3"},
         "eu-west-3"),
        ("AWS::Connect::PhoneNumber", {"Type": "DID", "CountryCode": "US"}, "TargetArn"),
        ("AWS::Connect::PhoneNumber", {"TargetArn": "arn:aws:connect:eu-west-2:000000000000:instance/gone",
         "Type": "DID", "CountryCode": "US"}, "There is no instance"),
    ],
)  # fmt: skip
def test_a_resource_with_wrong_properties_fails_its_stack(
    resource_type: str, properties: dict[str, Any], says: str, running: LocalAws
) -> None:
    name = f"wrong-{abs(hash(json.dumps([resource_type, properties])))}"
    deploy(running, name, {"Resources": {"Wrong": resource(resource_type, **properties)}})
    events = running.client("cloudformation").describe_stack_events(StackName=name)["StackEvents"]
    assert any(says in event.get("ResourceStatusReason", "") for event in events)


def test_a_custom_resource_in_node_runs_with_the_pinned_node(outputs: dict[str, str]) -> None:
    assert outputs["Custom"] == "made-by-node"
    assert int(outputs["NodeVersion"].partition(".")[0]) >= 22
    assert outputs["NodeClient"] == "function"


def test_a_secret_with_a_key_is_read_by_its_reference(running: LocalAws, outputs: dict[str, str]) -> None:
    assert outputs["Secret"].startswith("arn:aws:secretsmanager:")
    secrets = running.client("secretsmanager")
    read = json.loads(secrets.get_secret_value(SecretId=outputs["Secret"])["SecretString"])
    assert read["username"] == "sip"
    assert len(read["password"]) == 200
    assert read["password"].isalnum()
    assert secrets.describe_secret(SecretId=outputs["Secret"])["KmsKeyId"] == outputs["KeyArn"]


def associate(running: LocalAws, outputs: dict[str, str]) -> None:
    running.client("connect").associate_phone_number_contact_flow(
        PhoneNumberId=last_of(outputs["NumberArn"]),
        InstanceId=last_of(outputs["Instance"]),
        ContactFlowId=last_of(outputs["Flow"]),
    )


def open_connector(running: LocalAws, connector: str) -> None:
    voice = running.client("chime-sdk-voice")
    voice.put_voice_connector_termination(
        VoiceConnectorId=connector,
        Termination={"CallingRegions": ["US"], "CidrAllowedList": ["54.230.10.16/28"]},
    )
    route = {"Host": "sip.example.com", "Port": 5061, "Protocol": "TCP", "Priority": 1, "Weight": 1}
    voice.put_voice_connector_origination(VoiceConnectorId=connector, Origination={"Routes": [route]})
    voice.put_voice_connector_termination_credentials(
        VoiceConnectorId=connector, Credentials=[{"Username": "u", "Password": "p"}]
    )


def bridging(outputs: dict[str, str], caller: str) -> str:
    endpoint = {"BridgeEndpointType": "AWS", "Arn": outputs["ConnectorArn"], "Uri": outputs["Number"]}
    parameters = {"CallerIdNumber": caller, "Endpoints": [endpoint]}
    return json.dumps([{"Type": "CallAndBridge", "Parameters": parameters}])


HANG_UP_ALL = json.dumps([{"Type": "Hangup", "Parameters": {}}])


def test_a_call_runs_from_the_meeting_through_a_real_function_to_a_contact_and_back(
    running: LocalAws, observer: BridgeControlEndpoints, outputs: dict[str, str], caller_number: str
) -> None:
    associate(running, outputs)
    open_connector(running, outputs["Connector"])
    meetings = running.client("chime-sdk-meetings")
    meeting = create_meeting(meetings)
    meeting_id = meeting["Meeting"]["MeetingId"]
    dial(
        running.client("chime-sdk-voice"), outputs, caller_number, meeting,
        CALL_ANSWERED=bridging(outputs, caller_number), HANGUP=HANG_UP_ALL,
    )  # fmt: skip
    assert eventually(lambda: len(observer.sip_call(meeting_id)["Legs"]) == 2)
    contact_id = observer.sip_call(meeting_id)["Legs"][1]["FarEnd"]
    [contact] = [each for each in observer.contacts() if each["ContactId"] == contact_id]
    assert contact["SystemEndpoint"]["Address"] == outputs["Number"]
    meetings.delete_meeting(MeetingId=meeting_id)
    assert eventually(lambda: observer.sip_call(meeting_id)["State"] == "ended")
    assert observer.contact(contact_id)["DisconnectReason"] == "CUSTOMER_DISCONNECT"


def test_a_function_is_invoked_only_within_its_own_permission(
    running: LocalAws,
    observer: BridgeControlEndpoints,
    outputs: dict[str, str],
    caller_number: str,
    meeting: Any,
) -> None:
    functions = running.client("lambda")
    functions.remove_permission(FunctionName=outputs["Function"], StatementId=outputs["Permission"])
    dial(running.client("chime-sdk-voice"), outputs, caller_number, meeting)
    assert eventually(lambda: observer.sip_call(meeting["Meeting"]["MeetingId"])["State"] == "ended")
    first = observer.sip_call(meeting["Meeting"]["MeetingId"])["Invocations"][0]
    assert "voiceconnector.chime.amazonaws.com may not invoke" in first["Error"]
    functions.add_permission(
        FunctionName=outputs["Function"],
        StatementId=outputs["Permission"],
        Action="lambda:InvokeFunction",
        Principal="voiceconnector.chime.amazonaws.com",
    )


ANOTHER_ID = "11111111-1111-4111-8111-111111111111"
ANY_CALL = {"FromPhoneNumber": "+12065550100", "ToPhoneNumber": "+12065550101"}


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "granted", "not_granted"),
    [
        ("chime-sdk-meetings", "delete_meeting", {"MeetingId": ANOTHER_ID}, f"meeting/{ANOTHER_ID}",
         "meeting/other"),
        ("chime-sdk-meetings", "get_attendee", {"MeetingId": ANOTHER_ID, "AttendeeId": ANOTHER_ID},
         f"meeting/{ANOTHER_ID}", f"attendee/{ANOTHER_ID}"),
        ("chime-sdk-voice", "create_sip_media_application_call",
         {"SipMediaApplicationId": ANOTHER_ID, **ANY_CALL}, f"sma/{ANOTHER_ID}", "sma/other"),
        ("chime-sdk-voice", "update_sip_media_application_call",
         {"SipMediaApplicationId": ANOTHER_ID, "TransactionId": ANOTHER_ID, "Arguments": {}},
         f"sma/{ANOTHER_ID}", "sma/other"),
        ("chime-sdk-voice", "create_sip_rule",
         {"Name": "r", "TriggerType": "ToPhoneNumber", "TriggerValue": "+12065550100", "TargetApplications":
          [{"SipMediaApplicationId": ANOTHER_ID, "Priority": 1, "AwsRegion": REGION}]},
         f"sma/{ANOTHER_ID}", "sma/other"),
        ("chime-sdk-voice", "get_voice_connector", {"VoiceConnectorId": "a" * 22}, f"vc/{'a' * 22}",
         "vc/other"),
        ("chime-sdk-voice", "get_phone_number", {"PhoneNumberId": "+12065550142"}, None,
         "phone-number/*"),
        ("chime-sdk-voice", "delete_sip_rule", {"SipRuleId": ANOTHER_ID}, None, f"sip-rule/{ANOTHER_ID}"),
    ],
    ids=lambda value: value if isinstance(value, str) and "_" in value else "",
)  # fmt: skip
def test_a_role_needs_the_grant_that_the_service_authorization_reference_names(
    service: str,
    operation: str,
    parameters: dict[str, Any],
    granted: str | None,
    not_granted: str,
    running: LocalAws,
    outputs: dict[str, str],
) -> None:
    action = "chime:" + "".join(part.capitalize() for part in operation.split("_"))

    def answered(name: str, *statements: dict[str, Any]) -> str:
        with as_role(
            running, f"{operation}-{name}".replace("_", "-"), *statements, service=service
        ) as client:
            with pytest.raises(ClientError) as caught:
                getattr(client, operation)(**parameters)
            return str(caught.value.response["Error"]["Code"])

    on = f"{BASE}:{granted}" if granted else "*"
    assert answered("right", allow(action, on)) in {"NotFoundException", "BadRequestException"}
    assert answered("wrong", allow(action, f"{BASE}:{not_granted}")) == "AccessDeniedException"
    assert answered("none") == "AccessDeniedException"


def test_creating_a_meeting_is_granted_on_everything_or_not_at_all(running: LocalAws) -> None:
    action = "chime:CreateMeetingWithAttendees"
    with (
        as_role(
            running, "meetings-one", allow(action, f"{BASE}:meeting/*"), service="chime-sdk-meetings"
        ) as one,
        pytest.raises(ClientError, match="AccessDenied"),
    ):
        create_meeting(one)
    with as_role(running, "meetings-all", allow(action, "*"), service="chime-sdk-meetings") as all_of_them:
        meeting_id = create_meeting(all_of_them)["Meeting"]["MeetingId"]
    running.client("chime-sdk-meetings").delete_meeting(MeetingId=meeting_id)


@pytest.mark.parametrize("left_out", ["NumberArn", "Flow", None])
def test_a_flow_is_associated_with_a_grant_on_the_number_and_on_the_flow(
    left_out: str | None, running: LocalAws, outputs: dict[str, str]
) -> None:
    granted = [outputs[name] for name in ("NumberArn", "Flow") if name != left_out]
    given = {
        "PhoneNumberId": last_of(outputs["NumberArn"]),
        "InstanceId": last_of(outputs["Instance"]),
        "ContactFlowId": last_of(outputs["Flow"]),
    }
    statement = allow("connect:AssociatePhoneNumberContactFlow", *granted)
    with as_role(running, f"associates-{left_out}", statement) as connect:
        if left_out is None:
            connect.associate_phone_number_contact_flow(**given)
            return
        with pytest.raises(ClientError, match="AccessDenied"):
            connect.associate_phone_number_contact_flow(**given)


def test_faults_name_the_service_as_the_sdk_does(
    running: LocalAws, observer: BridgeControlEndpoints, outputs: dict[str, str]
) -> None:
    meetings = running.client("chime-sdk-meetings")
    error = {"Code": "ServiceUnavailableException", "Status": 503}
    with (
        observer.fault("chime-sdk-meetings", "CreateMeetingWithAttendees", Error=error),
        pytest.raises(meetings.exceptions.ServiceUnavailableException),
    ):
        create_meeting(meetings)
    with observer.fault("chime-sdk-meetings", "CreateMeeting", Error=error):
        meeting_id = create_meeting(meetings)["Meeting"]["MeetingId"]
    meetings.delete_meeting(MeetingId=meeting_id)


def test_the_calls_of_functions_are_noted_with_the_services_name(
    running: LocalAws, observer: BridgeControlEndpoints, outputs: dict[str, str], meeting: Any
) -> None:
    function = outputs["Function"].rpartition(":")[2]
    meeting_id = meeting["Meeting"]["MeetingId"]
    statement = allow("chime:*", "*")
    with as_role(
        running, "telephony", statement, session_name=function, service="chime-sdk-meetings"
    ) as client:
        client.get_meeting(MeetingId=meeting_id)
    call = [call for call in observer.calls() if call["Role"] == "telephony"][-1]
    assert (call["Service"], call["Operation"]) == ("chime-sdk-meetings", "GetMeeting")
    assert call["Resources"] == [f"{BASE}:meeting/{meeting_id}"]


def test_two_rules_lead_events_of_both_services_into_one_queue(
    running: LocalAws, observer: BridgeControlEndpoints, outputs: dict[str, str]
) -> None:
    sqs, events = running.client("sqs"), running.client("events")
    url = sqs.create_queue(QueueName="both")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage",
         "Resource": arn},
    ]}  # fmt: skip
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    patterns = {
        "contacts": {"source": ["aws.connect"], "detail": {"tags": {"aws:connect:systemEndpoint": [
            outputs["Number"]]}}},
        "meetings": {"source": ["aws.chime"], "detail": {"eventType": ["chime:MeetingEnded"]}},
    }  # fmt: skip
    for name, pattern in patterns.items():
        events.put_rule(Name=name, EventPattern=json.dumps(pattern))
        events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])
    associate(running, outputs)
    contact_id = observer.dial(outputs["Number"], "+442079460123")
    observer.hang_up(contact_id)
    meetings = running.client("chime-sdk-meetings")
    meeting_id = create_meeting(meetings)["Meeting"]["MeetingId"]
    meetings.delete_meeting(MeetingId=meeting_id)
    received: list[dict[str, Any]] = []

    def all_received() -> bool:
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            received.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return len(received) >= 4

    assert eventually(all_received)
    for name in patterns:
        events.remove_targets(Rule=name, Ids=["queue"])
        events.delete_rule(Name=name)
    details = [(event["source"], event["detail"]["eventType"]) for event in received]
    assert sorted(details) == [
        ("aws.chime", "chime:MeetingEnded"),
        ("aws.connect", "COMPLETED"),
        ("aws.connect", "DISCONNECTED"),
        ("aws.connect", "INITIATED"),
    ]
    [ended] = [event for event in received if event["source"] == "aws.chime"]
    assert ended["detail-type"] == "Chime Meeting State Change"
    assert ended["detail"]["meetingId"] == meeting_id
    assert (ended["region"], ended["resources"]) == (REGION, [])


def test_nobody_else_publishes_events_of_meetings(running: LocalAws) -> None:
    entry = {"Source": "aws.chime", "DetailType": "Chime Meeting State Change", "Detail": "{}"}
    answered = running.client("events").put_events(Entries=[entry])
    assert answered["Entries"][0]["ErrorCode"] == "NotAuthorizedForSourceException"


def test_whoever_dials_can_press_keys_and_hang_up(
    running: LocalAws, observer: BridgeControlEndpoints, outputs: dict[str, str]
) -> None:
    associate(running, outputs)
    contact_id = observer.dial(outputs["Number"], "+442079460123")
    observer.press_when_collected(contact_id, "1234")

    def typed() -> str | None:
        [contact] = [each for each in observer.contacts() if each["ContactId"] == contact_id]
        value: str | None = contact["Attributes"].get("typed")
        return value

    assert eventually(typed) == "1234"
    observer.hang_up(contact_id)
    assert observer.contact(contact_id)["State"] == "ended"


def test_the_caller_of_a_meeting_can_be_played(
    running: LocalAws, observer: BridgeControlEndpoints, meeting: Any
) -> None:
    meeting_id = meeting["Meeting"]["MeetingId"]
    shown = observer.happen_in_meeting(meeting_id, "CallerJoined")
    assert [attendee["Presence"] for attendee in shown["Attendees"]] == ["present", "invited"]
    with pytest.raises(RuntimeError, match="409"):
        observer.happen_in_meeting(meeting_id, "TimedOut")
    with pytest.raises(RuntimeError, match="400"):
        observer.happen_in_meeting(meeting_id, "Sneezed")
    with pytest.raises(RuntimeError, match="404"):
        observer.happen_in_meeting(ANOTHER_ID, "CallerJoined")
    assert observer.meeting(meeting_id)["State"] == "living"


def test_stacks_of_telephony_are_updated_and_deleted_without_leaving_anything(
    running: LocalAws, outputs: dict[str, str]
) -> None:
    cloudformation, voice = running.client("cloudformation"), running.client("chime-sdk-voice")
    connector = resource(
        "AWS::Chime::VoiceConnector", AwsRegion=REGION, Name="first", RequireEncryption=True,
        Tags=[{"Key": "a", "Value": "1"}],
    )  # fmt: skip
    outputs_of = {"Id": {"Value": get("Connector", "VoiceConnectorId")}}
    stack = deploy(running, "updated", {"Resources": {"Connector": connector}, "Outputs": outputs_of})
    connector_id = stack["Outputs"][0]["OutputValue"]
    changed = {**connector["Properties"], "Name": "second", "Tags": [{"Key": "b", "Value": "2"}]}
    template = {"Resources": {"Connector": {**connector, "Properties": changed}}, "Outputs": outputs_of}
    cloudformation.update_stack(StackName="updated", TemplateBody=json.dumps(template))

    def name() -> str:
        read = voice.get_voice_connector(VoiceConnectorId=connector_id)["VoiceConnector"]
        return str(read["Name"])

    assert eventually(lambda: name() == "second")
    arn = f"{BASE}:vc/{connector_id}"
    assert voice.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "b", "Value": "2"}]
    cloudformation.delete_stack(StackName="updated")

    def is_gone() -> bool:
        listed = voice.list_voice_connectors()["VoiceConnectors"]
        return connector_id not in {each["VoiceConnectorId"] for each in listed}

    assert eventually(is_gone)
