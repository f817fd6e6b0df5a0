"""The phone numbers of the Amazon Chime SDK: searched, ordered, held, deleted. Part of `chime-sdk-voice`."""

import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, unquote

from local.emulator.aws_service import AwsError, Parameters
from local.emulator.connect.contact import now, present
from local.sip_bridge.phone_numbers import CALLING_CODES, NumberSupply, country_of, is_toll_free
from local.sip_bridge.voice_resources import BAD, CONFLICT, MISSING, Rules, VoiceResource

ORDER_TAKES = timedelta(seconds=0.5)
DIAL_IN = "SipMediaApplicationDialIn"

# Of the filters for numbers of the US, places that have numbers here.
_AREA_CODES = {
    "CA": "213", "TX": "214", "FL": "305", "NY": "212", "IL": "312", "WA": "206", "GA": "404", "OH": "216",
}  # fmt: skip


@dataclass
class _Number:
    """A number of the inventory."""

    number: str
    country: str
    product: str
    order_id: str | None
    name: str
    acquired_at: datetime
    created: datetime = field(default_factory=now)
    deleted: datetime | None = None

    @property
    def id(self) -> str:
        return quote(self.number, safe="")

    @property
    def is_held(self) -> bool:
        return self.deleted is None and now() >= self.acquired_at


@dataclass
class _Order:
    """An order of numbers."""

    id: str
    product: str
    numbers: list[str]
    created: datetime
    done_at: datetime

    @property
    def members(self) -> dict[str, Any]:
        is_done = now() >= self.done_at
        return {
            "PhoneNumberOrderId": self.id,
            "ProductType": self.product,
            "Status": "Successful" if is_done else "Processing",
            "OrderType": "New",
            "OrderedPhoneNumbers": [
                {"E164PhoneNumber": number, "Status": "Acquired" if is_done else "Processing"}
                for number in self.numbers
            ],
            "CreatedTimestamp": self.created,
            "UpdatedTimestamp": self.done_at if is_done else self.created,
        }


