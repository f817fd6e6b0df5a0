"""Users whose apps join meetings, and strangers who dial Connect's number."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.simulation.users import User

if TYPE_CHECKING:
    from tests.simulation.sip_bridge.simulation import BridgedSimulation


class BridgedUser(User):
    """Somebody whose calls go over the bridge."""

    def __init__(self, simulation: BridgedSimulation, user_id: str) -> None:
        super().__init__(simulation, user_id)
        self._bridge = simulation

    def _forge(self) -> None:
        """Somebody dials Connect's number and keys in what calls have keyed in, or what none has."""
        center = self._bridge.contact_center
        for code in [*center.keyed_in(self.user_id), "999999999999"]:
            center.dial_in(code)
