"""The fake answers as moto does, and refuses what DynamoDB refuses."""

import itertools
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import example, given, settings
from hypothesis import strategies as st

from calls.errors import CallerBlocked
from calls.record import Call, Rate
from calls.table import CallTable
from operations import blocks
from tests.lambdas.compared_dynamodb import ComparedDynamoDb, compared_dynamodb
from tests.lambdas.conftest import TABLE
from tests.lambdas.fake_dynamodb import FakeDynamoDb

NOW = 1_790_000_000_000
RATES = (Rate(calls=2, seconds=60), Rate(calls=4, seconds=86_400))
keys = map("{}".format, itertools.count())


@pytest.fixture(scope="module")
def both() -> Iterator[ComparedDynamoDb]:
    """One table of each for all tests, which have `keys` of their own."""
    with compared_dynamodb() as both:
        yield both


def made(key: str, user: str, number: int, now: int) -> Call:
    """A call that is just started; those with an odd number go over the SIP bridge."""
    return Call(
        user_id=f"{key}-{user}",
        started_at=now,
        idempotency_key=f"key-{number}",
        request_hash="hash",
        reference=f"{key}-{number}",
        reference_until=now + 300_000,
        context={"customer_id": user, "customer_tier": ""},
        slot_until=now + 40_000,
        starts=[now],
        contact_flow_arn="flow" if number % 2 else None,
        attributes={"page": "1"} if number % 2 else {},
    )


def answered(call: Call) -> Call:
    known = replace(call, contact_id=call.contact_id or f"contact-{call.reference}", answer="{}")
    return replace(known, replay_until=call.started_at + 600_000, transaction_id="transaction")


def told(call: Call, now: int) -> Call:
    """What Connect tells next."""
    if call.queued_at is None:
        return replace(call, queued_at=now, legs={"leg": 0})
    if call.ended_at is None:
        return replace(call, ended_at=now, ended_by_connect=True, legs={"leg": now})
    return replace(call, ended_at=None, ended_by_connect=False, legs={**call.legs, "another leg": 0})


Step = Callable[[CallTable, Call, int], object]
"""What is done to a table, about a call, at a time."""
STEPS: dict[str, Step] = {
    "claim": lambda table, call, now: table.claim(replace(call, started_at=now, starts=[now]), RATES),
    "take_over": lambda table, call, now: table.take_over(
        call, slot_until=now + 40_000, reference_until=now + 300_000
    ),
    "store_meeting": lambda table, call, _: table.store_meeting(
        replace(call, meeting_id=f"meeting-{call.reference}")
    ),
    "store_answer": lambda table, call, _: table.store_answer(answered(call), RATES),
    "end": lambda table, call, now: table.end(call, now),
    "abandon": lambda table, call, now: table.abandon(call, now),
    "give_up": lambda table, call, now: table.give_up(call, now),
    "find": lambda table, call, now: table.find(call.user_id, now),
    "find_user": lambda table, call, _: table.find_user(f"contact-{call.reference}"),
    "find_user_by_meeting": lambda table, call, _: table.find_user_by_meeting(f"meeting-{call.reference}"),
    "find_user_by_reference": lambda table, call, _: table.find_user_by_reference(call.reference),
    "store_joined": lambda table, call, now: table.store_joined(call, now),
    "store_events": lambda table, call, now: table.store_events(call, told(call, now)),
    "store_connection": lambda table, call, _: table.store_connection(call, "{}"),
    "store_connection_token": lambda table, call, now: table.store_connection_token(
        answered(call), "token", now
    ),
    "bind": lambda table, call, now: table.bind(
        call.user_id, call.reference, f"contact-{call.reference}", now
    ),
}
BLOCKS: dict[str, Callable[[Any, Call, int], object]] = {
    "block": lambda client, call, now: blocks.block(client, TABLE, call.user_id, until=now + 30_000),
    "unblock": lambda client, call, now: blocks.unblock(client, TABLE, call.user_id, now=now),
}


def test_everything_that_is_done_to_the_table_is_compared() -> None:
    assert STEPS.keys() == {name for name in vars(CallTable) if not name.startswith("_")}


