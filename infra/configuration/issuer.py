"""`[identity.issuer]`: users of an OpenID Connect provider, or of a backend that signs tokens."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated, Any, Self, override

from pydantic import ValidationInfo, field_validator, model_validator

from infra.assets.key_set import SIGNATURE_ALGORITHMS, KeySetFault, read_key_set
from infra.configuration.faults import detail, refuse, refuse_all
from infra.configuration.place import Place
from infra.configuration.platform import KMS_KEY_ID
from infra.configuration.section import Section
from infra.configuration.urls import HTTPS_URL, JWKS_URL
from infra.configuration.user_pool import SCOPE, VISIBLE
from infra.configuration.values import Arn, Entries, OneOf, Text, Texts, Whole

CHECKED_CLAIMS = ("aud", "exp", "iat", "iss", "nbf", "scope", "scp")
"""Claims that the authorizer checks by itself: no text that they must be can be required."""

CLAIM_OF_ISSUER = (
    "a claim of the issuer's tokens, of at most 256 printable ASCII characters without blanks and quotes: "
    '"email" or "https://acme.example/plan"; claims that begin with "custom:" are those of a user pool'
)
"""What `is_claim_of_issuer` takes."""

_CLAIM = re.compile(r"""[!#-&(-\[\]-~]{1,256}""")
_MAX_KMS_KEYS = 4
_MAX_OF_EACH = 10

MAX_KEY_SET_BYTES = 2_500
"""All variables of a function together take 4 KB (AWS Lambda developer guide, "Lambda quotas")."""


@dataclass(frozen=True, kw_only=True)
class PublishedKeys:
    """Keys that the issuer publishes as a JSON Web Key Set.

    Fetched, they hold `fresh_seconds`, and `stale_seconds` more while they cannot be fetched again.
    """

    url: str
    fresh_seconds: int
    stale_seconds: int


@dataclass(frozen=True, kw_only=True)
class GivenKeys:
    """Keys from a file of the checkout: a JSON Web Key Set, with nothing but what verifying takes."""

    jwks: str
    file: str = ""


@dataclass(frozen=True, kw_only=True)
class KmsKeys:
    """Asymmetric keys of AWS KMS that sign the tokens; a token names one by the last part of its ARN."""

    arns: tuple[str, ...]


class TokenUse(StrEnum):
    """What a token was issued for."""

    ACCESS = "access"
    """To call an API."""
    ID = "id"
    """To tell an app who has signed in."""


@dataclass(frozen=True)
class KeySetFile(Text):
    """A file of the checkout, read."""

    @override
    def read(self, value: Any, place: Place) -> GivenKeys:  # type: ignore[override]
        if isinstance(value, GivenKeys):
            return value
        name = super().read(value, place)
        if place.checkout is None:
            return GivenKeys(jwks="", file=name)
        root = place.checkout.resolve()
        # Resolved, since a link can lead out of the checkout.
        file = (root / name).resolve()
        if not file.is_relative_to(root) or not file.is_file():
            refuse(self.fix)
        # Any byte is a character of latin-1: what is no UTF-8 is refused with the rest.
        return GivenKeys(jwks=file.read_bytes().decode("latin-1"), file=name)

    @override
    def write(self, value: GivenKeys) -> str:
        return value.file


def is_claim_of_issuer(name: str) -> bool:
    """Whether tokens of an issuer may have a claim of this name; it may be a URL, as Auth0 has it."""
    return _CLAIM.fullmatch(name) is not None and not name.startswith("custom:")


def _required_claim_fault(claim: str, value: str, _place: Place) -> str | None:
    if not is_claim_of_issuer(claim):
        return CLAIM_OF_ISSUER
    if claim in CHECKED_CLAIMS:
        return "remove it: the other keys of [identity.issuer] say what it must be"
    if len(value) > 256:
        return "a text of at most 256 characters"
    return None


class Issuer(Section):
    """Whose tokens are taken instead of a user pool's, and what they must be.

    `leeway_seconds` is by how much the issuer's clock may differ, `cache_seconds` how long API Gateway keeps
    the authorizer's answer to a token. `required_claims` maps a claim to the text that it must be.
    """

    issuer: Annotated[
        str,
        Text(
            "the iss of its tokens, character by character, with the slash at its end if there is one: "
            '"https://login.example.com/"; no query, no fragment',
            HTTPS_URL,
            "OpenID Connect Discovery 1.0, section 2",
        ),
    ]
    """The `iss` of the tokens."""

    audiences: Annotated[
        tuple[str, ...],
        Texts(
            Text(
                "a list of what tokens for this API may have as aud, each of 1 to 256 characters without "
                "blanks",
                VISIBLE,
            ),
            1,
            _MAX_OF_EACH,
        ),
    ]
    """The `aud` of tokens for this API."""

    token_use: Annotated[
        TokenUse,
        OneOf(TokenUse, '"access" for tokens that were issued to call an API, or "id" for ID tokens'),
    ] = TokenUse.ACCESS
    """What the tokens were issued for."""

    algorithms: Annotated[
        tuple[str, ...],
        Texts(
            Text(
                f"a list of what the issuer signs with: {', '.join(SIGNATURE_ALGORITHMS)}",
                "|".join(SIGNATURE_ALGORITHMS),
                "RFC 7518, section 3.1; RFC 9864",
            ),
            1,
        ),
    ] = ("RS256",)
    """What the issuer signs with. None of them takes a shared secret."""

    leeway_seconds: Annotated[int, Whole(0, 120, "seconds by which the issuer's clock may differ")] = 30
    """By how much the issuer's clock may differ."""

    cache_seconds: Annotated[
        int, Whole(0, 300, "seconds for which API Gateway keeps the answer to a token")
    ] = 60
    """How long API Gateway keeps the answer to a token."""

    required_scopes: Annotated[
        tuple[str, ...],
        Texts(
            Text(
                "a list of scopes, all of which a token must have; [] for none",
                SCOPE,
                "RFC 6749, section 3.3",
            ),
            0,
            _MAX_OF_EACH,
        ),
    ] = ()
    """Scopes that a token must have."""

    required_claims: Annotated[
        Mapping[str, str],
        Entries(
            "for each claim the text that it must be, of at most 256 characters",
            _required_claim_fault,
            _MAX_OF_EACH,
            "claims",
        ),
    ] = {}  # of a frozen model
    """Claims that a token must have, and the text that each must be."""

    jwks_url: (
        Annotated[
            str,
            Text(
                'where the issuer publishes its keys: "https://login.example.com/jwks"; no fragment', JWKS_URL
            ),
        ]
        | None
    ) = None
    """Where the issuer publishes its keys. Name this, `jwks_file` or `kms_keys`."""

    jwks_fresh_seconds: Annotated[int, Whole(60, 86_400, "seconds after which keys are fetched again")] = 300
    """After how long keys are fetched again."""

    jwks_stale_seconds: Annotated[
        int, Whole(0, 86_400, "seconds for which keys hold beyond that while they cannot be fetched")
    ] = 3_600
    """For how long keys hold beyond that while they cannot be fetched."""

    jwks_file: (
        Annotated[
            GivenKeys,
            KeySetFile(
                'a file of the checkout, by its path from there: "config/keys.json"',
                r"[A-Za-z0-9_./-]{1,255}",
                "RFC 7517",
            ),
        ]
        | None
    ) = None
    """A JSON Web Key Set in the checkout, for an issuer that publishes none."""

    kms_keys: (
        Annotated[
            tuple[str, ...],
            Texts(
                Arn(
                    "a list of ARNs of asymmetric KMS keys of this Region, of any account, that sign: {arn}",
                    service="kms",
                    resource=f"key/{KMS_KEY_ID}",
                    example="key/<uuid>",
                    any_account=True,
                ),
                1,
                _MAX_KMS_KEYS,
            ),
        ]
        | None
    ) = None
    """Keys of AWS KMS that a backend of yours signs with."""

    @property
    def keys(self) -> PublishedKeys | GivenKeys | KmsKeys:
        """What the tokens are verified with."""
        if self.jwks_file is not None:
            return self.jwks_file
        if self.kms_keys is not None:
            return KmsKeys(arns=self.kms_keys)
        assert self.jwks_url is not None  # noqa: S101  # one of the three, as validated
        return PublishedKeys(
            url=self.jwks_url, fresh_seconds=self.jwks_fresh_seconds, stale_seconds=self.jwks_stale_seconds
        )

    @field_validator("required_scopes")
    @classmethod
    def _not_of_id_tokens(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if value and info.data.get("token_use") is TokenUse.ID:
            refuse('[]: ID tokens have no scopes; or token_use = "access"')
        return value

    @field_validator("jwks_file")
    @classmethod
    def _verifies_algorithms(cls, value: GivenKeys | None, info: ValidationInfo) -> GivenKeys | None:
        if value is None or info.context is None or info.context.checkout is None:
            return value
        if "algorithms" not in info.data:
            return value
        try:
            jwks = read_key_set(value.jwks.encode("latin-1"), info.data["algorithms"])
        except KeySetFault as fault:
            refuse(f"in that file, {fault}")
        if len(jwks) > MAX_KEY_SET_BYTES:
            refuse(
                f"fewer keys, or jwks_url: what is read of them has {len(jwks)} bytes, and a "
                f"function's variables hold {MAX_KEY_SET_BYTES}"
            )
        return replace(value, jwks=jwks)

    @model_validator(mode="after")
    def _keys_of_one_place(self) -> Self:
        kinds = ("jwks_url", "jwks_file", "kms_keys")
        present = [kind for kind in kinds if getattr(self, kind) is not None]
        if len(present) != 1:
            key = present[-1] if present else kinds[0]
            refuse_all(
                [
                    detail(
                        (key,),
                        getattr(self, key),
                        "one of jwks_url (the issuer publishes its keys), jwks_file (they lie in the "
                        "checkout) and kms_keys (AWS KMS has them), and only one",
                    )
                ]
            )
        if self.jwks_url is None:
            refuse_all(
                detail(
                    (key,), getattr(self, key), "remove it: only keys that are fetched, by jwks_url, have it"
                )
                for key in ("jwks_fresh_seconds", "jwks_stale_seconds")
                if key in self.model_fields_set
            )
        return self
