"""Amazon Connect, as far as a WebRTC or a telephone contact needs it: instances and their parts, contacts,
their flows.

Knows nothing of MiniStack: what a contact does to the rest of AWS goes through `Surroundings`. Facts about
the real service: the Connect API reference (operations, errors), "Contact events" and "How flow blocks use
Lambda" in its administrator guide. Not emulated: quotas, media, agents, customer queue flows, hours of
operation.

Assumed, because AWS does not say it:

- StopContact refuses a contact that a transfer has made with InvalidRequestException (that it "does not work"
  for these is documented); the contact before it has ended by then, which is a 410. So a call that an agent
  has transferred ends when the agent or the customer leaves, not by StopContact.
- A contact that an agent transfers ends for the reason OTHER, after the new one is queued; attributes go over
  to the new one; no flow runs for it.
- CreateParticipant wants an agent in the contact at that very time, counts agent and customers for its limit
  of six, and answers a contact other than the initial one with InvalidRequestException. A participant who
  joins is no event here, and no contact of its own (contact records know one).
- A customer who is out does not end the contact, whatever its state.
- Whoever dials a number is answered at once. A number without a flow, or of a flow that is not active, is not
  answered. StopContact ends an inbound telephone contact as it ends a WebRTC contact.
"""

import json
import logging
import re
import secrets
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from local.emulator.aws_service import AwsError, Parameters
from local.emulator.connect import contact_flow
from local.emulator.connect.contact import (
    Contact,
    ContactEvent,
    ContactStateError,
    Conversation,
    Participant,
    State,
    now,
    present,
    timestamp,
)
from local.emulator.connect.contact_flow import BlockError, ContactFlow, InvalidContactFlowError, Step
from local.emulator.connect.instance import Kind, Resource
from local.emulator.connect.media_placement import media_placement
from local.emulator.time_limit import within
from local.sip_bridge.phone_numbers import NumberSupply

MOST_ATTRIBUTE_BYTES = 32_768  # of all attributes of a contact together, in UTF-8
LARGEST_FUNCTION_ANSWER = 32_768  # bytes that a flow reads from a function
MOST_INVOCATIONS = 4  # of one block: the first and three retries, within its time limit
CLIENT_TOKEN_LIFE = timedelta(days=7)
PARTICIPANT_TOKEN_LIFE = timedelta(hours=24)  # as its Expiry says; it ends with the participant
MOST_PARTICIPANTS = 6  # of a call, agents included
MOST_EVENTS = 20_000  # kept, newest
CONTACT_EVENT = "Amazon Connect Contact Event"

_ATTRIBUTE_NAME = re.compile(r"[A-Za-z0-9_-]+")
_log = logging.getLogger("local.connect")


class FunctionError(Exception):
    """A function could not be invoked or failed; Connect tries again where `is_worth_a_retry`."""

    def __init__(self, reason: str, *, is_worth_a_retry: bool) -> None:
        super().__init__(reason)
        self.is_worth_a_retry = is_worth_a_retry


class Surroundings(Protocol):
    """The rest of AWS, as Connect sees it."""

    def invoke_function(self, function_arn: str, event: Mapping[str, Any], *, source_arn: str) -> object:
        """Invoke as connect.amazonaws.com from that source and return the answer; raises FunctionError."""

    def publish_event(self, detail_type: str, detail: Mapping[str, Any], resources: list[str]) -> None:
        """Put an event of the source aws.connect on the default event bus."""


_NOT_FOUND = "ResourceNotFoundException"
# Integrations to CloudFormation; the API has operations of their own for them.
_LISTED_APART = frozenset({"LAMBDA_FUNCTION", "LEX_BOT"})
_LIVING = frozenset({State.CONNECTING, State.QUEUED, State.CONNECTED})
_NEEDED = {
    ContactEvent.AGENT_CONNECTED: frozenset({State.QUEUED}),
    ContactEvent.AGENT_DISCONNECTED: frozenset({State.CONNECTED}),
    ContactEvent.CUSTOMER_DISCONNECTED: _LIVING,
    ContactEvent.CUSTOMER_DROPPED: _LIVING,
    ContactEvent.TRANSFERRED: frozenset({State.CONNECTED}),
}


