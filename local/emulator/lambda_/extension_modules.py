"""Extension modules for functions: of those that an asset holds, the ones that were built for this machine.

What is deployed was compiled for the processor that Lambda runs it on. A function's process takes this file
before anything else, and only the extension modules: all that is written in Python comes from the asset, and
what the asset lacks is missing here as it is on AWS.
"""

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path


class ExtensionModules:
    """Finds modules, for `sys.meta_path`."""

    def __init__(self, folder: str) -> None:
        """`folder` is where the packages of the assets are installed for this machine."""
        self._files = {_module_name(file.relative_to(folder)): file for file in Path(folder).rglob("*.so")}

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, _target: object = None
    ) -> ModuleSpec | None:
        """This machine's file of an extension module that lies in `path`, for whatever machine."""
        file = self._files.get(name)
        if file is None:
            return None
        last = name.rpartition(".")[2]
        places = sys.path if path is None else path
        is_shipped = any(any(Path(place).glob(f"{last}.*so")) for place in places)
        return spec_from_file_location(name, file) if is_shipped else None


def _module_name(file: Path) -> str:
    return ".".join([*file.parts[:-1], file.name.partition(".")[0]])
