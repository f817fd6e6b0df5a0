"""`[sip_bridge]` of a configuration file."""

from infra.config import (
    AdoptedCallerNumber,
    AdoptedConnectNumber,
    AdoptedVoiceConnector,
    ClaimedConnectNumber,
    Configuration,
    OrderedCallerNumber,
    OwnVoiceConnector,
    SipBridge,
)

__all__ = [
    "AdoptedCallerNumber",
    "AdoptedConnectNumber",
    "AdoptedVoiceConnector",
    "ClaimedConnectNumber",
    "OrderedCallerNumber",
    "OwnVoiceConnector",
    "SipBridge",
    "section_of",
]


def section_of(configuration: Configuration) -> SipBridge:
    """The section of a configuration that has one."""
    if configuration.sip_bridge is None:
        raise ValueError(f"The configuration of {configuration.environment!r} has no [sip_bridge].")
    return configuration.sip_bridge
