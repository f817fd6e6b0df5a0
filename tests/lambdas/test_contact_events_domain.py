import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runtime.errors import Unavailable

from calls.contact_event import ContactEvent, read_contact_event
from calls.errors import CallActive, NotPossibleNow, RetryLater
from calls.record import TRANSFER_GRACE, Call, EndedBy, QueuedContact, State
from contact_events.domain import ContactEvents, EndedCall, merge
from tests.examples import examples
from tests.lambdas.backend import LIMITS, Backend, dying
from tests.lambdas.conftest import INDEXES, TABLE
from tests.lambdas.events import START, contact_event, flow_event
from tests.lambdas.fake_aws import shared_client
from tests.lambdas.fake_dynamodb import FakeDynamoDb

CONNECTING = Call(
    user_id="user-1",
    started_at=START,
    idempotency_key="tap",
    request_hash="hash",
    reference="reference",
    reference_until=START + 300_000,
    context={},
    slot_until=START + 7_200_000,
    contact_id="contact-1",
    answer="{}",
)
LEASE = LIMITS.start_lease_seconds * 1000


def read_event(envelope: dict[str, Any]) -> ContactEvent:
    event = read_contact_event(envelope)
    assert event is not None
    return event


def life(
    contact_id: str, *, began: int = 0, answered: bool = True, not_yet: bool = False, **detail: Any
) -> list[ContactEvent]:
    """All events of one contact, in the order in which they happen."""
    queued: dict[str, Any] = {"queued": began + 1.25}
    connected = queued | ({"connected": began + 5.5} if answered else {})
    ended = connected | {"ended": began + 9.75}
    events = [
        contact_event("INITIATED", contact_id, at=began, not_yet=not_yet, **detail),
        contact_event("QUEUED", contact_id, **queued, not_yet=not_yet, **detail),
        contact_event("DISCONNECTED", contact_id, **ended, not_yet=not_yet, **detail),
        # After the agent's own work, and in AWS's sample without the time of the end.
        contact_event("COMPLETED", contact_id, **connected, at=began + 30, not_yet=not_yet, **detail),
    ]
    if answered:
        events.insert(
            2, contact_event("CONNECTED_TO_AGENT", contact_id, **connected, not_yet=not_yet, **detail)
        )
    return [read_event(event) for event in events]


def transferred(*, answered: bool = True, not_yet: bool = False) -> list[ContactEvent]:
    """The events of the contact that the call goes on as."""
    return life(
        "leg-2", began=8, answered=answered, not_yet=not_yet,
        initialContactId="contact-1", previousContactId="contact-1", initiationMethod="TRANSFER",
    )  # fmt: skip


def merged(events: Iterable[ContactEvent], call: Call = CONNECTING) -> Call:
    for event in events:
        call = merge(call, event)
    return call


class OneCall:
    """The record of one call, in memory; nobody has to be stopped."""

    def __init__(self, call: Call) -> None:
        self.call = call

    def find_user(self, contact_id: str) -> str | None:
        return self.call.user_id if contact_id == self.call.contact_id else None

    def find(self, user_id: str, now: int) -> Call | None:  # noqa: ARG002
        return self.call

    def store_events(self, before: Call, after: Call) -> bool:
        assert before == self.call
        self.call = after
        return True

    def give_up(self, call: Call, now: int) -> bool:  # noqa: ARG002
        return False

    def stop(self, contact_id: str) -> None:
        raise AssertionError(contact_id)


def ways_it_went(events: Iterable[ContactEvent], calls: OneCall) -> list[EndedCall]:
    adapter: Any = calls
    process = ContactEvents(adapter, adapter, lambda: START)
    ways = [process(event, early_delivery=True) for event in events]
    return [way for way in ways if way is not None]


@pytest.mark.parametrize("not_yet", [False, True])
@pytest.mark.parametrize("answered", [True, False])
def test_every_order_of_the_events_of_a_contact_ends_in_the_same_record(
    answered: bool, not_yet: bool
) -> None:
    events = life("contact-1", answered=answered, not_yet=not_yet)
    expected = replace(
        CONNECTING,
        queued_at=START + 1250,
        queued=QueuedContact(START + 1250, "arn", "contact-1"),
        connected_at=START + 5500 if answered else None,
        ended_at=START + 9750,
        ended_by_connect=True,
        legs={"contact-1": START + 9750},
    )
    for order in itertools.permutations(events):
        assert merged(order) == expected


