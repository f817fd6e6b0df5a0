"""The CDK command line, run against a local AWS."""

import os
import re
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from local.access import Access
from local.launcher.checkout import CDK, CHECKOUT, LocalAwsError, installed, node
from local.launcher.processes import leashed

CDK_WITHIN = 300.0  # seconds
SHOWN_LOG_LINES = 15

Progress = Callable[[str], None]

# What lets these commands run without a terminal.
_UNATTENDED = {
    "deploy": ("--require-approval", "never", "--progress", "events"),
    "destroy": ("--force", "--progress", "events"),
}


@dataclass(frozen=True)
class Cdk:
    """The command line for one environment in one local AWS."""

    environment: str
    access: Access
    region: str
    endpoint_url: str
    directory: Path
    progress: Progress

    def run(self, *arguments: str) -> list[str]:
        """Run a command; returns what it printed, or raises LocalAwsError."""
        self.progress(f"cdk {shlex.join(arguments)}")
        command = [
            str(installed(CDK)),
            *arguments,
            *_UNATTENDED.get(arguments[0], ()),
            *("--context", f"environment={self.environment}", "--output", str(self.directory / "cdk.out")),
            *("--ci", "--no-notices", "--no-color"),
        ]
        log = self.directory / "cdk.log"
        lines: list[str] = []
        with (
            leashed(command, self.environment_variables(), stdout=subprocess.PIPE) as process,
            log.open("a") as kept,
        ):
            late = threading.Timer(CDK_WITHIN, process.stdin.close if process.stdin else process.kill)
            late.daemon = True
            late.start()
            started = time.monotonic()
            try:
                for raw in process.stdout or ():
                    line = raw.decode(errors="replace").rstrip()
                    kept.write(f"{line}\n")
                    lines.append(line)
                    if shown := shown_progress(line):
                        self.progress(f"    {shown}")
            finally:
                # Ctrl-C ends the loop too: nothing may wait for the timer then.
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

    def environment_variables(self) -> dict[str, str]:
        """What the command sees."""
        # Nothing of the person's own AWS settings: no profile, no proxy, no other endpoint.
        foreign = re.compile(r"AWS_.*|.*_proxy", re.IGNORECASE)
        kept = {name: value for name, value in os.environ.items() if not foreign.fullmatch(name)}
        nothing = str(self.directory / "no-such-file")
        return kept | {
            "AWS_ACCESS_KEY_ID": self.access.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.access.secret_access_key,
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
            # Where the CDK's library keeps fingerprints of files, in `.cdk`.
            "HOME": str(self.directory / "cdk-home"),
            "JSII_NODE": str(node()),
            # Where make has it too; elsewhere the CDK's library would be unpacked for every command.
            "JSII_RUNTIME_PACKAGE_CACHE_ROOT": str(CHECKOUT / ".cache/jsii"),
            "PATH": os.pathsep.join(
                [str(Path(sys.executable).parent), str(node().parent), kept.get("PATH", "")]
            ),
        }


def shown_progress(line: str) -> str | None:
    """What a person wants to see of a line that the CDK printed, None for most lines."""
    is_milestone = re.match(r"\s*[✅❌]|✨ +Synthesis|\S+: (deploying|destroying)\.\.\.", line)
    # <stack> | <done>/<all> | <time> | <status> | <type> | <logical id> | <reason>
    has_failed = re.search(r"\| \w+_FAILED +\|", line)
    return line.strip() if is_milestone or has_failed else None
