"""Findings, as a table for people and as JSON for pipelines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from operations.doctor.check import Status
from operations.doctor.examination import Examined

_STYLES = {Status.PASS: "green", Status.WARN: "yellow", Status.FAIL: "bold red", Status.UNKNOWN: "magenta"}


def to_json(environment: str, found: Sequence[Examined]) -> dict[str, Any]:
    """What `--json` prints."""
    return {
        "environment": environment,
        "ok": not has_failed(found),
        "findings": [
            {
                "check": check,
                "status": str(finding.status),
                "read": finding.read,
                "wanted": finding.wanted,
                "fix": finding.fix,
            }
            for check, finding in found
        ],
    }


def show(found: Sequence[Examined], console: Console) -> None:
    """Prints a row for each finding, and for each that does not pass what mends it."""
    table = Table(show_edge=False, pad_edge=False, header_style="bold")
    for column in ("check", "", "read", "wanted, and how to get there"):
        table.add_column(column, overflow="fold")
    for check, finding in found:
        wanted = finding.wanted if finding.status is Status.PASS else f"{finding.wanted}\nFix: {finding.fix}"
        # As text: what AWS or a person has named must not be taken for markup.
        status = Text(finding.status, style=_STYLES[finding.status])
        table.add_row(Text(check), status, Text(finding.read), Text(wanted))
    console.print(table)
    counted = Counter(finding.status for _, finding in found)
    console.print(", ".join(f"{counted[status]} {status}" for status in Status if counted[status]))


def has_failed(found: Sequence[Examined]) -> bool:
    """Whether something keeps the environment from being deployed, or calls from working."""
    return any(finding.status is Status.FAIL for _, finding in found)
