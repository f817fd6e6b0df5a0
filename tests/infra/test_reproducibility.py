"""`cdk synth` of production writes the same from any folder, without AWS credentials or a network."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from infra.assets.bundling import bundle
from infra.functions.sources import SOURCES
from tests.infra.checkout_copy import copy_checkout
from tests.infra.synthesis import CHECKOUT

pytestmark = pytest.mark.slow

# Nobody listens there.
NOWHERE = "http://127.0.0.1:9"


def without_network() -> list[str]:
    """What runs a command in a network of its own, where the system lets us make one."""
    command = ["unshare", "--map-root-user", "--net"]
    if (
        shutil.which("unshare")
        and subprocess.run([*command, "true"], check=False, capture_output=True).returncode == 0
    ):
        return command
    return []


def without_credentials() -> dict[str, str]:
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name in {"HOME", "JSII_NODE", "LANG", "PATH", "TMPDIR"}
    }
    return {
        **inherited,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "CDK_DISABLE_CLI_TELEMETRY": "true",
        "CDK_DISABLE_VERSION_CHECK": "true",
        **dict.fromkeys(("ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"), NOWHERE),
    }


def synthesize(checkout: Path) -> tuple[dict[str, str], str]:
    """The hash of each template and asset file by name, and what was said."""
    command = [*without_network(), str(CHECKOUT / "node_modules" / ".bin" / "cdk"), "synth", "--quiet"]
    command += ["--no-notices", "--context", "environment=prod", "--output", "cdk.out"]
    done = subprocess.run(
        command, cwd=checkout, env=without_credentials(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    output = checkout / "cdk.out"
    files = [*output.glob("*.template.json"), *output.glob("*.assets.json"), *output.glob("asset.*")]
    return {
        path.relative_to(output).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
    }, done.stderr


@pytest.fixture(scope="module")
def syntheses(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[dict[str, str], str]]:
    for source in SOURCES.values():
        bundle(CHECKOUT, source)
    root = tmp_path_factory.mktemp("clones")
    return [synthesize(copy_checkout(root / folder)) for folder in ("one", "an/other")]


def test_two_clones_write_the_same_templates_and_assets(
    syntheses: list[tuple[dict[str, str], str]],
) -> None:
    (one, _), (other, _) = syntheses
    assert one == other
    assert len([name for name in one if name.endswith(".template.json")]) == 2
    assets = [name for name in one if name.startswith("asset.")]
    of_production = set(SOURCES) - {"authorizer"}
    assert len(assets) == len(of_production) + 1  # and the layer


def test_a_person_reads_no_notice_and_no_warning(syntheses: list[tuple[dict[str, str], str]]) -> None:
    for _, said in syntheses:
        assert "feature flag" not in said
        assert "WARNING" not in said.upper()
