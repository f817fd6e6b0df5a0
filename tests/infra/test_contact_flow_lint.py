"""What a contact flow's file may hold before it is deployed, and what is said of all else."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.assets.contact_flow_lint import (
    PLACEHOLDERS,
    ContactFlowError,
    FlowType,
    Severity,
    faults,
    flow_type_of,
    read_contact_flow,
    without_unwanted,
)
from infra.assets.contact_flow_lint.command import main
from infra.constructs.contact_flow import deployed_flow, with_attributes
from tests.infra.synthesis import CHECKOUT

FLOWS = sorted((CHECKOUT / "infra").rglob("contact_flows/**/*.json"))
ALL = [json.loads(flow.read_text(encoding="utf-8")) for flow in FLOWS]
# The shortest flow that proves who calls.
PROVING_FLOW = Path(__file__).with_name("proving_flow.json")
VALID = json.loads(PROVING_FLOW.read_text(encoding="utf-8"))

type Blocks = dict[str, Any]
type Change = Callable[[Blocks], object]


def changed(change: Change, flow: Mapping[str, Any] = VALID) -> dict[str, Any]:
    """The proving flow, or another, with its blocks, by identifier, changed by `change`."""
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
            "block 'leave', Type = 'EndFlowExecution'\n  Fix: no block of a CONTACT_FLOW flow, but of",
        ),
        (
            typed("apologise", "PlayPrompt"),
            "what the Flow language calls it\n  Amazon Connect: Invalid Action type. Type: PlayPrompt",
        ),
        (
            typed("apologise", "SayAloud"),
            "block 'apologise', Type = 'SayAloud'\n  Fix: this check does not know the block",
        ),
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
            "block 'hang-up', Transitions = ['apologise']\n  Fix: {}",
        ),
        (
            transitions("apologise", NextAction="apologise", Errors=[error("apologise")]),
            "block 'apologise', Transitions = ['apologise', 'apologise']\n  Fix: lead to a block that ends",
        ),
        (
            parameters("ask-who-calls", LambdaFunctionARN="${CallerContextArn}"),
            "block 'ask-who-calls', placeholder = 'CallerContextArn'\n  Fix: one of: AgentGuideF",
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
        (changed(lambda blocks: blocks["hang-up"].update(Identifier="constructor")), "Fix: another name"),
        (changed(lambda blocks: blocks["hang-up"].update(Transitions=[1])), "Fix: a block is"),
        (changed(lambda blocks: blocks["hang-up"].update(Parameters="x")), "Fix: a block is"),
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
    with pytest.raises(
        ContactFlowError, match=r"placeholder = 'VerifiedQueueArn'\n  Fix: one of: .*, Other, "
    ):
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


def test_two_faults_are_reported_at_once() -> None:
    def change(blocks: Blocks) -> None:
        typed("apologise", "PlayPrompt")(blocks)
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
    document.write_text(json.dumps(changed(typed("apologise", "PlayPrompt"))), encoding="utf-8")
    assert main([]) == 0
    assert main([str(FLOWS[0]), str(document)]) == 1
    assert "broken.json: error: block 'apologise', Type = 'PlayPrompt'" in capsys.readouterr().out


def test_a_broken_flow_stops_the_synthesis(tmp_path: Path) -> None:
    document = tmp_path / "broken.json"
    document.write_text(json.dumps(changed(typed("apologise", "PlayPrompt"))), encoding="utf-8")
    with pytest.raises(ContactFlowError, match="block 'apologise'"):
        deployed_flow(document, features=[], values={}, arns=PLACEHOLDERS)


def test_a_flow_that_a_value_breaks_stops_the_synthesis(tmp_path: Path) -> None:
    document = tmp_path / "spoken.json"
    document.write_text(json.dumps(changed(parameters("apologise", Text="${BusyText}"))), encoding="utf-8")
    spoken = deployed_flow(document, features=[], values={"BusyText": "Sorry."}, arns=PLACEHOLDERS)
    assert "Sorry." in json.dumps(spoken.content)
    assert "BusyText" not in spoken.placeholders
    with pytest.raises(ContactFlowError, match=r"'apologise', Parameters\.Text = ''"):
        deployed_flow(document, features=[], values={"BusyText": ""}, arns=PLACEHOLDERS)


def test_claims_reach_the_contact_by_the_functions_word_alone() -> None:
    flow = with_attributes(deepcopy(VALID), ["customer_email"])
    attributes = {
        block["Identifier"]: block["Parameters"]["Attributes"]["customer_email"]
        for block in flow["Actions"]
        if "Attributes" in block["Parameters"]
    }
    assert attributes == {"mark-verified": "$.External.customer_email", "mark-unverified": "unknown"}


def optional(**blocks: Any) -> dict[str, Any]:
    return {**VALID, "Metadata": {"optional": blocks}}


def needs(feature: Any, otherwise: Any) -> dict[str, Any]:
    return {"needs": feature, "otherwise": otherwise}


def test_a_block_that_nothing_wants_gives_its_place_to_another() -> None:
    flow = optional(apologise=needs("recording", "hang-up"))
    assert list(faults(flow)) == []
    assert without_unwanted(flow, ["recording"]) == VALID
    shorter = without_unwanted(flow, [])
    names = {block["Identifier"] for block in shorter["Actions"]}
    assert names == {block["Identifier"] for block in VALID["Actions"]} - {"apologise"}
    assert list(faults(shorter)) == []


def test_a_flow_can_begin_with_a_block_that_is_left_out() -> None:
    flow = optional(**{"keep-claims-out-of-flow-logs": needs("voice", "hang-up")})
    shorter = without_unwanted(flow, [])
    assert shorter["StartAction"] == "hang-up"
    assert [block["Identifier"] for block in shorter["Actions"]] == ["hang-up"]


@pytest.mark.parametrize(
    ("blocks", "fault"),
    [
        ({"bye": needs("voice", "hang-up")}, "Metadata.optional = 'bye'\n  Fix: one of: apologise"),
        (
            {"apologise": needs("singing", "hang-up")},
            "needs = 'singing'\n  Fix: one of: agent_guide",
        ),
        ({"apologise": needs("voice", "bye")}, "optional.otherwise = 'bye'\n  Fix: the block that takes"),
        ({"apologise": needs("voice", "apologise")}, "Fix: a block at the end: these go round"),
        ({"apologise": needs("voice", None)}, 'Fix: {"needs": "recording"'),
        ({"apologise": {"needs": "voice"}}, 'Fix: {"needs": "recording"'),
        ({"apologise": "voice"}, 'Fix: {"needs": "recording"'),
    ],
    ids=str,
)
def test_what_is_wrong_with_an_optional_block_is_said(blocks: dict[str, Any], fault: str) -> None:
    assert fault in "\n".join(map(str, faults(optional(**blocks))))


ALL_ERRORS = ("InputTimeLimitExceeded", "NoMatchingCondition", "NoMatchingError")
HOURS = {"HoursOfOperationId": "22222222-2222-4222-8222-222222222222"}


def put_first(name: str, type_: str, given: Mapping[str, Any], **more: Any) -> Change:
    """A block between the flow's first, which switches the logs off, and the second."""

    def change(blocks: Blocks) -> None:
        first = blocks["keep-claims-out-of-flow-logs"]["Transitions"]
        branches = {"NextAction": first["NextAction"], "Errors": [error(first["NextAction"])], **more}
        blocks[name] = {"Identifier": name, "Type": type_, "Parameters": given, "Transitions": branches}
        first["NextAction"] = name

    return change


