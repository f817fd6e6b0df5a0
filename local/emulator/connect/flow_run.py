"""A contact's run through its contact flow: what the flow's blocks do to the contact."""

import json
import logging
import threading
import time
from collections.abc import Mapping
from typing import Protocol

from local.emulator.connect import contact_flow
from local.emulator.connect.contact import Contact, now
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

    def set_attributes(self, contact: Contact, attributes: Mapping[str, str]) -> None:
        """Add or overwrite attributes, all or none."""

    def set_target_queue(self, contact: Contact, queue_id: str) -> None:
        """Choose a queue of the contact's instance, by ARN or id."""

    def enqueue(self, contact: Contact) -> None:
        """Put a contact into its target queue."""

    def enter_flow(self, contact: Contact, flow_id: str) -> ContactFlow:
        """An active flow of the contact's instance, by ARN or id; the contact is in it from now on."""

    def end(self, contact: Contact, *, reason: str) -> bool:
        """End a contact; False if it had ended before."""


def start(flow: ContactFlow, contact: Contact, *, contacts: Contacts, region: str, rest: RestOfAws) -> None:
    """Let the contact run through the flow, in a thread of its own."""
    run = _FlowRun(contacts, contact, region, rest)
    threading.Thread(target=run.to_end, args=(flow,), name=f"flow-{contact.id}", daemon=True).start()


class _FlowRun:
    """One contact's run through its flow: what the flow's blocks do to the contact."""

    def __init__(self, contacts: Contacts, contact: Contact, region: str, rest: RestOfAws) -> None:
        self._contacts = contacts
        self._contact = contact
        self._region = region
        self._rest = rest

    def to_end(self, flow: ContactFlow) -> None:
        """Run the flow; a fault of the emulator ends the contact and is logged."""
        try:
            contact_flow.run(flow, self)
        except Exception:  # noqa: BLE001 whatever it is, nobody else would hear of it in this thread
            _log.exception("the flow of contact %s failed", self._contact.id)
            self.disconnect()

    def is_ended(self) -> bool:
        return self._contact.ended is not None

    def pass_block(self, step: Step) -> None:
        self._contact.way.append((step, now()))

    def reference(self, path: str) -> str:
        root, _, name = path.removeprefix("$.").partition(".")
        contact = self._contact
        if root == "StoredCustomerInput":
            return contact.stored_input
        if root == "Attributes":
            return contact.attributes.get(name, "")
        if root == "External":
            return contact.external.get(name, "")
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
        return str(system.get(path, data.get(root)) or "")

    def invoke_function(self, function_arn: str, parameters: Mapping[str, str], *, seconds: float) -> None:
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
                contact.external = _string_map(answer)
                return

    def set_attributes(self, attributes: Mapping[str, str]) -> None:
        self._contacts.set_attributes(self._contact, attributes)

    def set_target_queue(self, queue_id: str) -> None:
        self._contacts.set_target_queue(self._contact, queue_id)

    def enter_queue(self) -> None:
        self._contacts.enqueue(self._contact)

    def hear(self, text: str) -> None:
        self._contact.heard.append(text)

    def collect_digits(
        self, most: int, *, first_within: float, next_within: float, ends_with: str, cancels: bool
    ) -> str | None:
        return self._contact.digits.collect(
            most, first_within=first_within, next_within=next_within, ends_with=ends_with, cancels=cancels
        )

    def store_input(self, digits: str) -> None:
        self._contact.stored_input = digits

    def enter_flow(self, flow_id: str) -> ContactFlow:
        return self._contacts.enter_flow(self._contact, flow_id)

    def disconnect(self) -> None:
        self._contacts.end(self._contact, reason="CONTACT_FLOW_DISCONNECT")


def _string_map(answer: object) -> dict[str, str]:
    if len(json.dumps(answer).encode()) > MAX_FUNCTION_RESPONSE_BYTES:
        raise BlockError(f"the function's answer is larger than {MAX_FUNCTION_RESPONSE_BYTES} bytes")
    if not isinstance(answer, dict) or not all(isinstance(value, str) for value in answer.values()):
        raise BlockError("the function's answer is not a flat object of texts (STRING_MAP)")
    return answer
