"""Voice Connectors and their settings, and calls through them. Part of the service `chime-sdk-voice`.

A call to a Voice Connector is a call to the SIP host that its origination routes name. Here that host is
played by one that sends each call on through the same Voice Connector's termination, with its credentials.
"""

import ipaddress
import re
import secrets
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from local.emulator.aws_service import AwsError, Parameters
from local.emulator.connect.contact import now
from local.sip_bridge.phone_number_inventory import PhoneNumberInventory
from local.sip_bridge.phone_numbers import CALLING_CODES, countries_of
from local.sip_bridge.sip_actions import ActionFailedError
from local.sip_bridge.sip_calls import FarEnd
from local.sip_bridge.voice_resources import BAD, CONFLICT, MISSING, Rules, VoiceResource, find, tags_of

VOICE_CONNECTOR_REGIONS = frozenset(
    {
        "us-east-1", "us-west-2", "ca-central-1", "eu-central-1", "eu-west-1", "eu-west-2", "ap-northeast-1",
        "ap-northeast-2", "ap-southeast-1", "ap-southeast-2",
    }
)  # fmt: skip
MAX_ROUTES = 10
MIN_PREFIX_LENGTH = 27  # the least prefix length of an address range that may call out

Ring = Callable[[str, str, Callable[[], None]], FarEnd | None]

_HOST_NAME = re.compile(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}", re.IGNORECASE)


@dataclass
class _VoiceConnector(VoiceResource):
    """A Voice Connector and its settings, None while there are none."""

    termination: Mapping[str, Any] | None = None
    origination: Mapping[str, Any] | None = None
    credentials: dict[str, str] = field(default_factory=dict)
    logging: Mapping[str, Any] = field(
        default_factory=lambda: {"EnableSIPLogs": False, "EnableMediaMetricLogs": False}
    )


