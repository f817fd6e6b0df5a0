"""What another transport than the native one adds to the doctor: its room is looked up by name."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from pkgutil import iter_modules
from typing import Protocol, cast

from infra.configuration import NATIVE, Configuration
from operations.doctor.check import Check


class TransportChecks(Protocol):
    """`operations.<transport>.checks`."""

    CHECKS: tuple[Check, ...]

    FLOWS: int
    """How many contact flows of its own it makes."""

    def reserved_executions(self, configuration: Configuration) -> int:
        """What its own functions reserve, of an environment that reserves any."""
        ...


def transport_checks() -> dict[str, tuple[Check, ...]]:
    """Those of every transport that the checkout has a room of, by name."""
    rooms = (room.name for room in iter_modules([str(Path(__file__).parents[1])]) if room.ispkg)
    named = sorted(name for name in rooms if _has_checks(name))
    return {name: _room(name).CHECKS for name in named}


def reserved_by_transport(configuration: Configuration) -> int:
    """Executions that the configured transport's own functions reserve; the native one has none."""
    name = configuration.transport_name
    return 0 if name == NATIVE else _room(name).reserved_executions(configuration)


def flows_of_transport(configuration: Configuration) -> int:
    """Contact flows that the configured transport makes; the native one has none."""
    name = configuration.transport_name
    return 0 if name == NATIVE else _room(name).FLOWS


def _has_checks(room: str) -> bool:
    # The doctor's own modules of that name are a package.
    return room != "doctor" and find_spec(f"operations.{room}.checks") is not None


def _room(name: str) -> TransportChecks:
    return cast("TransportChecks", import_module(f"operations.{name}.checks"))
