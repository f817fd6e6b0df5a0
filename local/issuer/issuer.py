"""An OpenID provider on this machine: stands for whoever signs the app's users in where that is no user pool.

It answers for `ISSUER` with real TLS on a loopback port of its own, as long as the local AWS runs:

    GET  /.well-known/openid-configuration   what it can do (OpenID Connect Discovery 1.0)
    GET  /jwks                               its public keys
    GET  /authorize                          the authorization endpoint: code flow, PKCE with S256
    POST /token                              the token endpoint

There is no page to sign in on: whoever `login_hint` names, and has signed up by a control request, is signed
in at once, just now, by password and one-time code. A test requests other claims as OpenID Connect
Core 5.5 lets a client do it, by the parameter `claims`: each claim of its `id_token` member that has a
`value` is put into both tokens, whatever it says. A real issuer decides for itself.

Pages of this machine may call it; others may have a person visit /authorize, as on any issuer.

Grants and tokens are Authlib's: see `local.issuer.authorization_server`.
"""

import json
import sys
import threading
import time
import urllib.request
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, parse_qsl, urlsplit

from joserfc.jwk import KeySet, RSAKey

from local import faults, origins
from local.faults import Fault
from local.issuer.certificates import server_context

if TYPE_CHECKING:
    from local.issuer.authorization_server import AuthorizationServer

HOST = "login.in-app-calling.test"
ISSUER = f"https://{HOST}/"
# The registration of the app: a public client, which has no secret.
CLIENT_ID = "in-app-calling-app"
REDIRECT_URI = "com.example.calls://signed-in"
SCOPES = ("openid", "profile", "email", "calls")
TOKENS_LAST = 3600  # seconds
ALGORITHM = "RS256"

METADATA = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}authorize",
    "token_endpoint": f"{ISSUER}token",
    "jwks_uri": f"{ISSUER}jwks",
    "scopes_supported": list(SCOPES),
    "response_types_supported": ["code"],
    "response_modes_supported": ["query"],
    "grant_types_supported": ["authorization_code"],
    "subject_types_supported": ["public"],
    "id_token_signing_alg_values_supported": [ALGORITHM],
    "token_endpoint_auth_methods_supported": ["none"],
    "code_challenge_methods_supported": ["S256"],
    "claims_parameter_supported": True,
    "claims_supported": ["sub", "email", "email_verified", "name", "auth_time", "amr"],
    "request_uri_parameter_supported": False,
}

_CLOSES_AFTER = 30  # seconds without a request on a connection
_ANSWERS_WITHIN = 2  # seconds: what an external provider may take