def test_a_call_waits_where_it_was_put_last_in_whatever_order_its_events_come() -> None:
    """A queue that is full, or too slow, hands it on as another contact."""
    detail: dict[str, Any] = {"initialContactId": "contact-1", "initiationMethod": "QUEUE_TRANSFER"}
    overflow = {"queueArn": "overflow", "enqueueTimestamp": "2026-09-21T14:14:00.000Z"}
    events = [
        read_event(contact_event("QUEUED", "contact-1", queued=1.25)),
        read_event(contact_event("QUEUED", "leg-2", queued=40, queueInfo=overflow, **detail)),
        read_event(contact_event("DISCONNECTED", "contact-1", queued=1.25, ended=41)),
        # Without a queue nobody knows where it waits.
        read_event(contact_event("QUEUED", "leg-2", at=40, **detail)),
    ]
    for order in itertools.permutations(events):
        assert merged(order).queued == QueuedContact(START + 40_000, "overflow", "leg-2")


@st.composite
def disorderly(draw: st.DrawFn) -> tuple[list[ContactEvent], list[ContactEvent]]:
    """The events of a call in their order, and as they may arrive: in any order, some more than once."""
    events = life("contact-1", answered=draw(st.booleans()), not_yet=draw(st.booleans()))
    if draw(st.booleans()):
        events += transferred(answered=draw(st.booleans()), not_yet=draw(st.booleans()))
    again = draw(st.lists(st.sampled_from(events), max_size=8))
    return events, draw(st.permutations(events + again))


@given(disorderly())
def test_any_order_and_number_of_a_calls_events_ends_in_the_same_record(
    events: tuple[list[ContactEvent], list[ContactEvent]],
) -> None:
    in_order, as_they_arrive = events
    assert merged(as_they_arrive) == merged(in_order)
    assert merged(in_order).state(START) is State.ENDED


@given(disorderly(), st.data())
def test_after_any_part_of_the_events_their_order_does_not_matter_either(
    events: tuple[list[ContactEvent], list[ContactEvent]], data: st.DataObject
) -> None:
    _, as_they_arrive = events
    some = as_they_arrive[: data.draw(st.integers(0, len(as_they_arrive)))]
    assert merged(data.draw(st.permutations(some))) == merged(some)


@given(disorderly(), st.data())
def test_a_call_that_is_hung_up_among_its_events_stays_ended_by_its_caller(
    events: tuple[list[ContactEvent], list[ContactEvent]], data: st.DataObject
) -> None:
    _, as_they_arrive = events
    hung_up_after = data.draw(st.integers(0, len(as_they_arrive)))
    call = merged(as_they_arrive[:hung_up_after])
    if call.ended_at is not None:
        return
    ended = replace(call, ended_at=START + 7000)
    after = merged(as_they_arrive[hung_up_after:], ended)
    assert (after.ended_at, after.ended_by_connect) == (START + 7000, False)
    assert after.state(START) is State.ENDED


STATES = {
    State.CONNECTING: {},
    State.QUEUED: {"queued_at": START + 1000},
    State.CONNECTED: {"queued_at": START + 1000, "connected_at": START + 5000},
    State.ENDED: {
        "queued_at": START + 1000, "connected_at": START + 5000, "ended_at": START + 9000,
        "ended_by_connect": True, "legs": {"contact-1": START + 9000},
    },
}  # fmt: skip
EVENTS: dict[str, dict[str, Any]] = {
    "INITIATED": {},
    "CONNECTED_TO_SYSTEM": {},
    "CONTACT_DATA_UPDATED": {},
    "QUEUED": {"queued": 1},
    "PAUSED": {"queued": 1},
    "RESUMED": {"queued": 1},
    "CONNECTED_TO_AGENT": {"queued": 1, "connected": 5},
    "DISCONNECTED": {"queued": 1, "ended": 9},
    "COMPLETED": {"queued": 1, "ended": 9},
    "NEW_IN_2030": {},
}
REACHED = {
    "QUEUED": State.QUEUED,
    "PAUSED": State.QUEUED,
    "RESUMED": State.QUEUED,
    "CONNECTED_TO_AGENT": State.CONNECTED,
    "DISCONNECTED": State.ENDED,
    "COMPLETED": State.ENDED,
}
ORDER = list(State)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("event_type", EVENTS)
def test_an_event_takes_a_call_forward_to_its_state_and_never_back(state: State, event_type: str) -> None:
    call = replace(CONNECTING, **STATES[state])  # type: ignore[arg-type]
    assert call.state(START) is state
    event = read_event(contact_event(event_type, **EVENTS[event_type]))
    reached = REACHED.get(event_type, State.CONNECTING)
    assert merge(call, event).state(START) is max(state, reached, key=ORDER.index)


