"""A contact's runs through its contact flows: what the flows' blocks do to the contact.

One run begins with the contact and is followed by that of the customer queue flow; whispers and the guide run
when an agent takes the contact. Assumed, because AWS does not say it: a guide sees the attributes of its call
as they are when it starts; a flow of a hook that cannot run changes nothing about the contact.
"""

import json
import logging
import threading
import time
from collections.abc import Mapping
from typing import Any, Protocol

from local.emulator.connect import contact_flow
from local.emulator.connect.contact import Contact, State, now
from local.emulator.connect.contact_center import ContactCenter
from local.emulator.connect.contact_flow import BlockError, ContactFlow, Step
from local.emulator.connect.instances import Instances
from local.emulator.rest_of_aws import FunctionError, RestOfAws
from local.emulator.time_limit import within

MAX_FUNCTION_RESPONSE_BYTES = 32_768  # bytes that a flow reads from a function
MAX_INVOCATIONS = 4  # of one block: the first and three retries, within its time limit

_log = logging.getLogger("local.connect")


class Contacts(Protocol):
    """What blocks do to a contact among all others. Methods raise BlockError."""

    instances: Instances
    center: ContactCenter

    def set_attributes(self, contact: Contact, attributes: Mapping[str, str]) -> None:
        """Add or overwrite attributes, all or none."""

    def set_hook(self, contact: Contact, hook: str, flow_id: str) -> None:
        """Choose a flow of the contact's instance for an event, by ARN or id."""

    def set_target_queue(self, contact: Contact, queue_id: str) -> None:
        """Choose a queue of the contact's instance, by ARN or id."""

    def enqueue(self, contact: Contact) -> None:
        """Put a contact into its target queue."""

    def change_queue(self, contact: Contact, queue_id: str | None) -> None:
        """Put a contact that is in a queue into another, by ARN or id, or into its target queue."""

    def wait(self, contact: Contact, seconds: float | None) -> bool:
        """Let a contact wait in its queue, for so many seconds or for good; False once it has left."""

    def is_open(self, contact: Contact, hours_id: str | None) -> bool:
        """Whether these hours of operation, by ARN or id, or those of the target queue say open."""

    def metrics(self, contact: Contact, queue_id: str | None) -> Mapping[str, int]:
        """The metrics of a queue, by ARN or id, or of the target queue, as `$.Metrics` has them."""

    def enter_flow(self, contact: Contact, flow_id: str) -> ContactFlow:
        """An active flow of the contact's instance, by ARN or id; the contact is in it from now on."""

    def end(self, contact: Contact, *, reason: str) -> bool:
        """End a contact; False if it had ended before."""


def start(flow: ContactFlow, contact: Contact, *, contacts: Contacts, region: str, rest: RestOfAws) -> None:
    """Let the contact run through the flow, and wait in its queue flow, in a thread of its own."""

    def follow() -> None:
        _FlowRun(contacts, contact, region, rest).to_end(flow)
        hook = contact.hooks.get("CustomerQueue")
        if contact.state is State.QUEUED and hook and hook.flow:
            _QueueRun(contacts, contact, region, rest).to_end(hook.flow)

    threading.Thread(target=follow, name=f"flow-{contact.id}", daemon=True).start()


def present(contact: Contact, *, contacts: Contacts, region: str, rest: RestOfAws) -> None:
    """Show an agent the guide, whisper to them, then to the customer: what precedes the conversation."""
    for hook, run in (
        ("DefaultAgentUI", _GuideRun(contacts, contact, region, rest)),
        ("AgentWhisper", _AgentRun(contacts, contact, region, rest)),
        ("CustomerWhisper", _WhisperRun(contacts, contact, region, rest)),
    ):
        flow = contact.hooks.get(hook)
        if flow and flow.flow:
            run.to_end(flow.flow)
        elif hook == "AgentWhisper" and contact.target_queue:
            contact.agent_heard.append(contact.target_queue.name)  # Connect's default flow


