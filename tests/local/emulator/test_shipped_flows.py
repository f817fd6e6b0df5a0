"""The shipped flows in the local Amazon Connect: its queues, hours, whispers and guides."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from local.clients.observer import eventually
from local.emulator.connect.contact import ContactEvent
from tests.contract.shipped_flows import ALL, ARNS, QUEUES, VALUES, documents, flow_types
from tests.local.conftest import FakeRestOfAws
from tests.local.emulator.connect_instance import Instance
from tests.local.emulator.flows import FUNCTION

ANSWER = {
    "auth_status": "verified", "customer_id": "user-1", "auth_time": "1", "signed_in_at": "today",
    "display_name": "Ada", "name_source": "token", "came_back": "true", "topic": "billing",
    "customer_email": "ada@example.com",
}  # fmt: skip
OPENING = {"opening": "known", "opening_text": "We open tomorrow."}
_ORDER = ("shared/agent_guide", "shared/agent_whisper", "shared/closed", "shared/customer_queue", "inbound")


class ContactCenter:
    """An instance with the shipped flows, three queues, and a function that says who calls, and when
    a queue opens.
    """

    def __init__(self, instance: Instance, rest: FakeRestOfAws) -> None:
        self.instance, self.rest = instance, rest
        self.queues = {name: instance.new_queue(name) for name in QUEUES}
        arns = {QUEUES[name]: queue.arn for name, queue in self.queues.items()}
        arns[ARNS["CallerContextFunctionArn"]] = arns[ARNS["AvailabilityFunctionArn"]] = FUNCTION
        for name in _ORDER:
            flow_id = instance.sdk.create_contact_flow(
                InstanceId=instance.id,
                Name=f"shipped {name}",
                Type=flow_types()[name],
                Content=_replaced(json.dumps(documents(ALL)[name]), arns),
            )["ContactFlowId"]
            placeholder = f"arn:aws:connect:eu-west-2:000000000000:instance/i/contact-flow/{name}"
            arns[placeholder] = f"{instance.arn}/contact-flow/{flow_id}"
        self.inbound = arns[ARNS["InboundContactFlowArn"]].rpartition("/")[2]

    def call(self, answer: Mapping[str, str]) -> dict[str, Any]:
        self.rest.functions[FUNCTION] = lambda event: dict(
            OPENING if event["Details"]["Parameters"] else answer
        )
        return self.instance.settled(self.instance.start(ContactFlowId=self.inbound)["ContactId"])

    def taken(self, contact: Mapping[str, Any]) -> dict[str, Any]:
        return self.instance.connect.happen(contact["ContactId"], ContactEvent.AGENT_CONNECTED)


def _replaced(content: str, arns: Mapping[str, str]) -> str:
    # The longest first: one queue's ARN begins another's.
    for old in sorted(arns, key=len, reverse=True):
        content = content.replace(json.dumps(old), json.dumps(arns[old]))
    return content


@pytest.fixture
def center(instance: Instance, rest_of_aws: FakeRestOfAws) -> ContactCenter:
    return ContactCenter(instance, rest_of_aws)


def test_an_agent_hears_and_sees_who_is_proved(center: ContactCenter) -> None:
    contact = center.taken(center.call(ANSWER))
    assert contact["Queue"]["Name"] == "verified"
    assert contact["AgentHeard"] == ["Verified.", "billing", "Came back."]
    assert [view["Data"]["Heading"] for view in contact["Views"]] == ["Verified caller"]
    assert (contact["Data"]["Name"], contact["Data"]["CustomerId"]) == ("Ada", "user-1")


def test_an_agent_hears_and_sees_who_is_not(center: ContactCenter) -> None:
    contact = center.taken(center.call({"auth_status": "unverified"}))
    assert contact["Queue"]["Name"] == "unverified"
    assert contact["AgentHeard"] == ["Not verified."]
    assert [view["Data"]["Heading"] for view in contact["Views"]] == ["Not verified"]


def test_who_calls_outside_the_hours_hears_so_and_when_it_opens(center: ContactCenter) -> None:
    hours = str(center.queues["verified"].properties["HoursOfOperationArn"])
    center.instance.connect.center.change({"Hours": {hours: "Closed"}})
    contact = center.call(ANSWER)
    assert contact["State"] == "ended"
    assert contact["Heard"] == [VALUES["ClosedText"], OPENING["opening_text"]]


@pytest.mark.parametrize("state", [{"MaxContacts": 0}, {"AgentsStaffed": 0}], ids=str)
def test_a_queue_that_takes_nobody_keeps_the_proof(state: dict[str, int], center: ContactCenter) -> None:
    center.instance.connect.center.change({"Queues": {center.queues["verified"].arn: state}})
    contact = center.taken(center.call(ANSWER))
    assert contact["Queue"]["Name"] == "overflow"
    assert contact["AgentHeard"][0] == "Verified."


def test_who_waits_too_long_comes_to_the_overflow_queue(center: ContactCenter) -> None:
    first = center.call(ANSWER)
    connect = center.instance.connect

    def moved() -> dict[str, Any] | None:
        connect.timers.put_forward(91)
        return next((c for c in connect.contacts() if c["PreviousContactId"] == first["ContactId"]), None)

    contact = eventually(moved, seconds=5)
    assert contact is not None
    assert contact["Queue"]["Name"] == "overflow"
    assert center.taken(contact)["AgentHeard"] == ["Verified.", "billing", "Came back."]
