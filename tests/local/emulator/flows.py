"""Contact flows and contacts for the tests of the flow engine and of Amazon Connect."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local.emulator.connect import flow_language
from local.emulator.connect.contact_flow import BlockError, ContactFlow, Step

FUNCTION = "arn:aws:lambda:eu-west-2:000000000000:function:caller-context:live"
DEFAULT_FLOW = "arn:aws:connect:us-east-1:000000000000:instance/i/contact-flow/default"
TOPIC_FLOW = "arn:aws:connect:us-east-1:000000000000:instance/i/contact-flow/topic"
VERIFIED_QUEUE = "arn:aws:connect:us-east-1:000000000000:instance/i/queue/verified"
UNVERIFIED_QUEUE = "arn:aws:connect:us-east-1:000000000000:instance/i/queue/unverified"


def block(
    identifier: str,
    block_type: str,
    next_action: str | None = None,
    *,
    errors: Mapping[str, str] | None = None,
    conditions: Mapping[str, str] | None = None,
    operator: str = "Equals",
    **parameters: Any,
) -> dict[str, Any]:
    """A block of the flow language; `conditions` maps operands to the blocks that they lead to.

    As the console writes it: what names no next block goes on where the last of its errors does, and a full
    queue is an error of a transfer like any other where nothing else is said.
    """
    transitions: dict[str, Any] = {}
    if errors and block_type == "TransferContactToQueue":
        errors = {"QueueAtCapacity": errors["NoMatchingError"], **errors}
    if next_action or errors:
        transitions["NextAction"] = next_action or [*(errors or {}).values()][-1]
    if errors:
        transitions["Errors"] = [{"ErrorType": name, "NextAction": to} for name, to in errors.items()]
    if conditions:
        transitions["Conditions"] = [
            {"NextAction": to, "Condition": {"Operator": operator, "Operands": [operand]}}
            for operand, to in conditions.items()
        ]
    return {
        "Identifier": identifier,
        "Type": block_type,
        "Parameters": parameters,
        "Transitions": transitions,
    }


HANG_UP = block("hang-up", "DisconnectParticipant")


def content(*blocks: Mapping[str, Any], **document: Any) -> str:
    """A flow that starts with the first block."""
    start = blocks[0]["Identifier"]
    return json.dumps({"Version": "2019-10-30", "StartAction": start, "Actions": blocks, **document})


def project_flow(path: Path) -> ContactFlow:
    """A flow of this project, its placeholders filled in as a deployment does."""
    text = path.read_text()
    for name, value in {
        "CallerContextFunctionArn": FUNCTION,
        "VerifiedQueueArn": VERIFIED_QUEUE,
        "UnverifiedQueueArn": UNVERIFIED_QUEUE,
        "DefaultContactFlowArn": DEFAULT_FLOW,
    }.items():
        text = text.replace(f"${{{name}}}", value)
    assert "${" not in text
    return flow_language.read(text)


def heard(text: str) -> ContactFlow:
    """A flow that says a text and hangs up."""
    return flow_language.read(
        content(
            block("say", "MessageParticipant", "hang-up", errors={"NoMatchingError": "hang-up"}, Text=text),
            HANG_UP,
        )
    )


OTHER_FLOWS = {DEFAULT_FLOW: heard("default"), TOPIC_FLOW: heard("topic")}


class FakeContact:
    """A contact that keeps what a flow does to it; what `failing` names does not work."""

    def __init__(
        self,
        references: Mapping[str, str] | None = None,
        *,
        answer: Mapping[str, str] | None = None,
        failing: Mapping[str, BlockError] | None = None,
        digits: str | None = None,
        flows: Mapping[str, ContactFlow] | None = None,
        waits: int = 0,
        is_open: bool = True,
        metrics: Mapping[str, int] | None = None,
        drawn: int = 1,
    ) -> None:
        self._references = dict(references or {})
        self._answer = dict(answer or {})
        self._failing = dict(failing or {})
        self._digits = digits
        self._flows = dict(flows or {})
        self._waits = waits
        self._is_open = is_open
        self._metrics = dict(metrics or {})
        self._drawn = drawn
        self.asked: list[str | None] = []
        self.waited: list[float | None] = []
        self.data: dict[str, Any] = {}
        self.hooks: dict[str, str] = {}
        self.views: list[tuple[str, dict[str, Any]]] = []
        self.changed_to: str | None = None
        self.keeps_digits = False
        self.asked_for_digits: tuple[int, float, float, str, bool] | None = None
        self.invoked: list[tuple[str, dict[str, str], float]] = []
        self.nested: bool | None = None
        self.attributes: dict[str, str] = {}
        self.target_queue: str | None = None
        self.is_queued = False
        self.heard: list[str] = []
        self.disconnected = False
        self.hung_up = False
        self.way: list[Step] = []

    def _try(self, what: str) -> None:
        if what in self._failing:
            raise self._failing[what]

    def try_block(self, identifier: str) -> None:
        self._try(f"block {identifier}")

    def is_over(self) -> bool:
        return self.hung_up

    def reference(self, path: str) -> str:
        return self._references.get(path, "")

    def invoke_function(
        self, function_arn: str, parameters: Mapping[str, str], *, seconds: float, nested: bool
    ) -> None:
        self._try("function")
        self.nested = nested
        self.invoked.append((function_arn, dict(parameters), seconds))
        self._references |= {f"$.External.{name}": value for name, value in self._answer.items()}

    def set_attributes(self, attributes: Mapping[str, str]) -> None:
        self._try("attributes")
        self.attributes |= attributes

    def set_data(self, data: Mapping[str, Any]) -> None:
        self._try("data")
        self.data |= data

    def set_hook(self, hook: str, flow_id: str) -> None:
        self._try("hook")
        self.hooks[hook] = flow_id

    def change_queue(self, queue_id: str | None) -> None:
        self._try("queue")
        self.changed_to = queue_id

    def is_open(self, hours_id: str | None) -> bool:
        self._try("hours")
        self.asked.append(hours_id)
        return self._is_open

    def metric(self, metric_type: str, queue_id: str | None) -> int:
        self._try("metrics")
        self.asked.append(queue_id)
        return self._metrics[metric_type]

    def load_metrics(self, queue_id: str | None) -> None:
        self._try("metrics")
        self.asked.append(queue_id)
        self._references |= {f"$.Metrics.{name}": str(value) for name, value in self._metrics.items()}

    def draw(self) -> int:
        return self._drawn

    def wait(self, seconds: float | None) -> bool:
        self.waited.append(seconds)
        self._waits -= 1
        return self._waits >= 0

    def keep_early_digits(self, *, keep: bool) -> None:
        self._try("buffer")
        self.keeps_digits = keep

    def show_view(self, view_id: str, data: Mapping[str, Any]) -> str:
        self._try("view")
        self.views.append((view_id, dict(data)))
        return "Done"

    def set_target_queue(self, queue_id: str) -> None:
        self._try("target queue")
        self.target_queue = queue_id

    def enter_queue(self) -> None:
        self._try("queue")
        self.is_queued = True

    def hear(self, text: str) -> None:
        self._try("message")
        self.heard.append(text)

    def collect_digits(
        self, most: int, *, first_within: float, next_within: float, ends_with: str, cancels: bool
    ) -> str | None:
        self._try("digits")
        self.asked_for_digits = (most, first_within, next_within, ends_with, cancels)
        return self._digits

    def store_input(self, digits: str) -> None:
        self._references["$.StoredCustomerInput"] = digits

    def enter_flow(self, flow_id: str) -> ContactFlow:
        if flow_id not in self._flows:
            raise BlockError(f"there is no flow {flow_id}")
        return self._flows[flow_id]

    def disconnect(self) -> None:
        self.disconnected = True

    def pass_block(self, step: Step) -> None:
        self.way.append(step)

    @property
    def blocks(self) -> list[str]:
        return [step.identifier for step in self.way]
