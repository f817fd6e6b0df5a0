"""Publishes values of a deployment, for apps and operators."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_ssm as ssm

from infra.outputs import DescribedName, parameter_name


def publish[Name: DescribedName](stack: Stack, *, environment: str, values: Mapping[Name, str]) -> None:
    """Adds an output of exactly each name, and the parameter of `parameter_name` with the same value."""
    for name, value in values.items():
        CfnOutput(stack, name, value=value, description=name.description)
        ssm.StringParameter(
            stack,
            f"{name}Parameter",
            parameter_name=parameter_name(environment, name),
            string_value=value,
            description=name.description,
        )
