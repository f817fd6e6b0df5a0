"""Two DynamoDBs that are asked the same and must answer the same: our fake and moto."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import botocore.session
from botocore.exceptions import ClientError
from moto import mock_aws

from runtime import aws

from tests.lambdas.conftest import INDEXES, TABLE
from tests.lambdas.fake_dynamodb import FakeDynamoDb

# Moto answers the clients of sessions that are made once it is imported. That of `runtime.aws` is older: else
# moto would carry out what is asked of the fake too.
_of_moto: Any = botocore.session.get_session().create_client("dynamodb")
_of_fake = aws.client("dynamodb")


class ComparedDynamoDb:
    """A client of both. Fails the test when they differ, else answers as the fake does."""

    def __init__(self, fake: Any, moto: Any) -> None:
        self.fake = fake
        self.moto = moto

    def get_item(self, **parameters: Any) -> Any:
        return self._ask("get_item", parameters)

    def query(self, **parameters: Any) -> Any:
        return self._ask("query", parameters)

    def update_item(self, **parameters: Any) -> Any:
        return self._ask("update_item", parameters)

    @property
    def exceptions(self) -> Any:
        return self.fake.exceptions

    def _ask(self, operation: str, parameters: dict[str, Any]) -> Any:
        answer = _answer(self.fake, operation, parameters)
        # Coverage looks at every call within, which takes as long as moto itself.
        tracer = sys.gettrace()
        sys.settrace(None)
        try:
            expected = _answer(self.moto, operation, parameters)
        finally:
            sys.settrace(tracer)
        assert _told(answer) == _told(expected), (operation, parameters)
        if isinstance(answer, ClientError):
            raise answer
        return answer


def _answer(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
    try:
        return getattr(client, operation)(**parameters)
    except ClientError as error:
        return error


def _told(answer: Any) -> tuple[str | None, dict[str, Any]]:
    """The code of an error, and what is told of items."""
    code, members = None, answer
    if isinstance(answer, ClientError):
        code, members = answer.response["Error"]["Code"], answer.response
    told = {name: members.get(name) for name in ("Attributes", "Count", "Item", "ScannedCount")}
    return code, told | {"Items": sorted(members.get("Items", []), key=str)}


@contextmanager
def compared_dynamodb() -> Iterator[ComparedDynamoDb]:
    """Both, each with the empty table of calls."""
    fake = FakeDynamoDb(TABLE, "UserId", INDEXES).attach(_of_fake)
    with mock_aws():
        _of_moto.create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": attribute, "AttributeType": "S"}
                for attribute in ("UserId", *INDEXES.values())
            ],
            KeySchema=[{"AttributeName": "UserId", "KeyType": "HASH"}],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": index,
                    "KeySchema": [{"AttributeName": attribute, "KeyType": "HASH"}],
                    "Projection": {"ProjectionType": "KEYS_ONLY"},
                }
                for index, attribute in INDEXES.items()
            ],
        )
        yield ComparedDynamoDb(fake, _of_moto)
