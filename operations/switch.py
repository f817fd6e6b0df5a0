"""The switch that stops new calls: an SSM parameter, which `start_call` reads every few seconds."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from infra.switch_values import ALLOWED_PATTERN, ON

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient


def turn(client: SSMClient, parameter: str, value: str) -> str:
    """Sets the switch to `ON` or `OFF` of the construct and returns what it was.

    Raises botocore's ParameterNotFound where the app is not deployed: the stack alone creates it.
    """
    before = client.get_parameter(Name=parameter)["Parameter"]["Value"]
    client.put_parameter(
        Name=parameter,
        Value=value,
        Type="String",
        Overwrite=True,
        # As the stack has it: a new value could leave the parameter without.
        AllowedPattern=ALLOWED_PATTERN,
    )
    return before


def off_since(client: SSMClient, parameter: str) -> datetime | None:
    """When the switch was last set, if it stops calls now; None while calls are taken.

    Raises botocore's ParameterNotFound where the app is not deployed.
    """
    found = client.get_parameter(Name=parameter)["Parameter"]
    return None if found["Value"] == ON else found["LastModifiedDate"]
