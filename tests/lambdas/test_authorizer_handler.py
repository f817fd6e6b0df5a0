"""The function as API Gateway calls it."""

import importlib
import json
import logging
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from authorizer.download import DownloadFailed
from authorizer.issuer_keys import IssuerKeys
from authorizer.keys import ALGORITHMS
from authorizer.kms_keys import KmsKeys
from authorizer.verification import TokenVerifier
from tests.examples import examples
from tests.lambdas.events import LambdaContext
from tests.lambdas.tokens import ACCESS, AUDIENCE, ISSUER, NOW, encode, key_set, signing_key

KEY = signing_key("ES256", "SECRET-KEY-ID")
METHOD_ARN = "arn:aws:execute-api:eu-west-2:111122223333:abcdef1234/prod/POST/start-call"
RESOURCE = "arn:aws:execute-api:eu-west-2:111122223333:abcdef1234/prod/*"
ENVIRONMENT = {
    "ISSUER": ISSUER,
    "AUDIENCES": json.dumps([AUDIENCE]),
    "TOKEN_USE": "access",
    "ALGORITHMS": '["ES256"]',
    "LEEWAY_SECONDS": "30",
    "REQUIRED_SCOPES": '["calls"]',
    "REQUIRED_CLAIMS": "{}",
    "CLAIMS": '["email", "name"]',
}
GIVEN = {"JWKS": key_set(KEY.jwk()).decode()}
PUBLISHED = {"JWKS_URL": "https://127.0.0.1/jwks", "JWKS_FRESH_SECONDS": "60", "JWKS_STALE_SECONDS": "0"}
IN_KMS = {"KMS_KEYS": '["arn:aws:kms:eu-west-2:111122223333:key/5b0c2a6e-3f61-4f0e-9f0b-6d1f6c2e9a10"]'}


def start(monkeypatch: pytest.MonkeyPatch, **environment: str) -> Any:
    """The handler's module, imported as in a new execution environment."""
    for name, value in {**ENVIRONMENT, **environment}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delitem(sys.modules, "authorizer.handler", raising=False)
    return importlib.import_module("authorizer.handler")


