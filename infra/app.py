"""Builds the CDK app of one environment: which users, and which way calls take, is decided here."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from infra.calling_stack import CallingStack
from infra.configuration import NATIVE, Configuration, ExistingUserPool, Issuer, UserPool
from infra.identity_stack import IdentityStack
from infra.pipeline_stack import PipelineStack
from infra.transport import NativeTransport, Transport, transport_room
from infra.users import ExistingUserPoolUsers, IssuerUsers, UserPoolUsers, Users


def add_stacks(app: cdk.App, configuration: Configuration, checkout: Path) -> None:
    """Adds the environment's stacks to `app`; `checkout` is the root of the source tree."""
    prefix = f"InAppCalling-{configuration.environment}"
    # What each stack's synthesizer takes: where assets go, and by which roles a stack is deployed.
    app.node.set_context("@aws-cdk/core:bootstrapQualifier", configuration.platform.bootstrap_qualifier)
    CallingStack(
        app,
        f"{prefix}-Calling",
        configuration=configuration,
        users=_users(app, prefix, configuration),
        transport=_transport(app, prefix, configuration, checkout),
        checkout=checkout,
    )
    if configuration.pipeline.repository is not None:
        PipelineStack(app, f"{prefix}-Pipeline", configuration=configuration, checkout=checkout)
    _add_tags(app, configuration)
    boundary = configuration.platform.permissions_boundary_arn
    if boundary is not None:
        policy = iam.ManagedPolicy.from_managed_policy_arn(app, "Boundary", boundary)
        iam.PermissionsBoundary.of(app).apply(policy)


def _add_tags(app: cdk.App, configuration: Configuration) -> None:
    tags = {
        "Application": "in-app-calling",
        "Environment": configuration.environment,
        **configuration.tags,
    }
    for name, value in tags.items():
        # The type takes tags, but its handler writes them through an API that has none for it.
        cdk.Tags.of(app).add(name, value, exclude_resource_types=["AWS::Connect::IntegrationAssociation"])


def _users(app: cdk.App, prefix: str, configuration: Configuration) -> Users:
    match configuration.identity.source:
        case UserPool() as settings:
            stack = IdentityStack(app, f"{prefix}-Identity", configuration=configuration, settings=settings)
            return UserPoolUsers(stack.user_pool, stack.client_id)
        case Issuer() as issuer:
            return IssuerUsers(issuer)
        case ExistingUserPool() as existing:
            return ExistingUserPoolUsers(existing)


def _transport(app: cdk.App, prefix: str, configuration: Configuration, checkout: Path) -> Transport:
    name = configuration.transport_name
    if name == NATIVE:
        return NativeTransport(configuration.connect.quotas)
    return transport_room(name).add_transport(app, prefix, configuration=configuration, checkout=checkout)