@pytest.mark.parametrize("event_type", EVENTS)
def test_no_event_revives_a_call_that_was_hung_up(event_type: str) -> None:
    hung_up = replace(CONNECTING, ended_at=START + 3000)
    after = merge(hung_up, read_event(contact_event(event_type, **EVENTS[event_type])))
    assert after.state(START) is State.ENDED
    assert after.ended_at == START + 3000


def test_an_agent_whose_event_comes_after_the_end_changes_no_state() -> None:
    *_, connected, disconnected, _ = life("contact-1")
    ended = merged([disconnected])
    assert merge(ended, connected) == ended
    # Nor where the event of the end did not hold the agent.
    abrupt = merged([replace(disconnected, connected_at=None)])
    assert merge(abrupt, connected).state(START) is State.ENDED


def test_a_transferred_call_goes_on_until_its_last_contact_ends() -> None:
    first, second = life("contact-1"), transferred()
    call = merged([*first[:3], second[0]])
    assert call.state(START) is State.CONNECTED
    call = merged(first[3:], call)
    assert call.state(START) is State.CONNECTED
    assert call.open_contacts == ["leg-2"]
    call = merged(second[1:], call)
    assert call.state(START) is State.ENDED
    assert call.ended_at == START + 17_750
    assert call.connected_at == START + 5500  # the first agent


def test_a_transfer_whose_event_comes_after_the_first_contacts_end_takes_it_back() -> None:
    call = merged([*life("contact-1"), transferred()[0]])
    assert (call.ended_at, call.ended_by_connect) == (None, False)
    assert call.state(START) is State.CONNECTED


CODES = ("AGENT_DISCONNECT", "CUSTOMER_DISCONNECT", None)


@pytest.mark.parametrize("reasons", list(itertools.permutations(CODES, 2)))
def test_the_reason_of_a_call_is_that_of_the_contact_that_ended_last(reasons: tuple[str | None, ...]) -> None:
    ends = [
        replace(life("contact-1")[3], reason=reasons[0]),
        replace(transferred()[3], reason=reasons[1]),
    ]
    for order in itertools.permutations(ends * 2):
        assert merged(order).disconnect_reason == reasons[1]


@pytest.mark.parametrize(
    ("reason", "ended_by"),
    [
        ("CUSTOMER_DISCONNECT", EndedBy.CALLER),
        ("AGENT_DISCONNECT", EndedBy.AGENT),
        ("CONTACT_FLOW_DISCONNECT", EndedBy.SYSTEM),
        ("CUSTOMER_NEVER_ARRIVED", EndedBy.SYSTEM),
        ("OTHER", EndedBy.UNKNOWN),
        ("NEW_IN_2030", EndedBy.UNKNOWN),
        (None, EndedBy.UNKNOWN),
    ],
)
def test_connects_reason_says_who_ended_a_call_unless_its_caller_hung_up(
    reason: str | None, ended_by: EndedBy
) -> None:
    ended = merged([replace(life("contact-1")[3], reason=reason)])
    assert ended.ended_by is ended_by
    assert replace(ended, hung_up=True).ended_by is EndedBy.CALLER


def test_an_end_that_names_the_next_contact_is_not_the_end_of_the_call() -> None:
    end = replace(life("contact-1")[3], next_contact_id="leg-2")
    for order in itertools.permutations([end, *transferred()[:2]]):
        assert merged(order).open_contacts == ["leg-2"]
    assert merged([end, *transferred()]).state(START) is State.ENDED


def test_a_participant_that_was_made_anew_is_a_contact_of_the_call() -> None:
    anew: dict[str, Any] = {"previousContactId": "contact-1", "queued": 20}
    began = read_event(contact_event("CONNECTED_TO_AGENT", "again", connected=21, **anew))
    ended = read_event(contact_event("DISCONNECTED", "again", ended=30, **anew))
    call = merged([*life("contact-1"), began])
    assert call.open_contacts == ["again"]
    assert merged([ended], call).ended_at == START + 30_000


