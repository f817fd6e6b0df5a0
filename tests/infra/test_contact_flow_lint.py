"""What a contact flow's file may hold before it is deployed, and what its writer is told otherwise."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.assets.contact_flow_lint import (
    PLACEHOLDERS,
    ContactFlowError,
    faults,
    main,
    read_contact_flow,
)
from infra.constructs.contact_flow import ContactFlow, with_attributes
from tests.infra.synthesis import CHECKOUT, context

FLOWS = sorted((CHECKOUT / "infra").rglob("contact_flows/*.json"))
ALL = [json.loads(flow.read_text(encoding="utf-8")) for flow in FLOWS]
VALID = json.loads((CHECKOUT / "infra" / "contact_flows" / "inbound.json").read_text(encoding="utf-8"))

type Blocks = dict[str, Any]
type Change = Callable[[Blocks], object]


def changed(change: Change, flow: Mapping[str, Any] = VALID) -> dict[str, Any]:
    """The inbound flow, or another, with its blocks, by identifier, changed by `change`."""
    flow = deepcopy(dict(flow))
    blocks = {block["Identifier"]: block for block in flow["Actions"]}
    change(blocks)
    return {**flow, "Actions": list(blocks.values())}


def transitions(block: str, **values: Any) -> Change:
    return lambda blocks: blocks[block]["Transitions"].update(values)


def parameters(block: str, **values: Any) -> Change:
    return lambda blocks: blocks[block]["Parameters"].update(values)


def without(block: str, key: str) -> Change:
    return lambda blocks: blocks[block]["Transitions"].pop(key)


def added(name: str, type_: str, **transitions: Any) -> Change:
    block = {"Identifier": name, "Type": type_, "Parameters": {}, "Transitions": transitions}
    return lambda blocks: blocks.update({name: block})


def typed(block: str, type_: str) -> Change:
    return lambda blocks: blocks[block].update(Type=type_)


def condition(target: str, operator: str = "Equals", operand: str = "verified") -> dict[str, Any]:
    return {"NextAction": target, "Condition": {"Operator": operator, "Operands": [operand]}}


def error(target: str, type_: str = "NoMatchingError") -> dict[str, Any]:
    return {"NextAction": target, "ErrorType": type_}


@pytest.mark.parametrize("document", FLOWS, ids=lambda document: document.stem)
def test_the_projects_flows_are_sound(document: Path) -> None:
    assert read_contact_flow(document)["Actions"]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (
            added("leave", "EndFlowExecution"),
            "block 'leave', Type = 'EndFlowExecution'\n  Fix: a block of inbound flows",
        ),
        (typed("apologise", "Say"), "block 'apologise', Type = 'Say'\n  Fix: a block of inbound flows"),
        (
            transitions("apologise", NextAction="hangup"),
            "block 'apologise', NextAction = 'hangup'\n  Fix: one of: apologise, ask-who-calls",
        ),
        (
            transitions("apologise", Errors=[error("hangup")]),
            "block 'apologise', NextAction = 'hangup'\n  Fix: one of",
        ),
        (
            transitions(
                "is-the-caller-verified", Conditions=[condition("mark-verified"), condition("verified")]
            ),
            "block 'is-the-caller-verified', NextAction = 'verified'\n  Fix: one of",
        ),
        (
            without("apologise", "NextAction"),
            "block 'apologise', Transitions.NextAction = None\n  Fix: the block that follows",
        ),
        (
            without("ask-who-calls", "Errors"),
            "block 'ask-who-calls', Transitions.Errors = []\n  Fix: add a branch for \"NoMatchingError\"",
        ),
        (
            transitions("enter-unverified-queue", Errors=[error("apologise")]),
            "Transitions.Errors = ['NoMatchingError']\n  Fix: add a branch for \"QueueAtCapacity\"",
        ),
        (
            without("is-the-caller-verified", "Errors"),
            'Transitions.Errors = []\n  Fix: add a branch for "NoMatchingCondition"',
        ),
        (
            transitions("is-the-caller-verified", Conditions=[condition("mark-unverified", "Is")]),
            "block 'is-the-caller-verified', Condition.Operator = 'Is'\n  Fix: one of: Equals",
        ),
        (
            added("lost", "DisconnectParticipant"),
            "block 'lost', Identifier = 'lost'\n  Fix: lead a branch to it",
        ),
        (
            transitions("hang-up", NextAction="apologise"),
            "block 'hang-up', Transitions = {'NextAction': 'apologise'}\n  Fix: {}",
        ),
        (
            transitions("apologise", NextAction="apologise", Errors=[error("apologise")]),
            "block 'apologise', Transitions = ['apologise', 'apologise']\n  Fix: lead to a block that ends",
        ),
        (
            parameters("ask-who-calls", LambdaFunctionARN="${CallerContextArn}"),
            "block 'ask-who-calls', placeholder = 'CallerContextArn'\n  Fix: one of: CallerContextF",
        ),
        (
            parameters("ask-who-calls", LambdaFunctionARN="${!CallerContextFunctionArn}"),
            "block 'ask-who-calls', placeholder = '!CallerContextFunctionArn'\n  Fix: one of",
        ),
        *(
            (
                parameters("ask-who-calls", InvocationTimeLimitSeconds=limit),
                f"InvocationTimeLimitSeconds = {limit!r}\n  Fix: a whole number of seconds from 1 to 8",
            )
            for limit in (9, "9", 0, -1, 7.5, "10", None, True, "$.Attributes.limit")
        ),
        (
            transitions("ask-who-calls", NextAction="mark-verified"),
            "block 'ask-who-calls', NextAction = 'mark-verified'\n  Fix: a contact is marked verified only",
        ),
        (
            parameters("is-the-caller-verified", ComparisonValue="$.Attributes.auth_status"),
            "block 'is-the-caller-verified', NextAction = 'mark-verified'\n  Fix: a contact is marked",
        ),
        (
            transitions("is-the-caller-verified", Conditions=[condition("mark-verified", operand="maybe")]),
            "block 'is-the-caller-verified', NextAction = 'mark-verified'\n  Fix: a contact is marked",
        ),
        (
            transitions("ask-who-calls", Errors=[error("mark-verified")]),
            "block 'ask-who-calls', NextAction = 'mark-verified'\n  Fix: a contact is marked",
        ),
    ],
)
def test_a_fault_names_block_value_and_fix(change: Change, fault: str) -> None:
    assert fault in "\n".join(map(str, faults(changed(change))))


@pytest.mark.parametrize(
    ("flow", "fault"),
    [
        ([], "content = '[]'\n  Fix: an object with a list of blocks"),
        ({}, "content = '{}'\n  Fix: an object with a list of blocks"),
        ({**VALID, "Actions": []}, "Fix: an object with a list of blocks"),
        ({**VALID, "Version": "2020"}, "Version = '2020'\n  Fix: \"2019-10-30\""),
        ({**VALID, "StartAction": "start"}, "StartAction = 'start'\n  Fix: one of: keep-claims"),
        ({**VALID, "Actions": [*VALID["Actions"], {"Identifier": "x"}]}, 'Fix: a block is {"Identifier"'),
        (
            {**VALID, "Actions": [*VALID["Actions"], VALID["Actions"][-1]]},
            "block 'hang-up', Identifier = 'hang-up'\n  Fix: name each block differently",
        ),
        ({**VALID, "Actions": VALID["Actions"] * 50}, "\n  Fix: at most 250 blocks"),
        (changed(lambda blocks: blocks["hang-up"].update(Identifier="a" * 51)), "Fix: 1 to 50 characters"),
        (changed(lambda blocks: blocks["hang-up"].update(Identifier="a/b")), "Fix: 1 to 50 characters"),
    ],
)
def test_a_fault_of_the_flow_names_value_and_fix(flow: Any, fault: str) -> None:
    assert fault in "\n".join(map(str, faults(flow)))


def test_a_flow_that_starts_as_verified_is_refused() -> None:
    flow = {**VALID, "StartAction": "mark-verified"}
    assert (
        "block 'mark-verified', StartAction = 'mark-verified'\n  Fix: a contact is marked verified only"
        in ("\n".join(map(str, faults(flow))))
    )


def test_a_flow_may_hold_the_placeholders_that_its_stack_fills_alone(tmp_path: Path) -> None:
    flow = tmp_path / "inbound.json"
    flow.write_text(json.dumps(VALID), encoding="utf-8")
    assert read_contact_flow(flow, PLACEHOLDERS)
    with pytest.raises(ContactFlowError, match="placeholder = 'VerifiedQueueArn'\n  Fix: one of: Other"):
        read_contact_flow(flow, ["Other", "UnverifiedQueueArn", "CallerContextFunctionArn"])


def json_values() -> st.SearchStrategy[Any]:
    return st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=5,
    )


@given(data=st.data())
def test_whatever_a_file_holds_is_judged(data: st.DataObject) -> None:
    flow = deepcopy(data.draw(st.sampled_from(ALL)))
    block = data.draw(st.sampled_from(flow["Actions"]))
    where = data.draw(st.sampled_from([flow, block, block["Parameters"], block["Transitions"]]))
    keys = ["Errors", "Conditions", "NextAction", "Attributes", *where]
    where[data.draw(st.sampled_from(keys))] = data.draw(json_values())
    assert all(fault.fix for fault in faults(flow))


def test_two_faults_are_told_at_once() -> None:
    def change(blocks: Blocks) -> None:
        typed("apologise", "Say")(blocks)
        without("ask-who-calls", "Errors")(blocks)

    assert {fault.block for fault in faults(changed(change))} == {"apologise", "ask-who-calls"}


@pytest.mark.parametrize("content", ["{", "\ufeff{}", ""])
def test_a_file_that_is_no_json_is_refused_by_name(tmp_path: Path, content: str) -> None:
    document = tmp_path / "broken.json"
    document.write_text(content, encoding="utf-8")
    with pytest.raises(ContactFlowError, match=r"broken\.json: content = .*\n  Fix: make it valid JSON"):
        read_contact_flow(document)


def test_the_command_line_judges_all_files_and_says_which_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = tmp_path / "broken.json"
    document.write_text(json.dumps(changed(typed("apologise", "Say"))), encoding="utf-8")
    assert main([]) == 0
    assert main([str(FLOWS[0]), str(document)]) == 1
    assert "broken.json: block 'apologise', Type = 'Say'" in capsys.readouterr().err


def construct(document: Path, app: cdk.App, arns: Mapping[str, str]) -> None:
    ContactFlow(
        cdk.Stack(app, "Stack"),
        "Flow",
        document=document,
        name="Flow",
        instance_arn="arn:aws:connect:eu-west-2:111122223333:instance/11111111-1111-4111-8111-111111111111",
        arns=arns,
        verified_attributes=[],
    )


def test_a_broken_flow_stops_the_synthesis(tmp_path: Path) -> None:
    document = tmp_path / "broken.json"
    document.write_text(json.dumps(changed(typed("apologise", "Say"))), encoding="utf-8")
    with pytest.raises(ContactFlowError, match="block 'apologise'"):
        construct(document, cdk.App(context=context()), dict.fromkeys(PLACEHOLDERS, "arn"))


def test_claims_reach_the_contact_by_the_functions_word_alone() -> None:
    flow = with_attributes(deepcopy(VALID), ["customer_email"])
    attributes = {
        block["Identifier"]: block["Parameters"]["Attributes"]["customer_email"]
        for block in flow["Actions"]
        if "Attributes" in block["Parameters"]
    }
    assert attributes == {"mark-verified": "$.External.customer_email", "mark-unverified": "unknown"}
