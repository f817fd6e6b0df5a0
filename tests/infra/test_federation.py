"""Rules of the house for a user pool whose users sign in on Cognito's own pages, also those of others."""

import json
from copy import replace
from pathlib import Path

import aws_cdk as cdk
import pytest

from infra.configuration import (
    AppleProvider,
    Configuration,
    ManagedLogin,
    OidcProvider,
    SamlProvider,
    UserPool,
    load,
)
from infra.identity_stack import IdentityStack
from tests.infra.synthesis import CHECKOUT, Properties, Synthesis, context, finish

SECRET = "arn:aws:secretsmanager:eu-west-2:444455556666:secret"

LOGIN = ManagedLogin(
    domain_prefix="acme-calls",
    callback_urls=("com.example.calls://signed-in", "https://app.example.com/signed-in"),
    logout_urls=("com.example.calls://signed-out",),
)
PROVIDERS = (
    OidcProvider(
        name="Acme",
        issuer="https://acme.eu.auth0.com/",
        client_id="acme-client",
        client_secret_arn=f"{SECRET}:acme-AbCdEf",
        scopes=("openid", "email", "profile"),
    ),
    SamlProvider(name="Corp.SSO", metadata_url="https://sso.example.com/metadata"),
    AppleProvider(
        services_id="com.example.calls.signin",
        team_id="TEAM123456",
        key_id="KEY1234567",
        private_key_arn=f"{SECRET}:apple-GhIjKl",
    ),
)


def configured(**changes: object) -> tuple[Configuration, UserPool]:
    """prod with `changes` of its user pool."""
    configuration = load(CHECKOUT, "prod")
    source = configuration.identity.source
    assert isinstance(source, UserPool)
    source = source.model_copy(update=changes)
    return replace(configuration, identity=replace(configuration.identity, user_pool=source)), source


def synthesize(directory: Path, **changes: object) -> Synthesis:
    configuration, settings = configured(**changes)
    app = cdk.App(context=context(), outdir=str(directory))
    IdentityStack(app, "InAppCalling-prod-Identity", configuration=configuration, settings=settings)
    finish(app)
    return Synthesis(directory, configuration)


@pytest.fixture(scope="module")
def federated(tmp_path_factory: pytest.TempPathFactory) -> Synthesis:
    return synthesize(tmp_path_factory.mktemp("federated"), managed_login=LOGIN, providers=PROVIDERS)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Synthesis:
    return synthesize(tmp_path_factory.mktemp("plain"))


def client(synthesis: Synthesis) -> Properties:
    return synthesis.the("AWS::Cognito::UserPoolClient")


def provider(synthesis: Synthesis, name: str) -> Properties:
    (found,) = (
        of
        for of in synthesis.resources("AWS::Cognito::UserPoolIdentityProvider").values()
        if of["ProviderName"] == name
    )
    return found


def test_apps_get_codes_and_never_tokens_in_urls(federated: Synthesis) -> None:
    assert client(federated)["AllowedOAuthFlowsUserPoolClient"] is True
    assert client(federated)["AllowedOAuthFlows"] == ["code"]
    assert client(federated)["AllowedOAuthScopes"] == ["openid", "email", "profile"]
    assert client(federated)["CallbackURLs"] == list(LOGIN.callback_urls)
    assert client(federated)["LogoutURLs"] == list(LOGIN.logout_urls)
    assert client(federated)["GenerateSecret"] is False


def test_what_the_client_was_it_still_is(federated: Synthesis, plain: Synthesis) -> None:
    of_pages = {
        "AllowedOAuthFlows",
        "AllowedOAuthFlowsUserPoolClient",
        "AllowedOAuthScopes",
        "CallbackURLs",
        "LogoutURLs",
        "SupportedIdentityProviders",
    }
    for name, value in client(plain).items():
        assert name in of_pages or client(federated)[name] == value
    assert federated.resources("AWS::Cognito::UserPool") == plain.resources("AWS::Cognito::UserPool")


def test_users_of_the_pool_and_of_each_provider_may_sign_in(federated: Synthesis) -> None:
    names = ["COGNITO", "Acme", "Corp.SSO", "SignInWithApple"]
    assert client(federated)["SupportedIdentityProviders"] == names
    # The client cannot name a provider before it is there.
    ((_, declared),) = (
        (id_, of) for id_, of in federated.declarations() if of["Type"] == "AWS::Cognito::UserPoolClient"
    )
    providers = federated.resources("AWS::Cognito::UserPoolIdentityProvider")
    assert set(providers) <= set(declared["DependsOn"])
    assert len(providers) == len(PROVIDERS)


