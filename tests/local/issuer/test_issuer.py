"""The local issuer, as an app and as a function reach it: in TLS, by its name."""

import base64
import hashlib
import json
import time
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError
from joserfc.jwk import KeySet
from requests.adapters import HTTPAdapter

from local.clients.identities import OpenIdIssuer, SignInError
from local.issuer.issuer import CLIENT_ID, HOST, ISSUER, REDIRECT_URI
from local.launcher.local_aws import LocalAws
from tests.local.control_endpoints import ControlEndpoints
from tests.local.emulator.stacks import function_of

API = "https://calls.example.com"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
REQUEST = {
    "response_type": "code",
    "client_id": CLIENT_ID,
    "redirect_uri": REDIRECT_URI,
    "scope": "openid calls",
    "state": "a-state",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
    "login_hint": "known@example.com",
}


@pytest.fixture(scope="module")
def issuer(running: LocalAws) -> OpenIdIssuer:
    outputs = {"EndpointUrl": running.endpoint_url, "AccessFolder": str(running.directory)}
    app = OpenIdIssuer({**outputs, "Issuer": ISSUER, "Audience": API, "Scope": "calls", "TokenUse": "access"})
    app.sign_up("known@example.com", {})
    return app


@pytest.fixture
def email(issuer: OpenIdIssuer) -> str:
    """Of somebody who has signed up."""
    email = f"{uuid.uuid4()}@example.com"
    issuer.sign_up(email, {"name": "Ada"})
    return email


def verified(token: str, issuer: OpenIdIssuer) -> jwt.Token:
    return jwt.decode(token, KeySet.import_key_set(json.loads(issuer.public_keys())), ["RS256"])


def authorize(issuer: OpenIdIssuer, **changed: str | None) -> requests.Response:
    query = {name: value for name, value in {**REQUEST, **changed}.items() if value is not None}
    return issuer._get(f"{ISSUER}authorize", **query)


def sent_to_the_app(response: requests.Response) -> dict[str, str]:
    assert response.status_code == 302, response.text
    url = urlsplit(response.headers["Location"])
    assert f"{url.scheme}://{url.netloc}" == REDIRECT_URI
    return {name: values[0] for name, values in parse_qs(url.query).items()}


def give(issuer: OpenIdIssuer, code: str, **changed: str) -> requests.Response:
    form = {
        "grant_type": "authorization_code",
        "client_id": CLIENT_ID,
        "redirect_uri": REDIRECT_URI,
        "code": code,
        "code_verifier": VERIFIER,
    }
    return issuer._http.post(f"{ISSUER}token", data=form | changed, timeout=5)


def test_it_describes_itself_under_its_own_name(issuer: OpenIdIssuer) -> None:
    described = issuer._get(f"{ISSUER}.well-known/openid-configuration").json()
    assert described["issuer"] == ISSUER
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
        assert described[name].startswith(ISSUER)
    assert described["code_challenge_methods_supported"] == ["S256"]


def test_an_access_token_is_one_of_rfc_9068_for_the_api_that_was_named(
    issuer: OpenIdIssuer, email: str
) -> None:
    user = issuer.sign_in(email, "", {})
    token = verified(user.token, issuer)
    assert (token.header["alg"], token.header["typ"]) == ("RS256", "at+jwt")
    claims = token.claims
    assert (claims["iss"], claims["aud"], claims["client_id"]) == (ISSUER, API, CLIENT_ID)
    assert claims["scope"].split() == ["openid", "profile", "email", "calls"]
    assert (claims["sub"], claims["email"], claims["name"]) == (user.user_id, email, "Ada")
    assert claims["email_verified"] is True
    assert claims["amr"] == ["pwd", "otp", "mfa"]
    assert claims["iat"] <= time.time() < claims["exp"] == claims["iat"] + 3600
    assert abs(claims["auth_time"] - time.time()) < 5


def test_an_identity_token_is_for_the_app(issuer: OpenIdIssuer, email: str) -> None:
    user = issuer.sign_in(email, "", {})
    token = verified(user.other_token or "", issuer)
    assert (token.header["typ"], token.claims["aud"]) == ("JWT", CLIENT_ID)
    assert (token.claims["iss"], token.claims["sub"]) == (ISSUER, user.user_id)
    assert "scope" not in token.claims


