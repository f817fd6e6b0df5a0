import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from calls.record import State
from contact_events import handler as module
from tests.examples import examples
from tests.lambdas.backend import ADA, LIMITS, Backend
from tests.lambdas.events import LambdaContext, contact_event, sqs_batch


@pytest.fixture
def backend(dynamodb: Any, monkeypatch: pytest.MonkeyPatch) -> Backend:
    """All that is behind the handler."""
    backend = Backend(dynamodb)
    monkeypatch.setattr(module, "_contact_events", backend.contact_events)
    return backend


def take(*bodies: dict[str, Any] | str, received: int = 1) -> list[str]:
    """The ids of the messages that must come again."""
    answer = module.handler(sqs_batch(*bodies, received=received), LambdaContext())
    assert answer.keys() == {"batchItemFailures"}
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def counted(output: str) -> dict[str, list[float]]:
    """The values of each metric that was written."""
    values: dict[str, list[float]] = {}
    for line in output.splitlines():
        if '"_aws"' not in line:
            continue
        written = json.loads(line)
        for directive in written["_aws"]["CloudWatchMetrics"]:
            for metric in directive["Metrics"]:
                values.setdefault(metric["Name"], []).extend(written[metric["Name"]])
    return values


def life(contact_id: str) -> list[dict[str, Any]]:
    return [
        contact_event("INITIATED", contact_id),
        contact_event("QUEUED", contact_id, queued=1),
        contact_event("CONNECTED_TO_AGENT", contact_id, queued=1, connected=5),
        contact_event("DISCONNECTED", contact_id, queued=1, connected=5, ended=9),
        contact_event("COMPLETED", contact_id, queued=1, connected=5, ended=9),
    ]


def test_a_batch_of_a_calls_events_ends_the_call(backend: Backend) -> None:
    contact_id = backend.call().contact_id
    assert take(*life(contact_id)) == []
    assert backend.record().state(backend.now) is State.ENDED


def test_only_the_messages_that_failed_come_again(backend: Backend) -> None:
    contact_id = backend.call().contact_id
    failed = take(
        contact_event("QUEUED", contact_id, queued=1),
        "SECRET-GARBAGE",
        contact_event("DISCONNECTED", "of-nobody-yet", ended=1),
        contact_event("INITIATED", "of-others"),
        json.dumps({"detail": {}}),
        contact_event("CONNECTED_TO_AGENT", contact_id, connected=5),
    )
    assert failed == ["message-1", "message-2", "message-4"]
    assert backend.record().state(backend.now) is State.CONNECTED


def test_an_event_of_nobody_comes_again_twice_which_is_no_error(
    backend: Backend, written: Callable[[], str]
) -> None:
    event = contact_event("DISCONNECTED", "of-nobody", ended=1)
    assert take(event, received=1) == ["message-0"]
    assert take(event, received=2) == ["message-0"]
    assert take(event, received=3) == []
    assert counted(written()).keys() == {"EventsHandled"}


