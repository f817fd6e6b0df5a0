"""The version before is deployed, this one over it, and then that one again: nobody loses anything.

The tests are steps, in this order, of the life of one environment in a local AWS of its own, that of this
checkout. docs/releases.md says which version is the one before.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from infra.outputs import Output
from local.clients.observer import eventually
from local.clients.phone import Phone
from local.launcher.checkout import CDK, CHECKOUT, installed
from local.launcher.local_aws import LocalAws, local_aws
from start_call.switch import READ_EVERY_SECONDS
from tests.e2e.answers import assert_problem
from tests.e2e.aws import Aws, Caller, with_the_templates_of_before
from tests.e2e.calls import connected, queued
from tools.stateful.picture import TYPES

pytestmark = pytest.mark.slow  # deployment follows deployment

ENVIRONMENT = "local"
CALLING = f"InAppCalling-{ENVIRONMENT}-Calling"
TEMPLATE = f"{CALLING}.template.json"
UNTAGGED_BASE = "9826de47e310cf1cea8469bc609e826f127c9b9a"
"""The version before as long as none is tagged: the commit before pictures of what is stateful came."""

# What callers, apps and operators have of an environment: none of it may become another.
LASTING_OUTPUTS = {
    Output.API_URL,
    Output.CALLS_TABLE,
    Output.CALLING_PARAMETER,
    Output.CONNECT_INSTANCE_ARN,
    Output.CONTACT_FLOW_ARN,
    Output.USER_POOL_CLIENT_ID,
    Output.USER_POOL_ID,
}


def git(*arguments: str) -> str | None:
    """What git says of this checkout; None where it says that there is no such thing."""
    done = subprocess.run(
        ["git", *arguments], cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=60
    )
    return done.stdout.strip() if done.returncode == 0 else None


def version_before() -> str:
    """The newest tag of a version that this commit comes after, or `UNTAGGED_BASE`."""
    tags = git("tag", "--merged", "HEAD", "--no-contains", "HEAD", "--list", "v*", "--sort=-version:refname")
    return tags.split()[0] if tags else UNTAGGED_BASE


class EarlierTree:
    """The tree of a commit, which is synthesized with what this checkout has installed."""

    def __init__(self, commit: str, folder: Path) -> None:
        archive = folder.with_suffix(".tar")
        assert git("archive", "--output", str(archive), commit) is not None
        shutil.unpack_archive(archive, folder, filter="data")
        for name in (".cache", ".venv"):
            (folder / name).symlink_to(CHECKOUT / name)
        # What the functions import beside is taken from .cache/, without the network: its pins are not what
        # an upgrade can lose something by.
        for pins in (folder / "lambdas").glob("requirements*.txt"):
            if (CHECKOUT / "lambdas" / pins.name).exists():
                shutil.copy(CHECKOUT / "lambdas" / pins.name, pins)
        self._folder, self._assembly = folder, folder / "build" / ENVIRONMENT

    def deploy(self, running: LocalAws) -> None:
        """What `make deploy` does in that tree, with that tree's own cdk.json."""
        if not self._assembly.exists():
            subprocess.run(
                [
                    str(installed(CDK)),
                    *("synth", "--quiet", "--no-notices", "--output", str(self._assembly)),
                    *("--context", f"environment={ENVIRONMENT}"),
                ],
                cwd=self._folder,
                env=running.command_line.environment_variables(),
                stdout=subprocess.DEVNULL,
                check=True,
                timeout=200,
            )
        running.deploy("--app", str(self._assembly))


@dataclass(frozen=True, kw_only=True)
class People:
    """Who calls before the upgrade."""

    talking: Caller
    """To an agent, in the call `call_id`."""
    call_id: str
    waiting: Caller
    """For an agent, in the call `waiting_call_id`."""
    waiting_call_id: str
    blocked: Caller


@dataclass(frozen=True, kw_only=True)
class Before:
    """The environment as the earlier version has made it."""

    template: Any
    """Of the Calling stack."""
    outputs: dict[str, str]
    stateful: dict[tuple[str, str], str]


