"""`resume-calls`: the switch, on."""

from __future__ import annotations

import click

from infra.outputs import Output
from infra.switch_values import ON
from operations import switch
from operations.commands.arguments import environment_option, help_epilog
from operations.deployment import Deployment


@click.command(epilog=help_epilog("make resume-calls ENV=acme"))
@environment_option
def resume_calls(environment: str | None) -> None:
    """Take calls again.

    Within five seconds.
    """
    deployment = Deployment.open(environment)
    before = switch.turn(deployment.session.client("ssm"), deployment.read(Output.CALLING_PARAMETER), ON)
    click.echo(
        f"Calling in {deployment.environment} is on (it was {before!r}). Within five seconds calls are taken."
    )
