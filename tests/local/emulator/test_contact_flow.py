from typing import Any

import pytest

from local.emulator.connect import contact_flow, flow_language
from local.emulator.connect.contact_flow import BlockError
from local.emulator.connect.flow_language import InvalidContactFlowError
from tests.local.emulator.flows import (
    FUNCTION,
    HANG_UP,
    OTHER_FLOWS,
    TOPIC_FLOW,
    VERIFIED_QUEUE,
    FakeContact,
    block,
    content,
)

GONE = "11111111-1111-4111-8111-111111111111"
ELSE_HANG_UP = {"NoMatchingError": "hang-up"}
ELSE_SORRY = {"NoMatchingError": "sorry"}
ELSE_SELF = {"NoMatchingError": "a"}


def run(contact: FakeContact, *blocks: dict[str, Any]) -> FakeContact:
    contact_flow.run(flow_language.read(content(*blocks)), contact)
    return contact


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
            LambdaInvocationAttributes={"where": "on $.Attributes.page.", "who": "$.Name"},
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
        block("choose", "UpdateContactTargetQueue", "wait", errors=ELSE_HANG_UP, QueueId=VERIFIED_QUEUE),
        block("wait", "TransferContactToQueue", errors=ELSE_HANG_UP),
        HANG_UP,
    )
    assert contact.invoked == [(FUNCTION, {"where": "on cart.", "who": "Ada"}, 3.0)]
    assert contact.attributes == {"tier": "gold", "fixed": "text", "absent": ""}
    assert contact.heard == ["Hello Ada, one moment"]
    assert contact.target_queue == VERIFIED_QUEUE
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
    "target queue": block(
        "it", "UpdateContactTargetQueue", "hang-up", errors=ELSE_SORRY, QueueId=VERIFIED_QUEUE
    ),
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
        block("wait", "TransferContactToQueue", errors={**ELSE_HANG_UP, "QueueAtCapacity": "full"}),
        block("full", "MessageParticipant", "hang-up", errors=ELSE_HANG_UP, Text="All lines are busy"),
        HANG_UP,
    )
    assert contact.heard == ["All lines are busy"]
    assert contact.way[0].result == "QueueAtCapacity"


def test_an_error_without_a_branch_of_its_own_takes_that_of_all_others() -> None:
    contact = run(
        FakeContact(failing={"function": BlockError("late", error_type="TimeLimitExceeded")}),
        FAILING["function"],
        block("sorry", "MessageParticipant", "hang-up", errors=ELSE_HANG_UP, Text="Sorry"),
        HANG_UP,
    )
    assert contact.heard == ["Sorry"]


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


def message(*, errors: dict[str, str] = ELSE_SELF, **changed: Any) -> dict[str, Any]:
    return block("a", "MessageParticipant", "a", errors=errors, **changed)


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
        ('{"Version": "2019-10-30", "StartAction": "a", "Actions": []}', "0 blocks, 1 to 250 allowed"),
        (content(HANG_UP, Version="2021-01-01"), "Version is '2021-01-01'"),
        (content(HANG_UP, StartAction="gone"), "StartAction 'gone' names no block"),
        (content(HANG_UP, HANG_UP), "two blocks are called 'hang-up'"),
        (content(block("a:b", "DisconnectParticipant")), "has more than 50 characters, is reserved, or"),
        (content(block("constructor", "DisconnectParticipant")), "is reserved"),
        (content(block("a", "SetWorkingQueue", "a")), "Invalid Action type. Type: SetWorkingQueue"),
        (content(block("a", "UpdateFlowLoggingBehavior", "a")),
         "missing required property. Path: Actions[0].Parameters.FlowLoggingBehavior"),
        (content(HANG_UP, message(Text="Hi") | {"Transitions": {}}),
         "block 'a': Transitions.NextAction is missing"),
        (content(HANG_UP, message(Text="Hi") | {"Transitions": {"NextAction": ""}}),
         "NextAction is missing"),
        (content(invocation() | {"Transitions": {"NextAction": "a"}}),
         "missing required error. Error: NoMatchingError"),
        (content(message(Text="Hi") | {"Transitions": {"NextAction": "gone", "Errors": [
            {"NextAction": "a", "ErrorType": "NoMatchingError"}]}}), "leads to 'gone', which is no block"),
        (content(block("a", "DisconnectParticipant", "a")), "Action does not support transitions"),
        (content(message(SSML="<p/>", Text="Hi")), "exactly one of Media, PromptId, SSML, Text"),
        (content(message(Text="Hi", errors={**ELSE_SELF, "AgentError": "a"})), "'AgentError' is not one of"),
        (content(invocation(InvocationTimeLimitSeconds="9")), "Invalid Action property value"),
        (content(invocation(LambdaFunctionARN="${CallerContextFunctionArn}")),
         "Parameters.LambdaFunctionARN"),
        (content(invocation(InvocationType="LATER")), "Parameters.InvocationType: 'LATER'"),
        (content(invocation(LambdaInvocationAttributes={"a": 1})),
         "LambdaInvocationAttributes: {'a': 1}"),
        (content(invocation(RequestAttributes={})), "Invalid Action property name"),
        (content(comparison("$.Attributes.x", "Matches")),
         "the operator 'Matches' is not one of this block's"),
        (content(comparison("verified", "Equals")), "Parameters.ComparisonValue: 'verified'"),
        (content(block("a", "UpdateContactAttributes", "a", errors=ELSE_SELF, Attributes={})),
         "Parameters.Attributes: {}"),
        (content(block("a", "EndFlowExecution")), "EndFlowExecution is no block of this type of flow"),
    ],
)  # fmt: skip
def test_a_flow_that_connect_refuses_is_refused_with_what_is_wrong(text: str, problem: str) -> None:
    with pytest.raises(InvalidContactFlowError) as caught:
        flow_language.read(text)
    assert problem in "; ".join(caught.value.problems)


