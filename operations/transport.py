"""Calls under way that a deployment would strand: only the transport that started a call can end it.

Calls that Amazon Connect's own transport started go on in every deployment. Those of another one need it, so
it is taken out of a deployment only once they have ended.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


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
