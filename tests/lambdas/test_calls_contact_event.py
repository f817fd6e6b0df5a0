from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls.contact_event import ContactEvent, read_contact_event
from calls.record import Call, QueuedContact
from tests.lambdas.events import NOT_YET, START, contact_event


def read_event(envelope: Any) -> ContactEvent:
    event = read_contact_event(envelope)
    assert event is not None
    return event


def times_of(event_type: str, **times: Any) -> tuple[int | None, int | None, int | None]:
    event = read_event(contact_event(event_type, **times))
    return event.queued_at, event.connected_at, event.ended_at


def test_an_event_is_read_for_its_contact_and_all_its_times() -> None:
    envelope = contact_event("DISCONNECTED", "contact-1", queued=1.5, connected=2.25, ended=3.125)
    assert read_event(envelope) == ContactEvent(
        contact_id="contact-1",
        call_contact_id="contact-1",
        queued_at=START + 1500,
        queued=QueuedContact(START + 1500, "arn", "contact-1"),
        connected_at=START + 2250,
        ended_at=START + 3125,
        may_be_ours=True,
    )


@pytest.mark.parametrize("not_yet", [False, True])
def test_a_time_that_has_not_come_is_none_however_connect_writes_that(not_yet: bool) -> None:
    assert times_of("INITIATED", not_yet=not_yet) == (None, None, None)
    assert times_of("QUEUED", queued=1, not_yet=not_yet) == (START + 1000, None, None)
    assert times_of("CONNECTED_TO_AGENT", queued=1, connected=2, not_yet=not_yet) == (
        START + 1000,
        START + 2000,
        None,
    )
    assert times_of("COMPLETED", queued=1, ended=3, not_yet=not_yet) == (START + 1000, None, START + 3000)


@pytest.mark.parametrize("not_yet", [False, True])
def test_an_event_without_the_time_that_it_is_about_happened_when_it_was_sent(not_yet: bool) -> None:
    assert times_of("QUEUED", at=1.9, not_yet=not_yet) == (START + 1000, None, None)
    assert times_of("CONNECTED_TO_AGENT", at=2, not_yet=not_yet) == (None, START + 2000, None)
    assert times_of("DISCONNECTED", at=3, not_yet=not_yet) == (None, None, START + 3000)
    assert times_of("COMPLETED", at=4, not_yet=not_yet) == (None, None, START + 4000)


def test_parts_that_are_null_are_absent() -> None:
    envelope = contact_event("INITIATED", queueInfo=None, agentInfo=None, disconnectTimestamp=None)
    assert read_event(envelope) == ContactEvent(
        contact_id="contact-1", call_contact_id="contact-1", may_be_ours=True
    )


def test_a_transferred_contact_belongs_to_the_call_that_it_began_as() -> None:
    event = read_event(
        contact_event("INITIATED", "leg-2", initialContactId="contact-1", initiationMethod="TRANSFER")
    )
    assert (event.contact_id, event.call_contact_id) == ("leg-2", "contact-1")
    assert not event.may_be_ours


@pytest.mark.parametrize("method", ["WEBRTC_API", "WEBRTC_2030", None])
def test_whatever_is_not_known_to_begin_otherwise_may_be_of_this_backend(method: str | None) -> None:
    assert read_event(contact_event("INITIATED", initiationMethod=method)).may_be_ours


@pytest.mark.parametrize("method", ["TRANSFER", "QUEUE_TRANSFER", "DISCONNECT"])
def test_what_a_transfer_began_is_no_start(method: str) -> None:
    assert not read_event(contact_event("INITIATED", initiationMethod=method)).may_be_ours


@pytest.mark.parametrize("by_phone", [True, False])
def test_contacts_of_others_are_known_by_how_they_began(by_phone: bool) -> None:
    for method in ("OUTBOUND", "CALLBACK", "API", "EXTERNAL_OUTBOUND", "MONITOR", "AGENT_REPLY", "FLOW",
                   "CAMPAIGN_PREVIEW"):  # fmt: skip
        assert read_contact_event(contact_event("QUEUED", initiationMethod=method), by_phone=by_phone) is None
    inbound = read_contact_event(contact_event("QUEUED", initiationMethod="INBOUND"), by_phone=by_phone)
    assert (inbound is not None) == by_phone


@pytest.mark.parametrize(
    ("detail", "first"),
    [
        ({"initialContactId": "contact-1"}, "contact-1"),
        ({"initialContactId": "contact-1", "previousContactId": "leg-1"}, "contact-1"),
        ({"previousContactId": "contact-1"}, "contact-1"),
        ({"initialContactId": "again", "previousContactId": "contact-1"}, "contact-1"),
        ({"initialContactId": "again", "previousContactId": "again"}, "again"),
        ({"relatedContactId": "contact-1"}, "again"),
        ({}, "again"),
    ],
    ids=str,
)
def test_a_contact_belongs_to_the_call_of_the_one_before_it(detail: dict[str, Any], first: str) -> None:
    assert read_event(contact_event("INITIATED", "again", **detail)).call_contact_id == first


