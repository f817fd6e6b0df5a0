"""`python -m local.demo`: deploy the app into an empty local AWS, call, and follow the call to its queue.

Every step is checked; the exit status is 0 only if all of them held.
"""

import argparse
import signal
import sys

from rich.console import Console

from local import optional_rooms
from local.demo.steps import Demo, NotAsExpectedError
from local.launcher.checkout import LocalAwsError
from local.launcher.local_aws import DEFAULT_ENVIRONMENT, local_aws

_PIPE_WIDTH = 110  # columns, where no terminal says how many there are


def main() -> int:
    """Run the demo; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m local.demo", description="Place a call on this machine.")
    parser.add_argument(
        "--environment", default=DEFAULT_ENVIRONMENT, help="of config/ (default: %(default)s)"
    )
    environment = parser.parse_args().environment
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    console = Console(soft_wrap=False, highlight=False, width=None if sys.stdout.isatty() else _PIPE_WIDTH)
    try:
        with local_aws(environment) as aws:
            aws.deploy()
            others = (room.demo_of(aws) for room in optional_rooms.in_demo())
            demo = next((found for found in others if found), Demo)
            demo(console, aws).run()
    except (LocalAwsError, NotAsExpectedError, TimeoutError) as error:
        console.print(f"\nThe demo failed. {error}", style="bold red", markup=False)
        return 1
    except KeyboardInterrupt:
        console.print("\nstopped")
        return 130
    console.print(
        "\n[bold green]All of it held.[/bold green] The local AWS is stopped; `make local` with the same ENV "
        "keeps it."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
