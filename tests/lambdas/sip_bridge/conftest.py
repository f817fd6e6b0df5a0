"""The functions with the bridge's table beside that of calls."""

import json
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

from tests.lambdas.fake_aws import attach, shared_client
from tests.lambdas.fake_dynamodb import FakeDynamoDb
from tests.lambdas.sip_bridge.backend import BRIDGED_TABLE, BridgedBackend


@pytest.fixture
def fake_bridged_calls() -> FakeDynamoDb:
    """A DynamoDB that holds the empty table of the bridge."""
    return FakeDynamoDb(BRIDGED_TABLE, "Reference", {"ByMeetingId": "MeetingId"})


@pytest.fixture
def dynamodb(fake_dynamodb: FakeDynamoDb, fake_bridged_calls: FakeDynamoDb) -> Any:
    """A botocore client of both tables."""
    return attach_tables(shared_client("dynamodb"), fake_dynamodb, fake_bridged_calls)


@pytest.fixture
def backend(dynamodb: Any) -> BridgedBackend:
    return BridgedBackend(dynamodb)


def attach_tables(client: Any, *tables: FakeDynamoDb) -> Any:
    """Makes a botocore client of DynamoDB talk to the fake whose table a request names; returns it."""
    by_name = {fake.table: fake for fake in tables}

    def receive(request: Any, event_name: str, **context: object) -> AWSResponse:
        return by_name[json.loads(request.body)["TableName"]]._receive(request, event_name, **context)

    return attach(client, receive)
