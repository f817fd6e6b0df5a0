"""What `grant_…` methods need of whom they grant rights to, and rights that outlive an update."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Protocol

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from constructs import Construct


class Grantee(Protocol):
    """Something with a role, all of whose rights are in one policy: a function."""

    @property
    def policy(self) -> iam.ManagedPolicy:
        """Where its rights are, and the findings about them that are acknowledged."""
        ...

    def grant_while_in_use(self, id_: str, *, statements: Sequence[iam.PolicyStatement]) -> None:
        """Grants rights that the version behind the alias keeps until another version has taken its place."""
        ...


def lasting_policy(
    scope: Construct,
    id_: str,
    *,
    description: str,
    statements: Sequence[iam.PolicyStatement],
    role: iam.IRole,
) -> iam.ManagedPolicy:
    """A policy of `role` that other statements do not change: they make another policy beside it.

    An update of a stack creates and changes first, and removes at its very end what the template has no more
    (AWS CloudFormation user guide, "Update behaviors of stack resources",
    UPDATE_COMPLETE_CLEANUP_IN_PROGRESS). So the rights of before hold as long as something that was deployed
    before is in use.
    """
    content = Stack.of(scope).resolve([statement.to_statement_json() for statement in statements])
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return iam.ManagedPolicy(
        scope, f"{id_}{digest[:8].upper()}", description=description, statements=statements, roles=[role]
    )
