"""`stop-calls`: the switch, off."""

from __future__ import annotations

import click

from infra.outputs import Output
from infra.switch_values import OFF
from operations import switch
from operations.commands.arguments import environment_option, help_epilog
from operations.deployment import Deployment


@click.command(epilog=help_epilog("make stop-calls ENV=acme"))
@environment_option
def stop_calls(environment: str | None) -> None:
    """Take no new calls.

    Within five seconds. Active calls go on.
    """
    deployment = Deployment.open(environment)
    before = switch.turn(deployment.session.client("ssm"), deployment.read(Output.CALLING_PARAMETER), OFF)
    click.echo(
        f"Calling in {deployment.environment} is off (it was {before!r}). Within five seconds every new call "
        "is answered 503 calling-stopped; calls under way go on."
    )