class _FlowRun:
    """A run through the flow that a contact begins with."""

    def __init__(self, contacts: Contacts, contact: Contact, region: str, rest: RestOfAws) -> None:
        self._contacts = contacts
        self._contact = contact
        self._region = region
        self._rest = rest
        self._metrics: Mapping[str, int] = {}

    def to_end(self, flow: ContactFlow) -> None:
        """Run the flow; a fault of the emulator ends the contact and is logged."""
        try:
            contact_flow.run(flow, self)
        except Exception:  # noqa: BLE001 whatever it is, nobody else would hear of it in this thread
            _log.exception("the flow of contact %s failed", self._contact.id)
            self._contacts.end(self._contact, reason="CONTACT_FLOW_DISCONNECT")

    def try_block(self, identifier: str) -> None:
        if (error_type := self._contacts.center.failures.get(identifier)) is not None:
            raise BlockError(f"{identifier} is to fail", error_type=error_type)

    def is_over(self) -> bool:
        return self._contact.ended is not None

    def pass_block(self, step: Step) -> None:
        self._contact.way.append((step, now()))

    def reference(self, path: str) -> str:
        root, _, name = path.removeprefix("$.").partition(".")
        contact = self._contact
        known = {
            "StoredCustomerInput": {"": contact.stored_input},
            "Attributes": contact.attributes,
            "External": contact.external,
            "Metrics": self._metrics,
        }
        if root in known:
            return str(known[root].get(name, ""))
        data = contact.flow_event({}, region=self._region)["Details"]["ContactData"]
        system = {
            "$.Queue.Name": (data["Queue"] or {}).get("Name"),
            "$.Queue.ARN": (data["Queue"] or {}).get("ARN"),
            **{
                f"$.{end}.{member}": (data[end] or {}).get(member)
                for end in ("CustomerEndpoint", "SystemEndpoint")
                for member in ("Address", "Type")
            },
            "$.SegmentAttributes['connect:Subtype']": contact.subtype,
            "$.SegmentAttributes['connect:Direction']": "INBOUND",
        }
        value: Any = system.get(path, data)
        for part in path.removeprefix("$.").split(".") if path not in system else ():
            value = value.get(part) if isinstance(value, dict) else None
        return value if isinstance(value, str) else ""

    def invoke_function(
        self, function_arn: str, parameters: Mapping[str, str], *, seconds: float, nested: bool
    ) -> None:
        contact = self._contact
        contact.external = {}
        if not self._contacts.instances.may_invoke(contact.instance.arn, function_arn):
            raise BlockError(f"{function_arn} is not associated with the instance")
        event = contact.flow_event(parameters, region=self._region)
        deadline = time.monotonic() + seconds
        for attempt in range(1, MAX_INVOCATIONS + 1):
            try:
                answer = within(
                    max(0.0, deadline - time.monotonic()),
                    lambda: self._rest.invoke_function(function_arn, event, source_arn=contact.instance.arn),
                )
            except TimeoutError:
                raise BlockError(f"{function_arn} did not answer within {seconds:g} s") from None
            except FunctionError as error:
                if not error.is_worth_a_retry or attempt == MAX_INVOCATIONS:
                    raise BlockError(str(error)) from error
            else:
                contact.external = _read_answer(answer, nested=nested)
                return

    def set_attributes(self, attributes: Mapping[str, str]) -> None:
        self._contacts.set_attributes(self._contact, attributes)

    def set_data(self, data: Mapping[str, Any]) -> None:
        self._contact.data = {**self._contact.data, **data}

    def set_hook(self, hook: str, flow_id: str) -> None:
        self._contacts.set_hook(self._contact, hook, flow_id)

    def set_target_queue(self, queue_id: str) -> None:
        self._contacts.set_target_queue(self._contact, queue_id)

    def enter_queue(self) -> None:
        self._contacts.enqueue(self._contact)
        self._contact.digits.keep(early=False)

    def change_queue(self, queue_id: str | None) -> None:
        self._contacts.change_queue(self._contact, queue_id)

    def is_open(self, hours_id: str | None) -> bool:
        return self._contacts.is_open(self._contact, hours_id)

    def metric(self, metric_type: str, queue_id: str | None) -> int:
        metrics = self._contacts.metrics(self._contact, queue_id)
        if metric_type == "OldestContactInQueueAgeSeconds":
            return (
                metrics["Queue.OldestContactAge"] * 1000
            )  # compared in milliseconds, whatever its name says
        return metrics[_METRICS[metric_type]]

    def load_metrics(self, queue_id: str | None) -> None:
        self._metrics = self._contacts.metrics(self._contact, queue_id)

    def draw(self) -> int:
        return self._contacts.center.draw()

    def hear(self, text: str) -> None:
        self._contact.heard.append(text)

    def wait(self, seconds: float | None) -> bool:
        return self._contacts.wait(self._contact, seconds)

    def keep_early_digits(self, *, keep: bool) -> None:
        self._contact.digits.keep(early=keep)

    def collect_digits(
        self, most: int, *, first_within: float, next_within: float, ends_with: str, cancels: bool
    ) -> str | None:
        return self._contact.digits.collect(
            most, first_within=first_within, next_within=next_within, ends_with=ends_with, cancels=cancels
        )

    def store_input(self, digits: str) -> None:
        self._contact.stored_input = digits

    def show_view(self, view_id: str, data: Mapping[str, Any]) -> str:  # noqa: ARG002 nobody sees it
        raise BlockError(f"{view_id} is for a chat: a voice contact has no view")

    def enter_flow(self, flow_id: str) -> ContactFlow:
        return self._contacts.enter_flow(self._contact, flow_id)

    def disconnect(self) -> None:
        self._contacts.end(self._contact, reason="CONTACT_FLOW_DISCONNECT")


