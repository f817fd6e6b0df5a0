"""The rest of AWS, as an emulated service reaches it."""

from collections.abc import Mapping
from typing import Any, Protocol


class FunctionError(Exception):
    """A function could not be invoked or failed; the service tries again where `is_worth_a_retry`."""

    def __init__(self, reason: str, *, is_worth_a_retry: bool) -> None:
        super().__init__(reason)
        self.is_worth_a_retry = is_worth_a_retry


class RestOfAws(Protocol):
    """Lambda and EventBridge, used in the name of one service."""

    def invoke_function(self, function_arn: str, event: Mapping[str, Any], *, source_arn: str) -> object:
        """Invoke as the service, for that source, and return the answer; raises FunctionError."""

    def publish_event(self, detail_type: str, detail: Mapping[str, Any], resources: list[str]) -> None:
        """Put an event of the service on the default event bus."""
