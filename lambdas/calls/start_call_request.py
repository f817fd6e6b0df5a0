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
    previous_contact_id: str | None = None
    """The call that the app says this one continues."""
    idempotency_key: str | None = None

    @property
    def content_hash(self) -> str:
        """The same for requests with the same content, however they are written."""
        content: list[object] = [
            self.contact_flow_arn,
            self.display_name,
            sorted(self.attributes.items()),
            sorted(self.capabilities),
        ]
        if self.previous_contact_id is not None:
            content.append(self.previous_contact_id)
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def size_of(attributes: Mapping[str, str]) -> int:
    """Bytes as Connect counts them: UTF-8, names and values."""
    return sum(len(name.encode()) + len(value.encode()) for name, value in attributes.items())


def check_contact_size(
    request: StartCallRequest, context: Mapping[str, str], reference: str, *, flow_bytes: int
) -> None:
    """Raises `InvalidRequest` when a contact could not have all attributes that it will ever be given.

    A contact flow that sets one too many fails: a proved caller would be sent on as an unproved one. So what
    flows set is counted at the start, both as it is for a proved caller, `context` and what finds the
    customer's profile, and for another: "unknown" in the place of each. So is `flow_bytes` for whatever else
    they set.
    """
    sent = {**request.attributes, "auth_token": reference, "profileSearchKey": "_account"}
    profile = {"profileSearchValue": context.get("customer_id", "")}
    proved = {**context, **profile, "came_back": "false", "auth_status": "verified"}
    check_size({**sent, **proved}, reserved=flow_bytes)
    unproved = dict.fromkeys((*context, *profile, "came_back"), "unknown")
    check_size({**sent, **unproved, "auth_status": "unverified"}, reserved=flow_bytes)


def check_size(attributes: Mapping[str, str], *, reserved: int = 0) -> None:
    """Raises `InvalidRequest` when a contact cannot have all of `attributes`, and `reserved` bytes beside."""
    if size_of(attributes) + reserved > MAX_ATTRIBUTES_BYTES:
        raise InvalidRequest(
            Violation(
                "/Attributes",
                f"All attributes of a call, those that are set later included, hold at most"
                f" {MAX_ATTRIBUTES_BYTES:,} bytes together.",
            )
        )
