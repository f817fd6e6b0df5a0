"""TO BE DELETED once everything imports infra.configuration and infra.sip_bridge.section: the names as they
were, `load` without transports, and `Configuration.sip_bridge`.
"""

from __future__ import annotations

from pathlib import Path

from infra import configuration as new
from infra.configuration import (
    IN_APP_CALLING_REGIONS,
    START_CALL_TIMEOUT_SECONDS,
    TRUSTED_ATTRIBUTES,
    AdoptedContactFlow,
    AdoptedInstance,
    ContactFlow,
    OwnContactFlow,
    Quotas,
    Sandbox,
    environments,
    find_transports,
)
from infra.sip_bridge.section import (
    SIP_MEDIA_APPLICATION_REGIONS,
    AdoptedCallerNumber,
    AdoptedConnectNumber,
    AdoptedVoiceConnector,
    ClaimedConnectNumber,
    OrderedCallerNumber,
    OwnVoiceConnector,
    Route,
    SipBridge,
)

__all__ = [
    "IN_APP_CALLING_REGIONS",
    "SIP_MEDIA_APPLICATION_REGIONS",
    "START_CALL_TIMEOUT_SECONDS",
    "TRUSTED_ATTRIBUTES",
    "AdoptedCallerNumber",
    "AdoptedConnectNumber",
    "AdoptedContactFlow",
    "AdoptedInstance",
    "AdoptedVoiceConnector",
    "ClaimedConnectNumber",
    "Configuration",
    "ContactFlow",
    "OrderedCallerNumber",
    "OwnContactFlow",
    "OwnVoiceConnector",
    "Quotas",
    "Route",
    "Sandbox",
    "SipBridge",
    "environments",
    "load",
]


class Configuration(new.Configuration):
    """With the bridge's section by its old name."""

    @property
    def sip_bridge(self) -> SipBridge | None:
        """The section of the only transport that there is."""
        section = self.transport.section if self.transport is not None else None
        assert section is None or isinstance(section, SipBridge)  # noqa: S101  # there is no other
        return section


def load(checkout: Path, environment: object) -> Configuration:
    """The configuration of one environment."""
    loaded = new.load(checkout, environment, transports=find_transports())
    return Configuration.model_construct(**dict(loaded))
