"""What holds only in the running emulator: where MiniStack and what extends it meet."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
import requests
from botocore.exceptions import ClientError

from local.environment import LocalAws
from local.observer import Observer, eventually
from tests.local.flows import HANG_UP, block, content

STACK = "calls"
ELSE_HANG_UP = {"NoMatchingError": "hang-up"}


def trust(**principal: str) -> dict[str, Any]:
    return policy({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"})


def policy(*statements: Mapping[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def get(name: str, attribute: str) -> dict[str, list[str]]:
    return {"Fn::GetAtt": [name, attribute]}


def resource(resource_type: str, **properties: Any) -> dict[str, Any]:
    return {"Type": resource_type, "Properties": properties}


def instance(alias: str) -> dict[str, Any]:
    return resource(
        "AWS::Connect::Instance",
        Attributes={"InboundCalls": True, "OutboundCalls": False},
        IdentityManagementType="CONNECT_MANAGED",
        InstanceAlias=alias,
    )


def flow(name: str, *blocks: Mapping[str, Any]) -> dict[str, Any]:
    text = {"Fn::Sub": content(*blocks)}
    here = get("Instance", "Arn")
    return resource(
        "AWS::Connect::ContactFlow", InstanceArn=here, Name=name, Type="CONTACT_FLOW", Content=text
    )


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
    },
    "Outputs": {
        "Instance": {"Value": get("Instance", "Arn")},
        "Asking": {"Value": get("Asking", "ContactFlowArn")},
        "Short": {"Value": get("Short", "ContactFlowArn")},
        "Function": {"Value": get("Function", "Arn")},
        "Permission": {"Value": {"Ref": "Permission"}},
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def observer(running: LocalAws) -> Observer:
    return Observer(running.endpoint_url)


@pytest.fixture(scope="module")
def outputs(running: LocalAws) -> dict[str, str]:
    """Those of a stack with an instance, two flows and a function that one of them asks."""
    return {item["OutputKey"]: item["OutputValue"] for item in deploy(running, STACK, TEMPLATE)["Outputs"]}


def deploy(running: LocalAws, name: str, template: Mapping[str, Any]) -> dict[str, Any]:
    """The stack, once its creation has come to an end, a good or a bad one."""
    cloudformation = running.client("cloudformation")
    cloudformation.create_stack(
        StackName=name, TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_IAM"]
    )

    def ended() -> dict[str, Any] | None:
        [stack] = cloudformation.describe_stacks(StackName=name)["Stacks"]
        return None if stack["StackStatus"].endswith("IN_PROGRESS") else stack

    stack = eventually(ended)
    assert stack is not None
    return stack


def last_of(arn: str) -> str:
    return arn.rpartition("/")[2]


def start(client: Any, outputs: Mapping[str, str], name: str = "Short") -> str:
    answer = client.start_web_rtc_contact(
        InstanceId=last_of(outputs["Instance"]),
        ContactFlowId=last_of(outputs[name]),
        ParticipantDetails={"DisplayName": "Ada"},
    )
    return str(answer["ContactId"])


@contextmanager
def as_role(
    running: LocalAws, name: str, *statements: Mapping[str, Any], session_name: str = "test"
) -> Iterator[Any]:
    """Amazon Connect as a role may use it that has these statements."""
    iam = running.client("iam")
    account = "arn:aws:iam::000000000000:root"
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust(AWS=account)))["Role"]
    if statements:
        document = json.dumps(policy(*statements))
        iam.put_role_policy(RoleName=name, PolicyName="given", PolicyDocument=document)
    credentials = running.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName=session_name)[
        "Credentials"
    ]
    session: Any = boto3.Session(
        region_name="eu-west-2",
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
    )
    yield session.client("connect", endpoint_url=running.endpoint_url)


def allow(action: str, *resources: str, effect: str = "Allow") -> dict[str, Any]:
    return {"Effect": effect, "Action": action, "Resource": list(resources)}


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
    granted: list[str], running: LocalAws, observer: Observer, outputs: dict[str, str]
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
    running: LocalAws, observer: Observer, outputs: dict[str, str]
) -> None:
    function = outputs["Function"].rpartition(":")[2]
    with as_role(running, "somebody") as connect, pytest.raises(ClientError):
        start(connect, outputs)
    with as_role(running, "noted", session_name=function) as connect, pytest.raises(ClientError):
        start(connect, outputs)
    [call] = [call for call in observer.calls() if call["Role"] in {"noted", "somebody"}]
    assert (call["Role"], call["Function"]) == ("noted", function)
    assert (call["Service"], call["Operation"]) == ("connect", "StartWebRTCContact")
    assert (call["Resource"], call["Error"]) == (outputs["Instance"], "AccessDeniedException")


def test_a_flow_invokes_a_function_only_within_the_functions_own_permission(
    running: LocalAws, observer: Observer, outputs: dict[str, str]
) -> None:
    connect, functions = running.client("connect"), running.client("lambda")
    assert observer.contact(start(connect, outputs, "Asking"))["Heard"] == ["Hi ada"]

    functions.remove_permission(FunctionName=outputs["Function"], StatementId=outputs["Permission"])
    elsewhere = {"Action": "lambda:InvokeFunction", "Principal": "connect.amazonaws.com"}
    functions.add_permission(
        FunctionName=outputs["Function"],
        StatementId="other",
        SourceArn=f"{outputs['Instance']}0",
        **elsewhere,
    )
    contact = observer.contact(start(connect, outputs, "Asking"))
    assert contact["Heard"] == []
    assert "may not invoke" in contact["Way"][0]["Detail"]


def test_a_fault_is_answered_instead_of_the_operation(
    running: LocalAws, observer: Observer, outputs: dict[str, str]
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
    running: LocalAws, observer: Observer, outputs: dict[str, str]
) -> None:
    began = time.monotonic()
    with observer.fault("connect", "StartWebRTCContact", DelaySeconds=0.4):
        assert start(running.client("connect"), outputs)
    assert time.monotonic() - began >= 0.4


def test_a_malformed_answer_lacks_its_objects(
    running: LocalAws, observer: Observer, outputs: dict[str, str]
) -> None:
    with observer.fault("connect", "StartWebRTCContact", Malformed=True):
        answer = running.client("connect").start_web_rtc_contact(
            InstanceId=last_of(outputs["Instance"]),
            ContactFlowId=last_of(outputs["Short"]),
            ParticipantDetails={"DisplayName": "Ada"},
        )
    assert answer["ContactId"]
    assert "ConnectionData" not in answer


def test_a_fault_of_another_json_protocol_is_read_by_the_sdk_too(
    running: LocalAws, observer: Observer
) -> None:
    error = {"Code": "ProvisionedThroughputExceededException", "Status": 400}
    dynamodb = running.client("dynamodb")
    with (
        observer.fault("dynamodb", "ListTables", Error=error),
        pytest.raises(dynamodb.exceptions.ClientError, match="ProvisionedThroughputExceededException"),
    ):
        dynamodb.list_tables()
    assert dynamodb.list_tables()["TableNames"] == []


def test_contact_events_reach_a_rule_on_the_default_bus(running: LocalAws, outputs: dict[str, str]) -> None:
    events, sqs = running.client("events"), running.client("sqs")
    url = sqs.create_queue(QueueName="contact-events")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {"source": ["aws.connect"], "detail": {"instanceArn": [outputs["Instance"]]}}
    events.put_rule(Name="contacts", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="contacts", Targets=[{"Id": "queue", "Arn": arn}])
    contact_id = start(running.client("connect"), outputs)

    seen: list[str] = []

    def completed() -> bool:
        received = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        documents = [json.loads(message["Body"]) for message in received]
        details = [document["detail"] for document in documents]
        seen.extend(detail["eventType"] for detail in details if detail["contactId"] == contact_id)
        return "COMPLETED" in seen

    assert eventually(completed, seconds=5)
    assert set(seen) == {"INITIATED", "DISCONNECTED", "COMPLETED"}
    events.remove_targets(Rule="contacts", Ids=["queue"])


def test_nobody_else_can_put_contact_events_on_the_bus(running: LocalAws) -> None:
    entry = {"Source": "aws.connect", "DetailType": "Amazon Connect Contact Event", "Detail": "{}"}
    assert running.client("events").put_events(Entries=[entry])["FailedEntryCount"] == 1


@pytest.mark.parametrize(
    ("name", "declared", "says"),
    [
        ("typo", resource("AWS::WAFv2::LoggingConfiguration", ResourceArn="arn:aws:x", LogDestinations=[]),
         "LogDestinations"),
        ("flow", flow("broken", block("a", "Wait", "a")), "'Wait' does not run here"),
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


@pytest.mark.parametrize("path", ["/_local/contacts", "/_local/faults", "/2015-03-31/functions/", "/"])
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Host": "evil.example"}])
def test_a_web_page_from_elsewhere_reaches_nothing(
    method: str, path: str, headers: dict[str, str], running: LocalAws
) -> None:
    answer = requests.request(method, f"{running.endpoint_url}{path}", headers=headers, timeout=5)
    assert answer.status_code == 403
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_control_endpoints_answer_programs_on_this_machine(running: LocalAws) -> None:
    answer = requests.get(f"{running.endpoint_url}/_local/contacts", timeout=5)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    refused = requests.post(f"{running.endpoint_url}/_local/faults", data=b"{", timeout=5)
    assert (refused.status_code, refused.json()) == (400, {"message": "the body is not a JSON object"})
