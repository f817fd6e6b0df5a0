"""Stacks of CloudFormation for the tests of the running emulator, and roles to use them with."""

import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import boto3

from local.clients.observer import eventually
from local.launcher.local_aws import LocalAws
from tests.local.emulator.flows import content


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
    running: LocalAws,
    name: str,
    *statements: Mapping[str, Any],
    session_name: str = "test",
    service: str = "connect",
) -> Iterator[Any]:
    """A service's client for a role that has these statements."""
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
    yield session.client(service, endpoint_url=running.endpoint_url)


@contextmanager
def function_of(running: LocalAws, name: str, code: str) -> Iterator[Callable[[object], Any]]:
    """A function of this name and code, `handler` in it; to be invoked with an event."""
    role = running.client("iam").create_role(
        RoleName=name, AssumeRolePolicyDocument=json.dumps(trust(Service="lambda.amazonaws.com"))
    )["Role"]["Arn"]
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as written:
        written.writestr("index.py", code)
    functions = running.client("lambda")
    functions.create_function(
        FunctionName=name, Role=role, Runtime="python3.13", Handler="index.handler",
        Code={"ZipFile": archive.getvalue()},
    )  # fmt: skip

    def invoke(event: object) -> Any:
        answer = functions.invoke(FunctionName=name, Payload=json.dumps(event))
        return json.loads(answer["Payload"].read())

    yield invoke
    functions.delete_function(FunctionName=name)


def allow(action: str, *resources: str, effect: str = "Allow") -> dict[str, Any]:
    return {"Effect": effect, "Action": action, "Resource": list(resources)}
