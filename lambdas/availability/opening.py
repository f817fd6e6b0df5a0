"""When a queue is open: spans of time in UTC, made of what Amazon Connect says day by day in local time."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

# Where the system has no time zones, zoneinfo looks for them in this package, by its name.
import tzdata  # noqa: F401

from runtime.errors import AnswerIncomplete

_LAST_MINUTE = 23 * 60 + 59
"""What hours that go on over midnight end with: an end at 24:00 cannot be written everywhere."""

Span = tuple[int, int]
"""From and until, in milliseconds since the epoch."""


@dataclass(frozen=True)
class Opening:
    """Open or closed, and when that changes next; None where it does not within the days that were read."""

    is_open: bool
    changes_at: int | None
    """Milliseconds since the epoch."""


def read_spans(answer: Mapping[str, Any]) -> list[Span]:
    """The spans in an answer of GetEffectiveHoursOfOperations, in their order, without overlaps.

    Overrides are applied to what it lists. Raises `AnswerIncomplete` for what is no such answer.
    """
    try:
        zone = ZoneInfo(answer["TimeZone"])
        spans = [
            _span(each["Date"], hours, zone)
            for each in answer["EffectiveHoursOfOperationList"]
            for hours in each.get("OperationalHours") or ()
        ]
    except (AttributeError, LookupError, OverflowError, TypeError, ValueError) as error:
        raise AnswerIncomplete("The contact center's hours cannot be used.") from error
    return _joined(spans)


def opening_at(now: int, spans: Sequence[Sequence[int]], *, known_until: int) -> Opening:
    """Whether it is open at `now`; the spans hold all that is open until `known_until`."""
    for begin, end in spans:
        if now < begin:
            return Opening(is_open=False, changes_at=begin)
        if now < end:
            return Opening(is_open=True, changes_at=end if end < known_until else None)
    return Opening(is_open=False, changes_at=None)


def _span(date: str, hours: Mapping[str, Any], zone: ZoneInfo) -> Span:
    day = datetime.strptime(date, "%Y-%m-%d").replace(tzinfo=zone)
    begin, end = _minutes(hours["Start"]), _minutes(hours["End"])
    # 22:00 to 06:00 ends on the next day, and 00:00 to 00:00 is a whole one.
    if end == _LAST_MINUTE:
        end += 1
    elif end <= begin:
        end += 24 * 60
    return _moment(day, begin), _moment(day, end)


def _minutes(time: Mapping[str, int]) -> int:
    return int(time["Hours"]) * 60 + int(time["Minutes"])


def _moment(day: datetime, minutes: int) -> int:
    """That time of a day on the clock, which may be changed on it: within a zone Python adds clock time."""
    return int((day + timedelta(minutes=minutes)).timestamp() * 1000)


def _joined(spans: Iterable[Span]) -> list[Span]:
    joined: list[Span] = []
    for begin, end in sorted(spans):
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((begin, end))
    return joined
