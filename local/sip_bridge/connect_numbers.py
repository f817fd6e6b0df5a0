"""Phone numbers that are claimed for Amazon Connect instances, part of the service `connect`.

Assumed, because AWS does not say it: whoever dials a number is answered at once; a number without a flow, or
of a flow that is not active, is not answered.
"""

import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from local.emulator.aws_service import AwsError, Parameters
from local.emulator.connect.connect import Connect, Line
from local.emulator.connect.contact import present
from local.emulator.connect.instance import Kind, Resource
from local.sip_bridge.phone_numbers import NumberSupply

_NOT_FOUND = "ResourceNotFoundException"


@dataclass
class ClaimedNumber:
    """A number of an instance; its properties are spelled as CloudFormation spells them.

    `address` is the number itself, in E.164, and `flow_arn` the flow of whoever dials it.
    """

    arn: str
    address: str
    properties: Mapping[str, Any]
    flow_arn: str | None = None

    @property
    def id(self) -> str:
        """The last part of the ARN."""
        return self.arn.rpartition("/")[2]

    @property
    def instance_arn(self) -> str:
        """The instance that it is claimed for."""
        return str(self.properties["TargetArn"])

    @property
    def summary(self) -> dict[str, Any]:
        """As the API spells it."""
        return present({
            "PhoneNumberId": self.id,
            "PhoneNumberArn": self.arn,
            "PhoneNumber": self.address,
            "PhoneNumberCountryCode": self.properties["CountryCode"],
            "PhoneNumberType": self.properties["Type"],
            "PhoneNumberDescription": self.properties.get("Description"),
            "TargetArn": self.instance_arn,
            "InstanceId": self.instance_arn.rpartition("/")[2],
        })  # fmt: skip


class ConnectNumbers:
    """All claimed numbers."""

    def __init__(self, connect: Connect, supply: NumberSupply, *, region: str, account: str) -> None:
        """`supply` has the numbers that can be claimed."""
        self._connect = connect
        self._supply = supply
        self._base = f"arn:aws:connect:{region}:{account}:phone-number/"
        self._numbers: dict[str, ClaimedNumber] = {}  # by ARN
        self._lock = threading.RLock()

    # What CloudFormation does

    def claim(self, properties: Mapping[str, Any]) -> ClaimedNumber:
        """Claim a number of the wanted kind; raises AwsError."""
        self._check_instance(properties)
        number = ClaimedNumber(f"{self._base}{uuid.uuid4()}", self._take(properties), properties)
        with self._lock:
            self._numbers[number.arn] = number
        return number

    def adopt(self, arn: str, address: str, properties: Mapping[str, Any]) -> None:
        """Have a number from the beginning, of which `properties` say what a claim would."""
        self._supply.take(address)
        self._numbers[arn] = ClaimedNumber(arn, address, properties)

    def update(self, arn: str, properties: Mapping[str, Any]) -> ClaimedNumber:
        """Give a number other properties; raises AwsError."""
        self._check_instance(properties)
        number = self._numbers[arn]
        number.properties = properties
        return number

    def release(self, arn: str) -> None:
        """Release a number if it is claimed."""
        with self._lock:
            released = self._numbers.pop(arn, None)
        if released:
            self._supply.give_back(released.address)

    def _check_instance(self, properties: Mapping[str, Any]) -> None:
        self._connect.instances.get(Kind.INSTANCE, properties["TargetArn"].rpartition("/")[2])

    def _take(self, properties: Mapping[str, Any]) -> str:
        country, number_type = properties.get("CountryCode"), properties.get("Type")
        if country is None or number_type not in {"DID", "TOLL_FREE"}:
            message = "CountryCode and Type (DID or TOLL_FREE) say which number to claim."
            raise AwsError("InvalidParameterException", message)
        toll_free = number_type == "TOLL_FREE"
        # The last ones, so that a reader can distinguish them from the Amazon Chime SDK's.
        for number in reversed(self._supply.available(country, toll_free=toll_free, limit=1000)):
            if number.startswith(properties.get("Prefix", "")) and self._supply.take(number):
                return number
        raise AwsError(_NOT_FOUND, f"There is no {number_type} number of {country} left.")

    # Operations, named as the SDK names them

    def describe_phone_number(self, parameters: Parameters) -> Mapping[str, Any]:
        """DescribePhoneNumber."""
        number = self._number(parameters)
        tags = {tag["Key"]: tag["Value"] for tag in number.properties.get("Tags", [])}
        described = {**number.summary, "PhoneNumberStatus": {"Status": "CLAIMED"}}
        return {"ClaimedPhoneNumberSummary": described | ({"Tags": tags} if tags else {})}

    def list_phone_numbers_v2(self, parameters: Parameters) -> Mapping[str, Any]:
        """ListPhoneNumbersV2 of an instance, or of all; all on one page."""
        instance_id = parameters.get("InstanceId") or parameters.get("TargetArn", "").rpartition("/")[2]
        found = [
            number.summary
            for number in list(self._numbers.values())
            if number.instance_arn.endswith(instance_id)
        ]
        return {"ListPhoneNumbersSummaryList": found}

    def associate_phone_number_contact_flow(self, parameters: Parameters) -> Mapping[str, Any]:
        """AssociatePhoneNumberContactFlow: whoever dials the number gets this flow from now on."""
        number = self._number(parameters)
        flow = self._connect.instances.part(Kind.CONTACT_FLOW, parameters, "ContactFlowId")
        if number.instance_arn != flow.instance_arn:
            raise AwsError(_NOT_FOUND, f"The number {number.id} is not claimed to this instance.")
        number.flow_arn = flow.arn
        return {}

    def disassociate_phone_number_contact_flow(self, parameters: Parameters) -> Mapping[str, Any]:
        """DisassociatePhoneNumberContactFlow."""
        number = self._number(parameters)
        if not number.instance_arn.endswith(f"/{parameters['InstanceId']}"):
            raise AwsError(_NOT_FOUND, f"The number {number.id} is not claimed to this instance.")
        number.flow_arn = None
        return {}

    def _number(self, parameters: Parameters) -> ClaimedNumber:
        """A claimed number, by id or ARN."""
        wanted = parameters["PhoneNumberId"].rpartition("/")[2]
        for number in list(self._numbers.values()):
            if number.id == wanted:
                return number
        raise AwsError(_NOT_FOUND, f"There is no phone-number {wanted}.")

    # Whoever dials

    def ring(self, number: str, caller: str, over: Callable[[], None]) -> Line | None:
        """A call from `caller` to a number, both in E.164: the line that it is answered on, None where nobody
        answers. `over` is called once when Connect has ended the call, or the line was hung up.
        """
        flow = self._dialled_flow(number)
        if flow is None:
            return None
        return self._connect.answer(flow, caller=caller, number=number, over=over)

    def _dialled_flow(self, dialled: str) -> Resource | None:
        """The flow of a number that can be dialled."""
        for number in list(self._numbers.values()):
            if number.address == dialled and number.flow_arn:
                flow = self._connect.instances.find(number.flow_arn)
                instance = self._connect.instances.find(number.instance_arn)
                takes_calls = instance and instance.properties["Attributes"]["InboundCalls"]
                if flow and takes_calls and flow.properties.get("State", "ACTIVE") == "ACTIVE":
                    return flow
        return None
