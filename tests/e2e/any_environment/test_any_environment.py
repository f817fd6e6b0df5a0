"""An environment that names what an account has: on a laptop it deploys, and the demo holds."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

CHECKOUT = Path(__file__).parents[3]
INSTANCE = "arn:aws:connect:eu-west-2:111122223333:instance/11111111-1111-4111-8111-111111111111"
QUEUE = "22222222-2222-4222-8222-22222222222"
FLOW = f"{INSTANCE}/contact-flow/33333333-3333-4333-8333-333333333333"
THREE_LINES = f"""[connect]
instance_arn = "{INSTANCE}"
verified_queue_arn = "{INSTANCE}/queue/{QUEUE}1"
unverified_queue_arn = "{INSTANCE}/queue/{QUEUE}2"
"""
ADOPTED_FLOW = f"""[connect]
instance_arn = "{INSTANCE}"
contact_flow_arn = "{FLOW}"
"""
PLACE = "eu-west-2:111122223333"
EVERYTHING = f"""{THREE_LINES}
[identity.existing_user_pool]
arn = "arn:aws:cognito-idp:{PLACE}:userpool/eu-west-2_Existing1"
client_id = "client1"
client_writes = ["name"]

[api]
web_acl = "arn:aws:wafv2:{PLACE}:regional/webacl/ours/66666666-6666-4666-8666-666666666666"

[api.domain]
name = "calls.example.com"
certificate_arn = "arn:aws:acm:{PLACE}:certificate/55555555-5555-4555-8555-555555555555"

[platform]
kms_key_arn = "arn:aws:kms:{PLACE}:key/44444444-4444-4444-8444-444444444444"
permissions_boundary_arn = "arn:aws:iam::111122223333:policy/boundary"
bootstrap_qualifier = "platform7"
"""
# What is installed, and is not copied.
_INSTALLED = (".venv", ".venv-local", ".venv-functions", "node_modules")
_NEEDED = ("app.py", "cdk.json", "config", "infra", "lambdas", "local", "openapi.yaml", "operations")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the checkout, whose configuration is the test's own."""
    copy = tmp_path / "checkout"
    copy.mkdir()
    for name in _INSTALLED:
        (copy / name).symlink_to(CHECKOUT / name)
    for name in _NEEDED:
        source = CHECKOUT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy / name)
    return copy


def demo(checkout: Path, environment: str) -> str:
    """What `make demo` says, on a port of its own; it held."""
    done = subprocess.run(
        [sys.executable, "-m", "local.demo", "--environment", environment],
        cwd=checkout,
        env={**os.environ, "LOCAL_PORT": "0", "PYTHONPATH": str(checkout)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize(
    ("configuration", "how"),
    [
        pytest.param(THREE_LINES, f"{INSTANCE}/queue/{QUEUE}1: a queue", id="three lines"),
        pytest.param(EVERYTHING, "userpool/eu-west-2_Existing1: a user pool", id="all that can exist"),
        pytest.param(
            ADOPTED_FLOW, f"{FLOW}: a contact flow: identifies the caller, then queues", id="adopted flow"
        ),
    ],
)
def test_an_environment_that_adopts_an_instance_runs_on_a_laptop(
    configuration: str, how: str, checkout: Path
) -> None:
    (checkout / "config/acme.toml").write_text(configuration, encoding="utf-8")
    said = demo(checkout, "acme")
    assert f"{INSTANCE}: an instance" in said
    assert how in said
    assert "All of it held." in said


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_the_environments_for_accounts_run_on_a_laptop_as_they_are_shipped(
    environment: str, checkout: Path
) -> None:
    assert "All of it held." in demo(checkout, environment)
