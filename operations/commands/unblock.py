"""`unblock`: a user may call again."""

from __future__ import annotations

import click

from infra.outputs import Output
from operations import blocks
from operations.commands.arguments import caller_option, environment_option, help_epilog, now
from operations.deployment import Deployment


@click.command(epilog=help_epilog("make unblock ENV=acme CALLER=<sub>"))
@environment_option
@caller_option
def unblock(environment: str | None, caller: str) -> None:
    """Let a user call again."""
    deployment = Deployment.open(environment)
    client = deployment.session.client("dynamodb")
    if blocks.unblock(client, deployment.read(Output.CALLS_TABLE), caller, now=now()):
        click.echo(f"The user can call again in {deployment.environment}.")
    else:
        click.echo(f"The user was not blocked in {deployment.environment}.")
