"""What a local AWS pretends to be, read from config/<environment>.toml."""

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.clients.token_backend import KEY_SPECS
from local.issuer.stand_in import StandIn, StandInError
from local.launcher import checkout
from local.launcher.checkout import LocalAwsError
from local.launcher.existing import Existing, read_existing

_INSTANCE = re.compile(r"arn:aws:connect:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):instance/[0-9a-f-]{36}")


@dataclass(frozen=True)
class Target:
    """What the local AWS pretends to be: account and Region, and what they hold before the app comes.

    `identity` is what apps need besides the outputs of the stacks.
    """

    account: str
    region: str
    identity: dict[str, str] = field(default_factory=dict)
    existing: Existing = field(default_factory=Existing)
    stand_in: StandIn | None = None
    bootstrap_qualifier: str | None = None  # the CDK's own where the file has none
    caller_attributes: tuple[str, ...] = ()  # what apps may send with a call


def read_target(environment: str) -> Target:
    """Read an environment's file; whatever else is wrong in it, the synthesis reports."""
    path = checkout.CONFIGURATIONS / f"{environment}.toml"
    try:
        configuration = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        known = ", ".join(sorted(file.stem for file in path.parent.glob("*.toml")))
        raise LocalAwsError(
            f"There is no environment {environment!r} (config/{environment}.toml). There are: {known}."
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise LocalAwsError(f"{path} is no TOML: {error}.") from error
    account, region = _place(configuration, path)
    identity, signing_keys, stand_in = _identity(configuration, path)
    from_caller = configuration.get("attributes", {}).get("from_caller", [])
    return Target(
        account=account,
        region=region,
        identity=identity,
        existing=read_existing(configuration, signing_keys),
        stand_in=stand_in,
        bootstrap_qualifier=_bootstrap_qualifier(configuration),
        caller_attributes=tuple(map(str, from_caller)),
    )


def _place(configuration: Mapping[str, Any], path: Path) -> tuple[str, str]:
    """Account and Region, which are the instance's where the file does not name them."""
    connect = configuration.get("connect")
    instance = connect.get("instance_arn") if isinstance(connect, dict) else None
    found = _INSTANCE.fullmatch(instance) if isinstance(instance, str) else None
    of_instance = found.groupdict() if found else {}
    try:
        account, region = ({**of_instance, **configuration}[name] for name in ("account", "region"))
    except KeyError:
        raise LocalAwsError(
            f"{path} names no Connect instance (connect.instance_arn), of which account and Region are, nor "
            "both of account and region."
        ) from None
    return str(account), str(region)


def _bootstrap_qualifier(configuration: Mapping[str, Any]) -> str | None:
    platform = configuration.get("platform")
    qualifier = platform.get("bootstrap_qualifier") if isinstance(platform, dict) else None
    return qualifier if isinstance(qualifier, str) else None


# What infra/configuration/issuer.py has where the file says nothing.
_DEFAULTS: Mapping[str, Any] = {"algorithms": ["RS256"], "required_scopes": [], "token_use": "access"}


def _identity(
    configuration: Mapping[str, Any], path: Path
) -> tuple[dict[str, str], dict[str, str], StandIn | None]:
    """What apps need to sign in, the keys that sign tokens, and who stands for the issuer."""
    identity = configuration.get("identity", {})
    pool = identity.get("existing_user_pool")
    if isinstance(pool, dict):
        pool_id = str(pool.get("arn")).partition("userpool/")[2]
        return {"UserPoolId": pool_id, "UserPoolClientId": str(pool.get("client_id"))}, {}, None
    issuer = identity.get("issuer")
    if not isinstance(issuer, dict):
        return {}, {}, None
    issuer = {**_DEFAULTS, **issuer}
    try:
        audience, algorithm = str(issuer["audiences"][0]), issuer["algorithms"][0]
        known = {
            "Issuer": str(issuer["issuer"]),
            "Audience": audience,
            "Scope": " ".join(issuer["required_scopes"]),
            "TokenUse": str(issuer["token_use"]),
        }
    except (KeyError, IndexError) as error:
        raise LocalAwsError(f"{path} does not say all of [identity.issuer]: {error!r}.") from error
    keys = issuer.get("kms_keys")
    if keys and algorithm in KEY_SPECS and known["TokenUse"] == "id":
        specs = dict.fromkeys(keys, KEY_SPECS[algorithm])
        return known | {"SigningKeyArn": keys[0], "Algorithm": algorithm}, specs, None
    try:
        stand_in = StandIn.choose(issuer, os.environ.get("OIDC_ISSUER", ""))
    except StandInError as error:
        raise LocalAwsError(str(error)) from None
    if stand_in.is_external:
        known["ExternalIssuer"] = stand_in.issuer
    return known | {"Issuer": stand_in.issuer, "RequiredClaims": stand_in.required_claims}, {}, stand_in
