"""The settings of the function that verifies an issuer's tokens, and of start_call about signing in."""

import json
from collections.abc import Mapping
from copy import replace

import pytest

from infra.configuration import Authentication, Configuration, GivenKeys, Issuer, KmsKeys, PublishedKeys, load
from tests.infra.synthesis import CHECKOUT, Synthesis, synthesize_unchecked

JWKS = '{"keys":[]}'


def given_keys() -> Configuration:
    """local-issuer with keys from a file, and with all that is optional."""
    configuration = load(CHECKOUT, "local-issuer")
    source = configuration.identity.source
    assert isinstance(source, Issuer)
    return replace(
        configuration,
        identity=replace(
            configuration.identity,
            display_name_claim="email",
            issuer=replace(
                source,
                jwks_url=None,
                jwks_file=GivenKeys(jwks=JWKS),
                cache_seconds=0,
                required_claims={"azp": "app"},
            ),
            authentication={
                "": Authentication(max_age_seconds=86_400, amr=()),
                "billing": Authentication(max_age_seconds=None, amr=("mfa", "hwk")),
            },
        ),
        attributes=replace(
            configuration.attributes,
            from_claims={"phone_number": "phone", "https://acme.example/plan": "plan"},
        ),
    )


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Synthesis:
    return synthesize_unchecked(given_keys(), tmp_path_factory.mktemp("given"))


def variables(synthesis: Synthesis, package: str) -> Mapping[str, str]:
    passed = synthesis.variables(package)
    return {name: value for name, value in passed.items() if not name.startswith("POWERTOOLS_")}


def test_the_authorizer_receives_what_tokens_must_be(synthesis: Synthesis) -> None:
    issuer = synthesis.issuer
    if issuer is None:
        return
    passed = dict(variables(synthesis, "authorizer"))
    match issuer.keys:
        case PublishedKeys(url=url, fresh_seconds=fresh, stale_seconds=stale):
            assert passed.pop("JWKS_URL") == url
            assert passed.pop("JWKS_FRESH_SECONDS") == str(fresh)
            assert passed.pop("JWKS_STALE_SECONDS") == str(stale)
        case KmsKeys(arns=arns):
            assert json.loads(passed.pop("KMS_KEYS")) == list(arns)
        case GivenKeys(jwks=jwks):
            assert passed.pop("JWKS") == jwks
    identity, mapped = synthesis.configuration.identity, set(synthesis.configuration.attributes.from_claims)
    verified = {f"{claim}_verified" for claim in {"email", "phone_number"} & mapped}
    assert set(json.loads(passed.pop("CLAIMS"))) == {identity.display_name_claim} | mapped | verified
    assert passed == {
        "ISSUER": issuer.issuer,
        "AUDIENCES": json.dumps(list(issuer.audiences)),
        "TOKEN_USE": issuer.token_use.value,
        "ALGORITHMS": json.dumps(list(issuer.algorithms)),
        "LEEWAY_SECONDS": str(issuer.leeway_seconds),
        "REQUIRED_SCOPES": json.dumps(list(issuer.required_scopes)),
        "REQUIRED_CLAIMS": json.dumps(dict(issuer.required_claims)),
    }


def test_keys_of_a_file_are_handed_over_as_they_are_and_take_no_right(given: Synthesis) -> None:
    passed = variables(given, "authorizer")
    assert passed["JWKS"] == JWKS
    assert not {"JWKS_URL", "JWKS_FRESH_SECONDS", "JWKS_STALE_SECONDS", "KMS_KEYS"} & set(passed)
    assert json.loads(passed["REQUIRED_CLAIMS"]) == {"azp": "app"}
    assert "kms:GetPublicKey" not in json.dumps(given.resources("AWS::IAM::ManagedPolicy"))
    assert given.the("AWS::ApiGateway::Authorizer")["AuthorizerResultTtlInSeconds"] == 0


def test_only_claims_that_are_read_are_handed_on_and_with_them_who_has_verified_them(
    given: Synthesis,
) -> None:
    passed = json.loads(variables(given, "authorizer")["CLAIMS"])
    assert passed == ["email", "phone_number", "https://acme.example/plan", "phone_number_verified"]


def test_start_call_receives_how_users_must_have_signed_in(given: Synthesis) -> None:
    passed = variables(given, "start_call")
    assert json.loads(passed["AUTHENTICATION"]) == {
        "": {"max_age_seconds": 86_400, "amr": []},
        "billing": {"max_age_seconds": None, "amr": ["mfa", "hwk"]},
    }


def test_start_call_receives_its_limits_and_the_switch(synthesis: Synthesis) -> None:
    passed = variables(synthesis, "start_call")
    calls = synthesis.configuration.calls
    assert passed["STARTS_PER_WINDOW"] == str(calls.starts_per_window)
    assert passed["STARTS_PER_DAY"] == str(calls.starts_per_day)
    assert passed["CALLING_PARAMETER"] == synthesis.outputs["CallingParameter"]["Value"]
    assert set(json.loads(passed["AUTHENTICATION"])) == set(synthesis.configuration.identity.authentication)
