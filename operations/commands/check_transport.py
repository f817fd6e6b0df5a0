"""`check-transport`: calls under way that a deployment would strand."""

from __future__ import annotations

import click

from infra.outputs import Output
from infra.transport import NATIVE, transport_name
from operations import transport
from operations.commands.arguments import environment_option, help_epilog, now
from operations.deployment import Deployment
from operations.errors import OperationError


@click.command(epilog=help_epilog("make deploy ENV=acme  (checks, then deploys)"))
@environment_option
def check_transport(environment: str | None) -> None:
    """Refuse what would strand calls.

    A call that goes over a transport which the configuration no longer has, only that transport can end.
    """
    deployment = Deployment.open(environment)
    deployed = deployment.find(Output.CALL_TRANSPORT)
    kept = {NATIVE, transport_name(deployment.configuration)}
    if deployed is None or deployed in kept:
        return
    client = deployment.session.client("dynamodb")
    stranded = transport.count_stranded(client, deployment.read(Output.CALLS_TABLE), kept=kept, now=now())
    if stranded:
        name = deployment.environment
        calls = "1 call is" if stranded == 1 else f"{stranded} calls are"
        raise OperationError(
            f"{calls} active in {name} over the transport {deployed!r}, which config/{name}.toml no longer "
            "has: only that transport can end them.\n"
            f"  Fix: make stop-calls ENV={name}; wait until they have ended, at most "
            f"{deployment.configuration.calls.longest_call_seconds} seconds; make deploy ENV={name} again; "
            f"delete the stacks that the configuration no longer has; make resume-calls ENV={name}"
        )
