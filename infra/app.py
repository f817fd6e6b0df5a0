"""Builds the CDK app of one environment."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk

from infra.calling_stack import CallingStack
from infra.config import Configuration
from infra.identity_stack import IdentityStack
from infra.sip_bridge_stack import SipBridgeStack


def add_stacks(
    app: cdk.App, configuration: Configuration, checkout: Path
) -> tuple[IdentityStack, CallingStack]:
    """Adds the environment's stacks to `app`; `checkout` is the root of the source tree."""
    prefix = f"InAppCalling-{configuration.environment}"
    identity = IdentityStack(app, f"{prefix}-Identity", configuration=configuration)
    sip_bridge = None
    if configuration.sip_bridge is not None:
        sip_bridge = SipBridgeStack(
            app,
            f"{prefix}-SipBridge",
            configuration=configuration,
            settings=configuration.sip_bridge,
            checkout=checkout,
        )
    calling = CallingStack(
        app,
        f"{prefix}-Calling",
        configuration=configuration,
        user_pool=identity.user_pool,
        sip_bridge=sip_bridge,
        checkout=checkout,
    )
    cdk.Tags.of(app).add("Application", "in-app-calling")
    cdk.Tags.of(app).add("Environment", configuration.environment)
    return identity, calling
