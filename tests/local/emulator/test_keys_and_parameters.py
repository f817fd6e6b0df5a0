"""What functions read of AWS besides tables and Connect: keys of KMS, parameters of the Systems Manager."""

import base64
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from joserfc import jwt
from joserfc.jwk import import_key

from local.clients.identities import OwnBackend, SignInError, UserPool
from local.clients.token_backend import KEY_SPECS, TokenBackend
from local.launcher import checkout
from local.launcher.checkout import LocalAwsError
from local.launcher.local_aws import LocalAws, local_aws
from tests.local.control_endpoints import ControlEndpoints
from tests.local.emulator.stacks import allow, as_role, function_of

ACCOUNT = 'account = "000000000000"\nregion = "eu-west-2"\n'
KEY = "arn:aws:kms:eu-west-2:000000000000:key/5b0c2a6e-3f61-4f0e-9f0b-6d1f6c2e9a10"
BACKEND = f"""
[identity.issuer]
issuer = "https://accounts.example.com"
audiences = ["calls"]
token_use = "id"
algorithms = ["ES256"]
required_scopes = []
kms_keys = ["{KEY}"]
"""


def verified(token: str, algorithm: str, public_key: bytes) -> jwt.Token:
    lines = base64.encodebytes(public_key).decode()
    pem = f"-----BEGIN PUBLIC KEY-----\n{lines}-----END PUBLIC KEY-----\n"
    return jwt.decode(token, import_key(pem, "EC" if algorithm == "ES256" else "RSA"), [algorithm])


