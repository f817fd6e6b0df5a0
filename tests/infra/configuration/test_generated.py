"""The schema and the reference are those of the models, with the bridge's section where its room is."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from infra.configuration import environments, find_transports
from infra.configuration.__main__ import generated
from infra.configuration.reference import MAX_CELL
from tests.infra.configuration.files import CHECKOUT, THREE_VALUES

BRIDGE = "sip_bridge"


def without_bridge(content: str) -> str:
    """A generated file as it is where the checkout has no bridge."""
    if content.startswith("#"):
        return re.split(rf"(?m)^## \[{BRIDGE}\]$", content)[0].rstrip() + "\n"
    schema = json.loads(content)
    # Gone already where the files were generated anew.
    schema["properties"].pop(BRIDGE, None)
    needed = set(re.findall(r'"#/\$defs/(\w+)"', json.dumps(schema["properties"])))
    while (
        more := {
            name for of in needed for name in re.findall(r'"#/\$defs/(\w+)"', json.dumps(schema["$defs"][of]))
        }
        - needed
    ):
        needed |= more
    schema["$defs"] = {name: of for name, of in schema["$defs"].items() if name in needed}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


@pytest.mark.parametrize("name", ["config/schema.json", "docs/configuration.md"])
def test_what_is_generated_is_committed(name: str) -> None:
    committed = (CHECKOUT / name).read_text(encoding="utf-8")
    # A checkout may be without the bridge, and its files still those of one with it.
    known = committed if BRIDGE in find_transports() else without_bridge(committed)
    assert generated()[name] == known, "run: python -m infra.configuration"


def test_without_its_room_the_bridge_is_not_written_about(tmp_path: Path) -> None:
    shutil.copytree(
        CHECKOUT / "infra", tmp_path / "infra", ignore=shutil.ignore_patterns(BRIDGE, "__pycache__")
    )
    (tmp_path / "config").mkdir()
    (tmp_path / "docs").mkdir()
    subprocess.run([sys.executable, "-m", "infra.configuration"], cwd=tmp_path, check=True)
    for name, content in generated().items():
        assert (tmp_path / name).read_text(encoding="utf-8") == (
            without_bridge(content) if BRIDGE in find_transports() else content
        )


@pytest.mark.parametrize("environment", environments(CHECKOUT))
def test_an_editor_finds_no_fault_in_the_projects_files(environment: str, schema: Any) -> None:
    text = (CHECKOUT / "config" / f"{environment}.toml").read_text(encoding="utf-8")
    jsonschema_rs.validate(schema, tomllib.loads(text))


@pytest.mark.parametrize(
    "more",
    [
        "[conect]",
        "[calls]\nreplay_second = 60",
        '[calls]\nreplay_seconds = "60"',
        "[calls]\nreplay_seconds = 0",
        "[functions]\nlog_retention_days = 100",
        '[alarms]\nemail = "on-call"',
        "[identity.user_pool]\nproviders = []",
        '[attributes]\nfrom_caller = ["a", "a"]',
    ],
)
def test_an_editor_shows_common_faults(more: str, schema: Any) -> None:
    jsonschema_rs.validate(schema, tomllib.loads(THREE_VALUES))
    with pytest.raises(jsonschema_rs.ValidationError):
        jsonschema_rs.validate(schema, tomllib.loads(THREE_VALUES + more))


@pytest.fixture(scope="module")
def schema() -> Any:
    found = json.loads((CHECKOUT / "config" / "schema.json").read_text(encoding="utf-8"))
    jsonschema_rs.meta.validate(found)
    return found


def test_the_reference_can_be_read() -> None:
    reference = (CHECKOUT / "docs" / "configuration.md").read_text(encoding="utf-8")
    cells = [
        cell
        for line in reference.splitlines()
        if line.startswith("|")
        for cell in line.strip("| ").split(" | ")
    ]
    assert max(map(len, cells)) <= MAX_CELL + 20  # with what escapes < in Markdown
    # Each key has a meaning.
    for line in reference.splitlines():
        if line.startswith("| `"):
            _, _, _, meaning, *_ = line.removeprefix("| ").split(" | ")
            assert meaning.strip(), line