def test_a_contact_whose_events_come_before_the_first_ones_does_not_end_the_call_alone() -> None:
    call = merged(transferred())
    assert call.legs == {"contact-1": 0, "leg-2": START + 17_750}
    assert call.state(START) is State.CONNECTED


def test_of_a_call_whose_start_has_stored_nothing_the_first_contact_is_the_events() -> None:
    call = merged(transferred(), replace(CONNECTING, contact_id=None))
    assert call.legs == {"contact-1": 0, "leg-2": START + 17_750}


@given(events=st.permutations(life("contact-1") * 2))
def test_how_a_call_went_is_returned_once_in_any_order_and_number(events: Sequence[ContactEvent]) -> None:
    (way,) = ways_it_went(events, OneCall(CONNECTING))
    assert way.waited in (4250, None)
    assert not way.was_abandoned


@pytest.mark.parametrize(
    ("events", "way"),
    [
        (life("contact-1"), EndedCall(waited=4250, talked=4250, was_abandoned=False)),
        (life("contact-1", answered=False), EndedCall(waited=None, talked=None, was_abandoned=True)),
        (
            [read_event(contact_event("COMPLETED", ended=3))],
            EndedCall(waited=None, talked=None, was_abandoned=False),
        ),
        (
            [read_event(contact_event("DISCONNECTED", connected=2, ended=3))],
            EndedCall(waited=None, talked=1000, was_abandoned=False),
        ),
        (
            # Clocks of AWS that differ.
            [read_event(contact_event("DISCONNECTED", queued=4, connected=3, ended=2))],
            EndedCall(waited=0, talked=0, was_abandoned=False),
        ),
        (
            life("contact-1")[:3] + transferred()[:1] + life("contact-1")[3:] + transferred()[1:],
            EndedCall(waited=4250, talked=12_250, was_abandoned=False),
        ),
    ],
    ids=["answered", "abandoned", "never queued", "not queued but answered", "clocks", "transferred"],
)
def test_how_a_call_went_is_returned_with_its_times(events: list[ContactEvent], way: EndedCall) -> None:
    assert ways_it_went(events * 2, OneCall(CONNECTING)) == [way]


@pytest.mark.parametrize("queued", [True, False])
def test_a_call_that_was_hung_up_is_returned_at_the_event_of_its_end(queued: bool) -> None:
    hung_up = replace(
        CONNECTING,
        queued_at=START + 1250 if queued else None,
        ended_at=START + 9000,
        legs={"contact-1": 0} if queued else {},
    )
    (_, _, end, completed) = life("contact-1", answered=False)
    assert ways_it_went([end, completed, end], OneCall(hung_up)) == [
        EndedCall(waited=None, talked=None, was_abandoned=True)
    ]


@pytest.fixture
def backend(dynamodb: Any) -> Backend:
    return Backend(dynamodb)


def test_events_move_the_call_that_its_app_reads_and_free_the_users_slot(backend: Backend) -> None:
    contact_id = backend.call().contact_id
    states = []
    for name, times in list(EVENTS.items())[:8]:
        backend.deliver(name, contact_id, **times)
        states.append(backend.record().state(backend.now))
    assert states == [State.CONNECTING] * 3 + [State.QUEUED] * 3 + [State.CONNECTED, State.ENDED]
    backend.connect.ended.add(contact_id)
    backend.now += 9000 + TRANSFER_GRACE
    backend.call(key="next")
    assert not backend.connect.requested("StopContact")


@pytest.mark.parametrize("first", ["DISCONNECTED", "COMPLETED"])
def test_a_repeated_event_is_not_written_again(backend: Backend, first: str) -> None:
    contact_id = backend.call().contact_id
    assert backend.deliver(first, contact_id, queued=1, ended=9) is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backend.table, "store_events", None)
        assert backend.deliver(first, contact_id, queued=1, ended=9) is None


def test_the_contacts_of_others_are_ignored(backend: Backend) -> None:
    backend.call()
    before = backend.record()
    for event_type, times in EVENTS.items():
        assert backend.deliver(event_type, "of-others", attempt=3, **times) is None
        assert backend.deliver(event_type, "of-others", initiationMethod="TRANSFER", **times) is None
        assert (
            backend.deliver(
                event_type, "leg", initialContactId="of-others", initiationMethod="QUEUE_TRANSFER", **times
            )
            is None
        )
    assert backend.record() == before
    assert not backend.connect.requested("StopContact")


