"""What must fit between the sections of a configuration."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from typing import Any

from infra.configuration.api import Api
from infra.configuration.attributes import Attributes
from infra.configuration.connect import Connect
from infra.configuration.faults import Fault
from infra.configuration.functions import Functions, refuse_fewer_executions
from infra.configuration.identity import Identity, custom_claim_fix, is_claim_of_user_pool
from infra.configuration.issuer import CLAIM_OF_ISSUER, Issuer, is_claim_of_issuer
from infra.configuration.section import CrossCheck, Transport
from infra.configuration.smoke import SMOKE_TOPIC, Smoke
from infra.configuration.user_pool import ExistingUserPool, UserPool

SELF_WRITTEN_CLAIMS = ("name",)
"""Claims that users write themselves, unverified: no proof of anything."""

SELF_WRITTEN_CLAIMS_OF_ISSUERS = (
    *SELF_WRITTEN_CLAIMS,
    "address",
    "birthdate",
    "family_name",
    "gender",
    "given_name",
    "locale",
    "middle_name",
    "nickname",
    "picture",
    "preferred_username",
    "profile",
    "website",
    "zoneinfo",
)
"""Claims of the profile, which users of most issuers write themselves (OpenID Connect Core 1.0, sections 5.1
and 5.7); the app's client of an own user pool can write none of them but the name.
"""

# What of a claim that users write themselves is verified, as another claim of the token says.
_VERIFIED_CLAIMS = ("email", "phone_number")

MAX_ENVIRONMENT_BYTES = 2_850
"""Bytes of what start_call receives in lists and tables. All variables of a function take 4,096, counted as
one text of JSON (AWS Lambda developer guide, "Lambda quotas"; the error of a deployment shows the "String
measured"). The rest has some 1,150 in a template with a SIP bridge, where environment and Region have the
longest names and numbers the most digits: tests/infra/configuration/test_environment_size.py.
"""


def check_claims(attributes: Attributes, identity: Identity) -> Iterator[Fault]:
    """A mapped claim is one that the users' tokens can have, and that users do not write themselves."""
    for claim, name in attributes.from_claims.items():
        if fix := _claim_fix(claim, identity.source):
            yield Fault(key=f"attributes.from_claims.{claim}", value=name, fix=fix)


def _claim_fix(claim: str, source: UserPool | ExistingUserPool | Issuer) -> str | None:
    own = isinstance(source, UserPool)
    if claim in (SELF_WRITTEN_CLAIMS if own else SELF_WRITTEN_CLAIMS_OF_ISSUERS):
        return "users write this claim themselves, so it proves nothing: map another"
    match source:
        case Issuer():
            return None if is_claim_of_issuer(claim) else CLAIM_OF_ISSUER
        case UserPool():
            return None if is_claim_of_user_pool(claim, source) else custom_claim_fix(claim)
        case ExistingUserPool() if claim in source.client_writes and claim not in _VERIFIED_CLAIMS:
            return (
                "the app's client may write this claim (identity.existing_user_pool.client_writes), so users "
                "write it themselves and it proves nothing: map another, or take it from the client"
            )
    return None


def check_authenticated_topics(connect: Connect, identity: Identity) -> Iterator[Fault]:
    """A rule of signing in is about a topic that there is."""
    for topic, rule in identity.authentication.items():
        if topic and topic not in connect.topics:
            yield Fault(
                key=f"identity.authentication.topics.{topic}",
                value=rule.model_dump(mode="json", exclude_defaults=True),
                fix=f"one of connect.topics: {', '.join(connect.topics) or 'there are none, so remove it'}",
            )


def reject_step_up_bypass(connect: Connect, identity: Identity) -> Iterator[Fault]:
    """Refuses a rule of signing in for a topic whose contact flow can be had by another rule: callers choose
    the topic.
    """
    rules = identity.authentication
    flows = {"": connect.contact_flow, **connect.topics}
    for topic, rule in rules.items():
        for other, flow in flows.items():
            if flow == flows.get(topic) and rules.get(other, rules.get("")) != rule:
                yield Fault(
                    key="identity.authentication.topics",
                    value={
                        name: each.model_dump(mode="json", exclude_defaults=True)
                        for name, each in rules.items()
                        if name
                    },
                    fix=f"the same rule for {topic or 'calls without a topic'!r} and "
                    f"{other or 'calls without a topic'!r}, or another contact flow for one of them: both "
                    "lead to the same, so callers could choose the weaker rule",
                )
                return


def check_reserved_concurrency(
    connect: Connect, functions: Functions, transport: Transport | None
) -> Iterator[Fault]:
    """The gateway throttles before Lambda does. A transport of its own checks its starts itself."""
    quotas = connect.quotas
    needed = max(quotas.stop_contact_burst, quotas.call_control_burst)
    if transport is None:
        needed = max(needed, quotas.start_webrtc_contact_burst)
    yield from refuse_fewer_executions(
        functions, needed, "start_webrtc_contact_burst, stop_contact_burst and call_control_burst"
    )


def check_environment_size(
    *,
    account: str,
    region: str,
    connect: Connect,
    attributes: Attributes,
    identity: Identity,
    api: Api,
    smoke: Smoke,
    transport: Transport | None,
) -> Iterator[Fault]:
    """Refuses more than the environment variables of start_call can hold, as `CallingStack` fills them."""
    # Flows that the stack makes have ARNs of the same length as those of the instance.
    uuid = "0" * 36
    flow_arn = f"arn:aws:connect:{region}:{account}:instance/{uuid}/contact-flow/{uuid}"
    settings: dict[str, tuple[Sized, object]] = {
        "connect.topics": (
            dict.fromkeys([*connect.topics, *([SMOKE_TOPIC] if smoke.has_topic else [])], flow_arn),
            connect.model_dump(mode="json", include={"topics"}).get("topics"),
        ),
        "attributes.from_caller": (attributes.from_caller, attributes.from_caller),
        "attributes.from_claims": (attributes.from_claims, attributes.from_claims),
        "identity.display_name_claim": (identity.display_name_claim, identity.display_name_claim),
        "identity.authentication": (
            {topic: rule.model_dump(mode="json") for topic, rule in identity.authentication.items()},
            identity.model_dump(mode="json", include={"authentication"}).get("authentication"),
        ),
        "api.allowed_origins": (api.allowed_origins, api.allowed_origins),
    }
    if transport is not None:
        settings |= {
            f"{transport.name}.{key}": (value, value)
            for key, value in transport.section.start_call_settings().items()
        }
    # JSON within the JSON that is counted.
    sizes = {key: len(json.dumps(json.dumps(value))) for key, (value, _) in settings.items()}
    total = sum(sizes.values())
    if total > MAX_ENVIRONMENT_BYTES:
        largest = max(sizes, key=lambda key: sizes[key])
        yield Fault(
            key=largest,
            value=settings[largest][1],
            fix=f"remove some, or shorten names: these {len(settings[largest][0])} take {sizes[largest]} of "
            f"{total} bytes, and Lambda's 4 KB of environment variables leave start_call "
            f"{MAX_ENVIRONMENT_BYTES} for all of {', '.join(settings)}",
        )


def check_smoke(connect: Connect, smoke: Smoke) -> Iterator[Fault]:
    """The smoke test's topic is its own, and so is its queue; a canary calls by it."""
    if smoke.has_topic and SMOKE_TOPIC in connect.topics:
        yield Fault(
            key=f"connect.topics.{SMOKE_TOPIC}",
            value=str(connect.topics[SMOKE_TOPIC]),
            fix="remove it, or [smoke]: that makes a topic of this name",
        )
    used = (connect.verified_queue_arn, connect.unverified_queue_arn, connect.flow.overflow_queue_arn)
    if smoke.queue_arn is not None and smoke.queue_arn in used:
        yield Fault(
            key="smoke.queue_arn",
            value=smoke.queue_arn,
            fix="another queue, that no agent serves: callers come to this one",
        )
    if smoke.canary and not smoke.has_topic:
        yield Fault(
            key="smoke.canary",
            value=True,
            fix="name smoke.queue_arn too, a queue that no agent serves: the canary calls there",
        )


CROSS_CHECKS: tuple[CrossCheck, ...] = (
    check_claims,
    check_authenticated_topics,
    reject_step_up_bypass,
    check_reserved_concurrency,
    check_environment_size,
    check_smoke,
)


def run_checks[T](checks: Iterable[Callable[..., Iterable[T]]], sections: Mapping[str, Any]) -> Iterator[T]:
    """Runs those checks whose sections are all there."""
    for check in checks:
        names = inspect.signature(check).parameters
        if set(names) <= set(sections):
            yield from check(**{name: sections[name] for name in names})
