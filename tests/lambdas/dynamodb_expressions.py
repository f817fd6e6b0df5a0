"""What DynamoDB's expressions mean: conditions, updates and keys, in the part of their grammar that is used.

After the Developer Guide: "Condition and filter expressions, operators, and functions", "Using update
expressions" and "Reserved words". What DynamoDB refuses fails the test, and so does the rest of the grammar
(BETWEEN, IN, `size`, ADD, sums, words in small letters and so on) until somebody needs it.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import distribution
from itertools import combinations
from operator import ge, gt, le, lt
from typing import Any, NoReturn

import pytest

Value = dict[str, Any]
"""A value with its type, as `{"N": "1"}`."""
Item = dict[str, Value]
Values = Mapping[str, Value]
Names = tuple[tuple[str, str], ...]
"""Placeholders and what they stand for."""
Path = tuple[str | int, ...]
"""Attributes of maps and indexes of lists, from the item on."""
Source = Callable[[Item, Values], Value | None]
Test = Callable[[Item, Values], bool]

_MAX_BYTES = 4096  # as "Constraints in DynamoDB" has it for every expression
# Moto has the list; it is not imported, which would take longer than most tests.
_RESERVED = frozenset(
    distribution("moto").locate_file("moto/dynamodb/parsing/reserved_keywords.txt").read_text().split()
)
_TOKEN = re.compile(r"[#:]\w+|[A-Za-z]\w*|\d+|<=|>=|<>|[=<>()\[\].,]", re.ASCII)


@dataclass(frozen=True)
class Condition:
    """A condition that was read; `used` are its placeholders."""

    holds: Test
    used: frozenset[str]


@dataclass(frozen=True)
class Update:
    """An update that was read; `used` are its placeholders."""

    sets: list[tuple[Path, Source]]
    removes: list[Path]
    used: frozenset[str]

    @property
    def paths(self) -> list[Path]:
        """What is changed."""
        return [path for path, _ in self.sets] + self.removes

    def apply(self, item: Item, values: Values) -> Item:
        """The item as it is then. All that is read of it, indexes too, is of before the update."""
        sets = [(path, source(item, values)) for path, source in self.sets]
        changed = {name: _copied(value) for name, value in item.items()}
        # In order of their indexes, so that those past the end are appended in it.
        for path, value in sorted(sets, key=lambda each: each[0]):
            _change(changed, path, [value])
        for path in sorted(self.removes, reverse=True):
            _change(changed, path, [])
        return changed


@dataclass(frozen=True)
class KeyCondition:
    """A condition that an attribute has the value of a placeholder; `used` are all placeholders."""

    attribute: str
    value: str
    used: frozenset[str]


@cache
def read_condition(expression: str, names: Names) -> Condition:
    """Reads a ConditionExpression."""
    parser = _Parser(expression, names)
    holds = parser.condition()
    parser.end()
    return Condition(holds, frozenset(parser.used))


@cache
def read_update(expression: str, names: Names) -> Update:
    """Reads an UpdateExpression."""
    parser = _Parser(expression, names)
    sets, removes = parser.update()
    update = Update(sets, removes, frozenset(parser.used))
    if any(_clash(one, other) for one, other in combinations(update.paths, 2)):
        parser.refuse("Two document paths overlap or conflict")
    return update


@cache
def read_key_condition(expression: str, names: Names) -> KeyCondition:
    """Reads a KeyConditionExpression."""
    parser = _Parser(expression, names)
    attribute = parser.attribute()
    parser.expect("=")
    value = parser.operand()
    parser.end()
    if not isinstance(value, str):
        parser.refuse("A key is compared with a value")
    return KeyCondition(attribute, value, frozenset(parser.used))


def _copied(value: Value) -> Value:
    """A copy that shares no map and no list with `value`; `deepcopy` takes ten times as long."""
    match value:
        case {"M": members}:
            return {"M": {name: _copied(member) for name, member in members.items()}}
        case {"L": elements}:
            return {"L": [_copied(element) for element in elements]}
        case _:
            return value


def at(item: Item, path: Path) -> Value | None:
    """What stands at a path; None when nothing does."""
    value: Value = {"M": item}
    for step in path:
        match step, value:
            case str(), {"M": members} if step in members:
                value = members[step]
            case int(), {"L": elements} if step < len(elements):
                value = elements[step]
            case _:
                return None
    return value


def _change(item: Item, path: Path, replacement: list[Value | None]) -> None:
    match at(item, path[:-1]), path[-1]:
        case {"M": members}, str(name):
            members.pop(name, None)
            members.update((name, value) for value in replacement)
        case {"L": elements}, int(index):
            elements[index : index + 1] = replacement
        case _:
            pytest.fail(f"The document path is invalid for update: {path}")


def _clash(one: Path, other: Path) -> bool:
    """Whether one path is within the other, or takes for a list what the other takes for a map."""
    for step, other_step in zip(one, other, strict=False):
        if step != other_step:
            return type(step) is not type(other_step)
    return True


class _Parser:
    """Reads an expression from left to right."""

    def __init__(self, expression: str, names: Names) -> None:
        self._expression = expression
        self._names = dict(names)
        self._tokens = _TOKEN.findall(expression)
        self.used: set[str] = set()
        if _TOKEN.sub("", expression).strip() or not self._tokens or len(expression.encode()) > _MAX_BYTES:
            self.refuse("Syntax error")
        if _has_redundant_parentheses(self._tokens):
            self.refuse("The expression has redundant parentheses")

    def refuse(self, why: str) -> NoReturn:
        pytest.fail(f"{why}: {self._expression}")

    def condition(self) -> Test:
        return self._joined("OR", any, lambda: self._joined("AND", all, self._negation))

    def update(self) -> tuple[list[tuple[Path, Source]], list[Path]]:
        sets: list[tuple[Path, Source]] = []
        removes: list[Path] = []
        while self._tokens:
            if not sets and self._skip("SET"):
                sets = self._listed(self._set)
            elif not removes and self._skip("REMOVE"):
                removes = self._listed(self._path)
            else:
                self.refuse(f"Syntax error at {self._tokens[0]}")
        return sets, removes

    def attribute(self) -> str:
        token = self._take()
        if token.startswith("#"):
            if token not in self._names:
                self.refuse(f"{token} is not defined")
            return self._names[token]
        if not token[:1].isalpha() or token.upper() in _RESERVED:
            self.refuse(f"No name, or a reserved word: {token}")
        return token

    def operand(self) -> str | Path:
        """A placeholder of a value, or a path."""
        return self._take() if self._tokens and self._tokens[0].startswith(":") else self._path()

    def expect(self, token: str) -> None:
        if not self._skip(token):
            self.refuse(f"Syntax error where {token} is expected")

    def end(self) -> None:
        if self._tokens:
            self.refuse(f"Syntax error at {self._tokens[0]}")

    def _joined(self, word: str, holds: Callable[[Iterable[bool]], bool], part: Callable[[], Test]) -> Test:
        tests = [part()]
        while self._skip(word):
            tests.append(part())
        # None is left out, so that what it refuses is seen.
        return lambda item, values: holds([test(item, values) for test in tests])

    def _negation(self) -> Test:
        if self._skip("NOT"):
            test = self._negation()
            return lambda item, values: not test(item, values)
        if self._skip("("):
            test = self.condition()
            self.expect(")")
            return test
        if self._skip("attribute_exists", "("):
            path = self._last(self._path)
            return lambda item, _: at(item, path) is not None
        if self._skip("attribute_not_exists", "("):
            path = self._last(self._path)
            return lambda item, _: at(item, path) is None
        return self._comparison()

    def _comparison(self) -> Test:
        left = self.operand()
        compare = _COMPARATORS.get(self._take())
        right = self.operand()
        if compare is None or left == right:
            self.refuse("No comparator that is known here, or one thing compared with itself")
        first, second = _source(left), _source(right)
        return lambda item, values: compare(first(item, values), second(item, values))

    def _set(self) -> tuple[Path, Source]:
        path = self._path()
        self.expect("=")
        return path, self._new_value()

    def _new_value(self) -> Source:
        if self._skip("list_append", "("):
            first = self._argument()
            self.expect(",")
            second = self._last(self._argument)
            return lambda item, values: _appended(first(item, values), second(item, values))
        return self._argument()

    def _argument(self) -> Source:
        if self._skip("if_not_exists", "("):
            path = self._path()
            self.expect(",")
            other = self._last(self._existing)
            return lambda item, values: at(item, path) or other(item, values)
        return self._existing()

    def _existing(self) -> Source:
        source = _source(self.operand())
        return lambda item, values: (
            source(item, values) or self.refuse("An attribute does not exist in the item")
        )

    def _path(self) -> Path:
        steps: list[str | int] = [self.attribute()]
        while True:
            if self._skip("."):
                steps.append(self.attribute())
            elif self._skip("["):
                index = self._take()
                if not index.isdigit():
                    self.refuse(f"No index: {index}")
                steps.append(int(index))
                self.expect("]")
            else:
                return tuple(steps)

    def _listed[T](self, part: Callable[[], T]) -> list[T]:
        parts = [part()]
        while self._skip(","):
            parts.append(part())
        return parts

    def _last[T](self, part: Callable[[], T]) -> T:
        argument = part()
        self.expect(")")
        return argument

    def _take(self) -> str:
        token: str = self._tokens.pop(0) if self._tokens else ""
        if token.startswith(("#", ":")):
            self.used.add(token)
        return token

    def _skip(self, *tokens: str) -> bool:
        is_next = self._tokens[: len(tokens)] == [*tokens]
        if is_next:
            del self._tokens[: len(tokens)]
        return is_next


def _has_redundant_parentheses(tokens: list[str]) -> bool:
    """Whether parentheses have nothing within but others."""
    opened: list[int] = []
    pairs: set[tuple[int, int]] = set()
    for position, token in enumerate(tokens):
        if token == "(":
            opened.append(position)
        elif token == ")" and opened:
            pairs.add((opened.pop(), position))
    return any((start + 1, end - 1) in pairs for start, end in pairs)


def _source(operand: str | Path) -> Source:
    if isinstance(operand, str):
        return lambda _, values: values[operand]
    return lambda item, _: at(item, operand)


def _appended(first: Value | None, second: Value | None) -> Value:
    match first, second:
        case {"L": elements}, {"L": more}:
            return {"L": elements + more}
        case _:
            pytest.fail("Incorrect operand type for list_append")


def _equal(left: Value | None, right: Value | None) -> bool:
    """Numbers are compared as they are written: there is one way to write the whole ones."""
    return left is not None and left == right


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Value | None, Value | None], bool]:
    def holds(left: Value | None, right: Value | None) -> bool:
        match left, right:
            case {"N": number}, {"N": other}:
                return compare(int(number), int(other))
            case {"S": text}, {"S": other}:
                return compare(text.encode(), other.encode())
            case ({"L": _} | {"M": _}, _) | (_, {"L": _} | {"M": _}):
                pytest.fail("Incorrect operand type for a comparison")
            case _:
                return False  # One is missing, or of another type.

    return holds


_COMPARATORS: dict[str, Callable[[Value | None, Value | None], bool]] = {
    "=": _equal,
    "<>": lambda left, right: not _equal(left, right),
    "<": _ordered(lt),
    "<=": _ordered(le),
    ">": _ordered(gt),
    ">=": _ordered(ge),
}