@pytest.mark.parametrize("step", ["find_user", "find", "store_events"])
def test_a_table_that_fails_once_holds_up_that_message_alone(
    backend: Backend, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    contact_id = backend.call().contact_id
    real = getattr(backend.table, step)
    faults = [RuntimeError("SECRET")]

    def fail_once(*args: Any) -> Any:
        if faults:
            raise faults.pop()
        return real(*args)

    monkeypatch.setattr(backend.table, step, fail_once)
    events = life(contact_id)[1:3]
    assert take(*events) == ["message-0"]
    assert take(events[0], received=2) == []
    call = backend.record()
    assert call.queued_at is not None
    assert call.connected_at is not None


def test_a_contact_that_cannot_be_stopped_has_its_message_come_again_and_is_counted(
    backend: Backend, written: Callable[[], str]
) -> None:
    contact_id = backend.leave_unanswered()
    backend.now += LIMITS.start_lease_seconds * 1000
    backend.connect.stop_faults = [(500, "InternalServiceException", {})] * 2
    event = contact_event("QUEUED", contact_id, queued=1)
    assert take(event, received=2) == ["message-0"]
    assert "ContactStopFailed" in counted(written())
    assert take(event, received=3) == []
    assert not backend.connect.active


@pytest.mark.parametrize(
    "message",
    [
        {"messageId": "message-0"},
        {"messageId": "message-0", "body": "{}", "attributes": {}},
        {"messageId": "message-0", "body": None, "attributes": {"ApproximateReceiveCount": "1"}},
        {"messageId": "message-0", "body": json.dumps(contact_event("QUEUED")), "attributes": {}},
    ],
    ids=str,
)
def test_a_message_of_another_shape_does_not_hold_up_the_others(
    backend: Backend, message: dict[str, Any]
) -> None:
    contact_id = backend.call().contact_id
    batch = sqs_batch("", contact_event("QUEUED", contact_id, queued=1))
    batch["Records"][0] = message
    assert module.handler(batch, LambdaContext()) == {"batchItemFailures": [{"itemIdentifier": "message-0"}]}
    assert backend.record().state(backend.now) is State.QUEUED


def test_an_answered_call_is_counted_once_however_often_its_events_come(
    backend: Backend, written: Callable[[], str]
) -> None:
    contact_id = backend.call().contact_id
    events = life(contact_id)
    assert take(*events, *events) == []
    assert take(*reversed(events)) == []
    metrics = counted(written())
    assert metrics["CallEnded"] == [1]
    assert metrics["TimeToAnswer"] == [4000]
    assert metrics["CallDuration"] == [4000]
    assert "CallAbandonedInQueue" not in metrics


def test_an_abandoned_call_is_counted_once_with_no_times(
    backend: Backend, written: Callable[[], str]
) -> None:
    contact_id = backend.call().contact_id
    backend.deliver("QUEUED", contact_id, queued=1)
    backend.call_control.hang_up("user-1", contact_id)
    for _ in range(2):
        take(contact_event("DISCONNECTED", contact_id, queued=1, ended=9))
        take(contact_event("COMPLETED", contact_id, queued=1, ended=9))
    metrics = counted(written())
    assert metrics["CallEnded"] == metrics["CallAbandonedInQueue"] == [1]
    assert not metrics.keys() & {"TimeToAnswer", "CallDuration"}


def test_a_call_that_an_agent_takes_at_once_did_not_wait(
    backend: Backend, written: Callable[[], str]
) -> None:
    take(contact_event("DISCONNECTED", backend.call().contact_id, queued=5, connected=5, ended=5))
    metrics = counted(written())
    assert metrics["TimeToAnswer"] == metrics["CallDuration"] == [0]


def test_a_call_that_came_to_no_queue_is_counted_as_ended_alone(
    backend: Backend, written: Callable[[], str]
) -> None:
    take(contact_event("DISCONNECTED", backend.call().contact_id, ended=9))
    assert counted(written()).keys() == {"CallEnded", "EventsHandled"}


def test_the_calls_of_one_batch_are_counted_apart(backend: Backend, written: Callable[[], str]) -> None:
    first = backend.call().contact_id
    second = backend.call(caller=type(ADA)(user_id="user-2", display_name="Grace", context={})).contact_id
    take(
        contact_event("DISCONNECTED", first, queued=1, connected=2, ended=9),
        contact_event("DISCONNECTED", second, queued=1, connected=5, ended=9),
    )
    metrics = counted(written())
    assert Counter(metrics["TimeToAnswer"]) == Counter([1000, 4000])
    assert metrics["CallEnded"] == [1, 1]


def test_nothing_secret_is_logged_or_counted(
    backend: Backend, written: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    contact_id = backend.call(key="first", display_name="SECRET-NAME").contact_id
    take(*life(contact_id), "SECRET-GARBAGE", json.dumps({"detail": "SECRET"}), "[]")
    take(contact_event("QUEUED", contact_id, queueInfo={"enqueueTimestamp": "SECRET-TIME"}))
    backend.connect.ended.add(contact_id)
    backend.now += 60_000
    unanswered = backend.leave_unanswered()
    backend.now += LIMITS.start_lease_seconds * 1000
    backend.connect.stop_faults = [(400, "InvalidRequestException", {"message": "SECRET-AWS"})]
    take(contact_event("QUEUED", unanswered, queued=1), received=2)
    monkeypatch.setattr(backend.table, "find_user", lambda _: 1 / 0)
    take(*life(contact_id))
    output = written()
    for name in (
        "EventsHandled",
        "CallEnded",
        "ZeroDivisionError",
        "JSONDecodeError",
        contact_id,
        "NotPossibleNow",
    ):
        assert name in output
    assert "SECRET" not in output
    assert ADA.context["customer_email"] not in output
    assert backend.record().reference not in output


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=5,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(25))
@given(
    bodies=st.lists(
        st.text()
        | json_values.map(json.dumps)
        | st.builds(
            lambda name, detail: contact_event("QUEUED", **{name: detail}),
            st.sampled_from(
                [
                    "contactId",
                    "queueInfo",
                    "agentInfo",
                    "disconnectTimestamp",
                    "initialContactId",
                    "eventType",
                ]
            ),
            json_values,
        ),
        max_size=3,
    )
)
def test_no_message_whatever_it_holds_keeps_a_good_one_from_being_handled(
    backend: Backend, bodies: list[dict[str, Any] | str]
) -> None:
    backend.now += LIMITS.rates[1].seconds * 1000
    contact_id = backend.call(key=None).contact_id
    failed = take(*bodies, contact_event("DISCONNECTED", contact_id, ended=9))
    assert f"message-{len(bodies)}" not in failed
    assert backend.record().state(backend.now) is State.ENDED
    backend.connect.ended.add(contact_id)
