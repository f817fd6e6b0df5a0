"""Switching the bridge on keeps what is under way; switching it off strands no call and leaves nothing.

The tests are steps, in this order, of the life of one environment in a local AWS of its own.
"""

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from local.clients.observer import eventually
from local.clients.phone import Phone
from local.launcher.checkout import CHECKOUT
from local.launcher.local_aws import LocalAws, local_aws
from start_call.switch import READ_EVERY_SECONDS
from tests.e2e.answers import assert_call, assert_problem
from tests.e2e.aws import Aws, Caller
from tests.e2e.calls import connected, queued
from tests.e2e.held_properties import Resource, deployed, left
from tests.e2e.sip_bridge.bridge_aws import BridgeAws, resources_of_bridge
from tests.e2e.sip_bridge.calls import assert_over
from tests.e2e.sip_bridge.held_properties import READERS

pytestmark = pytest.mark.slow  # deployment follows deployment

ENVIRONMENT = "local-bridge"
BRIDGE_STACK = f"InAppCalling-{ENVIRONMENT}-SipBridge"
# Two calls use a user's rate up for as long as the tests last.
CALLS = """\
[calls]
starts_per_window = 2
window_seconds = 3600
starts_per_day = 100

"""


class Checkout:
    """A checkout whose configuration an operator edits; all else in it are links to this one."""

    def __init__(self, folder: Path) -> None:
        # What finds its checkout by where it lies is copied.
        copied = {"app.py", "config", "operations"}
        for path in CHECKOUT.iterdir():
            if path.name not in copied | {".git"}:
                (folder / path.name).symlink_to(path)
        shutil.copy(CHECKOUT / "app.py", folder)
        shutil.copytree(CHECKOUT / "operations", folder / "operations")
        (folder / "config").mkdir()
        self._folder = folder

    def configure(self, *, bridge: bool) -> None:
        """Writes the environment's configuration, with or without the sections of the bridge."""
        file = Path("config", f"{ENVIRONMENT}.toml")
        sections = re.split(r"(?m)^(?=\[)", (CHECKOUT / file).read_text(encoding="utf-8"))
        kept = [each for each in sections if bridge or not each.lstrip("[").startswith("sip_bridge")]
        text = "".join(CALLS if each.startswith("[calls]") else each for each in kept)
        assert ("[sip_bridge]" in text) == bridge
        assert CALLS in text
        (self._folder / file).write_text(text, encoding="utf-8")

    def deploy(self, running: LocalAws) -> None:
        """What `make deploy` does once it is not refused."""
        running.deploy("--app", shlex.join([sys.executable, str(self._folder / "app.py")]))

    def operate(self, running: LocalAws, *arguments: str) -> subprocess.CompletedProcess[str]:
        """An operator's command, with the account's credentials."""
        return subprocess.run(
            [sys.executable, "-m", "operations", *arguments, "--environment", ENVIRONMENT],
            cwd=self._folder,
            env=running.command_line.environment_variables(),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )


@dataclass(frozen=True, kw_only=True)
class People:
    """Who calls before there is a bridge."""

    talking: Caller
    """To an agent, in the call `call_id`."""
    call_id: str
    waiting: Caller
    """For an agent, in the call `waiting_call_id`."""
    waiting_call_id: str
    blocked: Caller
    tired: Caller
    """Has started as many calls as anybody may."""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    return Checkout(tmp_path_factory.mktemp("checkout"))


