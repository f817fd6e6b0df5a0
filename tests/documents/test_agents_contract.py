"""What docs/agents.md promises to desks and CRMs is what the flows write, and nothing less."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from infra.assets.contact_flow_lint import read_contact_flow
from infra.configuration import TRUSTED_ATTRIBUTES

CHECKOUT = Path(__file__).parents[2]
DOCUMENT = (CHECKOUT / "docs" / "agents.md").read_text(encoding="utf-8")
BLOCKS = {
    block["Identifier"]: block["Parameters"]
    for block in read_contact_flow(CHECKOUT / "infra" / "contact_flows" / "inbound.json")["Actions"]
}


def rows(heading: str) -> Iterator[list[str]]:
    section = DOCUMENT.split(f"\n### {heading}\n")[1].split("\n### ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| `")]
    return ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)


def named(heading: str) -> dict[str, list[str]]:
    return {name.strip("`"): rest for name, *rest in rows(heading)}


def data(block: str) -> dict[str, str]:
    found: dict[str, Any] = dict(BLOCKS[block])
    references: Mapping[str, Any] = found.pop("References")
    found.pop("TargetContact")
    return {**found, **{f"References.{name}": of["Value"] for name, of in references.items()}}


def test_the_table_has_every_attribute_that_the_flow_writes() -> None:
    written = set(BLOCKS["mark-verified"]["Attributes"])
    assert written == set(BLOCKS["mark-unverified"]["Attributes"])
    assert set(named("Contact attributes")) == written | {"auth_token"} == set(TRUSTED_ATTRIBUTES)


def test_what_is_called_proved_comes_from_the_functions_answer_alone() -> None:
    attributes = BLOCKS["mark-verified"]["Attributes"]
    for name, (_, proved) in named("Contact attributes").items():
        if name in attributes and "with `auth_status` `verified`" in proved:
            source = "customer_id" if name == "profileSearchValue" else name
            assert attributes[name] == f"$.External.{source}"


def test_the_table_has_all_contact_data_as_the_flow_writes_it() -> None:
    verified, unverified = data("describe-verified-caller"), data("describe-unverified-caller")
    table = named("Contact data")
    assert set(table) == set(verified) == set(unverified)
    for name, (of_verified, of_others, _) in table.items():
        assert re.findall("`(.+?)`", of_others) == [unverified[name]]
        assert re.findall("`(.+?)`", of_verified)[0] == verified[name].removeprefix("$.External.")
    own = data("describe-caller-by-own-name")
    assert "Name" not in own
    assert own["Description"].startswith(verified["Description"])
