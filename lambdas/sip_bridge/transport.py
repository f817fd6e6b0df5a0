"""Starting a call over the SIP bridge: a meeting, into which a phone call brings Amazon Connect.

1. CreateMeetingWithAttendees: one place for the app, one for the phone call.
2. `store_meeting`, before anything is dialled: whoever clears a crashed start away finds the meeting.
3. CreateSipMediaApplicationCall. It has no token of idempotency, so a start that crashed is never repeated.

A meeting that nobody joins is ended by Chime itself after five minutes.
"""

import json
import secrets
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, Protocol
from urllib.parse import quote

from api.request import pointer
from calls import bridged_call
from calls.errors import InvalidRequest, Violation
from calls.join_answer import complete
from calls.record import Call
from runtime.errors import AnswerIncomplete, ServiceError, Unavailable
from sip_bridge.meetings import CALLER, PHONE
from sip_bridge.sip_arguments import LARGEST_SIP_HEADERS, LONGEST_SIP_HEADER, dial_arguments
from start_call.request import StartCallRequest, check_size, size_of
from start_call.settings import BridgeSettings

LARGEST_FLOW_ANSWER = 32_000
"""Bytes of JSON. Connect takes at most 32 kB from a flow's Lambda function."""

_CODE_DIGITS = 12
# Encoded is what could end the header or be taken for an encoding, and what SIP may not carry.
_UNENCODED = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) != "%")


class Calls(Protocol):
    """The records of calls; `calls.table.CallTable` says more."""

    def store_meeting(self, call: Call) -> bool:
        """Stores the meeting; False when the call is no longer the user's."""


class Meetings(Protocol):
    """`sip_bridge.meetings.Meetings` says more."""

    def create(self, *, client_token: str, media_region: str, external_meeting_id: str) -> Mapping[str, Any]:
        """Creates a meeting with two attendees."""

    def delete(self, meeting_id: str) -> None:
        """Ends a meeting."""


class PhoneCalls(Protocol):
    """`sip_bridge.phone_calls.SipMediaApplication` says more."""

    def dial(
        self, *, caller_number: str, meeting_id: str, join_token: str, arguments: Mapping[str, str]
    ) -> str:
        """Starts a phone call into a meeting; returns its transaction id."""

    def hang_up(self, transaction_id: str) -> None:
        """Ends a phone call."""


class Contacts(Protocol):
    """`calls.connect.ConnectInstance` says more."""

    media_region: str

    def stop(self, contact_id: str) -> None:
        """Ends a contact."""


