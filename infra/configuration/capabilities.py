"""`[capabilities]`: what a call may use beside audio."""

from __future__ import annotations

from typing import Annotated

from infra.configuration.section import Section
from infra.configuration.values import Switch


class Capabilities(Section):
    """What a call may use beside audio."""

    video: Annotated[bool, Switch()] = False
    """Whether callers may send video, and see the agent's."""

    screen_share: Annotated[bool, Switch()] = False
    """Whether callers may share their screen."""
