"""Custom::VoiceConnectorSettings: who may call through the Voice Connector, and where its calls lead.

Properties: `VoiceConnectorId`, `Cidrs`, `CallingRegions`, `CallsPerSecond`, `Routes` (each `Host`, `Port`,
`Protocol`, `Priority`, `Weight`), `CredentialsSecretArn`, `CredentialsVersion`, `SipMessageLogs`. The
secret is read with each change, for which a new `CredentialsVersion` is enough.
"""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from sip_bridge.resources.account import ServiceCall
from sip_bridge.resources.errors import Gone, ResourceError
from sip_bridge.resources.properties import Properties
from sip_bridge.resources.resource import Before, Made

_ID = r"[a-z0-9]{21,22}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


class VoiceConnectorSettings:
    """Settings of the account's Voice Connectors."""

    def __init__(self, voice: ServiceCall, secrets: ServiceCall) -> None:
        """`voice` is chime-sdk-voice, `secrets` secretsmanager."""
        self._voice = voice
        self._secrets = secrets

    def put(self, properties: Properties, _before: Before | None) -> Made:
        """Writes all settings; the physical id is that of the Voice Connector."""
        connector_id = properties.text("VoiceConnectorId", _ID)
        logging = {"EnableSIPLogs": properties.flag("SipMessageLogs"), "EnableMediaMetricLogs": False}
        termination = _termination(properties)
        origination = {"Routes": [_route(route) for route in properties.parts("Routes")], "Disabled": False}
        credential = self._credential(properties.text("CredentialsSecretArn", r"arn:\S+"))
        self._voice(
            "PutVoiceConnectorLoggingConfiguration",
            VoiceConnectorId=connector_id,
            LoggingConfiguration=logging,
        )
        self._voice("PutVoiceConnectorTermination", VoiceConnectorId=connector_id, Termination=termination)
        self._put_credential(connector_id, credential)
        self._voice("PutVoiceConnectorOrigination", VoiceConnectorId=connector_id, Origination=origination)
        return Made(connector_id)

    def discard(self, properties: Properties, keep: str | None) -> None:
        """Removes all settings."""
        connector_id = properties.text("VoiceConnectorId", _ID)
        if connector_id != keep:
            self._remove(connector_id)

    def delete(self, _properties: Properties, physical_id: str) -> None:
        """Removes all settings."""
        if re.fullmatch(_ID, physical_id, re.ASCII):
            self._remove(physical_id)

    def _remove(self, connector_id: str) -> None:
        """Removes all that can be removed, so that a fault keeps no more open than it must, and raises it."""
        failed: list[ResourceError] = []
        for remove in (
            self._remove_credentials,
            self._remove_termination,
            self._remove_origination,
            self._stop_logging,
        ):
            try:
                with suppress(Gone):
                    remove(connector_id)
            except ResourceError as error:
                failed.append(error)
        if failed:
            raise failed[0]

    def _remove_credentials(self, connector_id: str) -> None:
        self._delete_credentials(connector_id, keep=None)

    def _remove_termination(self, connector_id: str) -> None:
        self._voice("DeleteVoiceConnectorTermination", VoiceConnectorId=connector_id)

    def _remove_origination(self, connector_id: str) -> None:
        self._voice("DeleteVoiceConnectorOrigination", VoiceConnectorId=connector_id)

    def _stop_logging(self, connector_id: str) -> None:
        self._voice(
            "PutVoiceConnectorLoggingConfiguration",
            VoiceConnectorId=connector_id,
            LoggingConfiguration={"EnableSIPLogs": False, "EnableMediaMetricLogs": False},
        )

    def _put_credential(self, connector_id: str, credential: Mapping[str, str]) -> None:
        self._voice(
            "PutVoiceConnectorTerminationCredentials", VoiceConnectorId=connector_id, Credentials=[credential]
        )
        # Those of a former secret must not go on opening the Voice Connector.
        self._delete_credentials(connector_id, keep=credential["Username"])

    def _delete_credentials(self, connector_id: str, *, keep: str | None) -> None:
        answer = self._voice("ListVoiceConnectorTerminationCredentials", VoiceConnectorId=connector_id)
        usernames = [username for username in answer.get("Usernames", []) if username != keep]
        if usernames:
            self._voice(
                "DeleteVoiceConnectorTerminationCredentials",
                VoiceConnectorId=connector_id,
                Usernames=usernames,
            )

    def _credential(self, secret_arn: str) -> dict[str, str]:
        try:
            secret = json.loads(self._secrets("GetSecretValue", SecretId=secret_arn).get("SecretString", ""))
        except ValueError:
            secret = None
        match secret:
            case {"username": str(username), "password": str(password)} if username and password:
                return {"Username": username, "Password": password}
        raise ResourceError(
            f"The secret {secret_arn} does not hold the credentials of the SIP host.\n"
            'Fix: make it a JSON object {"username": "…", "password": "…"}, neither of them empty.'
        )


def _termination(properties: Properties) -> dict[str, Any]:
    return {
        "CidrAllowedList": properties.texts("Cidrs"),
        "CallingRegions": properties.texts("CallingRegions"),
        "CpsLimit": properties.number("CallsPerSecond", 1, 1000),
        "Disabled": False,
    }


def _route(properties: Properties) -> dict[str, Any]:
    return {
        "Host": properties.text("Host"),
        "Port": properties.number("Port", 1, 65535),
        "Protocol": properties.text("Protocol", r"TCP|UDP"),
        "Priority": properties.number("Priority", 1, 100),
        "Weight": properties.number("Weight", 1, 100),
    }
