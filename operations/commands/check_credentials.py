"""`check-credentials`: before the CDK takes its time."""

from __future__ import annotations

import click

from operations.commands.arguments import environment_option, help_epilog
from operations.deployment import Deployment


@click.command(epilog=help_epilog("make bootstrap ENV=acme  (checks, then bootstraps)"))
@environment_option
def check_credentials(environment: str | None) -> None:
    """Refuse what would fail later.

    That is a faulty configuration, no credentials, credentials of another account.
    """
    Deployment.open(environment)