def menu(**given: Any) -> Change:
    return put_first(
        *("menu", "GetParticipantInput", {"Text": "1 or 2", "InputTimeLimitSeconds": "5", **given}),
        Conditions=[condition("ask-who-calls", operand=key) for key in "12"],
        Errors=[error("ask-who-calls", type_) for type_ in ALL_ERRORS],
    )


# What an account has refused, or the developer guide says to be refused.
REFUSED = [
    (transitions("keep-claims-out-of-flow-logs", Errors=[error("hang-up")]), "the block has no errors"),
    (
        transitions(
            "is-the-caller-verified", Errors=[error("hang-up"), error("hang-up", "NoMatchingCondition")]
        ),
        "ErrorType = 'NoMatchingError'\n  Fix: one of: NoMatchingCondition",
    ),
    (
        put_first("open", "CheckHoursOfOperation", HOURS, Conditions=[condition("hang-up", operand="True")]),
        "Conditions = ['True']\n  Fix: add a condition Equals \"False\"",
    ),
    (parameters("apologise", SSML="<speak>Sorry</speak>"), "exactly one of: Text, SSML, PromptId, Media"),
    (lambda blocks: blocks["apologise"].pop("Parameters"), "exactly one of: Text, SSML, PromptId, Media"),
    (
        parameters("ask-who-calls", RequestAttributes={"a": "b"}),
        "Amazon Connect: Invalid Action property name. Path: Actions[1].Parameters.RequestAttributes",
    ),
    (
        lambda blocks: blocks["keep-claims-out-of-flow-logs"].update(
            Parameters={"LoggingBehavior": "Disable"}
        ),
        "Action is missing required property. Path: Actions[0].Parameters.FlowLoggingBehavior",
    ),
    (
        lambda blocks: blocks["ask-who-calls"]["Parameters"].pop("LambdaFunctionARN"),
        "Action is missing required property. Path: Actions[1].Parameters.LambdaFunctionARN",
    ),
    (
        lambda blocks: blocks["mark-verified"]["Parameters"]["Attributes"].update(n=7),
        "Invalid Action property value. Path: Actions[3].Parameters.Attributes.n",
    ),
    (
        lambda blocks: blocks["mark-verified"]["Parameters"]["Attributes"].update({"a b": "c"}),
        "Parameters.Attributes.a b",
    ),
    (
        transitions("apologise", Errors=[error("hang-up", "AgentError"), error("hang-up")]),
        "ErrorType = 'AgentError'\n  Fix: one of: NoMatchingError",
    ),
    (menu(StoreInput="True"), "Action does not support conditions"),
    (menu(InputValidation={"CustomValidation": {"MaximumLength": "4"}}), "Invalid Action property name"),
    (
        put_first("menu", "GetParticipantInput", {"Text": "1 or 2", "InputTimeLimitSeconds": "5"}),
        "Amazon Connect: Action is missing required error. Error: InputTimeLimitExceeded",
    ),
    (
        put_first("tag", "TagContact", {"Tags": {"a": "b"}}, Errors=[]),
        "required error. Error: NoMatchingError",
    ),
    (put_first("tag", "TagContact", {"Tags": {str(n): "b" for n in range(7)}}), "from 1 to 6 entries"),
    (
        put_first("hook", "UpdateContactEventHooks", {"EventHooks": {"Whisper": "$.Attributes.flow"}}),
        "Parameters.EventHooks.Whisper",
    ),
    (
        put_first(
            *("staff", "CheckMetricData", {"MetricType": "NumberOfAgentsStaffed"}),
            Conditions=[condition("hang-up", "NumberGreaterThan", "3")],
            Errors=[error("hang-up"), error("hang-up", "NoMatchingCondition")],
        ),
        'NumberGreaterThan "0" alone',
    ),
    (
        put_first("staff", "CheckMetricData", {"MetricType": "NumberOfContactsInQueue"}),
        "Conditions = []\n  Fix: add one at least",
    ),
    (
        put_first("wait", "Wait", {"TimeLimitSeconds": "5", "Events": ["CustomerReturned"]}),
        '"CustomerReturned"',
    ),
    (
        put_first("rec", "UpdateContactRecordingAndAnalyticsBehavior", {"ChatBehavior": {}}),
        "required error. Error: InFlightRedactionConfigurationFailed",
    ),
    (
        put_first("queue", "UpdateContactTargetQueue", {"QueueId": "%QueueArn%"}),
        "Parameters.QueueId = '%QueueArn%'\n  Fix: an ARN, an id or one reference",
    ),
    (parameters("apologise", Media={"Uri": "s3://a", "SourceType": "Web"}), "Parameters.Media.SourceType"),
    (parameters("apologise", Media=[]), "Fix: an object with Uri, SourceType, MediaType"),
    (put_first("untag", "UntagContact", {"TagKeys": ["", "a"]}), "Parameters.TagKeys[0] = ''"),
    (put_first("untag", "UntagContact", {"TagKeys": []}), "Fix: a list of at least 1"),
    (transitions("apologise", NextAction=""), "Transitions.NextAction = ''\n  Fix: the block that follows"),
    (
        put_first(
            "rec", "UpdateContactRecordingAndAnalyticsBehavior", {"VoiceBehavior": {}, "ChatBehavior": {}}
        ),
        "exactly one of: VoiceBehavior, ChatBehavior, ScreenRecordingBehavior",
    ),
]


