"""SSM as the SDK sees it, with one parameter."""

import json
from dataclasses import dataclass, field
from typing import Any

from botocore.awsrequest import AWSResponse

from tests.lambdas.fake_aws import Answer, RefusedError, attach, respond


@dataclass
class FakeParameters:
    """Answers GetParameter; `faults` are answered or raised first, oldest first."""

    name: str
    value: str | None = "on"
    """None where the parameter does not exist."""
    reads: int = 0
    faults: list[Answer | Exception] = field(default_factory=list)

    def attach(self, client: Any) -> Any:
        """Makes a botocore client of SSM talk to this object and returns it."""
        return attach(client, self._receive)

    def _receive(self, request: Any, **_: Any) -> AWSResponse:
        self.reads += 1
        return respond(request.url, self.faults, lambda: self._get(json.loads(request.body)["Name"]))

    def _get(self, name: str) -> dict[str, Any]:
        if name != self.name or self.value is None:
            raise RefusedError(400, "ParameterNotFound")
        return {"Parameter": {"Name": name, "Type": "String", "Value": self.value}}
