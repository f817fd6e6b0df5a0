from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.errors import AnswerIncomplete

from availability.opening import Opening, opening_at, read_spans
from tests.lambdas.fake_connect_queues import at

LONDON = ZoneInfo("Europe/London")


def hours(*days: tuple[str, list[tuple[Any, Any]]], zone: str = "UTC") -> dict[str, Any]:
    return {
        "TimeZone": zone,
        "EffectiveHoursOfOperationList": [
            {"Date": day, "OperationalHours": [{"Start": start, "End": end} for start, end in spans]}
            for day, spans in days
        ],
    }


def moment(text: str, zone: str = "UTC") -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


def spans(*pairs: tuple[str, str], zone: str = "UTC") -> list[tuple[int, int]]:
    return [(moment(begin, zone), moment(end, zone)) for begin, end in pairs]


def test_hours_are_local_time_on_either_side_of_a_change_of_the_clock() -> None:
    read = read_spans(
        hours(
            ("2026-10-24", [(at(9), at(17))]),
            ("2026-10-25", [(at(0), at(8))]),
            ("2026-10-26", [(at(9), at(17))]),
            zone="Europe/London",
        )
    )
    assert read == spans(
        ("2026-10-24T08:00", "2026-10-24T16:00"),
        # Nine hours, since one comes twice.
        ("2026-10-24T23:00", "2026-10-25T08:00"),
        ("2026-10-26T09:00", "2026-10-26T17:00"),
    )


def test_hours_may_go_on_over_midnight() -> None:
    assert read_spans(hours(("2026-01-05", [(at(22), at(6))]))) == spans(
        ("2026-01-05T22:00", "2026-01-06T06:00")
    )


@pytest.mark.parametrize("whole_day", [(at(0), at(23, 59)), (at(0), at(0))])
def test_whole_days_one_after_the_other_are_one_span(
    whole_day: tuple[dict[str, int], dict[str, int]],
) -> None:
    """The end of a day cannot be written: the minute before it is what people write."""
    read = read_spans(hours(("2026-01-05", [whole_day]), ("2026-01-06", [whole_day])))
    assert read == spans(("2026-01-05T00:00", "2026-01-07T00:00"))


def test_a_day_may_have_a_break_and_a_closed_day_has_no_hours() -> None:
    read = read_spans(hours(("2026-01-05", [(at(13), at(17)), (at(9), at(12))]), ("2026-01-06", [])))
    assert read == spans(("2026-01-05T09:00", "2026-01-05T12:00"), ("2026-01-05T13:00", "2026-01-05T17:00"))


@pytest.mark.parametrize(
    "answer",
    [
        {},
        hours() | {"TimeZone": "Atlantis/Poseidonis"},
        hours() | {"TimeZone": None},
        hours() | {"TimeZone": "../../etc/passwd"},
        hours() | {"EffectiveHoursOfOperationList": 7},
        hours(("2026-02-30", [(at(9), at(17))])),
        hours(("soon", [(at(9), at(17))])),
        hours(("2026-01-05", [({}, {})])),
        hours(("2026-01-05", [(at(9), {"Hours": "x", "Minutes": 0})])),
        hours(("9999-12-31", [(at(22), at(6))])),
    ],
    ids=str,
)
def test_hours_that_are_none_are_not_known(answer: dict[str, Any]) -> None:
    with pytest.raises(AnswerIncomplete):
        read_spans(answer)


WEEK = spans(("2026-01-05T09:00", "2026-01-05T17:00"), ("2026-01-06T09:00", "2026-01-06T17:00"))
UNTIL = moment("2026-01-18T00:00")


@pytest.mark.parametrize(
    ("now", "is_open", "changes_at"),
    [
        ("2026-01-05T08:59", False, "2026-01-05T09:00"),
        ("2026-01-05T09:00", True, "2026-01-05T17:00"),
        ("2026-01-05T16:59", True, "2026-01-05T17:00"),
        ("2026-01-05T17:00", False, "2026-01-06T09:00"),
        ("2026-01-06T17:00", False, None),
    ],
)
def test_it_is_open_from_the_first_moment_to_the_last(
    now: str, is_open: bool, changes_at: str | None
) -> None:
    expected = Opening(is_open, changes_at and moment(changes_at))  # type: ignore[arg-type]
    assert opening_at(moment(now), WEEK, known_until=UNTIL) == expected


def test_what_is_open_for_longer_than_is_known_closes_at_no_known_time() -> None:
    always = spans(("2026-01-04T00:00", "2026-01-19T00:00"))
    assert opening_at(moment("2026-01-05T12:00"), always, known_until=UNTIL) == Opening(
        is_open=True, changes_at=None
    )


TIMES = st.tuples(st.integers(0, 23), st.integers(0, 59))


@given(days=st.dictionaries(st.dates(), st.lists(st.tuples(TIMES, TIMES), max_size=3), max_size=5))
def test_whatever_the_hours_spans_are_in_order_and_apart(days: Any) -> None:
    try:
        read = read_spans(
            hours(
                *(
                    (str(day), [(at(*start), at(*end)) for start, end in spans])
                    for day, spans in days.items()
                ),
                zone="Europe/London",
            )
        )
    except AnswerIncomplete:
        # The end of time, or a year before 1000 that is written with fewer digits.
        return
    edges = [edge for span in read for edge in span]
    assert edges == sorted(edges)
    assert len(set(edges)) == len(edges)