class VoiceConnectors:
    """All Voice Connectors."""

    def __init__(
        self, rules: Rules, numbers: PhoneNumberInventory, ring: Ring, *, region: str, account: str
    ) -> None:
        """`ring` dials a number of the telephone network."""
        self._rules = rules
        self._numbers = numbers
        self._ring = ring
        self._region = region
        self._account = account
        self._connectors: dict[str, _VoiceConnector] = {}

    @property
    def resources(self) -> Mapping[str, VoiceResource]:
        """The Voice Connectors by id."""
        return self._connectors

    @property
    def host_names(self) -> frozenset[str]:
        """Their outbound host names."""
        return frozenset(each.members["OutboundHostName"] for each in self._connectors.values())

    def ring(self, number: str, caller: str, over: Callable[[], None]) -> FarEnd | str:
        """Dial a number of the telephone network, or why nobody answers there."""
        return self._ring(number, caller, over) or f"nobody answers at {number}"

    def ring_through(
        self, voice_connector_arn: str, user: str, caller: str, over: Callable[[], None]
    ) -> FarEnd | str:
        """Dial through a Voice Connector: to its SIP host, from there through its termination to the number.

        Returns why nobody answers; raises ActionFailedError where there is no such Voice Connector.
        """
        found = [
            each
            for each in self._connectors.values()
            if each.members["VoiceConnectorArn"] == voice_connector_arn
        ]
        if not found:
            why = f"there is no Voice Connector {voice_connector_arn}"
            raise ActionFailedError("InvalidActionParameter", "Endpoint parameter is invalid.", why)
        origination, termination = found[0].origination or {}, found[0].termination or {}
        if origination.get("Disabled") or not origination.get("Routes"):
            return "the Voice Connector's origination is disabled or has no routes"
        if termination.get("Disabled") or not termination.get("CidrAllowedList"):
            return "the Voice Connector's termination is disabled or lets no address in"
        if not found[0].credentials:
            return "the Voice Connector's termination has no credentials for the SIP host"
        if not countries_of(user) & set(termination.get("CallingRegions", [])):
            return f"the Voice Connector's termination does not allow calls to {user}"
        return self.ring(user, caller, over)

    def create_voice_connector(self, parameters: Parameters) -> Mapping[str, Any]:
        """CreateVoiceConnector."""
        region = parameters.get("AwsRegion", self._region)
        if region != self._region or region not in VOICE_CONNECTOR_REGIONS:
            raise AwsError(BAD, f"AwsRegion: there are no Voice Connectors in {region} here.")
        return {"VoiceConnector": self._make(_voice_connector_id(), parameters).members}

    def adopt(self, connector_id: str) -> None:
        """Have a Voice Connector from the beginning, that calls every country and whose host is reached."""
        connector = self._make(connector_id, {"Name": f"played-{connector_id}", "RequireEncryption": True})
        connector.origination = {"Disabled": False, "Routes": [{"Host": "sip.example.com"}]}
        connector.termination = {
            "CpsLimit": 1,
            "Disabled": False,
            "CidrAllowedList": ["203.0.113.0/27"],
            "CallingRegions": [*CALLING_CODES],
        }
        connector.credentials = {"played": "played"}

    def _make(self, connector_id: str, parameters: Parameters) -> _VoiceConnector:
        created = now()
        members = {
            "VoiceConnectorId": connector_id,
            "AwsRegion": self._region,
            "Name": parameters["Name"],
            "OutboundHostName": f"{connector_id}.voiceconnector.localhost",
            "RequireEncryption": parameters["RequireEncryption"],
            "CreatedTimestamp": created,
            "UpdatedTimestamp": created,
            "VoiceConnectorArn": f"arn:aws:chime:{self._region}:{self._account}:vc/{connector_id}",
            "NetworkType": parameters.get("NetworkType", "IPV4_ONLY"),
        }
        made = _VoiceConnector(connector_id, members, tags_of(parameters))
        self._connectors[connector_id] = made
        return made

    def get_voice_connector(self, parameters: Parameters) -> Mapping[str, Any]:
        """GetVoiceConnector."""
        return {"VoiceConnector": self._connector(parameters).members}

    def list_voice_connectors(self, _parameters: Parameters) -> Mapping[str, Any]:
        """ListVoiceConnectors, all on one page."""
        return {"VoiceConnectors": [each.members for each in self._connectors.values()]}

    def update_voice_connector(self, parameters: Parameters) -> Mapping[str, Any]:
        """UpdateVoiceConnector."""
        connector = self._connector(parameters)
        connector.members |= {
            "Name": parameters["Name"],
            "RequireEncryption": parameters["RequireEncryption"],
            "UpdatedTimestamp": now(),
        }
        return {"VoiceConnector": connector.members}

    def delete_voice_connector(self, parameters: Parameters) -> Mapping[str, Any]:
        """DeleteVoiceConnector."""
        connector = self._connector(parameters)
        host = connector.members["OutboundHostName"]
        if any(rule.members["TriggerValue"] == host for rule in self._rules.values()):
            raise AwsError(CONFLICT, "A SIP rule has the Voice Connector's host.")
        del self._connectors[connector.id]
        return {}

    def put_voice_connector_termination(self, parameters: Parameters) -> Mapping[str, Any]:
        """PutVoiceConnectorTermination: who may call out, whereto and how often."""
        connector, termination = self._connector(parameters), parameters["Termination"]
        for cidr in termination.get("CidrAllowedList", []):
            _check_cidr(cidr)
        for region in termination.get("CallingRegions", []):
            if not re.fullmatch(r"[A-Z]{2}", region):
                raise AwsError(BAD, f"CallingRegions: {region!r} is no country.")
        default = termination.get("DefaultPhoneNumber")
        if default is not None and not self._numbers.owns(default):
            raise AwsError(BAD, f"DefaultPhoneNumber: {default} is not in the inventory.")
        connector.termination = {"CpsLimit": 1, "Disabled": False, **termination}
        return {"Termination": connector.termination}

    def get_voice_connector_termination(self, parameters: Parameters) -> Mapping[str, Any]:
        """GetVoiceConnectorTermination."""
        return {"Termination": _there(self._connector(parameters).termination, "termination")}

    def delete_voice_connector_termination(self, parameters: Parameters) -> Mapping[str, Any]:
        """DeleteVoiceConnectorTermination."""
        connector = self._connector(parameters)
        _there(connector.termination, "termination")
        connector.termination = None
        return {}

    def put_voice_connector_origination(self, parameters: Parameters) -> Mapping[str, Any]:
        """PutVoiceConnectorOrigination: the SIP hosts that calls from AWS go to."""
        connector, origination = self._connector(parameters), parameters["Origination"]
        routes = origination.get("Routes", [])
        if len(routes) > MAX_ROUTES:
            raise AwsError(BAD, f"{len(routes)} routes, at most {MAX_ROUTES} allowed.")
        for route in routes:
            _check_route(route, is_encrypted=connector.members["RequireEncryption"])
        connector.origination = {"Disabled": False, **origination}
        return {"Origination": connector.origination}

    def get_voice_connector_origination(self, parameters: Parameters) -> Mapping[str, Any]:
        """GetVoiceConnectorOrigination."""
        return {"Origination": _there(self._connector(parameters).origination, "origination")}

    def delete_voice_connector_origination(self, parameters: Parameters) -> Mapping[str, Any]:
        """DeleteVoiceConnectorOrigination."""
        connector = self._connector(parameters)
        _there(connector.origination, "origination")
        connector.origination = None
        return {}

    def put_voice_connector_termination_credentials(self, parameters: Parameters) -> Mapping[str, Any]:
        """PutVoiceConnectorTerminationCredentials: further ones, or another password."""
        connector = self._connector(parameters)
        for credential in parameters.get("Credentials", []):
            if not credential.get("Username") or not credential.get("Password"):
                raise AwsError(BAD, "Credentials: Username and Password.")
            connector.credentials[credential["Username"]] = credential["Password"]
        return {}

    def list_voice_connector_termination_credentials(self, parameters: Parameters) -> Mapping[str, Any]:
        """ListVoiceConnectorTerminationCredentials: the names alone."""
        return {"Usernames": list(self._connector(parameters).credentials)}

    def delete_voice_connector_termination_credentials(self, parameters: Parameters) -> Mapping[str, Any]:
        """DeleteVoiceConnectorTerminationCredentials."""
        connector = self._connector(parameters)
        for username in parameters["Usernames"]:
            connector.credentials.pop(username, None)
        return {}

    def put_voice_connector_logging_configuration(self, parameters: Parameters) -> Mapping[str, Any]:
        """PutVoiceConnectorLoggingConfiguration: kept; no logs are written here."""
        connector = self._connector(parameters)
        off = {"EnableSIPLogs": False, "EnableMediaMetricLogs": False}
        connector.logging = {**off, **parameters["LoggingConfiguration"]}
        return {"LoggingConfiguration": connector.logging}

    def get_voice_connector_logging_configuration(self, parameters: Parameters) -> Mapping[str, Any]:
        """GetVoiceConnectorLoggingConfiguration."""
        return {"LoggingConfiguration": self._connector(parameters).logging}

    def _connector(self, parameters: Parameters) -> _VoiceConnector:
        return find(self._connectors, parameters["VoiceConnectorId"])