def test_an_openid_connect_provider_is_as_configured(federated: Synthesis) -> None:
    acme = provider(federated, "Acme")
    assert acme["ProviderType"] == "OIDC"
    assert acme["ProviderDetails"] == {
        "oidc_issuer": "https://acme.eu.auth0.com/",
        "client_id": "acme-client",
        "client_secret": f"{{{{resolve:secretsmanager:{SECRET}:acme-AbCdEf:SecretString:::}}}}",
        "authorize_scopes": "openid email profile",
        "attributes_request_method": "GET",
    }


def test_a_saml_provider_is_as_its_metadata_says(federated: Synthesis) -> None:
    corp = provider(federated, "Corp.SSO")
    assert corp["ProviderType"] == "SAML"
    assert corp["ProviderDetails"] == {"MetadataURL": "https://sso.example.com/metadata"}


def test_users_may_sign_in_with_apple(federated: Synthesis) -> None:
    apple = provider(federated, "SignInWithApple")
    assert apple["ProviderType"] == "SignInWithApple"
    assert apple["ProviderDetails"] == {
        "client_id": "com.example.calls.signin",
        "team_id": "TEAM123456",
        "key_id": "KEY1234567",
        "private_key": f"{{{{resolve:secretsmanager:{SECRET}:apple-GhIjKl:SecretString:::}}}}",
        "authorize_scopes": "email name",
    }


def test_what_is_secret_is_in_no_template(federated: Synthesis) -> None:
    """CloudFormation resolves a reference to a secret by itself, while it deploys."""
    secrets = {
        name: value
        for of in federated.resources("AWS::Cognito::UserPoolIdentityProvider").values()
        for name, value in of["ProviderDetails"].items()
        if "secret" in name or "private" in name
    }
    assert set(secrets) == {"client_secret", "private_key"}
    assert all(value.startswith("{{resolve:secretsmanager:arn:aws:") for value in secrets.values())


def test_of_other_providers_users_only_what_the_client_may_write_is_taken_over(federated: Synthesis) -> None:
    for of in federated.resources("AWS::Cognito::UserPoolIdentityProvider").values():
        taken_over = of["AttributeMapping"]
        assert taken_over == {"email": "email", "email_verified": "email_verified", "name": "name"}
        # Cognito writes email_verified by itself, and takes no client that may.
        assert set(taken_over) - {"email_verified"} == set(client(federated)["WriteAttributes"])


def test_there_are_pages_to_sign_in_on(federated: Synthesis) -> None:
    ((domain_id, domain),) = federated.resources("AWS::Cognito::UserPoolDomain").items()
    (pool,) = federated.resources("AWS::Cognito::UserPool")
    (app,) = federated.resources("AWS::Cognito::UserPoolClient")
    assert domain == {"Domain": "acme-calls", "ManagedLoginVersion": 2, "UserPoolId": {"Ref": pool}}
    assert federated.the("AWS::Cognito::ManagedLoginBranding") == {
        "ClientId": {"Ref": app},
        "UseCognitoProvidedValues": True,
        "UserPoolId": {"Ref": pool},
    }
    assert federated.outputs["ManagedLoginUrl"]["Value"] == {
        "Fn::Join": ["", ["https://", {"Ref": domain_id}, ".auth.eu-west-2.amazoncognito.com"]]
    }


def test_apps_that_sign_nobody_out_on_the_pages_need_no_url_to_come_back_to(tmp_path: Path) -> None:
    assert "LogoutURLs" not in client(
        synthesize(tmp_path, managed_login=replace(LOGIN, logout_urls=()), providers=())
    )


def test_the_packs_find_nothing_more_than_in_a_pool_without_pages(
    federated: Synthesis, plain: Synthesis
) -> None:
    open_, acknowledged = federated.findings()
    assert not open_
    assert {finding.rule for finding in acknowledged} == {"AwsSolutions-COG2"}
    assert acknowledged == plain.findings()[1]
    assert json.dumps(federated.templates).count("AWS::Cognito::UserPoolIdentityProvider") == len(PROVIDERS)