@dataclass(frozen=True)
class Answer:
    """An HTTP answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @classmethod
    def json(cls, document: Any, status: int = HTTPStatus.OK) -> "Answer":
        """A JSON document."""
        return cls(status, {"Content-Type": "application/json"}, json.dumps(document).encode())


@dataclass(frozen=True)
class Site:
    """Where the issuer answers, and the certificate of the authority that vouches for it, as PEM."""

    port: int
    authority: Path


class TakenError(Exception):
    """Somebody has signed up with this address."""


@dataclass
class Issuer:
    """Its users and its keys, of which the last signs; `take_fault` is called at each request for keys."""

    take_fault: Callable[[str, str], Fault | None] = lambda _service, _operation: None
    client_id: str = CLIENT_ID
    external: str = ""  # an OpenID provider on loopback, whose keys are published here too
    users: dict[str, dict[str, Any]] = field(default_factory=dict)  # claims by email
    _site: Site | None = None
    _key_requests: int = 0
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def serve(self, folder: Path) -> Site:
        """Answer until this process ends; `folder` gets the certificate of the authority."""
        authority = folder / "certificate-authority.pem"
        server = _Server(("127.0.0.1", 0), _handler(self))
        # The handshake comes with the first byte that is read, in the thread of the connection.
        server.socket = server_context(HOST, authority).wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
        threading.Thread(target=server.serve_forever, name="issuer", daemon=True).start()
        self._site = Site(server.server_port, authority)
        return self._site

    def described(self) -> dict[str, Any]:
        """What `GET /_local/issuer` returns; `KeyRequests` counts them however they were answered."""
        described = {
            "Issuer": ISSUER,
            "ClientId": self.client_id,
            "RedirectUri": REDIRECT_URI,
            "KeyIds": [key["kid"] for key in self.keys()["keys"]],
            "KeyRequests": self._key_requests,
        }
        if self._site:
            described |= {"Port": self._site.port, "CertificateAuthority": str(self._site.authority)}
        return described

    def sign_up(self, email: str, claims: Mapping[str, Any]) -> dict[str, Any]:
        """A new user with these claims; returns all there are. Raises TakenError if the address is taken."""
        with self._lock:
            if email in self.users:
                raise TakenError(f"{email} has signed up before")
            user = {"sub": str(uuid.uuid4()), "email": email, "email_verified": True, **claims}
            self.users[email] = user
        return user

    @cached_property
    def _keys(self) -> list[RSAKey]:
        # Made when first needed: most runs need none, and it takes a tenth of a second.
        return [_new_key()]

    def keys(self) -> dict[str, Any]:
        """The public keys as a JWKS: all that were not retired."""
        with self._lock:
            return {"keys": [key.as_dict(private=False) for key in self._keys]}

    @property
    def signing_key(self) -> KeySet:
        """The private key that signs now, and no other."""
        with self._lock:
            return KeySet([self._keys[-1]])

    def rotate(self, *, retire: bool) -> None:
        """Sign with a new key from now on; `retire` takes all others out of the JWKS."""
        with self._lock:
            self._keys[:] = [*([] if retire else self._keys), _new_key()]

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """The answer to a request; `target` is its path and query, names of headers are in lower case."""
        url = urlsplit(target)
        host = headers.get("host", "")
        if host.partition(":")[0] != HOST and not origins.is_this_machine(host):
            return Answer.json({"error": "access_denied"}, HTTPStatus.FORBIDDEN)
        is_visit = (method, url.path) == ("GET", "/authorize") and origins.is_a_visit(headers)
        if origins.is_of_a_foreign_page(headers) and not is_visit:
            return Answer.json({"error": "access_denied"}, HTTPStatus.FORBIDDEN)
        if origins.is_preflight(method, headers):
            return Answer(HTTPStatus.OK, origins.preflight_headers(headers), b"")
        answer = self._answer(method, url, headers, body)
        return replace(answer, headers={**answer.headers, **origins.cors_headers(headers)})

    def _answer(self, method: str, url: SplitResult, headers: Mapping[str, str], body: bytes) -> Answer:
        match method, url.path:
            case "GET", "/.well-known/openid-configuration":
                return Answer.json(METADATA)
            case "GET", "/jwks":
                return self._give_keys()
            case "GET", "/external/jwks" if self.external:
                return self._give_external_keys()
            case "GET", "/authorize":
                with self._lock:
                    return self._server.authorize(parse_qsl(url.query, keep_blank_values=True))
            case "POST", "/token":
                form = parse_qsl(body.decode(errors="replace"), keep_blank_values=True)
                with self._lock:
                    return self._server.give_tokens(form, headers)
        return Answer.json({"error": "not_found"}, HTTPStatus.NOT_FOUND)

    def _give_keys(self) -> Answer:
        with self._lock:
            self._key_requests += 1
        fault = self.take_fault(faults.ISSUER, faults.GET_KEYS)
        if fault is None:
            return Answer.json(self.keys())
        if fault.code:
            return Answer.json({"error": fault.code}, fault.status)
        time.sleep(fault.delay_seconds)
        answer = Answer.json(self.keys())
        return replace(answer, body=fault.spoil(answer.body)) if fault.malformed else answer

    def _give_external_keys(self) -> Answer:
        """What the provider publishes now."""
        try:
            metadata = _fetch(f"{self.external.rstrip('/')}/.well-known/openid-configuration")
            return Answer.json(_fetch(metadata["jwks_uri"]))
        except (OSError, ValueError, KeyError) as error:
            return Answer.json({"error": f"{self.external}: {error!r}"}, HTTPStatus.BAD_GATEWAY)

    @cached_property
    def _server(self) -> "AuthorizationServer":
        # Imported when first needed, for the same reason as the keys are made then.
        from local.issuer.authorization_server import AuthorizationServer  # noqa: PLC0415

        return AuthorizationServer(self)


def _fetch(url: str) -> Any:
    """A JSON document of a provider on loopback; raises OSError or ValueError."""
    host = urlsplit(url).netloc
    if not origins.is_this_machine(host):
        raise ValueError(f"{host} is not this machine")
    with urllib.request.urlopen(url, timeout=_ANSWERS_WITHIN) as answer:  # noqa: S310 of loopback, as checked
        return json.load(answer)


def _new_key() -> RSAKey:
    return RSAKey.generate_key(2048, {"alg": ALGORITHM, "use": "sig"}, auto_kid=True)


def _handler(issuer: Issuer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = _CLOSES_AFTER
        wbufsize = -1  # an answer in one piece: a second one would wait for the first to be acknowledged

        def do_GET(self) -> None:
            self._reply(b"")

        def do_POST(self) -> None:
            self._reply(self.rfile.read(int(self.headers.get("Content-Length", 0))))

        def do_OPTIONS(self) -> None:
            self._reply(b"")

        def _reply(self, body: bytes) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = issuer.answer(self.command, self.path, headers, body)
            self.send_response(answer.status)
            for name, value in {**answer.headers, "Content-Length": str(len(answer.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_: object) -> None:
            """Nothing is logged: requests carry codes."""

    return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # connections that wait: a burst of phones

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up, or does not trust the certificate, is no error of this machine."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)