@pytest.fixture(scope="module")
def running(checkout: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """Deployed without the bridge."""
    with local_aws(ENVIRONMENT, port=0, directory=tmp_path_factory.mktemp("switching")) as started:
        checkout.configure(bridge=False)
        checkout.deploy(started)
        yield started


@pytest.fixture(scope="module")
def phone(running: LocalAws) -> Phone:
    """An app that people have installed: it is given nothing else when the deployment changes."""
    return Phone(running.outputs)


@pytest.fixture(scope="module")
def new_caller(phone: Phone) -> Callable[..., Caller]:
    """Somebody whose calls are bridged: these reach Connect whether the app has joined them or not."""
    return partial(Caller.sign_up_and_in, phone)


@pytest.fixture(scope="module")
def people(running: LocalAws, checkout: Checkout, new_caller: Callable[..., Caller]) -> People:
    aws = Aws(running.outputs, running.stacks)
    talking, waiting, blocked, tired = (new_caller(join=aws.join) for _ in range(4))
    people = People(
        talking=talking,
        call_id=connected(aws, talking),
        waiting=waiting,
        waiting_call_id=queued(aws, waiting),
        blocked=blocked,
        tired=tired,
    )
    block = checkout.operate(running, "block", "--caller", blocked.user.user_id)
    assert block.returncode == 0, block.stderr
    for _ in range(2):
        call_id = assert_call(tired.start())["ContactId"]
        assert tired.hang_up(call_id).status_code == 204
    return people


@pytest.fixture(scope="module")
def aws(running: LocalAws, checkout: Checkout, people: People) -> BridgeAws:
    """The same environment, deployed with the bridge after `people` have called."""
    before = running.outputs
    checkout.configure(bridge=True)
    checkout.deploy(running)
    after = running.outputs
    assert (before["CallTransport"], after["CallTransport"]) == ("webrtc", "sip_bridge")
    for output in ("ApiUrl", "CallsTable", "UserPoolId"):
        assert before[output] == after[output]
    return BridgeAws(running.outputs, running.stacks)


@pytest.fixture(scope="module")
def of_bridge(aws: BridgeAws) -> list[Resource]:
    """The resources of the bridge's stack."""
    return deployed(Aws(aws.outputs, [BRIDGE_STACK]))


@pytest.mark.usefixtures("aws")
def test_a_native_call_has_the_state_that_it_had(people: People) -> None:
    assert people.talking.state(people.call_id) == "CONNECTED"
    assert people.waiting.state(people.waiting_call_id) == "QUEUED"
    active = assert_problem(people.waiting.start(), 409, "call-active")
    assert people.waiting_call_id in json.dumps(active)


def test_a_native_call_takes_digits(aws: BridgeAws, people: People) -> None:
    assert people.talking.send_digits(people.call_id, "42#").status_code == 204
    assert aws.contact(people.call_id)["Digits"] == ["42#"]


def test_a_native_call_is_still_verified(aws: BridgeAws, people: People) -> None:
    contact = aws.contact(people.call_id)
    assert _verify(aws, contact)["auth_status"] == "verified"
    assert _verify(aws, contact)["customer_id"] == people.talking.user.user_id
    forged = {**contact, "ContactId": aws.contact(people.waiting_call_id)["ContactId"]}
    assert _verify(aws, forged) == {"auth_status": "unverified"}


def _verify(aws: BridgeAws, contact: dict[str, Any]) -> dict[str, str]:
    """What a contact flow is answered about a native contact (Connect's event for a Lambda function)."""
    event = {
        "Name": "ContactFlowEvent",
        "Details": {
            "ContactData": {
                "Attributes": contact["Parameters"]["Attributes"],
                "Channel": "VOICE",
                "ContactId": contact["ContactId"],
                "InitialContactId": contact["ContactId"],
                "InitiationMethod": contact["InitiationMethod"],
                "InstanceARN": contact["InstanceArn"],
            },
            "Parameters": {},
        },
    }
    name = aws.physical_id("AWS::Lambda::Function", "CallerContext")
    answer = aws.client("lambda").invoke(FunctionName=name, Qualifier="live", Payload=json.dumps(event))
    verified: dict[str, str] = json.load(answer["Payload"])
    return verified


def test_a_native_call_is_rejoined(aws: BridgeAws, people: People) -> None:
    before = assert_call(people.talking.rejoin(people.call_id), 200)
    aws.happen(people.call_id, "CustomerDropped")
    after = assert_call(people.talking.rejoin(people.call_id), 200)
    assert after["ContactId"] == people.call_id
    assert after["ParticipantId"] != before["ParticipantId"]


def test_a_native_call_goes_on_to_its_end(aws: BridgeAws, people: People) -> None:
    aws.happen(people.waiting_call_id, "AgentConnected")
    assert people.waiting.comes_to(people.waiting_call_id, "CONNECTED")
    aws.happen(people.waiting_call_id, "AgentDisconnected")
    assert people.waiting.comes_to(people.waiting_call_id, "ENDED")


def test_a_native_call_is_hung_up_and_the_next_one_is_bridged(aws: BridgeAws, people: People) -> None:
    assert people.talking.hang_up(people.call_id).status_code == 204
    assert people.talking.state(people.call_id) == "ENDED"
    assert aws.contact(people.call_id)["State"] == "ended"
    assert aws.meetings() == []
    call_id = connected(aws, replace(people.talking, join=None))
    assert aws.sip_calls_of(call_id)
    assert aws.contact_of(call_id)["Queue"]["Arn"] == aws.queue("Verified")
    assert people.talking.hang_up(call_id).status_code == 204
    assert_over(aws, call_id)


@pytest.mark.usefixtures("aws")
def test_blocks_and_rates_hold(people: People) -> None:
    assert_problem(people.blocked.start(), 403, "caller-blocked")
    assert_problem(people.tired.start(), 429, "rate-exceeded")


def test_the_bridge_is_not_taken_away_while_calls_need_it_or_can_start(
    running: LocalAws, checkout: Checkout, aws: BridgeAws, caller: Caller
) -> None:
    check = partial(checkout.operate, running, "check-transport")
    assert check().returncode == 0  # it is in the configuration
    checkout.configure(bridge=False)
    refused = check()
    assert refused.returncode == 1
    assert "no longer has the transport 'sip_bridge'" in refused.stderr
    assert "calling is on" in refused.stderr
    assert f"make stop-calls ENV={ENVIRONMENT}\n" in refused.stderr

    call_id = queued(aws, caller)
    assert checkout.operate(running, "stop-calls").returncode == 0
    refused = check()
    assert refused.returncode == 1
    assert "1 call is active" in refused.stderr
    assert "calling is on" not in refused.stderr
    assert f"make deploy ENV={ENVIRONMENT} " in refused.stderr

    assert caller.hang_up(call_id).status_code == 204
    assert_over(aws, call_id)
    let_through = check()
    assert (let_through.returncode, let_through.stdout, let_through.stderr) == (0, "", "")


def test_a_bridge_that_is_switched_off_leaves_nothing(
    running: LocalAws, checkout: Checkout, aws: BridgeAws, of_bridge: list[Resource]
) -> None:
    assert all(resources_of_bridge(running).values())
    held = {resource.type for resource in of_bridge} & READERS.keys()
    assert left(aws, of_bridge, READERS) == held
    checkout.deploy(running)
    assert running.outputs["CallTransport"] == "webrtc"
    # The app no longer contains the stack.
    cloudformation = running.client("cloudformation")
    cloudformation.delete_stack(StackName=BRIDGE_STACK)
    cloudformation.get_waiter("stack_delete_complete").wait(
        StackName=BRIDGE_STACK, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    assert not any(resources_of_bridge(running).values()), resources_of_bridge(running)
    # A number that was released is in the deletion queue for seven days.
    assert left(aws, of_bridge, READERS) == {"Custom::CallerNumber"}
    [number] = [each.physical_id for each in of_bridge if each.type == "Custom::CallerNumber"]
    released = aws.client("chime-sdk-voice").get_phone_number(PhoneNumberId=number)["PhoneNumber"]
    assert "DeletionTimestamp" in released


def test_calls_are_native_again(
    running: LocalAws, checkout: Checkout, people: People, caller: Caller
) -> None:
    aws = Aws(running.outputs, running.stacks)
    caller = replace(caller, join=aws.join)
    assert checkout.operate(running, "resume-calls").returncode == 0
    assert eventually(lambda: caller.start().status_code == 201, seconds=2 * READ_EVERY_SECONDS)
    [contact] = aws.active_contacts_of(caller.user.user_id)
    assert caller.comes_to(contact["ContactId"], "QUEUED")
    assert aws.contact(contact["ContactId"])["Queue"]["Arn"] == aws.queue("Verified")
    assert_problem(people.blocked.start(), 403, "caller-blocked")
    assert_problem(people.tired.start(), 429, "rate-exceeded")