def test_every_problem_of_a_flow_is_said_at_once() -> None:
    with pytest.raises(InvalidContactFlowError) as caught:
        flow_language.read(
            content(block("a", "Pause", "a"), block("b", "MessageParticipant", "a"), Version="1")
        )
    assert len(caught.value.problems) == 3


ASK: dict[str, Any] = {
    "StoreInput": "True",
    "InputTimeLimitSeconds": "8",
    "InputValidation": {"CustomValidation": {"MaximumLength": "12"}},
}
MENU: dict[str, Any] = {"InputTimeLimitSeconds": "5"}
NO_MATCH = {
    "InputTimeLimitExceeded": "hang-up",
    "NoMatchingCondition": "hang-up",
    "NoMatchingError": "hang-up",
}


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


def test_nobody_typing_is_stored_as_a_time_out() -> None:
    contact = run(
        FakeContact(digits=None),
        block("ask", "GetParticipantInput", "say", errors=ELSE_HANG_UP, **ASK),
        block("say", "MessageParticipant", "hang-up", errors=ELSE_HANG_UP, Text="$.StoredCustomerInput"),
        HANG_UP,
    )
    assert contact.heard == ["Timeout"]


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
        block("go", "TransferToFlow", errors={"NoMatchingError": "sorry"}, ContactFlowId=GONE),
        block("sorry", "MessageParticipant", "hang-up", errors=ELSE_HANG_UP, Text="sorry"),
        HANG_UP,
    )
    assert contact.heard == ["sorry"]


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (block("a", "GetParticipantInput", "hang-up", errors=NO_MATCH), "property. .*InputTimeLimitSeconds"),
        (
            block("a", "GetParticipantInput", "hang-up", errors=NO_MATCH, InputTimeLimitSeconds="0"),
            "property value. .*InputTimeLimitSeconds: '0'",
        ),
        (
            block("a", "GetParticipantInput", "hang-up", errors=NO_MATCH, **{**ASK, "StoreInput": "False"}),
            "property name. .*InputValidation",
        ),
        (
            block("a", "GetParticipantInput", "hang-up", errors=ELSE_HANG_UP, **MENU, StoreInput="True"),
            "missing required property. .*InputValidation",
        ),
        (
            block("a", "GetParticipantInput", "hang-up", errors=NO_MATCH, **ASK),
            "the error type 'InputTimeLimitExceeded' is not one of this block's: InvalidPhoneNumber, NoMatch",
        ),
        (
            block("a", "GetParticipantInput", "hang-up", errors=ELSE_HANG_UP, conditions={"1": "a"}, **ASK),
            "does not support conditions",
        ),
        (
            block("a", "GetParticipantInput", "hang-up", errors=ELSE_HANG_UP, **MENU),
            "missing required error. Error: InputTimeLimitExceeded",
        ),
        (
            block("a", "GetParticipantInput", "hang-up", errors=NO_MATCH, conditions={"12": "a"}, **MENU),
            "the operand '12' is not exactly one that this block takes",
        ),
        (
            block(
                *("a", "GetParticipantInput", "hang-up"),
                errors=ELSE_HANG_UP,
                **ASK,
                DTMFConfiguration={"InterdigitTimeLimitSeconds": "21"},
            ),
            "property value. .*DTMFConfiguration",
        ),
        (
            block(
                "a",
                "GetParticipantInput",
                "hang-up",
                errors={**ELSE_HANG_UP, "InvalidPhoneNumber": "a"},
                **ASK,
            ),
            "InvalidPhoneNumber goes with a PhoneNumberValidation",
        ),
        (
            block("a", "TransferToFlow", errors=ELSE_HANG_UP, ContactFlowId="prefix-$.External.arn"),
            "property value. .*ContactFlowId",
        ),
        (
            block("a", "TransferToFlow", "hang-up", ContactFlowId=GONE),
            "required error. Error: NoMatchingError",
        ),
        (block("a", "TransferToFlow", errors=ELSE_HANG_UP), "required property. .*ContactFlowId"),
    ],
    ids=str,
)
def test_a_block_of_input_or_transfer_that_breaks_its_rules_is_refused(
    bad: dict[str, Any], says: str
) -> None:
    with pytest.raises(InvalidContactFlowError, match=says):
        flow_language.read(content(bad, HANG_UP))


