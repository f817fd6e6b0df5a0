"""What the bridge remembers of its calls: a table of its own, with one item for each start.

A call is known by its reference, the code that it types into Amazon Connect, so the contact that presents the
code leads to its user. The core's record of the call holds none of this.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from runtime import aws
from runtime.telemetry import traced

MEETING_INDEX = "ByMeetingId"
"""The index from a meeting to the reference of its call."""

_Item = Mapping[str, Any]

_KEPT_SECONDS = 86_400
"""How long an item outlives the longest call: events of the meeting may come late."""
_CONDITION_NOT_MET = frozenset({"ConditionalCheckFailedException"})


@dataclass(frozen=True, kw_only=True)
class BridgedCall:
    """One start. All times are milliseconds since the epoch."""

    reference: str = field(repr=False)
    user_id: str
    meeting_id: str | None = None
    """None of a start that ended before it had a meeting."""
    contact_flow_arn: str = ""
    """The flow that the bridge's own contact flow passes the contact on to."""
    caller_attributes: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What the caller sends along, for that flow to set: a phone call brings no attributes to Connect."""
    transaction_id: str | None = None
    """The phone call's id for the SIP media application."""
    joined_at: int | None = None
    """When the app last came into the meeting, as far as events have come."""
    ended_at: int | None = None
    """When the backend ended the call."""


class BridgedCalls:
    """Reads and writes `BridgedCall`s in DynamoDB.

    Every method raises `CapacityReached`, `Unavailable`, `TimedOut`, `AnswerIncomplete` or
    `ConfigurationFault` when DynamoDB does not do as requested. All writes are idempotent: botocore may
    repeat one whose answer was lost.
    """

    def __init__(self, client: Any, table: str, *, max_call_seconds: int = 0) -> None:
        """`client` is a botocore DynamoDB client, `table` the table's name. Who stores calls passes how long
        one may last.
        """
        self._client = client
        self._table = table
        self._max_call_seconds = max_call_seconds

    @traced
    @aws.reads_answer
    def store(self, call: BridgedCall, now: int) -> bool:
        """Stores a call with its meeting, before anything is dialled.

        False when the start has ended already, or when another call by chance has the same reference.
        """
        return self._is_updated(
            call.reference,
            "SET UserId = :user, MeetingId = :meeting, ContactFlowArn = :flow,"
            " CallerAttributes = :attributes, ExpiresAt = :expires",
            "attribute_not_exists(EndedAt)"
            " AND (attribute_not_exists(UserId) OR (UserId = :user AND MeetingId = :meeting))",
            {
                ":user": {"S": call.user_id},
                ":meeting": {"S": call.meeting_id},
                ":flow": {"S": call.contact_flow_arn},
                ":attributes": {"M": {name: {"S": value} for name, value in call.caller_attributes.items()}},
                ":expires": _number(now // 1000 + self._max_call_seconds + _KEPT_SECONDS),
            },
        )

    @traced
    @aws.reads_answer
    def store_phone_call(self, call: BridgedCall) -> bool:
        """Stores the transaction id of a call's phone call; False when the call has ended meanwhile."""
        return self._is_updated(
            call.reference,
            "SET TransactionId = :transaction",
            "MeetingId = :meeting AND attribute_not_exists(EndedAt)",
            {":transaction": {"S": call.transaction_id}, ":meeting": {"S": call.meeting_id}},
        )

    @traced
    @aws.reads_answer
    def store_joined(self, call: BridgedCall, joined_at: int) -> None:
        """Stores when the app came into its meeting, if it has not come again since."""
        self._is_updated(
            call.reference,
            "SET JoinedAt = :joined",
            "MeetingId = :meeting AND (attribute_not_exists(JoinedAt) OR JoinedAt < :joined)",
            {":joined": _number(joined_at), ":meeting": {"S": call.meeting_id}},
        )

    @traced
    @aws.reads_answer
    def end(self, reference: str, user_id: str, now: int) -> BridgedCall | None:
        """Marks a call as ended and returns it, also where nothing is stored of it yet: then nothing will be.

        None when the reference is another user's.
        """
        try:
            answer = self._update(
                reference,
                "SET UserId = :user, EndedAt = if_not_exists(EndedAt, :now),"
                " ExpiresAt = if_not_exists(ExpiresAt, :expires)",
                "attribute_not_exists(UserId) OR UserId = :user",
                {
                    ":user": {"S": user_id},
                    ":now": _number(now),
                    ":expires": _number(now // 1000 + _KEPT_SECONDS),
                },
            )
        except aws.ExpectedError:
            return None
        return _to_call(answer["Attributes"])

    @traced
    @aws.reads_answer
    def find(self, reference: str) -> BridgedCall | None:
        """The call that a reference was issued for."""
        answer = aws.call(
            self._client,
            "GetItem",
            TableName=self._table,
            Key={"Reference": {"S": reference}},
            ConsistentRead=True,
        )
        return _to_call(answer["Item"]) if "Item" in answer else None

    def find_by_meeting(self, meeting_id: str) -> BridgedCall | None:
        """The call that has a meeting; None when there is none, or has been for a moment only."""
        reference = self._find_reference(meeting_id)
        call = None if reference is None else self.find(reference)
        return call if call is not None and call.meeting_id == meeting_id else None

    @traced
    @aws.reads_answer
    def _find_reference(self, meeting_id: str) -> str | None:
        answer = aws.call(
            self._client,
            "Query",
            TableName=self._table,
            IndexName=MEETING_INDEX,
            KeyConditionExpression="MeetingId = :meeting",
            ExpressionAttributeValues={":meeting": {"S": meeting_id}},
        )
        reference: str | None = next((item["Reference"]["S"] for item in answer.get("Items") or ()), None)
        return reference

    def _is_updated(self, reference: str, update: str, condition: str, values: Mapping[str, Any]) -> bool:
        try:
            self._update(reference, update, condition, values)
        except aws.ExpectedError:
            return False
        return True

    def _update(self, reference: str, update: str, condition: str, values: Mapping[str, Any]) -> _Item:
        """Raises `aws.ExpectedError` when the item does not meet the condition."""
        return aws.call(
            self._client,
            "UpdateItem",
            expected_errors=_CONDITION_NOT_MET,
            TableName=self._table,
            Key={"Reference": {"S": reference}},
            UpdateExpression=update,
            ConditionExpression=condition,
            ExpressionAttributeValues=values,
            ReturnValues="ALL_NEW",
        )


def _number(value: int) -> dict[str, str]:
    return {"N": str(value)}


def _to_call(item: _Item) -> BridgedCall:
    def text(name: str) -> str | None:
        value: str | None = item[name]["S"] if name in item else None
        return value

    def number(name: str) -> int | None:
        return int(item[name]["N"]) if name in item else None

    attributes = item.get("CallerAttributes", {"M": {}})["M"]
    return BridgedCall(
        reference=item["Reference"]["S"],
        user_id=item["UserId"]["S"],
        meeting_id=text("MeetingId"),
        contact_flow_arn=text("ContactFlowArn") or "",
        caller_attributes={name: value["S"] for name, value in attributes.items()},
        transaction_id=text("TransactionId"),
        joined_at=number("JoinedAt"),
        ended_at=number("EndedAt"),
    )
