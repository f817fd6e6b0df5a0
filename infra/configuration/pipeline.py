"""`[pipeline]`: a role that GitHub deploys the environment with."""

from __future__ import annotations

import re
from typing import Annotated, override

from pydantic import ValidationInfo, field_validator

from infra.configuration.faults import refuse
from infra.configuration.place import Place
from infra.configuration.section import Section
from infra.configuration.values import Arn, Text


class ProviderArn(Arn):
    """GitHub's OpenID Connect provider in the account."""

    @override
    def expected(self, place: Place) -> str:
        account = re.escape(place.account) if place.account else "[0-9]{12}"
        return rf"arn:aws:iam::{account}:oidc-provider/token\.actions\.githubusercontent\.com"

    @override
    def explained(self, place: Place) -> str:
        account = place.account or "<account>"
        return self.fix.format(
            arn=f'"arn:aws:iam::{account}:oidc-provider/token.actions.githubusercontent.com"'
        )


class Pipeline(Section):
    """A stack with a role for `.github/workflows/deploy.yml`, which nothing but its jobs can take."""

    repository: (
        Annotated[
            str,
            Text(
                'the repository as a token has it: "acme/calls", or with ids, "acme@1234/calls@5678"',
                r"[A-Za-z0-9-]{1,39}(@[0-9]{1,20})?/[A-Za-z0-9._-]{1,100}(@[0-9]{1,20})?",
                'GitHub documentation, "OpenID Connect reference"',
            ),
        ]
        | None
    ) = None
    """Whose workflows deploy. Naming it makes the stack."""

    environment: (
        Annotated[str, Text('the environment of GitHub that the job names: "prod"', r"[A-Za-z0-9._-]{1,255}")]
        | None
    ) = None
    """The environment of GitHub whose jobs deploy. By default it has the name of this file."""

    provider_arn: (
        Annotated[
            str,
            ProviderArn(
                "the ARN of GitHub's provider in this account: {arn}",
                source='AWS IAM user guide, "Create an OpenID Connect (OIDC) identity provider in IAM"',
            ),
        ]
        | None
    ) = None
    """GitHub's provider, where the account has it already: it can be there once. By default it is made."""

    @field_validator("environment", "provider_arn")
    @classmethod
    def _of_repository(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and info.data.get("repository", "") is None:
            refuse("remove it, or name pipeline.repository too: without that there is no role")
        return value
