"""`python -m infra.configuration`: writes config/schema.json and docs/configuration.md from the models."""

from __future__ import annotations

from pathlib import Path

from infra.configuration.reference import json_schema, reference
from infra.configuration.transports import find_transports

_CHECKOUT = Path(__file__).resolve().parents[2]


def generated() -> dict[str, str]:
    """Each generated file, by its path in the checkout."""
    transports = find_transports()
    return {
        "config/schema.json": json_schema(transports),
        "docs/configuration.md": reference(transports),
    }


if __name__ == "__main__":
    for name, content in generated().items():
        (_CHECKOUT / name).write_text(content, encoding="utf-8")
