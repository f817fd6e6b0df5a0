"""What a local AWS pretends to be, read from config/<environment>.toml."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from local.clients.token_backend import KEY_SPECS
from local.issuer.issuer import ISSUER
from local.launcher import checkout
from local.launcher.checkout import LocalAwsError


@dataclass(frozen=True)
class Target:
    """What the local AWS pretends to be: account and Region, and what they hold before the app comes."""

    account: str
    region: str
    identity: dict[str, str] = field(default_factory=dict)
    signing_keys: dict[str, str] = field(default_factory=dict)  # specs by ARN


def read_target(environment: str) -> Target:
    """Read an environment's file; whatever else is wrong in it, the synthesis reports."""
    path = checkout.CONFIGURATIONS / f"{environment}.toml"
    try:
        configuration = tomllib.loads(path.read_text(encoding="utf-8"))
        target = Target(str(configuration["account"]), str(configuration["region"]))
    except FileNotFoundError:
        known = ", ".join(sorted(file.stem for file in path.parent.glob("*.toml")))
        raise LocalAwsError(
            f"There is no environment {environment!r} (config/{environment}.toml). There are: {known}."
        ) from None
    except (KeyError, tomllib.TOMLDecodeError) as error:
        raise LocalAwsError(f"{path} does not name account and region: {error!r}.") from error
    issuer = configuration.get("identity", {}).get("issuer")
    return _with_issuer(target, issuer, path) if isinstance(issuer, dict) else target


# What infra/configuration/issuer.py has where the file says nothing.
_DEFAULTS: Mapping[str, Any] = {"algorithms": ["RS256"], "required_scopes": [], "token_use": "access"}


def _with_issuer(target: Target, issuer: Mapping[str, Any], path: Path) -> Target:
    """The target with an issuer that this machine can stand for; LocalAwsError for any other."""
    issuer = {**_DEFAULTS, **issuer}
    try:
        identity = {
            "Issuer": issuer["issuer"],
            "Audience": issuer["audiences"][0],
            "Scope": " ".join(issuer["required_scopes"]),
            "TokenUse": issuer["token_use"],
        }
        algorithm = issuer["algorithms"][0]
        is_identity_token = issuer["token_use"] == "id"  # noqa: S105 a kind of token
    except (KeyError, IndexError) as error:
        raise LocalAwsError(f"{path} does not say all of [identity.issuer]: {error!r}.") from error
    if (keys := issuer.get("kms_keys")) and algorithm in KEY_SPECS and is_identity_token:
        signs = {"SigningKeyArn": keys[0], "Algorithm": algorithm}
        return replace(
            target, identity=identity | signs, signing_keys=dict.fromkeys(keys, KEY_SPECS[algorithm])
        )
    if issuer["issuer"] == ISSUER and issuer.get("jwks_url") == f"{ISSUER}jwks":
        return replace(target, identity=identity)
    raise LocalAwsError(
        f"Nobody can sign in here as {path} says: the local AWS has the issuer {ISSUER} with the jwks_url "
        f"{ISSUER}jwks, and signs identity tokens by {' or '.join(KEY_SPECS)} with kms_keys. Run an "
        "environment of your own that says one of these."
    )