def test_a_block_that_changes_nothing_here_is_noted_with_what_it_was_given() -> None:
    contact = run(
        FakeContact({"$.Attributes.team": "billing"}),
        block("tag", "TagContact", "first", errors=ELSE_HANG_UP, Tags={"team": "$.Attributes.team"}),
        block("first", "UpdateContactRoutingBehavior", "hang-up", QueuePriority="1"),
        HANG_UP,
    )
    assert [(step.result, step.detail) for step in contact.way[:2]] == [
        ("Success", '{"Tags": {"team": "billing"}}'),
        ("Success", '{"QueuePriority": "1"}'),
    ]


@pytest.mark.parametrize(
    ("block_type", "error", "parameters"),
    [
        ("GetCustomerProfile", "NoneFoundError", {"ProfileRequestData": {"IdentifierName": "_phone"}}),
        ("GetCase", "NoneFound", {}),
        ("InvokeFlowModule", "NoMatchingError", {"FlowModuleId": GONE}),
        ("TransferParticipantToThirdParty", "NoMatchingError", {"ThirdPartyPhoneNumber": "+441"}),
    ],
)
def test_a_block_that_needs_what_is_not_here_takes_its_error_branch(
    block_type: str, error: str, parameters: dict[str, Any]
) -> None:
    contact = run(
        FakeContact(),
        block("a", block_type, "hang-up", errors={error: "sorry", "NoMatchingError": "sorry"}, **parameters),
        block("sorry", "MessageParticipant", "hang-up", errors=ELSE_HANG_UP, Text="sorry"),
        HANG_UP,
    )
    assert contact.way[0].result == error
    assert contact.heard == ["sorry"]


def test_a_loop_goes_round_as_often_as_it_says_and_then_anew() -> None:
    loop = block(
        *("loop", "Loop", "hang-up"),
        conditions={"ContinueLooping": "say", "DoneLooping": "hang-up"},
        LoopCount="$.Attributes.times",
    )
    say = block("say", "MessageParticipant", "loop", errors=ELSE_HANG_UP, Text="again")
    assert run(FakeContact({"$.Attributes.times": "2"}), loop, say, HANG_UP).heard == ["again", "again"]
    assert run(FakeContact(), loop, say, HANG_UP).heard == []


@pytest.mark.parametrize(("drawn", "way"), [(3, "few"), (4, "most"), (100, "most")])
def test_a_part_of_the_contacts_goes_another_way(drawn: int, way: str) -> None:
    contact = run(
        FakeContact(drawn=drawn),
        block(
            *("split", "DistributeByPercentage", "most"),
            errors={"NoMatchingCondition": "most"},
            conditions={"4": "few"},
            operator="NumberLessThan",
        ),
        block("few", "DisconnectParticipant"),
        block("most", "DisconnectParticipant"),
    )
    assert contact.blocks == ["split", way]


