"""Rules of the house for the user pool and the apps' client."""

from collections.abc import Callable
from copy import replace
from pathlib import Path

import aws_cdk as cdk
import pytest

from infra.configuration import UserPool, load
from infra.identity_stack import IdentityStack
from tests.infra.synthesis import CHECKOUT, Properties, Synthesis, context, environments_with_a_user_pool


@pytest.fixture(scope="session", params=environments_with_a_user_pool())
def synthesis(request: pytest.FixtureRequest, synthesized: Callable[[str], Synthesis]) -> Synthesis:
    """Each environment that has a user pool in turn."""
    return synthesized(request.param)


def settings(synthesis: Synthesis) -> UserPool:
    source = synthesis.configuration.identity.source
    assert isinstance(source, UserPool)
    return source


def has_pages(synthesis: Synthesis) -> bool:
    """Whether users can sign in on Cognito's own pages."""
    return settings(synthesis).managed_login is not None


def pool(synthesis: Synthesis) -> Properties:
    return synthesis.the("AWS::Cognito::UserPool")


def client(synthesis: Synthesis) -> Properties:
    return synthesis.the("AWS::Cognito::UserPoolClient")


def test_users_sign_in_with_their_email(synthesis: Synthesis) -> None:
    assert pool(synthesis)["UsernameAttributes"] == ["email"]
    assert pool(synthesis)["AutoVerifiedAttributes"] == ["email"]
    assert pool(synthesis)["UsernameConfiguration"] == {"CaseSensitive": False}
    assert pool(synthesis)["AccountRecoverySetting"] == {
        "RecoveryMechanisms": [{"Name": "verified_email", "Priority": 1}]
    }
    assert pool(synthesis)["AdminCreateUserConfig"] == {
        "AllowAdminCreateUserOnly": not settings(synthesis).self_sign_up
    }


def test_a_changed_email_counts_once_it_is_confirmed(synthesis: Synthesis) -> None:
    assert pool(synthesis)["UserAttributeUpdateSettings"] == {
        "AttributesRequireVerificationBeforeUpdate": ["email"]
    }


def test_a_second_factor_and_passkeys_are_offered(synthesis: Synthesis) -> None:
    assert pool(synthesis)["MfaConfiguration"] == "OPTIONAL"
    assert pool(synthesis)["EnabledMfas"] == ["SOFTWARE_TOKEN_MFA"]
    assert pool(synthesis)["Policies"]["SignInPolicy"] == {
        "AllowedFirstAuthFactors": ["PASSWORD", "WEB_AUTHN"]
    }
    assert pool(synthesis)["WebAuthnUserVerification"] == "required"
    assert pool(synthesis).get("WebAuthnRelyingPartyID") == (settings(synthesis).passkey_relying_party)


def test_threats_are_met_and_not_only_noted(synthesis: Synthesis) -> None:
    assert pool(synthesis)["UserPoolTier"] == "PLUS"
    assert pool(synthesis)["UserPoolAddOns"] == {"AdvancedSecurityMode": "ENFORCED"}


def test_passwords_are_long_and_mixed(synthesis: Synthesis) -> None:
    assert pool(synthesis)["Policies"]["PasswordPolicy"] == {
        "MinimumLength": settings(synthesis).password_length,
        "RequireLowercase": True,
        "RequireNumbers": True,
        "RequireSymbols": True,
        "RequireUppercase": True,
        "TemporaryPasswordValidityDays": 1,
    }


def test_the_pool_resists_deletion(synthesis: Synthesis) -> None:
    assert pool(synthesis)["DeletionProtection"] == "ACTIVE"
    assert synthesis.manifest("Identity")["terminationProtection"] is True


def test_the_apps_prove_the_password_without_sending_it_and_hold_no_secret(synthesis: Synthesis) -> None:
    assert client(synthesis)["GenerateSecret"] is False
    assert set(client(synthesis)["ExplicitAuthFlows"]) == {
        "ALLOW_REFRESH_TOKEN_AUTH",
        "ALLOW_USER_AUTH",
        "ALLOW_USER_SRP_AUTH",
    }
    assert client(synthesis)["AllowedOAuthFlowsUserPoolClient"] is has_pages(synthesis)
    assert client(synthesis)["PreventUserExistenceErrors"] == "ENABLED"


def test_tokens_live_as_long_as_configured_and_can_be_revoked(synthesis: Synthesis) -> None:
    lifetimes = settings(synthesis)
    assert client(synthesis)["EnableTokenRevocation"] is True
    assert client(synthesis)["IdTokenValidity"] == lifetimes.token_minutes
    assert client(synthesis)["AccessTokenValidity"] == lifetimes.token_minutes
    assert client(synthesis)["RefreshTokenValidity"] == lifetimes.refresh_token_days * 24 * 60
    assert set(client(synthesis)["TokenValidityUnits"].values()) == {"minutes"}


def test_users_write_nothing_that_the_contact_center_trusts(synthesis: Synthesis) -> None:
    writable = set(client(synthesis)["WriteAttributes"])
    # A new address has to be confirmed before the token carries it.
    assert writable & set(synthesis.configuration.attributes.from_claims) <= {"email"}
    assert writable == {"email", "name"}


def test_the_pools_own_attributes_are_the_configured_ones(synthesis: Synthesis) -> None:
    assert own_attributes(synthesis) == list(settings(synthesis).custom_attributes)


def own_attributes(synthesis: Synthesis) -> list[str]:
    # With a required address in it every later change of the pool is reported to fail (aws/aws-cdk#8585). The
    # address is the user name, and so there anyway.
    custom = pool(synthesis).get("Schema", [])
    names = [attribute["Name"] for attribute in custom]
    assert custom == [{"Name": name, "AttributeDataType": "String", "Mutable": True} for name in names]
    return names


def test_an_attribute_whose_claim_is_not_mapped_stays_in_the_pool(tmp_path: Path) -> None:
    """Cognito removes none, and refuses every change of a pool that leaves one out."""
    configuration = load(CHECKOUT, "prod")
    source = configuration.identity.source
    assert isinstance(source, UserPool)
    source = replace(source, custom_attributes=("plan", "old-one"))
    app = cdk.App(context=context(), builtin_cloud_formation_validation=False, outdir=str(tmp_path))
    IdentityStack(
        app,
        "InAppCalling-prod-Identity",
        configuration=replace(configuration, identity=replace(configuration.identity, user_pool=source)),
        settings=source,
    )
    app.synth()
    assert own_attributes(Synthesis(tmp_path, configuration)) == ["plan", "old-one"]


def test_users_sign_in_through_what_is_configured_and_nothing_else(synthesis: Synthesis) -> None:
    through = [provider.name for provider in settings(synthesis).providers]
    assert client(synthesis)["SupportedIdentityProviders"] == ["COGNITO", *through]
    for type_ in ("AWS::Cognito::ManagedLoginBranding", "AWS::Cognito::UserPoolDomain"):
        assert len(synthesis.resources(type_)) == has_pages(synthesis)
    assert len(synthesis.resources("AWS::Cognito::UserPoolIdentityProvider")) == len(through)
    assert ("ManagedLoginUrl" in synthesis.outputs) is has_pages(synthesis)
    for name in ("AllowedOAuthFlows", "AllowedOAuthScopes", "CallbackURLs"):
        assert (name in client(synthesis)) is has_pages(synthesis)
