"""The stack of a role by which GitHub deploys an environment, for jobs of one repository alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aws_cdk import CfnOutput, Environment, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.acknowledgements import acknowledge
from infra.configuration import Configuration

_ISSUER = "token.actions.githubusercontent.com"
_AUDIENCE = "sts.amazonaws.com"

# What `cdk deploy` takes of a bootstrapped account: assets are files, and none is an image.
_BOOTSTRAP_ROLES = ("deploy", "file-publishing", "lookup")

# What `make deploy` and `make smoke` call themselves, by who makes the file of it.
_COMMANDS = {
    "Doctor": Path("operations") / "doctor" / "policy.json",
    "Smoke": Path("operations") / "smoke_policy.json",
}


class PipelineStack(Stack):
    """The role, and GitHub's provider where the account has none."""

    def __init__(self, scope: Construct, id_: str, *, configuration: Configuration, checkout: Path) -> None:
        """`checkout` is where the policies of the commands lie."""
        super().__init__(
            scope,
            id_,
            description="In-app calling: the role that GitHub deploys with",
            env=Environment(account=configuration.account, region=configuration.region),
        )
        settings = configuration.pipeline
        provider_arn = settings.provider_arn or self._provider()
        environment = settings.environment or configuration.environment
        role = iam.Role(
            self,
            "DeployRole",
            description=f"Deploys in-app calling from {settings.repository}",
            assumed_by=iam.FederatedPrincipal(
                provider_arn,
                {
                    "StringEquals": {
                        f"{_ISSUER}:aud": _AUDIENCE,
                        f"{_ISSUER}:sub": f"repo:{settings.repository}:environment:{environment}",
                    }
                },
                "sts:AssumeRoleWithWebIdentity",
            ),
        )
        prefix = f"arn:aws:iam::{self.account}:role/cdk-{configuration.platform.bootstrap_qualifier}"
        iam.ManagedPolicy(
            self,
            "Deploy",
            description="Deploying by the roles of the bootstrap, which decide what a deployment may do",
            roles=[role],
            statements=[
                iam.PolicyStatement(
                    sid="TakeBootstrapRoles",
                    actions=["sts:AssumeRole"],
                    resources=[
                        f"{prefix}-{name}-role-{self.account}-{self.region}" for name in _BOOTSTRAP_ROLES
                    ],
                )
            ],
        )
        for name, path in _COMMANDS.items():
            self._add_command(name, json.loads((checkout / path).read_text(encoding="utf-8")), role)
        CfnOutput(
            self,
            "DeployRoleArn",
            value=role.role_arn,
            description="The variable DEPLOY_ROLE of GitHub's environment",
        )

    def _provider(self) -> str:
        # IAM trusts the certificate authorities of GitHub by itself: no thumbprint.
        provider = iam.CfnOIDCProvider(self, "GitHub", url=f"https://{_ISSUER}", client_id_list=[_AUDIENCE])
        return provider.ref

    def _add_command(self, name: str, document: Mapping[str, Any], role: iam.Role) -> None:
        """The least policy of a command, of this account and Region."""
        here = [
            {**statement, "Resource": self._here(statement["Resource"])}
            for statement in document["Statement"]
        ]
        policy = iam.ManagedPolicy(
            self,
            name,
            description=f"What make {name.lower()} calls",
            roles=[role],
            document=iam.PolicyDocument.from_json({**document, "Statement": here}),
        )
        acknowledge(
            policy,
            *(
                f"AwsSolutions::AwsSolutions-IAM5[Resource::{statement['Resource']}]"
                for statement in here
                if "*" in statement["Resource"]
            ),
            reason="The pipeline deploys before there is a resource to name. The actions are those of one "
            "command, in this account and Region: reads, and the user of the pool that make smoke makes and "
            "removes.",
        )

    def _here(self, resource: str) -> str:
        return resource.replace(":*:*:", f":{self.region}:{self.account}:").replace(
            "iam::*:", f"iam::{self.account}:"
        )
