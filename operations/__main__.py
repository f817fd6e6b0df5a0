"""`python -m operations <command> --environment <name>`, with the AWS credentials of the shell."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click
from botocore.exceptions import BotoCoreError, ClientError

from infra.configuration import ConfigurationError
from operations.commands.block import block
from operations.commands.canary_user import canary_user
from operations.commands.check_credentials import check_credentials
from operations.commands.check_transport import check_transport
from operations.commands.doctor import doctor
from operations.commands.drift import drift
from operations.commands.explain import explain as explain_call
from operations.commands.new import new
from operations.commands.outputs import outputs
from operations.commands.resume_calls import resume_calls
from operations.commands.smoke import smoke
from operations.commands.stop_calls import stop_calls
from operations.commands.unblock import unblock
from operations.errors import OperationError
from operations.session import explain

_INTERRUPTED = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def operations() -> None:
    """What operators and pipelines do, with the AWS credentials of the shell."""


for command in (
    new,
    doctor,
    smoke,
    canary_user,
    explain_call,
    drift,
    outputs,
    stop_calls,
    resume_calls,
    block,
    unblock,
    check_credentials,
    check_transport,
):
    operations.add_command(command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit status: 0 done, 1 refused or failed, 2 wrong arguments."""
    try:
        operations.main(args=arguments, prog_name="python -m operations", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        click.echo("\nstopped", err=True)
        return _INTERRUPTED
    except (OperationError, ConfigurationError) as error:
        click.echo(error, err=True)
        return 1
    except (BotoCoreError, ClientError) as error:
        click.echo(explain(error), err=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
