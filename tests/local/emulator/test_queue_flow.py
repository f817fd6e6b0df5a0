"""What a contact center does with a contact: hours, staffing, room; queue flow, whispers and guide."""

from typing import Any

import pytest

from local.clients.observer import eventually
from local.emulator.connect.contact import ContactEvent
from tests.local.emulator.connect_instance import ELSE_HANG_UP, Instance
from tests.local.emulator.flows import HANG_UP, block

END = block("end", "EndFlowExecution")
ELSE_END = {"NoMatchingError": "end"}
VIEW = "arn:aws:connect:eu-west-2:aws:view/detail:1"


def hooked(instance: Instance, **hooks: str) -> str:
    """The id of a flow that sets flows for these events, and then queues."""
    names = [*hooks, "choose"]
    blocks = [
        block(hook, "UpdateContactEventHooks", after, errors=ELSE_HANG_UP, EventHooks={hook: flow_id})
        for (hook, flow_id), after in zip(hooks.items(), names[1:], strict=True)
    ]
    return instance.new_flow(
        "hooked",
        *blocks,
        block("choose", "UpdateContactTargetQueue", "name", errors=ELSE_HANG_UP, QueueId=instance.queue.arn),
        block(
            *("name", "UpdateContactData", "wait"),
            errors=ELSE_HANG_UP,
            Name="Ada L.",
            CustomerId="c-1",
            Description="about $.Channel",
        ),
        block("wait", "TransferContactToQueue", errors=ELSE_HANG_UP),
        HANG_UP,
    )


def queue_flow(instance: Instance, *interrupted: Any, seconds: str | None = "60") -> str:
    """The id of a queue flow that says "soon", and does something more each `seconds`."""
    loop: dict[str, Any] = {"Messages": [{"Text": "soon"}]}
    if seconds:
        loop["InterruptFrequencySeconds"] = seconds
    again = {"MessagesInterrupted": interrupted[0]["Identifier"]} if interrupted else None
    return instance.new_flow(
        "queue",
        block("loop", "MessageParticipantIteratively", conditions=again, **loop),
        *interrupted,
        END,
        flow_type="CUSTOMER_QUEUE",
    )


def whisper(instance: Instance, name: str, text: str, flow_type: str) -> str:
    say = block("say", "MessageParticipant", "end", errors=ELSE_END, Text=text)
    return instance.new_flow(name, say, END, flow_type=flow_type)


def start(instance: Instance, flow: str) -> str:
    contact_id = str(instance.start(ContactFlowId=flow)["ContactId"])
    assert instance.settled(contact_id)["State"] == "queued"
    return contact_id


def interrupt(instance: Instance, contact_id: str) -> None:
    """Let the time go by after which the loop of prompts is interrupted."""

    def is_interrupted() -> bool:
        # Before the loop waits, time goes by for nothing.
        instance.connect.timers.put_forward(60)
        return len(instance.shown(contact_id)["Way"]) > before

    assert eventually(lambda: instance.shown(contact_id)["Heard"] == ["soon"], seconds=5)
    before = len(instance.shown(contact_id)["Way"])
    assert eventually(is_interrupted, seconds=5)


def blocks_of(contact: dict[str, Any]) -> list[str]:
    return [step["Block"] for step in contact["Way"]]


def test_a_queue_flow_comes_back_to_its_loop_until_an_agent_takes_the_contact(instance: Instance) -> None:
    flow = queue_flow(instance, block("sorry", "MessageParticipant", "end", errors=ELSE_END, Text="sorry"))
    contact_id = start(instance, hooked(instance, CustomerQueue=flow))
    interrupt(instance, contact_id)
    assert eventually(lambda: instance.shown(contact_id)["Heard"] == ["soon", "sorry", "soon"], seconds=5)
    instance.connect.happen(contact_id, ContactEvent.AGENT_CONNECTED)
    contact = instance.shown(contact_id)
    assert contact["State"] == "connected"
    assert blocks_of(contact)[-4:] == ["wait", "loop", "sorry", "end"]


def test_a_queue_flow_stops_where_the_caller_hangs_up(instance: Instance) -> None:
    flow = queue_flow(instance, seconds=None)
    contact_id = start(instance, hooked(instance, CustomerQueue=flow))
    assert eventually(lambda: instance.shown(contact_id)["Heard"] == ["soon"], seconds=5)
    instance.connect.happen(contact_id, ContactEvent.CUSTOMER_DISCONNECTED)
    assert eventually(lambda: blocks_of(instance.shown(contact_id))[-1] == "loop", seconds=5)
    assert instance.shown(contact_id)["DisconnectReason"] == "CUSTOMER_DISCONNECT"


