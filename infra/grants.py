"""What `grant_…` methods need of whom they grant rights to."""

from __future__ import annotations

from typing import Protocol

from aws_cdk import aws_iam as iam


class Grantee(Protocol):
    """Something with a role, all of whose rights are in one policy: a function."""

    @property
    def policy(self) -> iam.ManagedPolicy:
        """Where its rights are, and the findings about them that are acknowledged."""
        ...
