"""The functions with a DynamoDB and a Connect that answer at the HTTP level."""

import gc
import io
import json
import os
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import botocore.endpoint
import pytest
from botocore.retries.quota import RetryQuota
from hypothesis import Phase, settings

# `make mutation` wants to see a test fail, the same way each time, and not the least example that does.
settings.register_profile("mutation", settings.get_profile("ci"), phases=[Phase.explicit, Phase.generate])

INSTANCE_ARN = "arn:aws:connect:eu-west-2:111122223333:instance/0f000000-0000-4000-8000-000000000001"
FLOW_ARN = f"{INSTANCE_ARN}/contact-flow/0f000000-0000-4000-8000-000000000002"
BILLING_FLOW_ARN = f"{INSTANCE_ARN}/contact-flow/0f000000-0000-4000-8000-000000000003"
QUEUE_ARN = f"{INSTANCE_ARN}/queue/0f000000-0000-4000-8000-000000000004"
BILLING_QUEUE_ARN = f"{INSTANCE_ARN}/queue/0f000000-0000-4000-8000-000000000005"
TABLE = "calls"
WAITING_TABLE = "waiting"
WAITING_INDEXES, WAITING_SORT_KEYS = {"ByTurn": "Looking"}, {"ByTurn": "TurnAt"}
INDEXES = {"ByContactId": "ContactId"}
"""Of the table: each index and its attribute."""

# The handlers read their environment and make their clients at import, as on AWS.
os.environ |= {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "eu-west-2",
    "CONNECT_INSTANCE_ARN": INSTANCE_ARN,
    "CONTACT_FLOW_ARN": FLOW_ARN,
    "TOPIC_CONTACT_FLOW_ARNS": json.dumps({"billing": BILLING_FLOW_ARN}),
    "CALLS_TABLE": TABLE,
    "WAITING_TABLE": WAITING_TABLE,
    "QUEUE_ARN": QUEUE_ARN,
    "TOPIC_QUEUE_IDS": json.dumps({"billing": BILLING_QUEUE_ARN.rpartition("/")[2], "sales": ""}),
    "CALLER_ATTRIBUTES": json.dumps(["order_id", "page"]),
    "CLAIM_ATTRIBUTES": json.dumps({"email": "customer_email", "custom:tier": "customer_tier"}),
    "DISPLAY_NAME_CLAIM": "name",
    "CAPABILITIES": json.dumps(["Video"]),
    "REPLAY_SECONDS": "600",
    "REFERENCE_SECONDS": "300",
    "START_LEASE_SECONDS": "40",
    "LONGEST_CALL_SECONDS": "7200",
    "STARTS_PER_WINDOW": "3",
    "STARTS_PER_DAY": "5",
    "CALLING_PARAMETER": "/in-app-calling/test/Calling",
    "AUTHENTICATION": "{}",
    "WINDOW_SECONDS": "60",
    "ALLOWED_ORIGINS": json.dumps(["https://app.example"]),
    "POWERTOOLS_SERVICE_NAME": "test",
    "POWERTOOLS_METRICS_NAMESPACE": "InAppCalling",
}
os.environ.pop("AWS_ENDPOINT_URL", None)

# After the environment is set, and before a test: the tracer opens a socket, which tests may not.
from runtime.telemetry import logger, metrics  # noqa: E402

from tests.lambdas.fake_aws import shared_client  # noqa: E402
from tests.lambdas.fake_dynamodb import FakeDynamoDb  # noqa: E402


@pytest.fixture(scope="session", autouse=True)
def garbage_is_collected() -> None:
    """The functions' package switches it off until a handler has started, which most tests never do."""
    gc.enable()


@pytest.fixture(scope="module", autouse=True)
def no_waiting() -> Iterator[None]:
    """Requests are repeated as on AWS, but at once, and however many have failed in other tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.endpoint, "time", SimpleNamespace(sleep=lambda _: None))
        patch.setattr(RetryQuota, "acquire", lambda _quota, _amount: True)
        yield


@pytest.fixture(autouse=True)
def nothing_counted() -> None:
    """Metrics belong to the process: what a test counts outside a handler would be the next handler's."""
    metrics.clear_metrics()


@pytest.fixture
def fake_dynamodb() -> FakeDynamoDb:
    """A DynamoDB that holds the empty table of calls."""
    return FakeDynamoDb(TABLE, "UserId", INDEXES)


@pytest.fixture
def dynamodb(fake_dynamodb: FakeDynamoDb) -> Any:
    """A botocore client of it."""
    return fake_dynamodb.attach(shared_client("dynamodb"))


@pytest.fixture(scope="session")
def dynamodb_local() -> Iterator[str]:
    """The URL of AWS's own DynamoDB Local."""
    from tests.lambdas.compared_dynamodb import running_dynamodb_local  # noqa: PLC0415 - it imports this module

    with running_dynamodb_local() as url:
        yield url


@pytest.fixture
def written(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> Iterator[Callable[[], str]]:
    """All that the functions have written: their log, their metrics, and what libraries logged."""
    log = io.StringIO()
    handler: Any = logger.registered_handler
    # Not by setStream, which flushes the one before: a run within a run, as mutmut's, has closed it.
    before, handler.stream = handler.stream, log
    yield lambda: "".join([log.getvalue(), *capsys.readouterr(), caplog.text])
    handler.stream = before
