"""The contact flow that ends calls of a closed queue: what it sends, and what it says of the next opening."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from availability.domain import NextOpening

_EVENT = "ContactFlowEvent"
_DAYS = 9
"""Words: of today, of tomorrow, and of the days from Monday to Sunday."""
_TOMORROW = 1
_WEEK = 7
_NOON = 12


@dataclass(frozen=True)
class Question:
    """What the flow of a contact asks: when its queue opens, in these words."""

    queue_id: str
    text: str
    """With {day}, and {time} or {time_12}, in the places of these."""
    days: tuple[str, ...]

    @classmethod
    def read(cls, event: Mapping[str, Any]) -> Self | None:
        """The question in the event of a flow; None where the contact has no queue, or a word is missing."""
        match event:
            case {
                "Details": {
                    "ContactData": {"Queue": {"ARN": str(queue_arn)}},
                    "Parameters": {"text": str(text), "days": str(days)},
                }
            }:
                words = tuple(word.strip() for word in days.split(","))
                if len(words) == _DAYS:
                    return cls(queue_arn.rpartition("/")[2], text, words)
        return None


def is_of_flow(event: Mapping[str, Any]) -> bool:
    """Whether an event comes from a contact flow: API Gateway's have no such member."""
    return event.get("Name") == _EVENT


def opening_in_words(question: Question, opening: NextOpening) -> str | None:
    """What the caller hears; None where the words would mean another day: in a week and later."""
    at = opening.opens_at
    ahead = (at.date() - opening.asked_at.date()).days
    if ahead >= _WEEK:
        return None
    day = question.days[ahead if ahead <= _TOMORROW else _TOMORROW + 1 + at.weekday()]
    half = "AM" if at.hour < _NOON else "PM"
    words = {
        "{day}": day,
        "{time}": f"{at:%H:%M}",
        "{time_12}": f"{at.hour % _NOON or _NOON}:{at:%M} {half}",
    }
    text = question.text
    for placeholder, word in words.items():
        text = text.replace(placeholder, word)
    return text
