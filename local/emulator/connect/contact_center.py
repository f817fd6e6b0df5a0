"""What a contact center is like at the moment: its hours, its staff, how long people wait and how many may,
and which blocks of flows fail.

Until `POST /_local/contact-center` says otherwise, everything is open and one agent is there for each queue.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

OPEN, CLOSED = "Open", "Closed"


@dataclass(frozen=True)
class QueueState:
    """One queue; ages and waits in seconds. `max_contacts` None: what the queue's own property says."""

    agents_online: int = 1
    agents_staffed: int = 1
    agents_available: int = 1
    oldest_contact_age: int = 0
    estimated_wait_time: int = 0
    max_contacts: int | None = None


_USUAL = QueueState()
_MEMBERS = {
    "AgentsOnline": "agents_online",
    "AgentsStaffed": "agents_staffed",
    "AgentsAvailable": "agents_available",
    "OldestContactAge": "oldest_contact_age",
    "EstimatedWaitTime": "estimated_wait_time",
    "MaxContacts": "max_contacts",
}


class ContactCenter:
    """The state that tests set. Hours and queues are named by ARN or id."""

    def __init__(self) -> None:
        self._closed: set[str] = set()
        self._queues: dict[str, QueueState] = {}
        self._draw: int | None = None
        self._view_action: str | None = None
        self._failures: dict[str, str] = {}

    def is_open(self, hours_id: str) -> bool:
        """Whether the hours of operation say open."""
        return _id(hours_id) not in self._closed

    def queue(self, queue_id: str) -> QueueState:
        """The state of a queue."""
        return self._queues.get(_id(queue_id), _USUAL)

    def is_set(self, queue_id: str) -> bool:
        """Whether a queue's state was set, and is more than what everything is like at first."""
        return _id(queue_id) in self._queues

    def draw(self) -> int:
        """The number from 1 to 100 that DistributeByPercentage draws."""
        return self._draw or secrets.randbelow(100) + 1

    @property
    def view_action(self) -> str | None:
        """What agents choose in every view; None where they choose nothing."""
        return self._view_action

    @property
    def failures(self) -> Mapping[str, str]:
        """The blocks that fail, by their names, with the type of the error."""
        return self._failures

    def shown(self) -> dict[str, Any]:
        """What was set."""
        return {
            "Hours": dict.fromkeys(sorted(self._closed), CLOSED),
            "Queues": {
                queue_id: {name: getattr(state, member) for name, member in _MEMBERS.items()}
                for queue_id, state in self._queues.items()
            },
            "Draw": self._draw,
            "ViewAction": self._view_action,
            "Failures": dict(self._failures),
        }

    def change(self, wanted: Mapping[str, Any]) -> None:
        """Change what is named; the rest stays. ValueError for what cannot be, and then nothing changes."""
        unknown = wanted.keys() - self.shown().keys()
        if unknown:
            raise ValueError(f"{', '.join(sorted(unknown))}: there are {', '.join(self.shown())}")
        closed = self._read_hours(wanted.get("Hours", {}))
        queues = {
            **self._queues,
            **{
                _id(queue_id): self._read_queue(queue_id, state)
                for queue_id, state in _object(wanted, "Queues")
            },
        }
        failures = self._read_failures(wanted.get("Failures", {}))
        draw, action = wanted.get("Draw", self._draw), wanted.get("ViewAction", self._view_action)
        if draw is not None and (not _is_count(draw) or not 1 <= draw <= 100):
            raise ValueError(f"Draw is {draw!r}, not a number from 1 to 100")
        if action is not None and not isinstance(action, str):
            raise ValueError(f"ViewAction is {action!r}, not the name of an action")
        self._closed, self._queues, self._draw, self._view_action = closed, queues, draw, action
        self._failures = failures

    def _read_hours(self, hours: Any) -> set[str]:
        closed = set(self._closed)
        for hours_id, word in _object({"Hours": hours}, "Hours"):
            if word not in {OPEN, CLOSED}:
                raise ValueError(f"Hours of {hours_id} are {word!r}, not {OPEN} or {CLOSED}")
            (closed.add if word == CLOSED else closed.discard)(_id(hours_id))
        return closed

    def _read_failures(self, failures: Any) -> dict[str, str]:
        """Those that stay, and those that are wanted; None stands for a block that works again."""
        changed: dict[str, Any] = {**self._failures, **dict(_object({"Failures": failures}, "Failures"))}
        for block, error_type in changed.items():
            if error_type is not None and not isinstance(error_type, str):
                raise ValueError(f"{block} is to fail by {error_type!r}, not by the type of an error")
        return {block: error_type for block, error_type in changed.items() if error_type is not None}

    def _read_queue(self, queue_id: str, state: Any) -> QueueState:
        members = dict(_object({queue_id: state}, queue_id))
        for name, value in members.items():
            if name not in _MEMBERS:
                raise ValueError(f"{name}: a queue has {', '.join(sorted(_MEMBERS))}")
            if not _is_count(value) and (name != "MaxContacts" or value is not None):
                raise ValueError(f"{name} is {value!r}, not a number from 0")
        return replace(self.queue(queue_id), **{_MEMBERS[name]: value for name, value in members.items()})


def _object(document: Mapping[str, Any], name: str) -> list[tuple[str, Any]]:
    value = document.get(name, {})
    if not isinstance(value, dict):
        raise ValueError(f"{name} is {value!r}, not an object")  # noqa: TRY004 the sender's value
    return list(value.items())


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _id(arn: str) -> str:
    return arn.rpartition("/")[2]
