"""The SIP headers that carry attributes of the caller to the SIP host behind the Voice Connector."""

from collections.abc import Mapping
from urllib.parse import quote

from api.request import pointer
from calls.errors import InvalidRequest, Violation
from calls.start_call_request import size_of
from sip_bridge.sip_arguments import MAX_SIP_HEADER_LENGTH, MAX_SIP_HEADERS_LENGTH

# Encoded is what could end the header or be taken for an encoding, and what SIP may not carry.
_UNENCODED = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) != "%")


def sip_headers(attributes: Mapping[str, str], header_names: Mapping[str, str]) -> dict[str, str]:
    """Header to value; those without a value are left out.

    `header_names` maps an attribute to its header. Raises `InvalidRequest` for what is too long.
    """
    encoded = {attribute: encode_header(attributes.get(attribute, "")) for attribute in header_names}
    found = [
        Violation(
            pointer("Attributes", attribute),
            f"Send at most {MAX_SIP_HEADER_LENGTH} characters; one that is not visible ASCII counts as three"
            " for each byte of its UTF-8.",
        )
        for attribute, value in encoded.items()
        if len(value) > MAX_SIP_HEADER_LENGTH
    ]
    headers = {header: encoded[attribute] for attribute, header in header_names.items() if encoded[attribute]}
    if not found and size_of(headers) > MAX_SIP_HEADERS_LENGTH:
        names = ", ".join(sorted(header_names))
        found.append(Violation("/Attributes", f"{names} are too long together for a phone call to carry."))
    if found:
        raise InvalidRequest(*found)
    return headers


def encode_header(value: str) -> str:
    """`value` in visible ASCII characters: all others, and %, are percent-encoded as UTF-8."""
    return quote(value, safe=_UNENCODED)
