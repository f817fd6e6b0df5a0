"""Blocks of single users, which stand in their items of the table of calls.

`start_call` meets a block in the same conditional write that starts a call, so it holds from the moment it is
written. An item must outlive the block in it: DynamoDB removes items by `ExpiresAt`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from operations.errors import OperationError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

FOR_EVER = 253_402_300_799_000
"""The end of the year 9999, in milliseconds since the epoch."""

# A call that starts just now writes to the item too; more than one cannot.
_TRIES = 5

# Longer than any call lasts (`calls.longest_call_seconds` of the configuration is a day at most).
_KEPT_SECONDS = 2 * 86_400


def block(client: DynamoDBClient, table: str, user_id: str, *, until: int) -> str | None:
    """Keeps a user from starting and rejoining calls `until` then, in milliseconds since the epoch.

    Returns the contact of a call that goes on; None when there is none. Raises OperationError.
    """
    for _ in range(_TRIES):
        item = client.get_item(TableName=table, Key={"UserId": {"S": user_id}}, ConsistentRead=True).get(
            "Item", {}
        )
        expires = item.get("ExpiresAt", {}).get("N")
        condition, values = "attribute_not_exists(ExpiresAt)", {}
        if expires is not None:
            condition, values = "ExpiresAt = :seen", {":seen": {"N": expires}}
        try:
            client.update_item(
                TableName=table,
                Key={"UserId": {"S": user_id}},
                UpdateExpression="SET BlockedUntil = :until, ExpiresAt = :expires",
                ConditionExpression=condition,
                ExpressionAttributeValues={
                    ":until": {"N": str(until)},
                    ":expires": {"N": str(max(int(expires or 0), until // 1000 + 1))},
                    **values,
                },
            )
        except client.exceptions.ConditionalCheckFailedException:
            continue
        return None if "EndedAt" in item else item.get("ContactId", {}).get("S")
    raise OperationError("The user's calls change too fast. Run the command again.")


def unblock(client: DynamoDBClient, table: str, user_id: str, *, now: int) -> bool:
    """Lets a user call again; False when the user was not blocked. `now` in milliseconds."""
    try:
        client.update_item(
            TableName=table,
            Key={"UserId": {"S": user_id}},
            # Not kept any longer for the sake of the block.
            UpdateExpression="SET ExpiresAt = :expires REMOVE BlockedUntil",
            ConditionExpression="attribute_exists(BlockedUntil)",
            ExpressionAttributeValues={":expires": {"N": str(now // 1000 + _KEPT_SECONDS)}},
        )
    except client.exceptions.ConditionalCheckFailedException:
        return False
    return True