@settings(max_examples=8, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([*STEPS, *BLOCKS]),
            st.sampled_from(["ada", "ada", "bob"]),
            st.integers(0, 1),
            st.sampled_from([True, True, False]),
            st.sampled_from([0, 0, 1, 20_000, 50_000, 9_000_000]),
        ),
        min_size=15,
        max_size=25,
    )
)
def test_whatever_is_done_to_the_table_the_fake_answers_as_moto_does(
    both: ComparedDynamoDb, steps: list[tuple[str, str, int, bool, int]]
) -> None:
    table, key, now = CallTable(both, TABLE, retention_seconds=100), next(keys), NOW
    claims = [("claim", user, 1, False, 0) for user in ("ada", "bob")]
    for name, user, number, is_current, pause in [*claims, *steps]:
        now += pause
        call = made(key, user, number, now)
        if is_current:
            call = CallTable(both.fake, TABLE).find(call.user_id, now) or call
        with suppress(CallerBlocked):
            if name in STEPS:
                STEPS[name](table, call, now)
            else:
                BLOCKS[name](both, call, now)


# Without what moto gets wrong, which has tests of its own below: it takes two attributes that do not exist
# for equal, stumbles over the order of values of different types and over NOT NOT, and changes a copy within
# an item together with what was copied.
NUMBERS = ("A", "#a", "L[0]", "L[1]", "L[10]", "M.x", "M.y[1]", "M.#q", "Q", "Q.x", "Q[0]", "A.x", "B[0]")
TEXTS = ("B", "M.t")
VALUES: dict[str, dict[str, Any]] = {
    ":one": {"N": "1"},
    ":two": {"N": "2"},
    ":ten": {"N": "10"},
    ":text": {"S": "z"},
    ":other": {"S": "á"},
    ":none": {"L": []},
    ":list": {"L": [{"N": "2"}, {"N": "10"}]},
    ":map": {"M": {"x": {"N": "1"}, "y": {"L": [{"N": "2"}, {"N": "10"}]}, "t": {"S": "z"}}},
}
NAMES = {"#a": "A", "#q": "q.r"}
EQUAL = st.sampled_from(["=", "<>"])
ORDERED = st.sampled_from(["<", "<=", ">", ">="])
some_number = st.sampled_from([":one", ":two", ":ten"])
simple = st.builds(
    "{}({})".format,
    st.sampled_from(["attribute_exists", "attribute_not_exists"]),
    st.sampled_from((*NUMBERS, *TEXTS, "L", "M", "UserId")),
) | st.builds(
    "{0[0]} {0[1]} {0[2]}".format,
    st.tuples(st.sampled_from(NUMBERS), EQUAL | ORDERED, some_number)
    | st.tuples(some_number, EQUAL | ORDERED, st.sampled_from(NUMBERS))
    | st.tuples(st.sampled_from(NUMBERS[:4]), ORDERED, st.sampled_from(NUMBERS[4:9]))
    | st.tuples(st.sampled_from(TEXTS), EQUAL | ORDERED, st.sampled_from([":text", ":other"]))
    | st.tuples(st.sampled_from((*NUMBERS, *TEXTS, "L", "M")), EQUAL, st.sampled_from(sorted(VALUES))),
)
conditions = st.recursive(
    simple,
    lambda parts: (
        st.builds("{} {} {}".format, parts, st.sampled_from(["AND", "OR"]), parts)
        | st.builds(
            "{}({} {} {})".format, st.sampled_from(["", "NOT "]), parts, st.sampled_from(["AND", "OR"]), parts
        )
        | st.builds("NOT {}".format, simple)
    ),
    max_leaves=6,
)
new_values = st.sampled_from(
    [
        *VALUES,
        *("A", "L[0]", "M.t", "Q"),
        "if_not_exists(A, :one)",
        "if_not_exists(L[10], A)",
        "if_not_exists(Q, Q)",
        "list_append(:list, if_not_exists(Q, :none))",
        "list_append(if_not_exists(M.y, :none), :list)",
        "list_append(A, :list)",
    ]
)
CHANGED = ("A", "#a", "B", "L", "L[0]", "L[1]", "L[10]", "M", "M.x", "M.y[0]", "M.#q", "M.n.o", "N", "N[0]")


