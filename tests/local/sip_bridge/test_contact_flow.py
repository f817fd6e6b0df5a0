"""The bridge's contact flow, from the code to the flow that the call goes on with."""

from pathlib import Path

import pytest

from local.emulator.connect import contact_flow
from local.emulator.connect.contact_flow import BlockError
from tests.local.emulator.flows import OTHER_FLOWS, TOPIC_FLOW, FakeContact, project_flow

[BRIDGE_FLOW] = (Path(__file__).parents[3] / "infra").rglob("bridge.json")


@pytest.mark.parametrize(
    ("digits", "answer", "failing", "ends"),
    [
        ("123456789012", {"auth_status": "verified", "contact_flow_arn": TOPIC_FLOW}, {}, ["topic"]),
        ("123456789012", {"auth_status": "verified", "contact_flow_arn": "gone"}, {}, ["default"]),
        ("123456789012", {"auth_status": "abandoned"}, {}, []),
        ("123456789012", {"auth_status": "unverified"}, {}, ["default"]),
        ("1234", {"auth_status": "unverified"}, {}, ["default"]),
        ("123456789012", {}, {"function": BlockError("it timed out")}, ["default"]),
        (None, {"auth_status": "unverified"}, {}, ["default"]),
        (None, {}, {"digits": BlockError("nothing works")}, ["default"]),
        (
            "123456789012",
            {"auth_status": "verified", "contact_flow_arn": TOPIC_FLOW},
            {"buffer": BlockError("no buffer")},
            ["topic"],
        ),
    ],
)
def test_a_good_code_alone_leads_to_the_flow_of_the_topic(
    digits: str | None, answer: dict[str, str], failing: dict[str, BlockError], ends: list[str]
) -> None:
    contact = FakeContact(answer=answer, failing=failing, digits=digits, flows=OTHER_FLOWS)
    contact_flow.run(project_flow(BRIDGE_FLOW), contact)
    assert contact.disconnected
    assert [text for text in contact.heard if text in {"topic", "default"}] == ends
    for _, parameters, _ in contact.invoked:
        # Where nobody pressed a key, what is stored is no code either.
        assert parameters == {"Code": digits or "Timeout"}
