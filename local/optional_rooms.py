"""The rooms that a checkout may lack, looked up by name: nothing else of `local` names them."""

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    from local.demo.steps import Demo
    from local.emulator.emulator import Emulator
    from local.launcher.local_aws import LocalAws

_ROOMS = ("local.sip_bridge",)


class EmulatorRoom(Protocol):
    """What the module `emulator` of a room has."""

    def install(self, emulator: "Emulator") -> None:
        """Add the room's services."""


class DemoRoom(Protocol):
    """What the module `demo` of a room has."""

    def demo_of(self, aws: "LocalAws") -> "type[Demo] | None":
        """The demo of what is deployed, None where it uses nothing of the room."""

    def addresses_of(self, aws: "LocalAws") -> str:
        """What `make local` says of where to look, a line each; empty where nothing of the room is used."""


def sections_of(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """The sections of a configuration that are the rooms' own: each is named as its room is."""
    names = [room.rpartition(".")[2] for room in _ROOMS]
    return {name: configuration[name] for name in names if isinstance(configuration.get(name), dict)}


def in_emulator() -> list[EmulatorRoom]:
    """What adds services; for the emulator's process, which has MiniStack."""
    return cast(list[EmulatorRoom], _modules("emulator"))


def in_demo() -> list[DemoRoom]:
    """What adds to the demo and to `make local`."""
    return cast(list[DemoRoom], _modules("demo"))


def _modules(name: str) -> list[Any]:
    found = []
    for room in _ROOMS:
        try:
            found.append(importlib.import_module(f"{room}.{name}"))
        except ModuleNotFoundError as error:
            if error.name not in {room, f"{room}.{name}"}:
                raise
    return found
