"""Whether a token proves who sends it: the issuer's signature, then what it has signed.

RFC 8725 (JSON Web Token Best Current Practices) and OpenID Connect Core 1.0, section 3.1.3.7, say what is to
be checked; each rule here is theirs, or stricter.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from authorizer.keys import KeySource
from authorizer.refusal import Reason, TokenEarly, TokenRefused
from authorizer.unverified_token import UnverifiedToken, read_token

# A time of 2286 or later is one in milliseconds, or a mistake.
_END_OF_TIME = 10_000_000_000
# OpenID Connect Core 1.0, section 2: at most 255 ASCII characters. It becomes an attribute, and a key of a
# table: blanks at its ends would make users who look alike.
_SUBJECT = re.compile(r"[!-~](?:[ -~]{0,253}[!-~])?", re.ASCII)
# What only an ID token has (OpenID Connect Core 1.0, sections 3.1.3.6 and 3.3.2.11).
_ID_TOKEN_CLAIMS = frozenset({"at_hash", "c_hash"})
# So is this, but for Keycloak up to 24, whose access tokens repeat the app's (keycloak/keycloak#26893).
_NONCE = "nonce"
# API Gateway keeps an answer for an hour at most.
_KEPT_SECONDS = 3600


class TokenUse(StrEnum):
    """What a token was issued for."""

    ACCESS = "access"
    """To call an API: this one, when it is the token's audience."""
    ID = "id"
    """For an app, as the proof of who has signed in; the app hands it on to its own backend."""


@dataclass(frozen=True, kw_only=True)
class TokenRules:
    """What a token must be to be accepted in this deployment."""

    issuer: str
    audiences: frozenset[str]
    token_use: TokenUse
    algorithms: frozenset[str]
    leeway_seconds: int
    """By how much the issuer's clock may differ."""
    required_scopes: frozenset[str]
    required_claims: Mapping[str, str]


class TokenVerifier:
    """Verifies tokens and returns their claims."""

    def __init__(self, rules: TokenRules, keys: KeySource, now: Callable[[], float]) -> None:
        """`now` returns the time in seconds since the epoch."""
        self._rules = rules
        self._keys = keys
        self._now = now

    def __call__(self, text: str) -> Mapping[str, Any]:
        """The claims of a token, all of them the issuer's. Raises `TokenRefused`, `TokenEarly` or
        `KeysUnavailable`.
        """
        token = read_token(text, self._rules.algorithms)
        self._check_signature(token)
        claims = token.claims
        self._check_parties(claims)
        self._check_times(claims)
        subject = claims.get("sub")
        if not isinstance(subject, str) or not _SUBJECT.fullmatch(subject):
            raise TokenRefused(Reason.MALFORMED_SUBJECT)
        if "cnf" in claims:
            raise TokenRefused(Reason.SENDER_CONSTRAINED)
        self._check_use(token)
        if not self._rules.required_scopes <= _scopes(claims):
            raise TokenRefused(Reason.SCOPE_MISSING)
        if any(claims.get(name) != value for name, value in self._rules.required_claims.items()):
            raise TokenRefused(Reason.CLAIM_DIFFERS)
        return claims

    def _check_signature(self, token: UnverifiedToken) -> None:
        keys = self._keys.find(token.key_id, token.algorithm)
        if not keys:
            raise TokenRefused(Reason.NO_KEY_FITS)
        if len(keys) > 1:
            # Which one is meant must not be left to trying.
            raise TokenRefused(Reason.SEVERAL_KEYS_FIT)
        if not keys[0].has_signed(token.text, token.algorithm):
            raise TokenRefused(Reason.BAD_SIGNATURE)

    def _check_parties(self, claims: Mapping[str, Any]) -> None:
        if claims.get("iss") != self._rules.issuer:
            raise TokenRefused(Reason.WRONG_ISSUER)
        audience = claims.get("aud")
        audiences = [audience] if isinstance(audience, str) else _strings(audience)
        if self._rules.audiences.isdisjoint(audiences):
            raise TokenRefused(Reason.WRONG_AUDIENCE)
        # One of several audiences could pass on to us an ID token that the user got in its app, not in ours.
        if self._rules.token_use is TokenUse.ID and len(audiences) > 1:
            authorized_party = claims.get("azp")
            if not isinstance(authorized_party, str) or authorized_party not in self._rules.audiences:
                raise TokenRefused(Reason.WRONG_AUTHORIZED_PARTY)

    def _check_times(self, claims: Mapping[str, Any]) -> None:
        now, leeway = self._now(), self._rules.leeway_seconds
        times = {name: claims[name] for name in ("exp", "iat", "nbf") if name in claims}
        if "exp" not in times or not all(map(_is_time, times.values())):
            raise TokenRefused(Reason.MALFORMED_TIME)
        if times["exp"] <= now - leeway:
            raise TokenRefused(Reason.EXPIRED)
        starts = {Reason.NOT_YET_VALID: "nbf", Reason.ISSUED_IN_THE_FUTURE: "iat"}
        for reason, name in starts.items():
            early = times.get(name, now) - (now + leeway)
            if early > 0:
                # A refusal that is kept would outlast the reason for it.
                raise TokenEarly(reason) if early <= _KEPT_SECONDS else TokenRefused(reason)

    def _check_use(self, token: UnverifiedToken) -> None:
        if self._rules.token_use is TokenUse.ACCESS:
            if not _is_access_token(token):
                raise TokenRefused(Reason.NOT_AN_ACCESS_TOKEN)
        elif not _is_id_token(token):
            raise TokenRefused(Reason.NOT_AN_ID_TOKEN)


