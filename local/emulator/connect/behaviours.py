"""How Amazon Connect behaves where AWS's documentation leaves it open: docs/truth.md has the questions.

The product works with each; the emulator plays one at a time, and `POST /_local/behaviours` switches.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any


class LostCustomer(StrEnum):
    """What becomes of a contact whose only customer has been gone for more than a minute."""

    STAYS = "ContactStays"
    ENDS = "ContactEnds"


class RepeatedClientToken(StrEnum):
    """What StartWebRTCContact answers to a ClientToken that it has seen."""

    SAME_ANSWER = "SameAnswer"
    CONTACT_ID = "ContactIdOnly"  # all that the API reference promises


class Behaviours:
    """The behaviours that are played."""

    def __init__(self) -> None:
        self.lost_customer = LostCustomer.STAYS
        self.repeated_client_token = RepeatedClientToken.SAME_ANSWER

    def shown(self) -> dict[str, Any]:
        """The behaviours by their names."""
        return {
            "LostCustomer": self.lost_customer,
            "RepeatedClientToken": self.repeated_client_token,
        }

    def switch(self, wanted: Mapping[str, Any]) -> None:
        """Play others; what is not named stays. ValueError for what is none, and then nothing changes."""
        unknown = wanted.keys() - self.shown().keys()
        if unknown:
            raise ValueError(f"there is no behaviour {', '.join(sorted(unknown))}: {self._choices()}")
        try:
            lost = LostCustomer(wanted.get("LostCustomer", self.lost_customer))
            repeated = RepeatedClientToken(wanted.get("RepeatedClientToken", self.repeated_client_token))
        except ValueError as error:
            raise ValueError(f"{error}: {self._choices()}") from None
        self.lost_customer, self.repeated_client_token = lost, repeated

    @staticmethod
    def _choices() -> str:
        kinds = {"LostCustomer": LostCustomer, "RepeatedClientToken": RepeatedClientToken}
        return "; ".join(f"{name} is {' or '.join(kind)}" for name, kind in kinds.items())
