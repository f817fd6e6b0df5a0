"""The local AWS with the app deployed into it whose calls go over the SIP bridge."""

from collections.abc import Mapping
from typing import Any

from local.launcher.local_aws import LocalAws
from local.sip_bridge.observer import BridgeObserver
from tests.e2e.aws import Aws


class BridgeAws(Aws, BridgeObserver):
    """What tests may do besides calling; and the one place that changes what a call has left in tables."""

    MAKERS = frozenset({"BridgeResources", "CustomResources"})
    """The roles of what makes and removes the bridge's resources."""

    joins_contacts = False
    """A telephone call has its contact whether the app has joined its meeting or not."""

    MEDIA_APPLICATION = "SipMedia"
    """The function of the SIP media application."""

    policy_prefixes: Mapping[str, str] = {"chime-sdk-meetings": "chime", "chime-sdk-voice": "chime"}

    def forget_answer(self, user_id: str) -> None:
        """Leave a start as a function does that dies before it stores its answer; its slot has run out."""
        self.change_record(user_id, "REMOVE Answer, CallId SET SlotUntil = StartedAt")

    def note_end(self, user_id: str) -> None:
        """Leave a call as a function does that dies after it has noted its end, before it stops it."""
        self.change_record(user_id, "SET EndedAt = StartedAt")

    def contact_of(self, call_id: str) -> dict[str, Any]:
        """The contact that the telephone call into the call's meeting was bridged to."""
        return self.bridged_contact(call_id)

    def sip_calls_of(self, call_id: str) -> list[dict[str, Any]]:
        """The telephone calls into the meeting whose id is the app's id of the call."""
        return [each for each in self.sip_calls() if each["MeetingId"] == call_id]

    def is_over(self, call_id: str) -> bool:
        """Whether nothing is left of a call: no meeting, no leg, no contact."""
        sip_calls = self.sip_calls_of(call_id)
        legs = [leg for each in sip_calls for leg in each["Legs"]]
        far_ends = {leg["FarEnd"] for leg in legs}
        return (
            self.meeting(call_id)["State"] == "ended"
            and all(each["State"] == "ended" for each in sip_calls)
            and all(leg["Status"] == "Disconnected" for leg in legs)
            and all(each["State"] == "ended" for each in self.contacts() if each["ContactId"] in far_ends)
        )


def resources_of_bridge(running: LocalAws) -> dict[str, Any]:
    """What the account owns of the bridge, as its services list it."""
    voice, connect = running.client("chime-sdk-voice"), running.client("connect")
    return {
        "applications": voice.list_sip_media_applications()["SipMediaApplications"],
        "rules": voice.list_sip_rules()["SipRules"],
        "connectors": voice.list_voice_connectors()["VoiceConnectors"],
        "numbers": voice.list_phone_numbers()["PhoneNumbers"],
        "claimed": connect.list_phone_numbers_v2()["ListPhoneNumbersSummaryList"],
        "secrets": running.client("secretsmanager").list_secrets()["SecretList"],
    }
