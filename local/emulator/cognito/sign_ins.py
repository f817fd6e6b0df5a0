"""Cognito user pools: when and how somebody signed in, which MiniStack forgets; USER_AUTH, which it lacks.

Tokens say when the sign-in was, also after a refresh. They say how (`amr`, `acr`) if the sign-in requested a
level by TARGET_ACR_VALUES, as "Step-up authentication" in the developer guide has it. Any MAX_AGE holds:
nothing but a new sign-in is offered. Passwords, by SRP or sent, are the first factor, codes the second.
Assumed: a level that the user cannot reach is no error; the token says which one was reached.
"""

import json
import re
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any

from ministack.services import cognito

_LEVELS = re.compile(r"urn:cognito:loa:[1-4]( urn:cognito:loa:[1-4])*")
_PASSWORD, _SECOND_FACTOR = ("pwd",), ("pwd", "otp", "mfa")
_ACR = {_PASSWORD: "urn:cognito:loa:1", _SECOND_FACTOR: "urn:cognito:loa:4"}
_CHOICES = ("PASSWORD", "PASSWORD_SRP")
_SECOND_FACTORS = frozenset({"SOFTWARE_TOKEN_MFA", "SMS_MFA", "EMAIL_OTP"})

Document = Mapping[str, Any]
Answer = tuple[int, Any, bytes]


@dataclass(frozen=True)
class _SignIn:
    """A sign-in: whether it requested a level, by which methods, when it came to its end (epoch seconds)."""

    requests_level: bool = False
    methods: tuple[str, ...] = _PASSWORD
    at: int = 0


_ANY = _SignIn()
_current: ContextVar[_SignIn] = ContextVar("sign_in", default=_ANY)


class _SignIns:
    """Those that are under way, by the session of their challenge, and those that tokens are of."""

    def __init__(self) -> None:
        self._pending: dict[str, _SignIn] = {}
        self._usernames: dict[str, str] = {}  # of sessions in which a challenge is to be chosen
        self._of_tokens: dict[str, _SignIn] = {}  # by origin_jti, which all tokens of a sign-in have
        self._initiate: Callable[[Document], Answer] = cognito._initiate_auth
        self._respond: Callable[[Document], Answer] = cognito._respond_to_auth_challenge
        self._sign: Callable[..., str] = cognito._signed_jwt

    def initiate(self, request: Document) -> Answer:
        """InitiateAuth."""
        if request.get("AuthFlow") != "USER_AUTH":
            return self._answer(_ANY, lambda: self._initiate(request))
        given = request.get("AuthParameters") or {}
        if problem := self._problem(request, given):
            return _refused(problem)
        sign_in = _SignIn(requests_level="TARGET_ACR_VALUES" in given)
        return self._begin(request, given, given.get("PREFERRED_CHALLENGE", ""), sign_in)

    def respond(self, request: Document) -> Answer:
        """RespondToAuthChallenge."""
        given = request.get("ChallengeResponses") or {}
        session = str(request.get("Session") or given.get("PASSWORD_CLAIM_SECRET_BLOCK") or "")
        sign_in = self._pending.get(session, _ANY)
        name = request.get("ChallengeName")
        if name == "SELECT_CHALLENGE":
            username = self._usernames.get(session)
            if username is None:
                return _error("NotAuthorizedException", "Invalid session.")
            return self._begin(request, {**given, "USERNAME": username}, str(given.get("ANSWER")), sign_in)
        if name in _SECOND_FACTORS:
            sign_in = replace(sign_in, methods=_SECOND_FACTOR)
        return self._answer(sign_in, lambda: self._respond(request))

    def sign(self, claims: dict[str, Any], *args: Any) -> str:
        """A token: with the time and the methods of the sign-in that it comes from."""
        origin = claims.get("origin_jti")
        if origin and claims.get("token_use") in {"id", "access"}:
            now = replace(_current.get(), at=int(time.time()))
            sign_in = self._of_tokens.setdefault(origin, now)
            claims["auth_time"] = sign_in.at
            is_identity_token = claims["token_use"] == "id"  # noqa: S105 a kind of token
            if sign_in.requests_level and is_identity_token:
                claims["amr"] = list(sign_in.methods)
                claims["acr"] = _ACR[sign_in.methods]
        return self._sign(claims, *args)

    @staticmethod
    def _problem(request: Document, given: Document) -> str | None:
        client = (cognito._pool_for_client(request.get("ClientId"))[0] or {}).get("_clients", {})
        flows = (client.get(request.get("ClientId")) or {}).get("ExplicitAuthFlows") or []
        if "ALLOW_USER_AUTH" not in flows:
            return "USER_AUTH flow not enabled for this client"
        if not given.get("USERNAME"):
            return "Missing required parameter USERNAME"
        if not re.fullmatch(r"\d{1,10}", str(given.get("MAX_AGE", "0")), re.ASCII):
            return "MAX_AGE is not a number of seconds"
        if not _LEVELS.fullmatch(str(given.get("TARGET_ACR_VALUES", "urn:cognito:loa:1"))):
            return "TARGET_ACR_VALUES are not levels: urn:cognito:loa:1 to urn:cognito:loa:4"
        return None

    def _begin(self, request: Document, given: Document, challenge: str, sign_in: _SignIn) -> Answer:
        client_id = request.get("ClientId")
        pool, pool_id = cognito._pool_for_client(client_id)
        match challenge:
            case "PASSWORD_SRP":
                # Allowed by USER_AUTH, whatever other flows the client has.
                client = {**pool["_clients"][client_id], "ExplicitAuthFlows": []}
                opened = {**pool, "_clients": {**pool["_clients"], client_id: client}}
                return self._answer(
                    sign_in, lambda: cognito._initiate_user_srp_auth(opened, pool_id, client_id, given)
                )
            case "PASSWORD":
                by_password = {"AuthFlow": "USER_PASSWORD_AUTH", "AuthParameters": given}
                return self._answer(sign_in, lambda: self._initiate({**request, **by_password}))
            case "":
                session, _ = cognito._create_challenge_session(pool_id, client_id, given["USERNAME"])
                self._pending[session] = sign_in
                self._usernames[session] = given["USERNAME"]
                answer: Answer = cognito.json_response({
                    "ChallengeName": "SELECT_CHALLENGE",
                    "Session": session,
                    "ChallengeParameters": {},
                    "AvailableChallenges": list(_CHOICES),
                })  # fmt: skip
                return answer
        return _refused(f"{challenge} is none of {', '.join(_CHOICES)}")

    def _answer(self, sign_in: _SignIn, do: Callable[[], Answer]) -> Answer:
        """What MiniStack answers; the challenges in it are the sign-in's."""
        token = _current.set(sign_in)
        try:
            answer = do()
        finally:
            _current.reset(token)
        document = json.loads(answer[2] or b"{}")
        parameters = document.get("ChallengeParameters") or {}
        for session in (document.get("Session"), parameters.get("SECRET_BLOCK")):
            if session:
                self._pending[session] = sign_in
        return answer


