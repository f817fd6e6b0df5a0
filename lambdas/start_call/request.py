"""What a caller may ask for: the request of `POST /start-call`, checked by hand.

`openapi.yaml` is the contract and the gateway checks most of it first, but it lets other content types
through, and a general validator would cost more than the rest of the function.
"""

import hashlib
import json
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from api.request import pointer, read_idempotency_key, read_members, unknown_members
from calls.errors import InvalidRequest, Violation

LARGEST_ATTRIBUTES = 32_768
"""UTF-8 bytes of all names and values together (Amazon Connect API Reference, StartWebRTCContact)."""
LONGEST_DISPLAY_NAME = 256
"""Characters (Amazon Connect API Reference, ParticipantDetails)."""

CAPABILITIES = ("Video", "ScreenShare")
_MEMBERS = frozenset(
    {"DisplayName", "Topic", "Attributes", "Capabilities", "ConnectInstanceId", "ContactFlowId"}
)


@dataclass(frozen=True, kw_only=True)
class Offer:
    """What this deployment lets a caller ask for."""

    instance_arn: str
    contact_flow_arn: str
    topics: Mapping[str, str]
    """Topic to contact flow ARN."""
    attributes: frozenset[str]
    """The names of attributes that a caller may set."""
    capabilities: frozenset[str]

    def flow_of(self, topic: str | None) -> str:
        """The ARN of the contact flow that a call about `topic` runs."""
        return self.contact_flow_arn if topic is None else self.topics[topic]


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
        """The same for requests that ask for the same, however they are written."""
        content = [
            self.contact_flow_arn,
            self.display_name,
            sorted(self.attributes.items()),
            sorted(self.capabilities),
        ]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def parse(headers: Mapping[str, Sequence[str]], body: str | None, offer: Offer) -> StartCallRequest:
    """Reads a request; `headers` are lower-case names to all their values, `body` is the decoded text.

    Raises `InvalidRequest` with every violation found, `TooLarge` or `UnsupportedMediaType`.
    """
    found: list[Violation] = []
    key = read_idempotency_key(headers, found)
    members = read_members(headers, body)
    found += unknown_members(members, _MEMBERS)
    display_name = _display_name(members, found)
    topic = _topic(members, offer, found)
    attributes = _attributes(members, offer, found)
    capabilities = _capabilities(members, offer, found)
    flow_arn = offer.flow_of(topic)
    _same_as_server("ConnectInstanceId", members, offer.instance_arn, found)
    _same_as_server("ContactFlowId", members, flow_arn, found)
    if found:
        raise InvalidRequest(*found)
    return StartCallRequest(
        contact_flow_arn=flow_arn,
        topic=topic,
        display_name=display_name,
        attributes=attributes,
        capabilities=capabilities,
        idempotency_key=key,
    )


def is_text(value: object) -> bool:
    """Whether `value` is a string that can be sent at all: JSON can spell half a surrogate pair, UTF-8
    cannot.
    """
    return isinstance(value, str) and not any("\ud800" <= character <= "\udfff" for character in value)


def is_display_name(value: object) -> bool:
    """Whether Connect and the agent's screen can show `value` as a name."""
    return (
        isinstance(value, str)
        and is_text(value)
        and 1 <= len(value) <= LONGEST_DISPLAY_NAME
        and not value.isspace()
        and not any(unicodedata.category(character) == "Cc" for character in value)
    )


def size_of(attributes: Mapping[str, str]) -> int:
    """Bytes as Connect counts them: UTF-8, names and values."""
    return sum(len(name.encode()) + len(value.encode()) for name, value in attributes.items())


def check_size(attributes: Mapping[str, str]) -> None:
    """Raises `InvalidRequest` when a contact cannot have all of `attributes`, the trusted ones included."""
    if size_of(attributes) > LARGEST_ATTRIBUTES:
        raise InvalidRequest(
            Violation(
                "/Attributes", f"All attributes of a call hold at most {LARGEST_ATTRIBUTES:,} bytes together."
            )
        )


def _display_name(members: Mapping[str, Any], found: list[Violation]) -> str | None:
    if "DisplayName" not in members:
        return None
    name = members["DisplayName"]
    if not is_display_name(name):
        found.append(
            Violation(
                "/DisplayName",
                f"Send 1 to {LONGEST_DISPLAY_NAME} characters, not only spaces, no control characters.",
            )
        )
        return None
    return str(name)


def _topic(members: Mapping[str, Any], offer: Offer, found: list[Violation]) -> str | None:
    if "Topic" not in members:
        return None
    topic = members["Topic"]
    if not isinstance(topic, str) or topic not in offer.topics:
        known = ", ".join(sorted(offer.topics)) or "none: leave Topic out"
        found.append(Violation("/Topic", f"Not a topic of this service. Its topics are {known}."))
        return None
    return topic


def _attributes(members: Mapping[str, Any], offer: Offer, found: list[Violation]) -> dict[str, str]:
    if "Attributes" not in members:
        return {}
    attributes = members["Attributes"]
    if not isinstance(attributes, dict):
        found.append(Violation("/Attributes", "Send an object of strings."))
        return {}
    valid = True
    for name, value in attributes.items():
        if name not in offer.attributes:
            found.append(Violation(pointer("Attributes", name), "Not an attribute that a caller may set."))
            valid = False
        elif not is_text(value):
            found.append(Violation(pointer("Attributes", name), "Send a string of valid Unicode."))
            valid = False
    if not valid:
        return {}
    check_size(attributes)
    return attributes


def _capabilities(members: Mapping[str, Any], offer: Offer, found: list[Violation]) -> frozenset[str]:
    if "Capabilities" not in members:
        return frozenset()
    asked = members["Capabilities"]
    if not isinstance(asked, dict):
        found.append(Violation("/Capabilities", "Send an object of booleans."))
        return frozenset()
    for name, value in asked.items():
        where = pointer("Capabilities", name)
        if name not in CAPABILITIES:
            found.append(Violation(where, f"Unknown capability. Known are {', '.join(CAPABILITIES)}."))
        elif not isinstance(value, bool):
            found.append(Violation(where, "Send true or false."))
        elif value and name not in offer.capabilities:
            found.append(Violation(where, "This service does not offer it."))
    return frozenset(name for name, value in asked.items() if value is True)


def _same_as_server(member: str, members: Mapping[str, Any], arn: str, found: list[Violation]) -> None:
    """Clients written to the official sample name instance and flow; the server's own choice is the only
    one.
    """
    if member in members and members[member] not in (arn, arn.rpartition("/")[2]):
        found.append(Violation(f"/{member}", "Not the one that this service uses. Leave it out."))
