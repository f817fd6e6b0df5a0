"""Starting a call as a WebRTC contact, which is in Connect from the beginning."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from calls.record import Call
from start_call.request import StartCallRequest, check_size


class Contacts(Protocol):
    """Contacts of the Connect instance; `calls.connect.ConnectInstance` says more."""

    media_region: str

    def start(
        self,
        *,
        contact_flow_arn: str,
        client_token: str,
        display_name: str,
        attributes: Mapping[str, str],
        capabilities: Sequence[str],
    ) -> Mapping[str, Any]:
        """Starts a contact and returns what StartWebRTCContact answers."""

    def stop(self, contact_id: str) -> None:
        """Ends a contact."""


class WebRtcContacts:
    """A `start_call.domain.Way`: StartWebRTCContact, whose client token finds a started contact again."""

    can_repeat = True

    def __init__(self, contacts: Contacts) -> None:
        self._contacts = contacts
        self.media_region = contacts.media_region

    @staticmethod
    def new_reference() -> str:
        """Of 192 random bits: the contact carries it itself."""
        return secrets.token_urlsafe(24)

    def described(self, call: Call, request: StartCallRequest) -> Call:
        """`call` as it is: the contact carries all that the request says."""
        check_size(_attributes(call, request))
        return call

    def start(self, call: Call, request: StartCallRequest) -> tuple[Call, Mapping[str, Any]]:
        """`call` with its contact, and what StartWebRTCContact answered, which may be incomplete."""
        answer = self._contacts.start(
            contact_flow_arn=request.contact_flow_arn,
            client_token=call.client_token,
            display_name=call.display_name,
            attributes=_attributes(call, request),
            capabilities=call.capabilities,
        )
        return replace(call, contact_id=answer.get("ContactId")), answer

    def end(self, call: Call) -> None:
        """Stops the contact, if one is known."""
        if call.contact_id is not None:
            self._contacts.stop(call.contact_id)


def _attributes(call: Call, request: StartCallRequest) -> dict[str, str]:
    """The contact's attributes; the trusted ones come last, so nothing that is sent can replace them."""
    trusted = {name: value for name, value in call.context.items() if value}
    return {**request.attributes, **trusted, "auth_status": "verified", "auth_token": call.reference}
