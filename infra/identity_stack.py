"""The stateful stack: the users."""

from __future__ import annotations

from aws_cdk import Duration, Environment, Stack
from constructs import Construct

from infra.config import Configuration
from infra.constructs.user_pool import UserPool
from infra.outputs import Output, publish


class IdentityStack(Stack):
    """The user pool. It survives the stack, and the stack resists its deletion."""

    def __init__(self, scope: Construct, id_: str, *, configuration: Configuration) -> None:
        super().__init__(
            scope,
            id_,
            description="In-app calling: the users of the app",
            env=Environment(account=configuration.account, region=configuration.region),
            termination_protection=True,
        )
        identity = configuration.identity
        users = UserPool(
            self,
            "Users",
            self_sign_up=identity.self_sign_up,
            password_length=identity.password_length,
            token_validity=Duration.minutes(identity.token_minutes),
            refresh_token_validity=Duration.days(identity.refresh_token_days),
            passkey_relying_party=identity.passkey_relying_party,
            custom_attributes=[
                claim.removeprefix("custom:")
                for claim in configuration.attributes.from_claims
                if claim.startswith("custom:")
            ],
        )
        self.user_pool = users.pool
        publish(
            self,
            environment=configuration.environment,
            values={
                Output.USER_POOL_ID: users.pool.user_pool_id,
                Output.USER_POOL_CLIENT_ID: users.client.user_pool_client_id,
            },
        )
