"""Who stands for the issuer that an environment is configured with: nobody else's reaches this machine.

The local issuer does, for any; or with OIDC_ISSUER an OpenID provider that runs on loopback, a Keycloak for
one. What is deployed names the configured issuer. Only the function that verifies tokens sees the other one,
in its environment variables when its process starts.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

from local import origins
from local.issuer.issuer import ALGORITHM, CLIENT_ID, ISSUER

# Where the local issuer publishes the keys of one on loopback: functions fetch keys by TLS alone.
EXTERNAL_KEYS_PATH = "/external/jwks"
_FRESH_SECONDS, _STALE_SECONDS = "300", "3600"
_KEY_SOURCES = ("JWKS", "JWKS_URL", "KMS_KEYS")


class StandInError(Exception):
    """OIDC_ISSUER is none that can stand in: why, and what to do."""


@dataclass(frozen=True)
class StandIn:
    """Whose tokens are accepted in place of the configured issuer's."""

    configured: str
    issuer: str
    client_id: str  # of the local issuer, which says it in ID tokens
    required_claims: str  # JSON: the local issuer's tokens have them
    is_external: bool = False

    @classmethod
    def choose(cls, configured: Mapping[str, Any], external: str) -> "StandIn":
        """Who stands for the `[identity.issuer]` of a file; `external` is OIDC_ISSUER's value or empty."""
        if external:
            parts = urlsplit(external)
            if parts.scheme != "http" or not origins.is_this_machine(parts.netloc) or parts.query:
                raise StandInError(
                    f"OIDC_ISSUER is {external!r}: name an OpenID provider on this machine by its issuer, "
                    "OIDC_ISSUER=http://127.0.0.1:8080/realms/acme."
                )
        is_identity_token = configured["token_use"] == "id"  # noqa: S105 a kind of token
        return cls(
            configured=str(configured["issuer"]),
            issuer=external or ISSUER,
            client_id=str(configured["audiences"][0]) if is_identity_token else CLIENT_ID,
            required_claims=json.dumps(configured.get("required_claims", {})),
            is_external=bool(external),
        )

    def described(self) -> list[str]:
        """What is played and how, a line each."""
        if self.is_external:
            return [f"{self.configured}: the provider at {self.issuer}"]
        return [] if self.configured == ISSUER else [f"{self.configured}: the local issuer, {ISSUER}"]

    def document(self) -> dict[str, Any]:
        """For the emulator, which makes it anew with `StandIn(**document)`."""
        return asdict(self)

    def variables(self, deployed: Mapping[str, str]) -> dict[str, str]:
        """The environment variables of a function as its process gets them."""
        if deployed.get("ISSUER") != self.configured:
            return dict(deployed)
        kept = {name: value for name, value in deployed.items() if name not in _KEY_SOURCES}
        path = EXTERNAL_KEYS_PATH.lstrip("/") if self.is_external else "jwks"
        algorithms = {} if self.is_external else {"ALGORITHMS": json.dumps([ALGORITHM])}
        return {
            "JWKS_FRESH_SECONDS": _FRESH_SECONDS,
            "JWKS_STALE_SECONDS": _STALE_SECONDS,
            **kept,
            **algorithms,
            "ISSUER": self.issuer,
            "JWKS_URL": f"{ISSUER}{path}",
        }
