"""What every custom resource is to the handler, and how it waits for AWS."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from sip_bridge.resources.properties import Properties

_MAX_PAUSE = 15.0  # seconds


@dataclass(frozen=True)
class Made:
    """A resource that is as the template says."""

    physical_id: str
    """After another one than before, CloudFormation deletes what had the former."""
    data: Mapping[str, str] = field(default_factory=dict)
    """What the template can read of it."""


@dataclass(frozen=True)
class Before:
    """A resource as it was before an update."""

    physical_id: str
    properties: Properties
    """Those of the update that has failed, when CloudFormation rolls it back."""


class Resource(Protocol):
    """One type of custom resource. Every method may be repeated, and raises `ResourceError`."""

    def put(self, properties: Properties, before: Before | None) -> Made:
        """Makes the resource, or brings the one that was there `before` to what `properties` say."""

    def discard(self, properties: Properties, keep: str | None) -> None:
        """Removes what a failed `put` of these properties has made, but not the physical id `keep`."""

    def delete(self, properties: Properties, physical_id: str) -> None:
        """Removes the resource. Idempotent, also for one that was never made."""


@dataclass(frozen=True)
class Patience:
    """Time to wait for AWS."""

    clock: Callable[[], float]
    """The time in seconds."""
    sleep: Callable[[float], None]

    def rounds(self, seconds: float) -> Iterator[None]:
        """Goes round at once and then, with growing pauses, for `seconds`."""
        end = self.clock() + seconds
        pause = 1.0
        yield
        while self.clock() + pause <= end:
            self.sleep(pause)
            pause = min(pause * 2, _MAX_PAUSE)
            yield
