"""Only an identity token that the user pool signed, for now, lets a request through to the function."""

import base64
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from local.phone import Phone, SignedIn
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
    forged = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"{header}.{forged}.{signature}"


def _unsigned(token: str) -> str:
    header = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()
    return f"{header}.{token.split('.')[1]}."


def _signed_with_a_shared_secret(user: SignedIn, public_key: str) -> str:
    """The classic confusion: HS256 with what everybody can read, the pool's public key, as the secret."""
    header = json.loads(base64.urlsafe_b64decode(user.id_token.split(".")[0] + "=="))
    return jwt.encode(
        {"alg": "HS256", "kid": header["kid"]}, user.claims, OctKey.import_key(public_key.encode())
    )


FORGERIES: dict[str, Callable[[SignedIn, str], str | None]] = {
    "no token": lambda _user, _jwks: None,
    "an empty token": lambda _user, _jwks: "",
    "garbage": lambda _user, _jwks: "x.y.z",
    "a token without its signature": lambda user, _jwks: user.id_token.rpartition(".")[0] + ".",
    "a signature of another length": lambda user, _jwks: user.id_token[:-6],
    "a tampered signature": lambda user, _jwks: user.id_token[:-12] + "AAAAAAAAAAAA",
    "tampered claims": lambda user, _jwks: _with_claims(user.id_token, sub="somebody-else"),
    "a later expiry": lambda user, _jwks: _with_claims(user.id_token, exp=int(time.time()) + 86_400),
    "no algorithm": lambda user, _jwks: _unsigned(user.id_token),
    "signed with the public key as an HS256 secret": _signed_with_a_shared_secret,
    "an access token": lambda user, _jwks: user.access_token,
    "a token behind another scheme": lambda user, _jwks: f"Basic {user.id_token}",
}


@pytest.mark.usefixtures("nothing_invoked")
@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_token_that_proves_nothing_is_refused_before_the_function(
    forgery: str, caller: Caller, aws: Aws
) -> None:
    token = FORGERIES[forgery](caller.user, aws.jwks())
    response = caller.send({} if token is None else {"Authorization": token}, b"{}")
    assert_problem(response, 401, "unauthorized")


@pytest.mark.usefixtures("nothing_invoked")
def test_a_token_of_another_user_pool_is_refused(aws: Aws) -> None:
    identity = aws.client("cognito-idp")
    pool_id = identity.create_user_pool(PoolName="another")["UserPool"]["Id"]
    client_id = identity.create_user_pool_client(
        UserPoolId=pool_id, ClientName="another", ExplicitAuthFlows=["ALLOW_USER_SRP_AUTH"]
    )["UserPoolClient"]["ClientId"]
    stranger = Phone({**aws.outputs, "UserPoolId": pool_id, "UserPoolClientId": client_id})
    user = stranger.sign_in("eve@example.com", stranger.sign_up("eve@example.com"))
    try:
        assert_problem(stranger.start_call(user.id_token), 401, "unauthorized")
    finally:
        identity.delete_user_pool(UserPoolId=pool_id)


def test_a_token_is_refused_once_it_has_expired(aws: Aws, caller: Caller) -> None:
    """An app client with tokens that live for seconds stands for an hour of waiting."""
    identity = aws.client("cognito-idp")
    client = identity.create_user_pool_client(
        UserPoolId=aws.outputs["UserPoolId"],
        ClientName="short-lived",
        ExplicitAuthFlows=["ALLOW_USER_SRP_AUTH"],
        IdTokenValidity=3,
        TokenValidityUnits={"IdToken": "seconds"},
    )["UserPoolClient"]
    phone = Phone({**aws.outputs, "UserPoolClientId": client["ClientId"]})
    token = phone.sign_in(caller.user.email, caller.password).id_token
    # Valid still: the request is refused for its body, not for its token.
    assert_problem(phone.start_call(token, {"Unknown": 1}), 400, "invalid-request")

    time.sleep(4)
    before = aws.invocations("StartCall")
    assert_problem(phone.start_call(token, {"Unknown": 1}), 401, "unauthorized")
    assert aws.invocations("StartCall") == before
    identity.delete_user_pool_client(UserPoolId=aws.outputs["UserPoolId"], ClientId=client["ClientId"])


def test_a_bearer_token_is_accepted_like_the_bare_token(caller: Caller) -> None:
    response = caller.send({"Authorization": f"Bearer {caller.user.id_token}"}, b"{}")
    assert response.status_code == 201, response.text


def test_the_claims_reach_connect_from_the_token_and_not_from_the_request(aws: Aws, caller: Caller) -> None:
    contact_id = caller.start({"DisplayName": "Somebody Else"}).json()["ContactId"]
    attributes: dict[str, Any] = aws.contact(contact_id)["Attributes"]
    assert attributes["customer_id"] == caller.user.user_id
