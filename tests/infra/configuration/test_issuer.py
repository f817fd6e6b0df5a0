"""Users of an issuer: what may be said of its tokens, and what is refused."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from infra.assets.key_set import SIGNATURE_ALGORITHMS
from infra.configuration import Issuer, KmsKeys, PublishedKeys, TokenUse
from tests.infra.configuration.files import ACCOUNT, MISSING, UUID, Changes, Loader, check_refused, faults_of

ISSUER: dict[str, Any] = {
    "issuer": "https://login.example.com/",
    "audiences": ["https://calls.example.com"],
    "token_use": "access",
    "algorithms": ["RS256", "ES256"],
    "leeway_seconds": 30,
    "cache_seconds": 60,
    "required_scopes": ["calls"],
    "jwks_url": "https://login.example.com/jwks",
    "jwks_fresh_seconds": 300,
    "jwks_stale_seconds": 3_600,
}
KEY = f"arn:aws:kms:eu-west-2:{ACCOUNT}:key/{UUID}"
BY_URL = ("jwks_url", "jwks_fresh_seconds", "jwks_stale_seconds")


def issued(changes: Changes) -> dict[str, Any]:
    """An issuer that publishes its keys, in place of a user pool."""
    return {"identity.user_pool": MISSING, "identity.issuer": deepcopy(ISSUER), **changes}


def with_keys(kind: str, value: Any) -> dict[str, Any]:
    """An issuer whose keys come from elsewhere."""
    return issued({f"identity.issuer.{key}": MISSING for key in BY_URL} | {f"identity.issuer.{kind}": value})


def test_an_issuers_values_arrive_as_written(load_changed: Loader) -> None:
    changes = {
        "identity.issuer.required_claims": {"azp": "app", "https://acme.example/tenant": "acme"},
        "identity.display_name_claim": "https://acme.example/name",
        "attributes.from_claims": {"https://acme.example/plan": "plan"},
    }
    configuration = load_changed(issued(changes))
    assert configuration.identity.source == Issuer(
        issuer="https://login.example.com/",
        audiences=("https://calls.example.com",),
        token_use=TokenUse.ACCESS,
        algorithms=("RS256", "ES256"),
        leeway_seconds=30,
        cache_seconds=60,
        required_scopes=("calls",),
        required_claims={"azp": "app", "https://acme.example/tenant": "acme"},
        jwks_url="https://login.example.com/jwks",
    )
    assert configuration.identity.source.keys == PublishedKeys(
        url="https://login.example.com/jwks", fresh_seconds=300, stale_seconds=3_600
    )
    assert configuration.identity.display_name_claim == "https://acme.example/name"
    assert configuration.attributes.from_claims == {"https://acme.example/plan": "plan"}


def test_an_issuer_may_tell_its_key_sets_apart_by_a_query(load_changed: Loader) -> None:
    url = "https://acme.b2clogin.com/acme.onmicrosoft.com/discovery/v2.0/keys?p=b2c_1_sign-in"
    source = load_changed(issued({"identity.issuer.jwks_url": url})).identity.source
    assert isinstance(source, Issuer)
    assert isinstance(source.keys, PublishedKeys)
    assert source.keys.url == url


def test_users_are_those_of_a_pool_or_of_an_issuer(load_changed: Loader) -> None:
    error = faults_of(load_changed, {"identity.issuer": ISSUER})
    assert error.key == "identity.issuer"
    assert "remove one" in error.fix


def test_an_issuers_keys_can_be_in_kms(load_changed: Loader) -> None:
    """Of any account; and replicas of keys of another Region have ids of another shape."""
    arns = [KEY, KEY.replace(ACCOUNT, "999988887777"), f"{KEY.partition('/')[0]}/mrk-{'0a' * 16}"]
    source = load_changed(with_keys("kms_keys", arns)).identity.source
    assert isinstance(source, Issuer)
    assert source.keys == KmsKeys(arns=tuple(arns))


def test_keys_come_from_one_place(load_changed: Loader) -> None:
    both = issued({"identity.issuer.kms_keys": [KEY]})
    check_refused(load_changed, both, "identity.issuer.kms_keys", "and only one")
    of_urls = with_keys("kms_keys", [KEY]) | {"identity.issuer.jwks_fresh_seconds": 60}
    check_refused(load_changed, of_urls, "identity.issuer.jwks_fresh_seconds", "only keys that are fetched")


# Key of identity.issuer, value, and what the fix must say.
REFUSED_OF_AN_ISSUER: list[tuple[str, Any, str]] = [
    *(
        (key, value, "no fragment")
        for key in ("issuer", "jwks_url")
        for value in (
            "http://login.example.com/",
            "HTTPS://login.example.com/",
            "https://",
            "https:///jwks",
            "https://user@login.example.com/",
            "https://user:password@login.example.com/",
            "https://login.example.com/?",
            "https://login.example.com/?a=*",
            "https://login.example.com/#",
            "https://login.example.com/*",
            "https://login.example.com/ ",
            "https://login.example.com\n",
            "https://login.example.com\\.evil.example/",
            f"https://login.example.com/{'a' * 512}",
            "login.example.com",
            7,
        )
    ),
    ("issuer", MISSING, "character by character"),
    ("issuer", "https://login.example.com/?a=b", "no query"),
    ("jwks_url", MISSING, "jwks_file"),
    ("audiences", MISSING, "aud"),
    ("audiences", [], "aud"),
    ("audiences", [""], "aud"),
    ("audiences", ["a b"], "aud"),
    ("audiences", ["calls", "calls"], "each once"),
    ("audiences", list(map(str, range(11))), "at most 10"),
    ("token_use", "refresh", '"access"'),
    ("algorithms", [], ", ".join(SIGNATURE_ALGORITHMS)),
    ("algorithms", ["none"], "RS256"),
    ("algorithms", ["HS256"], "RS256"),
    ("algorithms", ["Ed448"], "EdDSA"),
    ("algorithms", ["rs256"], "RS256"),
    ("algorithms", ["RS256", "RS256"], "each once"),
    ("leeway_seconds", -1, "from 0 to 120"),
    ("leeway_seconds", 121, "from 0 to 120"),
    ("cache_seconds", 301, "from 0 to 300"),
    ("required_scopes", ["calls mail"], "[] for none"),
    ("required_scopes", list(map(str, range(11))), "at most 10"),
    ("required_claims", ["azp"], "[identity.issuer.required_claims]"),
    ("required_claims.azp", "", "string in quotes"),
    ("required_claims.azp", 7, "string in quotes"),
    ("required_claims.azp", "a" * 257, "at most 256"),
    ("required_claims.custom:plan", "gold", "user pool"),
    *((f"required_claims.{claim}", "a", "remove it") for claim in ("iss", "aud", "exp", "scope", "scp")),
    ("jwks_fresh_seconds", 59, "from 60"),
    ("jwks_fresh_seconds", 86_401, "to 86400"),
    ("jwks_stale_seconds", -1, "from 0"),
    ("jwks_stale_seconds", 86_401, "to 86400"),
    ("jwks_uri", "https://login.example.com/jwks", "did you mean 'jwks_url'"),
]


@pytest.mark.parametrize(("key", "value", "fix"), REFUSED_OF_AN_ISSUER, ids=lambda value: str(value)[:40])
def test_a_wrong_value_of_an_issuer_is_refused(load_changed: Loader, key: str, value: Any, fix: str) -> None:
    check_refused(load_changed, issued({f"identity.issuer.{key}": value}), f"identity.issuer.{key}", fix)


@pytest.mark.parametrize(
    ("arns", "fix"),
    [
        ([], "a list of ARNs"),
        (KEY, "a list of ARNs"),
        ([KEY.replace("eu-west-2", "eu-west-1")], "of this Region"),
        ([KEY.replace("arn:aws:", "arn:aws-us-gov:")], "arn:aws:kms:eu-west-2"),
        ([UUID], "key/<uuid>"),
        ([f"arn:aws:kms:eu-west-2:{ACCOUNT}:alias/tokens"], "key/<uuid>"),
        ([KEY, KEY], "each once"),
        ([f"{KEY.partition('/')[0]}/{number}{UUID[1:]}" for number in range(5)], "at most 4"),
    ],
)
def test_wrong_keys_of_kms_are_refused(load_changed: Loader, arns: Any, fix: str) -> None:
    error = faults_of(load_changed, with_keys("kms_keys", arns))
    assert (error.key, error.value) == ("identity.issuer.kms_keys", arns)
    assert fix in error.fix


def test_id_tokens_have_no_scopes(load_changed: Loader) -> None:
    error = faults_of(load_changed, issued({"identity.issuer.token_use": "id"}))
    assert (error.key, error.value) == ("identity.issuer.required_scopes", ["calls"])
    changes = {"identity.issuer.token_use": "id", "identity.issuer.required_scopes": []}
    source = load_changed(issued(changes)).identity.source
    assert isinstance(source, Issuer)
    assert source.token_use is TokenUse.ID


def test_at_most_ten_claims_are_required(load_changed: Loader) -> None:
    claims = {f"claim{number}": "a" for number in range(11)}
    error = faults_of(load_changed, issued({"identity.issuer.required_claims": claims}))
    assert error.key == "identity.issuer.required_claims.claim10"
    del claims["claim10"]
    load_changed(issued({"identity.issuer.required_claims": claims}))


@pytest.mark.parametrize("claim", ["custom:plan", "a b", 'a"b', "é", "a" * 257, "https://acme.example/a b"])
def test_claims_are_such_as_an_issuer_has(load_changed: Loader, claim: str) -> None:
    for changes, key in (
        ({"identity.display_name_claim": claim}, "identity.display_name_claim"),
        ({"attributes.from_claims": {claim: "plan"}}, f"attributes.from_claims.{claim}"),
        (
            {"identity.issuer.required_claims": {claim: "gold"}},
            f"identity.issuer.required_claims.{claim}",
        ),
    ):
        error = faults_of(load_changed, issued(changes))
        assert error.key == key
        assert "https://acme.example/plan" in error.fix


def test_a_user_pool_has_no_claims_that_are_urls(load_changed: Loader) -> None:
    error = faults_of(load_changed, {"identity.display_name_claim": "https://acme.example/name"})
    assert error.key == "identity.display_name_claim"
