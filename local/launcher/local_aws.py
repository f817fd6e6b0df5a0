"""Starts, fills and stops a local AWS from outside: for `make local`, the demo and the end-to-end tests.

    with local_aws() as aws:
        aws.deploy()
        phone = Phone(aws.outputs)

Whatever ends this process, a SIGKILL included, ends the emulator and the functions' processes too.
"""

import functools
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from local.access import Access
from local.launcher import media
from local.launcher.cdk import SHOWN_LOG_LINES, Cdk, Progress
from local.launcher.checkout import (
    CDK_BOOTSTRAP,
    CHECKOUT,
    FUNCTIONS_PYTHON,
    SERVER_PYTHON,
    LocalAwsError,
    check_installed,
    installed,
    node,
)
from local.launcher.existing import Existing
from local.launcher.ports import check_port, free_port, read_port
from local.launcher.processes import end_killed_run, leashed, locked
from local.launcher.target import Target, read_target

DEFAULT_ENVIRONMENT = "local"
BOOTSTRAP_STACK = "CDKToolkit"
READY_WITHIN = 30.0  # seconds


@dataclass
class LocalAws:
    """A running local AWS, which pretends to be account and Region of an environment.

    After `deploy`, `stacks` names the app's stacks and `outputs` has their outputs, where the local AWS
    is and its secrets lie, and what of `identity` an app needs to sign in. `caller_attributes` are what apps
    may send with a call. `media_port` is where calls can be heard, if anywhere.
    """

    port: int
    directory: Path
    progress: Progress
    server: "subprocess.Popen[bytes]"
    environment: str
    account: str
    region: str
    access: Access
    identity: Mapping[str, str]
    existing: Existing
    bootstrap_qualifier: str | None = None
    caller_attributes: tuple[str, ...] = ()
    media_port: int | None = None
    media: "subprocess.Popen[bytes] | None" = None
    stacks: list[str] = field(default_factory=list)
    outputs: dict[str, str] = field(default_factory=dict)
    _domain_url: str | None = None

    @property
    def endpoint_url(self) -> str:
        """Where all its services answer. The IP and not a name: it keeps S3 to paths."""
        return f"http://127.0.0.1:{self.port}"

    @functools.cached_property
    def client(self) -> Callable[[str], Any]:
        """A service's boto3 client with every permission in the local account; it does not retry."""
        once = Config(retries={"total_max_attempts": 1}, read_timeout=60)
        return functools.cache(
            functools.partial(self._session.client, endpoint_url=self.endpoint_url, config=once)
        )

    @functools.cached_property
    def _session(self) -> Any:
        return boto3.Session(
            region_name=self.region,
            aws_access_key_id=self.access.access_key_id,
            aws_secret_access_key=self.access.secret_access_key,
        )

    def deploy(self, *options: str) -> None:
        """Bootstrap a new account, deploy all stacks of the environment, write outputs.json.

        `options` are the CDK command line's, `--app` for one.
        """
        if not any(stack["StackName"] == BOOTSTRAP_STACK for stack in self._deployed()):
            self._bootstrap()
        self.cdk("deploy", "--all", *options)
        self._play_adopted_flows()
        self._read_outputs()
        (self.directory / "outputs.json").write_text(json.dumps(self.outputs, indent=2) + "\n")

    def _bootstrap(self) -> None:
        """Do what `cdk bootstrap` does, by its template but without its command line, which takes seconds."""
        parameters = {"CloudFormationExecutionPolicies": "arn:aws:iam::aws:policy/AdministratorAccess"}
        if self.bootstrap_qualifier:
            parameters["Qualifier"] = self.bootstrap_qualifier
        cloudformation = self.client("cloudformation")
        try:
            cloudformation.create_stack(
                StackName=BOOTSTRAP_STACK,
                TemplateBody=installed(CDK_BOOTSTRAP).read_text(encoding="utf-8"),
                Parameters=[
                    {"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()
                ],
                Capabilities=["CAPABILITY_NAMED_IAM"],
            )
            finished = cloudformation.get_waiter("stack_create_complete")
            finished.wait(StackName=BOOTSTRAP_STACK, WaiterConfig={"Delay": 0.1, "MaxAttempts": 300})
        except (BotoCoreError, ClientError) as error:
            raise LocalAwsError(f"The account could not be bootstrapped for the CDK: {error}") from error

    def _play_adopted_flows(self) -> None:
        """Give adopted contact flows their contents: by now the function is deployed that they invoke."""
        if not self.existing.flows:
            return
        connect = self.client("connect")
        instance_id = next(iter(self.existing.flows)).split("/")[1]
        functions = connect.list_lambda_functions(InstanceId=instance_id)["LambdaFunctions"]
        if not functions:
            raise LocalAwsError("No function is associated with the instance, for adopted flows to invoke.")
        # The association may name the function itself; flows invoke its alias.
        function = functions[0] if functions[0].count(":") == 7 else f"{functions[0]}:live"
        for arn, content in self.existing.flow_contents(function).items():
            try:
                connect.update_contact_flow_content(
                    InstanceId=instance_id, ContactFlowId=arn.rpartition("/")[2], Content=content
                )
            except connect.exceptions.InvalidContactFlowException as error:
                source = self.existing.exports.get(arn, arn)
                raise LocalAwsError(f"{source} does not run here: {error}") from None

    def write_app_outputs(self) -> Path:
        """Write what `make outputs` writes; returns the folder."""
        folder = self.directory / "app"
        command = ["-m", "operations", "outputs", "--environment", self.environment, "--folder", str(folder)]
        done = subprocess.run(
            [sys.executable, *command],
            cwd=CHECKOUT,
            env=self.command_line.environment_variables(),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise LocalAwsError(f"outputs.json and amplify_outputs.json were not written:\n{done.stderr}")
        _add_user_pool_endpoint(folder / "amplify_outputs.json", self.endpoint_url)
        if self._domain_url:
            for file in folder.glob("*.json"):
                text = file.read_text(encoding="utf-8")
                own = self.outputs["ApiUrl"].rstrip("/")
                file.write_text(text.replace(self._domain_url.rstrip("/"), own), encoding="utf-8")
        return folder

    def cdk(self, *arguments: str) -> list[str]:
        """Run the CDK command line against this AWS; returns what it printed, or raises LocalAwsError."""
        return self.command_line.run(*arguments)

    @property
    def command_line(self) -> Cdk:
        """The CDK command line against this AWS."""
        return Cdk(
            self.environment, self.access, self.region, self.endpoint_url, self.directory, self.progress
        )

    def check(self) -> None:
        """Raise LocalAwsError with the end of the log of what is no longer running."""
        if self.server.poll() is not None:
            raise LocalAwsError(f"The local AWS stopped by itself.\n{_end_of(self.directory / 'server.log')}")
        if self.media and self.media.poll() is not None:
            log = self.directory / "media.log"
            raise LocalAwsError(f"The local media plane stopped by itself.\n{_end_of(log)}")

    def _deployed(self) -> list[dict[str, Any]]:
        stacks: list[dict[str, Any]] = self.client("cloudformation").describe_stacks()["Stacks"]
        return stacks

    def _read_outputs(self) -> None:
        app = [stack for stack in self._deployed() if stack["StackName"] != BOOTSTRAP_STACK]
        self.stacks = [stack["StackName"] for stack in app]
        known = {
            "EndpointUrl": self.endpoint_url,
            "AccessFolder": str(self.directory),
            "Region": self.region,
            **self.identity,
        }
        of_stacks = {
            output["OutputKey"]: output["OutputValue"]
            for stack in app
            for output in stack.get("Outputs", [])
            if not output["OutputKey"].startswith("ExportsOutput")  # what one stack passes to the other
        }
        # An issuer of this machine may stand for the one that was deployed.
        stands_in = {"Issuer": self.identity["Issuer"]} if "Issuer" in self.identity else {}
        self.outputs = known | of_stacks | stands_in
        if not self.outputs.get("ApiUrl", self.endpoint_url).startswith(self.endpoint_url):
            # A domain name of one's own leads to this machine for nobody.
            self._domain_url = self.outputs["ApiUrl"]
            self.outputs["ApiUrl"] = self._own_api_url()

    def _own_api_url(self) -> str:
        """The address of the API on this machine."""
        pages = self.client("cloudformation").get_paginator("list_stack_resources")
        ids = {
            resource["ResourceType"]: resource["PhysicalResourceId"]
            for stack in self.stacks
            for page in pages.paginate(StackName=stack)
            for resource in page["StackResourceSummaries"]
        }
        api, stage = ids["AWS::ApiGateway::RestApi"], ids["AWS::ApiGateway::Stage"]
        return f"{self.endpoint_url}/_aws/execute-api/{api}/{stage}/"


@contextmanager
def local_aws(
    environment: str = DEFAULT_ENVIRONMENT,
    *,
    port: int | None = None,
    directory: Path = CHECKOUT / ".local",
    progress: Progress = print,
    with_media: bool = False,
) -> Iterator[LocalAws]:
    """Run a local AWS for the length of the block, empty at its start.

    It is the account and the Region that config/<environment>.toml names. `port` is LOCAL_PORT's or 4566 by
    default; 0 takes a free one. `directory` keeps its state and logs, and is one run's at a time.
    `with_media`: calls can be heard. Raises LocalAwsError where it cannot start.
    """
    target = read_target(environment)
    port = read_port(port)
    check_installed()
    directory = directory.resolve()
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with locked(directory):
        end_killed_run(directory)
        check_port(port)
        port = port or free_port()
        for name in ("tmp", "state", "s3", "cdk.out", "outputs.json", "app", "cdk.log"):
            _remove(directory / name)
        (directory / "tmp").mkdir()
        progress(f"the local AWS starts on http://127.0.0.1:{port}")
        command = [str(installed(SERVER_PYTHON)), "-m", "local.emulator.server"]
        variables = _server_environment(port, directory, target)
        media_port = free_port() if with_media else None
        try:
            access = Access.create(directory, account=target.account)
            with ExitStack() as running:
                plane = None
                if media_port:
                    variables["LOCAL_MEDIA_PORT"] = str(media_port)
                    url = f"http://127.0.0.1:{port}"
                    plane = running.enter_context(
                        media.media_plane(media_port, emulator_url=url, directory=directory)
                    )
                log = running.enter_context((directory / "server.log").open("wb"))
                server = running.enter_context(leashed(command, variables, stdout=log))
                (directory / "leash").write_text(str(server.pid))
                aws = LocalAws(
                    port=port,
                    directory=directory,
                    progress=progress,
                    server=server,
                    environment=environment,
                    account=target.account,
                    region=target.region,
                    access=access,
                    identity=target.identity,
                    existing=target.existing,
                    bootstrap_qualifier=target.bootstrap_qualifier,
                    caller_attributes=target.caller_attributes,
                    media_port=media_port,
                    media=plane,
                )
                _wait_until_ready(aws)
                if media_port and plane:
                    media.wait_until_ready(media_port, plane)
                _show_existing(target, progress)
                yield aws
        finally:
            _remove(directory / "tmp")
            for leash in directory.glob("leash*"):
                _remove(leash)
            Access.forget(directory)


def _show_existing(target: Target, progress: Progress) -> None:
    """What of the configuration is played, and how."""
    lines = target.existing.described()
    if target.stand_in:
        lines += target.stand_in.described()
    if lines:
        progress("what the configuration names is played:")
        for line in lines:
            progress(f"    {line}")


def _add_user_pool_endpoint(amplify_outputs: Path, endpoint_url: str) -> None:
    """Amplify makes the address of a user pool from its Region: it would send what users type to AWS.

    The schema of its file has no place for another one; `Amplify.configure` has.
    """
    written = json.loads(amplify_outputs.read_text(encoding="utf-8"))
    if "auth" in written:
        written["custom"]["Auth"] = {"Cognito": {"userPoolEndpoint": endpoint_url}}
        amplify_outputs.write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")


def _server_environment(port: int, directory: Path, target: Target) -> dict[str, str]:
    """All that the server sees of its surroundings; functions see less."""
    return {
        "AUTH": "true",
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_ENABLED": "0",
        "LANG": "C.UTF-8",
        "LOCAL_ACCESS": str(directory),
        "LOCAL_FUNCTIONS_NODE": str(node()),
        "LOCAL_FUNCTIONS_PYTHON": str(installed(FUNCTIONS_PYTHON)),
        "LOCAL_EXISTING": json.dumps(target.existing.document()),
        "LOCAL_STAND_IN": json.dumps(target.stand_in and target.stand_in.document()),
        "MINISTACK_ACCOUNT_ID": target.account,
        "MINISTACK_REGION": target.region,
        "PATH": os.environ.get("PATH", os.defpath),
        "PYTHONPATH": str(CHECKOUT),
        "S3_DATA_DIR": str(directory / "s3"),
        "SFTP_ENABLED": "0",
        "STATE_DIR": str(directory / "state"),
        "TMPDIR": str(directory / "tmp"),
    }


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


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
