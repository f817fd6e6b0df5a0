from pathlib import Path
from typing import Any

import pytest

from local.emulator.connect import contact_flow, flow_language
from local.emulator.connect.contact_flow import BlockError
from local.emulator.connect.flow_language import InvalidContactFlowError
from tests.local.emulator.flows import (
    FUNCTION,
    HANG_UP,
    OTHER_FLOWS,
    PROJECT_FLOWS,
    TOPIC_FLOW,
    FakeContact,
    block,
    content,
    project_flow,
)

ELSE_HANG_UP = {"NoMatchingError": "hang-up"}
ELSE_SORRY = {"NoMatchingError": "sorry"}
ELSE_SELF = {"NoMatchingError": "a"}


def run(contact: FakeContact, *blocks: dict[str, Any]) -> FakeContact:
    contact_flow.run(flow_language.read(content(*blocks)), contact)
    return contact


@pytest.mark.parametrize("path", PROJECT_FLOWS, ids=lambda path: path.stem)
def test_the_flows_of_this_project_send_a_verified_caller_to_the_verified_queue(path: Path) -> None:
    contact = FakeContact(answer={"auth_status": "verified", "customer_id": "ada"})
    contact_flow.run(project_flow(path), contact)
    assert contact.target_queue == "arn:verified"
    assert contact.is_queued
    assert contact.attributes["customer_id"] == "ada"
    assert not contact.disconnected


@pytest.mark.parametrize("path", PROJECT_FLOWS, ids=lambda path: path.stem)
@pytest.mark.parametrize(
    ("references", "answer", "failing"),
    [
        ({}, {"auth_status": "unverified"}, {}),
        ({"$.Attributes.auth_status": "verified"}, {}, {}),
        ({}, {}, {"function": BlockError("it timed out")}),
    ],
    ids=["unverified", "a verdict of their own", "the function fails"],
)
def test_the_flows_of_this_project_send_anybody_else_to_the_unverified_queue(
    path: Path, references: dict[str, str], answer: dict[str, str], failing: dict[str, BlockError]
) -> None:
    contact = FakeContact(references, answer=answer, failing=failing)
    contact_flow.run(project_flow(path), contact)
    assert contact.target_queue == "arn:unverified"
    assert contact.attributes["auth_status"] == "unverified"


def test_a_block_of_each_type_does_what_it_says() -> None:
    contact = run(
        FakeContact({"$.Attributes.page": "cart", "$.Name": "Ada"}, answer={"tier": "gold"}),
        block("quiet", "UpdateFlowLoggingBehavior", "ask", FlowLoggingBehavior="Disabled"),
        block(
            *("ask", "InvokeLambdaFunction", "branch"),
            errors=ELSE_HANG_UP,
            LambdaFunctionARN=FUNCTION,
            InvocationTimeLimitSeconds="3",
            InvocationType="SYNCHRONOUS",
            LambdaInvocationAttributes={"where": "on $.Attributes.page", "who": "$.Name"},
            ResponseValidation={"ResponseType": "STRING_MAP"},
        ),
        block(
            *("branch", "Compare", "hang-up"),
            errors={"NoMatchingCondition": "hang-up"},
            conditions={"silver": "hang-up", "gold": "remember"},
            ComparisonValue="$.External.tier",
        ),
        block(
            *("remember", "UpdateContactAttributes", "greet"),
            errors=ELSE_HANG_UP,
            TargetContact="Current",
            Attributes={"tier": "$.External.tier", "fixed": "text", "absent": "$.External.absent"},
        ),
        block("greet", "MessageParticipant", "choose", errors=ELSE_HANG_UP, Text="Hello $.Name, one moment"),
        block("choose", "UpdateContactTargetQueue", "wait", errors=ELSE_HANG_UP, QueueId="arn:queue"),
        block("wait", "TransferContactToQueue", errors=ELSE_HANG_UP),
        HANG_UP,
    )
    assert contact.invoked == [(FUNCTION, {"where": "on cart", "who": "Ada"}, 3.0)]
    assert contact.attributes == {"tier": "gold", "fixed": "text", "absent": ""}
    assert contact.heard == ["Hello Ada, one moment"]
    assert contact.target_queue == "arn:queue"
    assert contact.is_queued
    assert not contact.disconnected
    assert contact.blocks == ["quiet", "ask", "branch", "remember", "greet", "choose", "wait"]
    assert [step.result for step in contact.way] == ["Success", "Success", "gold", *["Success"] * 4]


def test_a_contact_that_reaches_no_queue_is_disconnected() -> None:
    greet = block("hi", "MessageParticipant", "hang-up", errors=ELSE_HANG_UP, Text="Hi")
    contact = run(FakeContact(), greet, HANG_UP)
    assert contact.disconnected
    assert contact.blocks == ["hi", "hang-up"]


