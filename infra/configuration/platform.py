"""`[platform]` and `[tags]`: what a platform team prescribes for everything that is deployed."""

from __future__ import annotations

import re
from typing import Annotated, Any, override

from infra.configuration.place import Place
from infra.configuration.section import Section
from infra.configuration.values import UUID, Arn, Entries, Text

OWN_TAGS = ("Application", "Environment")
"""Tags that the app sets."""

DEFAULT_QUALIFIER = "hnb659fds"
"""What `cdk bootstrap` takes unless it is given another."""

KMS_KEY_ID = rf"({UUID}|mrk-[0-9a-f]{{32}})"

# Tagging Best Practices; narrower where one of the services is.
_TAG = re.compile(r"[A-Za-z0-9 _.:/=+@-]*")
_MAX_TAGS = 40


class BoundaryArn(Arn):
    """A managed policy of the account, or of AWS."""

    @override
    def expected(self, place: Place) -> str:
        account = re.escape(place.account) if place.account else "[0-9]{12}"
        return rf"arn:aws:iam::({account}|aws):policy/[A-Za-z0-9_+=,.@/-]{{1,512}}"

    @override
    def explained(self, place: Place) -> str:
        return self.fix.format(arn=f'"arn:aws:iam::{place.account or "<account>"}:policy/<name>"')


class Platform(Section):
    """What the organisation prescribes."""

    permissions_boundary_arn: (
        Annotated[
            str,
            BoundaryArn(
                "the ARN of a managed policy of this account: {arn}",
                source='AWS IAM user guide, "Permissions boundaries for IAM entities"',
            ),
        ]
        | None
    ) = None
    """A permissions boundary for every role that is created."""

    bootstrap_qualifier: Annotated[
        str,
        Text(
            "1 to 10 lower-case letters, digits and hyphens, as in: cdk bootstrap --qualifier …",
            r"[a-z0-9-]{1,10}",
            'AWS CDK developer guide, "Customize AWS CDK bootstrapping"',
        ),
    ] = DEFAULT_QUALIFIER
    """The qualifier that the account was bootstrapped with."""

    kms_key_arn: (
        Annotated[
            str,
            Arn(
                "the ARN of a symmetric KMS key of this Region, of any account: {arn}; no alias",
                source='AWS KMS developer guide, "Key identifiers"',
                service="kms",
                resource=f"key/{KMS_KEY_ID}",
                example="key/<uuid>",
                any_account=True,
            ),
        ]
        | None
    ) = None
    """A key that exists already, in place of one for each stack. Its policy must let the services in."""


def _tag_fault(key: str, value: str, _place: Place) -> str | None:
    if key in OWN_TAGS:
        return "remove it: the app sets this tag itself"
    if key.lower().startswith("aws:"):
        return 'another key: AWS keeps those that begin with "aws:"'
    if not _TAG.fullmatch(key) or len(key) > 128 or not _TAG.fullmatch(value) or len(value) > 256:
        return "letters, digits, spaces and _ . : / = + @ -, at most 128 for a key and 256 for a value"
    return None


def tags_value() -> Any:
    """How [tags] is written."""
    return Entries(
        "letters, digits, spaces and _ . : / = + @ -, at most 128 for a key and 256 for a value",
        _tag_fault,
        _MAX_TAGS,
        "tags",
        'AWS General Reference, "Tagging your AWS resources"',
    )