@pytest.mark.parametrize("event_type", EVENTS)
def test_progress_of_a_contact_that_start_call_may_not_have_written_yet_comes_again_once(
    backend: Backend, event_type: str
) -> None:
    contact_id = backend.leave_unanswered(bound=False)
    event = read_event(contact_event(event_type, contact_id, **EVENTS[event_type]))
    if not event.has_progress:
        assert backend.contact_events(event, early_delivery=True) is None
        return
    with pytest.raises(RetryLater):
        backend.contact_events(event, early_delivery=True)
    assert backend.contact_events(event, early_delivery=False) is None


def test_a_call_that_ends_as_it_begins_is_ended_when_the_event_comes_again(backend: Backend) -> None:
    with dying(backend.table, "store_answer", before=True):
        backend.call()
    (contact_id,) = backend.connect.active
    with pytest.raises(RetryLater):
        backend.deliver("DISCONNECTED", contact_id, ended=1)
    backend.now += LEASE
    assert backend.call().contact_id == contact_id
    assert backend.deliver("DISCONNECTED", contact_id, ended=1, attempt=2) is not None
    assert backend.record().state(backend.now) is State.ENDED


def test_the_events_of_an_earlier_call_change_nothing(backend: Backend) -> None:
    earlier = backend.call().contact_id
    backend.call_control.hang_up("user-1", earlier)
    backend.now += 1
    backend.call(key="next")
    before = backend.record()
    for event_type, times in EVENTS.items():
        assert backend.deliver(event_type, earlier, attempt=3, **times) is None
    assert backend.record() == before
    assert backend.connect.active == [before.contact_id]


def test_an_index_that_is_behind_does_not_lead_into_the_next_call(backend: Backend) -> None:
    earlier = backend.call().contact_id
    backend.end()
    backend.now += 1
    backend.call(key="next")
    before = backend.record()
    with pytest.MonkeyPatch.context() as behind:
        behind.setattr(backend.table, "find_user", lambda _: "user-1")
        backend.deliver("DISCONNECTED", earlier, ended=9)
    assert backend.record() == before


def test_the_events_of_an_expired_record_change_nothing(backend: Backend) -> None:
    contact_id = backend.call().contact_id
    backend.now += 2 * LIMITS.max_call_seconds * 1000
    assert backend.deliver("DISCONNECTED", contact_id, ended=9) is None


def meanwhile(backend: Backend, what: Callable[[], object], *, times: int = 1) -> None:
    """Has something happen between the next reading of the record and its writing."""
    store = backend.table.store_events
    left = iter(range(times))

    def store_later(before: Call, after: Call) -> bool:
        if next(left, None) is not None:
            what()
        return store(before, after)

    pytest.MonkeyPatch().setattr(backend.table, "store_events", store_later)


@pytest.mark.parametrize("is_known", [True, False])
def test_two_events_at_once_are_both_noted(backend: Backend, is_known: bool) -> None:
    contact_id = backend.call().contact_id
    if is_known:
        backend.deliver("INITIATED", contact_id)
    meanwhile(backend, lambda: backend.deliver("QUEUED", contact_id, queued=1))
    backend.deliver("CONNECTED_TO_AGENT", contact_id, connected=5)
    call = backend.record()
    assert (call.queued_at, call.connected_at) == (START + 1000, START + 5000)


@pytest.mark.parametrize("time", ["queued", "connected"])
def test_of_two_times_at_once_the_earlier_counts(backend: Backend, time: str) -> None:
    contact_id = backend.call().contact_id
    backend.deliver("INITIATED", contact_id)
    earlier: dict[str, Any] = {time: 1}
    later: dict[str, Any] = {time: 3}
    meanwhile(backend, lambda: backend.deliver("RESUMED", contact_id, **earlier))
    backend.deliver("PAUSED", contact_id, **later)
    assert getattr(backend.record(), f"{time}_at") == START + 1000


def test_the_same_event_twice_at_once_returns_once_how_the_call_went(backend: Backend) -> None:
    contact_id = backend.call().contact_id
    ways: list[EndedCall | None] = []
    meanwhile(backend, lambda: ways.append(backend.deliver("DISCONNECTED", contact_id, ended=9)))
    ways.append(backend.deliver("DISCONNECTED", contact_id, ended=9))
    assert len([way for way in ways if way]) == 1