@pytest.mark.parametrize(("staffed", "overflows"), [(0, True), (1, False)])
def test_a_caller_whom_nobody_can_serve_goes_over_to_another_queue(
    staffed: int, overflows: bool, instance: Instance
) -> None:
    other = instance.new_queue("overflow")
    flow = queue_flow(
        instance,
        block(
            *("staffed", "CheckMetricData", "end"),
            errors={"NoMatchingCondition": "over", "NoMatchingError": "end"},
            conditions={"0": "end"},
            operator="NumberGreaterThan",
            MetricType="NumberOfAgentsStaffed",
        ),
        block(
            *("over", "DequeueContactAndTransferToQueue", "end"),
            errors={"QueueAtCapacity": "end", "NoMatchingError": "end"},
            QueueId=other.arn,
        ),
    )
    instance.connect.center.change({"Queues": {instance.queue.arn: {"AgentsStaffed": staffed}}})
    contact_id = start(instance, hooked(instance, CustomerQueue=flow))
    interrupt(instance, contact_id)
    passed = "over" if overflows else "end"
    assert eventually(lambda: passed in blocks_of(instance.shown(contact_id)), seconds=5)
    moved = [c for c in instance.connect.contacts() if c["PreviousContactId"] == contact_id]
    assert bool(moved) is overflows
    if overflows:
        [contact] = moved
        assert contact["InitiationMethod"] == "QUEUE_TRANSFER"
        assert contact["Queue"]["Name"] == "overflow"
        assert contact["Data"]["CustomerId"] == "c-1"
        assert instance.shown(contact_id)["State"] == "ended"


def test_a_full_overflow_queue_leaves_the_caller_where_they_are(instance: Instance) -> None:
    other = instance.new_queue("overflow")
    flow = queue_flow(
        instance,
        block(
            *("over", "DequeueContactAndTransferToQueue", "end"),
            errors={"QueueAtCapacity": "full", "NoMatchingError": "end"},
            QueueId=other.arn,
        ),
        block("full", "MessageParticipant", "end", errors=ELSE_END, Text="full"),
    )
    instance.connect.center.change({"Queues": {other.arn: {"MaxContacts": 0}}})
    contact_id = start(instance, hooked(instance, CustomerQueue=flow))
    interrupt(instance, contact_id)
    assert eventually(lambda: "full" in instance.shown(contact_id)["Heard"], seconds=5)
    assert instance.shown(contact_id)["State"] == "queued"


def test_an_agent_hears_the_whisper_and_the_customer_theirs(instance: Instance) -> None:
    hooks = {
        "AgentWhisper": whisper(instance, "agent", "$.CustomerId, $.Name, $.Description", "AGENT_WHISPER"),
        "CustomerWhisper": whisper(instance, "customer", "hello", "CUSTOMER_WHISPER"),
    }
    contact_id = start(instance, hooked(instance, **hooks))
    contact = instance.connect.happen(contact_id, ContactEvent.AGENT_CONNECTED)
    assert contact["AgentHeard"] == ["c-1, Ada L., about VOICE"]
    assert contact["Heard"] == ["hello"]
    assert contact["State"] == "connected"


def test_without_a_whisper_the_agent_hears_the_queues_name(instance: Instance) -> None:
    answer = instance.queued()
    contact = instance.connect.happen(answer["ContactId"], ContactEvent.AGENT_CONNECTED)
    assert contact["AgentHeard"] == ["all"]


@pytest.mark.parametrize(("chosen", "way"), [(None, "late"), ("Done", "done")])
def test_a_guide_shows_the_agent_a_view_and_its_end_is_not_the_calls(
    chosen: str | None, way: str, instance: Instance
) -> None:
    guide = instance.new_flow(
        "guide",
        block(
            *("view", "ShowView", "end"),
            errors={"NoMatchingCondition": "end", "TimeLimitExceeded": "late", "NoMatchingError": "end"},
            conditions={"Done": "done"},
            ViewResource={"Id": VIEW},
            InvocationTimeLimitSeconds="60",
            ViewData={"Heading": "Caller", "AttributeBar": [{"Label": "Name", "Value": "$.Name"}]},
        ),
        *(
            block(name, "UpdateFlowLoggingBehavior", "end", FlowLoggingBehavior="Disabled")
            for name in ("late", "done")
        ),
        block("end", "DisconnectParticipant"),
    )
    instance.connect.center.change({"ViewAction": chosen})
    contact_id = start(instance, hooked(instance, DefaultAgentUI=guide))
    contact = instance.connect.happen(contact_id, ContactEvent.AGENT_CONNECTED)
    data = {"Heading": "Caller", "AttributeBar": [{"Label": "Name", "Value": "Ada L."}]}
    assert contact["Views"] == [{"View": VIEW, "Data": data}]
    assert blocks_of(contact)[-3:] == ["view", way, "end"]
    assert contact["State"] == "connected"


def test_a_view_is_not_shown_in_a_voice_contact(instance: Instance) -> None:
    errors = {"NoMatchingCondition": "hang-up", "TimeLimitExceeded": "hang-up", "NoMatchingError": "hang-up"}
    view: dict[str, Any] = {"ViewResource": {"Id": VIEW}, "InvocationTimeLimitSeconds": "60"}
    flow = instance.new_flow("view", block("view", "ShowView", errors=errors, **view), HANG_UP)
    contact = instance.settled(instance.start(ContactFlowId=flow)["ContactId"])
    assert contact["Way"][0]["Result"] == "NoMatchingError"
    assert contact["Views"] == []