def _refused(message: str) -> Answer:
    return _error("InvalidParameterException", message)


def _error(code: str, message: str) -> Answer:
    answer: Answer = cognito.error_response_json(code, message, 400)
    return answer


class _ShortSecrets:
    """`secrets`, but for the private number of SRP: of 256 bits, which RFC 5054, 2.5.3, has as the least. One
    of 3,072 takes Python 200 ms more for each sign-in.
    """

    def __getattr__(self, name: str) -> Any:
        return getattr(secrets, name)

    @staticmethod
    def randbelow(limit: int) -> int:
        return secrets.randbelow(min(limit, 1 << 256))


def install() -> None:
    """Remember sign-ins; offer USER_AUTH; sign in by SRP in a quarter of the time."""
    sign_ins = _SignIns()
    cognito.secrets = _ShortSecrets()
    cognito._initiate_auth = sign_ins.initiate
    cognito._respond_to_auth_challenge = sign_ins.respond
    cognito._signed_jwt = sign_ins.sign
    _refuse_attributes()


# A client that names nothing may write the standard attributes, but for those that Cognito itself keeps.
_KEPT = frozenset({"sub", "email_verified", "phone_number_verified", "identities"})


def _refuse_attributes() -> None:
    """A user writes, through a client, what the client may write."""
    sign_up, update = cognito._sign_up, cognito._update_user_attributes

    def sign_up_checked(request: Document) -> Answer:
        return _unwritable(request.get("ClientId"), request) or sign_up(request)

    def update_checked(request: Document) -> Answer:
        claims = cognito._token_claims(request.get("AccessToken", "")) or {}
        return _unwritable(claims.get("client_id"), request) or update(request)

    cognito._sign_up = sign_up_checked
    cognito._update_user_attributes = update_checked


def _unwritable(client_id: str | None, request: Document) -> Answer | None:
    pool = cognito._pool_for_client(client_id)[0] if client_id else None
    if pool is None:
        return None
    allowed = pool["_clients"][client_id].get("WriteAttributes") or []
    names = [str(each.get("Name")) for each in request.get("UserAttributes") or []]
    if all(_is_writable(name, allowed) for name in names):
        return None
    message = "A client attempted to write unauthorized attribute"
    return _error("NotAuthorizedException", message)


def _is_writable(name: str, allowed: Iterable[str]) -> bool:
    if name in _KEPT:
        return False
    return name in allowed if allowed else not name.startswith("custom:")
