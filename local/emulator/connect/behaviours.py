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


class EventMethod(StrEnum):
    """What contact events say of how a WebRTC contact began: no page about events lists a value."""

    AS_RECORDED = "WEBRTC_API"  # what contact records say
    LEFT_OUT = "LeftOut"


class EventReason(StrEnum):
    """Whether contact events say why a voice contact ended: documented for outbound campaigns alone."""

    LEFT_OUT = "LeftOut"
    GIVEN = "Given"


_KINDS: Mapping[str, type[StrEnum]] = {
    kind.__name__: kind for kind in (LostCustomer, RepeatedClientToken, EventMethod, EventReason)
}


class Behaviours:
    """The behaviours that are played: the first of each kind until they are switched."""

    def __init__(self) -> None:
        self._played = {name: next(iter(kind)) for name, kind in _KINDS.items()}

    def plays(self, behaviour: StrEnum) -> bool:
        """Whether it is this one that is played."""
        return self._played[type(behaviour).__name__] is behaviour

    def shown(self) -> dict[str, Any]:
        """The behaviours by their names."""
        return dict(self._played)

    def switch(self, wanted: Mapping[str, Any]) -> None:
        """Play others; what is not named stays. ValueError for what is none, and then nothing changes."""
        unknown = wanted.keys() - _KINDS.keys()
        if unknown:
            raise ValueError(f"there is no behaviour {', '.join(sorted(unknown))}: {self._choices()}")
        try:
            chosen = {name: _KINDS[name](value) for name, value in wanted.items()}
        except ValueError as error:
            raise ValueError(f"{error}: {self._choices()}") from None
        self._played |= chosen

    @staticmethod
    def _choices() -> str:
        return "; ".join(f"{name} is {' or '.join(kind)}" for name, kind in _KINDS.items())
