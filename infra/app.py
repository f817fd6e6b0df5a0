"""Builds the CDK app of one environment."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk
from aws_cdk.aws_cognito import IUserPool

from infra.calling_stack import CallingStack
from infra.config import Configuration
from infra.identity_config import Issuer, UserPool
from infra.identity_stack import IdentityStack
from infra.sip_bridge_stack import SipBridgeStack


def add_stacks(app: cdk.App, configuration: Configuration, checkout: Path) -> None:
    """Adds the environment's stacks to `app`; `checkout` is the root of the source tree."""
    prefix = f"InAppCalling-{configuration.environment}"
    source = configuration.identity.source
    users: IUserPool | Issuer
    if isinstance(source, UserPool):
        users = IdentityStack(
            app, f"{prefix}-Identity", configuration=configuration, settings=source
        ).user_pool
    elif isinstance(source, Issuer):
        users = source
    else:
        raise NotImplementedError("identity.existing_user_pool: its construct is yet to come")
    sip_bridge = None
    if configuration.sip_bridge is not None:
        sip_bridge = SipBridgeStack(
            app,
            f"{prefix}-SipBridge",
            configuration=configuration,
            settings=configuration.sip_bridge,
            checkout=checkout,
        )
    CallingStack(
        app,
        f"{prefix}-Calling",
        configuration=configuration,
        users=users,
        sip_bridge=sip_bridge,
        checkout=checkout,
    )
    cdk.Tags.of(app).add("Application", "in-app-calling")
    cdk.Tags.of(app).add("Environment", configuration.environment)
