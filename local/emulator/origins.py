"""Which requests the local AWS refuses whatever their operation: those that a web page may have caused.

The emulator runs code that it is sent (Lambda functions) and takes any caller for root. It listens on
loopback alone, but the browser of whoever develops here runs there too: a page from anywhere could reach it,
by its own scripts or by a name that leads to 127.0.0.1.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
# A deployed API takes only calls with a token: pages may call it from anywhere.
APIS = "/_aws/execute-api/"


def refusal(path: str, headers: Mapping[str, str]) -> str | None:
    """Why a request is refused, None if it is not. The names of the headers are in lower case."""
    if _host(f"//{headers.get('host', '')}") not in LOOPBACK:
        return "the local AWS answers under the names of this machine alone"
    origin = headers.get("origin")
    if origin is not None and _host(origin) not in LOOPBACK and not path.startswith(APIS):
        return f"the local AWS answers no pages of {origin}"
    return None


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