@st.composite
def updates(draw: st.DrawFn) -> str:
    drawn = draw(st.lists(st.sampled_from(CHANGED), min_size=1, max_size=5, unique=True))
    paths = [path for path in drawn if path.partition("[")[0] not in {*drawn} - {path}]
    number = draw(st.integers(0, len(paths)))
    sets = ", ".join(f"{path} = {draw(new_values)}" for path in paths[:number])
    clauses = ["SET " + sets] * bool(sets)
    if paths[number:]:
        clauses.append("REMOVE " + ", ".join(paths[number:]))
    return " ".join(draw(st.permutations(clauses)))


def request(update: str = "SET A = :one", condition: str = "", **more: Any) -> dict[str, Any]:
    """A request with the values and names that it uses."""
    used = set(re.findall(r"[:#]\w+", f"{update} {condition}"))
    all_of_it = {
        "TableName": TABLE,
        "Key": {"UserId": {"S": next(keys)}},
        "UpdateExpression": update,
        "ConditionExpression": condition,
        "ExpressionAttributeNames": {name: NAMES[name] for name in sorted(used & NAMES.keys())},
        "ExpressionAttributeValues": {name: VALUES[name] for name in sorted(used & VALUES.keys())},
    }
    return {name: value for name, value in all_of_it.items() if value} | more


def ask(both: ComparedDynamoDb, asked: dict[str, Any]) -> None:
    """Both must answer alike, and what the fake refuses so must moto."""
    try:
        both.update_item(**asked)
    except both.exceptions.ConditionalCheckFailedException:
        pass
    except pytest.fail.Exception:
        with pytest.raises(ClientError, match="ValidationException"):
            both.moto.update_item(**asked)