def test_a_caller_who_hangs_up_at_the_moment_of_an_event_has_hung_up(backend: Backend) -> None:
    contact_id = backend.call().contact_id
    meanwhile(backend, lambda: backend.call_control.hang_up("user-1", contact_id))
    backend.deliver("QUEUED", contact_id, queued=1)
    call = backend.record()
    assert call.state(backend.now) is State.ENDED
    assert call.queued_at == START + 1000


def test_a_user_who_calls_again_at_the_moment_of_an_event_has_the_next_call(backend: Backend) -> None:
    contact_id = backend.call().contact_id

    def call_again() -> None:
        backend.call_control.hang_up("user-1", contact_id)
        backend.now += 1
        backend.call(key="next")

    meanwhile(backend, call_again)
    backend.deliver("QUEUED", contact_id, queued=1)
    assert backend.record().queued_at is None
    assert backend.connect.active == [backend.record().contact_id]


def test_a_record_that_never_holds_still_has_the_event_come_again(backend: Backend) -> None:
    contact_id = backend.call().contact_id
    legs = iter(range(100))

    def another_leg() -> None:
        event = read_event(contact_event("INITIATED", f"leg-{next(legs)}", initialContactId=contact_id))
        before = backend.record()
        assert real(before, merge(before, event))

    real = backend.table.store_events
    meanwhile(backend, another_leg, times=5)
    with pytest.raises(Unavailable):
        backend.deliver("QUEUED", contact_id, queued=1)
    backend.deliver("QUEUED", contact_id, queued=1)
    assert backend.record().state(backend.now) is State.QUEUED


def test_a_start_that_is_still_running_is_looked_at_again_with_its_event_noted(backend: Backend) -> None:
    contact_id = backend.leave_unanswered()
    with pytest.raises(RetryLater):
        backend.deliver("QUEUED", contact_id, queued=1)
    assert backend.record().state(backend.now) is State.QUEUED
    assert backend.connect.active == [contact_id]


def test_a_start_whose_answer_comes_meanwhile_is_a_call(backend: Backend) -> None:
    contact_id = backend.leave_unanswered()
    with pytest.raises(RetryLater):
        backend.deliver("QUEUED", contact_id, queued=1)
    backend.now += LEASE
    assert backend.call().contact_id == contact_id
    backend.deliver("QUEUED", contact_id, queued=1, attempt=2)
    assert backend.connect.active == [contact_id]
    assert backend.record().state(backend.now) is State.QUEUED


def test_a_start_that_nobody_repeats_is_given_up_and_its_contact_stopped(backend: Backend) -> None:
    contact_id = backend.leave_unanswered()
    backend.now += LEASE
    backend.deliver("QUEUED", contact_id, queued=1, attempt=2)
    assert backend.connect.stopped == [contact_id]
    assert backend.record().state(backend.now) is State.ENDED
    backend.deliver("QUEUED", contact_id, queued=1, attempt=3)  # 410
    assert backend.call().contact_id != contact_id


def test_a_start_that_a_request_takes_over_is_not_stopped(backend: Backend) -> None:
    contact_id = backend.leave_unanswered()
    backend.now += LEASE
    with dying(backend.table, "store_answer", before=True):
        backend.call()
    with pytest.raises(RetryLater):
        backend.deliver("QUEUED", contact_id, queued=1, attempt=2)
    assert backend.connect.active == [contact_id]


def test_a_start_that_a_request_takes_over_at_the_last_moment_is_not_stopped(backend: Backend) -> None:
    contact_id = backend.leave_unanswered()
    backend.now += LEASE
    give_up = backend.table.give_up

    def take_over_first(call: Call, now: int) -> bool:
        assert backend.call().contact_id == contact_id
        return give_up(call, now)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backend.table, "give_up", take_over_first)
        with pytest.raises(RetryLater):
            backend.deliver("QUEUED", contact_id, queued=1, attempt=2)
    backend.deliver("QUEUED", contact_id, queued=1, attempt=3)
    assert backend.connect.active == [contact_id]


def test_an_answer_that_comes_after_its_start_was_given_up_leaves_no_contact(backend: Backend) -> None:
    contact_id = backend.leave_unanswered()
    backend.now += LEASE

    def give_up(_: dict[str, Any]) -> None:
        backend.connect.alter_answer = lambda _: None
        backend.now += LEASE
        backend.deliver("QUEUED", contact_id, queued=1, attempt=2)

    backend.connect.alter_answer = give_up
    with pytest.raises(Unavailable):
        backend.call()
    assert not backend.connect.active
    backend.now += 1
    assert backend.call().contact_id in backend.connect.active