def _is_access_token(token: UnverifiedToken) -> bool:
    """Whether a token is marked as an access token, and as nothing else.

    By its header (RFC 9068), its scopes, Cognito's `token_use` or Keycloak's `typ`. Keycloak's refresh tokens
    have scopes too, but another `typ`; `events` is for logout tokens and security events (RFC 8417). A nonce
    is that of an ID token, unless the token says itself that it is none.
    """
    claims = token.claims
    says_so = token.is_typed_access_token or claims.get("typ") == "Bearer"
    marks = (
        says_so,
        isinstance(claims.get("scope"), str),
        isinstance(claims.get("scp"), str | list),
        claims.get("token_use") == "access",
    )
    return (
        any(marks)
        and claims.get("token_use", "access") == "access"
        and claims.get("typ", "Bearer") == "Bearer"
        and "events" not in claims
        and _ID_TOKEN_CLAIMS.isdisjoint(claims)
        and (says_so or _NONCE not in claims)
    )


def _is_id_token(token: UnverifiedToken) -> bool:
    """Whether a token is marked as nothing else: ID tokens need not have a mark of their own."""
    claims = token.claims
    return (
        not token.is_typed_access_token
        and claims.get("token_use", "id") == "id"
        and claims.get("typ", "ID") == "ID"
        and {"events", "scope", "scp"}.isdisjoint(claims)
    )


def _is_time(value: Any) -> bool:
    """Whether a claim is a NumericDate (RFC 7519, section 2) of our age."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < _END_OF_TIME


def _scopes(claims: Mapping[str, Any]) -> frozenset[str]:
    """The scopes in `scope` (RFC 9068: separated by blanks) and in `scp` (Entra ID: so; Okta: a list)."""
    given = [claims.get("scope"), claims.get("scp")]
    scopes = [value.split(" ") if isinstance(value, str) else () for value in given]
    return frozenset[str]().union(*scopes, _strings(claims.get("scp")))


def _strings(value: Any) -> Collection[str]:
    """A list of strings; nothing, when it is anything else."""
    if isinstance(value, list) and all(isinstance(element, str) for element in value):
        return value
    return ()
