"""What a user pool's tokens say of the sign-in, and what users may write."""

import base64
import hashlib
import hmac
import json
import struct
import time
import uuid
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from pycognito import AWSSRP

from local.launcher.local_aws import LocalAws

PASSWORD = "Correct-horse-9"
FLOWS = ["ALLOW_USER_AUTH", "ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]


class Pool:
    """A user pool with a client, as the client's app sees it."""

    def __init__(
        self, running: LocalAws, *, flows: list[str] = FLOWS, writes: list[str] | None = None
    ) -> None:
        root = running.client("cognito-idp")
        self.id = root.create_user_pool(
            PoolName="sign-ins",
            Schema=[{"Name": "plan", "AttributeDataType": "String", "Mutable": True}],
        )["UserPool"]["Id"]
        given = {"WriteAttributes": writes} if writes is not None else {}
        self.client_id = root.create_user_pool_client(
            UserPoolId=self.id, ClientName="app", ExplicitAuthFlows=flows, **given
        )["UserPoolClient"]["ClientId"]
        session: Any = boto3.Session(region_name="eu-west-2")
        config = Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1})
        self.app = session.client("cognito-idp", endpoint_url=running.endpoint_url, config=config)

    def sign_up(self, **attributes: str) -> str:
        name = f"{uuid.uuid4()}"
        listed = [{"Name": key.replace("__", ":"), "Value": value} for key, value in attributes.items()]
        self.app.sign_up(ClientId=self.client_id, Username=name, Password=PASSWORD, UserAttributes=listed)
        self.app.confirm_sign_up(ClientId=self.client_id, Username=name, ConfirmationCode="123456")
        return name

    def initiate(self, **parameters: str) -> Any:
        return self.app.initiate_auth(
            ClientId=self.client_id, AuthFlow="USER_AUTH", AuthParameters=parameters
        )

    def by_srp(self, name: str, **parameters: str) -> Any:
        """The answer to a proof of the password by SRP in USER_AUTH."""
        srp = AWSSRP(
            username=name, password=PASSWORD, pool_id=self.id, client_id=self.client_id, client=self.app
        )
        challenge = self.initiate(
            USERNAME=name,
            PREFERRED_CHALLENGE="PASSWORD_SRP",
            SRP_A=srp.get_auth_params()["SRP_A"],
            **parameters,
        )
        assert challenge["ChallengeName"] == "PASSWORD_VERIFIER"
        proof = srp.process_challenge(challenge["ChallengeParameters"], {"USERNAME": name})
        return self.app.respond_to_auth_challenge(
            ClientId=self.client_id, ChallengeName="PASSWORD_VERIFIER", ChallengeResponses=proof
        )


@pytest.fixture(scope="module")
def pool(running: LocalAws) -> Pool:
    return Pool(running)


def claims_of(tokens: Any) -> dict[str, Any]:
    payload = tokens["AuthenticationResult"]["IdToken"].split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=="))
    return claims


def test_a_refreshed_token_says_when_the_sign_in_was(pool: Pool) -> None:
    tokens = pool.by_srp(pool.sign_up(), TARGET_ACR_VALUES="urn:cognito:loa:1")
    first = claims_of(tokens)
    time.sleep(2)
    refreshed = claims_of(
        pool.app.initiate_auth(
            ClientId=pool.client_id,
            AuthFlow="REFRESH_TOKEN_AUTH",
            AuthParameters={"REFRESH_TOKEN": tokens["AuthenticationResult"]["RefreshToken"]},
        )
    )
    assert refreshed["iat"] > first["iat"]
    for name in ("auth_time", "amr", "acr"):
        assert refreshed[name] == first[name], name
    assert 0 <= first["iat"] - first["auth_time"] <= 1


def test_a_sign_in_that_requests_no_level_says_no_methods(pool: Pool) -> None:
    claims = claims_of(pool.by_srp(pool.sign_up()))
    assert not claims.keys() & {"amr", "acr"}


def test_a_sign_in_says_its_methods_if_it_requests_a_level(pool: Pool) -> None:
    claims = claims_of(pool.by_srp(pool.sign_up(), MAX_AGE="0", TARGET_ACR_VALUES="urn:cognito:loa:4"))
    assert claims["amr"] == ["pwd"]
    assert claims["acr"] == "urn:cognito:loa:1"


