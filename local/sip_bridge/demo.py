"""What the bridge adds to the demo and to `make local`."""

import re
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from local.access import control_curl
from local.clients.identities import SignedIn
from local.demo.steps import Demo, expect
from local.launcher.local_aws import LocalAws
from local.sip_bridge.observer import BridgeObserver

_CODE = re.compile(r"\d{12}")  # the one-time code, among the digits that are sent


def demo_of(aws: LocalAws) -> type[Demo] | None:
    """The demo of what is deployed, None where calls do not go over the bridge."""
    return BridgedDemo if _is_deployed(aws) else None


def addresses_of(aws: LocalAws) -> str:
    """Where to look at meetings and telephone calls."""
    if not _is_deployed(aws):
        return ""
    curl = control_curl(aws.directory, aws.endpoint_url)
    return f"""
What the bridge made of it {curl}/meetings
                           {curl}/sip-calls"""


def _is_deployed(aws: LocalAws) -> bool:
    applications = aws.client("chime-sdk-voice").list_sip_media_applications()
    return bool(applications["SipMediaApplications"])


class BridgedDemo(Demo):
    """The same steps; here a telephone call leads from a meeting to Connect's number."""

    shown_outputs = (*Demo.shown_outputs, "ConnectPhoneNumber")

    def __init__(self, console: Console, aws: LocalAws) -> None:
        super().__init__(console, aws)
        self._bridge = BridgeObserver(aws.endpoint_url, aws.access)

    def _join(self, call_id: str) -> None:
        """Later: the telephone call needs nobody in the meeting."""

    def _follow(self, call_id: str, caller: SignedIn) -> str:
        self._title("The way over the bridge: a meeting, a telephone call, a contact")
        contact = self._contact_of(call_id)
        self._show_meeting(call_id)
        call = self._bridge.sip_call(call_id)
        self._show_legs(call)
        self._show_invocations(call)
        expect("The legs that are up.", expected=["LEG-A", "LEG-B"], seen=_legs_up(call))
        self._title("The contact's way through the contact flows")
        self._console.print(
            f"{contact['CustomerEndpoint']['Address']} called {contact['SystemEndpoint']['Address']} and "
            "pressed twelve keys: a code that is good for one call."
        )
        self._show_verified(contact, caller)
        return str(contact["ContactId"])

    def _show_meeting(self, meeting_id: str) -> None:
        meeting = self._bridge.meeting(meeting_id)
        attendees = ", ".join(
            f"{each['ExternalUserId']} ({each['Presence']})" for each in meeting["Attendees"]
        )
        self._console.print(f"Meeting {meeting_id} in {meeting['MediaRegion']}: {attendees}\n")

    def _show_legs(self, call: Mapping[str, Any]) -> None:
        table = Table(box=None, padding=(0, 2), header_style="dim")
        for heading in ("Leg", "From", "To", "Status", "Is there"):
            table.add_column(heading)
        for leg, kind in zip(call["Legs"], ("attendee", "contact"), strict=True):
            tag, caller, to, status = (leg[name] for name in ("ParticipantTag", "From", "To", "Status"))
            table.add_row(tag, caller, to, status, f"{kind} {leg['FarEnd']}")
        self._console.print(table)

    def _show_invocations(self, call: Mapping[str, Any]) -> None:
        table = Table(box=None, padding=(0, 2), header_style="dim")
        for heading in ("\nThe SIP media application receives", "\nand answers"):
            table.add_column(heading)
        for invocation in call["Invocations"]:
            event_type, action = invocation["InvocationEventType"], invocation["ActionData"] or {}
            event = f"{event_type} {action.get('Type', '')}" if "ACTION" in event_type else event_type
            answered = [_action_in_words(action) for action in invocation["Answer"]["Actions"]]
            table.add_row(event, ", ".join(answered) or "nothing")
        self._console.print(table)

    def _send_again(self, call_id: str, contact_id: str, caller: SignedIn) -> None:
        super()._send_again(call_id, contact_id, caller)
        meetings = [each["MeetingId"] for each in self._bridge.meetings()]
        expect("There is one meeting.", expected=[call_id], seen=meetings)
        calls = [each["MeetingId"] for each in self._bridge.sip_calls()]
        expect("There is one telephone call.", expected=[call_id], seen=calls)
        self._console.print("One meeting, one telephone call, too.")

    def _impersonate(self, caller: SignedIn) -> None:
        self._title("Somebody else dials Connect's number and guesses a code")
        number = self._outputs["ConnectPhoneNumber"]
        spoofed = self._bridge.sip_calls()[0]["Legs"][0]["From"]
        self._console.print(f"{number} is a public number. The caller id says {spoofed}, as Ada's calls do.")
        contact_id = self._bridge.dial(number, spoofed)
        self._bridge.press_when_collected(contact_id, "000000000000")
        contact = self._observer.contact(contact_id)
        expect("Its customer_id is Ada's.", expected=False, seen=_is_of(contact, caller.user_id))
        self._show_unverified(contact)
        self._bridge.hang_up(contact_id)

    def _lose(self, call_id: str) -> None:
        """The telephone call is lost; from a meeting alone the app would come back into the same call."""
        self._observer.happen(self._contact_of(call_id)["ContactId"], "CustomerDisconnected")

    def _contact_of(self, call_id: str) -> dict[str, Any]:
        self._bridge.happen_in_meeting(call_id, "CallerJoined")
        return self._bridge.bridged_contact(call_id)

    def _drop_and_rejoin(self, call_id: str, caller: SignedIn) -> None:
        self._title("Ada's train is in a tunnel")
        self._bridge.happen_in_meeting(call_id, "CallerDropped")
        answer = self._rejoin(call_id, caller)
        meeting = answer["ConnectionData"]["Meeting"]
        expect("It is the same meeting.", expected=call_id, seen=meeting["MeetingId"])
        self._bridge.happen_in_meeting(call_id, "CallerJoined")
        call = self._bridge.sip_call(call_id)
        expect("The legs that are up.", expected=["LEG-A", "LEG-B"], seen=_legs_up(call))
        self._console.print(
            "POST /calls/{ContactId}/connection  →  200: meeting and telephone call had waited, Ada is back, "
            f"attendee {answer['ConnectionData']['Attendee']['AttendeeId']}."
        )

    _nothing_is_left = "No contact, no leg and no meeting is left."

    def _left(self) -> list[str]:
        return [
            *super()._left(),
            *(f"leg {tag}" for call in self._bridge.sip_calls() for tag in _legs_up(call)),
            *(f"meeting {m['MeetingId']}" for m in self._bridge.meetings() if m["State"] != "ended"),
        ]


def _legs_up(call: Mapping[str, Any]) -> list[str]:
    return [leg["ParticipantTag"] for leg in call["Legs"] if leg["Status"] == "Connected"]


def _action_in_words(action: Mapping[str, Any]) -> str:
    parameters = action["Parameters"]
    match action["Type"]:
        case "CallAndBridge":
            [endpoint] = parameters["Endpoints"]
            through = "through the Voice Connector" if endpoint["BridgeEndpointType"] == "AWS" else ""
            return f"CallAndBridge {endpoint['Uri']} {through}".rstrip()
        case "SendDigits":
            return f"SendDigits {_CODE.sub(lambda found: f'{found[0][:4]}…', parameters['Digits'])}"
    return str(action["Type"])


def _is_of(contact: Mapping[str, Any], user_id: str) -> bool:
    return bool(contact["Attributes"].get("customer_id") == user_id)
