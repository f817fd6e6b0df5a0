"""Users of a pool: what may be said of them, and what is refused."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from infra.configuration import AppleProvider, ManagedLogin, OidcProvider, SamlProvider, UserPool
from tests.infra.configuration.files import ACCOUNT, MISSING, Changes, Loader, check_refused, faults_of

LOGIN = {
    "domain_prefix": "acme-calls",
    "callback_urls": ["com.example.calls://signed-in"],
    "logout_urls": ["com.example.calls://signed-out"],
}
SECRET = f"arn:aws:secretsmanager:eu-west-2:{ACCOUNT}:secret:calls/acme-AbCdEf"
OIDC = {
    "type": "OIDC",
    "name": "Acme",
    "issuer": "https://acme.eu.auth0.com/",
    "client_id": "acme-client",
    "client_secret_arn": SECRET,
    "scopes": ["openid", "email"],
}
SAML = {"type": "SAML", "name": "Corp", "metadata_url": "https://sso.example.com/metadata?app=calls"}
APPLE = {
    "type": "SignInWithApple",
    "services_id": "com.example.calls.signin",
    "team_id": "TEAM123456",
    "key_id": "KEY1234567",
    "private_key_arn": SECRET,
}
PROVIDERS: list[dict[str, Any]] = [OIDC, SAML, APPLE]


def federated(changes: Changes) -> dict[str, Any]:
    """A user pool with sign-in pages and a provider of each kind."""
    return {
        "identity.user_pool.managed_login": deepcopy(LOGIN),
        "identity.user_pool.providers": deepcopy(PROVIDERS),
        **changes,
    }


def test_a_user_pool_can_have_pages_and_providers_behind_it(load_changed: Loader) -> None:
    pool = load_changed(federated({})).identity.source
    assert isinstance(pool, UserPool)
    assert pool.managed_login == ManagedLogin(
        domain_prefix="acme-calls",
        callback_urls=("com.example.calls://signed-in",),
        logout_urls=("com.example.calls://signed-out",),
    )
    assert pool.providers == (
        OidcProvider(
            name="Acme",
            issuer="https://acme.eu.auth0.com/",
            client_id="acme-client",
            client_secret_arn=SECRET,
            scopes=("openid", "email"),
        ),
        SamlProvider(name="Corp", metadata_url="https://sso.example.com/metadata?app=calls"),
        AppleProvider(
            services_id="com.example.calls.signin",
            team_id="TEAM123456",
            key_id="KEY1234567",
            private_key_arn=SECRET,
        ),
    )
    assert [provider.name for provider in pool.providers] == ["Acme", "Corp", "SignInWithApple"]


@pytest.mark.parametrize(
    "url",
    [
        "com.example.calls://signed-in",
        "com.example.calls:/signed-in",
        "com.example.calls:///",
        "https://app.example.com",
        "https://app.example.com/signed-in?from=calls",
        "https://app.example.com:8443/",
        "http://localhost:3000/signed-in",
        "http://localhost",
        "http://127.0.0.1:3000",
        "http://[::1]:3000/",
    ],
)
def test_a_url_leads_to_the_app_and_nowhere_else(load_changed: Loader, url: str) -> None:
    for key in ("callback_urls", "logout_urls"):
        load_changed(federated({f"identity.user_pool.managed_login.{key}": [url]}))


ML = "managed_login"
APP_URLS = "http on localhost"

# Key of identity.user_pool, value, and what the fix must say.
REFUSED_OF_A_USER_POOL: list[tuple[str, Any, str]] = [
    (ML, MISSING, "Cognito's own pages"),
    (ML, True, "[identity.user_pool.managed_login]"),
    (f"{ML}.domain_prefix", MISSING, "lower-case letters"),
    (f"{ML}.domain_prefix", "Acme", "lower-case letters"),
    (f"{ML}.domain_prefix", "acme-", "inner hyphens"),
    (f"{ML}.domain_prefix", "acme.calls", "lower-case letters"),
    (f"{ML}.domain_prefix", "a" * 64, "1 to 63"),
    *((f"{ML}.domain_prefix", f"my-{word}-calls", repr(word)) for word in ("amazon", "aws", "cognito")),
    (f"{ML}.callback_urls", MISSING, APP_URLS),
    (f"{ML}.callback_urls", [], APP_URLS),
    (f"{ML}.callback_urls", [f"https://example.com/{number}" for number in range(21)], "at most 20"),
    (f"{ML}.callback_urls", ["com.example.calls://a", "com.example.calls://a"], "each once"),
    *(
        (f"{ML}.callback_urls", [url], APP_URLS)
        for url in (
            "calls://signed-in",
            "com.example.calls",
            "com.example.calls:signed-in",
            "COM.example.calls://signed-in",
            "http://app.example.com/",
            "http://localhost.example.com/",
            "http://127.0.0.2/",
            "https://",
            "https://user@example.com/",
            "https://user:password@example.com/",
            "https://example.com/#signed-in",
            "com.example.calls://signed-in#",
            "https://*.example.com/",
            "https://example.com/*",
            "com.example.calls://*",
            "https://example.com/ ",
            "https://example.com/\n",
            "https://example.com\\@evil.example/",
            "https://example.com/é",
            "javascript:alert(1)",
            "//example.com/",
            "",
            f"https://example.com/{'a' * 1_024}",
        )
    ),
    (f"{ML}.logout_urls", ["calls://out"], "[] for none"),
    (f"{ML}.css", "", "known here"),
    *(
        ("custom_attributes", value, 'without "custom:"')
        for value in ("plan", ["custom:plan"], [""], ["a" * 21], ["my plan"], ["é"], ["plan\n"], [7])
    ),
    ("custom_attributes", ["plan", "tier", "plan"], "each once"),
    ("custom_attributes", [f"attribute{number}" for number in range(51)], "at most 50"),
    ("providers", [], "1 to 20 tables"),
    ("providers", [OIDC] * 21, "1 to 20 tables"),
    ("providers", OIDC, "[[identity.user_pool.providers]]"),
    ("providers[0].type", MISSING, '"OIDC", "SAML" or "SignInWithApple"'),
    ("providers[0].type", "Google", '"OIDC", "SAML" or "SignInWithApple"'),
    ("providers[0].name", MISSING, "3 to 32"),
    ("providers[0].name", "AB", "3 to 32"),
    ("providers[0].name", "a" * 33, "3 to 32"),
    ("providers[0].name", "Acme_SSO", "3 to 32"),
    ("providers[0].name", "-Acme", "letter or digit first"),
    *(
        ("providers[0].name", name, "Cognito keeps this one")
        for name in ("COGNITO", "Google", "Facebook", "LoginWithAmazon", "signinwithapple")
    ),
    ("providers[1].name", "acme", "another provider"),
    ("providers[0].issuer", "http://acme.eu.auth0.com/", "https"),
    ("providers[0].issuer", "https://acme.eu.auth0.com/?a=b", "https"),
    ("providers[0].client_id", "", "without blanks"),
    ("providers[0].client_id", "a b", "without blanks"),
    ("providers[0].client_secret_arn", "s3cret", "secrets never go in this file"),
    ("providers[0].client_secret_arn", SECRET.replace("eu-west-2", "us-east-1"), "this account and Region"),
    ("providers[0].client_secret_arn", SECRET.replace(ACCOUNT, "999988887777"), "this account and Region"),
    ("providers[0].client_secret_arn", SECRET.removesuffix("-AbCdEf"), "<6 characters>"),
    ("providers[0].client_secret_arn", f"{SECRET}:SecretString", "<6 characters>"),
    ("providers[0].client_secret", "s3cret", "did you mean 'client_secret_arn'"),
    ("providers[0].scopes", ["email"], '"openid" among them'),
    ("providers[0].scopes", ["openid", "e mail"], '"openid" among them'),
    ("providers[0].scopes", ["openid", *map(str, range(10))], "at most 10"),
    ("providers[0].metadata_url", "https://example.com", "known here"),
    ("providers[1].metadata_url", "http://sso.example.com/metadata", "https"),
    ("providers[1].metadata_url", "com.example.calls://metadata", "https"),
    ("providers[1].issuer", "https://example.com", "known here"),
    ("providers[2].services_id", "com example", "Services ID"),
    ("providers[2].team_id", "team123456", "10 capital letters"),
    ("providers[2].key_id", "KEY", "10 capital letters"),
    ("providers[2].private_key_arn", MISSING, "ARN of a secret"),
    ("providers[2].private_key", "-----BEGIN", "did you mean 'private_key_arn'"),
    ("providers[2].name", "Apple", "known here"),
]


@pytest.mark.parametrize(("key", "value", "fix"), REFUSED_OF_A_USER_POOL, ids=lambda value: str(value)[:40])
def test_a_wrong_value_of_a_user_pool_is_refused(
    load_changed: Loader, key: str, value: Any, fix: str
) -> None:
    check_refused(
        load_changed, federated({f"identity.user_pool.{key}": value}), f"identity.user_pool.{key}", fix
    )


def test_users_sign_in_with_apple_through_one_provider(load_changed: Loader) -> None:
    error = faults_of(load_changed, federated({"identity.user_pool.providers": [APPLE, SAML, APPLE]}))
    assert error.key == "identity.user_pool.providers[2].type"
    assert "another provider" in error.fix


@pytest.mark.parametrize("attributes", [MISSING, [], ["tier", "Plan"]])
@pytest.mark.parametrize(
    ("key", "value"),
    [("attributes.from_claims.custom:plan", "plan"), ("identity.display_name_claim", "custom:plan")],
)
def test_a_custom_claim_is_an_attribute_of_the_pool(
    load_changed: Loader, attributes: Any, key: str, value: str
) -> None:
    declared = "identity.user_pool.custom_attributes"
    error = faults_of(load_changed, {declared: attributes, key: value})
    assert (error.key, error.value) == (key, value)
    assert f"add 'plan' to {declared}" in error.fix
    load_changed({declared: ["tier", "plan"], key: value})


def test_an_attribute_stays_in_the_pool_when_no_claim_is_mapped_any_more(load_changed: Loader) -> None:
    names = [f"a-{number}_B" for number in range(50)]
    pool = load_changed({"identity.user_pool.custom_attributes": names}).identity.source
    assert isinstance(pool, UserPool)
    assert pool.custom_attributes == tuple(names)


def test_a_custom_attributes_hyphen_may_be_part_of_the_claim_that_names_callers(load_changed: Loader) -> None:
    changes = {
        "identity.user_pool.custom_attributes": ["nick-name"],
        "identity.display_name_claim": "custom:nick-name",
    }
    assert load_changed(changes).identity.display_name_claim == "custom:nick-name"
