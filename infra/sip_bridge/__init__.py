"""Option A: calls reach Amazon Connect over SIP, by a SIP media application and a Voice Connector.

Nothing outside imports this package. `infra/transport.py` looks it up by its name, which is that of the
configuration's section too, and takes `add_transport` from it.
"""

from infra.sip_bridge.attachment import add_transport
from infra.sip_bridge.section import SipBridge

__all__ = ["SipBridge", "add_transport"]