@pytest.mark.parametrize("word", ["Open", "Closed"])
@pytest.mark.parametrize("names_hours", [True, False])
def test_hours_are_those_that_are_named_or_the_queues(
    word: str, names_hours: bool, instance: Instance
) -> None:
    hours = str(instance.queue.properties["HoursOfOperationArn"])
    flow = instance.new_flow(
        "hours",
        block("choose", "UpdateContactTargetQueue", "open", errors=ELSE_HANG_UP, QueueId=instance.queue.arn),
        block(
            *("open", "CheckHoursOfOperation", "hang-up"),
            errors=ELSE_HANG_UP,
            conditions={"True": "wait", "False": "closed"},
            **({"HoursOfOperationId": hours} if names_hours else {}),
        ),
        block("closed", "MessageParticipant", "hang-up", errors=ELSE_HANG_UP, Text="We are closed"),
        block("wait", "TransferContactToQueue", errors=ELSE_HANG_UP),
        HANG_UP,
    )
    instance.connect.center.change({"Hours": {hours: word}})
    contact = instance.settled(instance.start(ContactFlowId=flow)["ContactId"])
    assert contact["State"] == ("queued" if word == "Open" else "ended")
    assert contact["Heard"] == ([] if word == "Open" else ["We are closed"])


def test_metrics_are_what_was_set_and_the_contacts_that_wait(instance: Instance) -> None:
    flow = instance.new_flow(
        "metrics",
        block("load", "GetMetricData", "say", errors=ELSE_HANG_UP, QueueId=instance.queue.arn),
        block(
            *("say", "MessageParticipant", "old"),
            errors=ELSE_HANG_UP,
            Text="$.Metrics.Queue.Size waiting, $.Metrics.Agents.Staffed.Count staffed",
        ),
        block(
            *("old", "CheckMetricData", "hang-up"),
            errors={"NoMatchingCondition": "hang-up", "NoMatchingError": "hang-up"},
            conditions={"299999": "long"},
            operator="NumberGreaterThan",
            MetricType="OldestContactInQueueAgeSeconds",
            QueueId=instance.queue.arn,
        ),
        block("long", "MessageParticipant", "hang-up", errors=ELSE_HANG_UP, Text="long"),
        HANG_UP,
    )
    state = {"AgentsStaffed": 3, "OldestContactAge": 300}
    instance.connect.center.change({"Queues": {instance.queue.arn: state}})
    instance.queued()
    contact = instance.settled(instance.start(ContactFlowId=flow)["ContactId"])
    assert contact["Heard"] == ["1 waiting, 3 staffed", "long"]


def test_the_room_of_a_queue_can_be_changed(instance: Instance) -> None:
    instance.queued()  # the queue has room for one
    assert instance.settled(instance.start()["ContactId"])["State"] == "ended"
    instance.connect.center.change({"Queues": {instance.queue.arn: {"MaxContacts": 2}}})
    assert instance.settled(instance.start()["ContactId"])["State"] == "queued"


def test_a_hook_of_a_flow_that_is_not_there_takes_the_error_branch(instance: Instance) -> None:
    flow = hooked(instance, AgentWhisper="11111111-1111-4111-8111-111111111111")
    contact = instance.settled(instance.start(ContactFlowId=flow)["ContactId"])
    assert contact["Way"][0]["Result"] == "NoMatchingError"
    assert contact["Hooks"] == {}


def test_a_block_can_be_made_to_fail_and_to_work_again(instance: Instance) -> None:
    center = instance.connect.center
    center.change({"Failures": {"wait": "QueueAtCapacity"}})
    failed = instance.settled(instance.start()["ContactId"])
    assert (failed["State"], failed["Way"][-2]["Result"]) == ("ended", "QueueAtCapacity")
    center.change({"Failures": {"wait": None}})
    assert center.shown()["Failures"] == {}
    assert instance.settled(instance.start()["ContactId"])["State"] == "queued"


@pytest.mark.parametrize(
    "wanted",
    [
        {"Weather": "fine"},
        {"Hours": []},
        {"Hours": {"h": "open"}},
        {"Queues": {"q": []}},
        {"Queues": {"q": {"Agents": 1}}},
        {"Queues": {"q": {"AgentsStaffed": -1}}},
        {"Queues": {"q": {"AgentsStaffed": None}}},
        {"Draw": 0},
        {"Draw": True},
        {"ViewAction": 1},
        {"Failures": ["wait"]},
        {"Failures": {"wait": 1}},
    ],
    ids=str,
)
def test_what_a_contact_center_cannot_be_changes_nothing(wanted: dict[str, Any], instance: Instance) -> None:
    center = instance.connect.center
    center.change({"Hours": {"i/h": "Closed"}, "Queues": {"i/q": {"AgentsStaffed": 2}}, "Draw": 7})
    before = center.shown()
    with pytest.raises(ValueError, match=r"."):
        center.change({"Hours": {"h": "Open"}, **wanted})
    assert center.shown() == before
    assert before["Hours"] == {"h": "Closed"}
    assert before["Queues"]["q"]["AgentsStaffed"] == 2
    assert center.draw() == 7