def test_somebody_is_the_same_user_each_time_and_nobody_else_is(issuer: OpenIdIssuer, email: str) -> None:
    assert issuer.sign_in(email, "", {}).user_id == issuer.sign_in(email, "", {}).user_id
    issuer.sign_up(f"other-{email}", {})
    assert issuer.sign_in(f"other-{email}", "", {}).user_id != issuer.sign_in(email, "", {}).user_id
    with pytest.raises(requests.HTTPError, match="409"):
        issuer.sign_up(email, {})


def test_both_tokens_have_the_requested_claims(issuer: OpenIdIssuer, email: str) -> None:
    asked = {"amr": ["pwd", "mfa"], "auth_time": 1_700_000_000, "email_verified": False, "exp": 1_700_000_001}
    user = issuer.sign_in(email, "", asked)
    for token in (user.token, user.other_token):
        claims = verified(token or "", issuer).claims
        assert {name: claims[name] for name in asked} == asked


def test_a_code_is_good_once_and_for_its_own_app(issuer: OpenIdIssuer) -> None:
    code = sent_to_the_app(authorize(issuer))["code"]
    assert give(issuer, code).status_code == 200
    assert give(issuer, code).json()["error"] == "invalid_grant"
    stolen = sent_to_the_app(authorize(issuer))["code"]
    assert give(issuer, stolen, code_verifier="w" * 43).json()["error"] == "invalid_grant"
    assert give(issuer, stolen).json()["error"] == "invalid_grant"


def test_what_the_app_sent_along_comes_back_with_the_code(issuer: OpenIdIssuer) -> None:
    assert sent_to_the_app(authorize(issuer))["state"] == "a-state"


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"login_hint": "nobody@example.com"}, "access_denied"),
        ({"login_hint": None}, "access_denied"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "openid admin"}, "invalid_scope"),
    ],
)
def test_the_app_receives_why_it_gets_no_code(
    changed: dict[str, str | None], error: str, issuer: OpenIdIssuer
) -> None:
    assert sent_to_the_app(authorize(issuer, **changed))["error"] == error


@pytest.mark.parametrize(
    "changed",
    [{"redirect_uri": "https://evil.example"}, {"client_id": "another"}, {"claims": "no JSON"}],
)
def test_nobody_but_the_app_is_sent_anything(changed: dict[str, str], issuer: OpenIdIssuer) -> None:
    refused = authorize(issuer, **changed)
    assert refused.status_code in {400, 401}
    assert "Location" not in refused.headers


def test_somebody_whom_the_issuer_does_not_know_is_not_signed_in(issuer: OpenIdIssuer) -> None:
    with pytest.raises(SignInError, match="access_denied"):
        issuer.sign_in("nobody@example.com", "", {})


def test_a_new_key_signs_and_the_old_one_goes_when_it_retires(
    issuer: OpenIdIssuer, email: str, observer: ControlEndpoints
) -> None:
    [first] = observer.issuer()["KeyIds"]
    old = issuer.sign_in(email, "", {}).token
    observer.rotate_keys(retire=False)
    kept, second = observer.issuer()["KeyIds"]
    assert kept == first != second
    new = issuer.sign_in(email, "", {}).token
    assert verified(old, issuer).header["kid"] == first
    assert verified(new, issuer).header["kid"] == second
    observer.rotate_keys(retire=True)
    [third] = observer.issuer()["KeyIds"]
    assert third not in {first, second}
    assert verified(issuer.sign_in(email, "", {}).token, issuer).header["kid"] == third
    with pytest.raises(InvalidKeyIdError):
        verified(new, issuer)