FAILING = {
    "function": block(
        *("it", "InvokeLambdaFunction", "hang-up"),
        errors=ELSE_SORRY,
        LambdaFunctionARN=FUNCTION,
        InvocationTimeLimitSeconds="8",
    ),
    "attributes": block("it", "UpdateContactAttributes", "hang-up", errors=ELSE_SORRY, Attributes={"a": "b"}),
    "target queue": block("it", "UpdateContactTargetQueue", "hang-up", errors=ELSE_SORRY, QueueId="q"),
    "queue": block("it", "TransferContactToQueue", errors=ELSE_SORRY),
    "message": block("it", "MessageParticipant", "hang-up", errors=ELSE_SORRY, Text="Hi"),
}


@pytest.mark.parametrize("what", FAILING)
def test_a_block_that_fails_takes_its_error_branch_and_says_why(what: str) -> None:
    sorry = block("sorry", "UpdateFlowLoggingBehavior", "hang-up", FlowLoggingBehavior="Disabled")
    contact = run(FakeContact(failing={what: BlockError("it is broken")}), FAILING[what], sorry, HANG_UP)
    assert contact.blocks == ["it", "sorry", "hang-up"]
    assert (contact.way[0].result, contact.way[0].detail) == ("NoMatchingError", "it is broken")


def test_a_full_queue_has_a_branch_of_its_own() -> None:
    contact = run(
        FakeContact(failing={"queue": BlockError("full", error_type="QueueAtCapacity")}),
        block("wait", "TransferContactToQueue", errors={"QueueAtCapacity": "full", **ELSE_HANG_UP}),
        block("full", "MessageParticipant", "hang-up", errors=ELSE_HANG_UP, Text="All lines are busy"),
        HANG_UP,
    )
    assert contact.heard == ["All lines are busy"]
    assert contact.way[0].result == "QueueAtCapacity"


def test_an_error_without_a_branch_of_its_own_takes_that_of_all_others() -> None:
    full = FakeContact(failing={"queue": BlockError("full", error_type="QueueAtCapacity")})
    assert run(full, block("wait", "TransferContactToQueue", errors=ELSE_HANG_UP), HANG_UP).disconnected


@pytest.mark.parametrize(
    ("operator", "value", "operand", "holds"),
    [
        ("Equals", "a", "a", True),
        ("Equals", "A", "a", False),
        ("TextStartsWith", "+44 20", "+44", True),
        ("TextStartsWith", "0044", "+44", False),
        ("TextEndsWith", "ada@example.com", "example.com", True),
        ("TextContains", "ada@example.com", "@", True),
        ("TextContains", "", "@", False),
        ("NumberGreaterThan", "2", "1", True),
        ("NumberGreaterThan", "1", "1", False),
        ("NumberGreaterThan", "many", "1", False),
        ("NumberGreaterOrEqualTo", "10", "9", True),
        ("NumberLessThan", "9", "10", True),
        ("NumberLessThan", "", "10", False),
        ("NumberLessOrEqualTo", "10.0", "10", True),
    ],
)
def test_operators_compare_as_in_amazon_connect(operator: str, value: str, operand: str, holds: bool) -> None:
    contact = run(
        FakeContact({"$.Attributes.x": value}),
        block(
            *("compare", "Compare", "hang-up"),
            errors={"NoMatchingCondition": "hang-up"},
            conditions={operand: "matched"},
            operator=operator,
            ComparisonValue="$.Attributes.x",
        ),
        block("matched", "DisconnectParticipant"),
        HANG_UP,
    )
    assert contact.blocks[-1] == ("matched" if holds else "hang-up")
    assert contact.way[0].result == (operand if holds else "NoMatchingCondition")


def test_a_flow_that_loops_for_ever_is_ended() -> None:
    again = block("again", "UpdateFlowLoggingBehavior", "again", FlowLoggingBehavior="Enabled")
    contact = run(FakeContact(), again)
    assert len(contact.way) == contact_flow.MAX_STEPS
    assert contact.disconnected


def test_a_flow_stops_where_the_caller_hangs_up() -> None:
    contact = FakeContact()
    contact.hung_up = True
    run(contact, block("hi", "MessageParticipant", "hang-up", errors=ELSE_HANG_UP, Text="Hi"), HANG_UP)
    assert contact.blocks == []


def message(**changed: Any) -> dict[str, Any]:
    return block("a", "MessageParticipant", "a", errors=ELSE_SELF, **changed)


def invocation(**changed: Any) -> dict[str, Any]:
    given = {"LambdaFunctionARN": FUNCTION, "InvocationTimeLimitSeconds": "7", **changed}
    return block("a", "InvokeLambdaFunction", "a", errors=ELSE_SELF, **given)


