"""Only an identity token of the stack's own user pool, and only for its time, lets anybody in."""

import time

import pytest

from local.clients.phone import Phone
from tests.e2e.answers import assert_problem
from tests.e2e.aws import Aws, Caller


@pytest.fixture(autouse=True)
def user_pool(aws: Aws) -> None:
    if "UserPoolId" not in aws.outputs:
        pytest.skip("an issuer signs the users of this environment in")


def test_a_token_of_another_user_pool_is_refused(aws: Aws) -> None:
    identity = aws.client("cognito-idp")
    pool_id = identity.create_user_pool(PoolName="another")["UserPool"]["Id"]
    client_id = identity.create_user_pool_client(
        UserPoolId=pool_id, ClientName="another", ExplicitAuthFlows=["ALLOW_USER_SRP_AUTH"]
    )["UserPoolClient"]["ClientId"]
    stranger = Phone({**aws.outputs, "UserPoolId": pool_id, "UserPoolClientId": client_id})
    user = stranger.sign_in("eve@example.com", stranger.sign_up("eve@example.com"))
    before = aws.invocations("StartCall")
    try:
        assert_problem(stranger.start_call(user.token), 401, "unauthorized")
        assert aws.invocations("StartCall") == before
    finally:
        identity.delete_user_pool(UserPoolId=pool_id)


@pytest.mark.slow  # it waits for the end of a token
def test_a_token_is_refused_once_it_has_expired(aws: Aws, caller: Caller) -> None:
    """Tokens that live for seconds stand for an hour of waiting."""
    identity = aws.client("cognito-idp")
    pool_and_client = {
        "UserPoolId": aws.outputs["UserPoolId"],
        "ClientId": aws.outputs["UserPoolClientId"],
    }
    client = identity.describe_user_pool_client(**pool_and_client)["UserPoolClient"]
    read_only = {"CreationDate", "LastModifiedDate"}
    declared = {name: client[name] for name in client.keys() - read_only if client[name] != ""}
    units = {**declared.get("TokenValidityUnits", {}), "IdToken": "seconds"}
    identity.update_user_pool_client(**{**declared, "IdTokenValidity": 3, "TokenValidityUnits": units})
    try:
        phone = Phone(aws.outputs)
        token = phone.sign_in(caller.user.email, caller.password).token
    finally:
        identity.update_user_pool_client(**declared)
    # Valid still: the request is refused for its body, not for its token.
    assert_problem(phone.start_call(token, {"Unknown": 1}), 400, "invalid-request")

    time.sleep(4)
    before = aws.invocations("StartCall")
    assert_problem(phone.start_call(token, {"Unknown": 1}), 401, "unauthorized")
    assert aws.invocations("StartCall") == before
