"""The Makefile in a folder with a space, where programs print how they are called; nothing is installed."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
ENVIRONMENTS = ("acme", "dev", "local")
INSTALLED = (".venv", ".venv-local", ".venv-functions", "node_modules", "local/node_modules")
# What is built of what is installed, in this order.
BUILT = ("build/openapi.d.ts", "build/console/index.html")
# What either is made from.
SOURCES = (
    "requirements-dev.txt",
    "lambdas/requirements-authorizer.txt",
    "local/requirements.txt",
    "local/package.json",
    "local/package-lock.json",
    "local/.npmrc",
    "openapi.yaml",
)
REACHES_AN_ACCOUNT = (
    "bootstrap",
    "deploy",
    "destroy",
    "new",
    "outputs",
    "stop-calls",
    "resume-calls",
    "doctor",
    "smoke",
    "canary-user",
    "explain",
    "diff",
    "drift",
    "release-state",
    "block",
    "unblock",
)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "a folder"
    shutil.copytree(CHECKOUT / "config", folder / "config", ignore=shutil.ignore_patterns("*"))
    for name in ENVIRONMENTS:
        (folder / f"config/{name}.toml").touch()
    for file in ("Makefile", "package.json", "package-lock.json", ".npmrc", "requirements.txt"):
        shutil.copy(CHECKOUT / file, folder)
    for file in SOURCES:
        (folder / file).parent.mkdir(exist_ok=True)
        (folder / file).touch()
    program(folder / "setup.sh", 'echo "setup.sh $*"; exit 1')
    program(folder / ".venv/bin/python", 'printf "%s|" python "$@"; echo; exit ${STATUS:-0}')
    program(folder / "node_modules/.bin/cdk", 'printf "%s|" cdk "$@"; echo')
    return folder


@pytest.fixture
def installed(checkout: Path) -> Path:
    for name in INSTALLED:
        (checkout / name).mkdir(exist_ok=True)
        (checkout / name / ".installed").touch()
    for name in BUILT:
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).touch()
    return checkout


def program(path: Path, script: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def make(checkout: Path, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "ENV"))}
    return subprocess.run(
        ["make", "--silent", *arguments],
        cwd=checkout,
        env=inherited | variables,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


@pytest.mark.parametrize("target", REACHES_AN_ACCOUNT)
@pytest.mark.parametrize("given", [(), ("ENV=",), ("ENV= ",), ("ENV=\t",)], ids=["none", "", "space", "tab"])
def test_what_reaches_an_account_has_no_default_environment(
    checkout: Path, target: str, given: tuple[str, ...]
) -> None:
    """And nothing is installed before that is said."""
    done = make(checkout, target, *given)
    assert done.returncode == 2
    assert done.stdout == ""
    assert f"Which environment? For example: make {target} ENV=acme" in done.stderr
    assert "config/ has: acme dev local\n" in done.stderr
    assert "make new ENV=acme" in done.stderr


@pytest.mark.parametrize("target", ["demo", "local", "synth", "test-e2e"])
@pytest.mark.parametrize("given", ["ENV=", "ENV= "])
def test_an_empty_environment_is_no_default_either(checkout: Path, target: str, given: str) -> None:
    done = make(checkout, target, given)
    assert done.returncode == 2
    assert "Which environment?" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("target", "called"),
    [
        ("demo", "python|-u|-m|local.demo|--environment|local|\n"),
        ("local", "python|-u|-m|local|--environment|local|\n"),
        (
            "synth",
            "cdk|synth|--quiet|--no-notices|--context|environment=dev|--output|build/dev|\n",
        ),
    ],
)
def test_what_stays_on_this_machine_has_a_default(installed: Path, target: str, called: str) -> None:
    assert make(installed, target).stdout == called
    assert make(installed, target, "ENV=acme").stdout == called.replace(
        "environment=dev", "environment=acme"
    ).replace("build/dev", "build/acme").replace("|local|\n", "|acme|\n")
    assert make(installed, target, ENV="acme").stdout == make(installed, target, "ENV=acme").stdout


@pytest.mark.parametrize(
    ("target", "check", "then", "cdk"),
    [
        ("bootstrap", "check-credentials", "", "cdk|bootstrap|"),
        (
            "deploy",
            "check-transport",
            "python|-m|operations|doctor|--environment|acme|--before-deployment|\n",
            "cdk|deploy|--all|",
        ),
        ("destroy", "check-credentials", "", "cdk|destroy|InAppCalling-acme-{Calling,SipBridge}|"),
    ],
)
def test_an_account_is_checked_before_the_cdk_takes_its_time(
    installed: Path, target: str, check: str, then: str, cdk: str
) -> None:
    checked = f"python|-m|operations|{check}|--environment|acme|\n"
    done = make(installed, target, "ENV=acme")
    assert (
        done.stdout == f"{checked}{then}{cdk}--no-notices|--context|environment=acme|--output|build/acme|\n"
    )
    refused = make(installed, target, "ENV=acme", STATUS="1")
    assert refused.returncode == 2
    assert refused.stdout == checked


def test_drift_is_found_by_the_cdk_and_judged_by_the_command(installed: Path) -> None:
    done = make(installed, "drift", "ENV=acme")
    assert done.stdout == (
        "cdk|drift|--no-notices|--context|environment=acme|--output|build/acme|\n"
        "python|-m|operations|drift|--environment|acme|\n"
    )


@pytest.mark.parametrize("target", ["new", "outputs", "stop-calls", "resume-calls", "block", "unblock"])
def test_an_environment_is_handed_over_as_it_was_given(installed: Path, target: str) -> None:
    name = "a'b $1 `x` $(y)"
    done = make(installed, target, f"ENV={name}")
    assert done.stdout == f"python|-m|operations|{target}|--environment|{name}|\n"


def test_what_was_given_for_a_new_environment_is_handed_over(installed: Path) -> None:
    program(installed / ".venv/bin/python", "env | grep ^OPERATIONS_ | sort")
    done = make(installed, "new", "ENV=acme", "INSTANCE=a b", "VERIFIED=$x's", "UNVERIFIED=Général")
    for line in ("OPERATIONS_INSTANCE=a b", "OPERATIONS_VERIFIED=$x's", "OPERATIONS_UNVERIFIED=Général"):
        assert line in done.stdout.splitlines()


def test_what_is_downloaded_or_unpacked_stays_in_the_checkout(installed: Path) -> None:
    program(installed / ".venv/bin/python", "env")
    printed = make(installed, "demo", HOME="/elsewhere").stdout.splitlines()
    seen = dict(line.split("=", 1) for line in printed if "=" in line)
    assert seen["JSII_NODE"] == f"{installed}/.venv/bin/jsii-node"
    for name in (
        "CDK_HOME",
        "JSII_RUNTIME_PACKAGE_CACHE_ROOT",
        "UV_CACHE_DIR",
        "npm_config_cache",
    ):
        assert seen[name].startswith(f"{installed}/.cache/"), name
    assert seen["NODE_DISABLE_COMPILE_CACHE"] == "1"


def test_a_failed_installation_ends_the_command(checkout: Path) -> None:
    done = make(checkout, "demo")
    assert done.returncode == 2
    assert done.stdout == "setup.sh python\n"


def test_help_lists_every_target_that_people_run(checkout: Path) -> None:
    printed = make(checkout).stdout
    for target in ("demo", "local", "new", "deploy", "check", "test", *REACHES_AN_ACCOUNT):
        assert f"  make {target} " in printed
    assert max(map(len, printed.splitlines())) <= 130