@settings(max_examples=25, deadline=None)
@given(condition=conditions, update=updates(), is_new=st.booleans())
@example(condition="A = :one OR B = :text AND A = :one", update="REMOVE L[0], L[1]", is_new=False)
@example(condition="NOT A = :one AND B = :other", update="REMOVE M.y[1], L[1], M.y[0], L[10]", is_new=False)
@example(condition="L[2] = :one", update="SET L[10] = :one, L[0] = L[1] REMOVE M.x", is_new=False)
def test_any_condition_and_any_update_does_what_it_does_in_moto(
    both: ComparedDynamoDb, condition: str, update: str, is_new: bool
) -> None:
    common: dict[str, Any] = {
        "Key": {"UserId": {"S": next(keys)}},
        "ReturnValues": "ALL_NEW",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    if not is_new:
        ask(both, request("SET A = :two, B = :text, L = :list, M = :map", **common))
    ask(both, request("SET R = :one", condition, **common))
    ask(both, request(update, **common))


def test_values_are_compared_as_moto_compares_them(both: ComparedDynamoDb) -> None:
    key = {"UserId": {"S": next(keys)}}
    ask(both, request("SET A = :two, B = :text", Key=key))
    for attribute, values in (("A", (":one", ":two", ":ten")), ("B", (":text", ":other"))):
        for comparator, value in itertools.product(("=", "<>", "<", "<=", ">", ">="), values):
            ask(both, request("SET A = :two", f"{attribute} {comparator} {value}", Key=key))


REFUSED = [
    # Words
    request("SET Name = :one"),
    request("SET M.Name = :one"),
    request("REMOVE Status"),
    request(condition="Status = :one"),
    request(condition="attribute_exists(M.Items)"),
    # Placeholders
    request("SET A = :undefined"),
    request("SET #undefined = :one"),
    request(condition="A = :undefined"),
    request(condition="#undefined = :one"),
    request(ExpressionAttributeValues={":one": {"N": "1"}, ":unused": {"N": "1"}}),
    request(ExpressionAttributeNames={"#unused": "A"}),
    request("REMOVE A", ExpressionAttributeValues={}),
    # Syntax
    request("A = :one"),
    request("SET A :one"),
    request("SET A = :one,"),
    request("SET A = :one B = :one"),
    request("SET A = :one)"),
    request("SET A = :one;"),
    request("SET A[one] = :one"),
    request("SET A = :one SET B = :one"),
    request("REMOVE A REMOVE B"),
    request("SET A = if_not_exists(B)"),
    request("SET A = if_not_exists(:one, :two)"),
    request("SET A = list_append(:list)"),
    request(condition="A == :one"),
    request(condition="A = "),
    request(condition="(A = :one"),
    request(condition="A = :one)"),
    request(condition="A = :one AND"),
    request(condition="A = :one B = :two"),
    request(condition="NOT"),
    request(condition="((A = :one))"),
    request(condition="attribute_exists A"),
    request(condition="attribute_exists(A, B)"),
    # Paths
    request("SET A = :one REMOVE A"),
    request("SET A = :one, #a = :one"),
    request("SET M = :map, M.x = :one"),
    request("SET M.x = :one"),
    request("SET L[0] = :one"),
    request("REMOVE M.x"),
    request("REMOVE L[0]"),
    # Values
    request("SET A = B"),
    request("SET A = list_append(:one, :list)"),
    request("SET A = list_append(B, :list)"),
    # The key
    request("SET UserId = :text"),
    request("REMOVE UserId"),
    request(Key={"ContactId": {"S": "x"}}),
]


def expressions(asked: dict[str, Any]) -> str:
    return f"{asked['UpdateExpression']} IF {asked.get('ConditionExpression')}"[:60]


@pytest.mark.parametrize("refused", REFUSED, ids=expressions)
def test_what_moto_refuses_fails_the_test(both: ComparedDynamoDb, refused: dict[str, Any]) -> None:
    # Over some conditions it stumbles.
    with pytest.raises((ClientError, KeyError, ValueError)):
        both.moto.update_item(**refused)
    with pytest.raises(pytest.fail.Exception):
        both.fake.update_item(**refused)


OVERLOOKED = [
    request("SET L = :list REMOVE L[0]"),
    request("SET M.x = :one, M[0] = :one"),
    request(condition="A = A"),
    request(condition="L < :list"),
    request(condition="A = :one" + " OR A = :one" * 400),
    request(ExpressionAttributeValues={":one": {"N": "1", "S": "1"}}),
]
NOT_KNOWN = [
    request("ADD A :one"),
    request("DELETE A :list"),
    request("SET A = B + :one"),
    request("set A = :one"),
    request(condition="A BETWEEN :one AND :two"),
    request(condition="A IN (:one, :two)"),
    request(condition="size(L) > :one"),
    request(condition="contains(L, :one)"),
    request(condition="begins_with(B, :text)"),
    request(condition="attribute_type(B, :text)"),
    request(condition="A = :one and B = :text"),
    request(ExpressionAttributeValues={":one": {"N": "1.5"}}),
    request(ExpressionAttributeValues={":one": {"N": "01"}}),
    request(ExpressionAttributeValues={":one": {"BOOL": True}}),
    request(ExpressionAttributeValues={":one": {"L": [{"SS": ["a"]}]}}),
    request(ReturnValues="ALL_OLD"),
    request(ReturnConsumedCapacity="TOTAL"),
    request(TableName="another"),
]


@pytest.mark.parametrize("refused", [*OVERLOOKED, *NOT_KNOWN], ids=expressions)
def test_what_moto_overlooks_and_what_the_fake_does_not_know_fails_the_test(
    fake_dynamodb: FakeDynamoDb, dynamodb: Any, refused: dict[str, Any]
) -> None:
    with pytest.raises(pytest.fail.Exception):
        dynamodb.update_item(**refused)
    assert not fake_dynamodb.items


FOUND: dict[str, Any] = {
    "TableName": TABLE,
    "IndexName": "ByContactId",
    "KeyConditionExpression": "ContactId = :contact",
    "ExpressionAttributeValues": {":contact": {"S": "contact"}},
}
KEY = {"UserId": {"S": "user"}}


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("put_item", {"TableName": TABLE, "Item": KEY}),
        ("delete_item", {"TableName": TABLE, "Key": KEY}),
        ("scan", {"TableName": TABLE}),
        ("get_item", {"TableName": TABLE, "Key": KEY, "ProjectionExpression": "UserId"}),
        ("query", FOUND | {"IndexName": "ByReference"}),
        ("query", FOUND | {"IndexName": "ByNothing"}),
        ("query", FOUND | {"FilterExpression": "A = :contact"}),
        ("query", FOUND | {"KeyConditionExpression": "ContactId > :contact"}),
        ("query", FOUND | {"KeyConditionExpression": "ContactId = :contact AND A = :contact"}),
        ("query", FOUND | {"KeyConditionExpression": "ContactId = A"}),
    ],
)
def test_no_other_request_is_known(dynamodb: Any, operation: str, parameters: dict[str, Any]) -> None:
    assert dynamodb.query(**FOUND)["Items"] == []
    with pytest.raises(pytest.fail.Exception):
        getattr(dynamodb, operation)(**parameters)