def comparison(value: str, operator: str) -> dict[str, Any]:
    errors = {"NoMatchingCondition": "a"}
    return block(
        "a", "Compare", errors=errors, conditions={"x": "a"}, operator=operator, ComparisonValue=value
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "0 characters"),
        ("{", "not JSON"),
        ("[]", "list of Actions"),
        (content(HANG_UP, Version="2021-01-01"), "Version is '2021-01-01'"),
        (content(HANG_UP, StartAction="gone"), "StartAction 'gone' names no block"),
        (content(HANG_UP, Extra=1), "member 'Extra' is not supported"),
        (content(HANG_UP, HANG_UP), "two blocks are called 'hang-up'"),
        (content(block("a:b", "DisconnectParticipant")), "more than 50 characters or one of"),
        (content(block("a", "Wait", "a")), "the type 'Wait' does not run here; these do: UpdateFlow"),
        (content(block("a", "UpdateFlowLoggingBehavior", "a")), "FlowLoggingBehavior is missing"),
        (content(message(Text="Hi"), message(Text="Hi") | {"Identifier": "b", "Transitions": {}}),
         "block 'b': Transitions.NextAction is missing"),
        (content(message(Text="Hi") | {"Transitions": {"NextAction": "a"}}),
         "error branch NoMatchingError is missing"),
        (content(message(Text="Hi") | {"Transitions": {"NextAction": "gone", "Errors": [
            {"NextAction": "a", "ErrorType": "NoMatchingError"}]}}), "leads to 'gone', which is no block"),
        (content(message(SSML="<p/>")), "SSML is not supported"),
        (content(message(Text="$.Agent.Name")), "the reference $.Agent.Name is not supported here"),
        (content(invocation(InvocationTimeLimitSeconds="9")), "'9' is not 1 to 8 seconds"),
        (content(invocation(LambdaFunctionARN="${CallerContextFunctionArn}")), "not the ARN of a Lambda"),
        (content(invocation(InvocationType="ASYNCHRONOUS")), "is not one of SYNCHRONOUS"),
        (content(invocation(LambdaInvocationAttributes={"a": 1})), "is not a map of texts"),
        (content(comparison("$.Attributes.x", "Matches")), "the operator 'Matches' does not run here"),
        (content(comparison("verified", "Equals")), "is not one JSONPath reference"),
        (content(block("a", "UpdateContactAttributes", "a", errors=ELSE_SELF, Attributes={})),
         "at least one attribute is needed"),
    ],
)  # fmt: skip
def test_a_flow_that_cannot_run_is_refused_with_what_is_wrong(text: str, problem: str) -> None:
    with pytest.raises(InvalidContactFlowError) as caught:
        flow_language.read(text)
    assert problem in "; ".join(caught.value.problems)


def test_every_problem_of_a_flow_is_said_at_once() -> None:
    with pytest.raises(InvalidContactFlowError) as caught:
        flow_language.read(
            content(block("a", "Wait", "a"), block("b", "MessageParticipant", "a"), Version="1")
        )
    assert len(caught.value.problems) == 4


ASK: dict[str, Any] = {
    "StoreInput": "True",
    "InputTimeLimitSeconds": "8",
    "InputValidation": {"CustomValidation": {"MaximumLength": "12"}},
}
MENU: dict[str, Any] = {"InputTimeLimitSeconds": "5"}
NO_MATCH = {"NoMatchingCondition": "hang-up", "NoMatchingError": "hang-up"}


def test_input_is_collected_and_stored_as_the_block_says() -> None:
    contact = run(
        FakeContact(digits="1234"),
        block(
            *("ask", "GetParticipantInput", "say"),
            errors=ELSE_HANG_UP,
            Text="Type it",
            **ASK,
            DTMFConfiguration={
                "InterdigitTimeLimitSeconds": "2",
                "InputTerminationSequence": "##",
                "DisableCancelKey": "True",
            },
        ),
        block("say", "MessageParticipant", "hang-up", errors=ELSE_HANG_UP, Text="$.StoredCustomerInput"),
        HANG_UP,
    )
    assert contact.asked_for_digits == (12, 8.0, 2.0, "##", False)
    assert contact.heard == ["Type it", "1234"]


@pytest.mark.parametrize(
    ("errors", "heard_texts"),
    [
        (ELSE_HANG_UP, ["Timeout"]),
        ({"InputTimeLimitExceeded": "late", "NoMatchingError": "hang-up"}, ["late"]),
    ],
    ids=["stored as Timeout", "a branch of its own"],
)
def test_nobody_typing_is_a_time_out(errors: dict[str, str], heard_texts: list[str]) -> None:
    contact = run(
        FakeContact(digits=None),
        block("ask", "GetParticipantInput", "say", errors=errors, **ASK),
        block("say", "MessageParticipant", "hang-up", errors=ELSE_HANG_UP, Text="$.StoredCustomerInput"),
        block("late", "MessageParticipant", "hang-up", errors=ELSE_HANG_UP, Text="late"),
        HANG_UP,
    )
    assert contact.heard == heard_texts


