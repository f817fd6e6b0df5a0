"""The least policy of the doctor: what its checks read."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from operations.doctor.check import Read


def policy(reads: Iterable[Read]) -> dict[str, Any]:
    """An IAM policy document, a statement for each ARN."""
    actions: dict[str, set[str]] = defaultdict(set)
    for read in reads:
        actions[read.resource].add(read.action)
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Sid": _sid(resource), "Effect": "Allow", "Action": sorted(named), "Resource": resource}
            for resource, named in sorted(actions.items())
        ],
    }


def _sid(resource: str) -> str:
    if resource == "*":
        return "ReadWhatHasNoArn"
    parts = resource.split(":", 5)
    words = re.findall("[A-Za-z0-9]+", f"{parts[2]} {parts[5]}")
    return "Read" + "".join(word[0].upper() + word[1:] for word in words)


def write(path: Path, document: Mapping[str, Any]) -> None:
    """Writes a policy document."""
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
