"""What a deployment uploads is written down, to the byte, in a bill of materials."""

from __future__ import annotations

import json

import pytest

from supply_chain.sbom import bills
from tests.infra.synthesis import CHECKOUT, Synthesis


@pytest.fixture(scope="module")
def listed() -> set[str]:
    """The hashes of the assets that there are bills of."""
    main = [bill.metadata.component for bill in bills(CHECKOUT).values()]
    return {value.content for component in main if component is not None for value in component.hashes}


def test_every_asset_that_is_uploaded_has_a_bill_of_materials(synthesis: Synthesis, listed: set[str]) -> None:
    uploaded = {
        hash_
        for manifest in synthesis.directory.glob("*.assets.json")
        for hash_, file in json.loads(manifest.read_text(encoding="utf-8"))["files"].items()
        if file["source"]["packaging"] == "zip"
    }
    assert uploaded
    assert uploaded <= listed
