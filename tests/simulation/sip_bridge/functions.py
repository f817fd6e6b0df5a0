"""The functions of a deployment with the bridge: theirs are other transports, and one answers phone calls."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

import sip_bridge.transport
from calls.interfaces import CallTransport
from sip_bridge.bridged_calls import BridgedCalls
from sip_bridge.media_application import handler as media_application
from sip_bridge.meetings import Meetings
from sip_bridge.phone_calls import PhoneCalls
from sip_bridge.transport import BridgeSettings, SipBridge
from tests.lambdas.conftest import INSTANCE_ARN
from tests.lambdas.sip_bridge.backend import BRIDGED_TABLE
from tests.lambdas.sip_bridge.events import CONNECT_NUMBER, EXTERNAL_MEETING_ID
from tests.lambdas.sip_bridge.fake_chime import APPLICATION_ID
from tests.lambdas.sip_bridge.fake_sip_media_application import conforms
from tests.simulation.aws import Invocation
from tests.simulation.functions import LIMITS, Functions

if TYPE_CHECKING:
    from tests.simulation.contact_center import Answered
    from tests.simulation.simulation import Simulation

MEDIA_APPLICATION = "media_application"
_LASTS = 10_000
"""Milliseconds after which Lambda kills it."""
_SETTINGS = BridgeSettings(
    caller_number="+12065550100", connect_number=CONNECT_NUMBER, external_meeting_id=EXTERNAL_MEETING_ID
)


class BridgedFunctions(Functions):
    """The deployed functions, with the bridge."""

    def __init__(self, simulation: Simulation) -> None:
        super().__init__(simulation)
        digits = _codes()
        unique = count(1)
        self._loaded += [
            (media_application, "_meetings", Meetings(simulation.client("hurried meetings"))),
            (sip_bridge.transport, "secrets", SimpleNamespace(choice=lambda _: next(digits))),
            (
                sip_bridge.transport,
                "uuid",
                SimpleNamespace(uuid4=lambda: SimpleNamespace(hex=f"meeting-token-{next(unique)}")),
            ),
        ]

    def make_transport(self, function: str, native: CallTransport) -> CallTransport:
        """The bridge, with the clients that it has in a function."""
        simulation = self._simulation
        meetings: Any = None
        phone_calls: Any = None
        if function != "caller_context":
            meetings = Meetings(simulation.client("meetings"))
        if function in {"start_call", "call_control"}:
            service = "dialling" if function == "start_call" else "phone calls"
            phone_calls = PhoneCalls(simulation.client(service), APPLICATION_ID)
        return SipBridge(
            native=native,
            bridged_calls=BridgedCalls(
                simulation.client("dynamodb"), BRIDGED_TABLE, max_call_seconds=LIMITS.max_call_seconds
            ),
            meetings=meetings,
            phone_calls=phone_calls,
            settings=_SETTINGS,
            now=simulation.time,
            instance_arn=INSTANCE_ARN,
        )

    def lead_call(self, name: str, user: str, event: dict[str, Any], answered: Answered) -> None:
        """An event of a phone call, whose answer says what it is to do."""

        def check(answer: dict[str, Any] | None) -> None:
            if answer is not None:
                conforms(answer)
            answered(answer)

        self.invoke(
            Invocation(name, MEDIA_APPLICATION, user), media_application.handler, event, _LASTS, check
        )


def _codes() -> Iterator[str]:
    """The digits of one code after the other."""
    for number in count(1):
        yield from f"{number:012d}"


@contextmanager
def quiet_bridge() -> Iterator[None]:
    """Within, simulations may change the bridge's modules."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(media_application, "_meetings", media_application._meetings)
        for name in ("secrets", "uuid"):
            patch.setattr(sip_bridge.transport, name, getattr(sip_bridge.transport, name))
        yield
