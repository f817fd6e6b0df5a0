"""What tests of the bridge do through the control endpoints."""

from local.sip_bridge.observer import BridgeObserver
from tests.local.control_endpoints import ControlEndpoints


class BridgeControlEndpoints(BridgeObserver, ControlEndpoints):
    """Those of the local AWS whose address is `endpoint_url` and whose secrets are `access`."""