@pytest.mark.parametrize(
    ("reason", "read"),
    [
        ("AGENT_DISCONNECT", "AGENT_DISCONNECT"),
        ("no code", None),
        ("", None),
        (7, None),
        ({"code": "X"}, None),
        (None, None),
    ],
    ids=str,
)
def test_the_reason_of_an_end_is_a_code_of_connect(reason: Any, read: str | None) -> None:
    assert read_event(contact_event("DISCONNECTED", ended=3, disconnectReason=reason)).reason == read
    assert read_event(contact_event("QUEUED", queued=1, disconnectReason="OTHER")).reason is None


def test_only_more_than_a_beginning_is_progress() -> None:
    assert not read_event(contact_event("INITIATED", not_yet=True)).has_progress
    assert not read_event(contact_event("CONTACT_DATA_UPDATED")).has_progress
    assert read_event(contact_event("QUEUED", queued=1)).has_progress
    assert read_event(contact_event("CONNECTED_TO_AGENT", connected=1)).has_progress
    assert read_event(contact_event("COMPLETED")).has_progress


def test_an_unknown_event_type_is_read_for_its_times() -> None:
    assert times_of("TELEPORTED", queued=1) == (START + 1000, None, None)


@pytest.mark.parametrize(
    ("written", "milliseconds"),
    [
        ("2026-09-21T14:13:20.123Z", START + 123),
        ("2026-09-21T14:13:20Z", START),
        ("2026-09-21T16:13:20.5+02:00", START + 500),
        ("2026-09-21T14:13:20", START),
        (NOT_YET, None),
        ("0001-01-01T00:00:00Z", None),
    ],
)
def test_times_are_read_however_precise_they_are(written: str, milliseconds: int | None) -> None:
    assert read_event(contact_event("INITIATED", disconnectTimestamp=written)).ended_at == milliseconds


MALFORMED: list[Any] = [
    None,
    [],
    "text",
    {},
    {"detail": None},
    {"detail": {}, "time": "2026-01-01T00:00:00Z"},
    {"detail": {"eventType": "QUEUED", "contactId": "c"}},
    {"detail": {"eventType": "QUEUED", "contactId": "c"}, "time": "now"},
    {"detail": {"eventType": "QUEUED", "contactId": "c"}, "time": 5},
    {"detail": {"eventType": "QUEUED"}, "time": "2026-01-01T00:00:00Z"},
]


@pytest.mark.parametrize("envelope", MALFORMED, ids=str)
def test_what_is_no_event_is_refused(envelope: Any) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        read_event(envelope)


@given(
    event_type=st.sampled_from(
        ["INITIATED", "QUEUED", "CONNECTED_TO_AGENT", "DISCONNECTED", "COMPLETED", "X"]
    ),
    timestamps=st.lists(
        st.none() | st.just(NOT_YET) | st.datetimes().map(lambda time: time.isoformat() + "Z"),
        min_size=3,
        max_size=3,
    ),
)
def test_any_times_are_read_as_moments_of_this_century_or_none(
    event_type: str, timestamps: list[str | None]
) -> None:
    queued, connected, ended = timestamps
    event = read_event(
        contact_event(
            event_type,
            at=7,
            queueInfo={"enqueueTimestamp": queued},
            agentInfo={"connectedToAgentTimestamp": connected},
            disconnectTimestamp=ended,
        )
    )
    for time in (event.queued_at, event.connected_at, event.ended_at):
        assert time is None or time >= 1_000_000_000_000
    assert event.queued_at is not None or event_type != "QUEUED"
    assert event.connected_at is not None or event_type != "CONNECTED_TO_AGENT"
    assert event.ended_at is not None or event_type not in {"DISCONNECTED", "COMPLETED"}


def test_an_event_is_about_the_call_of_its_contact_or_of_its_reference() -> None:
    call = Call(
        user_id="user-1",
        started_at=START,
        idempotency_key="tap",
        request_hash="hash",
        reference="reference",
        reference_until=START,
        context={},
        slot_until=START,
    )
    by_contact = ContactEvent(contact_id="leg-2", call_contact_id="contact-1")
    assert by_contact.is_about(replace(call, contact_id="contact-1"))
    assert not by_contact.is_about(replace(call, contact_id="contact-2"))
    by_reference = replace(by_contact, reference="reference")
    assert by_reference.is_about(call)
    assert not by_reference.is_about(replace(call, reference="another"))
    assert not by_reference.is_about(replace(call, contact_id="contact-1"))
