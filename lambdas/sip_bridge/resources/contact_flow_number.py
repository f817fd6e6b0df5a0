"""Custom::ContactFlowNumber: which contact flow answers Amazon Connect's number.

Properties: `PhoneNumberId`, `InstanceId`, `ContactFlowId`.
"""

from sip_bridge.resources.account import ServiceCall
from sip_bridge.resources.errors import Gone, NothingDone, OperationFailed
from sip_bridge.resources.properties import Properties
from sip_bridge.resources.resource import Before, Made

_CERTAIN = frozenset({"AccessDeniedException", "InvalidParameterException", "ResourceNotFoundException"})


class ContactFlowNumber:
    """Numbers of Amazon Connect instances."""

    def __init__(self, connect: ServiceCall) -> None:
        """`connect` is connect."""
        self._connect = connect

    def put(self, properties: Properties, _before: Before | None) -> Made:
        """Associates the number with the contact flow; the physical id is that of the number."""
        number_id = properties.text("PhoneNumberId")
        try:
            self._connect(
                "AssociatePhoneNumberContactFlow",
                PhoneNumberId=number_id,
                InstanceId=properties.text("InstanceId"),
                ContactFlowId=properties.text("ContactFlowId"),
            )
        except OperationFailed as refused:
            if refused.code in _CERTAIN:
                # An adopted number keeps the contact flow that it had.
                raise NothingDone(str(refused)) from refused
            raise
        return Made(number_id)

    def discard(self, properties: Properties, keep: str | None) -> None:
        """Ends the association."""
        number_id = properties.text("PhoneNumberId")
        if number_id != keep:
            self.delete(properties, number_id)

    def delete(self, properties: Properties, physical_id: str) -> None:
        """Ends the association."""
        try:
            self._connect(
                "DisassociatePhoneNumberContactFlow",
                PhoneNumberId=physical_id,
                InstanceId=properties.text("InstanceId"),
            )
        except Gone:
            return
        except OperationFailed as refused:
            # Both parameters are ids: one that is not valid is of a number or instance that does not exist.
            if refused.code != "InvalidParameterException":
                raise
