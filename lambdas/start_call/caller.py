"""Who calls: the verified claims of the caller's token, and nothing else."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from calls.errors import AuthenticationInsufficient
from start_call.display_name import clean_display_name

# What an issuer has not verified is its user's own word (OpenID Connect Core 1.0, section 5.1).
_VERIFIED_BY = {"email": "email_verified", "phone_number": "phone_number_verified"}

# Digits of seconds since the epoch, for some ten thousand years to come.
_MAX_TIME_DIGITS = 12

# An issuer's clock may be ahead of ours.
_CLOCK_SKEW_SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class Caller:
    """A signed-in user."""

    user_id: str
    display_name: str
    """The token's name for the user, "" where it has none that can be read."""
    context: Mapping[str, str]
    """What the contact center may rely on: `customer_id`, `auth_time` and the mapped claims ("" where
    absent), and `signed_in_at`, the same time for a person to read.
    """
    auth_time: int | None = None
    """When the user signed in, in seconds since the epoch; None where the token does not say."""
    amr: frozenset[str] = frozenset()
    """The methods of signing in (RFC 8176)."""


@dataclass(frozen=True, kw_only=True)
class Authentication:
    """How a user must have signed in for a call; `max_age_seconds` None and an empty `amr` require nothing.

    One method of `amr` is enough.
    """

    max_age_seconds: int | None = None
    amr: frozenset[str] = frozenset()

    def check(self, caller: Caller, now: int) -> None:
        """Raises `AuthenticationInsufficient` for a caller who must sign in again; `now` in milliseconds."""
        if self._is_recent(caller.auth_time, now // 1000) and (not self.amr or self.amr & caller.amr):
            return
        raise AuthenticationInsufficient(max_age_seconds=self.max_age_seconds, amr=self.amr)

    def _is_recent(self, auth_time: int | None, now: int) -> bool:
        if self.max_age_seconds is None:
            return True
        return auth_time is not None and -_CLOCK_SKEW_SECONDS <= now - auth_time <= self.max_age_seconds


def read_caller(
    claims: Mapping[str, str], claim_attributes: Mapping[str, str], display_name_claim: str
) -> Caller:
    """Reads the caller from the claims that the authorizer verified (every value is a string).

    `claim_attributes` maps a claim to the name of its contact attribute.
    """
    user_id = claims["sub"]
    claimed = claims.get("auth_time", "")
    is_time = claimed.isascii() and claimed.isdigit() and len(claimed) <= _MAX_TIME_DIGITS
    auth_time = claimed if is_time else ""
    return Caller(
        user_id=user_id,
        display_name=clean_display_name(claims.get(display_name_claim, "")),
        context={
            "customer_id": user_id,
            "auth_time": auth_time,
            "signed_in_at": _as_text(auth_time),
            **{attribute: _trusted(claims, claim) for claim, attribute in claim_attributes.items()},
        },
        auth_time=int(auth_time) if auth_time else None,
        amr=_listed(claims.get("amr", "")),
    )


def _trusted(claims: Mapping[str, str], claim: str) -> str:
    """The value of a claim, "" where it is absent or stands there unverified."""
    proof = _VERIFIED_BY.get(claim)
    return claims.get(claim, "") if proof is None or claims.get(proof) == "true" else ""


def _as_text(auth_time: str) -> str:
    """Seconds since the epoch as an agent reads them, to the minute; a flow cannot write times."""
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(int(auth_time))) if auth_time else "unknown"


def _listed(claim: str) -> frozenset[str]:
    """The items of a list, which API Gateway hands on as a text: joined by commas."""
    return frozenset(item.strip() for item in claim.strip("[]").split(",")) - {""}
