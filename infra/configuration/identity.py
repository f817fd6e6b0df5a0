"""`[identity]`: who the users are, and how they must have signed in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from infra.configuration.faults import detail, refuse, refuse_all
from infra.configuration.issuer import CLAIM_OF_ISSUER, Issuer, is_claim_of_issuer
from infra.configuration.section import Section
from infra.configuration.user_pool import ExistingUserPool, UserPool
from infra.configuration.values import ReadAs, Text, Texts, Whole

_MAX_METHODS = 10
_CLAIM_OF_USER_POOL = re.compile(r"[\w:-]{1,128}")
_CLAIM_FIX = 'a claim of the ID token, such as "name" or "email"'


class Authentication(Section):
    """How a user must have signed in: no longer ago, by one of `amr`. What is left out does not matter."""

    max_age_seconds: (
        Annotated[int, Whole(60, 31_536_000, "seconds since the user signed in, by the claim auth_time")]
        | None
    ) = None
    """How long ago the user may have signed in."""

    # RFC 8176 registers words, and issuers have others.
    amr: Annotated[
        tuple[str, ...],
        Texts(
            Text(
                'a list of methods, of which the claim amr must hold one: ["mfa", "hwk"] (RFC 8176)',
                r"[A-Za-z0-9_.:/-]{1,64}",
                "RFC 8176",
            ),
            1,
            _MAX_METHODS,
        ),
    ] = Field(default=(), validate_default=False)
    """Methods, one of which the user must have signed in by."""

    @model_validator(mode="after")
    def _requires_something(self) -> Self:
        self._require_either()
        return self

    def _require_either(self) -> None:
        if self.max_age_seconds is None and not self.amr:
            refuse_all([detail(("max_age_seconds",), None, "a number of seconds; or amr, or both")])


class AuthenticationRules(Authentication):
    """How users must have signed in to call. A topic may have a rule of its own."""

    topics: Mapping[str, Authentication] = {}  # of a frozen model
    """Rules of single topics, in place of the general one."""

    def by_topic(self) -> Mapping[str, Authentication]:
        """A rule for each topic that has one, and by "" the one for all others."""
        rules = dict(self.topics)
        # Where some topics have rules, the others need none.
        if self.max_age_seconds is not None or self.amr:
            rules[""] = Authentication.model_construct(max_age_seconds=self.max_age_seconds, amr=self.amr)
        return rules

    def _require_either(self) -> None:
        if not self.topics:
            super()._require_either()


def _rules_of(rules: Mapping[str, Authentication]) -> dict[str, object]:
    def written(rule: Authentication) -> dict[str, object]:
        return {
            key: value
            for key, value in rule.model_dump(mode="json").items()
            if value is not None and value != []
        }

    of_topics = {topic: written(rule) for topic, rule in rules.items() if topic}
    return (written(rules[""]) if "" in rules else {}) | ({"topics": of_topics} if of_topics else {})


class Identity(Section):
    """Who the users are: those of a user pool, or of an issuer; and how they must have signed in."""

    user_pool: UserPool | None = None
    existing_user_pool: ExistingUserPool | None = None
    issuer: Issuer | None = None

    display_name_claim: Annotated[str, Text(_CLAIM_FIX)] = "name"
    """The claim that names the caller to the agent."""

    authentication: Annotated[
        Mapping[str, Authentication], ReadAs(AuthenticationRules, AuthenticationRules.by_topic, _rules_of)
    ] = Field(default={}, validate_default=False)
    """By topic, how its callers must have signed in; "" is for calls about no topic, and about those that are
    not named there.
    """

    @property
    def source(self) -> UserPool | ExistingUserPool | Issuer:
        """Where the users come from: an own pool, unless the file says otherwise."""
        return self.issuer or self.existing_user_pool or self.user_pool or UserPool()

    @field_validator("existing_user_pool", "issuer")
    @classmethod
    def _one_source[T](cls, value: T, info: ValidationInfo) -> T:
        if value is not None:
            for other in ("user_pool", "existing_user_pool"):
                if info.data.get(other) is not None:
                    refuse(
                        f"either [identity.{info.field_name}] or [identity.{other}]: users have one source, "
                        "so remove one"
                    )
        return value

    @field_validator("display_name_claim")
    @classmethod
    def _claim_of_source(cls, value: str, info: ValidationInfo) -> str:
        if not {"user_pool", "existing_user_pool", "issuer"} <= set(info.data):
            return value
        if info.data["issuer"] is not None:
            if not is_claim_of_issuer(value):
                refuse(CLAIM_OF_ISSUER)
        else:
            if not _CLAIM_OF_USER_POOL.fullmatch(value):
                refuse(_CLAIM_FIX)
            pool = info.data["existing_user_pool"] or info.data["user_pool"] or UserPool()
            if isinstance(pool, UserPool) and not is_claim_of_user_pool(value, pool):
                refuse(custom_claim_fix(value))
        return value


def is_claim_of_user_pool(claim: str, pool: UserPool) -> bool:
    """Whether users of the pool can have this claim, as far as its own attributes say."""
    name = claim.removeprefix("custom:")
    return name == claim or name in pool.custom_attributes


def custom_claim_fix(claim: str) -> str:
    """What to write where `is_claim_of_user_pool` refuses a claim."""
    return (
        f"add {claim.removeprefix('custom:')!r} to identity.user_pool.custom_attributes, which makes it an "
        "attribute of the user pool for good; or name another claim"
    )
