"""What several commands take, and say about themselves."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import click

_MAX_SUB_LENGTH = 255


def help_epilog(*examples: str) -> str:
    """What stands below the help of a command: how to call it, and its exit statuses."""
    lines = "\n".join(f"  {example}" for example in examples)
    return (
        f"\b\nExample:\n{lines}\n\n"
        "\b\nExit status:\n  0  done\n  1  refused or failed; standard error says why and what to do\n"
        "  2  wrong arguments"
    )


def environment_option[Command: Callable[..., Any]](command: Command) -> Command:
    """`--environment`; left out, the configuration's own message lists the environments."""
    return click.option("--environment", metavar="NAME", help="The file config/NAME.toml.")(command)


def _subject(_: click.Context, __: click.Parameter, value: str | None) -> str:
    text = value or ""
    if not 1 <= len(text) <= _MAX_SUB_LENGTH or not text.isascii() or not text.isprintable():
        raise click.BadParameter(
            "name the user by customer_id in Connect, with make as CALLER=<sub>; "
            f"1 to {_MAX_SUB_LENGTH} printable ASCII characters"
        )
    return text


def caller_option[Command: Callable[..., Any]](command: Command) -> Command:
    """`--caller`: one user."""
    return click.option(
        "--caller",
        metavar="SUB",
        envvar="OPERATIONS_CALLER",
        callback=_subject,
        help="The `sub` of the user's token, which is customer_id in Connect.  [default: OPERATIONS_CALLER]",
    )(command)


def now() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000
