import json
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from botocore import exceptions
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from sip_bridge.resources import handler as bridge_resources_handler
from sip_bridge.resources.account import Service, client
from sip_bridge.resources.errors import ResourceError
from sip_bridge.resources.resource import Patience
from tests.examples import examples
from tests.lambdas.events import LambdaContext
from tests.lambdas.sip_bridge.fake_cloudformation import FakeStack, Template
from tests.lambdas.sip_bridge.fake_voice_account import (
    PASSWORD,
    FakeAccount,
    Fault,
    KilledError,
    failing,
    killed,
    lost,
    refusal,
)

ADOPTED = ["+12065550101", "+12065550102"]
CONNECTORS = ["abcdefghijklmnopqrstu", "0f000000-0000-4000-8000-0000000000f1"]
SECRETS = [f"arn:aws:secretsmanager:us-east-1:111122223333:secret:sip-host-{each}" for each in "ab"]

OPERATIONS = {
    "AssociatePhoneNumberContactFlow",
    "CreatePhoneNumberOrder",
    "CreateSipRule",
    "DeletePhoneNumber",
    "DeleteSipRule",
    "DeleteVoiceConnectorOrigination",
    "DeleteVoiceConnectorTermination",
    "DeleteVoiceConnectorTerminationCredentials",
    "DisassociatePhoneNumberContactFlow",
    "GetPhoneNumber",
    "GetPhoneNumberOrder",
    "GetSecretValue",
    "ListPhoneNumbers",
    "ListSipRules",
    "ListVoiceConnectorTerminationCredentials",
    "PutVoiceConnectorLoggingConfiguration",
    "PutVoiceConnectorOrigination",
    "PutVoiceConnectorTermination",
    "PutVoiceConnectorTerminationCredentials",
    "SearchAvailablePhoneNumbers",
    "UpdateSipRule",
}

ORDERED = {
    "ResourceType": "Custom::CallerNumber",
    "Country": "US",
    "Type": "Local",
    "Name": "in-app-calling caller-1",
}
RULE = {
    "ResourceType": "Custom::SipRule",
    "Name": "ours 1",
    "Number": "{Number}",
    "SipMediaApplicationId": "sma-1",
    "Region": "us-east-1",
}
ROUTE = {"Host": "sbc.example.com", "Port": 5060, "Protocol": "TCP", "Priority": 1, "Weight": 1}
SETTINGS = {
    "ResourceType": "Custom::VoiceConnectorSettings",
    "VoiceConnectorId": CONNECTORS[0],
    "Cidrs": ["203.0.113.0/28"],
    "CallingRegions": ["US"],
    "CallsPerSecond": 1,
    "Routes": [ROUTE],
    "CredentialsSecretArn": SECRETS[0],
    "CredentialsVersion": "1",
    "SipMessageLogs": True,
}
FLOW = {
    "ResourceType": "Custom::ContactFlowNumber",
    "PhoneNumberId": "connect-1",
    "InstanceId": "instance",
    "ContactFlowId": "flow-1",
}


def new_account() -> FakeAccount:
    account = FakeAccount()
    for number in ADOPTED:
        account.add_number(number, "somebody's")
    account.add_number("+12065550109", "in-app-calling caller-1", ProductType="VoiceConnector")
    account.add_number("+12065550108", "in-app-calling caller-1", Status="AcquireFailed")
    account.add_number("+12065550107", "other")
    account.call(
        "CreateSipRule",
        {
            "Name": "others",
            "TriggerType": "ToPhoneNumber",
            "TriggerValue": "+12065550107",
            "Disabled": False,
            "TargetApplications": [],
        },
    )
    account.connectors = {connector_id: {} for connector_id in CONNECTORS} | {"others": {"logging": True}}
    account.secrets = {
        SECRETS[0]: json.dumps({"username": "login-a", "password": f"{PASSWORD}-a"}),
        SECRETS[1]: json.dumps({"username": "login-b", "password": f"{PASSWORD}-b"}),
    }
    account.calls.clear()
    return account


