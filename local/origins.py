"""Which requests come from a web browser, and from a page that is developed on this machine.

A browser says of each request whose page caused it: by `Origin` of whatever a script may read or a form
sends, and by `Sec-Fetch-…` of all (https://www.w3.org/TR/fetch-metadata/). Other programs send neither, but
for Node's `fetch`, which sends `Sec-Fetch-Mode` alone. Names of headers are in lower case here.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

_EXPOSED = "*"  # to pages that send no cookies: all headers
_ALLOWED_METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE"


def is_this_machine(host: str) -> bool:
    """Whether a Host header has one of the names of this machine: another name may merely lead here."""
    return _hostname(f"//{host}") in LOOPBACK


def is_of_a_browser(headers: Mapping[str, str]) -> bool:
    """Whether a browser sent it, whichever page it shows."""
    return "origin" in headers or any(name.startswith("sec-fetch-") for name in headers)


def is_of_a_foreign_page(headers: Mapping[str, str]) -> bool:
    """Whether a page caused it that is not one of this machine's. A page here may have any port."""
    origin = headers.get("origin")
    if origin is not None:
        parts = _parts(origin)
        return parts is None or parts[0] not in {"http", "https"} or parts[1] not in LOOPBACK
    # Without Origin: images, links, frames, scripts; the address that a person typed is "none".
    return headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}


def is_a_visit(headers: Mapping[str, str]) -> bool:
    """Whether a person goes to a page, by a link or a redirect from anywhere, and sees its address."""
    return (
        "origin" not in headers
        and headers.get("sec-fetch-mode") == "navigate"
        and headers.get("sec-fetch-dest") == "document"
    )


def is_preflight(method: str, headers: Mapping[str, str]) -> bool:
    """Whether a browser wants to know what a page may send."""
    return method == "OPTIONS" and "origin" in headers and "access-control-request-method" in headers


def preflight_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The answer to a page of this machine."""
    allowed = {
        "Access-Control-Allow-Origin": headers["origin"],
        "Access-Control-Allow-Methods": _ALLOWED_METHODS,
        "Vary": "Origin",
    }
    if requested := headers.get("access-control-request-headers"):
        allowed["Access-Control-Allow-Headers"] = requested
    return allowed


def cors_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """What lets the page of this machine that sent a request read its answer; nothing for other senders."""
    if "origin" not in headers:
        return {}
    return {
        "Access-Control-Allow-Origin": headers["origin"],
        "Access-Control-Expose-Headers": _EXPOSED,
        "Vary": "Origin",
    }


def _hostname(url: str) -> str | None:
    parts = _parts(url)
    return parts and parts[1]


def _parts(url: str) -> tuple[str, str | None] | None:
    """Scheme and host, None for what is no URL."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # which may be no number
    except ValueError:
        return None
    return None if parts.username is not None or parts.path else (parts.scheme, parts.hostname)