class Bridge:
    """A `start_call.domain.Way`: a meeting and a phone call, of which Connect learns when it is called."""

    can_repeat = False

    def __init__(
        self,
        calls: Calls,
        meetings: Meetings,
        phone_calls: PhoneCalls,
        contacts: Contacts,
        settings: BridgeSettings,
    ) -> None:
        self._calls = calls
        self._meetings = meetings
        self._phone_calls = phone_calls
        self._contacts = contacts
        self._settings = settings
        self.media_region = contacts.media_region

    @staticmethod
    def new_reference() -> str:
        """A code that can be keyed in: it reaches Connect as digits."""
        return "".join(secrets.choice("0123456789") for _ in range(_CODE_DIGITS))

    def described(self, call: Call, request: StartCallRequest) -> Call:
        """`call` with what its flow is to be told, for a phone call carries no attributes."""
        # A flow fails on what it is not told: what may be sent and was not is told as empty.
        attributes = {name: request.attributes.get(name, "") for name in sorted(self._settings.attributes)}
        described = replace(call, contact_flow_arn=request.contact_flow_arn, attributes=attributes)
        check_size({**attributes, **call.context, "auth_status": "verified", "auth_token": call.reference})
        answer = json.dumps({**described.flow_context, "auth_status": "verified"}, ensure_ascii=False)
        if len(answer.encode()) >= LARGEST_FLOW_ANSWER:
            raise InvalidRequest(
                Violation(
                    "/Attributes",
                    f"All attributes of a call hold less than {LARGEST_FLOW_ANSWER:,} bytes as JSON.",
                )
            )
        self._headers(request)
        return described

    def start(self, call: Call, request: StartCallRequest) -> tuple[Call, Mapping[str, Any]]:
        """`call` with its meeting and phone call, and the answer for the app.

        Raises a `ServiceError`, and then the meeting is deleted if that could be done.
        """
        answer = self._meetings.create(
            # A new one each time: with that of a start that failed, Chime would find its deleted meeting.
            client_token=uuid.uuid4().hex,
            media_region=self.media_region,
            external_meeting_id=self._settings.external_meeting_id,
        )
        meeting_id = (answer.get("Meeting") or {}).get("MeetingId")
        if not isinstance(meeting_id, str) or not meeting_id:
            raise AnswerIncomplete("The contact center did not say how to join the call. Try again.")
        started = replace(call, meeting_id=meeting_id, contact_id=meeting_id)
        try:
            return self._connect(started, request, answer)
        except Exception:
            # A failure of this is counted and logged where it is raised.
            with suppress(ServiceError):
                self._meetings.delete(meeting_id)
            raise

    def end(self, call: Call) -> None:
        """Ends all that is known of the call."""
        bridged_call.end(
            call, meetings=self._meetings, phone_calls=self._phone_calls, contacts=self._contacts
        )

    def _connect(
        self, call: Call, request: StartCallRequest, answer: Mapping[str, Any]
    ) -> tuple[Call, Mapping[str, Any]]:
        """Brings Connect into the meeting of `call`, once the app is known to be able to join it."""
        attendees = {each.get("ExternalUserId"): each for each in answer.get("Attendees") or ()}
        caller, phone = attendees.get(CALLER) or {}, attendees.get(PHONE) or {}
        joinable = complete(
            {
                "ConnectionData": {"Attendee": caller, "Meeting": answer.get("Meeting")},
                "ContactId": call.meeting_id,
                "ParticipantId": caller.get("AttendeeId"),
                "ParticipantToken": caller.get("JoinToken"),
            },
            self.media_region,
        )
        join_token = phone.get("JoinToken")
        if not join_token:
            raise AnswerIncomplete("The contact center cannot join the call. Try again.")
        if not self._calls.store_meeting(call):
            raise Unavailable("The call ended before it could be joined. Try again.")
        transaction_id = self._phone_calls.dial(
            caller_number=self._settings.caller_number,
            meeting_id=str(call.meeting_id),
            join_token=join_token,
            arguments=dial_arguments(
                str(call.meeting_id), call.reference, self._settings.connect_number, self._headers(request)
            ),
        )
        return replace(call, transaction_id=transaction_id), joinable

    def _headers(self, request: StartCallRequest) -> dict[str, str]:
        """The SIP headers of a request. Raises `InvalidRequest` for what is too long for them."""
        encoded = {
            attribute: encode_header(request.attributes.get(attribute, ""))
            for attribute in self._settings.sip_headers
        }
        found = [
            Violation(
                pointer("Attributes", attribute),
                f"Send at most {LONGEST_SIP_HEADER} characters; one that is not visible ASCII counts as three"
                " for each byte of its UTF-8.",
            )
            for attribute, value in encoded.items()
            if len(value) > LONGEST_SIP_HEADER
        ]
        headers = {
            header: encoded[attribute]
            for attribute, header in self._settings.sip_headers.items()
            if encoded[attribute]
        }
        if not found and size_of(headers) > LARGEST_SIP_HEADERS:
            names = ", ".join(sorted(self._settings.sip_headers))
            found.append(
                Violation("/Attributes", f"{names} are too long together for a phone call to carry.")
            )
        if found:
            raise InvalidRequest(*found)
        return headers


def encode_header(value: str) -> str:
    """`value` in visible ASCII characters: all others, and %, are percent-encoded as UTF-8."""
    return quote(value, safe=_UNENCODED)