@pytest.mark.parametrize(
    ("owner", "step", "before"),
    [
        ("table", "store_events", True),
        ("table", "store_events", False),
        ("table", "give_up", True),
        ("table", "give_up", False),
        ("instance", "stop", True),
        ("instance", "stop", False),
    ],
)
def test_giving_up_a_start_that_dies_is_put_right_when_the_event_comes_again(
    backend: Backend, owner: str, step: str, before: bool
) -> None:
    contact_id = backend.leave_unanswered()
    backend.now += LEASE
    with dying(getattr(backend, owner), step, before=before):
        backend.deliver("QUEUED", contact_id, queued=1, attempt=2)
    backend.deliver("QUEUED", contact_id, queued=1, attempt=3)
    assert backend.connect.stopped == [contact_id]
    assert backend.record().state(backend.now) is State.ENDED
    backend.call(key="next")


def test_a_contact_that_cannot_be_stopped_yet_has_its_event_come_again(backend: Backend) -> None:
    contact_id = backend.leave_unanswered()
    backend.now += LEASE
    backend.connect.stop_faults = [(400, "InvalidRequestException", {})]
    with pytest.raises(NotPossibleNow):
        backend.deliver("QUEUED", contact_id, queued=1, attempt=2)
    backend.deliver("QUEUED", contact_id, queued=1, attempt=3)
    assert not backend.connect.active


@pytest.mark.parametrize("event_type", ["INITIATED", "QUEUED", "CONNECTED_TO_AGENT"])
def test_a_contact_that_goes_on_after_its_caller_has_hung_up_is_stopped(
    backend: Backend, event_type: str
) -> None:
    contact_id = backend.call().contact_id
    backend.end()
    backend.deliver(event_type, contact_id, **EVENTS[event_type])
    assert backend.connect.stopped == [contact_id]


def test_the_end_of_a_hung_up_call_stops_nothing_and_neither_does_what_comes_after_it(
    backend: Backend,
) -> None:
    contact_id = backend.call().contact_id
    backend.end()
    for event_type in ("DISCONNECTED", "COMPLETED", "QUEUED", "CONNECTED_TO_AGENT"):
        backend.deliver(event_type, contact_id, **EVENTS[event_type])
    assert not backend.connect.requested("StopContact")


def test_late_events_of_an_ended_call_stop_nothing(backend: Backend) -> None:
    contact_id = backend.call().contact_id
    for event_type in ("DISCONNECTED", "QUEUED", "CONNECTED_TO_AGENT", "COMPLETED"):
        backend.deliver(event_type, contact_id, **EVENTS[event_type])
    assert not backend.connect.requested("StopContact")


def test_what_a_transfer_began_is_left_alone_after_a_hang_up(backend: Backend) -> None:
    """Connect would refuse; it ends when the caller's app leaves it."""
    contact_id = backend.call().contact_id
    backend.end()
    backend.deliver("QUEUED", "leg-2", queued=1, initialContactId=contact_id, initiationMethod="TRANSFER")
    assert not backend.connect.stopped


@pytest.mark.parametrize(
    ("step", "before"),
    [("find_user", True), ("find", False), ("store_events", True), ("store_events", False)],
)
def test_an_event_whose_function_dies_is_noted_when_it_comes_again(
    backend: Backend, step: str, before: bool
) -> None:
    contact_id = backend.call().contact_id
    with dying(backend.table, step, before=before):
        backend.deliver("DISCONNECTED", contact_id, ended=9)
    backend.deliver("DISCONNECTED", contact_id, ended=9, attempt=2)
    assert backend.record().state(backend.now) is State.ENDED


