"""An environment whose numbers and Voice Connector exist already runs on a laptop."""

from pathlib import Path

import pytest

from tests.e2e.any_environment.test_any_environment import INSTANCE, PLACE, THREE_LINES, checkout, demo

pytestmark = pytest.mark.slow

__all__ = ["checkout"]

NUMBER = f"arn:aws:connect:{PLACE}:phone-number/77777777-7777-4777-8777-777777777777"
CONNECTOR = f"arn:aws:chime:{PLACE}:vc/abcdefghij1"
ADOPTED = f"""{THREE_LINES}
[sip_bridge]
connect_number = {{ arn = "{NUMBER}", number = "+442079460155" }}
caller_number = {{ number = "+12065550177" }}
voice_connector = {{ arn = "{CONNECTOR}" }}
"""


def test_a_bridge_of_adopted_numbers_carries_a_call(checkout: Path) -> None:
    (checkout / "config/acme.toml").write_text(ADOPTED, encoding="utf-8")
    said = demo(checkout, "acme")
    assert f"{INSTANCE}: an instance" in said
    assert f"{NUMBER}: a phone number of the instance" in said
    assert "All of it held." in said