def invoke(account: FakeAccount, reported: dict[str, Any]) -> dict[str, Any]:
    patience = Patience(account.clock, account.sleep)
    services = {
        name: Service(account.client(service), patience)
        for name, service in [
            ("voice", "chime-sdk-voice"),
            ("connect", "connect"),
            ("secrets", "secretsmanager"),
        ]
    }
    with pytest.MonkeyPatch.context() as patch:
        resources = bridge_resources_handler.resources_of(**services, patience=patience)
        patch.setattr(bridge_resources_handler, "_resources", resources)
        began = account.now
        try:
            answer: dict[str, Any] = bridge_resources_handler.handler(reported, LambdaContext())
        finally:
            assert account.now - began < 14 * 60, "the function's time would be up"
    return answer


def holds(account: FakeAccount, template: Template) -> None:
    """Fails unless the account holds exactly what a template says, beside what others have in it."""
    account.now += 1000
    account._advance()
    numbers = {
        number: reported
        for number, reported in account.numbers.items()
        if "DeletionTimestamp" not in reported and reported["Status"] != "AcquireFailed"
    }
    rules = {rule["TriggerValue"]: rule for rule in account.rules.values()}
    assert len(rules) == len(account.rules)

    for number in ADOPTED:
        assert numbers.pop(number) == {
            **new_account().numbers[number],
            "Status": "Assigned" if number in rules else "Unassigned",
        }
    for number in ("+12065550107", "+12065550109"):
        assert numbers.pop(number)["Name"]
    wanted = template.get("Number", {})
    if "Country" in wanted:
        (reported,) = numbers.values()
        number = reported["E164PhoneNumber"]
        assert (reported["Country"], reported["Type"], reported["Name"]) == (
            wanted["Country"],
            wanted["Type"],
            wanted["Name"],
        )
        assert reported["Status"] == ("Assigned" if "Rule" in template else "Unassigned")
    else:
        number = wanted.get("Number", "")
        assert not numbers

    assert rules.pop("+12065550107")["Name"] == "others"
    if "Rule" in template:
        rule = rules.pop(number)
        assert (rule["Name"], rule["Disabled"], rule["TriggerType"]) == (
            template["Rule"]["Name"],
            False,
            "ToPhoneNumber",
        )
        assert rule["TargetApplications"] == [
            {
                "SipMediaApplicationId": template["Rule"]["SipMediaApplicationId"],
                "Priority": 1,
                "AwsRegion": "us-east-1",
            }
        ]
    assert not rules

    connectors = {
        connector_id: {name: value for name, value in reported.items() if value}
        for connector_id, reported in account.connectors.items()
    }
    assert connectors.pop("others") == {"logging": True}
    if "Settings" in template:
        declared = template["Settings"]
        reported = connectors.pop(declared["VoiceConnectorId"])
        secret = json.loads(account.secrets[declared["CredentialsSecretArn"]])
        assert reported == {
            "termination": {
                "CidrAllowedList": declared["Cidrs"],
                "CallingRegions": ["US"],
                "CpsLimit": declared["CallsPerSecond"],
                "Disabled": False,
            },
            "origination": {"Routes": declared["Routes"], "Disabled": False},
            "credentials": {secret["username"]: secret["password"]},
        } | ({"logging": True} if declared["SipMessageLogs"] else {})
    assert not any(connectors.values())

    flow = template.get("Flow")
    assert account.flows == (
        {flow["PhoneNumberId"]: (flow["InstanceId"], flow["ContactFlowId"])} if flow else {}
    )


