"""`drift`: what somebody has changed by hand, beside what an operator's command has."""

from __future__ import annotations

import click

from infra.outputs import parameter_name
from operations.commands.arguments import environment_option, help_epilog
from operations.deployment import Deployment
from operations.doctor.subject import Subject
from operations.drift import changes
from operations.errors import OperationError


@click.command(epilog=help_epilog("make drift ENV=acme"))
@environment_option
def drift(environment: str | None) -> None:
    """Judge what the last drift detection has found.

    `make drift` has the CDK detect, and then runs this. The switch that `make stop-calls` has turned off is
    expected. Exit status 1 if anything else was changed.
    """
    deployment = Deployment.open(environment)
    name, switch = deployment.environment, parameter_name(deployment.environment, "Calling")
    client = deployment.session.client("cloudformation")
    stacks = Subject(deployment.configuration, deployment.session).stack_names
    found = [each for stack in stacks for each in changes(client, stack, switch=switch)]
    if any(each.is_stopped_calling for each in found):
        click.echo(
            f"Expected: calls are stopped ({switch} is off), as make stop-calls does. To take calls again: "
            f"make resume-calls ENV={name}"
        )
    by_hand = [each for each in found if not each.is_stopped_calling]
    if by_hand:
        lines = "\n".join(f"  {each}" for each in by_hand)
        raise OperationError(
            f"Changed by hand in {name}:\n{lines}\n"
            f"  Fix: make the change in the code, or deploy over it: make deploy ENV={name}"
        )
    click.echo(f"Nothing in {name} was changed by hand.")
