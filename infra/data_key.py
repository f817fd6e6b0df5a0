"""The key of a stack's data at rest: one of its own, or one that the organisation has."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Stack
from aws_cdk import aws_kms as kms

from infra.configuration import Platform
from infra.constructs.customer_key import CustomerKey


def data_key(stack: Stack, settings: Platform, *, log_group_names: Sequence[str]) -> kms.IKey:
    """A key for `stack`, which log groups of these names (with `*`) may use.

    The policy of a key that exists already is its owner's: docs/deploy.md has what it must allow.
    """
    if settings.kms_key_arn is not None:
        return kms.Key.from_key_arn(stack, "ExistingKey", settings.kms_key_arn)
    return CustomerKey(stack, "CustomerKey", log_group_names=log_group_names).key
