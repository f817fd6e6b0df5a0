"""What the stacks of the bridge declare is what is there; deploying again changes nothing; what is destroyed
is gone. Runs last: nobody finds the stacks after.
"""

import pytest

from local.launcher.local_aws import LocalAws
from tests.e2e.aws import Aws, with_the_templates_of_before
from tests.e2e.grants import USED_BY_OTHERS, Grant, Reason, grants, needless, unused, used
from tests.e2e.held_properties import Resource, deployed
from tests.e2e.sip_bridge.bridge_aws import BridgeAws, resources_of_bridge
from tests.e2e.sip_bridge.held_properties import READERS
from tests.e2e.test_declared_properties import NOTHING_TO_HOLD, RECORDED, dropped_properties

pytestmark = pytest.mark.slow

STACKS = ["Calling", "SipBridge", "Identity"]  # as they can be destroyed

# Rights of what makes resources, where no request of its functions shows that it needs them.
UNSEEN = [
    Reason(
        "lambda:GetFunction",
        "arn:aws:lambda:*:live",
        "the CDK's framework calls it for a function that is not active yet",
        role="CustomResources",
    ),
]


@pytest.fixture(scope="module")
def resources(aws: Aws) -> list[Resource]:
    return deployed(aws)


@pytest.fixture(scope="module")
def rights(aws: Aws) -> set[Grant]:
    """The rights of what makes the resources, as long as it is there."""
    return {grant for grant in grants(aws) if grant.role in BridgeAws.MAKERS}


def test_every_declared_property_of_the_bridge_is_held(aws: Aws, resources: list[Resource]) -> None:
    found = dropped_properties(aws, resources, READERS)
    assert found == [], "\n".join(found)


def test_every_type_of_resource_of_the_bridge_is_read_back(resources: list[Resource]) -> None:
    assert {resource.type for resource in resources} == READERS.keys() | RECORDED | NOTHING_TO_HOLD


def test_a_second_deployment_changes_nothing(running: LocalAws) -> None:
    before = resources_of_bridge(running)
    said = running.cdk("deploy", "--all", *with_the_templates_of_before(running))
    assert len([line for line in said if "(no changes)" in line]) == len(STACKS)
    assert resources_of_bridge(running) == before


@pytest.mark.usefixtures("rights")
def test_stacks_that_are_destroyed_leave_nothing_of_the_bridge(running: LocalAws) -> None:
    templates = with_the_templates_of_before(running)
    assert all(resources_of_bridge(running).values())
    running.client("dynamodb").update_table(
        TableName=running.outputs["CallsTable"], DeletionProtectionEnabled=False
    )
    for stack in STACKS[:2]:
        running.cdk("destroy", f"InAppCalling-local-bridge-{stack}", *templates)
    assert not any(resources_of_bridge(running).values()), resources_of_bridge(running)


def test_making_and_removing_the_resources_uses_every_right_to_do_it(aws: Aws, rights: set[Grant]) -> None:
    assert unused(rights, used(aws), [*USED_BY_OTHERS, *UNSEEN]) == []
    assert needless(UNSEEN, rights) == []
