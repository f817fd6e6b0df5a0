"""`python -m tests.simulation.sip_bridge`: as `make simulate`, of calls over the SIP bridge."""

import sys

from tests.simulation.__main__ import main
from tests.simulation.sip_bridge.functions import quiet_bridge
from tests.simulation.sip_bridge.simulation import BridgedSimulation

if __name__ == "__main__":
    with quiet_bridge():
        sys.exit(main(simulated=BridgedSimulation))
