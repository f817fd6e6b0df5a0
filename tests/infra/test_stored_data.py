"""Rules of the house for data at rest: the tables, the logs, the alarms' topics, and the keys."""

from typing import Any

from tests.infra.synthesis import Synthesis


def key_arn(stack: Synthesis) -> dict[str, Any]:
    (id_,) = stack.resources("AWS::KMS::Key")
    return {"Fn::GetAtt": [id_, "Arn"]}


def test_the_table_is_encrypted_recoverable_and_forgets(synthesis: Synthesis) -> None:
    table = synthesis.table_of_calls
    assert table["SSESpecification"] == {
        "SSEEnabled": True,
        "SSEType": "KMS",
        "KMSMasterKeyId": key_arn(synthesis.alone("Calling")),
    }
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["TimeToLiveSpecification"] == {"AttributeName": "ExpiresAt", "Enabled": True}
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["KeySchema"] == [{"AttributeName": "UserId", "KeyType": "HASH"}]
    # Of a call's credentials and claims nothing is copied into an index.
    assert table["GlobalSecondaryIndexes"] == [
        {
            "IndexName": "ByContactId",
            "KeySchema": [{"AttributeName": "ContactId", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        }
    ]


def test_the_table_of_waiting_finds_contacts_by_whose_turn_it_is(synthesis: Synthesis) -> None:
    tables = synthesis.alone("Calling").resources("AWS::DynamoDB::Table")
    (table,) = (of for of in tables.values() if of["KeySchema"][0]["AttributeName"] == "Id")
    assert table["GlobalSecondaryIndexes"] == [
        {
            "IndexName": "ByTurn",
            "KeySchema": [
                {"AttributeName": "Looking", "KeyType": "HASH"},
                {"AttributeName": "TurnAt", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        }
    ]


def test_every_table_is_encrypted_recoverable_and_forgets(synthesis: Synthesis) -> None:
    for stack in synthesis.with_functions:
        for table in stack.resources("AWS::DynamoDB::Table").values():
            assert table["SSESpecification"]["KMSMasterKeyId"] == key_arn(stack)
            assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
            assert table["TimeToLiveSpecification"] == {"AttributeName": "ExpiresAt", "Enabled": True}


def test_the_queues_are_encrypted_and_take_messages_of_the_rules_alone_over_tls(synthesis: Synthesis) -> None:
    queues = synthesis.resources("AWS::SQS::Queue")
    (queue,) = [of for of in queues.values() if "RedrivePolicy" in of]
    (dead_letters,) = [of for of in queues.values() if "RedrivePolicy" not in of]
    assert queue["KmsMasterKeyId"] == key_arn(synthesis.alone("Calling"))
    # What KMS refuses for the one is what the other has to take.
    assert (dead_letters["SqsManagedSseEnabled"], "KmsMasterKeyId" in dead_letters) == (True, False)
    rules = synthesis.resources("AWS::Events::Rule")
    assert rules
    policies = synthesis.resources("AWS::SQS::QueuePolicy").values()
    assert {policy["Queues"][0]["Ref"] for policy in policies} == set(queues)
    for policy in policies:
        deny, *allowed = policy["PolicyDocument"]["Statement"]
        assert (deny["Effect"], deny["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
        for allow in allowed:
            assert (allow["Effect"], allow["Action"]) == ("Allow", "sqs:SendMessage")
        assert [allow["Condition"] for allow in allowed] == [
            {"ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": [rule, "Arn"]}}} for rule in rules
        ]


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


def test_the_dead_letter_queue_takes_what_its_source_gives_up(synthesis: Synthesis) -> None:
    (queue,) = [of for of in synthesis.resources("AWS::SQS::Queue").values() if "RedrivePolicy" in of]
    ((id_, dead_letters),) = [
        (id_, of) for id_, of in synthesis.resources("AWS::SQS::Queue").items() if "RedrivePolicy" not in of
    ]
    assert queue["RedrivePolicy"]["deadLetterTargetArn"] == {"Fn::GetAtt": [id_, "Arn"]}
    configuration = synthesis.configuration
    assert queue["QueueName"] == f"InAppCalling-{configuration.environment}-Calling-ContactEvents"
    # SQS takes at most 80 characters, an environment's name has at most 32.
    assert len(queue["QueueName"]) - len(configuration.environment) + 32 <= 80
    assert dead_letters["RedriveAllowPolicy"] == {
        "redrivePermission": "byQueue",
        "sourceQueueArns": [
            f"arn:aws:sqs:{configuration.region}:{configuration.account}:{queue['QueueName']}"
        ],
    }


def test_no_mistaken_deployment_removes_the_blocks_of_users(synthesis: Synthesis) -> None:
    assert synthesis.table_of_calls["DeletionProtectionEnabled"] is True


def test_the_packs_see_every_table(synthesis: Synthesis) -> None:
    assert not synthesis.resources("AWS::DynamoDB::GlobalTable")


def test_every_log_group_ends_and_is_encrypted(synthesis: Synthesis) -> None:
    for stack in synthesis.with_functions:
        groups = stack.resources("AWS::Logs::LogGroup").values()
        assert groups
        for group in groups:
            assert group["RetentionInDays"] == synthesis.configuration.functions.log_retention_days
            assert group["KmsKeyId"] == key_arn(stack)


def test_nothing_else_has_a_log(native: Synthesis) -> None:
    # One of each function, and the API's access log, its execution log and the firewall's.
    groups = native.resources("AWS::Logs::LogGroup")
    assert len(groups) == len(native.resources("AWS::Lambda::Function")) + 3


def test_the_key_admits_every_log_group(synthesis: Synthesis) -> None:
    for stack in synthesis.with_functions:
        (statement,) = [
            statement
            for statement in stack.the("AWS::KMS::Key")["KeyPolicy"]["Statement"]
            if statement.get("Sid") == "LogGroupsOfThisStack"
        ]
        admitted = statement["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"]
        admitted_names = [arn.partition(":log-group:")[2] for arn in admitted]
        # CloudFormation begins the names it makes with the stack's.
        names = {f"InAppCalling-{synthesis.environment}-{name}-*" for name in stack.templates}
        for group in stack.resources("AWS::Logs::LogGroup").values():
            name = group.get("LogGroupName")
            if isinstance(name, str):
                names.add(name)
            elif name is not None:
                # AWS makes parts of the name. What comes before them says whose it is.
                begin = name["Fn::Join"][1][0]
                names.update(known for known in admitted_names if known.startswith(begin))
        assert sorted(admitted_names) == sorted(names)


def test_the_keys_rotate(synthesis: Synthesis) -> None:
    for stack in synthesis.with_functions:
        assert stack.the("AWS::KMS::Key")["EnableKeyRotation"] is True


def test_the_alarms_topics_are_encrypted(synthesis: Synthesis) -> None:
    for stack in synthesis.with_functions:
        assert stack.the("AWS::SNS::Topic")["KmsMasterKeyId"] == key_arn(stack)


def test_users_outlive_their_stack_and_calls_do_not(synthesis: Synthesis) -> None:
    retained = {
        declaration["Type"]
        for _, declaration in synthesis.declarations()
        if declaration.get("DeletionPolicy") == "Retain"
    }
    of_users = {
        "AWS::Cognito::UserPool",
        "AWS::Cognito::UserPoolClient",
        "AWS::Cognito::UserPoolRiskConfigurationAttachment",
    }
    assert retained == (of_users if synthesis.issuer is None else set())
    for _, declaration in synthesis.declarations():
        assert declaration.get("DeletionPolicy") == declaration.get("UpdateReplacePolicy")
