"""`[alarms]`: who gets the alarms."""

from __future__ import annotations

from typing import Annotated

from infra.configuration.section import Section
from infra.configuration.values import Text


class Alarms(Section):
    """The recipient of alarms."""

    email: Annotated[str, Text('an address: "on-call@example.com"', r"[^@\s]+@[^@\s]+\.[^@\s]+")] | None = (
        None
    )
    """An address that is subscribed to the alarms' topic. AWS mails it a confirmation first."""
