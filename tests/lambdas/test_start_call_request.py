import json
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.request import MAX_BODY, Request
from calls.errors import InvalidRequest, TooLarge, UnsupportedMediaType
from calls.start_call_request import MAX_ATTRIBUTES_BYTES, StartCallRequest, size_of
from start_call.request import RequestPolicy, parse
from tests.lambdas.conftest import BILLING_FLOW_ARN, FLOW_ARN, INSTANCE_ARN

POLICY = RequestPolicy(
    instance_arn=INSTANCE_ARN,
    contact_flow_arn=FLOW_ARN,
    topics={"billing": BILLING_FLOW_ARN},
    attributes=frozenset({"order_id", "page"}),
    capabilities=frozenset({"Video"}),
)
JSON_TYPE = {"content-type": ["application/json"]}


def read(body: Any, **headers: str) -> StartCallRequest:
    text = body if isinstance(body, str) or body is None else json.dumps(body)
    sent = {name.replace("_", "-"): [value] for name, value in headers.items()}
    return parse(Request(headers=JSON_TYPE | sent, body=text), POLICY)


def pointers(body: Any, **headers: str) -> list[str]:
    with pytest.raises(InvalidRequest) as refused:
        read(body, **headers)
    return [violation.pointer for violation in refused.value.violations]


@pytest.mark.parametrize("body", [None, "", {}])
def test_an_empty_request_gets_the_defaults(body: Any) -> None:
    assert read(body) == StartCallRequest(contact_flow_arn=FLOW_ARN)


