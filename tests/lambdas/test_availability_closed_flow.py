"""What a contact flow is answered that has found its queue closed."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from availability import handler as module
from calls.readings import SharedReadings
from tests.lambdas.conftest import (
    BILLING_QUEUE_ARN,
    QUEUE_ARN,
    WAITING_INDEXES,
    WAITING_SORT_KEYS,
    WAITING_TABLE,
)
from tests.lambdas.events import START, LambdaContext, flow_event
from tests.lambdas.fake_aws import RefusedError
from tests.lambdas.fake_connect_queues import FakeConnectQueues, at
from tests.lambdas.fake_dynamodb import FakeDynamoDb

DAYS = "heute, morgen, am Montag, am Dienstag, am Mittwoch, am Donnerstag, am Freitag, am Samstag, am Sonntag"
UNKNOWN = {"opening": "unknown"}


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> FakeConnectQueues:
    """What is behind the handler, with nothing read yet; it opens at no time."""
    connect = FakeConnectQueues()
    fake = FakeDynamoDb(WAITING_TABLE, "Id", WAITING_INDEXES, WAITING_SORT_KEYS)
    fake.attach(module._readings._table._client)  # type: ignore[attr-defined]
    connect.attach(module._connect)
    set_clock(monkeypatch, START)
    return connect


def set_clock(monkeypatch: pytest.MonkeyPatch, now: int) -> None:
    monkeypatch.setattr(
        module._availabilities, "_readings", SharedReadings(module._readings._table, lambda: now)
    )
    monkeypatch.setattr(module._availabilities, "_now", lambda: now)


def ask(
    text: str = "Wir öffnen {day} um {time} Uhr.", days: str = DAYS, queue_arn: str = QUEUE_ARN
) -> dict[str, str]:
    event = flow_event({}, Queue={"ARN": queue_arn, "Name": "verified", "OutboundCallerId": None})
    event["Details"]["Parameters"] = {"text": text, "days": days}
    return answered(event)


def answered(event: dict[str, Any]) -> dict[str, str]:
    answer: Any = module.handler(event, LambdaContext())
    assert all(isinstance(value, str) for value in answer.values())
    return dict(answer)


def heard(text: str) -> dict[str, str]:
    return {"opening": "known", "opening_text": text}


# START is Monday, 2026-09-21, 14:13:20 UTC.
@pytest.mark.parametrize(
    ("ahead", "day"),
    [
        (0, "heute"),
        (1, "morgen"),
        (2, "am Mittwoch"),
        (3, "am Donnerstag"),
        (4, "am Freitag"),
        (5, "am Samstag"),
        (6, "am Sonntag"),
    ],
)
def test_the_flow_says_the_day_in_its_own_words(connect: FakeConnectQueues, ahead: int, day: str) -> None:
    opens = datetime.fromtimestamp(START / 1000, UTC) + timedelta(days=ahead)
    connect.hours = {f"{opens:%Y-%m-%d}": [(at(18, 30), at(20))]}
    assert ask() == heard(f"Wir öffnen {day} um 18:30 Uhr.")


def test_what_opens_in_a_week_is_not_said_by_the_name_of_its_day(connect: FakeConnectQueues) -> None:
    connect.hours = {"2026-09-28": [(at(9), at(17))]}
    assert ask() == UNKNOWN


@pytest.mark.parametrize(
    ("begin", "time"),
    [
        ((0, 0), "12:00 AM"),
        ((0, 5), "12:05 AM"),
        ((9, 0), "9:00 AM"),
        ((11, 59), "11:59 AM"),
        ((12, 0), "12:00 PM"),
        ((13, 30), "1:30 PM"),
    ],
)
def test_a_time_is_said_by_twelve_hours_where_the_text_wants_it(
    connect: FakeConnectQueues, begin: tuple[int, int], time: str
) -> None:
    connect.hours = {"2026-09-22": [(at(*begin), at(23))]}
    assert ask("We open {day} at {time_12}.") == heard(f"We open morgen at {time}.")


def test_days_and_times_are_those_of_the_place(connect: FakeConnectQueues) -> None:
    """In Auckland it is Tuesday already."""
    connect.time_zone = "Pacific/Auckland"
    connect.hours = {"2026-09-22": [(at(8), at(17))]}
    assert ask() == heard("Wir öffnen heute um 08:00 Uhr.")


def test_a_closing_of_a_moment_ago_is_known(connect: FakeConnectQueues) -> None:
    """What apps read may be five minutes old; the flow has just found the queue closed."""
    connect.hours = {"2026-09-21": [(at(9), at(17))]}
    hours = module._availabilities._opening(QUEUE_ARN.rpartition("/")[2])
    assert hours is not None
    assert hours.is_open
    connect.hours = {"2026-09-22": [(at(8), at(17))]}
    assert ask() == heard("Wir öffnen morgen um 08:00 Uhr.")


def test_a_thousand_callers_have_the_hours_read_once_a_minute(
    connect: FakeConnectQueues, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect.hours = {"2026-09-22": [(at(8), at(17))]}
    for _ in range(1_000):
        ask()
    assert len(connect.requests) == 2
    set_clock(monkeypatch, START + 59_999)
    ask()
    assert len(connect.requests) == 2
    set_clock(monkeypatch, START + 60_000)
    assert ask() == heard("Wir öffnen morgen um 08:00 Uhr.")
    assert len(connect.requests) == 4


def test_a_queue_of_a_topic_has_its_own_hours(connect: FakeConnectQueues) -> None:
    connect.hours = {"2026-09-22": [(at(8), at(17))]}
    assert ask(queue_arn=BILLING_QUEUE_ARN)["opening"] == "known"
    (described,) = connect.requested("DescribeQueue")
    assert described["path"].endswith(BILLING_QUEUE_ARN.rpartition("/")[2])


def test_of_another_queue_nothing_is_read(connect: FakeConnectQueues) -> None:
    """The function may not read it: each attempt would be a fault of the deployment."""
    assert ask(queue_arn=QUEUE_ARN[:-1] + "9") == UNKNOWN
    assert connect.requests == []


def test_a_queue_that_is_open_by_now_has_no_time_to_say(connect: FakeConnectQueues) -> None:
    connect.hours = {"2026-09-21": [(at(14), at(17))], "2026-09-22": [(at(8), at(17))]}
    assert ask() == UNKNOWN


def test_hours_that_never_come_are_not_known(connect: FakeConnectQueues) -> None:
    assert ask() == UNKNOWN
    assert len(connect.requests) == 2


@pytest.mark.parametrize("days", ["", "today", DAYS + ", and on"])
def test_words_that_are_no_days_are_not_said(connect: FakeConnectQueues, days: str) -> None:
    connect.hours = {"2026-09-22": [(at(8), at(17))]}
    assert ask(days=days) == UNKNOWN


@pytest.mark.parametrize("part", ["Queue", "Parameters", "ContactData", "Details"])
def test_an_event_that_lacks_a_part_is_answered(connect: FakeConnectQueues, part: str) -> None:
    event = flow_event({}, Queue={"ARN": QUEUE_ARN})
    event["Details"]["Parameters"] = {"text": "{day}", "days": DAYS}
    details = event["Details"]
    {"Queue": details["ContactData"], "Details": event}.get(part, details)[part] = None
    assert answered(event) == UNKNOWN
    assert connect.requests == []


@pytest.mark.parametrize("operation", ["DescribeQueue", "GetEffectiveHoursOfOperations"])
def test_a_connect_that_fails_leaves_the_time_unsaid(connect: FakeConnectQueues, operation: str) -> None:
    connect.hours = {"2026-09-22": [(at(8), at(17))]}
    connect.faults[operation] = [RefusedError(400, "InvalidRequestException")] * 9
    assert ask() == UNKNOWN


def test_whatever_goes_wrong_the_flow_is_answered(
    connect: FakeConnectQueues, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise KeyError("SECRET")

    monkeypatch.setattr(module._availabilities, "next_opening", fail)
    assert ask() == UNKNOWN
    assert connect.requests == []
