"""What `make checkov` leaves out."""

import re

import yaml

from tests.infra.synthesis import CHECKOUT

TEXT = (CHECKOUT / "supply_chain" / "checkov.yaml").read_text(encoding="utf-8")


def test_every_check_that_is_left_out_has_its_reason_above_it() -> None:
    left_out = yaml.safe_load(TEXT)["skip-check"]
    assert re.findall(r"^  # .+\n  - (CKV2?_AWS_\d+)$", TEXT, re.MULTILINE) == left_out


def test_it_asks_nothing_of_any_service_and_fails_on_findings() -> None:
    settings = yaml.safe_load(TEXT)
    assert settings["skip-download"] is True
    assert settings["framework"] == ["cloudformation"]
    assert settings.keys() == {"framework", "compact", "quiet", "skip-download", "skip-check"}
