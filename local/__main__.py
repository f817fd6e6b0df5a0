"""`python -m local`: the app in a local AWS, until Ctrl-C."""

import argparse
import signal
import sys
import time
import uuid
from contextlib import ExitStack

from local import optional_rooms
from local.access import control_curl
from local.console.actions import Actions, RefusedError
from local.console.server import console
from local.launcher.checkout import CHECKOUT, LocalAwsError
from local.launcher.local_aws import DEFAULT_ENVIRONMENT, LocalAws, local_aws
from local.launcher.ports import DEFAULT_PORT, free_port_above

DEMO_USER = "ada@example.com"
PAGE = CHECKOUT / "build" / "console"
_OTHER_EVENTS = ("AgentDisconnected", "CustomerDisconnected", "CustomerDropped", "Transferred")


def main() -> int:
    """Run the app until Ctrl-C or SIGTERM; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m local", description="Run the app in a local AWS until Ctrl-C."
    )
    parser.add_argument(
        "--port", type=int, help=f"where it listens (default: LOCAL_PORT, else {DEFAULT_PORT})"
    )
    parser.add_argument(
        "--environment", default=DEFAULT_ENVIRONMENT, help="of config/ (default: %(default)s)"
    )
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        with ExitStack() as running:
            aws = running.enter_context(
                local_aws(arguments.environment, port=arguments.port, with_media=True)
            )
            aws.deploy()
            actions = Actions(aws)
            _introduce(aws, actions, _open_page(aws, actions, running))
            while True:
                aws.check()
                time.sleep(1)
    except LocalAwsError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped")
        return 0


def _open_page(aws: LocalAws, actions: Actions, running: ExitStack) -> str:
    """Serve the page as long as the rest runs; returns what to print of it."""
    if not (PAGE / "index.html").exists():
        raise LocalAwsError("The page is not built: run `make local`.")
    link = running.enter_context(console(actions, port=free_port_above(aws.port), folder=PAGE))
    note = "Chromium or Chrome; the link is of this run"
    if any(room.demo_of(aws) for room in optional_rooms.in_demo()):
        note = "calls over the SIP bridge are seen there, and not heard"
    return f"{link}\n({note})"


def _introduce(aws: LocalAws, actions: Actions, page: str) -> None:
    try:
        token = actions.perform("POST", "users", {"Email": DEMO_USER})["Token"]
        whose = f"as {DEMO_USER} (the token lasts an hour)"
    except RefusedError as error:
        whose, token = f"with a token ({error})", "<the token>"
    outputs = aws.directory / "outputs.json"
    more = "".join(room.addresses_of(aws) for room in optional_rooms.in_demo())
    control = control_curl(aws.directory, aws.endpoint_url)
    print(f"""
A phone and an agent's desk, to be opened in two tabs that hear each other:
{page}

The app runs at {aws.outputs["ApiUrl"]}

Place a call {whose}; the same Idempotency-Key again is the same call:

curl -i -X POST {aws.outputs["ApiUrl"].rstrip("/")}/start-call \\
  -H 'Content-Type: application/json' -d '{{}}' -H 'Idempotency-Key: {uuid.uuid4()}' \\
  -H 'Authorization: {token}'

Play the rest, with the ContactId of the answer:

CONTACT=…
{control}/contacts/$CONTACT/join -X POST      # the app joins within a minute: the contact enters its flow
{control}/contacts/$CONTACT/events -d '{{"Event": "AgentConnected"}}'     # or {", ".join(_OTHER_EVENTS)}
{control}/contacts     # what Connect made of it{more}

Outputs of the stacks      {outputs}
For an app                 {aws.write_app_outputs()}: outputs.json, amplify_outputs.json
Another user or token      {actions.perform("GET", "run", {})["SignIn"]}; in Python:
                             phone = local.clients.phone.Phone(json.load(open("{outputs}")))
                             phone.sign_in(email, phone.sign_up(email)).token

Ctrl-C stops it and leaves nothing behind.""")


if __name__ == "__main__":
    sys.exit(main())
