"""Who may send what to the local AWS.

It runs code that it is sent, as AWS does, and its account is a well-known one. It listens on loopback alone,
but the browser of whoever develops here reaches that: a page from anywhere can have it send requests to this
machine, by scripts, forms, images, links, or under a name of its own that leads to 127.0.0.1. So:

- whatever is not sent to a name of this machine is refused;
- AWS's endpoints take requests that are signed with this run's credentials, or with such as AWS's own
  services gave out here, and none of a browser;
- `/_local/` takes requests with this run's token, and none of a browser;
- what a page calls on AWS too, without credentials of AWS, is answered to pages of this machine alone: the
  deployed API, the operations of a user pool that nobody signs, its sign-in pages, the Participant Service.

Independent of MiniStack, which sees what passed.
"""

import functools
import hmac
import re
from collections.abc import Callable, Mapping
from enum import Enum, auto
from http import HTTPStatus

import botocore.session

from local import origins
from local.access import CONTROL_HEADER
from local.emulator import signatures
from local.emulator.signatures import Claim, Request, SignatureError

CONTROL = "/_local/"
HEALTH = "/_ministack/health"

_API = re.compile(r"/_aws/execute-api/[a-z0-9]+/[^/]+(/.*)?", re.DOTALL)
# A custom resource's answer to CloudFormation; its address is a secret of its own.
_CLOUDFORMATION_ANSWER = re.compile(r"/_ministack/cfn-response/[0-9a-f-]{36}")
_POOL_DOCUMENT = re.compile(r"/[a-z0-9-]+_[A-Za-z0-9]+/\.well-known/(jwks\.json|openid-configuration)")
_SIGN_IN = frozenset({"/login", "/logout", "/oauth2/authorize", "/oauth2/login"})  # pages
_SIGN_IN_API = frozenset({"/oauth2/token", "/oauth2/userInfo"})
_USER_POOLS, _PARTICIPANTS = "cognito-idp", "connectparticipant"
_ROOT = "/"  # where all services of AWS's JSON protocol answer: X-Amz-Target says which one

# The secret of an access key, which comes with its session token; raises SignatureError for an unknown key.
FindSecret = Callable[[str, str | None], str]


class Refused(Exception):
    """A request that is not answered: HTTP status, AWS's code for it, and why."""

    def __init__(self, code: str, message: str, *, status: HTTPStatus = HTTPStatus.FORBIDDEN) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class _Kind(Enum):
    """What answers a request."""

    CONTROL = auto()
    FOR_PAGES = auto()
    SIGN_IN_PAGE = auto()
    FOR_PROGRAMS = auto()  # without credentials
    AWS = auto()


class Admission:
    """Admits what may come in; `find_secret` knows the keys that the services have given out."""

    def __init__(self, *, control_token: str, find_secret: FindSecret) -> None:
        self._control_token = control_token
        self._find_secret = find_secret

    def admit(self, path: str, request: Request) -> Claim | None:
        """Raise Refused, or return what its signature claims, for `verify`; `path` is decoded.

        None for what needs no signature.
        """
        headers = dict(request.headers)
        check_host(request)
        kind = _kind(path, request, headers)
        claim = None
        if kind is not _Kind.CONTROL:
            try:
                claim = signatures.read_claim(request)
            except SignatureError as error:
                raise Refused(error.code, str(error)) from None
        if kind in {_Kind.FOR_PAGES, _Kind.SIGN_IN_PAGE} and claim is None:
            if origins.is_of_a_foreign_page(headers) and not (
                kind is _Kind.SIGN_IN_PAGE and request.method == "GET" and origins.is_a_visit(headers)
            ):
                raise Refused("AccessDenied", "the local AWS answers pages of this machine alone")
            return None
        if origins.is_of_a_browser(headers):
            raise Refused("AccessDenied", "this is answered to programs, and to no web browser")
        if kind is _Kind.CONTROL:
            self._check_token(request)
        elif kind is _Kind.AWS and claim is None:
            raise Refused("MissingAuthenticationToken", "sign the request with the credentials of this run")
        return claim

    def verify(self, claim: Claim, request: Request, body: bytes) -> None:
        """Raise Refused unless the claim holds."""
        try:
            secret = self._find_secret(claim.access_key_id, claim.session_token)
            signatures.verify(claim, request, body, secret)
        except SignatureError as error:
            raise Refused(error.code, str(error)) from None

    def _check_token(self, request: Request) -> None:
        given = request.values(CONTROL_HEADER.lower())
        if len(given) != 1 or not hmac.compare_digest(given[0].encode(), self._control_token.encode()):
            message = (
                f"/_local/ takes requests with this run's {CONTROL_HEADER}: curl -H @.local/control-header …"
            )
            raise Refused("AccessDenied", message)


def answers_pages(path: str, headers: Mapping[str, str]) -> bool:
    """Whether a page of this machine may call what is there: for a preflight, which says no more."""
    is_for_pages = (
        path == _ROOT
        or path in _SIGN_IN_API
        or path in _unsigned_paths()
        or _API.fullmatch(path) is not None
        or _POOL_DOCUMENT.fullmatch(path) is not None
    )
    return is_for_pages and not origins.is_of_a_foreign_page(headers)


def check_host(request: Request) -> None:
    """Raise Refused where a request was sent to a name that merely leads here."""
    hosts = request.values("host")
    if len(hosts) != 1 or not origins.is_this_machine(hosts[0]):
        raise Refused("AccessDenied", "the local AWS answers under the names of this machine alone")


def _kind(path: str, request: Request, headers: Mapping[str, str]) -> _Kind:
    method = request.method
    if f"{path}/".startswith(CONTROL):
        return _Kind.CONTROL
    if path in _SIGN_IN and method in {"GET", "POST"}:
        return _Kind.SIGN_IN_PAGE
    if (
        _API.fullmatch(path)
        or (path in _SIGN_IN_API and method in {"GET", "POST"})
        or (path in _unsigned_paths() and method == "POST")
        or (_POOL_DOCUMENT.fullmatch(path) and method == "GET")
        or (path == _ROOT and method == "POST" and headers.get("x-amz-target") in _unsigned_targets())
    ):
        return _Kind.FOR_PAGES
    if (path == HEALTH and method == "GET") or (_CLOUDFORMATION_ANSWER.fullmatch(path) and method == "PUT"):
        return _Kind.FOR_PROGRAMS
    return _Kind.AWS


@functools.cache
def _unsigned_targets() -> frozenset[str]:
    """The operations of a user pool that apps call without credentials of AWS, as X-Amz-Target names them."""
    model = botocore.session.get_session().get_service_model(_USER_POOLS)
    prefix = model.metadata["targetPrefix"]
    return frozenset(
        f"{prefix}.{name}"
        for name in model.operation_names
        if model.operation_model(name).auth_type == "none"
    )


@functools.cache
def _unsigned_paths() -> frozenset[str]:
    """Those of the Participant Service, whose callers hold a token and no credentials of AWS."""
    model = botocore.session.get_session().get_service_model(_PARTICIPANTS)
    return frozenset(model.operation_model(name).http["requestUri"] for name in model.operation_names)
