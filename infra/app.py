"""Builds the CDK app of one environment: which users, and which way calls take, is decided here."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk

from infra.calling_stack import CallingStack
from infra.config import Configuration
from infra.identity_config import UserPool
from infra.identity_stack import IdentityStack
from infra.transport import NATIVE, NativeTransport, Transport, find_transports, transport_name
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
    source = configuration.identity.source
    if isinstance(source, UserPool):
        stack = IdentityStack(app, f"{prefix}-Identity", configuration=configuration, settings=source)
        return UserPoolUsers(stack.user_pool)
    return IssuerUsers(source)


def _transport(app: cdk.App, prefix: str, configuration: Configuration, checkout: Path) -> Transport:
    name = transport_name(configuration)
    if name == NATIVE:
        return NativeTransport(configuration.connect.quotas)
    return find_transports()[name].add_transport(app, prefix, configuration=configuration, checkout=checkout)