@pytest.mark.parametrize("algorithm", KEY_SPECS)
def test_a_backends_token_is_verified_with_the_key_that_kms_gives_away(
    algorithm: str, running: LocalAws
) -> None:
    kms = running.client("kms")
    arn = kms.create_key(KeySpec=KEY_SPECS[algorithm], KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
    backend = TokenBackend(kms, arn, algorithm, issuer="https://me.example", audience="calls")
    backend.sign_up("ada@example.com", {"name": "Ada"})
    token = backend.identity_token("ada@example.com", {"amr": ["hwk"]})
    read = verified(token, algorithm, backend.public_key())
    assert read.header == {"alg": algorithm, "kid": arn.rpartition("/")[2], "typ": "JWT"}
    claims = read.claims
    assert (claims["iss"], claims["aud"], claims["email"]) == (
        "https://me.example",
        "calls",
        "ada@example.com",
    )
    assert (claims["name"], claims["amr"], claims["email_verified"]) == ("Ada", ["hwk"], True)
    assert claims["iat"] <= time.time() < claims["exp"] == claims["iat"] + 3600


def test_an_environments_keys_are_there_from_the_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkout, "CONFIGURATIONS", tmp_path)
    (tmp_path / "own.toml").write_text(ACCOUNT + BACKEND)
    with local_aws("own", port=0, directory=tmp_path, progress=lambda _: None) as aws:
        assert aws.client("kms").get_public_key(KeyId=KEY)["KeySpec"] == "ECC_NIST_P256"
        outputs = {"EndpointUrl": aws.endpoint_url, "AccessFolder": str(tmp_path), "Region": aws.region}
        backend = OwnBackend({**outputs, **aws.identity})
        backend.sign_up("ada@example.com", {})
        user = backend.sign_in("ada@example.com", "", {"tenant": "a"})
        assert verified(user.token, "ES256", backend.public_keys()).claims["tenant"] == "a"
        assert user.claims["iss"] == "https://accounts.example.com"
        with pytest.raises(SignInError):
            backend.sign_in("nobody@example.com", "", {})


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        (("audiences", "audience"), "does not say all"),
        (('["calls"]', "[]"), "does not say all"),
    ],
)
def test_an_issuer_that_is_not_described_is_refused(
    changed: tuple[str, str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkout, "CONFIGURATIONS", tmp_path)
    (tmp_path / "far.toml").write_text(ACCOUNT + BACKEND.replace(*changed))
    with pytest.raises(LocalAwsError, match=says), local_aws("far", port=0, directory=tmp_path):
        pytest.fail("it started")


def test_a_user_pool_takes_no_claims() -> None:
    outputs = {"EndpointUrl": "http://127.0.0.1:1", "Region": "eu-west-2"}
    pool = UserPool({**outputs, "UserPoolId": "eu-west-2_a", "UserPoolClientId": "a"})
    with pytest.raises(ValueError, match="amr"):
        pool.sign_in("ada@example.com", "password", {"amr": ["mfa"]})


@pytest.fixture(scope="module")
def key_arn(running: LocalAws) -> str:
    made = running.client("kms").create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    return str(made["KeyMetadata"]["Arn"])


@pytest.fixture(scope="module")
def function(running: LocalAws) -> Iterator[str]:
    """The name of a function: what a role does in a session of that name is the function's doing."""
    with function_of(running, "reading", "def handler(event, context): pass"):
        yield "reading"


def of_role(observer: ControlEndpoints, role: str) -> list[tuple[str, ...]]:
    """What was noted of a role: service, operation, the one resource, error."""
    noted = [call for call in observer.calls() if call["Role"] == role]
    return [(call["Service"], call["Operation"], *call["Resources"], call["Error"]) for call in noted]


def test_a_function_reads_the_public_key_that_it_is_granted_and_does_no_more(
    running: LocalAws, observer: ControlEndpoints, key_arn: str, function: str
) -> None:
    grant = allow("kms:GetPublicKey", key_arn)
    with as_role(running, "verifier", grant, session_name=function, service="kms") as kms:
        assert kms.get_public_key(KeyId=key_arn)["SigningAlgorithms"] == ["ECDSA_SHA_256"]
        with pytest.raises(ClientError, match="AccessDenied"):
            kms.sign(KeyId=key_arn, Message=b"m", SigningAlgorithm="ECDSA_SHA_256")
    assert of_role(observer, "verifier") == [
        ("kms", "GetPublicKey", key_arn, None),
        ("kms", "Sign", key_arn, "AccessDeniedException"),
    ]


def test_without_the_grant_it_reads_no_public_key(running: LocalAws, key_arn: str) -> None:
    elsewhere = allow("kms:GetPublicKey", f"{key_arn[:-1]}x")
    with (
        as_role(running, "no-verifier", elsewhere, service="kms") as kms,
        pytest.raises(ClientError, match=r"AccessDenied.*no-verifier"),
    ):
        kms.get_public_key(KeyId=key_arn)


def test_a_disabled_key_is_given_to_nobody(running: LocalAws) -> None:
    kms = running.client("kms")
    key_id = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    kms.disable_key(KeyId=key_id)
    with pytest.raises(kms.exceptions.DisabledException):
        kms.get_public_key(KeyId=key_id)
    kms.enable_key(KeyId=key_id)
    assert kms.get_public_key(KeyId=key_id)["PublicKey"]


def test_kms_fails_by_a_fault(running: LocalAws, observer: ControlEndpoints, key_arn: str) -> None:
    error = {"Code": "KMSInternalException", "Status": 500}
    kms = running.client("kms")
    with (
        observer.fault("kms", "GetPublicKey", Error=error),
        pytest.raises(kms.exceptions.KMSInternalException),
    ):
        kms.get_public_key(KeyId=key_arn)


def test_a_function_reads_the_parameter_that_it_is_granted_as_it_is_now(
    running: LocalAws, observer: ControlEndpoints, function: str
) -> None:
    ours, arn = "/app/here/Switch", "arn:aws:ssm:eu-west-2:000000000000:parameter/app/here/Switch"
    operator = running.client("ssm")
    for name in (ours, "/app/there/Switch"):
        operator.put_parameter(Name=name, Value="on", Type="String")
    with as_role(
        running, "switched", allow("ssm:GetParameter", arn), session_name=function, service="ssm"
    ) as ssm:
        assert ssm.get_parameter(Name=ours)["Parameter"]["Value"] == "on"
        operator.put_parameter(Name=ours, Value="off", Overwrite=True)
        assert ssm.get_parameter(Name=ours)["Parameter"]["Value"] == "off"
        with pytest.raises(ClientError, match="AccessDenied"):
            ssm.get_parameter(Name="/app/there/Switch")
    read = ("ssm", "GetParameter", arn, None)
    refused = (*read[:2], arn.replace("here", "there"), "AccessDeniedException")
    assert of_role(observer, "switched") == [read, read, refused]