def test_requests_for_keys_fail_as_often_as_the_fault_says_and_all_count(
    issuer: OpenIdIssuer, observer: ControlEndpoints
) -> None:
    url, before = f"{ISSUER}jwks", observer.issuer()["KeyRequests"]
    error = {"Code": "server_error", "Status": 503}
    with observer.fault("issuer", "GetKeys", times=2, Error=error):
        answers = [issuer._get(url) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [503, 503, 200]
    with observer.fault("issuer", "GetKeys", Malformed=True):
        assert "keys" not in issuer._get(url).json()
    with observer.fault("issuer", "GetKeys", DelaySeconds=0.3):
        began = time.monotonic()
        assert issuer._get(url).json()["keys"]
        assert time.monotonic() - began >= 0.3
    assert observer.issuer()["KeyRequests"] == before + 5


FETCHING = """
import socket, ssl, urllib.request

def handler(event, context):
    try:
        with urllib.request.urlopen(event["url"], timeout=5) as answer:
            return {"body": answer.read().decode()}
    except OSError as error:
        return {"error": repr(error)}
"""


@pytest.fixture(scope="module")
def fetching(running: LocalAws) -> Iterator[Any]:
    """A function that fetches the URL of its event."""
    with function_of(running, "fetching", FETCHING) as invoke:
        yield lambda url: invoke({"url": url})


def test_a_function_reaches_the_issuer_by_its_name(fetching: Any, issuer: OpenIdIssuer) -> None:
    assert json.loads(fetching(f"{ISSUER}jwks")["body"]) == json.loads(issuer.public_keys())


def test_a_function_reaches_what_else_there_is_as_ever(fetching: Any, running: LocalAws) -> None:
    assert "available" in fetching(f"http://localhost:{running.port}/_ministack/health")["body"]


def test_a_function_finds_nobody_else_under_the_names_for_tests(fetching: Any) -> None:
    assert "certificate verify failed" in fetching("https://evil.test/jwks")["error"]


def test_nobody_else_trusts_the_issuer(observer: ControlEndpoints) -> None:
    with pytest.raises(requests.exceptions.SSLError, match="certificate verify failed"):
        requests.get(f"https://127.0.0.1:{observer.issuer()['Port']}/jwks", timeout=5)


# Browsers: HTTP over TLS, as `issuer` has it, with what a browser adds.
PAGE = "http://localhost:5173"
EVIL = "https://evil.example"
VISIT = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


def test_a_page_of_this_machine_reads_the_keys_and_gets_tokens(issuer: OpenIdIssuer) -> None:
    keys = issuer._http.get(f"{ISSUER}jwks", headers={"Origin": PAGE}, timeout=5)
    assert (keys.status_code, keys.headers["Access-Control-Allow-Origin"]) == (200, PAGE)
    asked = {"Origin": PAGE, "Access-Control-Request-Method": "POST"}
    allowed = issuer._http.options(f"{ISSUER}token", headers=asked, timeout=5)
    assert (allowed.status_code, allowed.headers["Access-Control-Allow-Origin"]) == (200, PAGE)
    refused = issuer._http.post(f"{ISSUER}token", headers={"Origin": PAGE}, data={}, timeout=5)
    assert (refused.status_code, refused.headers["Access-Control-Allow-Origin"]) == (400, PAGE)


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "jwks", {"Origin": EVIL}),
        ("GET", "jwks", {**VISIT, "Sec-Fetch-Dest": "image", "Sec-Fetch-Mode": "no-cors"}),
        ("GET", "authorize", {**VISIT, "Sec-Fetch-Dest": "iframe"}),
        ("POST", "token", {"Origin": "null", "Content-Type": "application/x-www-form-urlencoded"}),
        ("OPTIONS", "token", {"Origin": EVIL, "Access-Control-Request-Method": "POST"}),
        ("GET", "jwks", {"Host": "evil.example"}),
    ],
)
def test_a_page_from_elsewhere_is_refused(
    method: str, path: str, headers: dict[str, str], issuer: OpenIdIssuer, observer: ControlEndpoints
) -> None:
    # Past the adapter's own `send`, which names the issuer in any case.
    adapter, port = issuer._http.get_adapter(ISSUER), observer.issuer()["Port"]
    url = f"https://127.0.0.1:{port}/{path}"
    prepared = requests.Request(method, url, headers={"Host": HOST, **headers}).prepare()
    answer = HTTPAdapter.send(adapter, prepared, verify=issuer._http.verify, timeout=5)  # type: ignore[arg-type]
    assert (answer.status_code, answer.json()) == (403, {"error": "access_denied"})
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_a_person_comes_to_the_sign_in_page_from_anywhere(issuer: OpenIdIssuer) -> None:
    url = f"{ISSUER}authorize"
    answer = issuer._http.get(url, params=REQUEST, headers=VISIT, allow_redirects=False, timeout=5)
    assert answer.status_code == 302