@pytest.mark.parametrize(
    "refused",
    [
        request("SET ContactId = :one"),
        request("SET ContactId = :text", ExpressionAttributeValues={":text": {"S": ""}}),
        request("SET A = :text", ExpressionAttributeValues={":text": {"S": "x" * 410_000}}),
        request(Key={"UserId": {"N": "1"}}),
        request(Key={"UserId": {"S": "x" * 2049}}),
    ],
    ids=["type of an index", "empty for an index", "item too large", "type of the key", "key too long"],
)
def test_what_is_refused_for_its_values_is_answered_so(
    both: ComparedDynamoDb, refused: dict[str, Any]
) -> None:
    with pytest.raises(ClientError, match="ValidationException"):
        both.update_item(**refused)


@pytest.mark.parametrize(
    "value", [{"S": ""}, {"S": "x" * 2049}, {"N": "1"}], ids=["empty", "too long", "a number"]
)
def test_nothing_is_found_by_what_can_be_no_key(dynamodb: Any, value: dict[str, str]) -> None:
    """Moto finds nothing, but refuses nothing either."""
    with pytest.raises(ClientError, match="ValidationException"):
        dynamodb.query(**FOUND | {"ExpressionAttributeValues": {":contact": value}})
    with pytest.raises(ClientError, match="ValidationException"):
        dynamodb.get_item(TableName=TABLE, Key={"UserId": value})


def test_what_does_not_exist_is_neither_equal_nor_less_nor_more(dynamodb: Any) -> None:
    """For moto, two attributes that do not exist are equal."""
    for comparator in ("=", "<", "<=", ">", ">="):
        with pytest.raises(ClientError, match="ConditionalCheckFailedException"):
            dynamodb.update_item(**request(condition=f"A {comparator} B"))
    dynamodb.update_item(**request(condition="A <> B AND NOT NOT A <> :one"))


def test_values_of_different_types_are_in_no_order(dynamodb: Any) -> None:
    """Moto stumbles over them."""
    dynamodb.update_item(**request("SET A = :one, B = :text", Key=KEY))
    for condition in ("A < :text", "A >= :text", "B < :one", "B >= :one", "A = :text"):
        with pytest.raises(ClientError, match="ConditionalCheckFailedException"):
            dynamodb.update_item(**request(condition=condition, Key=KEY))


def test_what_is_copied_within_an_item_is_changed_alone(dynamodb: Any) -> None:
    """Moto changes both."""
    dynamodb.update_item(**request("SET L = :list", Key=KEY))
    dynamodb.update_item(**request("SET N = L, L[0] = :one", Key=KEY))
    dynamodb.update_item(**request("SET B = N, N[1] = :one", Key=KEY))
    assert dynamodb.get_item(TableName=TABLE, Key=KEY)["Item"] == KEY | {
        "L": {"L": [{"N": "1"}, {"N": "10"}]},
        "N": {"L": [{"N": "2"}, {"N": "1"}]},
        "B": {"L": [{"N": "2"}, {"N": "10"}]},
    }


def test_what_is_added_past_the_end_of_a_list_is_added_in_order(dynamodb: Any) -> None:
    """To moto, the order is that in which it is told."""
    dynamodb.update_item(**request("SET L = :list", Key=KEY))
    dynamodb.update_item(**request("SET L[9] = :one, L[7] = :two, L[8] = :ten", Key=KEY))
    assert dynamodb.get_item(TableName=TABLE, Key=KEY)["Item"]["L"] == {
        "L": [{"N": "2"}, {"N": "10"}, {"N": "2"}, {"N": "10"}, {"N": "1"}]
    }
