"""A whole bridge in one process: numbers, a SIP media application, a Voice Connector, Amazon Connect."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from local.clients.observer import eventually
from local.emulator.connect.connect import Connect
from local.emulator.rest_of_aws import FunctionError
from local.sip_bridge.connect_numbers import ClaimedNumber, ConnectNumbers
from local.sip_bridge.phone_numbers import MEETING_NUMBER
from local.sip_bridge.telephony import Telephony
from tests.local.emulator.connect_instance import Instance
from tests.local.emulator.flows import HANG_UP, block

ACCOUNT, REGION = "000000000000", "eu-west-2"
SIP_FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:sip-media:live"
ORDERED_WITHIN = 5.0  # seconds

Reply = Callable[[Mapping[str, Any]], object]


def answer(*actions: Mapping[str, Any], **members: Any) -> dict[str, Any]:
    """What a function of a SIP media application answers."""
    return {"SchemaVersion": "1.0", "Actions": list(actions), **members}


def action(action_type: str, **parameters: Any) -> dict[str, Any]:
    return {"Type": action_type, "Parameters": parameters}


class FakeSipFunction:
    """The function of a SIP media application: keeps its events and answers by their type.

    `replies` maps an event type, or event type and action such as "ACTION_SUCCESSFUL SendDigits", to an
    answer or to what makes one; anything else is answered with no actions.
    """

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.replies: dict[str, object | Reply] = {}

    def __call__(self, _application_arn: str, function_arn: str, event: Mapping[str, Any]) -> object:
        if function_arn != SIP_FUNCTION:
            raise FunctionError(f"{function_arn} does not exist", is_worth_a_retry=False)
        self.events.append(dict(event))
        kind = event["InvocationEventType"]
        done = (event.get("ActionData") or {}).get("Type")
        reply = self.replies.get(f"{kind} {done}", self.replies.get(kind, answer()))
        return reply(event) if callable(reply) else reply

    @property
    def kinds(self) -> list[str]:
        """The types of the events so far."""
        return [event["InvocationEventType"] for event in self.events]

    def event(self, kind: str) -> dict[str, Any]:
        """The first event of a type, once it has come."""
        found = eventually(lambda: [e for e in self.events if e["InvocationEventType"] == kind], seconds=10)
        assert found, f"no {kind} among {self.kinds}"
        return found[0]


@dataclass
class MeetingEvents:
    """The events of aws.chime that were published."""

    details: list[dict[str, Any]] = field(default_factory=list)

    def of(self, meeting_id: str) -> list[str]:
        """The types of a meeting's events."""
        found = (detail for detail in self.details if detail["meetingId"] == meeting_id)
        return [detail["eventType"].removeprefix("chime:") for detail in found]


class PhoneInstance(Instance):
    """An instance for which numbers can be claimed."""

    def __init__(self, connect: Connect, sdk: Any, arn: str, numbers: ConnectNumbers) -> None:
        super().__init__(connect, sdk, arn)
        self.numbers = numbers


