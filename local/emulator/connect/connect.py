"""Amazon Connect's contacts, by WebRTC or telephone.

Independent of MiniStack: what a contact does to the rest of AWS goes through `RestOfAws`. Facts about the
real service: the Connect API reference (operations, errors), "Contact events" and "How flow blocks use
Lambda" in its administrator guide. Not emulated: quotas, media, agents.

Assumed, because AWS does not say it:

- StopContact refuses a contact that a transfer has made with InvalidRequestException (that it "does not work"
  for these is documented); the contact before it has ended by then, which is a 410. So a call that an agent
  has transferred ends when the agent or the customer leaves, not by StopContact.
- A contact that an agent transfers ends for the reason OTHER, after the new one is queued; attributes go over
  to the new one; no flow runs for it.
- CreateParticipant wants an agent in the contact at that very time, counts agent and customers for its limit
  of six, and answers a contact other than the initial one with InvalidRequestException. A participant who
  joins is no event here, and no contact of its own (contact records have none).
- A WebRTC contact whose customer has not joined within `JOINS_WITHIN` ends (CUSTOMER_NEVER_ARRIVED is
  documented, the time is not). Its flow begins when the customer joins; the event INITIATED comes before.
- StopContact ends an inbound telephone contact as it ends a WebRTC contact.
- A queue flow that puts the contact into another queue makes a new contact of it, with attributes, data and
  the flows of hooks but the queue flow: it waits there without one. The first ends for the reason OTHER.
- The guide of an agent starts when they take the contact: there is no moment in which it is only offered.

Where two behaviours are likely, `Behaviours` has both.
"""

import logging
import re
import secrets
import threading
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from local.emulator.aws_service import AwsError, Parameters
from local.emulator.connect import flow_run
from local.emulator.connect.behaviours import (
    Behaviours,
    EventMethod,
    EventReason,
    LostCustomer,
    RepeatedClientToken,
)
from local.emulator.connect.contact import (
    Contact,
    ContactEvent,
    ContactStateError,
    Conversation,
    Participant,
    State,
    now,
    timestamp,
)
from local.emulator.connect.contact_center import ContactCenter
from local.emulator.connect.contact_flow import BlockError, ContactFlow
from local.emulator.connect.instance import Kind, Resource
from local.emulator.connect.instances import Instances
from local.emulator.connect.media_placement import MediaPlane
from local.emulator.connect.timers import Timers
from local.emulator.rest_of_aws import RestOfAws

MAX_ATTRIBUTE_BYTES = 32_768  # of all attributes of a contact together, in UTF-8
CLIENT_TOKEN_LIFE = timedelta(days=7)
PARTICIPANT_TOKEN_LIFE = timedelta(hours=24)  # as its Expiry says; it ends with the participant
MAX_PARTICIPANTS = 6  # of a call, agents included
MAX_CONTACTS_IN_CHAIN = 12  # that a call can become by transfers
MAX_EVENTS = 20_000  # kept, newest
JOINS_WITHIN = 60.0  # seconds
CONTACT_EVENT = "Amazon Connect Contact Event"

_ATTRIBUTE_NAME = re.compile(r"[A-Za-z0-9_-]+")
_log = logging.getLogger("local.connect")


_NOT_FOUND = "ResourceNotFoundException"
_LIVING = frozenset({State.CONNECTING, State.QUEUED, State.CONNECTED})
_NEEDED = {
    ContactEvent.AGENT_CONNECTED: frozenset({State.QUEUED}),
    ContactEvent.AGENT_DISCONNECTED: frozenset({State.CONNECTED}),
    ContactEvent.CUSTOMER_DISCONNECTED: _LIVING,
    ContactEvent.CUSTOMER_DROPPED: _LIVING,
    ContactEvent.CUSTOMER_HELD: frozenset({State.CONNECTED}),
    ContactEvent.CUSTOMER_RESUMED: frozenset({State.CONNECTED}),
    ContactEvent.TRANSFERRED: frozenset({State.CONNECTED}),
}


@dataclass(frozen=True)
class _Answered:
    """What a request was answered: the same client token is answered the same."""

    answer: Mapping[str, Any]
    at: datetime


