"""Custom::CallerNumber: the phone number from which calls go out to Amazon Connect.

Properties: either `Number`, one that the account has (adopted, never released), or `Country`, `Type` and
`Name`: one that is ordered, and released with the resource. An order takes minutes, and a repeated one is a
second number. So `Name`, which no other number of the account may have, shows whether it was made before.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sip_bridge.resources.account import ServiceCall, list_all
from sip_bridge.resources.errors import Gone, NothingDone, ResourceError
from sip_bridge.resources.properties import Properties
from sip_bridge.resources.resource import Before, Made, Patience

_PRODUCT = "SipMediaApplicationDialIn"
_E164 = r"\+[1-9][0-9]{1,14}"
# As AWS takes names of numbers (API Reference, CreatePhoneNumberOrder).
_NAME = r"(?=.{1,256}$)[a-zA-Z0-9,._-]+(\s+[a-zA-Z0-9,._-]+)*"

_ORDER_SECONDS = 600
_RELEASE_SECONDS = 120

_HELD = frozenset({"Unassigned", "Assigned"})
_COMING = frozenset({"AcquireInProgress"})
_ORDER_GOES_ON = frozenset({"Processing", "Submitted"})

# US numbers are found only by a place or a prefix (API Reference, SearchAvailablePhoneNumbers).
_US_SEARCHES: Mapping[str, tuple[dict[str, str], ...]] = {
    "Local": tuple({"State": state} for state in ("CA", "TX", "FL", "NY", "IL", "WA", "GA", "OH")),
    "TollFree": tuple({"TollFreePrefix": prefix} for prefix in ("833", "844", "855", "866", "877", "888")),
}


@dataclass(frozen=True)
class _Order:
    """A number that is wanted."""

    name: str
    country: str
    number_type: str

    @staticmethod
    def read(properties: Properties) -> "_Order":
        return _Order(
            name=properties.text("Name", _NAME),
            country=properties.text("Country", r"[A-Z]{2}"),
            number_type=properties.text("Type", r"Local|TollFree"),
        )

    def is_met_by(self, number: Mapping[str, Any]) -> bool:
        """Whether a number of the account is of the kind that is wanted, whatever its name."""
        return (
            number.get("ProductType") == _PRODUCT
            and number.get("Country", self.country) == self.country
            and number.get("Type", self.number_type) == self.number_type
        )


class CallerNumber:
    """Phone numbers of the account."""

    def __init__(self, voice: ServiceCall, patience: Patience) -> None:
        """`voice` is chime-sdk-voice."""
        self._voice = voice
        self._patience = patience

    def put(self, properties: Properties, before: Before | None) -> Made:
        """Adopts or orders the number, which is its own physical id."""
        if "Number" in properties:
            number = self._adopt(properties.text("Number", _E164), is_new=before is None)
        else:
            number = self._ordered(_Order.read(properties))
        return Made(number, {"Number": number})

    def discard(self, properties: Properties, keep: str | None) -> None:
        """Releases what was ordered."""
        if "Number" in properties:
            return
        for known in self._named(_Order.read(properties)):
            if known["E164PhoneNumber"] != keep:
                self._release(known["E164PhoneNumber"])

    def delete(self, properties: Properties, physical_id: str) -> None:
        """Releases the number if it was ordered."""
        if "Number" not in properties and re.fullmatch(_E164, physical_id, re.ASCII):
            self._release(physical_id)

    def _adopt(self, number: str, *, is_new: bool) -> str:
        known = self._find(number)
        if known is None or not _is(known, _HELD):
            raise NothingDone(
                f"The number {number} is not in the account's inventory in this Region.\n"
                "Fix: give one that is (Amazon Chime SDK, Phone number management), or have one ordered."
            )
        if known.get("ProductType") != _PRODUCT:
            raise NothingDone(
                f"The number {number} is of the product type {known.get('ProductType')}.\n"
                f"Fix: change that to {_PRODUCT}, or give another number."
            )
        # Later on it is assigned to this stack's SIP rule.
        if is_new and (associations := known.get("Associations")):
            where = ", ".join(f"{each.get('Name')} {each.get('Value')}" for each in associations)
            raise NothingDone(
                f"The number {number} is assigned to {where}.\nFix: end that first, or give another number."
            )
        return number

    def _ordered(self, order: _Order) -> str:
        """The number of this or of an earlier order."""
        for known in self._named(order):
            if _is(known, _HELD):
                return str(known["E164PhoneNumber"])
            return self._acquired(known["E164PhoneNumber"], known["OrderId"])
        number = self._on_offer(order)
        answer = self._voice(
            "CreatePhoneNumberOrder", ProductType=_PRODUCT, E164PhoneNumbers=[number], Name=order.name
        )
        return self._acquired(number, answer["PhoneNumberOrder"]["PhoneNumberOrderId"])

    def _on_offer(self, order: _Order) -> str:
        searches = _US_SEARCHES[order.number_type] if order.country == "US" else ({},)
        for search in searches:
            answer = self._voice(
                "SearchAvailablePhoneNumbers",
                Country=order.country,
                PhoneNumberType=order.number_type,
                MaxResults=1,
                **search,
            )
            for number in answer.get("E164PhoneNumbers", []):
                return str(number)
        raise ResourceError(
            f"AWS offers no {order.number_type} number of {order.country} just now.\n"
            "Fix: choose another country or type, or adopt a number that the account has."
        )

    def _acquired(self, number: str, order_id: str) -> str:
        status = ""
        for _ in self._patience.rounds(_ORDER_SECONDS):
            answer = self._voice("GetPhoneNumberOrder", PhoneNumberOrderId=order_id)
            status = answer["PhoneNumberOrder"]["Status"]
            if status == "Successful":
                known = self._find(number)
                if known is not None and _is(known, _HELD):
                    return number
            elif status not in _ORDER_GOES_ON:
                break
        raise ResourceError(
            f"The order {order_id} of the number {number} is {status}, and the number not in the inventory.\n"
            "Fix: see the order (Amazon Chime SDK, Phone number management, Orders), and deploy again."
        )

    def _release(self, number: str) -> None:
        status = ""
        for _ in self._patience.rounds(_RELEASE_SECONDS):
            known = self._find(number)
            if known is None or not _is(known, _HELD | _COMING):
                return
            status = known["Status"]
            if status == "Unassigned":
                with suppress(Gone):
                    self._voice("DeletePhoneNumber", PhoneNumberId=number)
                return
        raise ResourceError(
            f"The number {number} cannot be released: it is {status}.\n"
            "Fix: delete the SIP rule that has it, then release it (Amazon Chime SDK, Phone numbers)."
        )

    def _find(self, number: str) -> Mapping[str, Any] | None:
        try:
            found: Mapping[str, Any] = self._voice("GetPhoneNumber", PhoneNumberId=number)["PhoneNumber"]
        except Gone:
            return None
        return found

    def _named(self, order: _Order) -> list[Mapping[str, Any]]:
        """The numbers that orders like this one have got or are getting; those in the inventory first."""
        found = list_all(self._voice, "ListPhoneNumbers", "PhoneNumbers", ProductType=_PRODUCT)
        named = [known for known in found if known.get("Name") == order.name and order.is_met_by(known)]
        return sorted(
            (known for known in named if _is(known, _HELD | _COMING)), key=lambda known: _is(known, _COMING)
        )


def _is(known: Mapping[str, Any], statuses: frozenset[str]) -> bool:
    """Whether a number is in one of `statuses`, and not in the deletion queue."""
    return known.get("Status") in statuses and not known.get("DeletionTimestamp")
