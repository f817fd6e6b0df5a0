"""A user pool whose users may sign in on its pages, or with other providers: held as it is declared.

No more than that: there are no pages here, and no other provider is asked.
"""

from typing import Any

import pytest

from local.launcher.local_aws import LocalAws
from tests.e2e.aws import Aws
from tests.e2e.held_properties import READERS, READERS_OF_PAGES, deployed, differences, held
from tests.local.emulator.stacks import deploy, resource

STACK = "federated"
POOL = {"UserPoolId": {"Ref": "Pool"}}
SCOPES = "openid email profile"


def provider(name: str, provider_type: str, **details: str) -> dict[str, Any]:
    return resource(
        "AWS::Cognito::UserPoolIdentityProvider",
        **POOL, ProviderName=name, ProviderType=provider_type, ProviderDetails=details,
        AttributeMapping={"email": "email", "email_verified": "email_verified", "name": "name"},
    )  # fmt: skip


def template(secret_arn: str) -> dict[str, Any]:
    secret = f"{{{{resolve:secretsmanager:{secret_arn}:SecretString:::}}}}"
    return {
        "Resources": {
            "Pool": resource("AWS::Cognito::UserPool", Schema=[]),
            "Client": resource(
                "AWS::Cognito::UserPoolClient",
                **POOL,
                SupportedIdentityProviders=["COGNITO", {"Ref": "Oidc"}, {"Ref": "Saml"}, {"Ref": "Apple"}],
                AllowedOAuthFlowsUserPoolClient=True,
                AllowedOAuthFlows=["code"],
                AllowedOAuthScopes=SCOPES.split(),
                CallbackURLs=["com.example.calls://signed-in"],
                LogoutURLs=["com.example.calls://signed-out"],
            ),
            "Domain": resource(
                "AWS::Cognito::UserPoolDomain", **POOL, Domain="acme-calls", ManagedLoginVersion=2
            ),
            "Style": resource(
                "AWS::Cognito::ManagedLoginBranding",
                **POOL, ClientId={"Ref": "Client"}, UseCognitoProvidedValues=True,
            ),
            "Oidc": provider(
                "Acme", "OIDC",
                oidc_issuer="https://acme.example/", client_id="calls", client_secret=secret,
                authorize_scopes=SCOPES, attributes_request_method="GET",
            ),
            "Saml": provider("Corp", "SAML", MetadataURL="https://corp.example/metadata"),
            "Apple": provider(
                "SignInWithApple", "SignInWithApple",
                client_id="a", team_id="b", key_id="c", private_key=secret, authorize_scopes="email name",
            ),
        }
    }  # fmt: skip


@pytest.fixture(scope="module")
def aws(running: LocalAws) -> Aws:
    secret = running.client("secretsmanager").create_secret(Name="of-acme", SecretString="4711")
    stack = deploy(running, STACK, template(secret["ARN"]))
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    outputs = {"EndpointUrl": running.endpoint_url, "AccessFolder": str(running.directory)}
    return Aws({**outputs, "Region": running.region}, [STACK])


def test_what_is_declared_is_held(aws: Aws) -> None:
    readers = READERS | READERS_OF_PAGES
    found = [
        (each.logical_id, text)
        for each in deployed(aws)
        if each.type in readers
        for text in differences(each.properties, held(aws, each, readers))
        if "{{resolve:" not in text
    ]
    assert found == []


def test_a_providers_secret_is_read_when_it_is_made(aws: Aws) -> None:
    pool_id = aws.physical_id("AWS::Cognito::UserPool")
    described = aws.client("cognito-idp").describe_identity_provider(UserPoolId=pool_id, ProviderName="Acme")
    assert described["IdentityProvider"]["ProviderDetails"]["client_secret"] == "4711"


def test_the_style_of_the_pages_is_recorded(aws: Aws) -> None:
    assert "AWS::Cognito::ManagedLoginBranding" in {each["Type"] for each in aws.recorded()}
