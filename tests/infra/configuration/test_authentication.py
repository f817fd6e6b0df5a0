"""How users must have signed in, for each topic."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from infra.configuration import Authentication
from tests.infra.configuration.files import FLOW, Loader, faults_of
from tests.infra.configuration.test_issuer import issued


def test_for_each_topic_users_must_have_signed_in_as_it_says(load_changed: Loader) -> None:
    changes: dict[str, Any] = {
        "connect.topics": {"billing": "billing", "sales": FLOW},
        "identity.authentication": {
            "max_age_seconds": 86_400,
            "amr": ["mfa", "hwk"],
            "topics": {"billing": {"max_age_seconds": 300}, "sales": {"amr": ["mfa"]}},
        },
    }
    general = Authentication(max_age_seconds=86_400, amr=("mfa", "hwk"))
    of_topics = {
        "billing": Authentication(max_age_seconds=300, amr=()),
        "sales": Authentication(max_age_seconds=None, amr=("mfa",)),
    }
    assert load_changed(changes).identity.authentication == {"": general, **of_topics}
    # Some topics can ask for more where the others ask for nothing.
    del changes["identity.authentication"]["max_age_seconds"]
    del changes["identity.authentication"]["amr"]
    assert load_changed(changes).identity.authentication == of_topics


AUTHENTICATION: dict[str, Any] = {"amr": ["mfa"], "topics": {"billing": {"max_age_seconds": 300}}}


@pytest.mark.parametrize(
    ("key", "value", "fix"),
    [
        ("", {}, "amr, or both"),
        ("", True, "[identity.authentication]"),
        ("topics", {}, ""),
        ("topics.billing", {}, "amr, or both"),
        ("topics.sales", {"amr": ["mfa"]}, "one of connect.topics: billing"),
        ("topics.billing.max_age_seconds", 59, "from 60"),
        ("topics.billing.max_age_seconds", 31_536_001, "to 31536000"),
        ("topics.billing.topics", {}, "known here: amr, max_age_seconds"),
        ("max_age_seconds", "300", "whole number"),
        ("amr", [], "RFC 8176"),
        ("amr", ["mfa,pwd"], "RFC 8176"),
        ("amr", ["[mfa]"], "RFC 8176"),
        ("amr", ["mfa", "mfa"], "each once"),
        ("amr", list(map(str, range(11))), "at most 10"),
        ("max_age", 300, "did you mean 'max_age_seconds'"),
    ],
)
def test_a_wrong_rule_of_signing_in_is_refused(load_changed: Loader, key: str, value: Any, fix: str) -> None:
    path = f"identity.authentication.{key}".rstrip(".")
    changes = {"identity.authentication": deepcopy(AUTHENTICATION)} | {path: value}
    if not fix:
        load_changed(changes)
        return
    error = faults_of(load_changed, changes)
    assert error.key == (f"{path}.max_age_seconds" if value == {} and "both" in fix else path)
    assert fix in error.fix


@pytest.mark.parametrize(
    ("topics", "authentication"),
    [
        # Two topics with one flow, of which one asks for more.
        ({"billing": "billing", "account": "billing"}, {"topics": {"account": {"amr": ["mfa"]}}}),
        (
            {"billing": "billing", "account": "billing"},
            {"max_age_seconds": 60, "topics": {"account": {"amr": ["mfa"]}}},
        ),
        # A topic with the flow of calls without one.
        ({"general": "inbound"}, {"topics": {"general": {"amr": ["mfa"]}}}),
        ({"general": "inbound"}, {"amr": ["mfa"], "topics": {"general": {"amr": ["pwd"]}}}),
    ],
)
def test_a_rule_that_callers_could_walk_around_by_another_topic_is_refused(
    load_changed: Loader, topics: dict[str, str], authentication: dict[str, Any]
) -> None:
    error = faults_of(load_changed, {"connect.topics": topics, "identity.authentication": authentication})
    assert error.key == "identity.authentication.topics"
    assert "the weaker rule" in error.fix


@pytest.mark.parametrize("claim", ["name", "preferred_username", "nickname", "given_name", "address"])
def test_what_an_issuers_users_write_themselves_is_no_trusted_attribute(
    load_changed: Loader, claim: str
) -> None:
    changes = issued({"attributes.from_claims": {claim: "customer_alias"}})
    assert "write this claim themselves" in faults_of(load_changed, changes).fix


def test_topics_with_one_flow_may_have_one_rule(load_changed: Loader) -> None:
    rule = {"amr": ["mfa"]}
    changes: dict[str, Any] = {
        "connect.topics": {"billing": "billing", "account": "billing"},
        "identity.authentication": {"topics": {"billing": rule, "account": rule}},
    }
    assert len(load_changed(changes).identity.authentication) == 2
