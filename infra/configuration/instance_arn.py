"""ARNs of the Amazon Connect instance and of what it consists of."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, override

from infra.configuration.faults import refuse
from infra.configuration.place import Place
from infra.configuration.values import UUID, Text

INSTANCE_ARN = rf"arn:aws:connect:[a-z0-9-]+:[0-9]{{12}}:instance/{UUID}"


@dataclass(frozen=True)
class InstanceArn(Text):
    """The ARN of an instance of the deployment's Region and account."""

    fix: str = ""
    pattern: str = INSTANCE_ARN

    @override
    def read(self, value: Any, place: Place) -> str:
        text = super().read(value, place)
        _, _, _, region, account, _ = text.split(":")
        if place.region and region != place.region:
            refuse(
                f"the instance is in {region} but region is {place.region!r}: stacks and instance share one "
                "Region"
            )
        if place.account and account != place.account:
            refuse(
                f"the instance belongs to account {account} but account is {place.account!r}: deploy into "
                "the instance's account"
            )
        return text

    @override
    def explained(self, place: Place) -> str:
        return (
            f'the ARN of a Connect instance: "{example(place)}" '
            "(Amazon Connect console, the instance's account overview)"
        )


@dataclass(frozen=True)
class ArnWithin(Text):
    """The ARN of something of the instance."""

    fix: str = ""
    kind: str = ""

    @override
    def read(self, value: Any, place: Place) -> str:
        if place.has_no_instance:
            refuse(f"a sandbox has no {self.kind} yet: remove the key, or name an instance_arn")
        return super().read(value, place)

    @override
    def expected(self, place: Place) -> str:
        instance = re.escape(place.instance_arn) if place.instance_arn else INSTANCE_ARN
        return f"{instance}/{self.kind}/{UUID}"

    @override
    def explained(self, place: Place) -> str:
        return f'the ARN of a {self.kind} of this instance: "{example(place)}/{self.kind}/<uuid>"'


def example(place: Place) -> str:
    """The ARN of an instance, as far as the place says it."""
    return place.instance_arn or (
        f"arn:aws:connect:{place.region or '<region>'}:{place.account or '<account>'}:instance/<uuid>"
    )