@dataclass(frozen=True)
class _Answered:
    """What a request was answered: the same client token is answered the same."""

    answer: Mapping[str, Any]
    at: datetime


class Connect:
    """All Connect instances of the emulator: the behaviour of the service `connect`."""

    def __init__(
        self, *, region: str, account: str, surroundings: Surroundings, numbers: NumberSupply | None = None
    ) -> None:
        """`numbers` are those that can be claimed, shared with whoever else has numbers."""
        self._region = region
        self._account = account
        self._surroundings = surroundings
        self._numbers = numbers or NumberSupply()
        self._resources: dict[str, Resource] = {}
        self._contacts: dict[str, Contact] = {}
        self._participants: dict[str, tuple[Participant, Conversation]] = {}  # by token
        self._answered: dict[tuple[str, str, str], _Answered] = {}  # by operation, instance, client token
        self._events: deque[dict[str, Any]] = deque(maxlen=MOST_EVENTS)
        self._lock = threading.RLock()

    # What CloudFormation (and CreateContactFlow) makes

    def create(self, kind: Kind, properties: Mapping[str, Any]) -> Resource:
        """Create an instance or a part of one; raises AwsError as the service's Create operation does."""
        with self._lock:
            instance_arn = self._instance_arn(kind, properties)
            self._check(kind, properties, instance_arn, current=None)
            stands_alone = kind in {Kind.INSTANCE, Kind.PHONE_NUMBER}
            base = f"arn:aws:connect:{self._region}:{self._account}:" if stands_alone else f"{instance_arn}/"
            arn = f"{base}{kind}/{uuid.uuid4()}"
            resource = Resource(
                kind, arn, instance_arn or arn, properties, now(), _read_flow(kind, properties)
            )
            if kind is Kind.PHONE_NUMBER:
                resource.address = self._claim(properties)
            self._resources[arn] = resource
            return resource

    def update(self, arn: str, properties: Mapping[str, Any]) -> Resource:
        """Give a resource other properties; contacts in a flow stay in the version they began with."""
        with self._lock:
            resource = self._resources[arn]
            if resource.kind is Kind.PHONE_NUMBER:
                resource.instance_arn = self._instance_arn(resource.kind, properties)
            self._check(resource.kind, properties, resource.instance_arn, current=resource)
            resource.flow = _read_flow(resource.kind, properties)
            resource.properties = properties
            return resource

    def delete(self, arn: str) -> None:
        """Delete a resource if it is there."""
        with self._lock:
            removed = self._resources.pop(arn, None)
            if removed and removed.address:
                self._numbers.give_back(removed.address)

    def find_integration(self, instance_arn: str, integration_arn: str) -> Resource | None:
        """The association of a function or another integration with an instance."""
        found = self._of_instance(Kind.INTEGRATION_ASSOCIATION, instance_arn)
        return next((resource for resource in found if resource.name == integration_arn), None)

    def _instance_arn(self, kind: Kind, properties: Mapping[str, Any]) -> str:
        if kind is Kind.INSTANCE:
            return ""
        # An integration association's InstanceId takes the instance's ARN.
        named = {Kind.INTEGRATION_ASSOCIATION: "InstanceId", Kind.PHONE_NUMBER: "TargetArn"}
        arn = str(properties[named.get(kind, "InstanceArn")])
        if arn not in self._resources:
            raise AwsError(_NOT_FOUND, f"There is no instance {arn}.")
        return arn

    def _check(
        self, kind: Kind, properties: Mapping[str, Any], instance_arn: str, *, current: Resource | None
    ) -> None:
        others = (r for r in self._resources.values() if r.kind is kind and r is not current)
        candidate = Resource(kind, "", instance_arn, properties, now())
        for other in others:
            same_instance = kind is Kind.INSTANCE or other.instance_arn == instance_arn
            if same_instance and candidate.name and other.name == candidate.name:
                raise AwsError(
                    "DuplicateResourceException", f"A {kind} called {candidate.name} exists already."
                )
        hours = properties.get("HoursOfOperationArn")
        if hours is not None and hours not in self._resources:
            raise AwsError(_NOT_FOUND, f"There are no hours of operation {hours}.")

    def _claim(self, properties: Mapping[str, Any]) -> str:
        """Take a number of the wanted kind."""
        country, number_type = properties.get("CountryCode"), properties.get("Type")
        if country is None or number_type not in {"DID", "TOLL_FREE"}:
            message = "CountryCode and Type (DID or TOLL_FREE) say which number to claim."
            raise AwsError("InvalidParameterException", message)
        toll_free = number_type == "TOLL_FREE"
        # The last ones, so that a reader tells them from the Amazon Chime SDK's.
        for number in reversed(self._numbers.available(country, toll_free=toll_free, most=1000)):
            if number.startswith(properties.get("Prefix", "")) and self._numbers.take(number):
                return number
        raise AwsError("ResourceNotFoundException", f"There is no {number_type} number of {country} left.")

    def _of_instance(self, kind: Kind, instance_arn: str) -> Iterable[Resource]:
        with self._lock:
            return [r for r in self._resources.values() if r.kind is kind and r.instance_arn == instance_arn]

    def _get(self, kind: Kind, resource_id: str, instance_arn: str | None = None) -> Resource:
        for resource in self._resources.values():
            fits = instance_arn is None or resource.instance_arn == instance_arn
            if resource.kind is kind and resource.id == resource_id and fits:
                return resource
        raise AwsError(_NOT_FOUND, f"There is no {kind} {resource_id}.")

    # Operations, named as the SDK names them

    def describe_instance(self, parameters: Parameters) -> Mapping[str, Any]:
        """DescribeInstance."""
        instance = self._get(Kind.INSTANCE, parameters["InstanceId"])
        allowed = instance.properties["Attributes"]
        described = {
            "Id": instance.id,
            "Tags": instance.tags,
            "Arn": instance.arn,
            "IdentityManagementType": instance.properties["IdentityManagementType"],
            "InstanceAlias": instance.properties.get("InstanceAlias"),
            "CreatedTime": instance.created,
            "InstanceStatus": "ACTIVE",
            "InboundCallsEnabled": allowed["InboundCalls"],
            "OutboundCallsEnabled": allowed["OutboundCalls"],
        }
        return {"Instance": present(described)}

    def describe_instance_attribute(self, parameters: Parameters) -> Mapping[str, Any]:
        """DescribeInstanceAttribute, for those that CloudFormation can set."""
        instance = self._get(Kind.INSTANCE, parameters["InstanceId"])
        attribute_type = parameters["AttributeType"]
        name = attribute_type.title().replace("_", "").replace("Tts", "TTS")
        value = str(instance.properties["Attributes"].get(name, False)).lower()
        return {"Attribute": {"AttributeType": attribute_type, "Value": value}}

    def describe_hours_of_operation(self, parameters: Parameters) -> Mapping[str, Any]:
        """DescribeHoursOfOperation."""
        hours = self._part(Kind.HOURS_OF_OPERATION, parameters, "HoursOfOperationId")
        shown = {name: hours.properties.get(name) for name in ("Name", "Description", "TimeZone", "Config")}
        described = {
            "HoursOfOperationId": hours.id,
            "HoursOfOperationArn": hours.arn,
            "Tags": hours.tags,
            **shown,
        }
        return {"HoursOfOperation": present(described)}

    def describe_queue(self, parameters: Parameters) -> Mapping[str, Any]:
        """DescribeQueue."""
        queue = self._part(Kind.QUEUE, parameters, "QueueId")
        shown = {name: queue.properties.get(name) for name in ("Name", "Description", "MaxContacts")}
        hours_id = queue.properties["HoursOfOperationArn"].rpartition("/")[2]
        status = queue.properties.get("Status", "ENABLED")
        described = {
            "QueueId": queue.id,
            "QueueArn": queue.arn,
            "HoursOfOperationId": hours_id,
            "Status": status,
            "Tags": queue.tags,
        }
        return {"Queue": present({**described, **shown})}

    def describe_contact_flow(self, parameters: Parameters) -> Mapping[str, Any]:
        """DescribeContactFlow."""
        flow = self._part(Kind.CONTACT_FLOW, parameters, "ContactFlowId")
        shown = {name: flow.properties.get(name) for name in ("Name", "Type", "Description", "Content")}
        state = flow.properties.get("State", "ACTIVE")
        described = {"Id": flow.id, "Arn": flow.arn, "State": state, "Tags": flow.tags, **shown}
        return {"ContactFlow": present(described)}

    def create_contact_flow(self, parameters: Parameters) -> Mapping[str, Any]:
        """CreateContactFlow, always published."""
        instance = self._get(Kind.INSTANCE, parameters["InstanceId"])
        shown = {name: parameters[name] for name in ("Name", "Type", "Content")}
        flow = self.create(Kind.CONTACT_FLOW, {"InstanceArn": instance.arn, **shown})
        return {"ContactFlowId": flow.id, "ContactFlowArn": flow.arn}

    def describe_phone_number(self, parameters: Parameters) -> Mapping[str, Any]:
        """DescribePhoneNumber."""
        number = self._number(parameters)
        described = {**self._summary(number), "PhoneNumberStatus": {"Status": "CLAIMED"}}
        return {"ClaimedPhoneNumberSummary": described | ({"Tags": number.tags} if number.tags else {})}

    def list_phone_numbers_v2(self, parameters: Parameters) -> Mapping[str, Any]:
        """ListPhoneNumbersV2 of an instance, or of all; all on one page."""
        instance_id = parameters.get("InstanceId") or parameters.get("TargetArn", "").rpartition("/")[2]
        found = [
            self._summary(resource)
            for resource in list(self._resources.values())
            if resource.kind is Kind.PHONE_NUMBER and resource.instance_arn.endswith(instance_id)
        ]
        return {"ListPhoneNumbersSummaryList": found}

    def associate_phone_number_contact_flow(self, parameters: Parameters) -> Mapping[str, Any]:
        """AssociatePhoneNumberContactFlow: whoever dials the number gets this flow from now on."""
        with self._lock:
            number = self._number(parameters)
            flow = self._part(Kind.CONTACT_FLOW, parameters, "ContactFlowId")
            if number.instance_arn != flow.instance_arn:
                raise AwsError(_NOT_FOUND, f"The number {number.id} is not claimed to this instance.")
            number.flow_arn = flow.arn
        return {}

    def disassociate_phone_number_contact_flow(self, parameters: Parameters) -> Mapping[str, Any]:
        """DisassociatePhoneNumberContactFlow."""
        with self._lock:
            number = self._number(parameters)
            if not number.instance_arn.endswith(f"/{parameters['InstanceId']}"):
                raise AwsError(_NOT_FOUND, f"The number {number.id} is not claimed to this instance.")
            number.flow_arn = None
        return {}

    def _number(self, parameters: Parameters) -> Resource:
        """A claimed number, by id or ARN."""
        return self._get(Kind.PHONE_NUMBER, parameters["PhoneNumberId"].rpartition("/")[2])

    def _summary(self, number: Resource) -> dict[str, Any]:
        return present({
            "PhoneNumberId": number.id,
            "PhoneNumberArn": number.arn,
            "PhoneNumber": number.address,
            "PhoneNumberCountryCode": number.properties["CountryCode"],
            "PhoneNumberType": number.properties["Type"],
            "PhoneNumberDescription": number.properties.get("Description"),
            "TargetArn": number.instance_arn,
            "InstanceId": number.instance_arn.rpartition("/")[2],
        })  # fmt: skip

    def list_integration_associations(self, parameters: Parameters) -> Mapping[str, Any]:
        """ListIntegrationAssociations."""
        instance = self._get(Kind.INSTANCE, parameters["InstanceId"])
        associations = [
            {
                "IntegrationAssociationId": association.id,
                "IntegrationAssociationArn": association.arn,
                "InstanceId": instance.id,
                "IntegrationType": association.properties["IntegrationType"],
                "IntegrationArn": association.properties["IntegrationArn"],
            }
            for association in self._of_instance(Kind.INTEGRATION_ASSOCIATION, instance.arn)
            if association.properties["IntegrationType"] not in _LISTED_APART
        ]
        return {"IntegrationAssociationSummaryList": associations}

    def list_lambda_functions(self, parameters: Parameters) -> Mapping[str, Any]:
        """ListLambdaFunctions."""
        instance = self._get(Kind.INSTANCE, parameters["InstanceId"])
        associations = self._of_instance(Kind.INTEGRATION_ASSOCIATION, instance.arn)
        return {
            "LambdaFunctions": [
                association.properties["IntegrationArn"]
                for association in associations
                if association.properties["IntegrationType"] == "LAMBDA_FUNCTION"
            ]
        }

    def start_web_rtc_contact(self, parameters: Parameters) -> Mapping[str, Any]:
        """StartWebRTCContact: the flow begins to run at once, beside the caller of this operation."""
        _check_attributes(parameters.get("Attributes", {}))
        with self._lock:
            instance = self._get(Kind.INSTANCE, parameters["InstanceId"])
            if known := self._known_answer("StartWebRTCContact", instance, parameters):
                return known
            flow = self._part(Kind.CONTACT_FLOW, parameters, "ContactFlowId")
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
        self._run(contact, flow.flow)
        return answer

    def create_participant(self, parameters: Parameters) -> Mapping[str, Any]:
        """CreateParticipant: somebody joins on the customer's side of a call that an agent has taken."""
        with self._lock:
            instance = self._get(Kind.INSTANCE, parameters["InstanceId"])
            contact = self._contact(parameters)
            current = contact and contact.conversation.current
            if contact is None or current is None:
                raise AwsError(_NOT_FOUND, f"There is no contact {parameters['ContactId']} under way.")
            if known := self._known_answer("CreateParticipant", instance, parameters):
                return known
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
            if len(conversation.present_customers) + 1 >= MOST_PARTICIPANTS:
                message = f"A call has at most {MOST_PARTICIPANTS} participants."
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

    # Whoever dials a number

    def ring(self, number: str, caller: str, over: Callable[[], None]) -> "Line | None":
        """A call from `caller` to a number, both in E.164: the line that it is answered on, None where nobody
        answers. `over` is called once when Connect has ended the call, or the line was hung up.
        """
        with self._lock:
            flow = self._dialled_flow(number)
            if flow is None or flow.flow is None:
                return None
            contact = Contact(
                id=str(uuid.uuid4()),
                instance=self._resources[flow.instance_arn],
                flow=flow,
                conversation=Conversation({}, over),
                initiation_method="INBOUND",
                parameters={},
                attributes={},
                started=now(),
                customer_number=caller,
                system_number=number,
            )
            self._add(contact)
        self._run(contact, flow.flow)
        return Line(self, contact)

    def _dialled_flow(self, number: str) -> Resource | None:
        """The flow of a number that can be dialled."""
        for claimed in self._resources.values():
            if claimed.kind is Kind.PHONE_NUMBER and claimed.address == number and claimed.flow_arn:
                flow = self._resources.get(claimed.flow_arn)
                instance = self._resources.get(claimed.instance_arn)
                takes_calls = instance and instance.properties["Attributes"]["InboundCalls"]
                if flow and takes_calls and flow.properties.get("State", "ACTIVE") == "ACTIVE":
                    return flow
        return None

    def _run(self, contact: Contact, flow: ContactFlow) -> None:
        self.publish(contact.event("INITIATED"))
        run = _FlowRun(self, contact, self._region, self._surroundings)
        threading.Thread(target=run.to_end, args=(flow,), name=f"flow-{contact.id}", daemon=True).start()

    def _part(self, kind: Kind, parameters: Parameters, id_name: str) -> Resource:
        instance = self._get(Kind.INSTANCE, parameters["InstanceId"])
        return self._get(kind, parameters[id_name], instance.arn)

    def _contact(self, parameters: Parameters) -> Contact | None:
        instance = self._get(Kind.INSTANCE, parameters["InstanceId"])
        contact = self._contacts.get(parameters["ContactId"])
        return contact if contact and contact.instance is instance else None

    def _new_contact(self, instance: Resource, flow: Resource, parameters: Parameters) -> Contact:
        contact = Contact(
            id=str(uuid.uuid4()),
            instance=instance,
            flow=flow,
            conversation=Conversation(_meeting(self._region)),
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
        return customer

    def _known_answer(
        self, operation: str, instance: Resource, parameters: Parameters
    ) -> Mapping[str, Any] | None:
        """What the same operation answered to the same client token in the last days."""
        known = self._answered.get((operation, instance.arn, parameters.get("ClientToken", "")))
        return known.answer if known and now() - known.at < CLIENT_TOKEN_LIFE else None

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
                self.publish(contact.event("CONNECTED_TO_AGENT"))
            case ContactEvent.AGENT_DISCONNECTED:
                self.end(contact, reason="AGENT_DISCONNECT")
            case ContactEvent.CUSTOMER_DISCONNECTED:
                self.end(contact, reason="CUSTOMER_DISCONNECT")
            case ContactEvent.TRANSFERRED:
                self.publish(moved.event("INITIATED"))
                self.publish(moved.event("QUEUED"))
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
            case ContactEvent.TRANSFERRED:
                return self._queue_again(contact)
        return contact

    def _queue_again(self, transferred: Contact) -> Contact:
        started = now()
        contact = Contact(
            id=str(uuid.uuid4()),
            instance=transferred.instance,
            flow=None,
            conversation=transferred.conversation,
            initiation_method="TRANSFER",
            parameters=transferred.parameters,
            attributes=dict(transferred.attributes),
            started=started,
            previous=transferred,
            customer_number=transferred.customer_number,
            system_number=transferred.system_number,
            target_queue=transferred.target_queue,
            enqueued=started,
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
        self.publish(contact.event("DISCONNECTED"))
        # No agent does work after the contact here: COMPLETED follows at once, with the same data.
        self.publish(contact.event("COMPLETED"))
        if is_over and contact.conversation.over:
            contact.conversation.over()
        return True

    def enter_flow(self, contact: Contact, flow_id: str) -> ContactFlow:
        """An active flow of the contact's instance, by ARN or id; the contact is in it from now on."""
        try:
            flow = self._get(Kind.CONTACT_FLOW, flow_id.rpartition("/")[2], contact.instance.arn)
        except AwsError as error:
            raise BlockError(error.message) from error
        if flow.flow is None or flow.properties.get("State", "ACTIVE") != "ACTIVE":
            raise BlockError(f"the flow {flow.id} is not active")
        contact.flow = flow
        return flow.flow

    def enqueue(self, contact: Contact) -> None:
        """Put a contact into its target queue."""
        with self._lock:
            if contact.target_queue is None:
                raise BlockError("no target queue is set")
            if contact.enqueued:
                raise BlockError("the contact is in a queue already")
            waiting = [c for c in self._contacts.values() if c.state is State.QUEUED]
            limit = contact.target_queue.properties.get("MaxContacts")
            if limit is not None and sum(c.target_queue is contact.target_queue for c in waiting) >= limit:
                raise BlockError(f"the queue holds its {limit} contacts", error_type="QueueAtCapacity")
            contact.enqueued = now()
        self.publish(contact.event("QUEUED"))

    def set_target_queue(self, contact: Contact, queue_id: str) -> None:
        """Choose a queue of the contact's instance, by ARN or id."""
        try:
            contact.target_queue = self._get(Kind.QUEUE, queue_id.rpartition("/")[2], contact.instance.arn)
        except AwsError as error:
            raise BlockError(error.message) from error

    def set_attributes(self, contact: Contact, attributes: Mapping[str, str]) -> None:
        """Add or overwrite attributes, all or none."""
        try:
            _check_attributes({**contact.attributes, **attributes})
        except AwsError as error:
            raise BlockError(error.message) from error
        with self._lock:
            contact.attributes |= attributes
        self.publish(contact.event("CONTACT_DATA_UPDATED", {"updatedProperties": ["UserDefinedAttributes"]}))

    def publish(self, detail: Mapping[str, Any]) -> None:
        """Publish a contact event; its detail has at least `contactId` and `instanceArn`."""
        self._events.append(dict(detail))
        contact_arn = f"{detail['instanceArn']}/contact/{detail['contactId']}"
        self._surroundings.publish_event(CONTACT_EVENT, detail, [contact_arn, detail["instanceArn"]])


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


class _FlowRun:
    """One contact's run through its flow: what the flow's blocks do to the contact."""

    def __init__(self, connect: Connect, contact: Contact, region: str, surroundings: Surroundings) -> None:
        self._connect = connect
        self._contact = contact
        self._region = region
        self._surroundings = surroundings

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
        if self._connect.find_integration(contact.instance.arn, function_arn) is None:
            raise BlockError(f"{function_arn} is not associated with the instance")
        event = contact.flow_event(parameters, region=self._region)
        deadline = time.monotonic() + seconds
        for attempt in range(1, MOST_INVOCATIONS + 1):
            try:
                answer = within(
                    max(0.0, deadline - time.monotonic()),
                    lambda: self._surroundings.invoke_function(
                        function_arn, event, source_arn=contact.instance.arn
                    ),
                )
            except TimeoutError:
                raise BlockError(f"{function_arn} did not answer within {seconds:g} s") from None
            except FunctionError as error:
                if not error.is_worth_a_retry or attempt == MOST_INVOCATIONS:
                    raise BlockError(str(error)) from error
            else:
                contact.external = _string_map(answer)
                return

    def set_attributes(self, attributes: Mapping[str, str]) -> None:
        self._connect.set_attributes(self._contact, attributes)

    def set_target_queue(self, queue_id: str) -> None:
        self._connect.set_target_queue(self._contact, queue_id)

    def enter_queue(self) -> None:
        self._connect.enqueue(self._contact)

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
        return self._connect.enter_flow(self._contact, flow_id)

    def disconnect(self) -> None:
        self._connect.end(self._contact, reason="CONTACT_FLOW_DISCONNECT")


def _string_map(answer: object) -> dict[str, str]:
    if len(json.dumps(answer).encode()) > LARGEST_FUNCTION_ANSWER:
        raise BlockError(f"the function's answer is larger than {LARGEST_FUNCTION_ANSWER} bytes")
    if not isinstance(answer, dict) or not all(isinstance(value, str) for value in answer.values()):
        raise BlockError("the function's answer is not a flat object of texts (STRING_MAP)")
    return answer


def _read_flow(kind: Kind, properties: Mapping[str, Any]) -> ContactFlow | None:
    if kind is not Kind.CONTACT_FLOW:
        return None
    try:
        return contact_flow.read(properties["Content"])
    except InvalidContactFlowError as error:
        problems = [{"message": problem} for problem in error.problems]
        raise AwsError("InvalidContactFlowException", str(error), members={"problems": problems}) from error


def _check_attributes(attributes: Mapping[str, str]) -> None:
    for name in attributes:
        if not _ATTRIBUTE_NAME.fullmatch(name):
            message = f"The attribute name {name!r} has characters other than letters, digits, - and _."
            raise AwsError("InvalidParameterException", message)
    size = sum(len(name.encode()) + len(value.encode()) for name, value in attributes.items())
    if size > MOST_ATTRIBUTE_BYTES:
        message = f"The attributes take {size} bytes, at most {MOST_ATTRIBUTE_BYTES} allowed."
        raise AwsError("InvalidRequestException", message)


def _drop(conversation: Conversation) -> None:
    if not conversation.present_customers:
        raise ContactStateError("no customer is left in the call")
    for customer in conversation.present_customers:
        customer.left = now()


def _meeting(region: str) -> dict[str, Any]:
    """The meeting of an answer of StartWebRTCContact: shaped like the real one, leading nowhere."""
    meeting_id = str(uuid.uuid4())
    return {
        "MeetingId": meeting_id,
        "MediaRegion": region,
        "MeetingFeatures": {"Audio": {"EchoReduction": "AVAILABLE"}},
        "MediaPlacement": media_placement(region, meeting_id),
    }
