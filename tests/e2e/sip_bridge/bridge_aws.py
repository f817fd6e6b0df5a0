"""The local AWS with the app deployed into it whose calls go over the SIP bridge."""

from collections.abc import Mapping

from local.sip_bridge.observer import BridgeObserver
from tests.e2e.aws import Aws


class BridgeAws(Aws, BridgeObserver):
    """What tests may do besides calling; and the one place that changes what a call has left in tables."""

    policy_prefixes: Mapping[str, str] = {"chime-sdk-meetings": "chime", "chime-sdk-voice": "chime"}

    def forget_answer(self, user_id: str) -> None:
        """Leave a start as a function does that dies before it stores its answer; its slot has run out."""
        self.change_record(user_id, "REMOVE Answer, TransactionId SET SlotUntil = StartedAt")

    def note_end(self, user_id: str) -> None:
        """Leave a call as a function does that dies after it has noted its end, before it stops it."""
        self.change_record(user_id, "SET EndedAt = StartedAt")