class Connect:
    """All contacts: the part of the service `connect` that is about them."""

    def __init__(self, *, region: str, instances: Instances, rest: RestOfAws, media: MediaPlane) -> None:
        self.instances = instances
        self.behaviours = Behaviours()
        self.timers = Timers()
        self.center = ContactCenter()
        self._region = region
        self._rest = rest
        self._media = media
        self._contacts: dict[str, Contact] = {}
        self._participants: dict[str, tuple[Participant, Conversation]] = {}  # by token
        self._places: dict[str, tuple[Participant, Conversation]] = {}  # the same by join token
        self._answered: dict[tuple[str, str, str], _Answered] = {}  # by operation, instance, client token
        self._events: deque[dict[str, Any]] = deque(maxlen=MAX_EVENTS)
        self._lock = threading.RLock()

    # Operations, named as the SDK names them

    def start_web_rtc_contact(self, parameters: Parameters) -> Mapping[str, Any]:
        """StartWebRTCContact: the contact waits for its customer to join."""
        _check_attributes(parameters.get("Attributes", {}))
        with self._lock:
            instance = self.instances.get(Kind.INSTANCE, parameters["InstanceId"])
            if kept := self._kept_answer("StartWebRTCContact", instance, parameters):
                if self.behaviours.plays(RepeatedClientToken.CONTACT_ID):
                    return {"ContactId": kept["ContactId"]}
                return kept
            flow = self.instances.part(Kind.CONTACT_FLOW, parameters, "ContactFlowId")
            if flow.properties.get("State", "ACTIVE") != "ACTIVE" or flow.flow is None:
                raise AwsError("InvalidRequestException", f"The flow {flow.id} is not active.")
            contact = self._new_contact(instance, flow, parameters)
            customer = self._new_customer(contact.conversation, contact.display_name)
            answer = {
                "ContactId": contact.id,
                "ParticipantId": customer.id,
                "ParticipantToken": customer.token,
                "ConnectionData": {"Attendee": customer.attendee, "Meeting": contact.conversation.meeting},
            }
            self._keep_answer("StartWebRTCContact", instance, parameters, answer)
        self._report(contact, "INITIATED")
        self.timers.after(JOINS_WITHIN, lambda: self._give_up(contact))
        return answer

    def create_participant(self, parameters: Parameters) -> Mapping[str, Any]:
        """CreateParticipant: somebody joins on the customer's side of a call that an agent has taken."""
        with self._lock:
            instance = self.instances.get(Kind.INSTANCE, parameters["InstanceId"])
            contact = self._contact(parameters)
            current = contact and contact.conversation.current
            if contact is None or current is None:
                raise AwsError(_NOT_FOUND, f"There is no contact {parameters['ContactId']} under way.")
            if kept := self._kept_answer("CreateParticipant", instance, parameters):
                return kept
            details = parameters["ParticipantDetails"]
            conversation = contact.conversation
            if contact.system_number is not None:
                raise AwsError("InvalidRequestException", "A telephone contact takes no participants.")
            if details.get("ParticipantRole") != "CUSTOMER":
                raise AwsError("InvalidRequestException", "The role in a voice contact is CUSTOMER.")
            if contact is not contact.initial:
                raise AwsError("InvalidRequestException", "Name the initial contact of the call.")
            if current.state is not State.CONNECTED:
                raise AwsError("InvalidRequestException", "No agent has connected to the contact.")
            if len(conversation.present_customers) + 1 >= MAX_PARTICIPANTS:
                message = f"A call has at most {MAX_PARTICIPANTS} participants."
                raise AwsError("ServiceQuotaExceededException", message)
            customer = self._new_customer(conversation, details.get("DisplayName", ""))
            expiry = timestamp(now() + PARTICIPANT_TOKEN_LIFE)
            credentials = {"ParticipantToken": customer.token, "Expiry": expiry}
            answer = {"ParticipantId": customer.id, "ParticipantCredentials": credentials}
            self._keep_answer("CreateParticipant", instance, parameters, answer)
            return answer

    def stop_contact(self, parameters: Parameters) -> Mapping[str, Any]:
        """StopContact: a voice contact ends for the reason OTHER; ending it twice is 410."""
        contact = self._contact(parameters)
        if contact and contact.previous and not contact.ended:
            method = contact.initiation_method
            message = f"StopContact does not work for voice contacts with the initiation method {method}."
            raise AwsError("InvalidRequestException", message)
        if contact is None or not self.end(contact, reason="OTHER"):
            message = "The contact with the specified ID does not exist."
            raise AwsError("ContactNotFoundException", message)
        return {}

    def describe_contact(self, parameters: Parameters) -> Mapping[str, Any]:
        """DescribeContact."""
        contact = self._contact(parameters)
        if contact is None:
            raise AwsError(_NOT_FOUND, f"There is no contact {parameters['ContactId']}.")
        return {"Contact": contact.described()}

    # Telephone calls

    def answer(self, flow: Resource, *, caller: str, number: str, over: Callable[[], None]) -> "Line":
        """Answer a telephone call from `caller` to `number`, both in E.164, by a flow that is active.

        `over` is called once when Connect has ended the call, or the line was hung up.
        """
        contact = Contact(
            id=str(uuid.uuid4()),
            instance=self.instances.get(Kind.INSTANCE, flow.instance_arn.rpartition("/")[2]),
            flow=flow,
            conversation=Conversation({}, over),
            initiation_method="INBOUND",
            parameters={},
            attributes={},
            started=now(),
            customer_number=caller,
            system_number=number,
        )
        with self._lock:
            self._add(contact)
        self._report(contact, "INITIATED")
        self._run(contact, flow)
        return Line(self, contact)

    def _run(self, contact: Contact, flow: Resource) -> None:
        """Let the flow begin, beside the caller of this method."""
        if flow.flow:
            flow_run.start(flow.flow, contact, contacts=self, region=self._region, rest=self._rest)

    def _give_up(self, contact: Contact) -> None:
        if contact.joined is None:
            self.end(contact, reason="CUSTOMER_NEVER_ARRIVED")

    def _contact(self, parameters: Parameters) -> Contact | None:
        instance = self.instances.get(Kind.INSTANCE, parameters["InstanceId"])
        contact = self._contacts.get(parameters["ContactId"])
        return contact if contact and contact.instance is instance else None

    def _new_contact(self, instance: Resource, flow: Resource, parameters: Parameters) -> Contact:
        contact = Contact(
            id=str(uuid.uuid4()),
            instance=instance,
            flow=flow,
            conversation=Conversation(_meeting(self._region, self._media)),
            initiation_method="WEBRTC_API",
            parameters=parameters,
            attributes=dict(parameters.get("Attributes", {})),
            started=now(),
        )
        self._add(contact)
        return contact

    def _add(self, contact: Contact) -> None:
        self._contacts[contact.id] = contact
        contact.conversation.contacts.append(contact)

    def _new_customer(self, conversation: Conversation, name: str) -> Participant:
        customer = Participant(
            id=str(uuid.uuid4()),
            name=name,
            token=secrets.token_urlsafe(64),
            attendee={"AttendeeId": str(uuid.uuid4()), "JoinToken": secrets.token_urlsafe(90)},
        )
        conversation.customers.append(customer)
        self._participants[customer.token] = customer, conversation
        self._places[customer.attendee["JoinToken"]] = customer, conversation
        return customer

    def _kept_answer(
        self, operation: str, instance: Resource, parameters: Parameters
    ) -> Mapping[str, Any] | None:
        """What the same operation answered to the same client token in the last days."""
        kept = self._answered.get((operation, instance.arn, parameters.get("ClientToken", "")))
        return kept.answer if kept and now() - kept.at < CLIENT_TOKEN_LIFE else None

    def _keep_answer(
        self, operation: str, instance: Resource, parameters: Parameters, answer: Mapping[str, Any]
    ) -> None:
        if token := parameters.get("ClientToken"):
            self._answered[operation, instance.arn, token] = _Answered(answer, now())

    # What happens to contacts

    def contacts(self) -> list[dict[str, Any]]:
        """Every contact, oldest first, as the control endpoint shows it."""
        with self._lock:
            return [contact.shown() for contact in self._contacts.values()]

    def contact(self, contact_id: str) -> dict[str, Any]:
        """One contact, as the control endpoint shows it; KeyError where there is none."""
        with self._lock:
            return self.by_id(contact_id).shown()

    def under_way(self) -> list[Contact]:
        """Every contact that has not ended, oldest first."""
        with self._lock:
            return [contact for contact in self._contacts.values() if not contact.ended]

    def by_id(self, contact_id: str) -> Contact:
        """A contact of any instance; KeyError where there is none."""
        return self._contacts[contact_id]

    def customer(self, join_token: str) -> tuple[Participant, Conversation]:
        """Whose place in a meeting that was, whether lost or not; KeyError for nobody's."""
        return self._places[join_token]

    def find(self, instance_id: str, contact_id: str) -> Contact | None:
        """A contact of an instance; raises AwsError where there is no such instance."""
        return self._contact({"InstanceId": instance_id, "ContactId": contact_id})

    def of_instance(self, instance: Resource) -> list[Contact]:
        """Every contact of an instance, oldest first."""
        with self._lock:
            return [contact for contact in self._contacts.values() if contact.instance is instance]

    def events(self) -> list[dict[str, Any]]:
        """The details of the contact events so far, in the order in which they were published."""
        return list(self._events)

    def participant(self, token: str) -> tuple[Participant, Contact] | None:
        """Whom a participant token speaks for, and the contact that they are in; None once they are out or
        the call has ended.
        """
        with self._lock:
            customer, conversation = self._participants.get(token, (None, None))
            contact = conversation and conversation.current
            return (customer, contact) if customer and contact and not customer.left else None

    def join(self, contact_id: str) -> dict[str, Any]:
        """The customer joins the meeting of a WebRTC contact, which reaches its flow by that; idempotent.

        KeyError for an unknown contact, ContactStateError for one that has ended or has no meeting.
        """
        contact = self._contacts[contact_id]
        with self._lock:
            if contact.system_number is not None:
                raise ContactStateError("whoever is on the telephone joins no meeting")
            if contact.ended:
                raise ContactStateError("the contact has ended")
            is_first = contact.initial.joined is None
            contact.initial.joined = contact.initial.joined or now()
        if is_first and contact.flow:
            self._run(contact, contact.flow)
        return contact.shown()

    def happen(self, contact_id: str, event: ContactEvent) -> dict[str, Any]:
        """Let an agent or the customer do something; KeyError for an unknown contact, ContactStateError where
        the contact's state does not allow it. Returns the contact, after a transfer the new one, as the
        control endpoint shows it.
        """
        contact = self._contacts[contact_id]
        with self._lock:
            if contact.state not in _NEEDED[event]:
                states = " or ".join(sorted(_NEEDED[event]))
                raise ContactStateError(
                    f"{event} needs a contact that is {states}: this one is {contact.state}"
                )
            moved = self._move(contact, event)
        match event:
            case ContactEvent.AGENT_CONNECTED:
                contact.stirred.set()
                flow_run.present(contact, contacts=self, region=self._region, rest=self._rest)
                self._report(contact, "CONNECTED_TO_AGENT")
            case ContactEvent.AGENT_DISCONNECTED:
                self.end(contact, reason="AGENT_DISCONNECT")
            case ContactEvent.CUSTOMER_DISCONNECTED:
                self.end(contact, reason="CUSTOMER_DISCONNECT")
            case ContactEvent.CUSTOMER_DROPPED if self.behaviours.plays(LostCustomer.ENDS):
                # The reason that is documented for a lost network too.
                self.end(contact, reason="CUSTOMER_DISCONNECT")
            case ContactEvent.TRANSFERRED:
                self._report(moved, "INITIATED")
                self._report(moved, "QUEUED")
                self.end(contact, reason="OTHER")
        return moved.shown()

    def _move(self, contact: Contact, event: ContactEvent) -> Contact:
        """Let an event change the contact; returns the contact that the conversation is in afterwards."""
        match event:
            case ContactEvent.AGENT_CONNECTED:
                contact.agent_connected = now()
            case ContactEvent.CUSTOMER_DROPPED:
                if contact.system_number is not None:
                    raise ContactStateError("whoever is on the telephone hangs up: CustomerDisconnected")
                _drop(contact.conversation)
            case ContactEvent.CUSTOMER_HELD | ContactEvent.CUSTOMER_RESUMED:
                contact.on_hold = event is ContactEvent.CUSTOMER_HELD
            case ContactEvent.TRANSFERRED:
                return self._queue_again(contact)
        return contact

    def _queue_again(
        self, transferred: Contact, *, method: str = "TRANSFER", queue: Resource | None = None
    ) -> Contact:
        started = now()
        for agent in transferred.conversation.present_agents:
            agent.left = started
        contact = Contact(
            id=str(uuid.uuid4()),
            instance=transferred.instance,
            flow=None,
            conversation=transferred.conversation,
            initiation_method=method,
            parameters=transferred.parameters,
            attributes=dict(transferred.attributes),
            started=started,
            previous=transferred,
            customer_number=transferred.customer_number,
            system_number=transferred.system_number,
            target_queue=queue or transferred.target_queue,
            enqueued=started,
            data=dict(transferred.data),
            hooks={hook: flow for hook, flow in transferred.hooks.items() if hook != "CustomerQueue"},
        )
        self._add(contact)
        return contact

    def end(self, contact: Contact, *, reason: str) -> bool:
        """End a contact; False if it had ended before."""
        with self._lock:
            if contact.ended:
                return False
            contact.ended = now()
            contact.disconnect_reason = reason
            is_over = contact.conversation.current is None
        contact.digits.end()
        contact.stirred.set()
        self._report(contact, "DISCONNECTED")
        # No agent does work after the contact here: COMPLETED follows at once, with the same data.
        self._report(contact, "COMPLETED")
        if is_over and contact.conversation.over:
            contact.conversation.over()
        return True

    def enter_flow(self, contact: Contact, flow_id: str) -> ContactFlow:
        """An active flow of the contact's instance, by ARN or id; the contact is in it from now on."""
        flow = self._part(contact, Kind.CONTACT_FLOW, flow_id)
        if flow.flow is None or flow.properties.get("State", "ACTIVE") != "ACTIVE":
            raise BlockError(f"the flow {flow.id} is not active")
        contact.flow = flow
        return flow.flow

    def set_hook(self, contact: Contact, hook: str, flow_id: str) -> None:
        """Choose a flow of the contact's instance for an event, by ARN or id."""
        contact.hooks[hook] = self._part(contact, Kind.CONTACT_FLOW, flow_id)

    def is_open(self, contact: Contact, hours_id: str | None) -> bool:
        """Whether these hours of operation, by ARN or id, or those of the target queue say open."""
        if hours_id is None:
            hours_id = str(self._queue(contact, None).properties["HoursOfOperationArn"])
        return self.center.is_open(self._part(contact, Kind.HOURS_OF_OPERATION, hours_id).id)

    def metrics(self, contact: Contact, queue_id: str | None) -> Mapping[str, int]:
        """The metrics of a queue, by ARN or id, or of the target queue, as `$.Metrics` has them."""
        queue = self._queue(contact, queue_id)
        state = self.center.queue(queue.id)
        return {
            "Queue.Size": self._waiting(queue),
            "Queue.OldestContactAge": state.oldest_contact_age,
            "Queue.EstimatedWaitTime": state.estimated_wait_time,
            "Agents.Online.Count": state.agents_online,
            "Agents.Staffed.Count": state.agents_staffed,
            "Agents.Available.Count": state.agents_available,
        }

    def wait(self, contact: Contact, seconds: float | None) -> bool:
        """Let a contact wait in its queue, for so many seconds or for good; False once it has left."""
        contact.stirred.clear()
        if contact.state is not State.QUEUED:
            return False
        if seconds is not None:
            self.timers.after(seconds, contact.stirred.set)
        contact.stirred.wait()
        return contact.state is State.QUEUED

    def _part(self, contact: Contact, kind: Kind, part_id: str) -> Resource:
        try:
            return self.instances.get(kind, part_id.rpartition("/")[2], contact.instance.arn)
        except AwsError as error:
            raise BlockError(error.message) from error

    def _queue(self, contact: Contact, queue_id: str | None) -> Resource:
        if queue_id is not None:
            return self._part(contact, Kind.QUEUE, queue_id)
        if contact.target_queue is None:
            raise BlockError("no target queue is set")
        return contact.target_queue

    def _waiting(self, queue: Resource) -> int:
        """How many contacts are in a queue."""
        return sum(c.state is State.QUEUED and c.target_queue is queue for c in list(self._contacts.values()))

    def _check_room(self, queue: Resource) -> None:
        limit = self.center.queue(queue.id).max_contacts
        if limit is None:
            limit = queue.properties.get("MaxContacts")
        if limit is not None and self._waiting(queue) >= limit:
            raise BlockError(f"the queue holds its {limit} contacts", error_type="QueueAtCapacity")

    def enqueue(self, contact: Contact) -> None:
        """Put a contact into its target queue."""
        with self._lock:
            queue = self._queue(contact, None)
            if contact.enqueued:
                raise BlockError("the contact is in a queue already")
            self._check_room(queue)
            contact.enqueued = now()
        self._report(contact, "QUEUED")

    def change_queue(self, contact: Contact, queue_id: str | None) -> None:
        """Put a contact that is in a queue into another, by ARN or id, or into its target queue."""
        with self._lock:
            queue = self._queue(contact, queue_id)
            if contact.state is not State.QUEUED:
                raise BlockError("the contact is in no queue")
            if len(contact.conversation.contacts) >= MAX_CONTACTS_IN_CHAIN:
                raise BlockError(f"a call has at most {MAX_CONTACTS_IN_CHAIN} contacts")
            self._check_room(queue)
            moved = self._queue_again(contact, method="QUEUE_TRANSFER", queue=queue)
        self._report(moved, "INITIATED")
        self._report(moved, "QUEUED")
        self.end(contact, reason="OTHER")

    def set_target_queue(self, contact: Contact, queue_id: str) -> None:
        """Choose a queue of the contact's instance, by ARN or id."""
        contact.target_queue = self._part(contact, Kind.QUEUE, queue_id)

    def set_attributes(self, contact: Contact, attributes: Mapping[str, str]) -> None:
        """Add or overwrite attributes, all or none."""
        try:
            _check_attributes({**contact.attributes, **attributes})
        except AwsError as error:
            raise BlockError(error.message) from error
        with self._lock:
            contact.attributes |= attributes
        self._report(contact, "CONTACT_DATA_UPDATED", updatedProperties=["UserDefinedAttributes"])

    def _report(self, contact: Contact, event_type: str, **more: Any) -> None:
        """Publish an event of a contact, with what is played of what its detail may hold."""
        if contact.initiation_method == "WEBRTC_API" and self.behaviours.plays(EventMethod.LEFT_OUT):
            more["initiationMethod"] = None
        if self.behaviours.plays(EventReason.GIVEN):
            more["disconnectReason"] = contact.disconnect_reason
        self.publish(contact.event(event_type, more))

    def publish(self, detail: Mapping[str, Any]) -> None:
        """Publish a contact event; its detail has at least `contactId` and `instanceArn`."""
        self._events.append(dict(detail))
        contact_arn = f"{detail['instanceArn']}/contact/{detail['contactId']}"
        self._rest.publish_event(CONTACT_EVENT, detail, [contact_arn, detail["instanceArn"]])


