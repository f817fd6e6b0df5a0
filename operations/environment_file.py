"""The first `config/<environment>.toml`: three values, and where each is from."""

from __future__ import annotations

from pathlib import Path

from infra.configuration import ENVIRONMENT_NAME, environments
from operations.errors import OperationError
from operations.instances import Resource, printable

_UNKNOWN_INSTANCE = "arn:aws:connect:<region>:<account>:instance/<uuid>"

# Where people find what is not known here.
_FIND_INSTANCE = (
    "To fill in: the Amazon Connect console's account overview has it, or: aws connect list-instances"
)
_FIND_QUEUES = """
# To fill in, from: aws connect list-queues --queue-types STANDARD --instance-id <uuid>"""


def check_name(checkout: Path, environment: str | None) -> str:
    """The name of a new environment. Raises OperationError for one that cannot be, or is."""
    name = (environment or "").strip()
    if not ENVIRONMENT_NAME.fullmatch(name):
        raise OperationError(
            f"{name!r} cannot name an environment.\n  Fix: at most 32 lower-case letters, digits and "
            "hyphens, a letter first: the name becomes part of stack names. For example: make new ENV=acme"
        )
    path = checkout / "config" / f"{name}.toml"
    if path.exists() and path.read_text(encoding="utf-8", errors="replace") != render(name):
        raise OperationError(
            f"config/{name}.toml exists, and is not overwritten.\n"
            f"  Fix: edit it, or choose a name that is none of: {', '.join(environments(checkout))}."
        )
    return name


def render(
    name: str,
    *,
    instance: Resource | None = None,
    verified: Resource | None = None,
    unverified: Resource | None = None,
) -> str:
    """The file of an environment; what is None is a place to fill in."""
    instance_arn = instance.arn if instance else _UNKNOWN_INSTANCE
    place = f"{instance_arn}/queue/<uuid>"
    return f"""#:schema ./schema.json
# The environment {name}: make deploy ENV={name}. Account and Region are the instance's.
# Every other key has a default: docs/configuration.md.

[connect]
# {f"The instance {_quoted(instance)}." if instance else _FIND_INSTANCE}
instance_arn = "{instance_arn}"{"" if verified else _FIND_QUEUES}
# Callers whose identity is proved{f": the queue {_quoted(verified)}" if verified else ""}.
verified_queue_arn = "{verified.arn if verified else place}"
# All others, whom the agent must identify{f": the queue {_quoted(unverified)}" if unverified else ""}.
unverified_queue_arn = "{unverified.arn if unverified else place}"
"""


def _quoted(resource: Resource) -> str:
    return repr(printable(resource.name))


def write(checkout: Path, name: str, text: str) -> Path:
    """Writes the file; returns where. Raises OperationError."""
    path = checkout / "config" / f"{name}.toml"
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OperationError(
            f"{path} cannot be written: {error.strerror}.\n  Fix: run it in a checkout that you may write to."
        ) from error
    return path
