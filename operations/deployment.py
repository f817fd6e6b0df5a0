"""One environment in its AWS account."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import boto3

from infra.configuration import Configuration, load
from infra.outputs import Output, parameter_name
from operations.errors import OperationError
from operations.session import open_session_of

CHECKOUT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Deployment:
    """The environment as it is configured, and a session in its account and Region."""

    configuration: Configuration
    session: boto3.Session

    @classmethod
    def open(cls, environment: str | None) -> Self:
        """Raises ConfigurationError, OperationError where the credentials are of another account, and what
        botocore raises.
        """
        configuration = load(CHECKOUT, environment)
        return cls(configuration, open_session_of(configuration))

    @property
    def environment(self) -> str:
        """Its name."""
        return self.configuration.environment

    def find(self, output: Output) -> str | None:
        """What the deployment has published under this name; None where it is not deployed."""
        client = self.session.client("ssm")
        try:
            parameter = client.get_parameter(Name=parameter_name(self.environment, output))
        except client.exceptions.ParameterNotFound:
            return None
        return parameter["Parameter"]["Value"]

    def read(self, output: Output) -> str:
        """What the deployment has published under this name; OperationError where it is not deployed."""
        value = self.find(output)
        if value is None:
            raise OperationError(
                f"There is no parameter {parameter_name(self.environment, output)}: the environment is not "
                f"deployed in this account.\n  Fix: make deploy ENV={self.environment}"
            )
        return value
