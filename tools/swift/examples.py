"""Writes the contract's examples for the tests of the iOS package: `python -m tools.swift.examples`."""

import json
from pathlib import Path

import yaml

CHECKOUT = Path(__file__).parents[2]
FIXTURE = CHECKOUT / "clients/ios/Tests/InAppCallingTests/Fixtures/examples.json"


def examples() -> str:
    """The values of openapi.yaml's `components.examples` by name, as JSON."""
    contract = yaml.load((CHECKOUT / "openapi.yaml").read_text(encoding="utf-8"), yaml.CSafeLoader)
    values = {name: example["value"] for name, example in contract["components"]["examples"].items()}
    return json.dumps(values, indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    FIXTURE.write_text(examples(), encoding="utf-8")
