import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runtime.errors import Unavailable

from caller_context import handler as module
from caller_context.domain import verify
from calls.interfaces import Credential
from calls.record import Call, Rate
from calls.table import CallTable
from calls.webrtc import read_attributes
from tests.examples import examples
from tests.lambdas.conftest import INSTANCE_ARN, TABLE
from tests.lambdas.events import LambdaContext, flow_event

NOW = 1_790_000_000_000
CONTEXT = {"customer_id": "user-1", "auth_time": "1790000000", "customer_email": "SECRET-EMAIL", "tier": ""}
CALL = Call(
    user_id="user-1",
    started_at=NOW,
    idempotency_key="tap",
    request_hash="hash",
    reference="SECRET-REFERENCE",
    reference_until=NOW + 300_000,
    context=CONTEXT,
    slot_until=NOW + 40_000,
)
GENUINE = {"customer_id": "user-1", "auth_token": "SECRET-REFERENCE", "auth_status": "verified"}


@pytest.fixture
def table(dynamodb: Any, monkeypatch: pytest.MonkeyPatch) -> CallTable:
    """The table behind the handler, with a call that was just started."""
    table = CallTable(dynamodb, TABLE)
    table.claim(CALL, [Rate(calls=3, seconds=60)])
    monkeypatch.setattr(module, "_calls", table)
    monkeypatch.setattr(module, "now", lambda: NOW + 1000)
    return table


def invoke(attributes: Any = None, **contact: Any) -> dict[str, str]:
    answer: dict[str, str] = module.handler(
        flow_event(GENUINE if attributes is None else attributes, **contact), LambdaContext()
    )
    return answer


def test_the_contact_of_start_call_is_verified_with_the_recorded_context(table: CallTable) -> None:
    assert invoke() == {"auth_status": "verified", "came_back": "false", **CONTEXT}


def test_a_call_that_continues_another_says_so_whatever_its_contact_brings(table: CallTable) -> None:
    table.end(CALL, NOW + 1)
    continuing = replace(CALL, reference="SECRET-NEXT", started_at=NOW + 2, previous_id="contact-0")
    table.claim(continuing, [Rate(calls=3, seconds=60)])
    brought = {**GENUINE, "auth_token": "SECRET-NEXT", "came_back": "false"}
    assert invoke(brought)["came_back"] == "true"


def test_what_a_contact_brings_of_coming_back_counts_for_nothing(table: CallTable) -> None:
    assert invoke({**GENUINE, "came_back": "true"})["came_back"] == "false"


def test_proved_attributes_replace_whatever_else_is_to_be_set(table: CallTable) -> None:
    forged = dict.fromkeys([*CONTEXT, "auth_status", "came_back"], "FORGED")
    credential = Credential(
        user_id="user-1", reference=CALL.reference, contact_id="contact-1", attributes=forged
    )
    assert "FORGED" not in verify(credential, table, NOW + 1000).values()


def test_the_flow_may_repeat_its_request_as_connect_does_on_an_error(table: CallTable) -> None:
    assert invoke() == invoke()


@pytest.mark.parametrize("method", ["TRANSFER", "QUEUE_TRANSFER"])
def test_a_transferred_contact_is_still_the_call(method: str, table: CallTable) -> None:
    invoke()
    leg = invoke(ContactId="contact-2", InitialContactId="contact-1", InitiationMethod=method)
    assert leg["auth_status"] == "verified"


def test_a_contact_that_names_no_first_one_is_the_first(table: CallTable) -> None:
    assert invoke(ContactId="contact-7", InitialContactId=None)["auth_status"] == "verified"
    assert table.find_user("contact-7") == "user-1"


@pytest.mark.parametrize("missing", ["customer_id", "auth_token", "ContactId"])
def test_a_credential_lacks_nothing(missing: str) -> None:
    attributes = {name: value for name, value in GENUINE.items() if name != missing}
    ids = {"ContactId": None, "InitialContactId": None} if missing == "ContactId" else {}
    assert read_attributes(flow_event(GENUINE), INSTANCE_ARN, {"WEBRTC_API"}) is not None
    assert read_attributes(flow_event(attributes, **ids), INSTANCE_ARN, {"WEBRTC_API"}) is None


def test_a_reference_copied_to_another_contact_proves_nothing(table: CallTable) -> None:
    invoke()
    assert invoke(ContactId="contact-2", InitialContactId="contact-2") == {"auth_status": "unverified"}


@pytest.mark.parametrize(
    ("attributes", "contact"),
    [
        ({}, {}),
        (None, {"Attributes": None}),
        ({"customer_id": "user-1", "auth_status": "verified"}, {}),
        ({"customer_id": "user-1", "auth_token": "guessed"}, {}),
        ({"customer_id": "user-2", "auth_token": "SECRET-REFERENCE"}, {}),
        ({"auth_token": "SECRET-REFERENCE"}, {}),
        (None, {"InitiationMethod": "INBOUND"}),
        (None, {"InstanceARN": "arn:aws:connect:eu-west-2:111122223333:instance/other"}),
        (None, {"ContactId": None, "InitialContactId": None}),
    ],
    ids=str,
)
def test_whatever_is_not_a_call_of_start_call_is_unverified(
    table: CallTable, attributes: Any, contact: dict[str, Any]
) -> None:
    assert invoke(attributes, **contact) == {"auth_status": "unverified"}
    assert invoke()["auth_status"] == "verified"  # and has not used the reference up


def test_an_old_reference_is_unverified(table: CallTable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "now", lambda: CALL.reference_until)
    assert invoke() == {"auth_status": "unverified"}


def test_the_contact_of_a_start_that_failed_is_abandoned(table: CallTable) -> None:
    table.end(CALL, NOW + 500)
    assert invoke() == {"auth_status": "abandoned"}


def test_no_failure_reaches_the_flow(table: CallTable, monkeypatch: pytest.MonkeyPatch) -> None:
    for error in (Unavailable("away"), RuntimeError("SECRET"), KeyError("SECRET")):

        def fail(*_: object, error: Exception = error) -> None:
            raise error

        monkeypatch.setattr(table, "bind", fail)
        assert invoke() == {"auth_status": "unverified"}


def test_nothing_secret_is_logged(
    table: CallTable, written: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    invoke()
    invoke(ContactId="contact-2", InitialContactId="contact-2")
    invoke({**GENUINE, "customer_id": "SECRET-USER"})

    def fail(*_: object) -> None:
        raise Unavailable("away")

    for failing in (fail, lambda *_: 1 / 0):
        monkeypatch.setattr(table, "bind", failing)
        invoke()
        invoke({**GENUINE, "customer_id": "SECRET-USER"})
    output = written()
    assert "Caller not verified" in output
    assert '"contact_id":"contact-1"' in output  # where an operator finds the contact
    assert '"contact_id":"contact-2"' in output
    assert "user-1" not in output
    assert "ContactVerified" in output
    assert "ContactUnverified" in output
    assert "ZeroDivisionError" in output
    assert "SECRET" not in output


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=5,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(60))
@given(
    event=json_values
    | st.builds(
        lambda attributes, contact: flow_event(attributes, **contact),
        st.dictionaries(st.sampled_from(["customer_id", "auth_token"]), json_values, max_size=2),
        st.dictionaries(
            st.sampled_from(["ContactId", "InitialContactId", "Attributes"]), json_values, max_size=2
        ),
    )
)
def test_any_event_gets_a_flat_map_of_strings(table: CallTable, event: Any) -> None:
    answer = module.handler(event, LambdaContext())
    assert answer == {"auth_status": "unverified"}
    assert json.dumps(answer)
