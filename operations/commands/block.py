"""`block`: one user calls no more."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from infra.outputs import Output
from operations import blocks
from operations.commands.arguments import caller_option, environment_option, help_epilog, now
from operations.deployment import Deployment


def _hours(_: click.Context, __: click.Parameter, value: str | None) -> int | None:
    if value is None:
        return None
    if not value.isascii() or not value.isdigit() or not 1 <= int(value) <= 87_600:
        raise click.BadParameter(
            "a whole number from 1 to 87600 (ten years), with make as HOURS=24; none blocks for good"
        )
    return int(value)


@click.command(
    epilog=help_epilog("make block ENV=acme CALLER=<sub>", "make block ENV=acme CALLER=<sub> HOURS=24")
)
@environment_option
@caller_option
@click.option(
    "--hours",
    metavar="NUMBER",
    envvar="OPERATIONS_HOURS",
    callback=_hours,
    help="For how long.  [default: OPERATIONS_HOURS, else until unblocked]",
)
def block(environment: str | None, caller: str, hours: int | None) -> None:
    """Keep a user from calling.

    No start and no rejoining, from now on. An active call goes on; its contact is printed.
    """
    deployment = Deployment.open(environment)
    until = blocks.FOR_EVER if hours is None else now() + hours * 3_600_000
    active = blocks.block(
        deployment.session.client("dynamodb"), deployment.read(Output.CALLS_TABLE), caller, until=until
    )
    when = (
        "until unblocked"
        if hours is None
        else datetime.fromtimestamp(until / 1000, UTC).strftime("until %Y-%m-%d %H:%M UTC")
    )
    click.echo(f"The user cannot start or rejoin calls in {deployment.environment} {when}.")
    if active is not None:
        click.echo(f"A call may still be under way, which goes on: contact {active}. End it in Connect.")
