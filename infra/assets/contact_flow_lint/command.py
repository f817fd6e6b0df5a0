"""`make check-flow FILE=… [TYPE=…]`, and all flows of this project for `make check`.

`python -m infra.assets.contact_flow_lint [--type TYPE] [--json] [file …]` checks the files given, or those in
the folders `contact_flows` of `infra`. A file may also be what `aws connect describe-contact-flow` prints.
The exit status is 1 if Amazon Connect would refuse a flow, or if it breaks what this project promises.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from infra.assets.contact_flow_lint.block_types import FlowType
from infra.assets.contact_flow_lint.fault import Fault
from infra.assets.contact_flow_lint.lint import faults, flow_type_of, read, unwrapped

_INFRA = Path(__file__).parents[2]


def main(arguments: list[str]) -> int:
    """Prints what is to be said of each file; returns the exit status."""
    parser = argparse.ArgumentParser(prog="make check-flow", description="Check contact flows.")
    parser.add_argument("files", nargs="*", type=Path, help="files in the Flow language")
    parser.add_argument("--type", type=_flow_type, help=f"instead of a guess: {', '.join(FlowType)}")
    parser.add_argument("--json", action="store_true", help="one JSON document for all files")
    options = parser.parse_args(arguments)
    files = options.files or sorted(_INFRA.rglob("contact_flows/**/*.json"))
    checked = [(file, *_check(file, options.type)) for file in files]
    if options.json:
        print(json.dumps([_described(*one) for one in checked], indent=2))  # noqa: T201
    else:
        for one in checked:
            _print(*one)
    return int(any(fault.is_error for _, _, found in checked for fault in found))


def _flow_type(text: str) -> FlowType:
    try:
        return FlowType(text.upper())
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(FlowType)}") from None


def _check(file: Path, given: FlowType | None) -> tuple[FlowType, list[Fault]]:
    try:
        flow, found = read(file)
    except OSError as error:
        fault = Fault(
            block="", what="file", value=str(file), fix=f"a file that can be read: {error.strerror}"
        )
        return given or FlowType.CONTACT_FLOW, [fault]
    flow, described = unwrapped(flow)
    flow_type = given or described or flow_type_of(flow)
    return flow_type, found or list(faults(flow, flow_type=flow_type))


def _described(file: Path, flow_type: FlowType, found: list[Fault]) -> dict[str, Any]:
    return {
        "file": str(file),
        "type": flow_type,
        "ok": not any(fault.is_error for fault in found),
        "faults": [asdict(fault) for fault in found],
    }


def _print(file: Path, flow_type: FlowType, found: list[Fault]) -> None:
    name = "/".join(file.parts[-3:])
    for fault in sorted(found, key=lambda fault: not fault.is_error):
        print(f"{name}: {fault.severity}: {fault}")  # noqa: T201
    errors = sum(fault.is_error for fault in found)
    verdict = f"{errors} {'error' if errors == 1 else 'errors'}" if errors else "good"
    warnings = len(found) - errors
    noted = f", {warnings} {'warning' if warnings == 1 else 'warnings'}" if warnings else ""
    print(f"{name}: {flow_type}: {verdict}{noted}")  # noqa: T201
