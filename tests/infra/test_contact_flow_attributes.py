"""What contact flows set beside the attributes that the start of a call counts, and is passed."""

import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest

from infra.app import add_stacks
from infra.configuration import load
from infra.constructs.contact_flow import constant_attributes
from tests.infra.checkout_copy import copy_checkout
from tests.infra.synthesis import Synthesis, context

VARIABLE = "FLOW_ATTRIBUTES_BYTES"


def flow_of(*settings: dict[str, str], type_: str = "UpdateContactAttributes") -> dict[str, Any]:
    return {"Actions": [{"Type": type_, "Parameters": {"Attributes": values}} for values in settings]}


@pytest.mark.parametrize(
    ("settings", "counted"),
    [
        ([{"line": "in-app"}], {"line": "in-app"}),
        ([{"line": "a"}, {"line": "ÄÖ"}, {"line": "bcd"}], {"line": "ÄÖ"}),
        ([{"line": "a", "tier": "b"}, {"tier": "gold"}], {"line": "a", "tier": "gold"}),
        ([{"order": "$.Attributes.order_id"}], {"order": ""}),
        ([{"order": "$.Attributes.order_id"}, {"order": "none"}], {"order": "none"}),
    ],
)
def test_of_each_attribute_the_longest_constant_counts(
    settings: list[dict[str, str]], counted: dict[str, str]
) -> None:
    assert constant_attributes(flow_of(*settings)) == counted


def test_blocks_that_set_no_contact_attributes_count_nothing() -> None:
    assert constant_attributes(flow_of({"line": "in-app"}, type_="UpdateFlowAttributes")) == {}


def test_the_shipped_flows_set_nothing_that_a_start_does_not_count(native: Synthesis) -> None:
    assert VARIABLE not in native.variables("start_call")


def synthesize_with(tmp_path: Path, *, flows: dict[str, dict[str, str]], topics: str = "") -> Synthesis:
    """The environment `local` with attributes that flows set beside, by the name of the flow."""
    checkout = copy_checkout(tmp_path / "checkout")
    settings = checkout / "config" / "local.toml"
    written = settings.read_text(encoding="utf-8").replace(
        'billing = "billing"', topics or 'billing = "billing"'
    )
    settings.write_text(written, encoding="utf-8")
    for name, attributes in flows.items():
        document = checkout / "infra" / "contact_flows" / f"{name}.json"
        flow = json.loads(document.read_text(encoding="utf-8"))
        for block in flow["Actions"]:
            if block["Identifier"].startswith("mark-"):
                block["Parameters"]["Attributes"].update(attributes)
        document.write_text(json.dumps(flow), encoding="utf-8")
    configuration = load(checkout, "local")
    app = cdk.App(context=context(), outdir=str(tmp_path / "cdk.out"))
    add_stacks(app, configuration, checkout)
    app.synth()
    return Synthesis(tmp_path / "cdk.out", configuration)


@pytest.mark.slow  # it builds anew what is built
def test_start_call_is_passed_the_bytes_of_the_largest_flow(tmp_path: Path) -> None:
    flows = {"inbound": {"line": "in-app", "site": "ÄÖÜ"}, "billing": {"line": "billing"}}
    changed = synthesize_with(tmp_path, flows=flows)
    assert changed.variables("start_call")[VARIABLE] == str(len("line") + len("in-app") + len("site") + 6)


@pytest.mark.slow
def test_a_topic_and_a_status_count_as_far_as_they_are_longer_than_counted(tmp_path: Path) -> None:
    """The start counts the caller's topic, which need not be called as its flow is, and "unknown"."""
    flows = {"inbound": {"auth_time": "unknown-time"}}
    changed = synthesize_with(tmp_path, flows=flows, topics='pay = "billing"\nbilling = "billing"')
    assert changed.variables("start_call")[VARIABLE] == str(len("-time"))
    assert len("billing") - len("pay") < len("-time")