@pytest.mark.parametrize(("change", "fault"), REFUSED)
def test_what_connect_refuses_is_an_error(change: Change, fault: str) -> None:
    errors = [str(found) for found in faults(changed(change)) if found.is_error]
    assert any(fault in said for said in errors), errors


@pytest.mark.parametrize(
    "change",
    [
        menu(),
        menu(StoreInput="False"),
        put_first("tag", "TagContact", {"Tags": {"team": "billing"}}),
        lambda blocks: [blocks[name].pop("Parameters") for name in ("hang-up", "enter-verified-queue")],
        lambda blocks: blocks["hang-up"].pop("Transitions"),
        put_first("early", "GetParticipantInput", {"EnableDTMFBuffer": "true"}),
        put_first("first", "UpdateContactRoutingBehavior", {"QueuePriority": "1"}, Errors=[]),
        put_first("voice", "UpdateContactTextToSpeechVoice", {"TextToSpeechVoice": "$.Attributes.voice"}),
    ],
)
def test_what_a_team_adds_is_good(change: Change, tmp_path: Path) -> None:
    assert list(faults(changed(change))) == []
    document = tmp_path / "flow.json"
    document.write_text(json.dumps(changed(change)), encoding="utf-8")
    assert all("Parameters" in block for block in read_contact_flow(document)["Actions"])