class Bridge:
    """What is deployed for a bridge, made through the services' APIs."""

    def __init__(self, telephony: Telephony, voice: Any, function: FakeSipFunction) -> None:
        self.telephony, self.voice, self.function = telephony, voice, function
        self.caller = self.order()
        self.application = voice.create_sip_media_application(
            AwsRegion=REGION, Name="bridge", Endpoints=[{"LambdaArn": SIP_FUNCTION}]
        )["SipMediaApplication"]["SipMediaApplicationId"]
        connector = voice.create_voice_connector(Name="bridge", RequireEncryption=True)["VoiceConnector"]
        self.connector, self.connector_arn = connector["VoiceConnectorId"], connector["VoiceConnectorArn"]

    def order(self, country: str = "US", **search: Any) -> str:
        """A number that was ordered and has come."""
        given = search or ({"State": "WA"} if country == "US" else {"PhoneNumberType": "Local"})
        [number] = self.voice.search_available_phone_numbers(Country=country, MaxResults=1, **given)[
            "E164PhoneNumbers"
        ]
        order = self.voice.create_phone_number_order(
            ProductType="SipMediaApplicationDialIn", E164PhoneNumbers=[number], Name="bridge"
        )["PhoneNumberOrder"]
        assert self.is_done(order["PhoneNumberOrderId"])
        return str(number)

    def is_done(self, order_id: str) -> bool:
        def done() -> bool:
            order = self.voice.get_phone_number_order(PhoneNumberOrderId=order_id)["PhoneNumberOrder"]
            return bool(order["Status"] == "Successful")

        return eventually(done, seconds=ORDERED_WITHIN)

    def open_connector(self, **termination: Any) -> None:
        """Give the Voice Connector all that a call through it needs."""
        settings = {"CallingRegions": ["US", "GB"], "CidrAllowedList": ["54.230.10.16/28"], **termination}
        self.voice.put_voice_connector_termination(VoiceConnectorId=self.connector, Termination=settings)
        route = {"Host": "sip.example.com", "Port": 5061, "Protocol": "TCP", "Priority": 1, "Weight": 1}
        self.voice.put_voice_connector_origination(
            VoiceConnectorId=self.connector, Origination={"Routes": [route]}
        )
        self.voice.put_voice_connector_termination_credentials(
            VoiceConnectorId=self.connector, Credentials=[{"Username": "sip-host", "Password": "secret"}]
        )

    def invite(self, *users: str) -> tuple[str, list[str]]:
        """A new meeting's id and its attendees' tokens."""
        created = self.telephony.meetings.create_meeting_with_attendees({
            "ClientRequestToken": f"token-{time.monotonic_ns()}",
            "MediaRegion": REGION,
            "ExternalMeetingId": "tests",
            "Attendees": [{"ExternalUserId": user} for user in users or ("caller", "phone-agent")],
        })  # fmt: skip
        tokens = [attendee["JoinToken"] for attendee in created["Attendees"]]
        return created["Meeting"]["MeetingId"], tokens

    def dial(self, meeting_id: str, join_token: str, **changed: Any) -> str:
        """A call into a meeting; its transaction id."""
        given = {
            "SipMediaApplicationId": self.application,
            "FromPhoneNumber": self.caller,
            "ToPhoneNumber": MEETING_NUMBER,
            "SipHeaders": {"X-chime-join-token": join_token, "X-chime-meeting-id": meeting_id},
            "ArgumentsMap": {"Code": "123456789012"},
            **changed,
        }
        created = self.voice.create_sip_media_application_call(**given)
        return str(created["SipMediaApplicationCall"]["TransactionId"])

    def call(self) -> tuple[str, str]:
        """A meeting and a call into it: their ids."""
        meeting_id, tokens = self.invite()
        return meeting_id, self.dial(meeting_id, tokens[-1])

    def update(self, transaction_id: str, **arguments: str) -> None:
        self.voice.update_sip_media_application_call(
            SipMediaApplicationId=self.application, TransactionId=transaction_id, Arguments=arguments
        )

    def shown(self, transaction_id: str) -> dict[str, Any]:
        """The call as the control endpoint shows it."""
        [call] = [each for each in self.telephony.calls.calls() if each["TransactionId"] == transaction_id]
        return call

    def ended(self, transaction_id: str) -> dict[str, Any]:
        """The call once it is over."""
        assert eventually(lambda: self.shown(transaction_id)["State"] == "ended", seconds=10)
        return self.shown(transaction_id)

    def to_connect(self, number: str, **changed: Any) -> dict[str, Any]:
        """The action that bridges a call to a number through the Voice Connector."""
        endpoint = {"BridgeEndpointType": "AWS", "Arn": self.connector_arn, "Uri": number}
        return action("CallAndBridge", **{"CallerIdNumber": self.caller, "Endpoints": [endpoint], **changed})


def claimed_number(instance: PhoneInstance, flow_id: str | None, **changed: Any) -> ClaimedNumber:
    """A number of Amazon Connect that leads to a flow."""
    properties = {"TargetArn": instance.arn, "Type": "DID", "CountryCode": "US", **changed}
    number = instance.numbers.claim(properties)
    if flow_id:
        instance.sdk.associate_phone_number_contact_flow(
            PhoneNumberId=number.id, InstanceId=instance.id, ContactFlowId=flow_id
        )
    return number


def listening_flow(instance: Instance, name: str = "listens", **changed: Any) -> str:
    """The id of a flow that collects four digits and then waits in the queue."""
    otherwise = {"NoMatchingError": "hang-up"}
    asking = {
        "StoreInput": "True",
        "InputTimeLimitSeconds": "2",
        "InputValidation": {"CustomValidation": {"MaximumLength": "4"}},
        "DTMFConfiguration": {"InterdigitTimeLimitSeconds": "1"},
        **changed,
    }
    return instance.new_flow(
        name,
        block("ask", "GetParticipantInput", "keep", errors=otherwise, **asking),
        block(
            *("keep", "UpdateContactAttributes", "choose"),
            errors=otherwise,
            Attributes={"typed": "$.StoredCustomerInput"},
        ),
        block("choose", "UpdateContactTargetQueue", "wait", errors=otherwise, QueueId=instance.queue.arn),
        block("wait", "TransferContactToQueue", errors=otherwise),
        HANG_UP,
    )
