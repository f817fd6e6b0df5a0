import json

import pytest

from authorizer.settings import AuthorizerSettings, PublishedKeys
from authorizer.verification import TokenRules, TokenUse

ENVIRONMENT = {
    "ISSUER": "https://login.example.com/",
    "AUDIENCES": '["https://calls.example.com"]',
    "TOKEN_USE": "access",
    "ALGORITHMS": '["RS256", "Ed25519"]',
    "LEEWAY_SECONDS": "30",
    "REQUIRED_SCOPES": '["calls"]',
    "REQUIRED_CLAIMS": '{"azp": "app"}',
    "CLAIMS": '["email", "email_verified"]',
    "JWKS_URL": "https://login.example.com/jwks",
    "JWKS_FRESH_SECONDS": "300",
    "JWKS_STALE_SECONDS": "3600",
}
WITHOUT_KEYS = {name: value for name, value in ENVIRONMENT.items() if name != "JWKS_URL"}


def test_settings_are_read() -> None:
    assert AuthorizerSettings.read(ENVIRONMENT) == AuthorizerSettings(
        rules=TokenRules(
            issuer="https://login.example.com/",
            audiences=frozenset({"https://calls.example.com"}),
            token_use=TokenUse.ACCESS,
            algorithms=frozenset({"RS256", "Ed25519"}),
            leeway_seconds=30,
            required_scopes=frozenset({"calls"}),
            required_claims={"azp": "app"},
        ),
        claims=("email", "email_verified"),
        keys=PublishedKeys("https://login.example.com/jwks", fresh_seconds=300, stale_seconds=3600),
    )


def test_keys_are_published_part_of_the_deployment_or_in_kms() -> None:
    assert AuthorizerSettings.read({**WITHOUT_KEYS, "JWKS": '{"keys": []}'}).keys == b'{"keys": []}'
    assert AuthorizerSettings.read({**WITHOUT_KEYS, "KMS_KEYS": '["arn:1", "arn:2"]'}).keys == (
        "arn:1",
        "arn:2",
    )


@pytest.mark.parametrize(
    "other", [{}, {"JWKS": "{}", "KMS_KEYS": "[]"}, {"JWKS": "{}", "JWKS_URL": "https://a"}]
)
def test_keys_come_from_one_place(other: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="Exactly one of JWKS_URL, JWKS, KMS_KEYS"):
        AuthorizerSettings.read({**WITHOUT_KEYS, **other})


@pytest.mark.parametrize("name", sorted(ENVIRONMENT))
def test_nothing_may_be_missing(name: str) -> None:
    with pytest.raises((KeyError, ValueError)):
        AuthorizerSettings.read({other: value for other, value in ENVIRONMENT.items() if other != name})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        # joserfc takes an empty list of algorithms for its own list, which has HS256 in it.
        ("ALGORITHMS", []),
        ("ALGORITHMS", ["none"]),
        ("ALGORITHMS", ["RS256", "HS256"]),
        ("ALGORITHMS", "RS256"),
        ("ALGORITHMS", ["Ed448"]),
        ("AUDIENCES", []),
        ("AUDIENCES", [""]),
        ("AUDIENCES", "https://calls.example.com"),
        ("AUDIENCES", [1]),
        ("TOKEN_USE", "refresh"),
        ("LEEWAY_SECONDS", "soon"),
    ],
)
def test_a_value_that_would_check_nothing_fails_the_start(name: str, value: object) -> None:
    text = value if isinstance(value, str) and name not in {"ALGORITHMS", "AUDIENCES"} else json.dumps(value)
    with pytest.raises(ValueError, match=r"."):
        AuthorizerSettings.read({**ENVIRONMENT, name: text})