@pytest.mark.parametrize(
    ("change", "warning"),
    [
        (transitions("apologise", Errors=[]), "Connect takes it without, and a failure ends the call"),
        (typed("apologise", "SayAloud"), "try the flow on an instance, and adopt it by its ARN"),
        (added("lost", "DisconnectParticipant"), "lead a branch to it, or remove it"),
        (parameters("apologise", Text="Sorry $.Atributes.name"), "reference = '$.Atributes.name'"),
        (
            put_first(
                *("hook", "UpdateContactEventHooks"),
                {"EventHooks": dict.fromkeys(["AgentHold", "CustomerHold"], "$.Attributes.flow")},
            ),
            "one hook a block",
        ),
        (
            put_first(
                *("hook", "UpdateContactEventHooks"),
                {
                    "EventHooks": {"AgentWhisper": "$.Attributes.flow"},
                    "EventHooksConfiguration": {"AgentWhisper": {"DisableExecution": "false"}},
                },
            ),
            "leave it out: the console exports it",
        ),
        (
            transitions("mark-unverified", NextAction="choose-verified-queue"),
            "NextAction = 'choose-verified-queue'\n  Fix: prove the caller before",
        ),
    ],
)  # fmt: skip
def test_a_warning_stops_no_deployment(change: Change, warning: str, tmp_path: Path) -> None:
    found = list(faults(changed(change)))
    assert [fault.severity for fault in found if warning in str(fault)] == [Severity.WARNING]
    assert not any(fault.is_error for fault in found)
    document = tmp_path / "flow.json"
    document.write_text(json.dumps(changed(change)), encoding="utf-8")
    assert read_contact_flow(document)["Actions"]


