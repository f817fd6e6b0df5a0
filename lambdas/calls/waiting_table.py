"""The table of what is known of waiting: readings of queues, and the contacts whose callers look."""

from collections.abc import Mapping, Sequence
from typing import Any

from runtime import aws
from runtime.telemetry import traced

from calls.positions import Looker, Place
from calls.readings import Reading, StoredReading

TURN_INDEX = "ByTurn"
"""The index of the contacts whose callers look, in the order in which Connect is asked about them."""

_TURN_KEY = "turn"
_LOOKING = "yes"
_AT_ONCE = 10
"""So many contacts are looked through in a turn for one whose caller still looks."""
_KEPT = 86_400  # seconds, after the last use: the time to live removes an item within days
_CONDITION_NOT_MET = frozenset({"ConditionalCheckFailedException"})

_Item = Mapping[str, Any]


class WaitingTable:
    """Reads and writes in DynamoDB: `calls.readings.ReadingTable` and `calls.positions.PositionTable`.

    Every method raises `CapacityReached`, `Unavailable`, `TimedOut`, `AnswerIncomplete` or
    `ConfigurationFault` when DynamoDB fails. Nothing is read consistently: what is stale is a second old, and
    each change is conditional.
    """

    def __init__(self, client: Any, table: str) -> None:
        """`client` is a botocore DynamoDB client, `table` the table's name."""
        self._client = client
        self._table = table

    # Readings

    @traced
    @aws.reads_answer
    def find(self, key: str) -> StoredReading | None:
        """What is stored under a key."""
        item = self._get(key)
        if item is None:
            return None
        reading = Reading(item["Reading"]["S"], _int(item, "ReadAt")) if "Reading" in item else None
        return StoredReading(reading, _int(item, "NextAt"))

    @traced
    def lease(self, key: str, now: int, *, until: int) -> bool:
        """Takes the right to read until then, if nobody has it and it is time."""
        return self._update(
            key,
            "SET NextAt = :until, ExpiresAt = :expires",
            "attribute_not_exists(NextAt) OR NextAt <= :now",
            {":now": _number(now), ":until": _number(until), ":expires": _expiry(until)},
        )

    @traced
    def store(self, key: str, reading: Reading, *, leased_until: int, next_at: int) -> None:
        """Stores a reading, unless its lease has passed to somebody else."""
        self._update(
            key,
            "SET Reading = :reading, ReadAt = :read_at, NextAt = :next_at, ExpiresAt = :expires",
            "NextAt = :leased_until",
            {
                ":reading": {"S": reading.value},
                ":read_at": _number(reading.read_at),
                ":next_at": _number(next_at),
                ":leased_until": _number(leased_until),
                ":expires": _expiry(next_at),
            },
        )

    # Positions

    @traced
    @aws.reads_answer
    def find_looker(self, contact_id: str) -> Looker | None:
        """A contact whose caller looks, or has looked."""
        item = self._get(_contact(contact_id))
        return None if item is None else _looker(contact_id, item)

    @traced
    @aws.reads_answer
    def look(self, contact_id: str, *, turn_at: int, until: int) -> Looker:
        """Notes that the caller of a contact looks until then; it has that turn if it had none."""
        answer = self._call(
            "UpdateItem",
            Key=_key(_contact(contact_id)),
            UpdateExpression="SET LooksUntil = :until, TurnAt = if_not_exists(TurnAt, :turn),"
            " Looking = :looking, ExpiresAt = :expires",
            ExpressionAttributeValues={
                ":turn": _number(turn_at),
                ":until": _number(until),
                ":looking": {"S": _LOOKING},
                ":expires": _expiry(until),
            },
            ReturnValues="ALL_NEW",
        )
        return _looker(contact_id, answer["Attributes"])

    @traced
    @aws.reads_answer
    def take_turn(self, now: int, *, until: int) -> int:
        """Takes the turn to ask Connect; returns when the next one is, `until` if this one was taken."""
        try:
            self._call(
                "UpdateItem",
                Key=_key(_TURN_KEY),
                UpdateExpression="SET NextAt = :until, ExpiresAt = :expires",
                ConditionExpression="attribute_not_exists(NextAt) OR NextAt <= :now",
                ExpressionAttributeValues={
                    ":now": _number(now),
                    ":until": _number(until),
                    ":expires": _expiry(until),
                },
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except aws.ExpectedError as error:
            taken = _int(error.answer["Item"], "NextAt")
            # Of the same moment, in another process.
            return taken if taken != until else until + 1
        return until

    @traced
    def postpone(self, until: int) -> None:
        """Nobody asks Connect before."""
        self._update(
            _TURN_KEY,
            "SET NextAt = :until, ExpiresAt = :expires",
            "attribute_not_exists(NextAt) OR NextAt < :until",
            {":until": _number(until), ":expires": _expiry(until)},
        )

    @traced
    @aws.reads_answer
    def longest_waiting(self) -> Sequence[Looker]:
        """The first of those who look, in the order of their turns."""
        answer = self._call(
            "Query",
            IndexName=TURN_INDEX,
            KeyConditionExpression="Looking = :looking",
            ExpressionAttributeValues={":looking": {"S": _LOOKING}},
            Limit=_AT_ONCE,
        )
        return [
            Looker(item["Id"]["S"].removeprefix(_contact("")), _int(item, "TurnAt"))
            for item in answer.get("Items") or ()
        ]

    @traced
    @aws.reads_answer
    def claim(self, looker: Looker, now: int) -> bool:
        """Puts a contact behind all others; forgets one whose caller looks no more."""
        try:
            self._call(
                "UpdateItem",
                Key=_key(_contact(looker.contact_id)),
                UpdateExpression="SET TurnAt = :now",
                ConditionExpression="TurnAt = :turn AND LooksUntil > :now AND Looking = :looking",
                ExpressionAttributeValues={
                    ":now": _number(now),
                    ":turn": _number(looker.turn_at),
                    ":looking": {"S": _LOOKING},
                },
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except aws.ExpectedError as error:
            item = error.answer.get("Item") or {}
            if "Looking" in item and _int(item, "LooksUntil") <= now:
                self.forget(looker.contact_id)
            return False
        return True

    @traced
    def store_place(self, contact_id: str, place: Place) -> None:
        """Stores what Connect has said of a contact."""
        figures = {"Position": place.position, "ExpectedWait": place.expected_wait, "PlaceAt": place.at}
        known = {name: value for name, value in figures.items() if value is not None}
        unknown = [name for name, value in figures.items() if value is None]
        self._update(
            _contact(contact_id),
            "SET " + ", ".join(f"#{name} = :{name}" for name in known)
            + (" REMOVE " + ", ".join(f"#{name}" for name in unknown) if unknown else ""),
            "attribute_exists(LooksUntil)",
            {f":{name}": _number(value) for name, value in known.items()},
            names={f"#{name}": name for name in figures},
        )  # fmt: skip

    @traced
    def forget(self, contact_id: str) -> None:
        """The contact is not looked at until its caller looks again, and what was known of it is void."""
        self._update(
            _contact(contact_id),
            "REMOVE Looking, LooksUntil, PlaceAt",
            "attribute_exists(LooksUntil)",
            {},
        )

    def _get(self, key: str) -> _Item | None:
        item: _Item | None = self._call("GetItem", Key=_key(key)).get("Item")
        return item

    def _update(
        self,
        key: str,
        update: str,
        condition: str,
        values: Mapping[str, Any],
        *,
        names: Mapping[str, str] | None = None,
    ) -> bool:
        """Whether the condition was met."""
        placeholders: dict[str, Any] = {"ExpressionAttributeValues": values} if values else {}
        if names:
            placeholders["ExpressionAttributeNames"] = names
        try:
            self._call(
                "UpdateItem",
                Key=_key(key),
                UpdateExpression=update,
                ConditionExpression=condition,
                **placeholders,
            )
        except aws.ExpectedError:
            return False
        return True

    def _call(self, operation: str, **parameters: Any) -> Mapping[str, Any]:
        return aws.call(
            self._client,
            operation,
            expected_errors=_CONDITION_NOT_MET,
            TableName=self._table,
            **parameters,
        )


def _looker(contact_id: str, item: _Item) -> Looker:
    def number(name: str) -> int | None:
        return int(item[name]["N"]) if name in item else None

    at = number("PlaceAt")
    place = None if at is None else Place(number("Position"), number("ExpectedWait"), at)
    return Looker(contact_id, _int(item, "TurnAt"), number("LooksUntil") or 0, place)


def _contact(contact_id: str) -> str:
    return f"contact/{contact_id}"


def _key(key: str) -> dict[str, dict[str, str]]:
    return {"Id": {"S": key}}


def _int(item: _Item, name: str) -> int:
    return int(item[name]["N"])


def _number(value: int) -> dict[str, str]:
    return {"N": str(value)}


def _expiry(last_use: int) -> dict[str, str]:
    """The value of `ExpiresAt`, DynamoDB's time to live in seconds since the epoch."""
    return _number(last_use // 1000 + _KEPT)
