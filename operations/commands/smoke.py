"""`smoke`: a call after a deployment."""

from __future__ import annotations

import json

import click

from infra.configuration import NATIVE, SMOKE_TOPIC, Issuer
from infra.outputs import Output
from operations.callers import Caller, NewUser
from operations.canary import put_metric, require_canary, stored_caller
from operations.commands.arguments import environment_option, help_epilog
from operations.deployment import Deployment
from operations.doctor.check import Status
from operations.doctor.checks import CHECKS
from operations.doctor.examination import examine_account
from operations.errors import OperationError
from operations.media.customer import Customer, check_installed
from operations.smoke import SmokeTest, Stage, StageFailedError, timed

_NOT_REACHED = (
    "Not reached: the contact flow and its proof. A flow starts when the customer joins; nobody did."
)
_NOT_LOOKED_AT = (
    "Not looked at: the contact, its queue and its proof. Over {} a call has another id in Amazon Connect "
    "than in the app."
)


@click.command(
    epilog=help_epilog(
        "make smoke ENV=acme", "make smoke ENV=acme MEDIA=1", "make smoke ENV=acme JSON=1 > stages.json"
    )
)
@environment_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON in place of lines.")
@click.option(
    "--media", is_flag=True, help="Join the call as an app does, and hear it: reaches flow, proof and queue."
)
@click.option(
    "--canary", is_flag=True, help="Sign in as canary-user has stored, and put a metric of how it went."
)
def smoke(environment: str | None, *, as_json: bool, media: bool, canary: bool) -> None:
    """Place a call, and hang up.

    With a user that it makes and removes; no password is kept. It calls by the topic `smoke`, where there is
    one. The name of the first stage that fails says what is broken.
    """
    deployment = Deployment.open(environment)
    if media:
        _check_media(deployment)
    stages = _run_canary(deployment, media=media) if canary else _run(deployment, media=media)
    failed = [stage for stage in stages if stage.failure]
    left_out = _left_out(deployment.configuration.transport_name, media=media)
    if as_json:
        shown = [
            {"stage": each.name, "seconds": round(each.seconds, 3), "failure": each.failure}
            for each in stages
        ]
        not_reached = {"not_reached": left_out} if left_out else {}
        click.echo(json.dumps({"ok": not failed, "stages": shown, **not_reached}, indent=2))
    else:
        for each in stages:
            mark = f"FAILED: {each.failure}" if each.failure else "ok"
            click.echo(f"{each.name:12} {each.seconds:6.2f} s  {mark}")
        if left_out:
            click.echo(left_out)
    if failed:
        raise OperationError(f"The stage {failed[0].name!r} failed: {failed[0].failure}")


def _left_out(transport: str, *, media: bool) -> str:
    """What no stage says anything of."""
    if transport != NATIVE:
        return _NOT_LOOKED_AT.format(transport)
    return "" if media else _NOT_REACHED


def _check_media(deployment: Deployment) -> None:
    check_installed()
    if not deployment.configuration.smoke.has_topic:
        raise OperationError(
            f"config/{deployment.environment}.toml has no queue for calls that only test, and agents would "
            "get this one.\n  Fix: name smoke.queue_arn, a queue that no agent serves, and deploy."
        )


def _run(deployment: Deployment, *, media: bool) -> list[Stage]:
    """With what the doctor finds first, and a user of its own."""
    if isinstance(deployment.configuration.identity.source, Issuer):
        raise OperationError(
            "The users are an issuer's, and only that can sign one in.\n"
            "  Fix: place a call with an app of the issuer's, or as a canary does (docs/operations.md); make "
            "doctor looks at all else."
        )
    stages = [timed("doctor", lambda: _examine(deployment))]
    if stages[0].failure:
        return stages
    caller = NewUser(
        session=deployment.session,
        pool_id=deployment.read(Output.USER_POOL_ID),
        client_id=deployment.read(Output.USER_POOL_CLIENT_ID),
    )
    return [*stages, *_smoke_test(deployment, caller, media=media).run()]


def _run_canary(deployment: Deployment, *, media: bool) -> list[Stage]:
    """With a user who is kept; whatever happens, the metric says how it went."""
    require_canary(deployment)
    came_through = False
    try:
        stages = _smoke_test(deployment, stored_caller(deployment), media=media).run()
        came_through = not any(stage.failure for stage in stages)
    finally:
        put_metric(deployment, came_through=came_through)
    return stages


def _smoke_test(deployment: Deployment, caller: Caller, *, media: bool) -> SmokeTest:
    configuration = deployment.configuration
    queue_arn = configuration.smoke.queue_arn
    return SmokeTest(
        session=deployment.session,
        api_url=deployment.read(Output.API_URL),
        instance_arn=deployment.read(Output.CONNECT_INSTANCE_ARN),
        caller=caller,
        topic=SMOKE_TOPIC if SMOKE_TOPIC in configuration.topics else None,
        open_customer=Customer if media else None,
        queue_id=None if queue_arn is None else queue_arn.rpartition("/")[2],
        is_native=configuration.transport_name == NATIVE,
    )


def _examine(deployment: Deployment) -> None:
    """What of a running environment the doctor looks at."""
    checks = [check for check in CHECKS if check.of_deployment or check.name == "instance"]
    found = examine_account(checks, deployment.configuration, deployment.session)
    failures = [f"{check}: {finding.read}" for check, finding in found if finding.status is Status.FAIL]
    if failures:
        raise StageFailedError("; ".join(failures))