def test_the_verified_queue_without_any_proof_is_a_warning() -> None:
    flow = {**VALID, "StartAction": "choose-verified-queue"}
    [fault] = [fault for fault in faults(flow) if fault.what == "StartAction"]
    assert (fault.block, fault.severity) == ("choose-verified-queue", Severity.WARNING)


def other_function(target: str) -> Change:
    given = {"LambdaFunctionARN": "arn:aws:lambda:eu-west-2:111122223333:function:crm"}
    after = {"NextAction": target, "Errors": [error(target)]}
    block = {"Identifier": "crm", "Type": "InvokeLambdaFunction", "Transitions": after}
    return lambda blocks: blocks.update(
        crm={**block, "Parameters": {**given, "InvocationTimeLimitSeconds": "3"}}
    )


def test_the_answer_of_another_function_proves_nobody() -> None:
    """Between the question and the comparison, and between the comparison and the mark."""

    def before(blocks: Blocks) -> None:
        other_function("is-the-caller-verified")(blocks)
        transitions("ask-who-calls", NextAction="crm")(blocks)

    def after(blocks: Blocks) -> None:
        other_function("mark-verified")(blocks)
        transitions("is-the-caller-verified", Conditions=[condition("crm")])(blocks)

    def later(blocks: Blocks) -> None:
        other_function("choose-verified-queue")(blocks)
        transitions("mark-verified", NextAction="crm")(blocks)

    assert "and this project's function was the last" in "\n".join(map(str, faults(changed(before))))
    assert "and this project's function was the last" in "\n".join(map(str, faults(changed(after))))
    assert list(faults(changed(later))) == []


def test_blocks_may_stand_between_the_proof_and_the_mark() -> None:
    def change(blocks: Blocks) -> None:
        put_first("tag", "TagContact", {"Tags": {"a": "b"}})(blocks)
        transitions("keep-claims-out-of-flow-logs", NextAction="ask-who-calls")(blocks)
        blocks["tag"]["Transitions"].update(NextAction="mark-verified", Errors=[error("mark-verified")])
        transitions("is-the-caller-verified", Conditions=[condition("tag")])(blocks)

    assert list(faults(changed(change))) == []


@pytest.mark.parametrize(
    ("status", "is_good"),
    [("$.External.auth_status", True), ("$.Attributes.auth_status", False), ("unverified", True)],
)
def test_a_status_is_the_functions_word_or_none(status: str, is_good: bool) -> None:
    def change(blocks: Blocks) -> None:
        blocks["mark-unverified"]["Parameters"]["Attributes"]["auth_status"] = status
        transitions("ask-who-calls", Errors=[error("choose-unverified-queue")])(blocks)
        transitions("choose-verified-queue", Errors=[error("hang-up")])(blocks)

    assert any(fault.is_error for fault in faults(changed(change))) != is_good


def test_what_a_start_cannot_count_stands_beside_no_proof() -> None:
    """The block would fail for it, and with it the proof."""

    def change(blocks: Blocks) -> None:
        for mark in ("mark-verified", "mark-unverified"):
            blocks[mark]["Parameters"]["Attributes"]["order"] = "$.Attributes.order_id"

    [fault] = faults(changed(change))
    assert (fault.block, fault.what, fault.severity) == (
        "mark-verified",
        "Attributes.order",
        Severity.WARNING,
    )
    assert "a block of its own" in fault.fix


def test_claims_stay_out_of_the_flows_logs() -> None:
    on = parameters("keep-claims-out-of-flow-logs", FlowLoggingBehavior="Enabled")
    found = {(fault.block, fault.severity) for fault in faults(changed(on)) if fault.what == "flow logs"}
    assert found == {("ask-who-calls", Severity.ERROR), ("mark-verified", Severity.WARNING)}