class Line:
    """A telephone call that Connect has answered."""

    def __init__(self, connect: Connect, contact: Contact) -> None:
        self._connect = connect
        self._contact = contact

    @property
    def id(self) -> str:
        """The contact that the call has become."""
        return self._contact.id

    def press(self, keys: str) -> None:
        """The caller presses keys."""
        current = self._contact.conversation.current
        if current:
            current.digits.press(keys)

    def hang_up(self) -> None:
        """The caller hangs up."""
        current = self._contact.conversation.current
        if current:
            self._connect.end(current, reason="CUSTOMER_DISCONNECT")


def _check_attributes(attributes: Mapping[str, str]) -> None:
    for name in attributes:
        if not _ATTRIBUTE_NAME.fullmatch(name):
            message = f"The attribute name {name!r} has characters other than letters, digits, - and _."
            raise AwsError("InvalidParameterException", message)
    size = sum(len(name.encode()) + len(value.encode()) for name, value in attributes.items())
    if size > MAX_ATTRIBUTE_BYTES:
        message = f"The attributes take {size} bytes, at most {MAX_ATTRIBUTE_BYTES} allowed."
        raise AwsError("InvalidRequestException", message)


def _drop(conversation: Conversation) -> None:
    if not conversation.present_customers:
        raise ContactStateError("no customer is left in the call")
    for customer in conversation.present_customers:
        customer.left = now()


def _meeting(region: str, media: MediaPlane) -> dict[str, Any]:
    """The meeting of an answer of StartWebRTCContact: shaped like the real one."""
    meeting_id = str(uuid.uuid4())
    return {
        "MeetingId": meeting_id,
        "MediaRegion": region,
        "MeetingFeatures": {"Audio": {"EchoReduction": "AVAILABLE"}},
        "MediaPlacement": media.placement(meeting_id),
    }
