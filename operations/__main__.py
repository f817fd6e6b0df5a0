"""`python -m operations <command> --environment <name>`, with the AWS credentials of the shell."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)

from infra.configuration import Configuration, ConfigurationError, load
from infra.constructs.calling_switch import OFF, ON
from infra.outputs import Output, parameter_name
from infra.transport import NATIVE, transport_name
from operations import blocks, outputs, switch, transport

_CHECKOUT = Path(__file__).resolve().parents[1]
_MAX_SUB_LENGTH = 255
_NO_CREDENTIALS = (
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)
_BAD_CREDENTIALS = frozenset(
    {"ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException"}
)
_FORBIDDEN = frozenset({"AccessDenied", "AccessDeniedException"})


class OperationError(Exception):
    """The operation was not done; the message says why and what to do."""


class Deployment:
    """One environment in its AWS account."""

    def __init__(self, configuration: Configuration) -> None:
        """Raises OperationError when the credentials are those of another account."""
        self._environment = configuration.environment
        self._transport = transport_name(configuration)
        self._longest_call_seconds = configuration.calls.longest_call_seconds
        self._session = boto3.Session(region_name=configuration.region)
        account = self._session.client("sts").get_caller_identity()["Account"]
        if account != configuration.account:
            raise OperationError(
                f"These AWS credentials are those of account {account}, but config/{self._environment}.toml "
                f"says {configuration.account!r}.\n  Fix: use credentials of that account."
            )

    def stop_calls(self) -> str:
        """Switches calling off; returns the message for the operator, as the other methods do."""
        before = switch.turn(self._session.client("ssm"), self._read(Output.CALLING_PARAMETER), OFF)
        return (
            f"Calling in {self._environment} is off (it was {before!r}). Within five seconds every new call "
            "is answered 503 calling-stopped; calls under way go on."
        )

    def resume_calls(self) -> str:
        """Switches calling on."""
        before = switch.turn(self._session.client("ssm"), self._read(Output.CALLING_PARAMETER), ON)
        return (
            f"Calling in {self._environment} is on (it was {before!r}). Within five seconds calls are taken."
        )

    def block(self, caller: str, hours: int | None) -> str:
        """Blocks a user, for ever without `hours`."""
        until = blocks.FOR_EVER if hours is None else _now() + hours * 3_600_000
        active = blocks.block(
            self._session.client("dynamodb"), self._read(Output.CALLS_TABLE), caller, until=until
        )
        when = (
            "until unblocked"
            if hours is None
            else datetime.fromtimestamp(until / 1000, UTC).strftime("until %Y-%m-%d %H:%M UTC")
        )
        message = f"The user cannot start or rejoin calls in {self._environment} {when}."
        if active is not None:
            message += f"\nA call may still be under way, which goes on: contact {active}. End it in Connect."
        return message

    def unblock(self, caller: str) -> str:
        """Lifts a block."""
        client = self._session.client("dynamodb")
        if blocks.unblock(client, self._read(Output.CALLS_TABLE), caller, now=_now()):
            return f"The user can call again in {self._environment}."
        return f"The user was not blocked in {self._environment}."

    def write_outputs(self, folder: Path) -> str:
        """Writes what app developers need of the deployment."""
        self._read(Output.API_URL)  # raises where the app is not deployed
        values = outputs.read_parameters(self._session.client("ssm"), self._environment)
        amplify = outputs.amplify_outputs(values, self._session.client("cognito-idp"))
        written = outputs.write(folder, {"outputs.json": values, "amplify_outputs.json": amplify})
        return "\n".join(f"written: {path}" for path in written)

    def check_transport(self) -> str:
        """Refuses to deploy while that would strand calls, or could: as long as calling is on, one may start
        after this check. Says nothing else.

        Raises OperationError with what there is to do.
        """
        deployed = self._find(Output.CALL_TRANSPORT)
        kept = {NATIVE, self._transport}
        if deployed is None or deployed in kept:
            return ""
        off_since = switch.off_since(self._session.client("ssm"), self._read(Output.CALLING_PARAMETER))
        if off_since is not None:
            transport.wait_for_last_start(off_since)
        client = self._session.client("dynamodb")
        stranded = transport.count_stranded(client, self._read(Output.CALLS_TABLE), kept=kept, now=_now())
        if off_since is None or stranded:
            raise OperationError(self._drain_first(deployed, stranded, is_on=off_since is None))
        return ""

    def _drain_first(self, deployed: str, stranded: int, *, is_on: bool) -> str:
        """Why the transport `deployed` cannot be taken away yet, and the commands that drain it."""
        environment, reasons = self._environment, []
        if is_on:
            reasons.append("calling is on, so more can start during the deployment")
        if stranded:
            reasons.append("1 call is active" if stranded == 1 else f"{stranded} calls are active")
        steps = [
            f"make stop-calls ENV={environment}",
            f"make deploy ENV={environment}  # once they have ended: {self._longest_call_seconds} s at most",
            "aws cloudformation delete-stack --stack-name <each that the configuration no longer has>",
            f"make resume-calls ENV={environment}",
        ]
        return (
            f"config/{environment}.toml no longer has the transport {deployed!r}, and no other can end its "
            f"calls: {'; '.join(reasons)}.\n"
            "  Fix, in this order:\n" + "\n".join(f"    {step}" for step in (steps if is_on else steps[1:]))
        )

    def _read(self, output: Output) -> str:
        value = self._find(output)
        if value is None:
            raise OperationError(
                f"There is no parameter {parameter_name(self._environment, output)}: the environment is not "
                f"deployed in this account.\n  Fix: make deploy ENV={self._environment}"
            )
        return value

    def _find(self, output: Output) -> str | None:
        """What the deployment has published under this name; None where it is not deployed."""
        client = self._session.client("ssm")
        try:
            parameter = client.get_parameter(Name=parameter_name(self._environment, output))
        except client.exceptions.ParameterNotFound:
            return None
        return parameter["Parameter"]["Value"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        message = _perform(Deployment(load(_CHECKOUT, options.environment)), options)
    except (OperationError, ConfigurationError, blocks.BlockError, outputs.OutputsError) as error:
        print(error, file=sys.stderr)
        return 1
    except (BotoCoreError, ClientError) as error:
        print(_explain(error), file=sys.stderr)
        return 1
    if message:
        print(message)
    return 0


def _explain(error: BotoCoreError | ClientError) -> str:
    """An error of AWS, and what to do where that is known."""
    code = error.response.get("Error", {}).get("Code", "") if isinstance(error, ClientError) else ""
    if isinstance(error, _NO_CREDENTIALS) or code in _BAD_CREDENTIALS:
        return (
            f"The shell has no AWS credentials that work: {error}\n"
            "  Fix: sign in (aws sso login, for example) or set AWS_PROFILE, then run the command again."
        )
    if code in _FORBIDDEN:
        return f"AWS did not do it: {error}\n  Fix: use a role that is allowed this."
    return f"AWS did not do it: {error}"


def _perform(deployment: Deployment, options: Any) -> str:
    match options.command:
        case "stop-calls":
            return deployment.stop_calls()
        case "resume-calls":
            return deployment.resume_calls()
        case "check-transport":
            return deployment.check_transport()
        case "block":
            return deployment.block(options.caller, options.hours)
        case "outputs":
            return deployment.write_outputs(
                options.folder or _CHECKOUT / "build" / "outputs" / options.environment
            )
        case _:
            return deployment.unblock(options.caller)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m operations", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, does in (
        ("stop-calls", "take no new calls"),
        ("resume-calls", "take calls again"),
        ("block", "keep one user from calling"),
        ("unblock", "let a user call again"),
        ("outputs", "write outputs.json and amplify_outputs.json for app developers"),
        ("check-transport", "refuse to deploy while that would strand calls"),
    ):
        command = commands.add_parser(name, help=does, description=does)
        command.add_argument("--environment", required=True, help="of config/")
        if name in {"block", "unblock"}:
            command.add_argument(
                "--caller",
                default=os.environ.get("OPERATIONS_CALLER", ""),
                type=_subject,
                help="the `sub` of the user's token, which is customer_id in Connect "
                "(default: OPERATIONS_CALLER)",
            )
        if name == "outputs":
            command.add_argument(
                "--folder",
                default=os.environ.get("OPERATIONS_FOLDER") or None,
                type=Path,
                help="where to write them, over older ones "
                "(default: OPERATIONS_FOLDER, else build/outputs/<environment>)",
            )
        if name == "block":
            command.add_argument(
                "--hours",
                default=os.environ.get("OPERATIONS_HOURS") or None,
                type=_hours,
                help="for how long (default: OPERATIONS_HOURS, else until unblocked)",
            )
    return parser


def _subject(text: str) -> str:
    if not 1 <= len(text) <= _MAX_SUB_LENGTH or not text.isascii() or not text.isprintable():
        raise argparse.ArgumentTypeError(
            "name the user by customer_id in Connect, with make as CALLER=<sub>; "
            f"1 to {_MAX_SUB_LENGTH} printable ASCII characters"
        )
    return text


def _hours(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 87_600:
        raise argparse.ArgumentTypeError(
            "a whole number from 1 to 87600 (ten years), with make as HOURS=24; none blocks for good"
        )
    return int(text)


def _now() -> int:
    return time.time_ns() // 1_000_000


if __name__ == "__main__":
    sys.exit(main())
