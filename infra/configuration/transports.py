"""Finds the sections of other transports than the native one, by name."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil

import infra
from infra.configuration.section import TransportSection


def find_transports() -> dict[str, type[TransportSection]]:
    """The model of each room of `infra` that has a module `section`, by the name of both room and section.

    None, where the checkout has no such room.
    """
    return {
        name: importlib.import_module(f"infra.{name}.section").SECTION
        for name in sorted(package.name for package in pkgutil.iter_modules(infra.__path__) if package.ispkg)
        if importlib.util.find_spec(f"infra.{name}.section") is not None and name != "configuration"
    }
