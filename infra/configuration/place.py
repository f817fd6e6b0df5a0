"""What the values of a file are checked against, beside each other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where an environment is deployed; None is what the file does not say, or says wrongly.

    `sandbox` is whether the file has [connect.sandbox]; `contact_flows` are the names of those that the
    checkout has.
    """

    account: str | None = None
    region: str | None = None
    instance_arn: str | None = None
    sandbox: bool = False
    checkout: Path | None = None
    contact_flows: tuple[str, ...] | None = None

    @property
    def has_no_instance(self) -> bool:
        """Whether the instance is yet to come, so that nothing of it can be named."""
        return self.sandbox and self.instance_arn is None
