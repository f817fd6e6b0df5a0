"""`doctor`: whether an account is ready for an environment, and a deployed one for calls."""

from __future__ import annotations

import json
import sys

import click
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from infra.configuration import load
from operations.commands.arguments import environment_option, help_epilog
from operations.deployment import CHECKOUT
from operations.doctor.checks import CHECKS
from operations.doctor.examination import examine_account
from operations.doctor.report import has_failed, show, to_json
from operations.errors import OperationError
from operations.session import explain, open_session

_COULD_NOT_LOOK = 2


class CouldNotLookError(click.ClickException):
    """Nothing was read: the shell has no credentials that work, or no network."""

    exit_code = _COULD_NOT_LOOK


@click.command(epilog=help_epilog("make doctor ENV=acme", "make doctor ENV=acme JSON=1 > findings.json"))
@environment_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON in place of a table.")
@click.option(
    "--before-deployment",
    is_flag=True,
    help="Leave out what of a running deployment another one does not depend on.",
)
def doctor(environment: str | None, *, as_json: bool, before_deployment: bool) -> None:
    """Say what is not ready.

    It only reads: operations/doctor/policy.json is all that it needs. Something that it may not read is
    unknown, which is no failure. Exit status 1 if a check failed, 2 if it could read nothing at all.
    """
    configuration = load(CHECKOUT, environment)
    checks = [check for check in CHECKS if not (before_deployment and check.of_deployment)]
    try:
        found = examine_account(checks, configuration, open_session(configuration.region))
    except (BotoCoreError, ClientError) as error:
        raise CouldNotLookError(explain(error)) from error
    if as_json:
        click.echo(json.dumps(to_json(configuration.environment, found), indent=2))
    else:
        show(found, Console(file=sys.stdout))
    if has_failed(found):
        raise OperationError(f"{configuration.environment} is not ready: see the rows that say “fail”.")
