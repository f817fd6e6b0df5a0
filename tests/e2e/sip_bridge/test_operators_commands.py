"""What operators run, against an app whose calls go over the bridge."""

import json

import pytest

from local.launcher.local_aws import LocalAws
from operations.__main__ import main
from tests.e2e.test_operators_commands import users

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("shell")]


def test_a_call_is_placed_and_its_contact_is_not_looked_for(
    running: LocalAws, capsys: pytest.CaptureFixture[str]
) -> None:
    """This local AWS has no media plane, so signalling is as far as it comes."""
    main(["smoke", "--environment", running.environment, "--json"])
    printed = json.loads(capsys.readouterr().out)
    stages = {stage["stage"]: stage["failure"] for stage in printed["stages"]}
    assert list(stages) == [
        "doctor", "refused", "sign-in", "availability", "start", "replay", "signalling", "cleanup",
    ]  # fmt: skip
    assert [stage for stage, failure in stages.items() if failure] == ["signalling"]
    assert "Over sip_bridge a call has another id" in printed["not_reached"]
    assert users(running) == []