class _QueueRun(_FlowRun):
    """The run of a customer queue flow: over as soon as the contact is no longer in the queue."""

    def is_over(self) -> bool:
        return self._contact.state is not State.QUEUED


class _WhisperRun(_FlowRun):
    """The run of a customer whisper: what fails in it leaves the contact as it is."""

    def to_end(self, flow: ContactFlow) -> None:
        try:
            contact_flow.run(flow, self)
        except Exception:  # noqa: BLE001 the agent has taken the contact all the same
            _log.exception("a flow of a hook of contact %s failed", self._contact.id)


class _AgentRun(_WhisperRun):
    """The run of an agent whisper."""

    def hear(self, text: str) -> None:
        self._contact.agent_heard.append(text)


class _GuideRun(_WhisperRun):
    """The run of a guide: a chat contact of its own, whose end is none of the call."""

    def __init__(self, contacts: Contacts, contact: Contact, region: str, rest: RestOfAws) -> None:
        super().__init__(contacts, contact, region, rest)
        self._has_ended = False

    def is_over(self) -> bool:
        return self._has_ended or super().is_over()

    def show_view(self, view_id: str, data: Mapping[str, Any]) -> str:
        self._contact.views.append({"View": view_id, "Data": dict(data)})
        action = self._contacts.center.view_action
        if action is None:
            raise BlockError("the agent chose nothing", error_type="TimeLimitExceeded")
        return action

    def disconnect(self) -> None:
        self._has_ended = True


_METRICS = {
    "NumberOfAgentsAvailable": "Agents.Available.Count",
    "NumberOfAgentsOnline": "Agents.Online.Count",
    "NumberOfAgentsStaffed": "Agents.Staffed.Count",
    "NumberOfContactsInQueue": "Queue.Size",
}


def _read_answer(answer: object, *, nested: bool) -> dict[str, str]:
    """What a function answered, by the path under `$.External`."""
    if len(json.dumps(answer).encode()) > MAX_FUNCTION_RESPONSE_BYTES:
        raise BlockError(f"the function's answer is larger than {MAX_FUNCTION_RESPONSE_BYTES} bytes")
    if not isinstance(answer, dict):
        raise BlockError("the function's answer is not an object")
    if not nested and not all(isinstance(value, str) for value in answer.values()):
        raise BlockError("the function's answer is not a flat object of texts (STRING_MAP)")
    return dict(_paths(answer, ""))


def _paths(answer: Mapping[str, Any], before: str) -> list[tuple[str, str]]:
    """Every text, number and truth in an answer with its path; a list cannot be referred to."""
    found = []
    for name, value in answer.items():
        if isinstance(value, dict):
            found += _paths(value, f"{before}{name}.")
        elif isinstance(value, str | bool | int | float):
            found.append((before + name, value if isinstance(value, str) else json.dumps(value)))
    return found