@pytest.fixture
def function(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The handler's module in a deployment that holds the issuer's key, at the time of the tokens."""
    module = start(monkeypatch, **GIVEN)
    monkeypatch.setattr(module._verify, "_now", lambda: NOW)
    return module


def invoke(function: Any, token: Any, method_arn: str = METHOD_ARN) -> dict[str, Any]:
    event = {"type": "TOKEN", "authorizationToken": token, "methodArn": method_arn}
    answer: dict[str, Any] = function.handler(event, LambdaContext())
    return answer


def policy(effect: str) -> dict[str, Any]:
    return {
        "principalId": "user",
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [{"Action": "execute-api:Invoke", "Effect": effect, "Resource": RESOURCE}],
        },
    }


def test_a_good_token_is_allowed_with_its_claims(function: Any) -> None:
    token = KEY.token({**ACCESS, "name": "Zoë", "auth_time": NOW - 60, "amr": ["pwd", "mfa"], "roles": ["r"]})
    answer = invoke(function, token)
    context = answer.pop("context")
    assert answer == policy("Allow")
    assert context["expiresAt"] == str(NOW + 300 + 30)
    assert context["claims"].isascii()
    assert json.loads(context["claims"]) == {
        "sub": "SECRET-SUBJECT",
        "exp": str(NOW + 300),
        "iat": str(NOW - 10),
        "auth_time": str(NOW - 60),
        "amr": "pwd,mfa",
        "email": "SECRET-EMAIL@example.com",
        "name": "Zoë",
    }
    # API Gateway takes texts, numbers and booleans in a context, and nothing else.
    assert {type(value) for value in context.values()} == {str}


@pytest.mark.parametrize("scheme", ["", "Bearer ", "bearer ", "BEARER "])
def test_a_token_may_come_with_the_scheme_before_it(scheme: str, function: Any) -> None:
    answer = invoke(function, scheme + KEY.token())
    assert answer["policyDocument"] == policy("Allow")["policyDocument"]


BAD_TOKENS: dict[str, Any] = {
    "null": None,
    "a number": 1,
    "nothing": "",
    "a scheme": "Bearer",
    "a scheme and a space": "Bearer ",
    "a password": "Basic dXNlcjpwYXNzd29yZA==",
    "two spaces": f"Bearer  {KEY.token()}",
    "a tab": f"Bearer\t{KEY.token()}",
    "a scheme twice": f"Bearer Bearer {KEY.token()}",
    "another scheme": f"Basic {KEY.token()}",
    "the scheme of DPoP": f"DPoP {KEY.token()}",
    "a space behind it": f"{KEY.token()} ",
    "two tokens": f"{KEY.token()} {KEY.token()}",
    "one that has expired": KEY.token({**ACCESS, "exp": NOW - 60}),
    "one by an unknown key": signing_key("ES256", "stranger").token(),
}


@pytest.mark.parametrize("token", BAD_TOKENS.values(), ids=BAD_TOKENS)
def test_a_bad_token_is_denied_and_learns_nothing(token: Any, function: Any) -> None:
    assert invoke(function, token) == policy("Deny")


def test_an_event_without_a_token_is_denied(function: Any, written: Callable[[], str]) -> None:
    assert function.handler({"methodArn": METHOD_ARN}, LambdaContext()) == policy("Deny")
    assert '"reason":"not-a-jws"' in written()


@pytest.mark.parametrize(
    "path", ["GET/calls/0f000000-0000-4000-8000-000000000001", "DELETE/", "GET/a/../../*", "GET/é%2F"]
)
def test_an_answer_is_for_the_whole_stage_whatever_the_path(path: str, function: Any) -> None:
    for token in (KEY.token(), "none"):
        answer = invoke(function, token, METHOD_ARN.replace("POST/start-call", path))
        assert answer["policyDocument"]["Statement"][0]["Resource"] == RESOURCE


def test_what_is_decided_is_counted(function: Any, written: Callable[[], str]) -> None:
    invoke(function, KEY.token())
    assert '"TokenAccepted":[1.0]' in written().replace(" ", "")
    invoke(function, "none")
    output = written()
    assert '"TokenRefused":[1.0]' in output.replace(" ", "")
    assert '"reason":"not-a-jws"' in output


def without_keys(module: Any, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail() -> bytes:
        raise error

    keys = IssuerKeys(fail, ALGORITHMS, fresh_seconds=60, stale_seconds=0, now=lambda: NOW)
    monkeypatch.setattr(module, "_verify", TokenVerifier(module._settings.rules, keys, lambda: NOW))


def test_without_keys_nothing_is_decided(
    function: Any, monkeypatch: pytest.MonkeyPatch, written: Callable[[], str]
) -> None:
    without_keys(function, monkeypatch, DownloadFailed("SECRET"))
    with pytest.raises(function.NotDecided) as raised:
        invoke(function, KEY.token())
    assert raised.value.args == ()
    assert raised.value.__suppress_context__
    output = written()
    assert '"KeysUnavailable":[1.0]' in output.replace(" ", "")
    assert "SECRET" not in output


def test_without_keys_what_is_no_token_is_still_denied(
    function: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_keys(function, monkeypatch, DownloadFailed("down"))
    assert invoke(function, "Bearer none") == policy("Deny")


def test_a_token_that_is_valid_in_a_moment_is_answered_with_nothing_that_is_kept(
    function: Any, written: Callable[[], str]
) -> None:
    with pytest.raises(function.NotDecided) as raised:
        invoke(function, KEY.token({**ACCESS, "nbf": NOW + 31}))
    assert raised.value.args == ()
    assert raised.value.__suppress_context__
    output = written()
    assert '"TokenEarly":[1.0]' in output.replace(" ", "")
    assert "KeysUnavailable" not in output


def test_a_key_that_may_be_new_is_answered_with_nothing_that_is_kept_and_alarms_nobody(
    function: Any, monkeypatch: pytest.MonkeyPatch, written: Callable[[], str]
) -> None:
    keys = IssuerKeys(
        lambda: key_set(KEY.jwk()),
        frozenset({"ES256"}),
        fresh_seconds=60,
        stale_seconds=0,
        now=lambda: float(NOW),
    )
    monkeypatch.setattr(function, "_verify", TokenVerifier(function._settings.rules, keys, lambda: NOW))
    invented = signing_key("ES256", "SECRET-INVENTED").token()
    assert invoke(function, invented) == policy("Deny")  # the issuer has just said so
    with pytest.raises(function.NotDecided):
        invoke(function, invented)
    output = written()
    assert '"KeyUnknown":[1.0]' in output.replace(" ", "")
    assert "KeysUnavailable" not in output
    assert "UnforeseenError" not in output
    assert "SECRET" not in output


def test_an_error_that_nobody_foresaw_lets_nobody_through(
    function: Any, monkeypatch: pytest.MonkeyPatch, written: Callable[[], str]
) -> None:
    def fail(_: str) -> None:
        raise RuntimeError("SECRET")

    monkeypatch.setattr(function, "_verify", fail)
    with pytest.raises(function.NotDecided) as raised:
        invoke(function, KEY.token())
    assert raised.value.args == ()
    assert raised.value.__suppress_context__
    output = written()
    assert '"UnforeseenError":[1.0]' in output.replace(" ", "")
    assert "RuntimeError" in output
    assert "SECRET" not in output


def test_keys_of_each_kind_are_read_from_where_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    published = start(monkeypatch, **PUBLISHED)._verify._keys
    assert isinstance(published, IssuerKeys)
    assert published._algorithms == frozenset({"ES256"})
    assert published._fresh_seconds == int(PUBLISHED["JWKS_FRESH_SECONDS"])
    assert published._stale_seconds == int(PUBLISHED["JWKS_STALE_SECONDS"])
    assert published._now is time.time
    monkeypatch.delenv("JWKS_URL")
    in_kms = start(monkeypatch, **IN_KMS)._verify._keys
    assert isinstance(in_kms, KmsKeys)
    assert in_kms._algorithms == frozenset({"ES256"})
    # Once, and for no longer than the function may take.
    client = in_kms._kms
    assert (client.meta.service_model.service_name, client.meta.config.read_timeout) == ("kms", 2)
    assert client.meta.config.retries["total_max_attempts"] == 1


@pytest.mark.parametrize(
    "keys",
    [
        {"JWKS": "{}"},
        {"JWKS": "not json"},
        {"JWKS": key_set(signing_key("RS256").jwk()).decode()},
        {**PUBLISHED, "JWKS_URL": "http://login.example.com/jwks"},
        {**PUBLISHED, "JWKS_URL": "https:///jwks"},
        {**PUBLISHED, "JWKS_URL": "file:///etc/passwd"},
    ],
    ids=lambda keys: str(keys)[:40],
)
def test_a_deployment_without_a_usable_place_of_keys_does_not_start(
    keys: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match=r"."):
        start(monkeypatch, **keys)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(300))
@given(
    token=st.none()
    | st.integers()
    | st.text()
    | st.text("eyJhbGciOi.-_= Bearer\n", max_size=60)
    | st.tuples(st.binary(max_size=60), st.binary(max_size=60), st.binary(max_size=70)).map(
        lambda parts: ".".join(map(encode, parts))
    )
)
def test_whatever_a_caller_sends_is_denied_and_never_an_error(token: Any, function: Any) -> None:
    assert invoke(function, token) == policy("Deny")


def test_nothing_of_a_token_is_logged_or_counted(
    function: Any,
    monkeypatch: pytest.MonkeyPatch,
    written: Callable[[], str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger=function.logger.name)
    secret = {**ACCESS, "name": "SECRET-NAME", "auth_time": "SECRET-TIME"}
    tokens = [
        KEY.token(secret),
        KEY.token({**secret, "exp": NOW - 60}),
        KEY.token({**secret, "iss": "https://SECRET.example"}),
        KEY.token({**secret, "aud": "SECRET"}),
        KEY.token({**secret, "sub": "SECRET\n"}),
        KEY.token({**secret, "scope": "SECRET"}),
        KEY.token(secret, {"alg": "SECRET"}),
        KEY.token(secret, {"kid": "SECRET-OTHER-KEY"}),
        KEY.token(secret, {"jku": "https://SECRET.example"}),
        KEY.token(b"SECRET"),
        KEY.token(secret) + "SECRET",
        "SECRET",
        "Basic SECRET",
    ]
    answers = [invoke(function, token) for token in tokens]
    without_keys(function, monkeypatch, ValueError("SECRET"))
    with pytest.raises(function.NotDecided):
        invoke(function, tokens[0])
    assert [answer["policyDocument"]["Statement"][0]["Effect"] for answer in answers] == ["Allow"] + [
        "Deny"
    ] * 12
    output = written()
    assert "TokenAccepted" in output
    assert "SECRET" not in output
    assert ISSUER not in output
    for token in tokens[:11]:
        assert not any(part in output for part in token.split(".") if part)
    assert "SECRET" not in json.dumps([answer for answer in answers if "context" not in answer])
