"""Who may call: the users of a user pool, or of an issuer of tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from aws_cdk import Duration, Stack
from aws_cdk import aws_cognito as cognito

from infra.alarms import PERIOD, Watched
from infra.configuration import ExistingUserPool, Issuer
from infra.constructs.call_api import LambdaAuthorizer, UserPoolAuthorizer
from infra.functions.authorizer import AuthorizerFunction
from infra.functions.function import FunctionDefaults
from infra.outputs import Output


@dataclass(frozen=True, kw_only=True)
class Authorization:
    """How the API verifies tokens, what of that is watched, and what the deployment publishes about it."""

    authorizer: UserPoolAuthorizer | LambdaAuthorizer
    watched: Sequence[Watched] = ()
    outputs: Mapping[Output, str] = field(default_factory=dict)


class Users(Protocol):
    """The users of a deployment."""

    def authorize(self, stack: Stack, defaults: FunctionDefaults) -> Authorization:
        """Adds to the Calling stack what verifying these users' tokens takes."""
        ...


@dataclass(frozen=True)
class UserPoolUsers:
    """Those of the app's own user pool, whose tokens API Gateway verifies itself."""

    user_pool: cognito.IUserPool
    client_id: str

    def authorize(self, _stack: Stack, _defaults: FunctionDefaults) -> Authorization:
        """Adds nothing."""
        return Authorization(authorizer=UserPoolAuthorizer(pool=self.user_pool, client_id=self.client_id))


@dataclass(frozen=True)
class ExistingUserPoolUsers:
    """Those of a user pool that exists already, as far as they sign in with the app's client."""

    settings: ExistingUserPool

    def authorize(self, stack: Stack, _defaults: FunctionDefaults) -> Authorization:
        """Adds nothing; publishes pool and client for apps, as the stack of an own pool does."""
        settings = self.settings
        pool = cognito.UserPool.from_user_pool_arn(stack, "ExistingUserPool", settings.arn)
        return Authorization(
            authorizer=UserPoolAuthorizer(pool=pool, client_id=settings.client_id),
            outputs={
                Output.USER_POOL_ID: settings.user_pool_id,
                Output.USER_POOL_CLIENT_ID: settings.client_id,
            },
        )


@dataclass(frozen=True)
class IssuerUsers:
    """Those of an issuer, whose tokens a function verifies."""

    issuer: Issuer

    def authorize(self, stack: Stack, defaults: FunctionDefaults) -> Authorization:
        """Adds the function."""
        function = AuthorizerFunction(stack, "Authorizer", defaults=defaults, issuer=self.issuer)
        return Authorization(
            authorizer=LambdaAuthorizer(
                function=function.alias,
                cache_ttl=Duration.seconds(self.issuer.cache_seconds),
                errors=function.function.metric_errors(period=PERIOD),
            ),
            watched=[function],
            outputs={Output.ISSUER: self.issuer.issuer},
        )
