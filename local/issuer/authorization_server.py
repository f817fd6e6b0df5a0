"""The local issuer's grants and tokens: what is its own beside Authlib's.

One client, public, that may use the authorization code flow with PKCE by S256; identity tokens after OpenID
Connect Core 1.0, access tokens after RFC 9068 for the API that the parameter `resource` names (RFC 8707).
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from authlib.oauth2 import OAuth2Error, OAuth2Request, rfc6749, rfc7636, rfc9068
from authlib.oauth2.rfc6749 import InvalidRequestError
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oidc.core import OpenIDCode
from joserfc.jwk import KeySet

from local.issuer.issuer import (
    ALGORITHM,
    ISSUER,
    REDIRECT_URI,
    SCOPES,
    TOKENS_LAST,
    Answer,
    Issuer,
)

_CODES_LAST = 60  # seconds

Form = list[tuple[str, str]]


class _Payload(BasicOAuth2Payload):  # type: ignore[misc] # Authlib has no types
    def __init__(self, form: Form) -> None:
        super().__init__(dict(form))
        self._datalist = {name: [value for key, value in form if key == name] for name, _ in form}


class _Request(OAuth2Request):  # type: ignore[misc]
    """A request as Authlib reads it: its parameters from the query or from the form."""

    def __init__(self, method: str, path: str, form: Form, headers: Mapping[str, str]) -> None:
        super().__init__(method, f"{ISSUER}{path}", headers=dict(headers))
        self.payload = _Payload(form)

    @property
    def form(self) -> dict[str, str]:
        parameters: dict[str, str] = self.payload.data
        return parameters


class _App(rfc6749.ClientMixin):  # type: ignore[misc]
    """The one client: an app on a phone, which can keep no secret."""

    def __init__(self, client_id: str) -> None:
        self._client_id = client_id

    def get_client_id(self) -> str:
        return self._client_id

    def get_default_redirect_uri(self) -> str:
        return REDIRECT_URI

    def get_allowed_scope(self, scope: str | None) -> str:
        return " ".join(each for each in (scope or "").split() if each in SCOPES)

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri == REDIRECT_URI

    def check_endpoint_auth_method(self, method: str, _endpoint: str) -> bool:
        return method == "none"

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "authorization_code"


@dataclass(frozen=True)
class _Session:
    """A user who has signed in: all that the tokens say of it, and the API that the access token is for."""

    claims: dict[str, Any]
    audience: str

    def get_user_id(self) -> str:
        return str(self.claims["sub"])


@dataclass(frozen=True)
class _Code(rfc6749.AuthorizationCodeMixin):  # type: ignore[misc]
    """An authorization code: what was requested, and by whom."""

    session: _Session
    redirect_uri: str | None
    scope: str
    nonce: str | None
    code_challenge: str
    code_challenge_method: str
    made: float = field(default_factory=time.monotonic)

    def get_redirect_uri(self) -> str | None:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> str | None:
        return self.nonce

    def get_auth_time(self) -> None:
        """Both tokens have it from the session."""

    get_acr = get_amr = get_auth_time


class _CodeGrant(rfc6749.grants.AuthorizationCodeGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = ("none",)

    def save_authorization_code(self, code: str, request: _Request) -> None:
        given = request.payload.data
        self.server.codes[code] = _Code(
            session=request.user,
            redirect_uri=given.get("redirect_uri"),
            scope=request.scope,
            nonce=given.get("nonce"),
            code_challenge=given["code_challenge"],
            code_challenge_method=given["code_challenge_method"],
        )

    def query_authorization_code(self, code: str, _client: _App) -> _Code | None:
        """A code is used up by the first request, with the right verifier or not."""
        found: _Code | None = self.server.codes.pop(code, None)
        return found if found and time.monotonic() < found.made + _CODES_LAST else None

    def delete_authorization_code(self, code: _Code) -> None:
        """It was taken when it was found."""

    def authenticate_user(self, code: _Code) -> _Session:
        return code.session


class _S256(rfc7636.CodeChallenge):  # type: ignore[misc]
    """Authlib takes a request without a challenge, and finds it wanting at the token endpoint."""

    SUPPORTED_CODE_CHALLENGE_METHOD = ("S256",)

    def validate_code_challenge(self, grant: _CodeGrant, redirect_uri: str) -> None:
        given = grant.request.payload.data
        if not given.get("code_challenge") or given.get("code_challenge_method") != "S256":
            raise InvalidRequestError("PKCE is required, with the method S256")
        super().validate_code_challenge(grant, redirect_uri)


class _IdToken(OpenIDCode):  # type: ignore[misc]
    DEFAULT_EXPIRES_IN = TOKENS_LAST

    def __init__(self, issuer: Issuer) -> None:
        super().__init__()
        self._issuer = issuer

    def exists_nonce(self, _nonce: str, _request: _Request) -> bool:
        return False

    def resolve_client_private_key(self, _client: _App) -> KeySet:
        return self._issuer.signing_key

    def get_client_claims(self, _client: _App) -> dict[str, Any]:
        return {"iss": ISSUER, "aud": self._issuer.client_id}

    def generate_user_info(self, user: _Session, _scope: str) -> dict[str, Any]:
        return user.claims


class _AccessToken(rfc9068.JWTBearerTokenGenerator):  # type: ignore[misc]
    def __init__(self, issuer: Issuer) -> None:
        super().__init__(ISSUER, alg=ALGORITHM, expires_generator=TOKENS_LAST)
        self._issuer = issuer

    def get_jwks(self) -> KeySet:
        return self._issuer.signing_key

    def get_audiences(self, _client: _App, user: _Session, _scope: str) -> str:
        return user.audience

    def get_extra_claims(
        self, _client: _App, _grant_type: str, user: _Session, _scope: str
    ) -> dict[str, Any]:
        return user.claims


class AuthorizationServer(rfc6749.AuthorizationServer):  # type: ignore[misc]
    """Authlib's, with this issuer's users, keys and one app."""

    def __init__(self, issuer: Issuer) -> None:
        super().__init__(scopes_supported=SCOPES)
        self.codes: dict[str, _Code] = {}
        self._issuer = issuer
        self._app = _App(issuer.client_id)
        self.register_grant(_CodeGrant, [_S256(), _IdToken(issuer)])
        self.register_token_generator("default", _AccessToken(issuer))

    def authorize(self, query: Form) -> Answer:
        """Sign in whom `login_hint` names, and send the app its code."""
        request = _Request("GET", "authorize", query, {})
        try:
            grant = self.get_consent_grant(request)
            user = self._sign_in(request.payload.data)
        except OAuth2Error as error:
            return self._answer(self.handle_error_response(request, error))
        return self._answer(self.create_authorization_response(request, grant_user=user, grant=grant))

    def _sign_in(self, given: Mapping[str, str]) -> _Session | None:
        user = self._issuer.users.get(given.get("login_hint", ""))
        if user is None:
            return None
        requested = _requested_claims(given.get("claims", "{}"))
        return _Session(
            claims={**user, "auth_time": int(time.time()), "amr": ["pwd", "otp", "mfa"], **requested},
            audience=given.get("resource", self._issuer.client_id),
        )

    def give_tokens(self, form: Form, headers: Mapping[str, str]) -> Answer:
        """Tokens for a code."""
        return self._answer(self.create_token_response(_Request("POST", "token", form, headers)))

    def query_client(self, client_id: str) -> _App | None:
        """The app, if it is that one."""
        return self._app if client_id == self._issuer.client_id else None

    def save_token(self, token: object, request: object) -> None:
        """Tokens are not kept: they say all themselves."""

    def send_signal(self, name: str, *args: object, **kwargs: object) -> None:
        """Nobody listens."""

    def create_oauth2_request(self, request: _Request) -> _Request:
        """It is one already."""
        return request

    def handle_response(self, status: int, body: Any, headers: Form) -> tuple[int, Any, Form]:
        """Left to `_answer`: Authlib passes errors and answers through here in turn."""
        return status, body, headers

    @staticmethod
    def _answer(response: tuple[int, Any, Form]) -> Answer:
        status, body, headers = response
        content = json.dumps(dict(body)).encode() if body else b""
        return Answer(status, dict(headers), content)


def _requested_claims(text: str) -> dict[str, Any]:
    """The requested claims with their values; InvalidRequestError if the parameter is not that."""
    try:
        members = json.loads(text).get("id_token", {})
        return {name: request["value"] for name, request in members.items()}
    except (ValueError, AttributeError, TypeError, KeyError):
        raise InvalidRequestError("claims is not {id_token: {name: {value: ...}}}") from None
