"""Option A: calls reach Amazon Connect over SIP, by a SIP media application and a Voice Connector.

Nothing outside imports this package. The section of the configuration that is named as the package is has its
model in `section`, and `infra/transport.py` takes `add_transport` from `attachment`.
"""