def _there(settings: Mapping[str, Any] | None, what: str) -> Mapping[str, Any]:
    if settings is None:
        raise AwsError(MISSING, f"The Voice Connector has no {what} settings.")
    return settings


def _voice_connector_id() -> str:
    return "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(22))


def _check_cidr(cidr: str) -> None:
    try:
        network = ipaddress.ip_network(cidr)
    except ValueError as error:
        raise AwsError(BAD, f"CidrAllowedList: {cidr!r} is no range of addresses.") from error
    if not network.is_global or network.prefixlen < MIN_PREFIX_LENGTH:
        raise AwsError(BAD, f"CidrAllowedList: {cidr} is not public, or wider than /{MIN_PREFIX_LENGTH}.")


def _check_route(route: Mapping[str, Any], *, is_encrypted: bool) -> None:
    if missing := {"Host", "Port", "Protocol", "Priority", "Weight"} - route.keys():
        raise AwsError(BAD, f"Routes: {', '.join(sorted(missing))} missing.")
    if is_encrypted and route["Protocol"] != "TCP":
        raise AwsError(BAD, "Routes: an encrypted Voice Connector's protocol is TCP.")
    try:
        is_public = ipaddress.ip_address(route["Host"]).is_global
    except ValueError:
        is_public = _HOST_NAME.fullmatch(route["Host"]) is not None
    if not is_public:
        raise AwsError(BAD, f"Routes: {route['Host']!r} is neither a public address nor a host name.")
