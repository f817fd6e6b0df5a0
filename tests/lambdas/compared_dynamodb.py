"""Two DynamoDBs that get the same requests and must answer alike: ours, and moto or AWS's DynamoDB Local."""

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from tests.lambdas.conftest import INDEXES, TABLE
from tests.lambdas.fake_aws import shared_client
from tests.lambdas.fake_dynamodb import FakeDynamoDb

_EMULATOR = Path(__file__).parents[1] / "dynamodb_local/node_modules/amplify-dynamodb-simulator/emulator"
_STARTS_WITHIN = 30  # seconds

# Moto answers the clients of sessions that are made once it is imported. Those of the functions are older:
# else moto would carry out the fake's requests too.
_of_moto: Any = botocore.session.get_session().create_client("dynamodb")


class ComparedDynamoDb:
    """A client of both. Fails the test when they differ, else answers as the fake does."""

    def __init__(self, fake: Any, reference: Any) -> None:
        self.fake = fake
        self.reference = reference

    def get_item(self, **parameters: Any) -> Any:
        return self._call("get_item", parameters)

    def query(self, **parameters: Any) -> Any:
        return self._call("query", parameters)

    def update_item(self, **parameters: Any) -> Any:
        return self._call("update_item", parameters)

    @property
    def exceptions(self) -> Any:
        return self.fake.exceptions

    def _call(self, operation: str, parameters: dict[str, Any]) -> Any:
        answer = _answer(self.fake, operation, parameters)
        # Coverage looks at every call within, which takes as long as moto itself.
        tracer = sys.gettrace()
        sys.settrace(None)
        try:
            expected = _answer(self.reference, operation, parameters)
        finally:
            sys.settrace(tracer)
        assert _compared(answer) == _compared(expected), (operation, parameters)
        if isinstance(answer, ClientError):
            raise answer
        return answer


def _answer(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
    try:
        return getattr(client, operation)(**parameters)
    except ClientError as error:
        return error


def _compared(answer: Any) -> tuple[str | None, dict[str, Any]]:
    """The code of an error, and what the answer holds of items."""
    code, members = None, answer
    if isinstance(answer, ClientError):
        code, members = answer.response["Error"]["Code"], answer.response
    held = {name: members.get(name) for name in ("Attributes", "Count", "Item", "ScannedCount")}
    items = members.get("Items", [])
    # What an index sorts is compared in its order.
    return code, held | {
        "Items": items if any("TurnAt" in item for item in items) else sorted(items, key=str)
    }


BESIDE = [
    "alone",
    pytest.param("moto", marks=pytest.mark.slow),
    pytest.param("dynamodb-local", marks=pytest.mark.slow),
]
"""What our DynamoDB is compared with. In `make test` one property test alone holds it to moto."""


@contextmanager
def our_dynamodb(
    request: pytest.FixtureRequest,
    *,
    table: str = TABLE,
    key: str = "UserId",
    indexes: Mapping[str, str] = INDEXES,
    sort_keys: Mapping[str, str] | None = None,
) -> Iterator[Any]:
    """A client of our DynamoDB, with an empty table, beside what a fixture's parameter of `BESIDE` names."""
    if request.param == "alone":
        yield FakeDynamoDb(table, key, indexes, sort_keys or {}).attach(shared_client("dynamodb"))
        return
    local = request.getfixturevalue("dynamodb_local") if request.param == "dynamodb-local" else None
    with compared_dynamodb(local, table=table, key=key, indexes=indexes, sort_keys=sort_keys) as both:
        yield both


@contextmanager
def compared_dynamodb(
    dynamodb_local: str | None = None,
    *,
    table: str = TABLE,
    key: str = "UserId",
    indexes: Mapping[str, str] = INDEXES,
    sort_keys: Mapping[str, str] | None = None,
) -> Iterator[ComparedDynamoDb]:
    """Both, each with the empty table; the reference is moto, or the DynamoDB Local of that URL."""
    sort_keys = sort_keys or {}
    fake = FakeDynamoDb(table, key, indexes, sort_keys).attach(shared_client("dynamodb"))
    if dynamodb_local is None:
        with mock_aws():
            _create_table(_of_moto, table, key, indexes, sort_keys)
            yield ComparedDynamoDb(fake, _of_moto)
        return
    client: Any = botocore.session.get_session().create_client("dynamodb", endpoint_url=dynamodb_local)
    _create_table(client, table, key, indexes, sort_keys)
    yield ComparedDynamoDb(fake, client)
    client.delete_table(TableName=table)


def _create_table(
    client: Any, table: str, key: str, indexes: Mapping[str, str], sort_keys: Mapping[str, str]
) -> None:
    client.create_table(
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            *({"AttributeName": name, "AttributeType": "S"} for name in (key, *indexes.values())),
            *({"AttributeName": name, "AttributeType": "N"} for name in sort_keys.values()),
        ],
        KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": index,
                "KeySchema": [
                    {"AttributeName": attribute, "KeyType": "HASH"},
                    *(
                        {"AttributeName": name, "KeyType": "RANGE"}
                        for of, name in sort_keys.items()
                        if of == index
                    ),
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
            for index, attribute in indexes.items()
        ],
    )


@contextmanager
def running_dynamodb_local() -> Iterator[str]:
    """The URL of a DynamoDB Local that runs meanwhile, in memory; skips the test without Java."""
    java = shutil.which("java")
    if java is None:
        pytest.skip("AWS's DynamoDB Local needs Java (Debian: apt install default-jre-headless)")
    if not _EMULATOR.exists():
        pytest.skip("AWS's DynamoDB Local is not installed: ./setup.sh dynamodb-local")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [java, "-Djava.library.path=DynamoDBLocal_lib", "-jar", "DynamoDBLocal.jar"]
    command += ["-inMemory", "-disableTelemetry", "-port", str(port)]
    with subprocess.Popen(
        command, cwd=_EMULATOR, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            _wait_for(port, process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()


def _wait_for(port: int, process: "subprocess.Popen[str]") -> None:
    ends = time.monotonic() + _STARTS_WITHIN
    while time.monotonic() < ends and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    process.kill()
    pytest.fail(f"DynamoDB Local does not answer within {_STARTS_WITHIN} s:\n{process.communicate()[0]}")
