"""What a configuration may say, and is seldom meant: warnings."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from infra.configuration.alarms import Alarms
from infra.configuration.attributes import Attributes
from infra.configuration.connect import AdoptedInstance, Connect
from infra.configuration.identity import Identity

# OpenID Connect Core 1.0, sections 2 and 5.1; RFC 9068, section 2.2; Amazon Cognito developer guide,
# "Understanding the identity (ID) token".
STANDARD_CLAIMS = (
    "acr",
    "address",
    "amr",
    "aud",
    "auth_time",
    "azp",
    "birthdate",
    "client_id",
    "cognito:groups",
    "cognito:username",
    "email",
    "email_verified",
    "entitlements",
    "exp",
    "family_name",
    "gender",
    "given_name",
    "groups",
    "iat",
    "identities",
    "iss",
    "jti",
    "locale",
    "middle_name",
    "name",
    "nickname",
    "nonce",
    "phone_number",
    "phone_number_verified",
    "picture",
    "preferred_username",
    "profile",
    "roles",
    "scope",
    "sub",
    "token_use",
    "updated_at",
    "username",
    "website",
    "zoneinfo",
)


def warn_of_claims(attributes: Attributes, identity: Identity) -> Iterator[str]:
    """A claim that is nearly a standard one: no token has it, and the attribute stays empty."""
    named = {f"attributes.from_claims.{claim}": claim for claim in attributes.from_claims}
    named["identity.display_name_claim"] = identity.display_name_claim
    for key, claim in named.items():
        close = difflib.get_close_matches(claim, STANDARD_CLAIMS, n=1, cutoff=0.75)
        if claim not in STANDARD_CLAIMS and close:
            yield f"{key}: no standard claim is named {claim!r}. Did you mean {close[0]!r}?"


def warn_of_alarms(connect: Connect, alarms: Alarms) -> Iterator[str]:
    """Nobody gets the alarms of an instance that people call."""
    if alarms.email is None and isinstance(connect.instance, AdoptedInstance):
        yield 'alarms.email: nobody gets the alarms. Name an address: email = "on-call@example.com"'


WARNINGS = (warn_of_claims, warn_of_alarms)