@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.data(),
    answered=st.booleans(),
    has_next=st.booleans(),
    hung_up_after=st.none() | st.integers(0, 9),
)
def test_no_order_of_events_has_a_transferred_call_hung_up_on_or_another_started_beside_it(
    data: st.DataObject, answered: bool, has_next: bool, hung_up_after: int | None
) -> None:
    backend = Backend(FakeDynamoDb(TABLE, "UserId", INDEXES).attach(shared_client("dynamodb")))
    contact_id = backend.call().contact_id
    attributes = backend.starts()[-1]["Attributes"]
    leg: dict[str, Any] = {"initialContactId": contact_id, "previousContactId": contact_id,
                           "initiationMethod": "TRANSFER"}  # fmt: skip
    of_first: dict[str, Any] = {"nextContactId": "leg-2"} if has_next else {}
    times: dict[str, Any] = {"queued": 1, **({"connected": 5} if answered else {})}
    events = [
        contact_event("INITIATED", contact_id),
        contact_event("QUEUED", contact_id, queued=1),
        contact_event("DISCONNECTED", contact_id, **times, ended=9, **of_first),
        contact_event("COMPLETED", contact_id, **times, ended=9, **of_first),
        contact_event("INITIATED", "leg-2", at=8, **leg),
        contact_event("QUEUED", "leg-2", queued=9, **leg),
    ]
    again = data.draw(st.lists(st.sampled_from(events), max_size=4))
    backend.now = START + 9000
    is_hung_up = False
    for number, event in enumerate(data.draw(st.permutations(events + again))):
        if number == hung_up_after:
            backend.call_control.hang_up("user-1", contact_id)
            is_hung_up = True
        backend.deliver_envelope(event)
        backend.now += data.draw(st.integers(0, 400))  # they come within the grace
        asked = flow_event(
            attributes, ContactId="leg-2", InitialContactId=contact_id, InitiationMethod="TRANSFER"
        )
        assert backend.verify(asked)["auth_status"] == ("abandoned" if is_hung_up else "verified")
        if not is_hung_up:
            with pytest.raises(CallActive):
                backend.call(key="beside")
    assert is_hung_up or backend.record().open_contacts == ["leg-2"]


@pytest.mark.parametrize(
    ("times", "wait"),
    [
        ({"queued": 1}, 5),
        ({"connected": 5}, 5),
        ({}, 0),
        ({"queued": 1, "disconnectReason": "CUSTOMER_DISCONNECT"}, 0),
    ],
    ids=str,
)
def test_an_end_that_may_be_a_transfer_frees_the_slot_a_moment_later(
    backend: Backend, times: dict[str, Any], wait: int
) -> None:
    contact_id = backend.call().contact_id
    backend.now = START + 9000
    backend.deliver("DISCONNECTED", contact_id, ended=9, **times)
    assert backend.record().state(backend.now) is State.ENDED
    if wait:
        with pytest.raises(CallActive) as refused:
            backend.call(key="next")
        assert (refused.value.contact_id, refused.value.retry_after) == (None, wait)
        backend.now += TRANSFER_GRACE - 1
        with pytest.raises(CallActive):
            backend.call(key="next")
        backend.now += 1
    backend.call(key="next")


def test_the_user_need_not_wait_after_hanging_up_a_call_that_connect_has_ended(backend: Backend) -> None:
    contact_id = backend.call().contact_id
    backend.now = START + 9000
    backend.deliver("DISCONNECTED", contact_id, queued=1, ended=9, disconnectReason="AGENT_DISCONNECT")
    backend.call_control.hang_up("user-1", contact_id)
    assert backend.record().ended_by is EndedBy.AGENT
    backend.call(key="next")


@pytest.mark.parametrize(
    "detail",
    [
        {"channel": "CHAT"},
        {"channel": "TASK"},
        {"segmentAttributes": {"connect:Subtype": {"valueString": "connect:Guide"}}},
        {"segmentAttributes": {"connect:Subtype": {"ValueString": "connect:Guide"}}, "channel": "Voice"},
        {"initiationMethod": "MONITOR"},
        {"initiationMethod": "EXTERNAL_OUTBOUND"},
        {"initiationMethod": "INBOUND"},
    ],
    ids=str,
)
def test_a_contact_beside_the_call_is_no_part_of_it(backend: Backend, detail: dict[str, Any]) -> None:
    contact_id = backend.call().contact_id
    before = backend.record()
    for event_type, times in EVENTS.items():
        related = {"initialContactId": contact_id, "previousContactId": contact_id, **times, **detail}
        assert backend.deliver(event_type, "beside", **related) is None
    assert backend.record() == before


@pytest.mark.parametrize(
    "detail", [{"channel": "Voice"}, {"channel": None}, {"initiationMethod": "WEBRTC_2030"}]
)
def test_a_contact_is_the_calls_whatever_connect_calls_its_beginning(
    backend: Backend, detail: dict[str, Any]
) -> None:
    contact_id = backend.call().contact_id
    backend.deliver("QUEUED", contact_id, queued=1, **detail)
    assert backend.record().state(backend.now) is State.QUEUED
