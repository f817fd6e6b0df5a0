"""One simulated course: users, the product, AWS, and what must hold."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar

from tests.lambdas.conftest import INDEXES, TABLE
from tests.lambdas.fake_dynamodb import FakeDynamoDb
from tests.simulation import aws
from tests.simulation.aws import Client, Invocation, Service
from tests.simulation.contact_center import PATIENCE, ContactCenter
from tests.simulation.course import Course, Decisions, RandomDecisions
from tests.simulation.functions import LIMITS, Events, Functions
from tests.simulation.invariants import Invariants
from tests.simulation.scheduler import START, Scheduler
from tests.simulation.users import User, random_steps

SERVICES = {
    "dynamodb": Service(
        name="dynamodb",
        operations=("GetItem", "Query", "UpdateItem"),
        read_timeout=2000,
        facts=frozenset({("UpdateItem", "ConditionalCheckFailedException")}),
    ),
    "ssm": Service(name="ssm", operations=("GetParameter",), read_timeout=2000, attempts=1),
    "connect": Service(
        name="connect",
        operations=("StartWebRTCContact", "StopContact", "CreateParticipant"),
        read_timeout=4000,
        lacks_members=True,
        facts=frozenset(
            {
                ("StopContact", "ContactNotFoundException"),
                ("StopContact", "ResourceNotFoundException"),
                ("CreateParticipant", "ResourceNotFoundException"),
            }
        ),
    ),
    "connectparticipant": Service(
        name="connectparticipant",
        operations=("CreateParticipantConnection", "SendMessage"),
        read_timeout=4000,
        lacks_members=True,
    ),
}
_FAULTS_LAST = 150_000
"""Milliseconds after the last step in which requests still fail."""
_SETTLED_AFTER = 900_000
"""Milliseconds after these in which all retries are over: a message has five, two minutes apart."""
_INDEX_LAGS = (0, 30, 400, 1_000)
"""Milliseconds by which a global secondary index can be behind."""


class Simulation:
    """Everything of one course. It is run once.

    A transport other than the native one has a simulation of its own, which makes parts of it anew.
    """

    services: ClassVar[Mapping[str, Service]] = SERVICES

    def __init__(
        self,
        course: Course,
        *,
        decisions: Decisions | None = None,
        faults: Mapping[int, float] | None = None,
        delays: float = 0.0,
        chaos: float = 0.0,
        deafness: float = 0.0,
        trace: Callable[[str], None] | None = None,
    ) -> None:
        """The chances of each fault, of a delay, of an event to come in another way than at once, and of an
        answer to be lost. They are for random decisions alone.
        """
        self.course = course
        self.decisions = decisions or Decisions(course.decisions)
        self.chaos = chaos
        self.deafness = deafness
        self.is_over = False
        """Whether all is done, and nothing fails any more."""
        self._last_step = START
        self.blocked: dict[str, int] = {}
        self._faults, self._delays, self._trace = faults or {}, delays, trace
        self.scheduler = Scheduler()
        self.invariants = self.make_invariants()
        self._table = FakeDynamoDb(TABLE, "UserId", INDEXES)
        self._indexed: list[tuple[int, str, str]] = []
        self._clients: list[Client] = []
        self.contact_center = self.make_contact_center()
        self.events = Events(self)
        self.functions = self.make_functions()
        self.users = {user: self.make_user(user) for user in ("user-0", "user-1")}

    def make_invariants(self) -> Invariants:
        return Invariants(self)

    def make_contact_center(self) -> ContactCenter:
        return ContactCenter(self)

    def make_functions(self) -> Functions:
        return Functions(self)

    def make_user(self, user: str) -> User:
        return User(self, user)

    def run(self) -> None:
        """Raises `BrokenError` when an invariant is broken."""
        self.functions.load()
        steps = self.course.steps
        for step in steps:
            user = self.users[f"user-{step.user}"]
            self.scheduler.at(START + step.at, partial(user.act, step))
        self._last_step = last = START + max((step.at for step in steps), default=0)
        for client in self._clients:
            client.quiet_at = last + _FAULTS_LAST
        self.scheduler.at(last + _FAULTS_LAST + _SETTLED_AFTER, self.invariants.check_settled)
        self.scheduler.run()
        self.invariants.check_records()
        self.is_over = True
        self.scheduler.at(self.now + LIMITS.max_call_seconds * 1000 + PATIENCE, self._call_at_last)
        self.scheduler.run()

    def client(self, service: str, *, faults: Mapping[int, float] | None = None) -> Any:
        """A client of an AWS service."""
        perform = {
            "dynamodb": self.perform_on_table,
            "ssm": lambda _, parameters: {"Parameter": {"Name": parameters["Name"], "Value": "on"}},
        }.get(service, self.contact_center.perform)
        client = Client(
            self.services[service],
            perform,
            scheduler=self.scheduler,
            decisions=self.decisions,
            faults=self._faults if faults is None else faults,
            delay_chance=self._delays,
            note=None if self._trace is None else self._note,
        )
        self._clients.append(client)
        return client

    @property
    def now(self) -> int:
        return self.scheduler.now

    def time(self) -> int:
        """The clock that the product has."""
        return self.scheduler.now

    def after(self, milliseconds: int, action: Callable[[], None]) -> None:
        self.scheduler.after(milliseconds, action)

    def decide(self, name: str, number: int, chance: float) -> int:
        return self.decisions.choose(name, number, chance)

    @property
    def invocation(self) -> str:
        invocation = self.invocation_or_none
        return "" if invocation is None else invocation.name

    @property
    def invocation_or_none(self) -> Invocation | None:
        """The invocation whose request is being carried out; None for one that has timed out since."""
        task = self.scheduler.current
        return None if task is None else task.context

    def happened(self, user: str | None, what: str) -> None:
        """Something that the user's app could notice. After the last step nobody does anything any more."""
        if user in self.users and self.now < self._last_step + _FAULTS_LAST // 2:
            self.users[user].react(what)

    def item(self, user: str | None) -> dict[str, Any]:
        """The record of a user, as it is stored."""
        item: dict[str, Any] = self._table._read({"UserId": {"S": str(user)}})
        return item

    def is_blocked(self, user: str | None) -> bool:
        return self.blocked.get(str(user), 0) > self.now

    def note(self, what: Callable[[], str]) -> None:
        """Keeps a line of the trace, if there is one."""
        if self._trace is not None:
            self._note(what())

    def _note(self, what: str) -> None:
        assert self._trace is not None
        self._trace(f"{(self.now - START) / 1000:10.3f} s  {what}")

    def _call_at_last(self) -> None:
        for user in self.users.values():
            if any(step.user == int(user.user_id[-1]) for step in self.course.steps):
                user.call_at_last()

    def perform_on_table(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """Does what a request to DynamoDB asks for."""
        if operation == "Query":
            return self._query(parameters)
        if operation != "UpdateItem":
            answer: dict[str, Any] = getattr(self._table, f"_{operation}")(parameters)
            return answer
        user = parameters["Key"]["UserId"]["S"]
        invocation = self.invocation_or_none
        if invocation is not None and invocation.user not in {None, user}:
            self.invariants.break_(f"{invocation.user}'s request wrote the record of {user}")
        before = self.item(user)
        answer = self._table._UpdateItem(parameters)
        after = answer.get("Attributes") or self.item(user)
        self.invariants.written(before, after)
        if after.get("ContactId") != before.get("ContactId"):
            contact_id = after.get("ContactId", {"S": ""})["S"]
            self._indexed.append((self.now, user, contact_id))
        return answer

    def _query(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """What the index has: perhaps what the table had a moment ago."""
        answer = self._table._Query(parameters)
        lag = 0
        if self._indexed:
            invocation = self.invocation_or_none
            name = "" if invocation is None else f"{invocation.name}.{invocation.requests}"
            lag = _INDEX_LAGS[self.decide(f"{name} index", len(_INDEX_LAGS), self._delays)]
        if not lag:
            return answer
        (wanted,) = parameters["ExpressionAttributeValues"].values()
        seen = {user: contact_id for moment, user, contact_id in self._indexed if moment <= self.now - lag}
        users = [user for user, contact_id in seen.items() if contact_id == wanted["S"]]
        items = [{"UserId": {"S": user}, "ContactId": wanted} for user in users]
        return {"Items": items, "Count": len(items), "ScannedCount": len(items)}


def random_simulation(
    seed: int, trace: Callable[[str], None] | None = None, *, simulated: type[Simulation] = Simulation
) -> Simulation:
    """The simulation of a seed. How wild it is differs from seed to seed: some faults hide others."""
    source = random.Random(seed)  # noqa: S311 - nothing secret
    # Few kinds at a time, so that each has room; most of them those after which nobody knows what was done.
    chosen = [
        *source.sample([*aws.FAULTS], source.choice((0, 1, 1, 2, 4))),
        *source.sample(range(aws.MODELLED, aws.MODELLED + aws.MOST_MODELLED), source.choice((0, 0, 0, 1, 3))),
    ]
    rate = source.choice((0.03, 0.1, 0.25))
    return simulated(
        Course(random_steps(source)),
        decisions=RandomDecisions(source),
        faults={kind: rate / len(chosen) for kind in chosen},
        delays=source.choice((0.0, 0.1, 0.4)),
        chaos=source.choice((0.0, 0.2, 0.6)),
        deafness=source.choice((0.0, 0.0, 0.3)),
        trace=trace,
    )
