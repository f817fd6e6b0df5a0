"""What a caller may send: the request of `POST /start-call`, checked by hand.

`openapi.yaml` is the contract and the gateway checks most of it first, but it lets other content types
through, and a general validator would cost more than the rest of the function.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from api.request import Request, pointer
from calls.errors import InvalidRequest, Violation
from calls.start_call_request import StartCallRequest, check_size
from start_call.display_name import MAX_DISPLAY_NAME, is_display_name

_MAX_CONTACT_ID = 256
"""Characters (Amazon Connect API Reference, StartWebRTCContact)."""

CAPABILITIES = ("Video", "ScreenShare")
_MEMBERS = frozenset(
    {
        "DisplayName",
        "Topic",
        "Attributes",
        "Capabilities",
        "PreviousContactId",
        "ConnectInstanceId",
        "ContactFlowId",
    }
)


@dataclass(frozen=True, kw_only=True)
class RequestPolicy:
    """What this deployment allows in a request."""

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


def parse(request: Request, policy: RequestPolicy) -> StartCallRequest:
    """Reads a request, as far as `policy` allows it.

    Raises `InvalidRequest` with every violation found, `TooLarge` or `UnsupportedMediaType`.
    """
    found: list[Violation] = []
    key = request.idempotency_key(found)
    members = request.members
    found += request.unknown_members(_MEMBERS)
    display_name = _display_name(members, found)
    topic = _topic(members, policy, found)
    attributes = _attributes(members, policy, found)
    capabilities = _capabilities(members, policy, found)
    previous_contact_id = _previous_contact_id(members, found)
    flow_arn = policy.flow_of(topic)
    _same_as_server("ConnectInstanceId", members, policy.instance_arn, found)
    _same_as_server("ContactFlowId", members, flow_arn, found)
    if found:
        raise InvalidRequest(*found)
    return StartCallRequest(
        contact_flow_arn=flow_arn,
        topic=topic,
        display_name=display_name,
        attributes=attributes,
        capabilities=capabilities,
        previous_contact_id=previous_contact_id,
        idempotency_key=key,
    )


def is_text(value: object) -> bool:
    """Whether `value` is a string that can be sent at all: JSON can spell half a surrogate pair, UTF-8
    cannot.
    """
    return isinstance(value, str) and not any("\ud800" <= character <= "\udfff" for character in value)


def _display_name(members: Mapping[str, Any], found: list[Violation]) -> str | None:
    if "DisplayName" not in members:
        return None
    name = members["DisplayName"]
    if not is_display_name(name):
        found.append(
            Violation(
                "/DisplayName",
                f"Send 1 to {MAX_DISPLAY_NAME} characters that can be seen, and no invisible ones.",
            )
        )
        return None
    return str(name)


def _topic(members: Mapping[str, Any], policy: RequestPolicy, found: list[Violation]) -> str | None:
    if "Topic" not in members:
        return None
    topic = members["Topic"]
    if not isinstance(topic, str) or topic not in policy.topics:
        known = ", ".join(sorted(policy.topics)) or "none: leave Topic out"
        found.append(Violation("/Topic", f"Not a topic of this service. Its topics are {known}."))
        return None
    return topic


def _attributes(members: Mapping[str, Any], policy: RequestPolicy, found: list[Violation]) -> dict[str, str]:
    if "Attributes" not in members:
        return {}
    attributes = members["Attributes"]
    if not isinstance(attributes, dict):
        found.append(Violation("/Attributes", "Send an object of strings."))
        return {}
    valid = True
    for name, value in attributes.items():
        if name not in policy.attributes:
            found.append(Violation(pointer("Attributes", name), "Not an attribute that a caller may set."))
            valid = False
        elif not is_text(value):
            found.append(Violation(pointer("Attributes", name), "Send a string of valid Unicode."))
            valid = False
    if not valid:
        return {}
    check_size(attributes)
    return attributes


def _capabilities(
    members: Mapping[str, Any], policy: RequestPolicy, found: list[Violation]
) -> frozenset[str]:
    if "Capabilities" not in members:
        return frozenset()
    sent = members["Capabilities"]
    if not isinstance(sent, dict):
        found.append(Violation("/Capabilities", "Send an object of booleans."))
        return frozenset()
    for name, value in sent.items():
        where = pointer("Capabilities", name)
        if name not in CAPABILITIES:
            found.append(Violation(where, f"Unknown capability. Known are {', '.join(CAPABILITIES)}."))
        elif not isinstance(value, bool):
            found.append(Violation(where, "Send true or false."))
        elif value and name not in policy.capabilities:
            found.append(Violation(where, "This service does not offer it."))
    return frozenset(name for name, value in sent.items() if value is True)


def _previous_contact_id(members: Mapping[str, Any], found: list[Violation]) -> str | None:
    if "PreviousContactId" not in members:
        return None
    contact_id = members["PreviousContactId"]
    if not is_text(contact_id) or not 1 <= len(contact_id) <= _MAX_CONTACT_ID:
        found.append(Violation("/PreviousContactId", "Send the ContactId of the call before."))
        return None
    return str(contact_id)


def _same_as_server(member: str, members: Mapping[str, Any], arn: str, found: list[Violation]) -> None:
    """Clients written to the official sample name instance and flow; the server's own choice is the only
    one.
    """
    if member in members and members[member] not in (arn, arn.rpartition("/")[2]):
        found.append(Violation(f"/{member}", "Not the one that this service uses. Leave it out."))
