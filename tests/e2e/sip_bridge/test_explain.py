"""What operators are told of a call over the bridge."""

import pytest

from local.launcher.local_aws import LocalAws
from tests.e2e.aws import Caller
from tests.e2e.calls import queued
from tests.e2e.sip_bridge.bridge_aws import BridgeAws
from tests.e2e.test_operators_commands import explained

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("shell")]


def test_a_bridged_call_is_explained_by_its_contact(
    running: LocalAws, aws: BridgeAws, caller: Caller, capsys: pytest.CaptureFixture[str]
) -> None:
    call_id = queued(aws, caller)
    contact_id = aws.contact_of(call_id)["ContactId"]
    assert caller.hang_up(call_id).status_code == 204
    assert caller.comes_to(call_id, "ENDED")
    printed = explained(running, contact_id, capsys)
    for part in (
        "start over sip_bridge",
        f"contact {contact_id}, INBOUND: contact initiated",
        "Contact checked",
    ):
        assert part in printed
    assert not [mine for mine in (caller.user.token, caller.user.email) if mine in printed]
