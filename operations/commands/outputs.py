"""`outputs`: what app developers need of a deployment."""

from __future__ import annotations

from pathlib import Path

import click

from infra.outputs import Output
from operations.commands.arguments import environment_option, help_epilog
from operations.deployment import CHECKOUT, Deployment
from operations.outputs import amplify_outputs, read_parameters, write


@click.command(epilog=help_epilog("make outputs ENV=acme", "make outputs ENV=acme FOLDER=../app/src"))
@environment_option
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    envvar="OPERATIONS_FOLDER",
    help="Where to write them, over older ones.  [default: OPERATIONS_FOLDER, else build/outputs/NAME]",
)
def outputs(environment: str | None, folder: Path | None) -> None:
    """Write what app developers need.

    That is outputs.json and amplify_outputs.json.
    """
    deployment = Deployment.open(environment)
    deployment.read(Output.API_URL)  # raises where the app is not deployed
    values = read_parameters(deployment.session.client("ssm"), deployment.environment)
    amplify = amplify_outputs(values, deployment.session.client("cognito-idp"))
    folder = folder or CHECKOUT / "build" / "outputs" / deployment.environment
    for path in write(folder, {"outputs.json": values, "amplify_outputs.json": amplify}):
        click.echo(f"written: {path}")
