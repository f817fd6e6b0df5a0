"""DynamoDB as the SDK sees it: at the HTTP level, so that parsing, signing and retries are real.

A request that DynamoDB would refuse whatever the values, and one of which not everything is known here, fails
the test: no code means to send either. What is refused for its values alone, as an empty key or too large an
item, is answered so. `test_fake_dynamodb` holds this to moto, which takes far longer to answer, and to
DynamoDB Local.
"""

import json
import marshal
import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

from tests.lambdas.dynamodb_expressions import (
    Condition,
    Item,
    Names,
    Value,
    read_condition,
    read_key_condition,
    read_update,
)
from tests.lambdas.fake_aws import RefusedError, attach, respond

_PLACEHOLDERS = ("ExpressionAttributeNames", "ExpressionAttributeValues")
_KNOWN = {
    "GetItem": {"TableName", "Key", "ConsistentRead"},
    "Query": {"TableName", "IndexName", "KeyConditionExpression", "Limit", *_PLACEHOLDERS},
    "UpdateItem": {
        "TableName",
        "Key",
        "UpdateExpression",
        "ConditionExpression",
        "ReturnValues",
        "ReturnValuesOnConditionCheckFailure",
        *_PLACEHOLDERS,
    },
}
_UNCONDITIONAL = Condition(lambda _item, _values: True, frozenset())

# As "Constraints in Amazon DynamoDB" has them.
_MAX_KEY_BYTES = 2048
_MAX_ITEM_BYTES = 400 * 1024
_WITHOUT_REFERENCES = 2  # the version of marshal's format
_WHOLE_NUMBER = re.compile(r"0|-?[1-9][0-9]{0,37}")


@dataclass
class FakeDynamoDb:
    """One table whose key is one text, with indexes of keys alone."""

    table: str
    key: str
    """The attribute that is the key."""
    indexes: Mapping[str, str]
    """Index to the attribute, a text, that it finds items by."""
    sort_keys: Mapping[str, str] = field(default_factory=dict)
    """Index to the attribute, a number, that it sorts items by."""
    items: dict[str, bytes] = field(default_factory=dict)
    """By key, serialized: what is stored shares nothing with requests and answers."""

    def attach(self, client: Any) -> Any:
        """Makes a botocore client of DynamoDB talk to this object and returns it."""
        return attach(client, self._receive)

    def item(self, key: str) -> Item:
        """The item with a key; empty when there is none."""
        stored = self.items.get(key)
        return {} if stored is None else _load(stored)

    def _receive(self, request: Any, event_name: str, **_: object) -> AWSResponse:
        operation = event_name.rpartition(".")[2]
        parameters = json.loads(request.body)
        assert "Authorization" in request.headers
        unknown = parameters.keys() - _KNOWN.get(operation, set())
        if unknown or parameters["TableName"] != self.table:
            pytest.fail(f"Not known here: {operation} of {parameters['TableName']}, {unknown}")
        return respond(request.url, None, lambda: getattr(self, f"_{operation}")(parameters))

    def _GetItem(self, parameters: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        item = self._read(parameters["Key"])
        return {"Item": item} if item else {}

    def _Query(self, parameters: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        condition = read_key_condition(parameters["KeyConditionExpression"], _names(parameters))
        value = _values(parameters, condition.used)[condition.value]
        attribute = self.indexes.get(parameters["IndexName"])
        if attribute != condition.attribute:
            pytest.fail(f"{parameters['IndexName']} finds nothing by {condition.attribute}")
        _check_key(value)
        sort_key = self.sort_keys.get(parameters["IndexName"])
        keys = [self.key, attribute, *([] if sort_key is None else [sort_key])]
        found = [
            {name: item[name] for name in keys}
            for item in map(_load, self.items.values())
            if item.get(attribute) == value and item.keys() >= set(keys)
        ]
        if sort_key is not None:
            found.sort(key=lambda item: int(item[sort_key]["N"]))
        items = found[: parameters.get("Limit")]
        return {"Items": items, "Count": len(items), "ScannedCount": len(items)}

    def _UpdateItem(self, parameters: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        names, condition = _names(parameters), _UNCONDITIONAL
        if "ConditionExpression" in parameters:
            condition = read_condition(parameters["ConditionExpression"], names)
        update = read_update(parameters["UpdateExpression"], names)
        values = _values(parameters, condition.used | update.used)
        returns_new = _chooses(parameters, "ReturnValues", "ALL_NEW")
        returns_old = _chooses(parameters, "ReturnValuesOnConditionCheckFailure", "ALL_OLD")
        before = self._read(parameters["Key"])
        if not condition.holds(before, values):
            raise RefusedError(
                400, "ConditionalCheckFailedException", **({"Item": before} if before and returns_old else {})
            )
        if any(path[0] == self.key for path in update.paths):
            pytest.fail(f"{self.key} is part of the key")
        after = update.apply(before or parameters["Key"], values)
        self._write(after)
        return {"Attributes": after} if returns_new else {}

    def _read(self, key: Item) -> Item:
        """The item with a key; empty when there is none."""
        if key.keys() != {self.key}:
            pytest.fail(f"The key is {self.key}, and not {key}")
        _check_key(key[self.key])
        return self.item(key[self.key]["S"])

    def _write(self, item: Item) -> None:
        for attribute in self.indexes.values():
            if attribute in item:
                _check_key(item[attribute])
        # The simulation writes and reads items by the million, and JSON takes three times as long. Without
        # references to what is there twice, which would make it shorter than DynamoDB does.
        written = marshal.dumps(item, _WITHOUT_REFERENCES)
        # DynamoDB counts a little less than this.
        if len(written) > _MAX_ITEM_BYTES:
            raise RefusedError(400, "ValidationException")
        self.items[item[self.key]["S"]] = written


def _load(stored: bytes) -> Item:
    item: Item = marshal.loads(stored)  # noqa: S302 - what this process has written
    return item


def _names(parameters: Mapping[str, Any]) -> Names:
    return tuple(parameters.get("ExpressionAttributeNames", {}).items())


def _values(parameters: Mapping[str, Any], used: AbstractSet[str]) -> dict[str, Value]:
    """The values of a request, all of whose placeholders are used and defined."""
    given = [parameters[kind] for kind in _PLACEHOLDERS if kind in parameters]
    if {} in given or {placeholder for each in given for placeholder in each} != used:
        pytest.fail(f"The placeholders that are defined and those that are used differ: {given}, {used}")
    values: dict[str, Value] = parameters.get("ExpressionAttributeValues", {})
    for value in values.values():
        _check(value)
    return values


def _check(value: Any) -> None:
    if len(value) != 1:
        pytest.fail(f"A value has one type: {value}")
    match value:
        case {"S": str()}:
            pass
        case {"N": str(number)} if _WHOLE_NUMBER.fullmatch(number):
            pass
        case {"L": [*elements]}:
            for element in elements:
                _check(element)
        case {"M": {**members}}:
            for member in members.values():
                _check(member)
        case _:
            pytest.fail(f"No value, or of a kind that is not known here: {value}")


def _check_key(value: Value) -> None:
    """Refuses what can be no key, of a table or of an index."""
    match value:
        case {"S": str(text)} if 0 < len(text.encode()) <= _MAX_KEY_BYTES:
            pass
        case _:
            raise RefusedError(400, "ValidationException")


def _chooses(parameters: Mapping[str, Any], parameter: str, choice: str) -> bool:
    chosen = parameters.get(parameter, "NONE")
    if chosen not in {choice, "NONE"}:
        pytest.fail(f"Not known here: {parameter} = {chosen}")
    return bool(chosen == choice)