def stateful_resources(aws: Aws) -> dict[tuple[str, str], str]:
    """The physical ids of what holds something, by type and logical id."""
    return {
        (resource["ResourceType"], resource["LogicalResourceId"]): resource["PhysicalResourceId"]
        for resource in aws.resources
        if resource["ResourceType"] in TYPES
    }


def template(running: LocalAws) -> Any:
    """What is deployed of the Calling stack."""
    return running.client("cloudformation").get_template(StackName=CALLING)["TemplateBody"]


def of(running: LocalAws) -> Aws:
    return Aws(running.outputs, running.stacks)


def operate(running: LocalAws, *arguments: str) -> str:
    """An operator's command of this checkout; returns what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "operations", *arguments, "--environment", ENVIRONMENT],
        cwd=CHECKOUT,
        env=running.command_line.environment_variables(),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> EarlierTree:
    commit = version_before()
    if git("cat-file", "-e", f"{commit}^{{commit}}") is None:
        pytest.skip(f"this clone lacks {commit}, the version before: git fetch --unshallow --tags")
    return EarlierTree(commit, tmp_path_factory.mktemp("earlier") / "tree")


@pytest.fixture(scope="module")
def running(earlier: EarlierTree, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with local_aws(ENVIRONMENT, port=0, directory=tmp_path_factory.mktemp("upgrade")) as started:
        earlier.deploy(started)
        yield started


@pytest.fixture(scope="module")
def before(running: LocalAws) -> Before:
    return Before(
        template=template(running),
        outputs=dict(running.outputs),
        stateful=stateful_resources(of(running)),
    )


@pytest.fixture(scope="module")
def new_caller(before: Before, running: LocalAws) -> Callable[..., Caller]:
    """Signs somebody up and in, with the app as people have installed it before the upgrade."""
    return partial(Caller.sign_up_and_in, Phone(before.outputs), of(running).join)


@pytest.fixture(scope="module")
def people(running: LocalAws, new_caller: Callable[..., Caller]) -> People:
    talking, waiting, blocked = new_caller(), new_caller(), new_caller()
    operate(running, "block", "--caller", blocked.user.user_id)
    aws = of(running)
    return People(
        talking=talking,
        call_id=connected(aws, talking),
        waiting=waiting,
        waiting_call_id=queued(aws, waiting),
        blocked=blocked,
    )


@pytest.fixture(scope="module")
def upgraded(people: People, running: LocalAws) -> LocalAws:
    """After the calls have begun, this version is deployed; the switch is off meanwhile."""
    operate(running, "stop-calls")
    running.deploy()
    return running


@pytest.fixture(scope="module")
def late(upgraded: LocalAws, new_caller: Callable[..., Caller]) -> tuple[Caller, str]:
    """Who has called since the upgrade, and the call."""
    caller = new_caller()
    return caller, queued(of(upgraded), caller)


@pytest.fixture(scope="module")
def gone_back(late: tuple[Caller, str], upgraded: LocalAws, earlier: EarlierTree) -> LocalAws:
    """And then the earlier version again."""
    earlier.deploy(upgraded)
    return upgraded


def assert_nothing_is_lost(running: LocalAws, before: Before, people: People) -> None:
    now = stateful_resources(of(running))
    assert {name: now.get(name) for name in before.stateful} == before.stateful
    assert before.outputs.keys() <= running.outputs.keys()
    for name in LASTING_OUTPUTS:
        assert running.outputs[name] == before.outputs[name], name
    for caller in (people.talking, people.waiting):
        again = caller.phone.sign_in(caller.user.email, caller.password)
        assert again.user_id == caller.user.user_id


def assert_still_blocked(people: People) -> None:
    assert_problem(people.blocked.start(), 403, "caller-blocked")


def test_the_version_before_is_another_one(before: Before, earlier: EarlierTree) -> None:
    assert git("rev-parse", f"{version_before()}^{{commit}}") != git("rev-parse", "HEAD")
    assert {type_ for type_, _ in before.stateful} == {
        "AWS::ApiGateway::RestApi",
        "AWS::Cognito::UserPool",
        "AWS::Cognito::UserPoolClient",
        "AWS::DynamoDB::Table",
        "AWS::KMS::Key",
    }


def test_an_upgrade_keeps_users_outputs_and_what_is_stateful(
    upgraded: LocalAws, before: Before, people: People
) -> None:
    synthesized = (upgraded.directory / "cdk.out" / TEMPLATE).read_text(encoding="utf-8")
    assert template(upgraded) == json.loads(synthesized)
    assert_nothing_is_lost(upgraded, before, people)


def test_an_upgrade_leaves_calls_stopped_that_an_operator_has_stopped(
    upgraded: LocalAws, people: People
) -> None:
    parameter = upgraded.outputs[Output.CALLING_PARAMETER]
    assert upgraded.client("ssm").get_parameter(Name=parameter)["Parameter"]["Value"] == "off"
    assert_problem(people.blocked.start(), 503, "calling-stopped")
    operate(upgraded, "resume-calls")
    assert eventually(lambda: people.blocked.start().status_code == 403, seconds=2 * READ_EVERY_SECONDS)


def test_calls_that_were_stopped_are_no_change_by_hand(upgraded: LocalAws) -> None:
    """What `make drift` runs."""
    operate(upgraded, "stop-calls")
    drift = ("drift", *with_the_templates_of_before(upgraded))
    assert any("CallingSwitch" in line for line in upgraded.cdk(*drift))
    printed = operate(upgraded, "drift")
    assert printed.startswith("Expected: calls are stopped (/in-app-calling/local/Calling is off)")
    assert printed.endswith("Nothing in local was changed by hand.\n")
    operate(upgraded, "resume-calls")
    upgraded.cdk(*drift)
    assert operate(upgraded, "drift") == "Nothing in local was changed by hand.\n"


def test_a_call_of_before_an_upgrade_goes_on_and_ends(upgraded: LocalAws, people: People) -> None:
    aws, caller = of(upgraded), people.talking
    assert caller.state(people.call_id) == "CONNECTED"
    assert people.waiting.state(people.waiting_call_id) == "QUEUED"
    assert caller.send_digits(people.call_id, "1#").status_code == 204
    assert caller.hang_up(people.call_id).status_code == 204
    assert caller.state(people.call_id) == "ENDED"
    assert aws.is_over(people.call_id)


def test_a_call_of_after_an_upgrade_begins(late: tuple[Caller, str], people: People) -> None:
    caller, call_id = late
    assert caller.state(call_id) == "QUEUED"
    assert_still_blocked(people)


def test_going_back_keeps_users_outputs_and_what_is_stateful(
    gone_back: LocalAws, before: Before, people: People
) -> None:
    assert template(gone_back) == before.template
    assert stateful_resources(of(gone_back)) == before.stateful
    assert gone_back.outputs == before.outputs
    assert_nothing_is_lost(gone_back, before, people)


@pytest.mark.parametrize("begun", ["before the upgrade", "after it"])
def test_calls_go_on_and_end_after_going_back(
    begun: str, gone_back: LocalAws, people: People, late: tuple[Caller, str]
) -> None:
    aws = of(gone_back)
    caller, call_id = late if begun == "after it" else (people.waiting, people.waiting_call_id)
    assert caller.state(call_id) == "QUEUED"
    aws.happen(call_id, "AgentConnected")
    assert caller.comes_to(call_id, "CONNECTED")
    assert caller.hang_up(call_id).status_code == 204
    assert caller.state(call_id) == "ENDED"
    assert aws.is_over(call_id)


def test_after_going_back_calls_begin_and_blocks_hold(gone_back: LocalAws, people: People) -> None:
    caller = people.talking
    assert caller.hang_up(queued(of(gone_back), caller)).status_code == 204
    assert_still_blocked(people)
