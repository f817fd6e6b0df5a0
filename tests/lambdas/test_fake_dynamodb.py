"""The in-memory DynamoDB of the tests does what moto does, and what AWS's DynamoDB Local does."""

import itertools
import re
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.examples import examples
from tests.lambdas.compared_dynamodb import ComparedDynamoDb, compared_dynamodb
from tests.lambdas.conftest import TABLE

keys = map("{}".format, itertools.count())

# Without what moto gets wrong: it takes two attributes that do not exist for equal, stumbles over the order
# of values of different types and over NOT NOT, and changes a copy within an item with what was copied.
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


def call(both: ComparedDynamoDb, wanted: dict[str, Any]) -> None:
    """Both must answer alike, and what the fake refuses so must the other."""
    try:
        both.update_item(**wanted)
    except both.exceptions.ConditionalCheckFailedException:
        pass
    except pytest.fail.Exception:
        with pytest.raises(ClientError, match="ValidationException"):
            both.reference.update_item(**wanted)


def any_condition_and_any_update(both: ComparedDynamoDb, condition: str, update: str, is_new: bool) -> None:
    common: dict[str, Any] = {
        "Key": {"UserId": {"S": next(keys)}},
        "ReturnValues": "ALL_NEW",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    if not is_new:
        call(both, request("SET A = :two, B = :text, L = :list, M = :map", **common))
    call(both, request("SET R = :one", condition, **common))
    call(both, request(update, **common))


ANY = given(condition=conditions, update=updates(), is_new=st.booleans())


@pytest.fixture(scope="module")
def both() -> Iterator[ComparedDynamoDb]:
    with compared_dynamodb() as both:
        yield both


@settings(max_examples=examples(25))
@ANY
@example(condition="A = :one OR B = :text AND A = :one", update="REMOVE L[0], L[1]", is_new=False)
@example(condition="NOT A = :one AND B = :other", update="REMOVE M.y[1], L[1], M.y[0], L[10]", is_new=False)
@example(condition="L[2] = :one", update="SET L[10] = :one, L[0] = L[1] REMOVE M.x", is_new=False)
def test_any_condition_and_any_update_does_what_it_does_in_moto(
    both: ComparedDynamoDb, condition: str, update: str, is_new: bool
) -> None:
    # AWS sets before it removes. moto keeps the order of the clauses: REMOVE L[0] moves what is set after it.
    remove, _, set_ = update.partition(" SET ")
    in_order = f"SET {set_} {remove}" if remove.startswith("REMOVE") and set_ else update
    any_condition_and_any_update(both, condition, in_order, is_new)


@pytest.fixture(scope="module")
def both_with_aws(dynamodb_local: str) -> Iterator[ComparedDynamoDb]:
    with compared_dynamodb(dynamodb_local) as both:
        yield both


@pytest.mark.slow
@settings(max_examples=examples(1_000))
@ANY
@example(condition="attribute_exists(A)", update="REMOVE L[0] SET L[1] = :one", is_new=False)
def test_any_condition_and_any_update_does_what_it_does_in_dynamodb_local(
    both_with_aws: ComparedDynamoDb, condition: str, update: str, is_new: bool
) -> None:
    any_condition_and_any_update(both_with_aws, condition, update, is_new)
