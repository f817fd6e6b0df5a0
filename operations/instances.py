"""What an account has in Amazon Connect, and which of it an environment takes; only read, never changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from operations.errors import OperationError

if TYPE_CHECKING:
    from mypy_boto3_connect import ConnectClient

INSTANCE = "INSTANCE"
VERIFIED = "VERIFIED"
UNVERIFIED = "UNVERIFIED"


@dataclass(frozen=True)
class Resource:
    """An instance or a queue; the name is what its people call it."""

    arn: str
    name: str

    def is_called(self, wanted: str) -> bool:
        """Whether somebody means it by this: its ARN, the id at its end, or its name."""
        return wanted in {self.arn, self.id, self.name}

    @property
    def id(self) -> str:
        """What Amazon Connect's operations take: their `InstanceId` is no ARN."""
        return self.arn.rpartition("/")[2]


Ask = Callable[[str, Sequence[Resource]], Resource]
"""Has a person choose; `question` is what they read above the list."""


def list_instances(client: ConnectClient) -> list[Resource]:
    """The active instances of the Region, by name."""
    found = [
        Resource(instance["Arn"], instance.get("InstanceAlias") or instance["Id"])
        for page in client.get_paginator("list_instances").paginate()
        for instance in page["InstanceSummaryList"]
        if instance["InstanceStatus"] == "ACTIVE"
    ]
    return sorted(found, key=lambda instance: instance.name.casefold())


def read_instance(client: ConnectClient, arn: str) -> Resource:
    """One instance. Raises OperationError where there is none, or it is not active."""
    try:
        instance = client.describe_instance(InstanceId=arn.rpartition("/")[2])["Instance"]
    except client.exceptions.ResourceNotFoundException:
        raise OperationError(
            f"There is no Amazon Connect instance {arn} in this account.\n"
            "  Fix: its ARN is in the Amazon Connect console, in the instance's account overview."
        ) from None
    if instance["InstanceStatus"] != "ACTIVE":
        raise OperationError(
            f"The Amazon Connect instance {arn} is {instance['InstanceStatus']}.\n"
            "  Fix: wait until it is ACTIVE, or choose another one."
        )
    return Resource(instance["Arn"], instance.get("InstanceAlias") or instance["Id"])


def list_queues(client: ConnectClient, instance: Resource) -> list[Resource]:
    """The queues of an instance that are not an agent's own, by name."""
    found = [
        Resource(queue["Arn"], queue["Name"])
        for page in client.get_paginator("list_queues").paginate(
            InstanceId=instance.id, QueueTypes=["STANDARD"]
        )
        for queue in page["QueueSummaryList"]
    ]
    return sorted(found, key=lambda queue: queue.name.casefold())


def choose_instance(found: Sequence[Resource], wanted: str | None, ask: Ask | None) -> Resource:
    """The wanted instance, the only one, or the one that a person chooses; `ask` is None without a terminal.

    Raises OperationError where nothing decides.
    """
    if wanted is None and len(found) == 1:
        return found[0]
    return _choose("Which Amazon Connect instance takes the calls?", found, INSTANCE, wanted, ask)


def choose_queues(
    found: Sequence[Resource], verified: str | None, unverified: str | None, ask: Ask | None
) -> tuple[Resource, Resource]:
    """Two different queues: of callers whose identity is proved, and of all others. Raises OperationError."""
    if len(found) < 2:
        raise OperationError(
            f"The instance has {len(found)} standard queue{'' if len(found) == 1 else 's'}; two are needed: "
            "one for verified callers, one for callers whom the agent must identify.\n"
            "  Fix: create them in the Amazon Connect admin website, under Routing, Queues."
        )
    first = _choose("Which queue is for verified callers?", found, VERIFIED, verified, ask)
    # One that is named must not be hidden, or it would be called unknown.
    left = found if unverified is not None else [queue for queue in found if queue != first]
    second = _choose("Which queue is for all others?", left, UNVERIFIED, unverified, ask)
    if first == second:
        raise OperationError(
            f"{VERIFIED} and {UNVERIFIED} are the same queue, {first.name!r}: in one queue agents could not "
            "see whose identity is proved.\n  Fix: name two queues."
        )
    return first, second


def _choose(
    question: str, found: Sequence[Resource], variable: str, wanted: str | None, ask: Ask | None
) -> Resource:
    listed = "\n".join(f"    {printable(each.name)}  {each.arn}" for each in found)
    if wanted is None:
        if ask is not None:
            return ask(question, found)
        raise OperationError(
            f"{question}\n{listed}\n  Fix: name it, by name or ARN: {variable}='{printable(found[0].name)}'"
        )
    called = [each for each in found if each.is_called(wanted)] or [
        each for each in found if each.name.casefold() == wanted.casefold()
    ]
    if len(called) == 1:
        return called[0]
    what = "There is none" if not called else f"{len(called)} are"
    raise OperationError(
        f"{variable}={wanted}: {what} of this name. There are:\n{listed}\n  Fix: name one, by name or ARN."
    )


def printable(name: str) -> str:
    """A name within a line of text or of TOML: people may have written anything."""
    return "".join(character if character.isprintable() else "?" for character in name)
