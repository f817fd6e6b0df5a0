"""What holds only in the running emulator: where MiniStack and what extends it meet."""

import json
import time
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from local.launcher.local_aws import LocalAws
from tests.local.control_endpoints import ControlEndpoints
from tests.local.emulator.flows import HANG_UP, block
from tests.local.emulator.stacks import (
    allow,
    as_role,
    deploy,
    flow,
    get,
    instance,
    last_of,
    resource,
    start,
    trust,
)

STACK = "calls"
ELSE_HANG_UP = {"NoMatchingError": "hang-up"}
MIDNIGHT = {"Hours": 0, "Minutes": 0}
INDEX = {
    "IndexName": "ByContactId",
    "KeySchema": [{"AttributeName": "ContactId", "KeyType": "HASH"}],
    "Projection": {"ProjectionType": "KEYS_ONLY"},
}

TEMPLATE = {
    "Resources": {
        "Instance": instance("here"),
        "Role": resource("AWS::IAM::Role", AssumeRolePolicyDocument=trust(Service="lambda.amazonaws.com")),
        "Function": resource(
            "AWS::Lambda::Function",
            Code={"ZipFile": "def handler(event, context): return {'who': 'ada'}"},
            Handler="index.handler",
            Role=get("Role", "Arn"),
            Runtime="python3.13",
        ),
        "Association": resource(
            "AWS::Connect::IntegrationAssociation",
            InstanceId=get("Instance", "Arn"),
            IntegrationType="LAMBDA_FUNCTION",
            IntegrationArn=get("Function", "Arn"),
        ),
        "Permission": resource(
            "AWS::Lambda::Permission",
            Action="lambda:InvokeFunction",
            FunctionName={"Ref": "Function"},
            Principal="connect.amazonaws.com",
            SourceArn=get("Instance", "Arn"),
        ),
        "Asking": flow(
            "asking",
            block("ask", "InvokeLambdaFunction", "greet", errors=ELSE_HANG_UP, InvocationTimeLimitSeconds="8",
                  LambdaFunctionARN="${Function.Arn}"),
            block("greet", "MessageParticipant", "hang-up", errors=ELSE_HANG_UP, Text="Hi $.External.who"),
            HANG_UP,
        ),
        "Short": flow("short", HANG_UP),
        "Hours": resource(
            "AWS::Connect::HoursOfOperation",
            InstanceArn=get("Instance", "Arn"), Name="always", TimeZone="UTC",
            Config=[{"Day": "MONDAY", "StartTime": MIDNIGHT, "EndTime": MIDNIGHT}],
        ),
        "Queue": resource(
            "AWS::Connect::Queue",
            InstanceArn=get("Instance", "Arn"), Name="all",
            HoursOfOperationArn=get("Hours", "HoursOfOperationArn"),
        ),
        "Waiting": flow(
            "waiting",
            block("choose", "UpdateContactTargetQueue", "wait", errors=ELSE_HANG_UP,
                  QueueId="${Queue.QueueArn}"),
            block("wait", "TransferContactToQueue", errors=ELSE_HANG_UP),
            HANG_UP,
        ),
        "Table": resource(
            "AWS::DynamoDB::Table",
            AttributeDefinitions=[
                {"AttributeName": name, "AttributeType": "S"} for name in ("UserId", "ContactId")
            ],
            KeySchema=[{"AttributeName": "UserId", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
            GlobalSecondaryIndexes=[INDEX],
        ),
    },
    "Outputs": {
        "Instance": {"Value": get("Instance", "Arn")},
        "Asking": {"Value": get("Asking", "ContactFlowArn")},
        "Short": {"Value": get("Short", "ContactFlowArn")},
        "Function": {"Value": get("Function", "Arn")},
        "Table": {"Value": {"Ref": "Table"}},
        "TableArn": {"Value": get("Table", "Arn")},
        "Waiting": {"Value": get("Waiting", "ContactFlowArn")},
        "Permission": {"Value": {"Ref": "Permission"}},
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def outputs(running: LocalAws) -> dict[str, str]:
    """Those of a stack with an instance, two flows and a function that one of them invokes."""
    return {item["OutputKey"]: item["OutputValue"] for item in deploy(running, STACK, TEMPLATE)["Outputs"]}


def test_a_role_may_start_contacts_of_the_flow_that_it_is_granted_and_of_no_other(
    running: LocalAws, outputs: dict[str, str]
) -> None:
    granted = allow("connect:StartWebRTCContact", outputs["Instance"], outputs["Short"])
    with as_role(running, "one-flow", granted) as connect:
        assert start(connect, outputs, "Short")
        with pytest.raises(ClientError, match=r"AccessDenied.*one-flow"):
            start(connect, outputs, "Asking")


@pytest.mark.parametrize("granted", [[], ["Instance"], ["Short"]], ids=["nothing", "instance", "flow"])
def test_a_role_needs_the_grant_on_both_instance_and_flow(
    granted: list[str], running: LocalAws, observer: ControlEndpoints, outputs: dict[str, str]
) -> None:
    before = len(observer.contacts())
    arns = [outputs[name] for name in granted]
    statements = [allow("connect:StartWebRTCContact", *arns)] if arns else []
    with (
        as_role(running, f"only-{'-'.join(granted)}", *statements) as connect,
        pytest.raises(ClientError, match="AccessDenied"),
    ):
        start(connect, outputs)
    assert len(observer.contacts()) == before


def test_an_explicit_deny_wins(running: LocalAws, outputs: dict[str, str]) -> None:
    deny = allow("connect:StartWebRTCContact", outputs["Short"], effect="Deny")
    with as_role(running, "denied", allow("connect:*", "*"), deny) as connect:
        assert start(connect, outputs, "Asking")
        with pytest.raises(ClientError, match="AccessDenied"):
            start(connect, outputs, "Short")


def test_the_calls_of_functions_are_noted_with_their_outcome_and_nobody_elses(
    running: LocalAws, observer: ControlEndpoints, outputs: dict[str, str]
) -> None:
    function = outputs["Function"].rpartition(":")[2]
    with as_role(running, "somebody") as connect, pytest.raises(ClientError):
        start(connect, outputs)
    with as_role(running, "noted", session_name=function) as connect, pytest.raises(ClientError):
        start(connect, outputs)
    [call] = [call for call in observer.calls() if call["Role"] in {"noted", "somebody"}]
    assert (call["Role"], call["Function"]) == ("noted", function)
    assert (call["Service"], call["Operation"]) == ("connect", "StartWebRTCContact")
    assert call["Resources"] == [outputs["Instance"], outputs["Short"]]
    assert call["Error"] == "AccessDeniedException"


def test_a_flow_invokes_a_function_only_within_the_functions_own_permission(
    running: LocalAws, observer: ControlEndpoints, outputs: dict[str, str]
) -> None:
    connect, functions = running.client("connect"), running.client("lambda")

    def joined() -> dict[str, Any]:
        contact_id = start(connect, outputs, "Asking")
        observer.join(contact_id)
        return observer.contact(contact_id)

    assert joined()["Heard"] == ["Hi ada"]

    functions.remove_permission(FunctionName=outputs["Function"], StatementId=outputs["Permission"])
    elsewhere = {"Action": "lambda:InvokeFunction", "Principal": "connect.amazonaws.com"}
    functions.add_permission(
        FunctionName=outputs["Function"],
        StatementId="other",
        SourceArn=f"{outputs['Instance']}0",
        **elsewhere,
    )
    contact = joined()
    assert contact["Heard"] == []
    assert "may not invoke" in contact["Way"][0]["Detail"]


def test_a_fault_is_answered_instead_of_the_operation(
    running: LocalAws, observer: ControlEndpoints, outputs: dict[str, str]
) -> None:
    before = len(observer.contacts())
    error = {"Code": "LimitExceededException", "Status": 429}
    with observer.fault("connect", "StartWebRTCContact", times=1, Error=error):
        with pytest.raises(ClientError) as caught:
            start(running.client("connect"), outputs)
        assert caught.value.response["Error"]["Code"] == "LimitExceededException"
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429
        assert len(observer.contacts()) == before
        assert start(running.client("connect"), outputs)


def test_a_delay_comes_before_the_operation(
    running: LocalAws, observer: ControlEndpoints, outputs: dict[str, str]
) -> None:
    began = time.monotonic()
    with observer.fault("connect", "StartWebRTCContact", DelaySeconds=0.4):
        assert start(running.client("connect"), outputs)
    assert time.monotonic() - began >= 0.4


def test_a_malformed_answer_lacks_its_objects(
    running: LocalAws, observer: ControlEndpoints, outputs: dict[str, str]
) -> None:
    with observer.fault("connect", "StartWebRTCContact", Malformed=True):
        answer = running.client("connect").start_web_rtc_contact(
            InstanceId=last_of(outputs["Instance"]),
            ContactFlowId=last_of(outputs["Short"]),
            ParticipantDetails={"DisplayName": "Ada"},
        )
    assert answer["ContactId"]
    assert "ConnectionData" not in answer


@pytest.mark.parametrize("operation", ["ListTables", "GetItem", "Query"])
def test_a_fault_of_another_json_protocol_is_read_by_the_sdk_too(
    operation: str, running: LocalAws, observer: ControlEndpoints, outputs: dict[str, str]
) -> None:
    error = {"Code": "ProvisionedThroughputExceededException", "Status": 400}
    dynamodb = running.client("dynamodb")
    calls = {
        "ListTables": dynamodb.list_tables,
        "GetItem": lambda: dynamodb.get_item(TableName=outputs["Table"], Key={"UserId": {"S": "u"}}),
        "Query": lambda: query(dynamodb, outputs["Table"], "c"),
    }
    with (
        observer.fault("dynamodb", operation, Error=error),
        pytest.raises(dynamodb.exceptions.ClientError, match="ProvisionedThroughputExceededException"),
    ):
        calls[operation]()
    with observer.fault("dynamodb", operation, Malformed=True):
        assert not calls[operation]().keys() & {"TableNames", "Item", "Items"}
    assert calls[operation]()["ResponseMetadata"]["HTTPStatusCode"] == 200


def query(dynamodb: Any, table: str, contact_id: str) -> Any:
    return dynamodb.query(
        TableName=table,
        IndexName=INDEX["IndexName"],
        KeyConditionExpression="ContactId = :id",
        ExpressionAttributeValues={":id": {"S": contact_id}},
    )


def test_an_index_holds_the_keys_alone_and_is_granted_by_itself(
    running: LocalAws, outputs: dict[str, str]
) -> None:
    dynamodb = running.client("dynamodb")
    item = {"UserId": {"S": "ada"}, "ContactId": {"S": "contact"}, "Name": {"S": "Ada"}}
    dynamodb.put_item(TableName=outputs["Table"], Item=item)
    [described] = dynamodb.describe_table(TableName=outputs["Table"])["Table"]["GlobalSecondaryIndexes"]
    assert described.items() >= INDEX.items()

    of_index = allow("dynamodb:Query", f"{outputs['TableArn']}/index/ByContactId")
    with as_role(running, "index", of_index, service="dynamodb") as limited:
        [found] = query(limited, outputs["Table"], "contact")["Items"]
        assert found == {"UserId": {"S": "ada"}, "ContactId": {"S": "contact"}}
        with pytest.raises(ClientError, match="AccessDenied"):
            limited.get_item(TableName=outputs["Table"], Key={"UserId": {"S": "ada"}})
    of_table = allow("dynamodb:*", outputs["TableArn"])
    with (
        as_role(running, "table", of_table, service="dynamodb") as limited,
        pytest.raises(ClientError, match="AccessDenied"),
    ):
        query(limited, outputs["Table"], "contact")


@pytest.fixture(scope="module")
def unsigned(running: LocalAws) -> Any:
    """The participant service, for those who hold a token."""
    config = Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1})
    session: Any = boto3.Session(region_name="eu-west-2")
    return session.client("connectparticipant", endpoint_url=running.endpoint_url, config=config)


@pytest.fixture
def queued(running: LocalAws, observer: ControlEndpoints, outputs: dict[str, str]) -> Any:
    """The answer of StartWebRTCContact for a contact that waits in a queue."""
    answer = running.client("connect").start_web_rtc_contact(
        InstanceId=last_of(outputs["Instance"]),
        ContactFlowId=last_of(outputs["Waiting"]),
        ParticipantDetails={"DisplayName": "Ada"},
    )
    observer.join(answer["ContactId"])
    assert observer.contact(answer["ContactId"])["State"] == "queued"
    return answer


def test_a_token_is_all_that_the_participant_service_needs(
    unsigned: Any, queued: Any, running: LocalAws, observer: ControlEndpoints
) -> None:
    before = len(observer.calls())
    given = {"ParticipantToken": queued["ParticipantToken"], "Type": ["CONNECTION_CREDENTIALS"]}
    credentials = unsigned.create_participant_connection(**given)["ConnectionCredentials"]
    unsigned.send_message(
        ContentType="audio/dtmf", Content="12#", ConnectionToken=credentials["ConnectionToken"]
    )
    # Signed by a role that may do nothing.
    with as_role(running, "powerless", service="connectparticipant") as signed:
        assert signed.create_participant_connection(**given)["ConnectionCredentials"]
    assert observer.contact(queued["ContactId"])["Digits"] == ["12#"]

    calls = observer.calls()[before:]
    assert [(call["Service"], call["Operation"], call["Status"]) for call in calls] == [
        ("connectparticipant", "CreateParticipantConnection", 200),
        ("connectparticipant", "SendMessage", 200),
        ("connectparticipant", "CreateParticipantConnection", 200),
    ]
    assert {(call["Role"], call["Function"]) for call in calls} == {(None, None)}
    assert "12#" not in json.dumps(calls)


def test_a_function_that_signs_for_the_participant_service_is_noted(
    unsigned: Any, queued: Any, running: LocalAws, observer: ControlEndpoints, outputs: dict[str, str]
) -> None:
    name = outputs["Function"].rpartition(":")[2]
    with as_role(running, "signing", session_name=name, service="connectparticipant") as signed:
        signed.create_participant_connection(
            ParticipantToken=queued["ParticipantToken"], Type=["WEBRTC_CONNECTION"]
        )
    call = observer.calls()[-1]
    assert (call["Role"], call["Function"], call["Service"]) == ("signing", name, "connectparticipant")


def test_the_refusals_of_the_participant_service_are_noted_too(
    unsigned: Any, observer: ControlEndpoints
) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        unsigned.create_participant_connection(ParticipantToken="guessed", Type=["WEBRTC_CONNECTION"])
    call = observer.calls()[-1]
    assert (call["Status"], call["Error"]) == (403, "AccessDeniedException")


@pytest.mark.parametrize(("service", "read"), [("xray", "get_sampling_rules"), ("polly", "list_lexicons")])
def test_a_service_that_nothing_plays_refuses_and_is_not_taken_for_s3(
    running: LocalAws, service: str, read: str
) -> None:
    with pytest.raises(ClientError) as refused:
        getattr(running.client(service), read)()
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_what_is_signed_for_another_service_goes_there(running: LocalAws) -> None:
    answer = running.client("s3").create_bucket(
        Bucket="participant", CreateBucketConfiguration={"LocationConstraint": "eu-west-2"}
    )
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
    started = running.client("s3").create_multipart_upload(Bucket="participant", Key="message")
    assert started["UploadId"]


PARTICIPANT_CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "CreateParticipantConnection": (
        "create_participant_connection",
        {"ParticipantToken": "t", "Type": ["WEBRTC_CONNECTION"]},
    ),
    "SendMessage": (
        "send_message",
        {"ConnectionToken": "t", "ContentType": "audio/dtmf", "Content": "1"},
    ),
}


@pytest.mark.parametrize("operation", PARTICIPANT_CALLS)
def test_faults_happen_to_the_participant_service(
    operation: str, unsigned: Any, observer: ControlEndpoints
) -> None:
    method, given = PARTICIPANT_CALLS[operation]
    error = {"Code": "ThrottlingException", "Status": 429}
    with (
        observer.fault("connectparticipant", operation, Error=error),
        pytest.raises(unsigned.exceptions.ThrottlingException),
    ):
        getattr(unsigned, method)(**given)
    assert observer.calls()[-1]["Status"] == 429


def test_faults_happen_to_create_participant(
    queued: Any, running: LocalAws, observer: ControlEndpoints, outputs: dict[str, str]
) -> None:
    connect = running.client("connect")
    given = {
        "InstanceId": last_of(outputs["Instance"]),
        "ContactId": queued["ContactId"],
        "ParticipantDetails": {"ParticipantRole": "CUSTOMER"},
    }
    observer.happen(queued["ContactId"], "AgentConnected")
    with (
        observer.fault("connect", "CreateParticipant", Error={"Code": "ConflictException", "Status": 409}),
        pytest.raises(connect.exceptions.ConflictException),
    ):
        connect.create_participant(**given)
    with observer.fault("connect", "CreateParticipant", Malformed=True):
        assert "ParticipantCredentials" not in connect.create_participant(**given)
    assert connect.create_participant(**given)["ParticipantCredentials"]["ParticipantToken"]


def test_a_transferred_contact_is_seen_as_it_is_without_a_flow(
    queued: Any, observer: ControlEndpoints
) -> None:
    observer.happen(queued["ContactId"], "AgentConnected")
    transferred = observer.happen(queued["ContactId"], "Transferred")
    assert observer.contact(transferred["ContactId"]) == transferred
    kinds = [each["eventType"] for each in observer.events() if each["contactId"] == queued["ContactId"]]
    assert kinds[-3:] == ["CONNECTED_TO_AGENT", "DISCONNECTED", "COMPLETED"]


def test_nobody_else_can_put_contact_events_on_the_bus(running: LocalAws) -> None:
    entry = {"Source": "aws.connect", "DetailType": "Amazon Connect Contact Event", "Detail": "{}"}
    assert running.client("events").put_events(Entries=[entry])["FailedEntryCount"] == 1


@pytest.mark.parametrize(
    ("name", "declared", "says"),
    [
        ("typo", resource("AWS::WAFv2::LoggingConfiguration", ResourceArn="arn:aws:x", LogDestinations=[]),
         "LogDestinations"),
        ("flow", flow("broken", block("a", "Pause", "a")), "Invalid Action type. Type: Pause"),
    ],
)  # fmt: skip
def test_a_stack_with_a_resource_that_aws_would_refuse_is_rolled_back(
    name: str, declared: dict[str, Any], says: str, running: LocalAws
) -> None:
    resources = {"Refused": declared}
    if name == "flow":
        resources["Instance"] = instance("another")
    stack = deploy(running, f"refused-{name}", {"Resources": resources})
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    events = running.client("cloudformation").describe_stack_events(StackName=stack["StackName"])
    reasons = [event.get("ResourceStatusReason", "") for event in events["StackEvents"]]
    assert any(says in reason for reason in reasons), reasons