@pytest.mark.parametrize(
    ("digits", "passed"),
    [("1", ["menu", "one", "hang-up"]), ("2", ["menu", "hang-up"]), (None, ["menu", "late", "hang-up"])],
)
def test_a_menu_branches_by_one_key(digits: str | None, passed: list[str]) -> None:
    contact = run(
        FakeContact(digits=digits),
        block(
            *("menu", "GetParticipantInput", "hang-up"),
            errors={**NO_MATCH, "InputTimeLimitExceeded": "late"},
            conditions={"1": "one"},
            **MENU,
        ),
        block("one", "MessageParticipant", "hang-up", errors=ELSE_HANG_UP, Text="one"),
        block("late", "MessageParticipant", "hang-up", errors=ELSE_HANG_UP, Text="late"),
        HANG_UP,
    )
    assert contact.blocks == passed
    assert contact.asked_for_digits == (1, 5.0, 5.0, "", False)


def test_a_transfer_runs_the_other_flow_from_its_beginning_and_never_comes_back() -> None:
    contact = run(
        FakeContact({"$.Attributes.flow": TOPIC_FLOW}, flows=OTHER_FLOWS),
        block("go", "TransferToFlow", errors=ELSE_HANG_UP, ContactFlowId="$.Attributes.flow"),
        HANG_UP,
    )
    assert contact.blocks == ["go", "say", "hang-up"]
    assert contact.heard == ["topic"]


def test_a_transfer_to_a_flow_that_is_not_there_takes_the_error_branch() -> None:
    contact = run(
        FakeContact(flows=OTHER_FLOWS),
        block("go", "TransferToFlow", errors={"NoMatchingError": "sorry"}, ContactFlowId="gone"),
        block("sorry", "MessageParticipant", "hang-up", errors=ELSE_HANG_UP, Text="sorry"),
        HANG_UP,
    )
    assert contact.heard == ["sorry"]


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (block("a", "GetParticipantInput", "hang-up", errors=NO_MATCH), "InputTimeLimitSeconds is missing"),
        (
            block("a", "GetParticipantInput", "hang-up", errors=NO_MATCH, InputTimeLimitSeconds="0"),
            "whole number from 1",
        ),
        (
            block(
                "a", "GetParticipantInput", "hang-up", errors=ELSE_HANG_UP, **{**ASK, "StoreInput": "False"}
            ),
            "InputValidation is required if StoreInput is True",
        ),
        (
            block("a", "GetParticipantInput", "hang-up", errors=ELSE_HANG_UP, **MENU, StoreInput="True"),
            "InputValidation is required if StoreInput is True",
        ),
        (
            block("a", "GetParticipantInput", "hang-up", errors=NO_MATCH, **ASK),
            "with StoreInput there are no conditions",
        ),
        (
            block("a", "GetParticipantInput", "hang-up", errors=ELSE_HANG_UP, conditions={"1": "a"}, **ASK),
            "with StoreInput there are no conditions",
        ),
        (
            block("a", "GetParticipantInput", "hang-up", errors=ELSE_HANG_UP, **MENU),
            "NoMatchingCondition is missing",
        ),
        (
            block("a", "GetParticipantInput", "hang-up", errors=NO_MATCH, conditions={"12": "a"}, **MENU),
            "is not Equals and one key",
        ),
        (
            block(
                *("a", "GetParticipantInput", "hang-up"),
                errors=ELSE_HANG_UP,
                **ASK,
                DTMFConfiguration={"InterdigitTimeLimitSeconds": "21"},
            ),
            "whole number from 1 to 20",
        ),
        (
            block(
                "a", "GetParticipantInput", "hang-up", errors=ELSE_HANG_UP, **ASK, DTMFConfiguration={"x": 1}
            ),
            "x is not supported here",
        ),
        (
            block("a", "TransferToFlow", errors=ELSE_HANG_UP, ContactFlowId="prefix-$.External.arn"),
            "not one JSONPath reference",
        ),
        (block("a", "TransferToFlow", ContactFlowId="arn"), "NoMatchingError is missing"),
        (block("a", "TransferToFlow", errors=ELSE_HANG_UP), "ContactFlowId is missing"),
    ],
    ids=str,
)
def test_a_block_of_input_or_transfer_that_breaks_its_rules_is_refused(
    bad: dict[str, Any], says: str
) -> None:
    with pytest.raises(InvalidContactFlowError, match=says):
        flow_language.read(content(bad, HANG_UP))