def test_a_flows_own_attributes_end_with_it() -> None:
    tell = block("tell", "MessageParticipant", "go", errors=ELSE_HANG_UP, Text="$.FlowAttributes.a!")
    other = flow_language.read(content(tell | {"Transitions": {"NextAction": "hang-up"}}, HANG_UP))
    contact = run(
        FakeContact({"$.Name": "Ada"}, flows={TOPIC_FLOW: other}),
        block(
            *("set", "UpdateFlowAttributes", "tell"),
            errors=ELSE_HANG_UP,
            FlowAttributes={"a": {"Value": "for $.Name"}},
        ),
        tell,
        block("go", "TransferToFlow", errors=ELSE_HANG_UP, ContactFlowId=TOPIC_FLOW),
        HANG_UP,
    )
    assert contact.heard == ["for Ada!", "!"]


@pytest.mark.parametrize(
    ("parameters", "heard_text"),
    [
        ({"SSML": "<speak>$.Name<break/></speak>"}, "Ada"),
        ({"PromptId": "$.Attributes.prompt"}, "[prompt p]"),
        (
            {"Media": {"Uri": "s3://a/$.Name/hello", "SourceType": "S3", "MediaType": "Audio"}},
            "[audio s3://a/Ada/hello]",
        ),
    ],
    ids=str,
)
def test_what_is_played_is_noted(parameters: dict[str, Any], heard_text: str) -> None:
    contact = run(FakeContact({"$.Name": "Ada", "$.Attributes.prompt": "p"}), message(**parameters), HANG_UP)
    assert contact.heard[0] == heard_text


@pytest.mark.parametrize(("number", "result"), [("+442079460000", "Success"), ("", "InvalidCallbackNumber")])
def test_who_has_no_number_cannot_be_called_back(number: str, result: str) -> None:
    contact = run(
        FakeContact({"$.Attributes.number": number}),
        block(
            *("number", "UpdateContactCallbackNumber", "hang-up"),
            errors={"InvalidCallbackNumber": "hang-up", "CallbackNumberNotDialable": "hang-up"},
            CallbackNumber="$.Attributes.number",
        ),
        HANG_UP,
    )
    assert contact.way[0].result == result


@pytest.mark.parametrize(
    ("changed", "nested"),
    [({}, False), ({"ResponseValidation": {"ResponseType": "JSON"}}, True)],
    ids=["texts", "JSON"],
)
def test_a_function_may_answer_nested_json_where_the_block_says_so(
    changed: dict[str, Any], nested: bool
) -> None:
    ask = block("a", "InvokeLambdaFunction", "hang-up", errors=ELSE_HANG_UP, LambdaFunctionARN=FUNCTION,
                InvocationTimeLimitSeconds=7, **changed)  # fmt: skip
    assert run(FakeContact(), ask, HANG_UP).nested is nested


def test_what_is_asked_of_others_than_this_contact_fails() -> None:
    sorry = block("sorry", "MessageParticipant", "hang-up", errors=ELSE_HANG_UP, Text="sorry")
    for it in (
        block(
            *("it", "InvokeLambdaFunction", "hang-up"),
            errors=ELSE_SORRY,
            LambdaFunctionARN=FUNCTION,
            InvocationTimeLimitSeconds="8",
            InvocationType="ASYNCHRONOUS",
        ),
        block(
            *("it", "UpdateContactAttributes", "hang-up"),
            errors=ELSE_SORRY,
            TargetContact="Related",
            Attributes={"a": "b"},
        ),
        block("it", "UpdateContactTargetQueue", "hang-up", errors=ELSE_SORRY, AgentId=GONE),
    ):
        assert run(FakeContact(), it, sorry, HANG_UP).heard == ["sorry"]


def test_early_digits_are_kept_where_a_block_says_so() -> None:
    keep = block("keep", "GetParticipantInput", "hang-up", errors=ELSE_HANG_UP, EnableDTMFBuffer="true")
    assert run(FakeContact(), keep, HANG_UP).keeps_digits
    assert not run(FakeContact(failing={"buffer": BlockError("none")}), keep, HANG_UP).keeps_digits


def test_a_queue_flow_never_disconnects_by_its_end() -> None:
    flow = flow_language.read(content(block("end", "EndFlowExecution")), "CUSTOMER_QUEUE")
    contact = FakeContact()
    contact_flow.run(flow, contact)
    assert contact.blocks == ["end"]
    assert not contact.disconnected