numbers = st.sampled_from(
    [{"ResourceType": "Custom::CallerNumber", "Number": number} for number in ADOPTED]
    + [
        ORDERED,
        ORDERED | {"Name": "in-app-calling caller-2"},
        ORDERED | {"Type": "TollFree"},
        ORDERED | {"Country": "GB"},
        ORDERED | {"Country": "DE", "Name": "in-app-calling caller-2"},
    ]
)
rules = st.builds(
    lambda name, application: RULE | {"Name": name, "SipMediaApplicationId": application},
    st.sampled_from(["ours 1", "ours 2"]),
    st.sampled_from(["sma-1", "sma-2"]),
)
connector_settings = st.builds(
    lambda connector_id, secret, logs, cidrs, routes: (
        SETTINGS
        | {
            "VoiceConnectorId": connector_id,
            "CredentialsSecretArn": secret,
            "SipMessageLogs": logs,
            "Cidrs": cidrs,
            "Routes": [ROUTE | {"Weight": weight} for weight in range(1, routes + 1)],
        }
    ),
    st.sampled_from(CONNECTORS),
    st.sampled_from(SECRETS),
    st.booleans(),
    st.sampled_from([["203.0.113.0/28"], ["203.0.113.0/28", "198.51.100.4/32"]]),
    st.integers(1, 2),
)
flows = st.builds(
    lambda number, flow: FLOW | {"PhoneNumberId": number, "ContactFlowId": flow},
    st.sampled_from(["connect-1", "connect-2"]),
    st.sampled_from(["flow-1", "flow-2"]),
)


@st.composite
def templates(draw: st.DrawFn) -> Template:
    optional: dict[str, Any] = {
        "Rule": draw(rules),
        "Settings": draw(connector_settings),
        "Flow": draw(flows),
    }
    left_out = draw(st.sampled_from([*optional, "", "", ""]))
    return {"Number": draw(numbers)} | {name: each for name, each in optional.items() if name != left_out}


faults = st.builds(
    Fault,
    skip=st.integers(0, 25),
    error=st.sampled_from([lost, failing]),
    takes_effect=st.booleans(),
    forever=st.booleans(),
)


def new_stack(account: FakeAccount, repeats: Iterator[bool]) -> FakeStack:
    return FakeStack(lambda reported: invoke(account, reported), lambda: next(repeats, False))


def has_left_something(stack: FakeStack) -> bool:
    """Whether AWS would not, for ever, let a failed creation be cleared away, so the operator had an error.

    Deploying the same again finds what was left, or says what must go first.
    """
    reported = "".join(stack.reasons)
    stack.reasons.clear()
    return "could not be removed" in reported


def deploy_again(stack: FakeStack, template: Template, account: FakeAccount) -> None:
    if not stack.deploy(template):
        assert "is assigned to SipRuleId" in stack.reasons.pop()
        for rule_id, rule in list(account.rules.items()):
            if rule["Name"].startswith("ours"):
                account.call("UpdateSipRule", {"SipRuleId": rule_id, "Disabled": True})
                account.now += 60
                account.call("DeleteSipRule", {"SipRuleId": rule_id})
        account.now += 60
        assert stack.deploy(template)
    # What an earlier attempt has left to clean up, CloudFormation does not come back to.
    stack.garbage.clear()


def stop_failing(account: FakeAccount) -> None:
    account.faults.clear()
    account.now += 60  # until somebody tries again


def start_failing(account: FakeAccount, fault: Fault | None) -> None:
    account.faults[:] = [replace(fault, hits=0)] if fault else []


