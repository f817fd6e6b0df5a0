"""Another local AWS, with the app deployed whose calls go over the SIP bridge."""

from tests.e2e.environments import fixtures_of
from tests.e2e.sip_bridge.bridge_aws import BridgeAws

running, aws, phone, new_caller = fixtures_of("local-bridge", BridgeAws)