def test_a_whisper_that_says_who_calls_is_warned_of_flow_logs() -> None:
    say = {"Identifier": "say", "Type": "MessageParticipant", "Parameters": {"Text": "$.Attributes.who"},
           "Transitions": {"NextAction": "end", "Errors": [error("end")]}}  # fmt: skip
    end = {"Identifier": "end", "Type": "EndFlowExecution"}
    flow = {"Version": "2019-10-30", "StartAction": "say", "Actions": [say, end]}
    [fault] = faults(flow, flow_type=FlowType.AGENT_WHISPER)
    assert (fault.block, fault.what, fault.severity) == ("say", "flow logs", Severity.WARNING)
    assert flow_type_of(flow) is FlowType.AGENT_WHISPER
    assert {fault.what for fault in faults(flow, flow_type=FlowType.CUSTOMER_HOLD)} == {"Type"}


@pytest.mark.parametrize(
    ("types", "metadata", "guessed"),
    [
        (["MessageParticipant", "DisconnectParticipant"], {}, FlowType.CONTACT_FLOW),
        (["MessageParticipant", "EndFlowExecution"], {}, FlowType.AGENT_WHISPER),
        (["MessageParticipant", "EndFlowExecution"], {"type": "customerWhisper"}, FlowType.CUSTOMER_WHISPER),
        (["MessageParticipant", "EndFlowExecution"], {"type": 7}, FlowType.AGENT_WHISPER),
        (["UpdateContactRecordingBehavior", "EndFlowExecution"], {}, FlowType.OUTBOUND_WHISPER),
        (["MessageParticipantIteratively", "EndFlowExecution"], {}, FlowType.CUSTOMER_QUEUE),
        (["TransferContactToAgent"], {}, FlowType.AGENT_TRANSFER),
        (["EndFlowModuleExecution"], {}, FlowType.MODULE),
        (["SayAloud"], {}, FlowType.CONTACT_FLOW),
    ],
)
def test_a_flows_type_is_guessed_from_its_export_or_its_blocks(
    types: list[str], metadata: dict[str, Any], guessed: FlowType
) -> None:
    blocks = [{"Identifier": type_, "Type": type_} for type_ in types]
    flow = {"Version": "2019-10-30", "StartAction": types[0], "Metadata": metadata, "Actions": blocks}
    assert flow_type_of(flow) is guessed


def test_the_command_checks_what_the_api_describes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    described = tmp_path / "described.json"
    held = {
        "Name": "f",
        "Type": "CONTACT_FLOW",
        "Content": json.dumps(changed(typed("apologise", "PlayPrompt"))),
    }
    described.write_text(json.dumps({"ContactFlow": held}), encoding="utf-8")
    assert main(["--json", str(described)]) == 1
    [checked] = json.loads(capsys.readouterr().out)
    assert (checked["type"], checked["ok"]) == ("CONTACT_FLOW", False)
    [fault] = [fault for fault in checked["faults"] if fault["severity"] == "error"]
    assert fault == {
        "block": "apologise",
        "what": "Type",
        "value": "PlayPrompt",
        "fix": '"MessageParticipant" is what the Flow language calls it',
        "connect": "Invalid Action type. Type: PlayPrompt",
        "severity": "error",
    }


def test_the_command_takes_a_type_and_says_what_is_good(capsys: pytest.CaptureFixture[str]) -> None:
    inbound = str(CHECKOUT / "infra" / "contact_flows" / "inbound.json")
    assert main([inbound]) == 0
    assert capsys.readouterr().out == "infra/contact_flows/inbound.json: CONTACT_FLOW: good\n"
    assert main(["--type", "agent_hold", inbound]) == 1
    assert "no block of a AGENT_HOLD flow" in capsys.readouterr().out
    assert main(["--json", "nowhere.json"]) == 1
    assert "a file that can be read" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["--type", "WHISPER", inbound])


def test_a_flow_that_is_too_large_is_refused(tmp_path: Path) -> None:
    document = tmp_path / "large.json"
    document.write_text(json.dumps({**VALID, "Metadata": {"a": "b" * 256_000}}), encoding="utf-8")
    with pytest.raises(ContactFlowError, match="Fix: at most 256000 characters"):
        read_contact_flow(document)