def totp(secret: str) -> str:
    """RFC 6238, of now."""
    digest = hmac.digest(base64.b32decode(secret), struct.pack(">Q", int(time.time()) // 30), hashlib.sha1)
    start = digest[-1] & 15
    number = struct.unpack(">I", digest[start : start + 4])[0] & 0x7FFFFFFF
    return f"{number % 1_000_000:06d}"


def test_an_authenticator_app_is_a_second_factor(pool: Pool, running: LocalAws) -> None:
    running.client("cognito-idp").set_user_pool_mfa_config(
        UserPoolId=pool.id,
        SoftwareTokenMfaConfiguration={"Enabled": True},
        MfaConfiguration="OPTIONAL",
    )
    name = pool.sign_up()
    token = pool.by_srp(name)["AuthenticationResult"]["AccessToken"]
    secret = pool.app.associate_software_token(AccessToken=token)["SecretCode"]
    pool.app.verify_software_token(AccessToken=token, UserCode=totp(secret))
    pool.app.set_user_mfa_preference(
        AccessToken=token, SoftwareTokenMfaSettings={"Enabled": True, "PreferredMfa": True}
    )
    challenge = pool.by_srp(name, TARGET_ACR_VALUES="urn:cognito:loa:4")
    assert challenge["ChallengeName"] == "SOFTWARE_TOKEN_MFA"
    tokens = pool.app.respond_to_auth_challenge(
        ClientId=pool.client_id,
        ChallengeName="SOFTWARE_TOKEN_MFA",
        Session=challenge["Session"],
        ChallengeResponses={"USERNAME": name, "SOFTWARE_TOKEN_MFA_CODE": totp(secret)},
    )
    claims = claims_of(tokens)
    assert (claims["amr"], claims["acr"]) == (["pwd", "otp", "mfa"], "urn:cognito:loa:4")


def test_a_challenge_can_be_chosen(pool: Pool) -> None:
    name = pool.sign_up()
    offered = pool.initiate(USERNAME=name, TARGET_ACR_VALUES="urn:cognito:loa:1")
    assert offered["ChallengeName"] == "SELECT_CHALLENGE"
    assert set(offered["AvailableChallenges"]) == {"PASSWORD", "PASSWORD_SRP"}
    tokens = pool.app.respond_to_auth_challenge(
        ClientId=pool.client_id,
        ChallengeName="SELECT_CHALLENGE",
        Session=offered["Session"],
        ChallengeResponses={"USERNAME": name, "ANSWER": "PASSWORD", "PASSWORD": PASSWORD},
    )
    assert claims_of(tokens)["amr"] == ["pwd"]


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({}, "USERNAME"),
        ({"USERNAME": "ada", "MAX_AGE": "soon"}, "MAX_AGE"),
        ({"USERNAME": "ada", "TARGET_ACR_VALUES": "urn:cognito:loa:5"}, "TARGET_ACR_VALUES"),
        ({"USERNAME": "ada", "PREFERRED_CHALLENGE": "WEB_AUTHN"}, "WEB_AUTHN is none of"),
    ],
)
def test_what_user_auth_does_not_take_is_refused(parameters: dict[str, str], says: str, pool: Pool) -> None:
    with pytest.raises(pool.app.exceptions.InvalidParameterException, match=says):
        pool.initiate(**parameters)


def test_user_auth_is_for_clients_that_allow_it(running: LocalAws) -> None:
    pool = Pool(running, flows=["ALLOW_USER_SRP_AUTH"])
    with pytest.raises(pool.app.exceptions.InvalidParameterException, match="not enabled"):
        pool.initiate(USERNAME="ada")


@pytest.mark.parametrize(
    ("writes", "attribute", "is_written"),
    [
        (["email", "name"], "name", True),
        (["email", "name"], "nickname", False),
        (["email", "name"], "custom__plan", False),
        (["email", "custom:plan"], "custom__plan", True),
        ([], "nickname", True),
        ([], "custom__plan", False),
        ([], "email_verified", False),
        (["email"], "sub", False),
    ],
)
def test_users_write_what_their_client_may_write(
    writes: list[str], attribute: str, is_written: bool, running: LocalAws
) -> None:
    pool = Pool(running, writes=writes)
    name = attribute.replace("__", ":")
    token = pool.by_srp(pool.sign_up())["AuthenticationResult"]["AccessToken"]
    change = {"AccessToken": token, "UserAttributes": [{"Name": name, "Value": "true"}]}
    if is_written:
        pool.app.update_user_attributes(**change)
        pool.sign_up(**{attribute: "gold"})
        return
    with pytest.raises(ClientError, match="unauthorized attribute") as caught:
        pool.app.update_user_attributes(**change)
    assert caught.value.response["Error"]["Code"] == "NotAuthorizedException"
    with pytest.raises(ClientError, match="unauthorized attribute"):
        pool.sign_up(**{attribute: "gold"})
