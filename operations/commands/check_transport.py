"""`check-transport`: calls under way that a deployment would strand."""

from __future__ import annotations

import click

from infra.configuration import NATIVE
from infra.outputs import Output
from operations import switch, transport
from operations.commands.arguments import environment_option, help_epilog, now
from operations.deployment import Deployment
from operations.errors import OperationError


@click.command(epilog=help_epilog("make deploy ENV=acme  (checks, then deploys)"))
@environment_option
def check_transport(environment: str | None) -> None:
    """Refuse what would strand calls, or could while calling is on.

    Calls over a transport which the configuration no longer has can be ended by that transport only.
    """
    deployment = Deployment.open(environment)
    deployed = deployment.find(Output.CALL_TRANSPORT)
    kept = {NATIVE, deployment.configuration.transport_name}
    if deployed is None or deployed in kept:
        return
    client = deployment.session.client("ssm")
    off_since = switch.off_since(client, deployment.read(Output.CALLING_PARAMETER))
    if off_since is not None:
        transport.wait_for_last_start(off_since)
    dynamodb = deployment.session.client("dynamodb")
    stranded = transport.count_stranded(dynamodb, deployment.read(Output.CALLS_TABLE), kept=kept, now=now())
    if off_since is None or stranded:
        raise OperationError(_drain_first(deployment, deployed, stranded, is_on=off_since is None))


def _drain_first(deployment: Deployment, deployed: str, stranded: int, *, is_on: bool) -> str:
    """Why the transport `deployed` cannot be taken away yet, and the commands that drain it."""
    environment, reasons = deployment.environment, []
    if is_on:
        reasons.append("calling is on, so more can start during the deployment")
    if stranded:
        reasons.append("1 call is active" if stranded == 1 else f"{stranded} calls are active")
    longest = deployment.configuration.calls.longest_call_seconds
    steps = [
        f"make stop-calls ENV={environment}",
        f"make deploy ENV={environment}  # once they have ended: {longest} s at most",
        "aws cloudformation delete-stack --stack-name <each that the configuration no longer has>",
        f"make resume-calls ENV={environment}",
    ]
    return (
        f"config/{environment}.toml no longer has the transport {deployed!r}, and no other can end its "
        f"calls: {'; '.join(reasons)}.\n"
        "  Fix, in this order:\n" + "\n".join(f"    {step}" for step in (steps if is_on else steps[1:]))
    )
