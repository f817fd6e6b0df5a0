"""Findings of the checks that stand, each with the fact that makes it acceptable."""

from __future__ import annotations

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct


def acknowledge(resource: IConstruct, *findings: str, reason: str) -> None:
    """Records that `findings`, by their full ids (`Pack::Pack-Rule[Detail]`), stand on `resource`.

    Only a full id is recorded in the validation report; a short one would drop the finding without a trace.
    """
    Validations.of(resource).acknowledge(*(Acknowledgment(id=finding, reason=reason) for finding in findings))
