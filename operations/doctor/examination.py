"""Running checks: all of them, whatever one finds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from infra.configuration import Configuration
from operations.doctor.check import Check, Finding, Status, passed_if, unknown
from operations.doctor.subject import Fetch, Subject, fetch
from operations.outputs import read_parameters
from operations.session import explain

_READABLE = "it can be read"


class Examined(NamedTuple):
    """A finding, and the name of the check that made it."""

    check: str
    finding: Finding


def examine(checks: Iterable[Check], subject: Subject) -> list[Examined]:
    """The findings of every check that applies, in order; one cause is one failure."""
    found: list[Examined] = []
    failed: set[str] = set()
    for check in checks:
        if check.after in failed:
            failed.add(check.name)
            continue
        of_check = list(_look(check, subject))
        if any(finding.status in {Status.FAIL, Status.UNKNOWN} for finding in of_check):
            failed.add(check.name)
        found += [Examined(check.name, finding) for finding in of_check]
    return found


def examine_account(
    checks: Iterable[Check], configuration: Configuration, session: boto3.Session, *, fetch: Fetch = fetch
) -> list[Examined]:
    """The same of an environment in the account of the session, where that is the environment's account.

    Raises what botocore raises where not even that can be read.
    """
    account = session.client("sts").get_caller_identity()["Account"]
    mine = passed_if(
        account == configuration.account,
        f"the credentials are those of account {account}",
        f"those of account {configuration.account}, as config/{configuration.environment}.toml says",
        "use credentials of that account.",
    )
    if mine.status is Status.FAIL:
        # Every other finding would be about an account that nobody means.
        return [Examined("account", mine)]
    outputs: dict[str, str] = {}
    denied = []
    try:
        outputs = read_parameters(session.client("ssm"), configuration.environment)
    except ClientError as error:
        denied = [Examined("outputs", _unread(error))]
    found = examine(checks, Subject(configuration, session, outputs, fetch))
    return [Examined("account", mine), *denied, *found]


def _look(check: Check, subject: Subject) -> Iterator[Finding]:
    try:
        if check.applies(subject):
            yield from check.look(subject)
    except (BotoCoreError, ClientError) as error:
        yield _unread(error)


def _unread(error: BotoCoreError | ClientError) -> Finding:
    read, _, fix = explain(error).partition("\n  Fix: ")
    return unknown(read, _READABLE, fix or "run the command again; if it stays, ask AWS.")
