"""What the templates declare is what the local AWS holds.

An emulator that drops a property in silence makes every other test weaker than it looks. So each property of
each resource is read back through the API of its service, and compared with the template's value.
"""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.e2e.aws import Aws
from tests.e2e.held_properties import (
    READERS,
    Reader,
    Resource,
    deployed,
    differences,
    held,
    without_own_tags,
)

pytestmark = pytest.mark.slow

# Types without behaviour here: valid by AWS's own schema, and that is all.
RECORDED = frozenset(
    {
        "AWS::CloudWatch::CompositeAlarm",
        "AWS::Cognito::UserPoolRiskConfigurationAttachment",
        "AWS::WAFv2::LoggingConfiguration",
    }
)


def is_recorded(resource: Resource) -> bool:
    """Whether it has no behaviour here: for its type, or because it is an alarm on metric math."""
    return resource.type in RECORDED or (
        resource.type == "AWS::CloudWatch::Alarm" and "Metrics" in resource.properties
    )


# What the CDK counts its users by.
NOTHING_TO_HOLD = frozenset({"AWS::CDK::Metadata"})

# Properties that the API of the service does not return, and why nothing is lost by it.
NOT_READABLE = {
    ("AWS::CloudWatch::Dashboard", "Tags"): "MiniStack's CloudWatch keeps the tags of alarms alone",
    ("AWS::KMS::Key", "PendingWindowInDays"): "no state of the key: CloudFormation gives it to its deletion",
}


@pytest.fixture(scope="module")
def resources(aws: Aws) -> list[Resource]:
    return deployed(aws)


def dropped_properties(
    aws: Aws, resources: list[Resource], readers: Mapping[str, Reader] = READERS
) -> list[str]:
    """What the services hold differently from how it is declared, of the resources that `readers` read."""
    found = []
    for resource in resources:
        if resource.type not in readers or is_recorded(resource):
            continue
        declared = {
            name: value
            for name, value in resource.properties.items()
            if (resource.type, name) not in NOT_READABLE
        }
        where = f"{resource.type} {resource.logical_id}"
        found += [f"{where} {text}" for text in differences(declared, held(aws, resource, readers))]
    return found


def test_every_declared_property_is_held(aws: Aws, resources: list[Resource]) -> None:
    found = dropped_properties(aws, resources)
    assert found == [], "\n".join(found)


def test_every_type_of_resource_is_read_back_or_recorded_knowingly(resources: list[Resource]) -> None:
    assert {resource.type for resource in resources} <= READERS.keys() | RECORDED | NOTHING_TO_HOLD


def test_what_has_no_behaviour_here_is_what_is_listed_above(aws: Aws, resources: list[Resource]) -> None:
    recorded = {resource["LogicalId"]: resource for resource in aws.recorded()}
    expected = {resource.logical_id: resource for resource in resources if is_recorded(resource)}
    assert recorded.keys() == expected.keys()
    for logical_id, resource in expected.items():
        assert recorded[logical_id]["Type"] == resource.type
        assert (
            list(differences(resource.properties, without_own_tags(recorded[logical_id]["Properties"]))) == []
        )


def test_every_property_that_is_left_out_is_still_declared(resources: list[Resource]) -> None:
    declared = {(resource.type, name) for resource in resources for name in resource.properties}
    assert NOT_READABLE.keys() <= declared


@pytest.mark.parametrize(
    ("declared", "read"),
    [
        ({"Enabled": True}, {}),
        ({"Enabled": True}, {"Enabled": "true"}),
        ({"Rules": [{"Name": "a"}]}, {"Rules": []}),
        ({"Rules": [{"Name": "a", "Limit": 1}]}, {"Rules": [{"Name": "a", "Limit": 2}]}),
        ({"Actions": ["a", "b"]}, {"Actions": ["a", "c"]}),
    ],
)
def test_a_property_that_is_dropped_or_changed_is_a_difference(declared: Any, read: Any) -> None:
    assert list(differences(declared, read))


def test_the_order_of_a_set_is_no_difference() -> None:
    assert list(differences({"Actions": ["a", "b"]}, {"Actions": ["b", "a"], "Arn": "arn"})) == []
