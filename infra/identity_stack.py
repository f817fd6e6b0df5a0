"""The stateful stack: the users."""

from __future__ import annotations

from aws_cdk import Duration, Environment, Stack
from constructs import Construct

from infra import configuration as sections
from infra.configuration import Configuration
from infra.constructs.user_pool import Provider, SignInPages, UserPool
from infra.outputs import Output
from infra.publishing import publish


class IdentityStack(Stack):
    """The user pool. It survives the stack, and the stack resists its deletion."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        configuration: Configuration,
        settings: sections.UserPool,
    ) -> None:
        """`settings` are those of `configuration` that are the user pool's."""
        super().__init__(
            scope,
            id_,
            description="In-app calling: the users of the app",
            env=Environment(account=configuration.account, region=configuration.region),
            termination_protection=True,
        )
        users = UserPool(
            self,
            "Users",
            self_sign_up=settings.self_sign_up,
            password_length=settings.password_length,
            token_validity=Duration.minutes(settings.token_minutes),
            refresh_token_validity=Duration.days(settings.refresh_token_days),
            passkey_relying_party=settings.passkey_relying_party,
            custom_attributes=settings.custom_attributes,
            pages=_pages(settings.managed_login),
            providers=[_provider(provider) for provider in settings.providers],
        )
        self.user_pool, self.client_id = users.pool, users.client.user_pool_client_id
        outputs = {
            Output.USER_POOL_ID: users.pool.user_pool_id,
            Output.USER_POOL_CLIENT_ID: users.client.user_pool_client_id,
        }
        if users.pages_url is not None:
            outputs[Output.MANAGED_LOGIN_URL] = users.pages_url
        publish(self, environment=configuration.environment, values=outputs)


def _pages(settings: sections.ManagedLogin | None) -> SignInPages | None:
    if settings is None:
        return None
    return SignInPages(
        domain_prefix=settings.domain_prefix,
        callback_urls=settings.callback_urls,
        logout_urls=settings.logout_urls,
    )


def _provider(settings: sections.IdentityProvider) -> Provider:
    match settings:
        case sections.OidcProvider():
            return Provider(
                name=settings.name,
                type="OIDC",
                details={
                    "oidc_issuer": settings.issuer,
                    "client_id": settings.client_id,
                    "authorize_scopes": " ".join(settings.scopes),
                    "attributes_request_method": "GET",
                },
                secrets={"client_secret": settings.client_secret_arn},
            )
        case sections.SamlProvider():
            return Provider(
                name=settings.name,
                type="SAML",
                details={"MetadataURL": settings.metadata_url},
                secrets={},
            )
        case sections.AppleProvider():
            return Provider(
                name=settings.name,
                type="SignInWithApple",
                details={
                    "client_id": settings.services_id,
                    "team_id": settings.team_id,
                    "key_id": settings.key_id,
                    "authorize_scopes": "email name",
                },
                secrets={"private_key": settings.private_key_arn},
            )
