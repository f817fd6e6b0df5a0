"""Calls that come in at Connect's number over the SIP bridge."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runtime.errors import Unavailable

from caller_context import handler as module
from calls.record import Call, Rate
from calls.table import CallTable
from sip_bridge.bridged_calls import BridgedCall
from tests.examples import examples
from tests.lambdas.conftest import FLOW_ARN
from tests.lambdas.events import LambdaContext
from tests.lambdas.sip_bridge.backend import BridgedBackend
from tests.lambdas.sip_bridge.events import bridge_flow_event

NOW = 1_790_000_000_000
CODE = "012345678901"
MEETING = "0f000000-0000-4000-8000-00000000000a"
CONTEXT = {"customer_id": "user-1", "auth_time": "1790000000", "customer_email": "SECRET-EMAIL", "tier": ""}
CALL = Call(
    user_id="user-1",
    started_at=NOW,
    idempotency_key="tap",
    request_hash="hash",
    reference=CODE,
    reference_until=NOW + 300_000,
    context=CONTEXT,
    slot_until=NOW + 40_000,
    transport="sip_bridge",
)
BRIDGED = BridgedCall(
    reference=CODE,
    user_id="user-1",
    meeting_id=MEETING,
    contact_flow_arn=FLOW_ARN,
    # What a caller sends never counts more than what is trusted.
    caller_attributes={
        "order_id": "SECRET-ORDER",
        "page": "",
        "customer_id": "somebody else",
        "contact_flow_arn": "x",
    },
)
VERIFIED = {
    "auth_status": "verified",
    "contact_flow_arn": FLOW_ARN,
    "order_id": "SECRET-ORDER",
    "page": "",
    "came_back": "false",
    **CONTEXT,
}
UNVERIFIED = {"auth_status": "unverified"}
GENUINE = {"customer_id": "user-1", "auth_token": CODE}


@pytest.fixture
def table(backend: BridgedBackend, monkeypatch: pytest.MonkeyPatch) -> CallTable:
    """The table behind the handler of a deployment with the bridge, with a call that was just dialled."""
    table = backend.table
    table.claim(CALL, [Rate(calls=3, seconds=60)])
    backend.bridged_calls.store(BRIDGED, NOW)
    monkeypatch.setattr(module, "_calls", table)
    monkeypatch.setattr(module, "_transport", backend.transport)
    monkeypatch.setattr(module, "now", lambda: NOW + 1000)
    return table


def invoke(code: Any = None, attributes: Any = None, **contact: Any) -> dict[str, str]:
    event = bridge_flow_event(attributes or {}, **contact)
    if code is not None:
        event["Details"]["Parameters"] = {"Code": code}
    answer: dict[str, str] = module.handler(event, LambdaContext())
    return answer


def test_a_code_leads_to_all_that_the_flow_is_to_set_and_to_the_flow_to_go_on_with(table: CallTable) -> None:
    assert invoke(CODE) == VERIFIED


def test_the_flow_may_repeat_its_request_as_connect_does_on_an_error(table: CallTable) -> None:
    assert invoke(CODE) == invoke(CODE) == VERIFIED


def test_the_flow_that_follows_verifies_as_for_any_contact(table: CallTable) -> None:
    invoke(CODE)
    assert invoke(attributes=GENUINE) == {"auth_status": "verified", "came_back": "false", **CONTEXT}


def test_a_code_is_good_for_one_contact(table: CallTable) -> None:
    invoke(CODE)
    other = {"ContactId": "contact-2", "InitialContactId": "contact-2"}
    assert invoke(CODE, **other) == UNVERIFIED
    assert invoke(attributes=GENUINE, **other) == UNVERIFIED


@pytest.mark.parametrize(
    ("code", "contact"),
    [
        ("Timeout", {}),
        ("", {}),
        ("01234567890", {}),
        ("0123456789012", {}),
        ("٠١٢٣٤٥٦٧٨٩٠١", {}),  # digits, but no keys of a dial pad
        ("999999999999", {}),
        (CODE, {"InitiationMethod": "API"}),
        (CODE, {"InitiationMethod": "WEBRTC_API"}),
        (CODE, {"SystemEndpoint": {"Address": "+442079460001"}}),
        (CODE, {"SystemEndpoint": None}),
        (CODE, {"InstanceARN": "arn:aws:connect:eu-west-2:111122223333:instance/other"}),
        (CODE, {"ContactId": None, "InitialContactId": None}),
        (None, {}),
        (None, {"Attributes": {"customer_id": "user-1"}}),
    ],
    ids=str,
)
def test_whatever_is_not_a_call_of_start_call_is_unverified(
    table: CallTable, code: str | None, contact: dict[str, Any]
) -> None:
    assert invoke(code, **contact) == UNVERIFIED
    assert invoke(CODE) == VERIFIED  # and has not used the code up


def test_without_the_bridge_no_phone_call_is_verified(
    table: CallTable, backend: BridgedBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_transport", backend.native)
    assert invoke(CODE) == UNVERIFIED
    assert invoke(CODE, SystemEndpoint={"Address": None}) == UNVERIFIED
    assert invoke(attributes=GENUINE) == UNVERIFIED


def test_an_old_code_is_unverified(table: CallTable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "now", lambda: CALL.reference_until)
    assert invoke(CODE) == UNVERIFIED


def test_a_code_whose_call_was_followed_by_another_is_unverified(table: CallTable) -> None:
    invoke(CODE)
    table.end(CALL, NOW + 500)
    following = replace(CALL, reference="999999999999", started_at=NOW + 600)
    table.claim(following, [Rate(calls=3, seconds=60)], cleared=CALL.reference)
    assert invoke(CODE) == UNVERIFIED


def test_a_contact_goes_unverified_while_the_bridges_table_fails(
    table: CallTable, backend: BridgedBackend, monkeypatch: pytest.MonkeyPatch, written: Callable[[], str]
) -> None:
    def fail(_: str) -> None:
        raise Unavailable("away")

    monkeypatch.setattr(backend.bridged_calls, "find", fail)
    assert invoke(CODE) == UNVERIFIED
    assert "Caller not verified" in written()


def test_the_code_of_an_ended_call_is_abandoned_to_its_own_contact_alone(table: CallTable) -> None:
    invoke(CODE)
    table.end(CALL, NOW + 500)
    assert invoke(CODE) == {"auth_status": "abandoned"}
    assert invoke(CODE, ContactId="contact-2", InitialContactId="contact-2") == UNVERIFIED


def test_the_contact_of_a_call_that_ended_before_it_came_through_is_abandoned(table: CallTable) -> None:
    table.end(CALL, NOW + 500)
    assert invoke(CODE) == {"auth_status": "abandoned"}


def test_nothing_secret_is_logged(table: CallTable, written: Callable[[], str]) -> None:
    invoke(CODE)
    invoke("999999999999")
    invoke("SECRET-WORDS")
    invoke(CODE, SystemEndpoint="SECRET-GARBAGE")
    output = written()
    assert "ContactVerified" in output
    assert "ContactUnverified" in output
    for secret in ("SECRET", CODE, "999999999999"):
        assert secret not in output


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=5,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(60))
@given(
    code=json_values
    | st.text(alphabet="0123456789", min_size=12, max_size=12).filter(lambda code: code != CODE),
    contact=st.dictionaries(st.sampled_from(["SystemEndpoint", "Attributes"]), json_values, max_size=2),
)
def test_any_event_gets_a_flat_map_of_strings(table: CallTable, code: Any, contact: dict[str, Any]) -> None:
    answer = invoke(code, **contact)
    assert answer == UNVERIFIED
    assert json.dumps(answer)