def test_a_full_request_is_read() -> None:
    assert read(
        {
            "DisplayName": "Zoë 👩‍🚀",
            "Topic": "billing",
            "Attributes": {"order_id": "A-1", "page": ""},
            "Capabilities": {"Video": True, "ScreenShare": False},
            "ConnectInstanceId": INSTANCE_ARN.rpartition("/")[2],
            "ContactFlowId": BILLING_FLOW_ARN,
        },
        idempotency_key="tap-1",
    ) == StartCallRequest(
        topic="billing",
        contact_flow_arn=BILLING_FLOW_ARN,
        display_name="Zoë 👩‍🚀",
        attributes={"order_id": "A-1", "page": ""},
        capabilities=frozenset({"Video"}),
        idempotency_key="tap-1",
    )


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ("[]", ""),
        ("null", ""),
        ("1", ""),
        ('"a"', ""),
        ("{", ""),
        ("{}{}", ""),
        ("{'a': 1}", ""),
        ('{"DisplayName": NaN}', ""),
        ('{"DisplayName": Infinity}', ""),
        ('{"DisplayName": "a", "DisplayName": "b"}', ""),
        ('{"Attributes": {"page": "1", "page": "2"}}', ""),
        ("[" * 100_000, ""),
        ('{"DisplayName": ' + "1" * 5000 + "}", ""),
        ({"displayName": "Ada"}, "/displayName"),
        ({"Mystery": 1}, "/Mystery"),
        ({"a/b~c": 1}, "/a~1b~0c"),
        ({"x" * 1000: 1}, "/" + "x" * 64),
        ({"DisplayName": ""}, "/DisplayName"),
        ({"DisplayName": " \u2003\u00a0"}, "/DisplayName"),
        ({"DisplayName": "a" * 257}, "/DisplayName"),
        ({"DisplayName": "a\nb"}, "/DisplayName"),
        ({"DisplayName": "a\x00b"}, "/DisplayName"),
        ({"DisplayName": "a\x85b"}, "/DisplayName"),
        ('{"DisplayName": "\\ud800"}', "/DisplayName"),
        ({"DisplayName": "\u202eadmin"}, "/DisplayName"),
        ({"DisplayName": "\u200b"}, "/DisplayName"),
        ({"DisplayName": 7}, "/DisplayName"),
        ({"DisplayName": None}, "/DisplayName"),
        ({"Topic": "sales"}, "/Topic"),
        ({"Topic": ""}, "/Topic"),
        ({"Topic": ["billing"]}, "/Topic"),
        ({"Topic": None}, "/Topic"),
        *(({"PreviousContactId": bad}, "/PreviousContactId") for bad in (None, "", 7, "x" * 257, ["x"])),
        ('{"PreviousContactId": "\\ud800"}', "/PreviousContactId"),
        ({"Attributes": []}, "/Attributes"),
        ({"Attributes": None}, "/Attributes"),
        ({"Attributes": {"customer_id": "x"}}, "/Attributes/customer_id"),
        ({"Attributes": {"auth_status": "verified"}}, "/Attributes/auth_status"),
        ({"Attributes": {"not_allowed": "x"}}, "/Attributes/not_allowed"),
        ({"Attributes": {"": "x"}}, "/Attributes/"),
        ({"Attributes": {"page": 1}}, "/Attributes/page"),
        ({"Attributes": {"page": None}}, "/Attributes/page"),
        ('{"Attributes": {"page": "\\udfff"}}', "/Attributes/page"),
        ({"Attributes": {"page": "x" * (MAX_ATTRIBUTES_BYTES - 3)}}, "/Attributes"),
        ({"Attributes": {"page": "é" * (MAX_ATTRIBUTES_BYTES // 2)}}, "/Attributes"),
        ({"Capabilities": []}, "/Capabilities"),
        ({"Capabilities": {"Video": "SEND"}}, "/Capabilities/Video"),
        ({"Capabilities": {"Video": 1}}, "/Capabilities/Video"),
        ({"Capabilities": {"ScreenShare": True}}, "/Capabilities/ScreenShare"),
        ({"Capabilities": {"Hologram": True}}, "/Capabilities/Hologram"),
        ({"ConnectInstanceId": "other"}, "/ConnectInstanceId"),
        ({"ConnectInstanceId": None}, "/ConnectInstanceId"),
        ({"ContactFlowId": BILLING_FLOW_ARN}, "/ContactFlowId"),
        ({"ContactFlowId": {"a": 1}}, "/ContactFlowId"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_bad_body_is_refused_with_the_place_of_the_fault(body: Any, pointer: str) -> None:
    assert pointers(body) == [pointer]


def test_all_faults_are_listed_at_once() -> None:
    assert pointers({"DisplayName": "", "Topic": "x", "Extra": 1}, idempotency_key="a b") == [
        "header Idempotency-Key",
        "/Extra",
        "/DisplayName",
        "/Topic",
    ]


def test_a_flood_of_faults_is_cut() -> None:
    assert len(pointers({f"extra{number}": 1 for number in range(1000)})) == 10


@pytest.mark.parametrize("key", ["", " ", "a b", "a" * 129, "é", "a\n", "a,b", "٣"])
def test_a_bad_idempotency_key_is_refused(key: str) -> None:
    assert pointers({}, idempotency_key=key) == ["header Idempotency-Key"]


def test_two_different_idempotency_keys_are_refused() -> None:
    with pytest.raises(InvalidRequest):
        parse(Request(headers={"idempotency-key": ["a", "b"]}), POLICY)


def test_a_body_that_is_not_declared_as_json_is_refused() -> None:
    with pytest.raises(UnsupportedMediaType):
        parse(Request(headers={"content-type": ["text/plain"]}, body="{}"), POLICY)


@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON; charset=utf-8"])
def test_json_is_recognised_however_it_is_spelled(content_type: str) -> None:
    request = Request(headers={"content-type": [content_type]}, body="{}")
    assert parse(request, POLICY).display_name is None


def test_a_body_larger_than_any_valid_one_is_refused_unread() -> None:
    with pytest.raises(TooLarge):
        read(" " * (MAX_BODY + 1))


def test_attributes_may_fill_the_limit_to_the_last_byte() -> None:
    attributes = {"page": "é" * ((MAX_ATTRIBUTES_BYTES - 4) // 2)}
    assert size_of(attributes) == MAX_ATTRIBUTES_BYTES
    assert read({"Attributes": attributes}).attributes == attributes


def test_the_same_request_has_the_same_hash_however_it_is_written() -> None:
    one = read('{"Attributes": {"page": "1", "order_id": "2"}, "Topic": "billing"}')
    other = read('{"Topic":"billing","Attributes":{"order_id":"2","page":"\\u0031"}}', idempotency_key="k")
    assert one.content_hash == other.content_hash
    assert one.content_hash != read({"Topic": "billing"}).content_hash
    assert read({}).content_hash != read({"PreviousContactId": "c"}).content_hash
    assert read({"PreviousContactId": "c"}).previous_contact_id == "c"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(alphabet=st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
near_requests = st.fixed_dictionaries(
    {},
    optional={
        name: json_values | valid
        for name, valid in {
            "DisplayName": st.text(max_size=300),
            "Topic": st.sampled_from(["billing", "sales"]),
            "Attributes": st.dictionaries(
                st.sampled_from(["order_id", "page", "auth_token"]), st.text() | st.integers(), max_size=3
            ),
            "Capabilities": st.dictionaries(st.sampled_from(["Video", "ScreenShare"]), st.booleans()),
            "ContactFlowId": st.just(FLOW_ARN),
            "Other": st.none(),
        }.items()
    },
)


@given(
    body=st.text() | near_requests.map(json.dumps),
    key=st.none() | st.text(alphabet=string.printable, max_size=140),
)
def test_whatever_is_sent_is_either_refused_or_within_the_offer(body: str, key: str | None) -> None:
    headers = JSON_TYPE if key is None else JSON_TYPE | {"idempotency-key": [key]}
    try:
        request = parse(Request(headers=headers, body=body), POLICY)
    except (InvalidRequest, TooLarge):
        return
    assert request.contact_flow_arn in (FLOW_ARN, BILLING_FLOW_ARN)
    assert request.attributes.keys() <= POLICY.attributes
    assert request.capabilities <= POLICY.capabilities
    assert size_of(request.attributes) <= MAX_ATTRIBUTES_BYTES
    if request.display_name is not None:
        assert request.display_name.strip()
        assert len(request.display_name.encode()) <= 4 * 256
