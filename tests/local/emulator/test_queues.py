"""Contact events on their way through EventBridge and SQS to a function, in the running emulator."""

import json
import re
from typing import Any

import pytest

from local.clients.observer import eventually
from local.launcher.local_aws import LocalAws
from tests.local.control_endpoints import ControlEndpoints
from tests.local.emulator.flows import HANG_UP
from tests.local.emulator.stacks import (
    allow,
    deploy,
    flow,
    get,
    instance,
    policy,
    resource,
    start,
    trust,
)

EVENT_TYPES = ["INITIATED", "QUEUED", "CONNECTED_TO_AGENT", "DISCONNECTED", "COMPLETED"]
RETRY = {"MaximumEventAgeInSeconds": 14_400, "MaximumRetryAttempts": 185}
# It reports what it gets; a message that is no event says itself what is answered, or that it crashes.
CODE = """
import json

def handler(batch, context):
    print("BATCH", json.dumps([json.loads(message["body"]) for message in batch["Records"]]))
    for message in batch["Records"]:
        body = json.loads(message["body"])
        if body.get("crash"):
            raise RuntimeError("as wanted")
        if "answer" in body:
            return json.loads(json.dumps(body["answer"]).replace("<this>", message["messageId"]))
    return {"batchItemFailures": []}
"""
RECEIVE = allow("sqs:*", "*")  # as little matters here
DECRYPT = allow("kms:Decrypt", "*")


