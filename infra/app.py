"""Builds the CDK app of one environment: which users, and which way calls take, is decided here."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk

from infra.calling_stack import CallingStack
from infra.configuration import Configuration, ExistingUserPool, Issuer, UserPool
from infra.identity_stack import IdentityStack
from infra.transport import NATIVE, NativeTransport, Transport, transport_name, transport_room
from infra.users import IssuerUsers, UserPoolUsers, Users


def add_stacks(app: cdk.App, configuration: Configuration, checkout: Path) -> None:
    """Adds the environment's stacks to `app`; `checkout` is the root of the source tree."""
    prefix = f"InAppCalling-{configuration.environment}"
    CallingStack(
        app,
        f"{prefix}-Calling",
        configuration=configuration,
        users=_users(app, prefix, configuration),
        transport=_transport(app, prefix, configuration, checkout),
        checkout=checkout,
    )
    cdk.Tags.of(app).add("Application", "in-app-calling")
    cdk.Tags.of(app).add("Environment", configuration.environment)


def _users(app: cdk.App, prefix: str, configuration: Configuration) -> Users:
    match configuration.identity.source:
        case UserPool() as settings:
            stack = IdentityStack(app, f"{prefix}-Identity", configuration=configuration, settings=settings)
            return UserPoolUsers(stack.user_pool)
        case Issuer() as issuer:
            return IssuerUsers(issuer)
        case ExistingUserPool():
            raise NotImplementedError("[identity.existing_user_pool] has no stack yet")


def _transport(app: cdk.App, prefix: str, configuration: Configuration, checkout: Path) -> Transport:
    name = transport_name(configuration)
    if name == NATIVE:
        return NativeTransport(configuration.connect.quotas)
    return transport_room(name).add_transport(app, prefix, configuration=configuration, checkout=checkout)
