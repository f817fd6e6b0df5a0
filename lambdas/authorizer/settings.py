"""The function's settings, from its environment variables."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from authorizer.keys import ALGORITHMS
from authorizer.verification import TokenRules, TokenUse

_KEY_SOURCES = ("JWKS_URL", "JWKS", "KMS_KEYS")


@dataclass(frozen=True)
class PublishedKeys:
    """Where the issuer publishes its keys, and for how many seconds they hold."""

    url: str
    fresh_seconds: int
    stale_seconds: int


@dataclass(frozen=True, kw_only=True)
class AuthorizerSettings:
    """Read once, at import."""

    rules: TokenRules
    claims: tuple[str, ...]
    """Those that are handed on beside what every function needs."""
    keys: PublishedKeys | bytes | tuple[str, ...]
    """The keys: where they are published, a JSON Web Key Set, or ARNs of KMS."""

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> "AuthorizerSettings":
        """Raises `KeyError` or `ValueError` on a missing or malformed variable, which fails the
        deployment's first call.
        """
        algorithms = frozenset(_strings(environment, "ALGORITHMS"))
        if not algorithms <= ALGORITHMS:
            raise ValueError("ALGORITHMS names one that is none, or none that a public key verifies.")
        return cls(
            rules=TokenRules(
                issuer=environment["ISSUER"],
                audiences=frozenset(_strings(environment, "AUDIENCES")),
                token_use=TokenUse(environment["TOKEN_USE"]),
                algorithms=algorithms,
                leeway_seconds=int(environment["LEEWAY_SECONDS"]),
                required_scopes=frozenset(json.loads(environment["REQUIRED_SCOPES"])),
                required_claims=json.loads(environment["REQUIRED_CLAIMS"]),
            ),
            claims=tuple(json.loads(environment["CLAIMS"])),
            keys=_read_keys(environment),
        )


def _read_keys(environment: Mapping[str, str]) -> PublishedKeys | bytes | tuple[str, ...]:
    match [name for name in _KEY_SOURCES if name in environment]:
        case ["JWKS_URL"]:
            return PublishedKeys(
                environment["JWKS_URL"],
                int(environment["JWKS_FRESH_SECONDS"]),
                int(environment["JWKS_STALE_SECONDS"]),
            )
        case ["JWKS"]:
            return environment["JWKS"].encode()
        case ["KMS_KEYS"]:
            return _strings(environment, "KMS_KEYS")
        case _:
            raise ValueError(f"Exactly one of {', '.join(_KEY_SOURCES)} says where the keys are.")


def _strings(environment: Mapping[str, str], name: str) -> tuple[str, ...]:
    """A list without which nothing would be checked: it holds something, and strings alone."""
    values = json.loads(environment[name])
    if not isinstance(values, list) or not values or not all(isinstance(v, str) and v for v in values):
        raise ValueError(f"{name} is not a JSON list of strings that are not empty.")
    return tuple(values)
