"""The function that verifies the tokens of an issuer, where there is no user pool."""

from __future__ import annotations

import json

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.assets.bundling import FunctionSource
from infra.configuration import Configuration, GivenKeys, Issuer, KmsKeys, PublishedKeys
from infra.functions.function import Function, FunctionDefaults

SOURCE = FunctionSource(
    handler="authorizer.handler.handler",
    aws_operations={"kms": ("GetPublicKey",)},
    requirements="requirements-authorizer.txt",
)

_FAULTS = {
    "KeysUnavailable": "Tokens cannot be verified, and all callers get 503: the issuer's keys cannot be had. "
    "Look for 'Keys not fetched' or 'AWS refused' in the function's log, and at the issuer's jwks_url, or at "
    "the keys in KMS and their policies.",
}

_EXPECTED_ERRORS = ("TokenEarly", "KeyUnknown")
"""Counted with an error for a token that is not valid yet, or whose key may be too new to be known."""

# Beside a download of up to 3 s, or one request to KMS (connect 1 s + read 2 s), there is room for a cold
# start's rest. The caller's function still has 24 of the gateway's 29 s.
_TIMEOUT = Duration.seconds(5)

# What an issuer has not verified is its user's own word (OpenID Connect Core 1.0, section 5.1).
_VERIFIED_BY = {"email": "email_verified", "phone_number": "phone_number_verified"}


class AuthorizerFunction(Function):
    """Verifies the tokens of an issuer, where there is no user pool."""

    def __init__(self, scope: Construct, id_: str, *, defaults: FunctionDefaults, issuer: Issuer) -> None:
        """`issuer` is that of the configuration."""
        super().__init__(
            scope,
            id_,
            source=SOURCE,
            defaults=defaults,
            description="Verifies the tokens of the issuer's users",
            timeout=_TIMEOUT,
            environment={
                "ISSUER": issuer.issuer,
                "AUDIENCES": json.dumps(issuer.audiences),
                "TOKEN_USE": issuer.token_use,
                "ALGORITHMS": json.dumps(issuer.algorithms),
                "LEEWAY_SECONDS": str(issuer.leeway_seconds),
                "REQUIRED_SCOPES": json.dumps(issuer.required_scopes),
                "REQUIRED_CLAIMS": json.dumps(issuer.required_claims),
                "CLAIMS": json.dumps(_claims(defaults.configuration)),
                **_keys(issuer),
            },
            egress="the issuer's keys on the internet and AWS APIs"
            if isinstance(issuer.keys, PublishedKeys)
            else "AWS APIs alone",
            failure="it had no keys to verify a token with, crashed or timed out",
            # By an error API Gateway answers 503, and keeps nothing. Anybody can invent the id of a key.
            expected_errors=_EXPECTED_ERRORS,
        )
        if isinstance(issuer.keys, KmsKeys):
            self.policy.add_statements(
                iam.PolicyStatement(
                    sid="ReadPublicKeys", actions=["kms:GetPublicKey"], resources=list(issuer.keys.arns)
                )
            )
        self.add_faults(_FAULTS)
        self.show_counts("Tokens", "TokenAccepted", "TokenRefused")


def _keys(issuer: Issuer) -> dict[str, str]:
    """Where the keys are, or the keys themselves."""
    match issuer.keys:
        case PublishedKeys() as published:
            return {
                "JWKS_URL": published.url,
                "JWKS_FRESH_SECONDS": str(published.fresh_seconds),
                "JWKS_STALE_SECONDS": str(published.stale_seconds),
            }
        case GivenKeys(jwks=jwks):
            return {"JWKS": jwks}
        case KmsKeys(arns=arns):
            return {"KMS_KEYS": json.dumps(arns)}


def _claims(configuration: Configuration) -> list[str]:
    """What start_call reads beside the claims that are always handed on: no others are handed on."""
    mapped = configuration.attributes.from_claims
    verified = [proof for claim, proof in _VERIFIED_BY.items() if claim in mapped]
    return list(dict.fromkeys([configuration.identity.display_name_claim, *mapped, *verified]))