class PhoneNumberInventory:
    """The numbers of the account."""

    def __init__(self, supply: NumberSupply, rules: Rules, *, region: str, account: str) -> None:
        """`supply` has the numbers that can be ordered; `rules` are the SIP rules that numbers trigger."""
        self._supply = supply
        self._rules = rules
        self._region = region
        self._account = account
        self._numbers: dict[str, _Number] = {}  # by E.164
        self._orders: dict[str, _Order] = {}
        self._lock = threading.RLock()

    def adopt(self, number: str) -> None:
        """Have a number from the beginning, for SIP media applications."""
        self._supply.take(number)
        self._numbers[number] = _Number(number, country_of(number) or "", DIAL_IN, None, "", now())

    def search_available_phone_numbers(self, parameters: Parameters) -> Mapping[str, Any]:
        """SearchAvailablePhoneNumbers; those of the US only by place or toll-free prefix, as on AWS."""
        country = parameters.get("Country", "US")
        prefix = parameters.get("TollFreePrefix")
        area_code = parameters.get("AreaCode") or prefix or _AREA_CODES.get(parameters.get("State", ""), "")
        if country not in CALLING_CODES:
            raise AwsError(BAD, f"There are no numbers of {country}.")
        if country == "US" and not parameters.keys() & {"AreaCode", "City", "State", "TollFreePrefix"}:
            raise AwsError(BAD, "For US numbers, give AreaCode, City and State, State, or TollFreePrefix.")
        if "City" in parameters and "State" not in parameters:
            raise AwsError(BAD, "With City, give State.")
        if country != "US" and "PhoneNumberType" not in parameters:
            raise AwsError(BAD, "For numbers outside the US, give PhoneNumberType.")
        if country == "US" and not area_code:
            return {"E164PhoneNumbers": []}
        found = self._supply.available(
            country,
            toll_free=bool(prefix) or parameters.get("PhoneNumberType") == "TollFree",
            limit=parameters.get("MaxResults", 10),
            area_code=area_code if country == "US" else "",
        )
        return {"E164PhoneNumbers": found}

    def create_phone_number_order(self, parameters: Parameters) -> Mapping[str, Any]:
        """CreatePhoneNumberOrder: the numbers are the account's a moment later."""
        wanted, product = parameters["E164PhoneNumbers"], parameters["ProductType"]
        for number in wanted:
            if country_of(number) is None:
                raise AwsError(BAD, f"Not available: {number}")
            if product != DIAL_IN and country_of(number) != "US":
                raise AwsError(BAD, f"Numbers outside the US are of the product type {DIAL_IN}.")
        with self._lock:
            taken = [number for number in wanted if self._supply.take(number)]
            if taken != wanted:
                for number in taken:
                    self._supply.give_back(number)
                raise AwsError(BAD, f"Not available: {', '.join(sorted(set(wanted) - set(taken)))}")
            order = _Order(str(uuid.uuid4()), product, taken, now(), now() + ORDER_TAKES)
            self._orders[order.id] = order
            for number in taken:
                country, name = country_of(number) or "", parameters.get("Name", "")
                self._numbers[number] = _Number(number, country, product, order.id, name, order.done_at)
        return {"PhoneNumberOrder": order.members}

    def get_phone_number_order(self, parameters: Parameters) -> Mapping[str, Any]:
        """GetPhoneNumberOrder."""
        order = self._orders.get(parameters["PhoneNumberOrderId"])
        if order is None:
            raise AwsError(MISSING, f"There is no order {parameters['PhoneNumberOrderId']}.")
        return {"PhoneNumberOrder": order.members}

    def list_phone_number_orders(self, _parameters: Parameters) -> Mapping[str, Any]:
        """ListPhoneNumberOrders, all on one page."""
        return {"PhoneNumberOrders": [order.members for order in self._orders.values()]}

    def list_phone_numbers(self, parameters: Parameters) -> Mapping[str, Any]:
        """ListPhoneNumbers, all on one page; without those in the deletion queue."""
        found = [self._described(number) for number in self._numbers.values() if number.deleted is None]
        for name in ("Status", "ProductType"):
            if name in parameters:
                found = [number for number in found if number[name] == parameters[name]]
        if "FilterName" in parameters:
            wanted = (parameters["FilterName"], parameters.get("FilterValue"))
            found = [
                number
                for number in found
                if wanted in {(each["Name"], each["Value"]) for each in number.get("Associations", [])}
            ]
        return {"PhoneNumbers": found}

    def get_phone_number(self, parameters: Parameters) -> Mapping[str, Any]:
        """GetPhoneNumber."""
        return {"PhoneNumber": self._described(self._number(parameters))}

    def update_phone_number(self, parameters: Parameters) -> Mapping[str, Any]:
        """UpdatePhoneNumber: one detail at a time, the calling name not among them."""
        number = self._number(parameters)
        changed = parameters.keys() & {"ProductType", "CallingName", "Name"}
        if len(changed) != 1 or "CallingName" in changed or not number.is_held:
            raise AwsError(BAD, "Give one of ProductType and Name, of a number that the account has.")
        if "ProductType" in parameters and self._rules_of(number):
            raise AwsError(CONFLICT, f"A SIP rule has {number.number}.")
        number.product = parameters.get("ProductType", number.product)
        number.name = parameters.get("Name", number.name)
        return {"PhoneNumber": self._described(number)}

    def delete_phone_number(self, parameters: Parameters) -> Mapping[str, Any]:
        """DeletePhoneNumber: into the deletion queue."""
        with self._lock:
            number = self._number(parameters)
            if self._rules_of(number):
                raise AwsError(BAD, f"A SIP rule has {number.number}: delete that first.")
            if number.deleted is not None:
                raise AwsError(MISSING, f"{number.number} is in the deletion queue already.")
            number.deleted = now()
        return {}

    def owns(self, phone_number: str) -> bool:
        """Whether the account has the number."""
        number = self._numbers.get(phone_number)
        return number is not None and number.is_held

    def can_dial_in(self, phone_number: str) -> bool:
        """Whether the account has the number, for SIP media applications."""
        return self.owns(phone_number) and self._numbers[phone_number].product == DIAL_IN

    def _number(self, parameters: Parameters) -> _Number:
        spelled = unquote(parameters["PhoneNumberId"])
        number = self._numbers.get(spelled) or self._numbers.get(f"+{spelled}")
        if number is None:
            raise AwsError(MISSING, f"There is no number {spelled} in the inventory.")
        return number

    def _rules_of(self, number: _Number) -> list[VoiceResource]:
        return [rule for rule in self._rules.values() if rule.members["TriggerValue"] == number.number]

    def _described(self, number: _Number) -> dict[str, Any]:
        rules = self._rules_of(number)
        status = "Assigned" if rules else "Unassigned"
        if number.deleted:
            status = "DeleteInProgress"
        elif not number.is_held:
            status = "AcquireInProgress"
        associated = [
            {
                "Name": "SipRuleId",
                "Value": rule.id,
                "AssociatedTimestamp": rule.members["CreatedTimestamp"],
            }
            for rule in rules
        ]
        return present({
            "PhoneNumberId": number.id,
            "E164PhoneNumber": number.number,
            "PhoneNumberArn": f"arn:aws:chime:{self._region}:{self._account}:phone-number/{number.id}",
            "Country": number.country,
            "Type": "TollFree" if is_toll_free(number.number) else "Local",
            "ProductType": number.product,
            "Status": status,
            "Capabilities": {"InboundCall": True, "OutboundCall": True},
            "Associations": associated,
            "CreatedTimestamp": number.created,
            "UpdatedTimestamp": number.deleted or number.created,
            "DeletionTimestamp": number.deleted and number.deleted + timedelta(days=7),
            "OrderId": number.order_id,
            "Name": number.name,
        })  # fmt: skip