@settings(max_examples=examples(300), suppress_health_check=[HealthCheck.too_slow])
@given(
    templates(),
    templates(),
    st.none() | faults,
    faults,
    st.none() | faults,
    st.lists(st.booleans(), max_size=12),
    st.sampled_from([0.0, 3.0, 40.0]),
)
def test_the_account_holds_what_the_template_says_or_nothing_of_it(
    first: Template,
    second: Template,
    at_creation: Fault | None,
    at_update: Fault,
    at_deletion: Fault | None,
    repeats: list[bool],
    rule_takes: float,
) -> None:
    account = new_account()
    account.rule_takes = rule_takes
    stack = new_stack(account, iter(repeats))

    start_failing(account, at_creation)
    if not stack.deploy(first):
        stop_failing(account)
        stack.collect()
        if has_left_something(stack):
            assert at_creation
            assert at_creation.forever
            event("creation failed, and left something")
        else:
            event("creation failed")
            holds(account, {})
        deploy_again(stack, first, account)
    stop_failing(account)
    holds(account, first)

    start_failing(account, at_update)
    if stack.deploy(second):
        event("update done")
        stop_failing(account)
        stack.collect()
        holds(account, second)
    else:
        event("update rolled back" if stack.former is None else "rollback failed")
        stop_failing(account)
        assert stack.former is None or stack.go_on_rolling_back()
        if has_left_something(stack):
            assert at_update.forever
            event("update rolled back, and left something")
            deploy_again(stack, second, account)
            stack.garbage.clear()
            holds(account, second)
        else:
            stack.collect()
            holds(account, first)

    start_failing(account, at_deletion)
    if not stack.delete():
        event("deletion failed")
        stop_failing(account)
        assert stack.delete()
    stop_failing(account)
    holds(account, {})
    assert set(account.calls) <= OPERATIONS


@settings(max_examples=examples(120), suppress_health_check=[HealthCheck.too_slow])
@given(
    templates(),
    templates(),
    st.lists(st.integers(0, 25), min_size=3, max_size=3),
    st.booleans(),
    st.sampled_from([0.0, 60.0]),
)
def test_an_event_that_comes_again_after_the_function_was_stopped_is_completed(
    first: Template, second: Template, stops: list[int], takes_effect: bool, pause: float
) -> None:
    account = new_account()

    def invoke_again(reported: dict[str, Any]) -> dict[str, Any]:
        try:
            return invoke(account, reported)
        except KilledError:
            account.now += pause
            return invoke(account, reported)

    stack = FakeStack(invoke_again)
    for stop, template in zip(stops, (first, second), strict=False):
        account.faults[:] = [Fault(stop, killed, takes_effect=takes_effect)]
        assert stack.deploy(template)
        holds(account, template)
    account.faults[:] = [Fault(stops[2], killed, takes_effect=takes_effect)]
    assert stack.delete()
    holds(account, {})


def create(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "RequestType": "Create",
        "ResourceType": properties["ResourceType"],
        "ResourceProperties": properties,
    }


