"""Serves the page of `make local`, on loopback, and does for it what takes the run's token.

The browser of whoever develops here shows other pages too, and other users of the machine reach loopback.
So what the page may do takes a key of this run. The printed link has it behind a `#`, which a browser sends
nowhere; the page sends it in a header, which no other page can. The run's own token never leaves this side.
"""

import hmac
import json
import mimetypes
import secrets
import socketserver
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from local import origins
from local.console.actions import RefusedError

KEY_HEADER = "X-Page-Key"
MAX_BODY_BYTES = 64 * 1024

_API = "/api/"
_KEY_BYTES = 32
# The page's own files, the API and the media plane of this machine, and nothing else.
_CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self' blob:; "
    "worker-src 'self' blob:; connect-src 'self' http://127.0.0.1:* ws://127.0.0.1:*; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": _CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Actions(Protocol):
    """What `local.console.actions` does."""

    def perform(self, method: str, path: str, document: Mapping[str, Any]) -> Any:
        """Do what is requested, or raise RefusedError."""


@contextmanager
def console(actions: Actions, *, port: int, folder: Path) -> Iterator[str]:
    """Serve the page that was built into `folder` for the length of the block; gives the link to it."""
    key = secrets.token_urlsafe(_KEY_BYTES)
    server = _Server(("127.0.0.1", port), partial(_Handler, actions, key, folder))
    # It notices its end so many seconds later, at the most.
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="console", daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/#{key}"
    finally:
        server.shutdown()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever goes away in the middle of an answer is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "console"
    sys_version = ""
    timeout = 30.0  # seconds that a connection may say nothing

    def __init__(
        self,
        actions: Actions,
        key: str,
        folder: Path,
        request: Any,
        client_address: Any,
        server: socketserver.BaseServer,
    ) -> None:
        self._actions, self._key, self._folder = actions, key, folder
        super().__init__(request, client_address, server)

    def do_GET(self) -> None:
        """A file of the page, or what its API answers."""
        self._answer()

    do_POST = do_DELETE = do_HEAD = do_OPTIONS = do_GET  # noqa: N815 the names of the base class

    def _answer(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        path = urlsplit(self.path).path
        try:
            body = self._read_body(headers)
            _check_host(headers)
            if path.startswith(_API):
                self._check_sender(headers)
                document = self._actions.perform(self.command, path.removeprefix(_API), _read_document(body))
                self._send(HTTPStatus.OK, json.dumps(document).encode(), "application/json")
            else:
                self._send_file(path, headers)
        except RefusedError as error:
            problem = json.dumps({"message": str(error)}).encode()
            self._send(error.status, problem, "application/json")

    def _check_sender(self, headers: dict[str, str]) -> None:
        """Raise RefusedError for all but the page itself, opened by the printed link."""
        origin, site = headers.get("origin"), headers.get("sec-fetch-site", "same-origin")
        if site != "same-origin" or origin not in {None, f"http://{headers['host']}"}:
            raise RefusedError(HTTPStatus.FORBIDDEN, "this is answered to the page itself")
        given = headers.get(KEY_HEADER.lower(), "")
        if not hmac.compare_digest(given.encode(), self._key.encode()):
            raise RefusedError(HTTPStatus.UNAUTHORIZED, "open the page by the link that `make local` prints")

    def _send_file(self, path: str, headers: dict[str, str]) -> None:
        if self.command != "GET":
            raise RefusedError(HTTPStatus.METHOD_NOT_ALLOWED, "a file is only read")
        if origins.is_of_a_foreign_page(headers) and not origins.is_a_visit(headers):
            raise RefusedError(HTTPStatus.FORBIDDEN, "no other page embeds this")
        name = "index.html" if path == "/" else path.removeprefix("/")
        files = {
            file.relative_to(self._folder).as_posix() for file in self._folder.rglob("*") if file.is_file()
        }
        if name not in files:
            raise RefusedError(HTTPStatus.NOT_FOUND, "there is no such file")
        content_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
        self._send(HTTPStatus.OK, (self._folder / name).read_bytes(), content_type)

    def _read_body(self, headers: dict[str, str]) -> bytes:
        length = headers.get("content-length", "0")
        if not length.isascii() or not length.isdigit() or "transfer-encoding" in headers:
            self.close_connection = True
            raise RefusedError(HTTPStatus.LENGTH_REQUIRED, "the body needs a Content-Length")
        if int(length) > MAX_BODY_BYTES:
            self.close_connection = True
            raise RefusedError(HTTPStatus.CONTENT_TOO_LARGE, f"a body has at most {MAX_BODY_BYTES} bytes")
        return self.rfile.read(int(length))

    def _send(self, status: HTTPStatus, body: bytes, content_type: str) -> None:
        self.send_response(status)
        for name, value in {**_HEADERS, "Content-Type": content_type}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 the name of the base class
        """Nothing: the terminal shows what `make local` prints."""


def _check_host(headers: dict[str, str]) -> None:
    if not origins.is_this_machine(headers.get("host", "")):
        raise RefusedError(HTTPStatus.FORBIDDEN, "this is answered under a name of this machine")


def _read_document(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body or b"{}")
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise RefusedError(HTTPStatus.BAD_REQUEST, "the body is not a JSON object")
    return document