def key(*statements: dict[str, Any]) -> dict[str, Any]:
    root = {
        "Effect": "Allow",
        "Principal": {"AWS": {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:root"}},
        "Action": "kms:*",
        "Resource": "*",
    }
    return resource("AWS::KMS::Key", KeyPolicy=policy(root, *statements))


def from_events(action: list[str] | str, rule_arn: Any, target: Any) -> dict[str, Any]:
    return {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": action,
        "Resource": target,
        "Condition": {"ArnLike": {"aws:SourceArn": rule_arn}},
    }


def without_tls(queue: str) -> dict[str, Any]:
    condition = {"Bool": {"aws:SecureTransport": "false"}}
    denied = {"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "sqs:*", "Condition": condition}
    return {**denied, "Resource": get(queue, "Arn")}


def open_to_events(*queues: str) -> dict[str, Any]:
    statements = [from_events("sqs:SendMessage", get("Rule", "Arn"), get(queue, "Arn")) for queue in queues]
    refusals = [without_tls(queue) for queue in queues]
    return resource(
        "AWS::SQS::QueuePolicy",
        Queues=[{"Ref": queue} for queue in queues],
        PolicyDocument=policy(*statements, *refusals),
    )


def target(queue: str) -> dict[str, Any]:
    arns = {"Arn": get(queue, "Arn"), "DeadLetterConfig": {"Arn": get("Dead", "Arn")}}
    return {"Id": queue, "RetryPolicy": RETRY, **arns}


def function(**changed: Any) -> dict[str, Any]:
    given = {"Code": {"ZipFile": CODE}, "Handler": "index.handler", "Runtime": "python3.13", "Timeout": 3}
    return resource("AWS::Lambda::Function", **{"Role": get("Role", "Arn"), **given, **changed})


def role(*statements: dict[str, Any]) -> dict[str, Any]:
    inline = [{"PolicyName": "given", "PolicyDocument": policy(*statements)}] if statements else []
    trusted = trust(Service="lambda.amazonaws.com")
    return resource("AWS::IAM::Role", AssumeRolePolicyDocument=trusted, Policies=inline)


MAPPING = resource(
    "AWS::Lambda::EventSourceMapping",
    FunctionName={"Ref": "Alias"},
    EventSourceArn=get("Queue", "Arn"),
    BatchSize=1,
    MaximumBatchingWindowInSeconds=0,
    FunctionResponseTypes=["ReportBatchItemFailures"],
    ScalingConfig={"MaximumConcurrency": 2},
    Tags=[{"Key": "cost", "Value": "calls"}],
)
PATTERN = {
    "source": ["aws.connect"],
    "detail-type": ["Amazon Connect Contact Event"],
    "detail": {
        "instanceArn": [get("Instance", "Arn")],
        "eventType": EVENT_TYPES,
        "initiationMethod": ["WEBRTC_API", "TRANSFER", "QUEUE_TRANSFER", "DISCONNECT"],
    },
}
TEMPLATE = {
    "Resources": {
        "Instance": instance("events"),
        "Short": flow("short", HANG_UP),
        "Key": key(
            from_events(
                ["kms:Decrypt", "kms:GenerateDataKey"],
                {"Fn::Sub": "arn:aws:events:${AWS::Region}:${AWS::AccountId}:rule/events-*"},
                "*",
            )
        ),
        "ClosedKey": key(),
        "Dead": resource(
            "AWS::SQS::Queue",
            KmsMasterKeyId=get("Key", "Arn"),
            MessageRetentionPeriod=1_209_600,
            RedriveAllowPolicy={"redrivePermission": "allowAll"},
        ),
        "Queue": resource(
            "AWS::SQS::Queue",
            KmsMasterKeyId=get("Key", "Arn"),
            VisibilityTimeout=3,
            MessageRetentionPeriod=14_400,
            RedrivePolicy={"deadLetterTargetArn": get("Dead", "Arn"), "maxReceiveCount": 1},
        ),
        "Closed": resource("AWS::SQS::Queue"),
        "Unreadable": resource("AWS::SQS::Queue", KmsMasterKeyId=get("ClosedKey", "Arn")),
        "Policies": open_to_events("Dead", "Queue", "Unreadable"),
        "Rule": resource(
            "AWS::Events::Rule",
            Description="Contact events",
            EventPattern=PATTERN,
            Targets=[target("Queue"), target("Closed"), target("Unreadable")],
        ),
        "Role": role(RECEIVE, DECRYPT),
        "Function": function(),
        "Version": resource("AWS::Lambda::Version", FunctionName={"Ref": "Function"}),
        "Alias": resource(
            "AWS::Lambda::Alias",
            FunctionName={"Ref": "Function"},
            FunctionVersion=get("Version", "Version"),
            Name="live",
        ),
        "Mapping": MAPPING,
    },
    "Outputs": {
        "Instance": {"Value": get("Instance", "Arn")},
        "Short": {"Value": get("Short", "ContactFlowArn")},
        "Alias": {"Value": {"Ref": "Alias"}},
        "ClosedArn": {"Value": get("Closed", "Arn")},
        "DeadArn": {"Value": get("Dead", "Arn")},
        "KeyArn": {"Value": get("Key", "Arn")},
        "QueueArn": {"Value": get("Queue", "Arn")},
        "UnreadableArn": {"Value": get("Unreadable", "Arn")},
        **{
            name: {"Value": {"Ref": name}}
            for name in ("Closed", "Dead", "Function", "Mapping", "Queue", "Role", "Rule", "Unreadable")
        },
    },
}


@pytest.fixture(scope="module")
def outputs(running: LocalAws) -> dict[str, str]:
    stack = deploy(running, "events", TEMPLATE)
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    return {item["OutputKey"]: item["OutputValue"] for item in stack["Outputs"]}


def handled(running: LocalAws, outputs: dict[str, str]) -> list[dict[str, Any]]:
    """The bodies of all messages that the function has got, as often as it got them."""
    logs = running.client("logs")
    pages = logs.get_paginator("filter_log_events")
    try:
        lines = [
            event["message"]
            for page in pages.paginate(logGroupName=f"/aws/lambda/{outputs['Function']}")
            for event in page["events"]
        ]
    except logs.exceptions.ResourceNotFoundException:
        return []  # its first invocation makes the log group
    found = [line.partition("BATCH ")[2] for line in lines if "BATCH " in line]
    return [body for batch in found for body in json.loads(batch)]


def taken_off(running: LocalAws, queue_url: str) -> list[dict[str, Any]]:
    """What is in a queue, and no longer is."""
    sqs = running.client("sqs")
    messages: list[dict[str, Any]] = []
    for _ in range(20):
        received = sqs.receive_message(
            QueueUrl=queue_url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        ).get("Messages", [])
        if not received:
            break
        messages += received
        for message in received:
            sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
    return messages


def test_the_events_of_a_contact_reach_the_function(
    running: LocalAws, observer: ControlEndpoints, outputs: dict[str, str]
) -> None:
    contact_id = start(running.client("connect"), outputs)
    observer.join(contact_id)
    wanted = {"INITIATED", "DISCONNECTED", "COMPLETED"}

    def of_contact() -> list[dict[str, Any]]:
        seen = [each for each in handled(running, outputs) if each["detail"]["contactId"] == contact_id]
        return seen if {each["detail"]["eventType"] for each in seen} == wanted else []

    envelopes = eventually(of_contact, seconds=5)
    assert len(envelopes) == len(wanted)
    for envelope in envelopes:
        assert envelope["source"] == "aws.connect"
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", envelope["time"])


def test_a_published_event_reaches_the_function_if_the_rule_wants_it(
    running: LocalAws, observer: ControlEndpoints, outputs: dict[str, str]
) -> None:
    about = {"instanceArn": outputs["Instance"], "initiationMethod": "TRANSFER"}
    for contact_id, changed in {
        "noise": {"eventType": "CONTACT_DATA_UPDATED"},
        "elsewhere": {"eventType": "QUEUED", "instanceArn": outputs["Instance"] + "0"},
        "outbound": {"eventType": "QUEUED", "initiationMethod": "OUTBOUND"},
        "wanted": {"eventType": "QUEUED"},
    }.items():
        observer.publish_event({"contactId": contact_id, **about, **changed})

    def seen() -> set[str]:
        return {each.get("detail", {}).get("contactId") for each in handled(running, outputs)}

    assert eventually(lambda: "wanted" in seen(), seconds=5)
    assert seen().isdisjoint({"noise", "elsewhere", "outbound"})


def test_events_are_held_back_while_the_rule_is_disabled(
    running: LocalAws, observer: ControlEndpoints, outputs: dict[str, str]
) -> None:
    events = running.client("events")
    about = {"instanceArn": outputs["Instance"], "initiationMethod": "WEBRTC_API", "eventType": "QUEUED"}
    events.disable_rule(Name=outputs["Rule"])
    observer.publish_event({"contactId": "lost", **about})
    events.enable_rule(Name=outputs["Rule"])
    observer.publish_event({"contactId": "after it", **about})

    def seen() -> set[str]:
        return {each.get("detail", {}).get("contactId") for each in handled(running, outputs)}

    assert eventually(lambda: "after it" in seen(), seconds=5)
    assert "lost" not in seen()


def test_an_event_that_cannot_be_delivered_goes_to_the_targets_dead_letter_queue(
    running: LocalAws, observer: ControlEndpoints, outputs: dict[str, str]
) -> None:
    taken_off(running, outputs["Dead"])
    detail = {
        "eventType": "QUEUED",
        "contactId": "c",
        "instanceArn": outputs["Instance"],
        "initiationMethod": "WEBRTC_API",
    }
    observer.publish_event(detail)
    dead = taken_off(running, outputs["Dead"])
    attributes = [
        {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
        for message in dead
    ]
    assert {each["TARGET_ARN"] for each in attributes} == {outputs["ClosedArn"], outputs["UnreadableArn"]}
    assert {each["ERROR_CODE"] for each in attributes} == {"NO_PERMISSIONS"}
    assert all(each["RULE_ARN"].endswith(outputs["Rule"]) for each in attributes)
    assert [json.loads(message["Body"])["detail"] for message in dead] == [detail, detail]
    assert taken_off(running, outputs["Closed"]) == taken_off(running, outputs["Unreadable"]) == []


# What the function answers about a message, and whether the message then counts as failed.
ANSWERS: list[tuple[Any, bool]] = [
    (None, False),
    ({}, False),
    ({"batchItemFailures": None}, False),
    ({"batchItemFailures": []}, False),
    ({"batchItemFailures": [{"itemIdentifier": "<this>"}]}, True),
    ({"batchItemFailures": [{"itemIdentifier": "another"}]}, True),
    ({"batchItemFailures": [{"itemIdentifier": ""}]}, True),
    ({"batchItemFailures": [{"itemIdentifier": None}]}, True),
    ({"batchItemFailures": [{"messageId": "<this>"}]}, True),
    ({"batchItemFailures": ["<this>"]}, True),
    ({"batchItemFailures": {}}, True),
    ("fine", True),
]


def test_a_message_that_failed_comes_again_and_ends_in_the_dead_letter_queue(
    running: LocalAws, outputs: dict[str, str]
) -> None:
    sqs = running.client("sqs")
    taken_off(running, outputs["Dead"])
    sqs.set_queue_attributes(QueueUrl=outputs["Queue"], Attributes={"VisibilityTimeout": "2"})
    bodies = [{"number": number, "answer": answer} for number, (answer, _) in enumerate(ANSWERS)]
    bodies.append({"number": len(bodies), "crash": True})
    failing = {number for number, (_, is_failed) in enumerate(ANSWERS) if is_failed} | {len(ANSWERS)}
    for body in bodies:
        sqs.send_message(QueueUrl=outputs["Queue"], MessageBody=json.dumps(body))

    dead: set[int] = set()

    def all_dead() -> bool:
        dead.update(json.loads(message["Body"])["number"] for message in taken_off(running, outputs["Dead"]))
        return dead >= failing

    assert eventually(all_dead, seconds=10)
    assert dead == failing
    counts = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    held = sqs.get_queue_attributes(QueueUrl=outputs["Queue"], AttributeNames=counts)["Attributes"]
    assert set(held.values()) == {"0"}
    # maxReceiveCount is 1: nothing was given to the function twice.
    numbers = [body["number"] for body in handled(running, outputs) if "number" in body]
    assert sorted(numbers) == list(range(len(bodies)))


def test_a_mapping_takes_nothing_without_the_permissions_of_the_functions_role(
    running: LocalAws, outputs: dict[str, str]
) -> None:
    iam, functions, sqs = (running.client(name) for name in ("iam", "lambda", "sqs"))

    def may(*statements: dict[str, Any]) -> None:
        document = json.dumps(policy(*statements))
        iam.put_role_policy(RoleName=outputs["Role"], PolicyName="given", PolicyDocument=document)

    def result() -> str:
        return str(functions.get_event_source_mapping(UUID=outputs["Mapping"])["LastProcessingResult"])

    def is_handled() -> bool:
        return any(body.get("number") == "after all" for body in handled(running, outputs))

    may(RECEIVE)
    sqs.send_message(QueueUrl=outputs["Queue"], MessageBody=json.dumps({"number": "after all"}))
    assert eventually(lambda: "kms:Decrypt" in result(), seconds=5)
    assert not is_handled()
    may(RECEIVE, DECRYPT)
    assert eventually(is_handled, seconds=5)


def test_what_the_template_declares_can_be_read_from_the_services(
    running: LocalAws, outputs: dict[str, str]
) -> None:
    functions, events, sqs = (running.client(name) for name in ("lambda", "events", "sqs"))
    mapping = functions.get_event_source_mapping(UUID=outputs["Mapping"])
    declared = MAPPING["Properties"]
    for name in (
        "BatchSize", "MaximumBatchingWindowInSeconds", "FunctionResponseTypes", "ScalingConfig",
    ):  # fmt: skip
        assert mapping[name] == declared[name]
    assert mapping["FunctionArn"] == outputs["Alias"]
    assert mapping["State"] == "Enabled"
    tags = functions.list_tags(Resource=mapping["EventSourceMappingArn"])["Tags"]
    assert tags["cost"] == "calls"

    targets = events.list_targets_by_rule(Rule=outputs["Rule"])["Targets"]
    [first] = [each for each in targets if each["Id"] == "Queue"]
    assert first == {
        "Id": "Queue",
        "Arn": outputs["QueueArn"],
        "DeadLetterConfig": {"Arn": outputs["DeadArn"]},
        "RetryPolicy": RETRY,
    }
    rule = events.describe_rule(Name=outputs["Rule"])
    pattern = json.loads(rule["EventPattern"])
    assert (rule["State"], rule["Description"]) == ("ENABLED", "Contact events")
    assert pattern["detail"]["eventType"] == EVENT_TYPES

    held = sqs.get_queue_attributes(QueueUrl=outputs["Queue"], AttributeNames=["All"])["Attributes"]
    assert held["KmsMasterKeyId"] == outputs["KeyArn"]
    assert held["MessageRetentionPeriod"] == "14400"
    assert json.loads(held["RedrivePolicy"]) == {
        "deadLetterTargetArn": outputs["DeadArn"],
        "maxReceiveCount": 1,
    }
    assert len(json.loads(held["Policy"])["Statement"]) == 6
    dead = sqs.get_queue_attributes(QueueUrl=outputs["Dead"], AttributeNames=["All"])["Attributes"]
    assert json.loads(dead["RedriveAllowPolicy"]) == {"redrivePermission": "allowAll"}


@pytest.mark.parametrize(
    ("name", "changed", "says"),
    [
        ("no-permission", {"Role": role()}, "does not have permissions to call ReceiveMessage on SQS"),
        ("no-deletion", {"Role": role(allow("sqs:Rec*", "*"))}, "permissions to call DeleteMessage on SQS"),
        ("too-short", {"Function": function(Timeout=31)}, "30 seconds is less than Function timeout: 31"),
    ],
)
def test_a_mapping_that_lambda_would_refuse_is_not_created(
    name: str, changed: dict[str, Any], says: str, running: LocalAws
) -> None:
    properties = {"FunctionName": get("Function", "Arn"), "EventSourceArn": get("Queue", "Arn")}
    mapping = resource("AWS::Lambda::EventSourceMapping", **properties)
    whole = {
        "Queue": resource("AWS::SQS::Queue"),
        "Role": role(RECEIVE),
        "Function": function(),
        "Mapping": mapping,
    }
    stack = deploy(running, f"refused-{name}", {"Resources": {**whole, **changed}})
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    events = running.client("cloudformation").describe_stack_events(StackName=stack["StackName"])[
        "StackEvents"
    ]
    reasons = [event.get("ResourceStatusReason", "") for event in events]
    assert any(says in reason for reason in reasons), reasons
