"""Configuration files for tests: written, changed, loaded."""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Callable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from infra.configuration import Configuration, ConfigurationError, find_transports, load
from infra.configuration.faults import toml_key, toml_text

CHECKOUT = Path(__file__).parents[3]
ACCOUNT = "111122223333"
UUID = "11111111-1111-4111-8111-111111111111"
INSTANCE = f"arn:aws:connect:eu-west-2:{ACCOUNT}:instance/{UUID}"
OTHER_INSTANCE = INSTANCE.replace("instance/1", "instance/2")
FLOW = f"{INSTANCE}/contact-flow/{UUID}"
QUEUE = f"{INSTANCE}/queue/22222222-2222-4222-8222-222222222222"
OTHER_QUEUE = f"{INSTANCE}/queue/33333333-3333-4333-8333-333333333333"

THREE_VALUES = f"""\
[connect]
instance_arn = "{INSTANCE}"
verified_queue_arn = "{QUEUE}"
unverified_queue_arn = "{OTHER_QUEUE}"
"""

VALID: Mapping[str, Any] = tomllib.loads((CHECKOUT / "config" / "dev.toml").read_text(encoding="utf-8"))

# Stands for a key that is not there. Of a type whose text is the same in every process: it names tests.
MISSING = Ellipsis

type Changes = Mapping[str, Any]
type Loader = Callable[[Changes], Configuration]


def write_checkout(root: Path, toml: str | bytes, name: str = "test") -> Path:
    """A checkout with the one environment `name`; returns `root`."""
    (root / "config").mkdir(exist_ok=True)
    content = toml.encode() if isinstance(toml, str) else toml
    (root / "config" / f"{name}.toml").write_bytes(content)
    flows = root / "infra" / "contact_flows"
    if not flows.exists():
        shutil.copytree(CHECKOUT / "infra" / "contact_flows", flows)
    return root


def load_text(root: Path, toml: str | bytes, name: str = "test") -> Configuration:
    return load(write_checkout(root, toml, name), name, transports=find_transports())


def toml_of(table: Mapping[str, Any], path: str = "") -> str:
    """TOML for nested tables of strings, numbers, booleans and lists."""
    lines = [f"[{path}]"] if path else []
    for key, value in table.items():
        if not isinstance(value, dict):
            lines.append(f"{toml_key(key)} = {toml_text(value)}")
    for key, value in table.items():
        if isinstance(value, dict):
            lines.append(toml_of(value, f"{path}.{toml_key(key)}" if path else toml_key(key)))
    return "\n".join(lines)


def changed(changes: Changes) -> dict[str, Any]:
    """The valid values with some set or, by MISSING, removed; keys are dotted."""
    values = deepcopy(dict(VALID))
    for key, value in changes.items():
        *tables, last = key.split(".")
        table = values
        for part in tables:
            # routes[0]: a table of a list.
            name, _, number = part.partition("[")
            table = table[name][int(number[:-1])] if number else table.setdefault(name, {})
        if value is MISSING:
            table.pop(last, None)
        else:
            table[last] = deepcopy(value)
    return values


def faults_of(load_changed: Loader, changes: Changes) -> ConfigurationError:
    """The error of a file with these changes."""
    with pytest.raises(ConfigurationError) as caught:
        load_changed(changes)
    return caught.value


def check_refused(load_changed: Loader, changes: Changes, key: str, fix: str) -> None:
    """The changes are refused, for this key alone, with the value of the file and a fix that says this."""
    error = faults_of(load_changed, changes)
    assert [(fault.key, fix in fault.fix) for fault in error.faults] == [(key, True)], str(error)
    assert error.file == "config/test.toml"


def refused_key(load_changed: Loader, changes: Changes) -> str | None:
    """The first key at fault, if there is one."""
    try:
        load_changed(changes)
    except ConfigurationError as error:
        return error.key
    return None


def sandboxed(changes: Changes) -> dict[str, Any]:
    """With a sandbox for an instance."""
    return {
        "account": ACCOUNT,
        "region": "eu-west-2",
        "connect.instance_arn": MISSING,
        "connect.verified_queue_arn": MISSING,
        "connect.unverified_queue_arn": MISSING,
        "connect.sandbox": {"instance_alias": "my-sandbox"},
        **changes,
    }
