"""`[smoke]`: a topic for calls that only test."""

from __future__ import annotations

from typing import Annotated

from pydantic import ValidationInfo, field_validator

from infra.configuration.faults import refuse
from infra.configuration.instance_arn import ArnWithin
from infra.configuration.section import Section
from infra.configuration.values import Switch

SMOKE_TOPIC = "smoke"
"""What a smoke test calls about, where an environment has it."""

SMOKE_CONTACT_FLOW = "shared/smoke"
"""The file of that topic's contact flow, in `infra/contact_flows`."""


class Smoke(Section):
    """A topic `smoke` for `make smoke`: its flow proves the caller, and leads to a queue of its own."""

    queue_arn: Annotated[str, ArnWithin(kind="queue")] | None = None
    """A queue that no agent serves. Naming it makes the topic; a sandbox makes a queue of its own."""

    sandbox: Annotated[bool, Switch()] = False
    """Whether a sandbox has the topic, and the queue."""

    canary: Annotated[bool, Switch()] = False
    """Whether an alarm goes off where no call of the canary has come through for an hour and a half."""

    @property
    def has_topic(self) -> bool:
        """Whether apps can call by the topic, the smoke test among them."""
        return self.sandbox or self.queue_arn is not None

    @field_validator("sandbox")
    @classmethod
    def _of_sandbox(cls, value: bool, info: ValidationInfo) -> bool:  # noqa: FBT001 - pydantic's signature
        if value and info.context is not None and not info.context.sandbox:
            refuse("remove it, and name queue_arn: the instance exists already")
        return value
