"""`new`: the configuration of an environment, from what its account has."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence

import click
from botocore.exceptions import NoCredentialsError, NoRegionError

from infra.configuration import IN_APP_CALLING_REGIONS, INSTANCE_ARN
from operations import environment_file, instances
from operations.commands.arguments import environment_option, help_epilog
from operations.deployment import CHECKOUT
from operations.errors import OperationError
from operations.instances import Resource
from operations.session import open_session


@click.command(
    epilog=help_epilog(
        "make new ENV=acme",
        "AWS_REGION=eu-west-2 make new ENV=acme INSTANCE=acme-support \\",
        "    VERIFIED='Verified callers' UNVERIFIED='General'",
    )
)
@environment_option
@click.option(
    "--instance",
    metavar="NAME|ARN",
    envvar="OPERATIONS_INSTANCE",
    help="The Connect instance.  [default: OPERATIONS_INSTANCE, else the only one, else it asks you]",
)
@click.option(
    "--verified",
    metavar="NAME|ARN",
    envvar="OPERATIONS_VERIFIED",
    help="The queue of verified callers.  [default: OPERATIONS_VERIFIED, else it asks you]",
)
@click.option(
    "--unverified",
    metavar="NAME|ARN",
    envvar="OPERATIONS_UNVERIFIED",
    help="The queue of all others.  [default: OPERATIONS_UNVERIFIED, else it asks you]",
)
def new(environment: str | None, instance: str | None, verified: str | None, unverified: str | None) -> None:
    """Write config/NAME.toml.

    It has the three values that a deployment needs.
    They come from the AWS account of the shell's credentials, which is only read: connect:ListInstances (for
    an ARN connect:DescribeInstance and ds:DescribeDirectories) and connect:ListQueues. Without credentials
    the file has places to fill in.
    """
    name = environment_file.check_name(CHECKOUT, environment)
    try:
        chosen = _choose(instance, verified, unverified)
    except NoCredentialsError:
        if instance or verified or unverified:
            raise  # they cannot be looked up
        path = environment_file.write(CHECKOUT, name, environment_file.render(name))
        click.echo(
            f"written: {path}\n"
            "The shell has no AWS credentials, so it has places to fill in: <region>, <account>, <uuid>.\n"
            f"Fill them in. Or sign in and run make new ENV={name} again, which replaces it as long as "
            "nobody has edited it."
        )
        return
    found, first, second = chosen
    text = environment_file.render(name, instance=found, verified=first, unverified=second)
    path = environment_file.write(CHECKOUT, name, text)
    click.echo(
        f"written: {path}\n"
        f"  instance          {instances.printable(found.name)}\n"
        f"  verified callers  {instances.printable(first.name)}\n"
        f"  all others        {instances.printable(second.name)}\n"
        f"Next: make synth ENV={name} checks it, and docs/deploy.md goes on from there."
    )


def _choose(
    instance: str | None, verified: str | None, unverified: str | None
) -> tuple[Resource, Resource, Resource]:
    """The instance and its two queues. Raises OperationError, and what botocore raises."""
    is_arn = instance is not None and re.fullmatch(INSTANCE_ARN, instance) is not None
    # boto3 reads AWS_DEFAULT_REGION alone; the AWS CLI and the CDK read this one first.
    region = os.environ.get("AWS_REGION") or None
    session = open_session(instance.split(":")[3] if instance is not None and is_arn else region)
    if session.get_credentials() is None:
        raise NoCredentialsError
    if session.region_name is None:
        raise NoRegionError
    if session.region_name not in IN_APP_CALLING_REGIONS:
        raise OperationError(
            f"Amazon Connect offers no in-app calling in {session.region_name}.\n"
            f"  Fix: set AWS_REGION to the instance's: {', '.join(IN_APP_CALLING_REGIONS)}."
        )
    client = session.client("connect")
    ask = _ask if sys.stdin.isatty() else None
    if instance is not None and is_arn:
        found = instances.read_instance(client, instance)
    else:
        there = instances.list_instances(client)
        if not there:
            raise OperationError(
                f"There is no active Amazon Connect instance in {session.region_name} in this account.\n"
                "  Fix: name its Region: AWS_REGION=<region>. Or create one: docs/deploy.md, step 1."
            )
        found = instances.choose_instance(there, instance, ask)
    queues = instances.list_queues(client, found)
    return found, *instances.choose_queues(queues, verified, unverified, ask)


def _ask(question: str, found: Sequence[Resource]) -> Resource:
    click.echo(question)
    for number, each in enumerate(found, 1):
        click.echo(f"  {number:3}  {instances.printable(each.name)}")
    chosen: int = click.prompt("Number", type=click.IntRange(1, len(found)))
    return found[chosen - 1]
