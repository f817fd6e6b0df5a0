"""`smoke`: a call after a deployment."""

from __future__ import annotations

import json

import click

from infra.configuration import Issuer
from infra.outputs import Output
from operations.commands.arguments import environment_option, help_epilog
from operations.deployment import Deployment
from operations.doctor.check import Status
from operations.doctor.checks import CHECKS
from operations.doctor.examination import examine_account
from operations.errors import OperationError
from operations.smoke import SmokeTest, StageFailedError, timed

TOPIC = "smoke"
_NOT_REACHED = (
    "Not reached: the contact flow and its proof. A flow starts when the customer joins; nobody did."
)


@click.command(epilog=help_epilog("make smoke ENV=acme", "make smoke ENV=acme JSON=1 > stages.json"))
@environment_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON in place of lines.")
def smoke(environment: str | None, *, as_json: bool) -> None:
    """Place a call, and hang up.

    With a user that it makes and removes; no password is kept. It calls by the topic `smoke`, where there is
    one. The name of the first stage that fails says what is broken.
    """
    deployment = Deployment.open(environment)
    if isinstance(deployment.configuration.identity.source, Issuer):
        raise OperationError(
            "The users are an issuer's, and only that can sign one in.\n"
            "  Fix: place a call with an app of the issuer's; make doctor looks at all else."
        )
    stages = [timed("doctor", lambda: _examine(deployment))]
    if not stages[0].failure:
        topics = deployment.configuration.connect.topics
        stages += SmokeTest(
            session=deployment.session,
            api_url=deployment.read(Output.API_URL),
            instance_arn=deployment.read(Output.CONNECT_INSTANCE_ARN),
            pool_id=deployment.read(Output.USER_POOL_ID),
            client_id=deployment.read(Output.USER_POOL_CLIENT_ID),
            topic=TOPIC if TOPIC in topics else None,
        ).run()
    failed = [stage for stage in stages if stage.failure]
    if as_json:
        shown = [
            {"stage": each.name, "seconds": round(each.seconds, 3), "failure": each.failure}
            for each in stages
        ]
        click.echo(json.dumps({"ok": not failed, "stages": shown, "not_reached": _NOT_REACHED}, indent=2))
    else:
        for each in stages:
            mark = f"FAILED: {each.failure}" if each.failure else "ok"
            click.echo(f"{each.name:10} {each.seconds:6.2f} s  {mark}")
        click.echo(_NOT_REACHED)
    if failed:
        raise OperationError(f"The stage {failed[0].name!r} failed: {failed[0].failure}")


def _examine(deployment: Deployment) -> None:
    """What of a running environment the doctor looks at."""
    checks = [check for check in CHECKS if check.of_deployment or check.name == "instance"]
    found = examine_account(checks, deployment.configuration, deployment.session)
    failures = [f"{check}: {finding.read}" for check, finding in found if finding.status is Status.FAIL]
    if failures:
        raise StageFailedError("; ".join(failures))