def update(physical_id: str, old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    return create(new) | {
        "RequestType": "Update",
        "PhysicalResourceId": physical_id,
        "OldResourceProperties": old,
    }


def delete(physical_id: str, properties: dict[str, Any]) -> dict[str, Any]:
    return create(properties) | {"RequestType": "Delete", "PhysicalResourceId": physical_id}


def failure(account: FakeAccount, reported: dict[str, Any]) -> str:
    with pytest.raises(ResourceError) as caught:
        invoke(account, reported)
    assert "\nFix: " in str(caught.value)
    return str(caught.value)


ADOPT = {"ResourceType": "Custom::CallerNumber", "Number": ADOPTED[0]}


def test_an_ordered_number_is_its_physical_id_and_attribute() -> None:
    account = new_account()
    answer = invoke(account, create(ORDERED))
    assert answer == {"PhysicalResourceId": "+12065551005", "Data": {"Number": "+12065551005"}}
    assert account.now >= account.order_takes


@pytest.mark.parametrize("order_ends", ["Failed", "Partial", "Cancelled"])
def test_an_order_that_fails_is_reported_and_leaves_nothing(order_ends: str) -> None:
    account = new_account()
    account.order_ends = order_ends
    reported = failure(account, create(ORDERED))
    assert f"of the number +12065551005 is {order_ends}" in reported
    holds(account, {})


def test_an_order_that_never_ends_is_given_up_after_ten_minutes() -> None:
    account = new_account()
    account.order_takes = 100_000
    reported = failure(account, create(ORDERED))
    assert "is Processing" in reported
    assert "The number +12065551005 cannot be released: it is AcquireInProgress" in reported
    assert 600 < account.now < 14 * 60


def test_an_order_that_ends_late_is_released() -> None:
    account = new_account()
    account.order_takes = 660
    assert "could not be removed" not in failure(account, create(ORDERED))
    holds(account, {})


def test_a_number_that_is_not_yet_in_the_inventory_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    account = new_account()
    late = [True, True]
    find = account._GetPhoneNumber

    def find_late(PhoneNumberId: str) -> Any:  # noqa: N803
        if late and late.pop():
            raise refusal("NotFoundException", "GetPhoneNumber")
        return find(PhoneNumberId=PhoneNumberId)

    monkeypatch.setattr(account, "_GetPhoneNumber", find_late)
    assert invoke(account, create(ORDERED))["PhysicalResourceId"] == "+12065551005"
    assert not late


def test_a_country_without_numbers_is_reported() -> None:
    account = new_account()
    account.offer = 0
    assert "AWS offers no Local number of US just now" in failure(account, create(ORDERED))
    assert "CreatePhoneNumberOrder" not in account.calls


@pytest.mark.parametrize(
    ("number", "reported"),
    [
        ("+12065550199", "is not in the account's inventory"),
        ("+12065550108", "is not in the account's inventory"),
        ("+12065550109", "is of the product type VoiceConnector"),
        ("+12065550107", "is assigned to SipRuleId"),
    ],
)
def test_a_number_that_cannot_be_adopted_is_reported_and_left_alone(number: str, reported: str) -> None:
    account = new_account()
    text = failure(account, create(ADOPT | {"Number": number}))
    assert number in text
    assert reported in text
    holds(account, {})


def test_a_number_in_the_deletion_queue_is_neither_adopted_nor_found_again() -> None:
    account = new_account()
    account.add_number("+12065550190", ORDERED["Name"], DeletionTimestamp=1.0)
    assert "is not in the account's inventory" in failure(account, create(ADOPT | {"Number": "+12065550190"}))
    assert invoke(account, create(ORDERED))["PhysicalResourceId"] != "+12065550190"


def test_an_adopted_number_is_never_released() -> None:
    account = new_account()
    invoke(account, create(ADOPT))
    invoke(account, delete(ADOPTED[0], ADOPT))
    assert set(account.calls) == {"GetPhoneNumber"}
    holds(account, {})


def test_a_number_that_somebody_has_released_is_ordered_again() -> None:
    account = new_account()
    made = invoke(account, create(ORDERED))["PhysicalResourceId"]
    account.call("DeletePhoneNumber", {"PhoneNumberId": made})
    renamed = ORDERED | {"Name": "another"}
    assert invoke(account, update(made, ORDERED, renamed))["PhysicalResourceId"] != made
    invoke(account, delete(made, ORDERED))


def test_a_number_that_was_ordered_can_be_adopted_and_is_then_kept() -> None:
    account = new_account()
    made = invoke(account, create(ORDERED))["PhysicalResourceId"]
    adopted = ADOPT | {"Number": made}
    assert invoke(account, update(made, ORDERED, adopted))["PhysicalResourceId"] == made
    invoke(account, delete(made, adopted))
    assert account.numbers[made]["Status"] == "Unassigned"


def test_an_update_that_changes_nothing_keeps_the_number() -> None:
    account = new_account()
    made = invoke(account, create(ORDERED))["PhysicalResourceId"]
    assert invoke(account, update(made, ORDERED, ORDERED))["PhysicalResourceId"] == made
    assert account.calls.count("CreatePhoneNumberOrder") == 1


def test_the_rule_of_somebody_else_is_reported_and_left_alone() -> None:
    account = new_account()
    text = failure(account, create(RULE | {"Number": "+12065550107"}))
    assert "The number +12065550107 has the SIP rule others (" in text
    holds(account, {})


def test_a_rule_that_somebody_has_disabled_is_enabled_again() -> None:
    account = new_account()
    rule = RULE | {"Number": ADOPTED[0]}
    made = invoke(account, create(rule))["PhysicalResourceId"]
    account.rules[made]["Disabled"] = True
    assert invoke(account, create(rule))["PhysicalResourceId"] == made
    assert account.rules[made]["Disabled"] is False


def test_a_rule_that_stays_busy_is_reported() -> None:
    account = new_account()
    made = invoke(account, create(RULE | {"Number": ADOPTED[0]}))["PhysicalResourceId"]
    account.rule_takes = 100_000
    text = failure(account, delete(made, RULE | {"Number": ADOPTED[0]}))
    assert f"DeleteSipRule (SipRuleId {made}) failed with ConflictException" in text


@pytest.mark.parametrize("resource", [ORDERED, RULE | {"Number": ADOPTED[0]}, SETTINGS, FLOW])
@pytest.mark.parametrize(
    "physical_id", ["AWSCDK::X::CREATE_FAILED", "2026/11/23/[$LATEST]abc", "+12065550999"]
)
def test_deleting_what_was_never_made_succeeds(resource: dict[str, Any], physical_id: str) -> None:
    account = new_account()
    answer = invoke(account, delete(physical_id, resource))
    assert answer["PhysicalResourceId"] == physical_id
    holds(account, {})


def test_an_update_after_one_that_could_not_be_read_clears_nothing_away() -> None:
    account = new_account()
    made = invoke(account, create(ORDERED))["PhysicalResourceId"]
    invalid = ORDERED | {"Country": "usa"}
    assert "the property Country is 'usa'" in failure(account, update(made, ORDERED, invalid))
    assert invoke(account, update(made, invalid, ORDERED))["PhysicalResourceId"] == made
    holds(account, {"Number": ORDERED})


def test_a_contact_flow_that_connect_refuses_leaves_an_adopted_number_as_it_was() -> None:
    account = new_account()
    account.flows["connect-1"] = ("instance", "theirs")
    account.faults.append(Fault(0, lambda operation: refusal("InvalidParameterException", operation)))
    assert "AssociatePhoneNumberContactFlow" in failure(account, create(FLOW))
    assert account.flows == {"connect-1": ("instance", "theirs")}


def test_an_order_that_a_stopped_function_has_left_is_waited_for_by_the_next() -> None:
    account = new_account()
    stopped = Fault(0, lambda _: KilledError(), operation="GetPhoneNumberOrder")
    account.faults.append(stopped)
    with pytest.raises(KilledError):
        invoke(account, create(ORDERED))
    ordered = set(account.orders)
    number = invoke(account, create(ORDERED))["PhysicalResourceId"]
    assert account.numbers[number]["Status"] == "Unassigned"
    assert set(account.orders) == ordered


def test_an_association_that_may_have_been_made_when_its_creation_failed_is_ended() -> None:
    account = new_account()
    account.faults.append(
        Fault(
            0,
            lambda operation: refusal("InternalServiceException", operation),
            operation="AssociatePhoneNumberContactFlow",
            takes_effect=True,
        )
    )
    assert "AssociatePhoneNumberContactFlow" in failure(account, create(FLOW))
    assert account.flows == {}


def test_a_number_that_connect_does_not_let_go_is_reported() -> None:
    account = new_account()
    invoke(account, create(FLOW))
    account.faults.append(
        Fault(0, lambda operation: refusal("AccessDeniedException", operation), forever=True)
    )
    text = failure(account, delete("connect-1", FLOW))
    assert "must be allowed to use DisassociatePhoneNumberContactFlow" in text


def test_new_credentials_replace_the_former() -> None:
    account = new_account()
    invoke(account, create(SETTINGS))
    account.secrets[SECRETS[0]] = json.dumps({"username": "login-c", "password": f"{PASSWORD}-c"})
    invoke(account, update(CONNECTORS[0], SETTINGS, SETTINGS | {"CredentialsVersion": "2"}))
    assert account.connectors[CONNECTORS[0]]["credentials"] == {"login-c": f"{PASSWORD}-c"}


@pytest.mark.parametrize(
    "secret",
    [
        "",
        PASSWORD,
        json.dumps([PASSWORD]),
        json.dumps({"username": "host"}),
        json.dumps({"username": "", "password": PASSWORD}),
        json.dumps({"username": "host", "password": ""}),
        json.dumps({"username": PASSWORD, "password": 1}),
    ],
)
def test_a_secret_without_credentials_is_reported_but_not_shown(
    secret: str, written: Callable[[], str]
) -> None:
    account = new_account()
    account.secrets[SECRETS[0]] = secret
    text = failure(account, create(SETTINGS))
    assert SECRETS[0] in text
    assert PASSWORD not in text + written()
    holds(account, {})


def _quoting(operation: str) -> exceptions.ClientError:
    return refusal("BadRequestException", operation, f"{PASSWORD} is too short, login-a")


def _validating(operation: str) -> exceptions.ParamValidationError:
    return exceptions.ParamValidationError(report=f"{operation}: {PASSWORD}")


@pytest.mark.parametrize("error", [_quoting, _validating])
@pytest.mark.parametrize(
    "operation",
    [
        "DeleteVoiceConnectorTerminationCredentials",
        "GetSecretValue",
        "PutVoiceConnectorTerminationCredentials",
    ],
)
def test_credentials_are_in_no_error_and_no_log(
    operation: str, error: Callable[[str], BaseException], written: Callable[[], str]
) -> None:
    account = new_account()
    account.connectors[CONNECTORS[0]]["credentials"] = {"former": PASSWORD}
    account.faults.append(Fault(0, error, forever=True, operation=operation))
    with pytest.raises(ResourceError) as caught:
        invoke(account, create(SETTINGS))
    shown = "".join(traceback.format_exception(caught.value)) + written()
    assert operation in shown
    assert PASSWORD not in shown
    assert "login-a" not in shown


def test_the_words_of_aws_are_quoted_where_they_can_hold_no_credential(written: Callable[[], str]) -> None:
    account = new_account()
    account.faults.append(
        Fault(
            0,
            lambda operation: refusal("BadRequestException", operation, "203.0.113.0/8 is too wide"),
            operation="PutVoiceConnectorTermination",
        )
    )
    text = failure(account, create(SETTINGS))
    assert (
        f"PutVoiceConnectorTermination (VoiceConnectorId {CONNECTORS[0]}) failed with BadRequestException: "
        "203.0.113.0/8 is too wide"
    ) in text
    assert "203.0.113.0/8 is too wide" in written()


@pytest.mark.parametrize(
    ("code", "fix"),
    [
        ("ForbiddenException", "must be allowed to use ListSipRules"),
        ("ResourceLimitExceededException", "have the quota raised"),
        ("BadRequestException", "see what AWS says about BadRequestException"),
    ],
)
def test_a_failure_says_how_to_fix_it(code: str, fix: str) -> None:
    account = new_account()
    account.faults.append(Fault(0, lambda operation: refusal(code, operation, ""), forever=True))
    assert fix in failure(account, create(RULE | {"Number": ADOPTED[0]}))


def test_a_right_that_iam_has_yet_to_make_known_everywhere_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    account = new_account()
    denied = Fault(0, lambda operation: refusal("AccessDeniedException", operation, ""), forever=True)
    account.faults.append(denied)
    sleep = account.sleep

    def sleep_until_it_is_known(seconds: float) -> None:
        sleep(seconds)
        if account.now >= 20:
            account.faults.clear()

    monkeypatch.setattr(account, "sleep", sleep_until_it_is_known)
    assert invoke(account, create(RULE | {"Number": ADOPTED[0]}))["PhysicalResourceId"]
    assert 20 <= account.now < 60


def without(name: str, properties: dict[str, Any]) -> dict[str, Any]:
    return {each: value for each, value in properties.items() if each != name}


@pytest.mark.parametrize(
    ("properties", "reported"),
    [
        (without("Name", ORDERED), "Custom::CallerNumber: the property Name is missing."),
        (ORDERED | {"Name": "a  b/c"}, "Name is 'a  b/c'"),
        (ORDERED | {"Name": "a" * 257}, "Name is 'aaa"),
        (ORDERED | {"Type": "Mobile"}, "Type is 'Mobile'"),
        (ADOPT | {"Number": "2065550100"}, "Number is '2065550100'"),
        (RULE | {"Number": ""}, "Number is ''"),
        (SETTINGS | {"VoiceConnectorId": "x"}, "VoiceConnectorId is 'x'"),
        (SETTINGS | {"CallsPerSecond": "0"}, "CallsPerSecond is '0'.\nFix: make it a whole number from 1"),
        (SETTINGS | {"CallsPerSecond": "1.5"}, "CallsPerSecond is '1.5'"),
        (SETTINGS | {"SipMessageLogs": "yes"}, "SipMessageLogs is 'yes'.\nFix: make it true or false."),
        (SETTINGS | {"Cidrs": []}, "Cidrs is []"),
        (SETTINGS | {"Cidrs": "203.0.113.0/28"}, "Cidrs is '203.0.113.0/28'"),
        (SETTINGS | {"Cidrs": [""]}, "Cidrs is ['']"),
        (SETTINGS | {"Routes": ["x"]}, "Routes is ['x']"),
        (
            SETTINGS | {"Routes": [ROUTE | {"Port": "99999"}]},
            "Custom::VoiceConnectorSettings/Routes[0]: the property Port is '99999'",
        ),
        (FLOW | {"ContactFlowId": 5}, "ContactFlowId is 5"),
    ],
)
def test_a_property_that_cannot_be_used_is_reported_before_any_request(
    properties: dict[str, Any], reported: str
) -> None:
    account = new_account()
    assert reported in failure(account, create(properties))
    assert account.calls == []


def test_an_unknown_resource_is_reported() -> None:
    text = failure(new_account(), create({"ResourceType": "Custom::Thing"}))
    assert text.startswith("Custom::Thing is not known.\nFix: use one of Custom::CallerNumber, ")


def test_a_fault_of_ours_is_reported_without_its_text(
    monkeypatch: pytest.MonkeyPatch, written: Callable[[], str]
) -> None:
    account = new_account()

    def broken(**_: object) -> None:
        raise RuntimeError(PASSWORD)

    monkeypatch.setattr(account, "_ListSipRules", broken)
    with pytest.raises(ResourceError, match="Custom::SipRule: Create failed with RuntimeError") as caught:
        invoke(account, create(RULE | {"Number": ADOPTED[0]}))
    shown = "".join(traceback.format_exception(caught.value)) + written()
    assert PASSWORD not in shown


def test_nothing_that_cloudformation_signs_is_logged(written: Callable[[], str]) -> None:
    account = new_account()
    invoke(account, create(ORDERED) | {"ResponseURL": "https://cloudformation.example/SECRET"})
    text = written()
    assert '"physical_id":"+12065551005"' in text.replace('": "', '":"')
    assert "SECRET" not in text


def test_aws_is_waited_for_longer_than_on_a_call() -> None:
    config = client("chime-sdk-voice").meta.config
    assert (config.connect_timeout, config.read_timeout) == (5, 20)
    assert config.retries == {"mode": "standard", "total_max_attempts": 5}
    assert set(bridge_resources_handler._resources) == {
        "Custom::CallerNumber",
        "Custom::ContactFlowNumber",
        "Custom::SipRule",
        "Custom::VoiceConnectorSettings",
    }


def test_every_operation_exists_as_it_is_named() -> None:
    known = set()
    for service in ("chime-sdk-voice", "connect", "secretsmanager"):
        known |= set(client(service).meta.service_model.operation_names)
    assert known >= OPERATIONS
