"""The request of `POST /start-call` once it is known to keep the contract, and how large it may be."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from calls.errors import InvalidRequest, Violation

MAX_ATTRIBUTES_BYTES = 32_768
"""UTF-8 bytes of all names and values together (Amazon Connect API Reference, StartWebRTCContact)."""


@dataclass(frozen=True, kw_only=True)
class StartCallRequest:
    """A request that keeps the contract."""

    contact_flow_arn: str
    topic: str | None = None
    display_name: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    capabilities: frozenset[str] = frozenset()
    idempotency_key: str | None = None

    @property
    def content_hash(self) -> str:
        """The same for requests with the same content, however they are written."""
        content = [
            self.contact_flow_arn,
            self.display_name,
            sorted(self.attributes.items()),
            sorted(self.capabilities),
        ]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def size_of(attributes: Mapping[str, str]) -> int:
    """Bytes as Connect counts them: UTF-8, names and values."""
    return sum(len(name.encode()) + len(value.encode()) for name, value in attributes.items())


def check_size(attributes: Mapping[str, str]) -> None:
    """Raises `InvalidRequest` when a contact cannot have all of `attributes`, the trusted ones included."""
    if size_of(attributes) > MAX_ATTRIBUTES_BYTES:
        raise InvalidRequest(
            Violation(
                "/Attributes",
                f"All attributes of a call hold at most {MAX_ATTRIBUTES_BYTES:,} bytes together.",
            )
        )
