"""`python -m local`: the app in a local AWS, until Ctrl-C."""

import argparse
import signal
import sys
import time
import uuid

from local import optional_rooms
from local.access import control_curl
from local.clients.identities import SignInError
from local.clients.phone import Phone
from local.launcher.checkout import LocalAwsError
from local.launcher.local_aws import DEFAULT_ENVIRONMENT, LocalAws, local_aws
from local.launcher.ports import DEFAULT_PORT

DEMO_USER = "ada@example.com"
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
        with local_aws(arguments.environment, port=arguments.port) as aws:
            aws.deploy()
            _introduce(aws)
            while True:
                aws.check()
                time.sleep(1)
    except LocalAwsError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped")
        return 0


def _introduce(aws: LocalAws) -> None:
    phone = Phone(aws.outputs)
    try:
        token = phone.sign_in(DEMO_USER, phone.sign_up(DEMO_USER)).token
        whose = f"as {DEMO_USER} (the token lasts an hour)"
    except SignInError as error:
        whose, token = f"with a token ({error})", "<the token>"
    outputs = aws.directory / "outputs.json"
    more = "".join(room.addresses_of(aws) for room in optional_rooms.in_demo())
    control = control_curl(aws.directory, aws.endpoint_url)
    print(f"""
The app runs at {aws.outputs["ApiUrl"]}

Place a call {whose}; the same Idempotency-Key again is the same call:

curl -i -X POST {phone.start_call_url} \\
  -H 'Content-Type: application/json' -d '{{}}' -H 'Idempotency-Key: {uuid.uuid4()}' \\
  -H 'Authorization: {token}'

Play the rest, with the ContactId of the answer:

CONTACT=…
{control}/contacts/$CONTACT/join -X POST      # the app joins within a minute: the contact enters its flow
{control}/contacts/$CONTACT/events -d '{{"Event": "AgentConnected"}}'     # or {", ".join(_OTHER_EVENTS)}
{control}/contacts     # what Connect made of it{more}

Outputs of the stacks      {outputs}
For an app                 {aws.write_app_outputs()}: outputs.json, amplify_outputs.json
Another user or token      {phone.identity.ways}; in Python:
                             phone = local.clients.phone.Phone(json.load(open("{outputs}")))
                             phone.sign_in(email, phone.sign_up(email)).token

Ctrl-C stops it and leaves nothing behind.""")


if __name__ == "__main__":
    sys.exit(main())
