"""The switch that stops new calls: an SSM parameter, which `start_call` reads every few seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

ON, OFF = "on", "off"

# As the stack has it: a new value could leave the parameter without.
_ALLOWED_PATTERN = f"^({ON}|{OFF})$"


def turn(client: SSMClient, parameter: str, value: str) -> str:
    """Sets the switch to `ON` or `OFF` and returns what it was.

    Raises botocore's ParameterNotFound where the app is not deployed: the stack alone creates it.
    """
    before = client.get_parameter(Name=parameter)["Parameter"]["Value"]
    client.put_parameter(
        Name=parameter, Value=value, Type="String", Overwrite=True, AllowedPattern=_ALLOWED_PATTERN
    )
    return before
