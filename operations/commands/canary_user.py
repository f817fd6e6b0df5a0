"""`canary-user`: whom the canary signs in as."""

from __future__ import annotations

import click

from operations.canary import make_users, remove_users, require_canary, secret_name
from operations.commands.arguments import environment_option, help_epilog
from operations.deployment import Deployment


@click.command(
    "canary-user", epilog=help_epilog("make canary-user ENV=acme", "make canary-user ENV=acme REMOVE=1")
)
@environment_option
@click.option("--remove", is_flag=True, help="Remove the users and the secret instead.")
def canary_user(environment: str | None, *, remove: bool) -> None:
    """Make the canary's users, and a secret with their passwords.

    As many as the canary's calls of a day need. Again, it makes others, and removes those of before.
    """
    deployment = Deployment.open(environment)
    name = secret_name(deployment.environment)
    if remove:
        remove_users(deployment)
        click.echo(f"{deployment.environment}: the canary's users and the secret {name} are gone.")
        return
    require_canary(deployment)
    count = make_users(deployment)
    click.echo(f"{deployment.environment}: {count} users; their passwords are in the secret {name} alone.")
