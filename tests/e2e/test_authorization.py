"""Only a good token lets a request through to the function, whoever signs the users in."""

import base64
import hmac
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from local.clients.identities import SignedIn
from local.clients.phone import Phone
from tests.e2e.answers import assert_problem
from tests.e2e.aws import Aws, Caller


@pytest.fixture
def nothing_invoked(aws: Aws) -> Iterator[None]:
    before = aws.invocations("StartCall")
    yield
    assert aws.invocations("StartCall") == before


def _with_claims(token: str, **changed: object) -> str:
    header, payload, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "==")) | changed
    return f"{header}.{_encoded(json.dumps(claims).encode())}.{signature}"


def _unsigned(token: str) -> str:
    return f"{_encoded(b'{"alg":"none","typ":"JWT"}')}.{token.split('.')[1]}."


def _signed_with_a_shared_secret(user: SignedIn, public_keys: bytes) -> str:
    """The classic confusion: HS256 with what everybody can read, the public keys, as the secret."""
    members = json.loads(base64.urlsafe_b64decode(user.token.partition(".")[0] + "==")) | {"alg": "HS256"}
    signed = f"{_encoded(json.dumps(members).encode())}.{user.token.split('.')[1]}"
    return f"{signed}.{_encoded(hmac.digest(public_keys, signed.encode(), 'sha256'))}"


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


FORGERIES: dict[str, Callable[[SignedIn, bytes], str | None]] = {
    "no token": lambda _user, _keys: None,
    "an empty token": lambda _user, _keys: "",
    "garbage": lambda _user, _keys: "x.y.z",
    "a token without its signature": lambda user, _keys: user.token.rpartition(".")[0] + ".",
    "a signature of another length": lambda user, _keys: user.token[:-6],
    "a tampered signature": lambda user, _keys: user.token[:-12] + "AAAAAAAAAAAA",
    "tampered claims": lambda user, _keys: _with_claims(user.token, sub="somebody-else"),
    "a later expiry": lambda user, _keys: _with_claims(user.token, exp=int(time.time()) + 86_400),
    "no algorithm": lambda user, _keys: _unsigned(user.token),
    "signed with the public key as an HS256 secret": _signed_with_a_shared_secret,
    "the token that is for something else": lambda user, _keys: user.other_token,
    "a token behind another scheme": lambda user, _keys: f"Basic {user.token}",
}


@pytest.mark.usefixtures("nothing_invoked")
@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_token_that_proves_nothing_is_refused_before_the_function(forgery: str, caller: Caller) -> None:
    token = FORGERIES[forgery](caller.user, caller.phone.identity.public_keys())
    response = caller.send({} if token is None else {"Authorization": token}, b"{}")
    assert_problem(response, 401, "unauthorized")


@pytest.mark.usefixtures("nothing_invoked")
def test_a_token_of_another_client_of_the_user_pool_is_refused_before_the_function(
    aws: Aws, caller: Caller
) -> None:
    if "UserPoolId" not in aws.outputs:
        pytest.skip("an issuer has no clients of a user pool")
    created = aws.client("cognito-idp").create_user_pool_client(
        UserPoolId=aws.outputs["UserPoolId"],
        ClientName="another-app",
        ExplicitAuthFlows=["ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
    )
    other = {**aws.outputs, "UserPoolClientId": created["UserPoolClient"]["ClientId"]}
    elsewhere = Phone(other).sign_in(caller.user.email, caller.password)
    assert elsewhere.user_id == caller.user.user_id
    assert_problem(caller.send({"Authorization": elsewhere.token}, b"{}"), 401, "unauthorized")


def test_a_bearer_token_is_accepted_like_the_bare_token(caller: Caller) -> None:
    response = caller.send({"Authorization": f"Bearer {caller.user.token}"}, b"{}")
    assert response.status_code == 201, response.text


def test_the_claims_reach_connect_from_the_token_and_not_from_the_request(aws: Aws, caller: Caller) -> None:
    contact_id = caller.start({"DisplayName": "Somebody Else"}).json()["ContactId"]
    attributes: dict[str, Any] = aws.contact(contact_id)["Attributes"]
    assert attributes["customer_id"] == caller.user.user_id
