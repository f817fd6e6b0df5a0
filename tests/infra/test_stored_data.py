"""Rules of the house for data at rest: the table, the logs, the alarms' topic, and their key."""

from typing import Any

from tests.infra.synthesis import Synthesis


def key_arn(synthesis: Synthesis) -> dict[str, Any]:
    (id_,) = synthesis.resources("AWS::KMS::Key")
    return {"Fn::GetAtt": [id_, "Arn"]}


def test_the_table_is_encrypted_recoverable_and_forgets(synthesis: Synthesis) -> None:
    table = synthesis.the("AWS::DynamoDB::Table")
    assert table["SSESpecification"] == {
        "SSEEnabled": True,
        "SSEType": "KMS",
        "KMSMasterKeyId": key_arn(synthesis),
    }
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["TimeToLiveSpecification"] == {"AttributeName": "ExpiresAt", "Enabled": True}
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["KeySchema"] == [{"AttributeName": "UserId", "KeyType": "HASH"}]
    # Of a call's credentials and claims nothing is copied into the index.
    (index,) = table["GlobalSecondaryIndexes"]
    assert index["KeySchema"] == [{"AttributeName": "ContactId", "KeyType": "HASH"}]
    assert index["Projection"] == {"ProjectionType": "KEYS_ONLY"}


def test_the_queues_are_encrypted_and_take_messages_of_the_rule_alone_over_tls(synthesis: Synthesis) -> None:
    queues = synthesis.resources("AWS::SQS::Queue")
    for queue in queues.values():
        assert queue["KmsMasterKeyId"] == key_arn(synthesis)
    (rule,) = synthesis.resources("AWS::Events::Rule")
    policies = synthesis.resources("AWS::SQS::QueuePolicy").values()
    assert {policy["Queues"][0]["Ref"] for policy in policies} == set(queues)
    for policy in policies:
        deny, allow = policy["PolicyDocument"]["Statement"]
        assert (deny["Effect"], deny["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
        assert (allow["Effect"], allow["Action"]) == ("Allow", "sqs:SendMessage")
        assert allow["Condition"] == {"ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": [rule, "Arn"]}}}


def test_a_message_that_fails_comes_again_and_is_given_up_in_the_end(synthesis: Synthesis) -> None:
    (queue,) = [of for of in synthesis.resources("AWS::SQS::Queue").values() if "RedrivePolicy" in of]
    (mapping,) = synthesis.resources("AWS::Lambda::EventSourceMapping").values()
    functions = synthesis.resources("AWS::Lambda::Function").values()
    (function,) = [of for of in functions if of["Handler"].startswith("contact_events.")]
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    # Lambda's guide for SQS.
    assert queue["VisibilityTimeout"] >= 6 * function["Timeout"]
    # A start that is still running has ended, or may be given up, when its message comes again.
    assert queue["VisibilityTimeout"] > synthesis.configuration.calls.start_lease_seconds
    assert queue["RedrivePolicy"]["maxReceiveCount"] >= 3


def test_the_only_table_is_one_that_the_packs_see(synthesis: Synthesis) -> None:
    assert not synthesis.resources("AWS::DynamoDB::GlobalTable")


def test_every_log_group_ends_and_is_encrypted(synthesis: Synthesis) -> None:
    groups = synthesis.resources("AWS::Logs::LogGroup").values()
    # One of each function, and the API's access log, its execution log and the firewall's.
    assert len(groups) == len(synthesis.resources("AWS::Lambda::Function")) + 3
    for group in groups:
        assert group["RetentionInDays"] == synthesis.configuration.functions.log_retention_days
        assert group["KmsKeyId"] == key_arn(synthesis)


def test_the_key_admits_every_log_group(synthesis: Synthesis) -> None:
    (statement,) = [
        statement
        for statement in synthesis.the("AWS::KMS::Key")["KeyPolicy"]["Statement"]
        if statement.get("Sid") == "LogGroupsOfThisStack"
    ]
    admitted = statement["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"]
    prefix = f":log-group:{'{}'}"
    # CloudFormation begins the names it makes with the stack's.
    names = [f"InAppCalling-{synthesis.environment}-Calling-*", "API-Gateway-Execution-Logs_*/*"]
    for group in synthesis.resources("AWS::Logs::LogGroup").values():
        name = group.get("LogGroupName")
        if isinstance(name, str):
            names.append(name)
        elif name is not None:
            assert name["Fn::Join"][1][0] == "API-Gateway-Execution-Logs_"
    assert sorted(arn.partition(":log-group:")[2] for arn in admitted) == sorted(names), prefix


def test_the_key_rotates(synthesis: Synthesis) -> None:
    assert synthesis.the("AWS::KMS::Key")["EnableKeyRotation"] is True


def test_the_alarms_topic_is_encrypted(synthesis: Synthesis) -> None:
    assert synthesis.the("AWS::SNS::Topic")["KmsMasterKeyId"] == key_arn(synthesis)


def test_users_outlive_their_stack_and_calls_do_not(synthesis: Synthesis) -> None:
    retained = {
        declaration["Type"]
        for _, declaration in synthesis.declarations()
        if declaration.get("DeletionPolicy") == "Retain"
    }
    assert retained == {"AWS::Cognito::UserPool", "AWS::Cognito::UserPoolClient"}
    for _, declaration in synthesis.declarations():
        assert declaration.get("DeletionPolicy") == declaration.get("UpdateReplacePolicy")
