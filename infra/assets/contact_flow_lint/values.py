"""What the value of a block's parameter must look like: small rules that the table of blocks is made of.

Each is called with a value and yields where in it something is wrong, with the fix: ("", fix) for the value
itself, (".Uri", fix) for a member of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

type Wrong = tuple[str, object, str]  # where, the value there, the fix
type Rule = Callable[[Any], Iterator[Wrong]]

REFERENCE = re.compile(r"\$\.[A-Za-z][\w-]*(?:\.[\w-]+|\['[^']+'\])*")
_PLACEHOLDER = re.compile(r"\$\{[^}]*\}")  # whether a stack fills it is another rule
_RESOURCE = re.compile(
    r"arn:aws[a-z-]*:[a-z0-9-]+:(?:[^\s%{}]|\$\{[^}]*\})+|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
)
_WHOLE = re.compile(r"-?[0-9]{1,19}")


def anything(_value: Any) -> Iterator[Wrong]:
    """What is not recorded in detail."""
    yield from ()


def text(value: Any) -> Iterator[Wrong]:
    """A text, which may hold references."""
    if not isinstance(value, str) or not value.strip():
        yield "", value, "a text that is not empty"


def string(value: Any) -> Iterator[Wrong]:
    """A text, also an empty one."""
    if not isinstance(value, str):
        yield "", value, 'a text, such as "7"'


def reference(value: Any) -> Iterator[Wrong]:
    """One JSONPath reference, nothing beside it."""
    if not isinstance(value, str) or not REFERENCE.fullmatch(value):
        yield "", value, "one reference, such as $.Attributes.topic"


def resource(value: Any) -> Iterator[Wrong]:
    """The ARN or id of something in AWS, or one reference to it; or a placeholder that a stack fills."""
    if not isinstance(value, str) or not any(
        form.fullmatch(value) for form in (_RESOURCE, REFERENCE, _PLACEHOLDER)
    ):
        yield "", value, "an ARN, an id or one reference: a name or another tool's placeholder is none"


def one_of(*choices: str) -> Rule:
    """One of these, spelled so."""

    def rule(value: Any) -> Iterator[Wrong]:
        if value not in choices:
            yield "", value, f"one of: {', '.join(choices)}"

    return rule


def whole(
    minimum: int, maximum: int | None = None, *, dynamic: bool = False, what: str = "a whole number"
) -> Rule:
    """A whole number, as a number or in quotes: Amazon Connect exports the latter and takes both."""
    limits = f"{what} from {minimum}" + ("" if maximum is None else f" to {maximum}")

    def rule(value: Any) -> Iterator[Wrong]:
        if dynamic and isinstance(value, str) and REFERENCE.fullmatch(value):
            return
        if isinstance(value, str) and _PLACEHOLDER.fullmatch(value):
            return
        spelled = not isinstance(value, bool) and isinstance(value, int | str)
        if not spelled or not _WHOLE.fullmatch(str(value)) or not _within(int(value), minimum, maximum):
            yield "", value, limits + (", or one reference" if dynamic else "")

    return rule


def _within(number: int, minimum: int, maximum: int | None) -> bool:
    return number >= minimum and (maximum is None or number <= maximum)


def map_of(rule: Rule, *, names: str = r"(?s).+", minimum: int = 0, maximum: int | None = None) -> Rule:
    """An object whose values obey a rule, and whose names match `names`."""

    def check(value: Any) -> Iterator[Wrong]:
        if not isinstance(value, dict):
            yield "", value, 'an object of texts, such as {"Code": "$.StoredCustomerInput"}'
            return
        if not _within(len(value), minimum, maximum):
            yield (
                "",
                value,
                f"from {minimum} to {maximum} entries" if maximum else f"at least {minimum} entry",
            )
        for name, member in value.items():
            if not re.fullmatch(names, name):
                yield f".{name}", name, f"a name that matches {names}"
            yield from ((f".{name}{where}", found, fix) for where, found, fix in rule(member))

    return check


def list_of(rule: Rule, *, minimum: int = 0) -> Rule:
    """A list whose items obey a rule."""

    def check(value: Any) -> Iterator[Wrong]:
        if not isinstance(value, list) or len(value) < minimum:
            yield "", value, "a list" + (f" of at least {minimum}" if minimum else "")
            return
        for number, item in enumerate(value):
            yield from ((f"[{number}]{where}", found, fix) for where, found, fix in rule(item))

    return check


def record(
    needed: dict[str, Rule], optional: dict[str, Rule] | None = None, *, one: tuple[str, ...] = ()
) -> Rule:
    """An object with these members; of those in `one`, exactly one."""
    rules = {**needed, **(optional or {})}

    def check(value: Any) -> Iterator[Wrong]:
        if not isinstance(value, dict):
            yield "", value, f"an object with {', '.join(rules)}"
            return
        for name in needed.keys() - value.keys():
            yield f".{name}", None, "add it"
        if one and len(value.keys() & set(one)) != 1:
            yield "", sorted(value), f"exactly one of: {', '.join(one)}"
        for name, member in value.items():
            if name not in rules:
                yield f".{name}", member, f"one of: {', '.join(rules)}"
            else:
                yield from ((f".{name}{where}", found, fix) for where, found, fix in rules[name](member))

    return check
