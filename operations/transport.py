"""Calls under way that a deployment would strand: only the transport that started a call can end it.

Calls that Amazon Connect's own transport started go on in every deployment. Those of another one need it, so
it is taken out of a deployment only once they have ended and no more can start.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

LAST_START_WITHIN = 10.0
"""Seconds after calling has been switched off in which a last start may yet be written: `start_call` uses
what it has read of the switch for five.
"""


def wait_for_last_start(off_since: datetime) -> None:
    """Returns once every call that was started before calling was switched off is in the table."""
    passed = (datetime.now(UTC) - off_since).total_seconds()
    # AWS's clock may be ahead of this one.
    time.sleep(min(max(0.0, LAST_START_WITHIN - passed), LAST_START_WITHIN))


def count_stranded(client: DynamoDBClient, table: str, *, kept: Collection[str], now: int) -> int:
    """How many calls are under way that a transport started which is not `kept`; `now` in milliseconds."""
    values = {f":kept{number}": {"S": name} for number, name in enumerate(kept)}
    pages = client.get_paginator("scan").paginate(
        TableName=table,
        Select="COUNT",
        ConsistentRead=True,
        FilterExpression="attribute_not_exists(EndedAt) AND SlotUntil > :now"
        f" AND attribute_exists(#Transport) AND NOT #Transport IN ({', '.join(values)})",
        ExpressionAttributeNames={"#Transport": "Transport"},
        ExpressionAttributeValues={":now": {"N": str(now)}, **values},
    )
    return sum(page["Count"] for page in pages)
