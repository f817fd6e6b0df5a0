"""Keys of KMS, which signs as an own backend would have it sign."""

import base64
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from cryptography.hazmat.primitives.serialization import Encoding

from runtime import aws
from runtime.telemetry import metrics

from authorizer.keys import ALGORITHMS, KeysUnavailable
from authorizer.kms_keys import KmsKeys
from tests.lambdas.fake_aws import Answer, respond
from tests.lambdas.tokens import SigningKey, signing_key

ARN = "arn:aws:kms:eu-west-2:000000000000:key/"
ID = "5b0c2a6e-3f61-4f0e-9f0b-6d1f6c2e9a10"
OTHER_ID = "5b0c2a6e-3f61-4f0e-9f0b-6d1f6c2e9a11"
KEY = signing_key("ES256", ID)
# How KMS describes a key: its spec, and how it signs. (KMS developer guide, "Asymmetric key specs".)
DESCRIBED = {
    "ES256": ("ECC_NIST_P256", ["ECDSA_SHA_256"]),
    "ES384": ("ECC_NIST_P384", ["ECDSA_SHA_384"]),
    "ES512": ("ECC_NIST_P521", ["ECDSA_SHA_512"]),
    "Ed25519": ("ECC_NIST_EDWARDS25519", ["ED25519_SHA_512", "ED25519_PH_SHA_512"]),
    "RS256": (
        "RSA_2048",
        [
            *(f"RSASSA_PKCS1_V1_5_SHA_{size}" for size in (256, 384, 512)),
            *(f"RSASSA_PSS_SHA_{size}" for size in (256, 384, 512)),
        ],
    ),
}


def der(key: SigningKey) -> str:
    """A public key as KMS sends it over the wire."""
    return base64.b64encode(key.public_bytes(Encoding.DER)).decode()


def described(key: SigningKey, **changed: Any) -> dict[str, Any]:
    """The answer of GetPublicKey, but; a member that is given as None is left out."""
    spec, algorithms = DESCRIBED[key.algorithm]
    answer = {
        "KeyId": ARN + key.key_id,
        "KeySpec": spec,
        "KeyUsage": "SIGN_VERIFY",
        "SigningAlgorithms": algorithms,
        "PublicKey": der(key),
        **changed,
    }
    return {name: value for name, value in answer.items() if value is not None}


class FakeKms:
    """KMS behind a botocore client: what it answers, and for which keys it was sent."""

    def __init__(self) -> None:
        self.answers: dict[str, dict[str, Any]] = {ARN + ID: described(KEY)}
        self.faults: list[Answer | Exception] = []
        self.sent: list[str] = []

    def attach(self, client: Any) -> Any:
        client.meta.events.register("before-parameter-build.kms.GetPublicKey", self._note)
        client.meta.events.register("before-send.kms.GetPublicKey", self._answer)
        return client

    def _note(self, params: dict[str, Any], **_: Any) -> None:
        self.sent.append(params["KeyId"])

    def _answer(self, request: Any, **_: Any) -> Any:
        return respond(request.url, self.faults, lambda: self.answers[self.sent[-1]])


@pytest.fixture
def kms() -> FakeKms:
    return FakeKms()


@pytest.fixture
def keys(kms: FakeKms) -> KmsKeys:
    return source(kms)


def source(kms: FakeKms, *ids: str, algorithms: frozenset[str] = ALGORITHMS) -> KmsKeys:
    client = kms.attach(aws.client("kms", read_timeout=2, repeats=False))
    return KmsKeys(client, [ARN + key_id for key_id in ids or (ID,)], algorithms)


@pytest.mark.parametrize("algorithm", [*DESCRIBED, "PS256", "RS512"])
def test_a_key_verifies_what_it_has_signed(algorithm: str, kms: FakeKms) -> None:
    key = signing_key(algorithm if algorithm in DESCRIBED else "RS256", ID)
    kms.answers[ARN + ID] = described(key)
    found = source(kms).find(ID, algorithm)
    assert [(each.key_id, each.has_signed(key.token(algorithm=algorithm), algorithm)) for each in found] == [
        (ID, True)
    ]
    assert not found[0].has_signed(signing_key(key.algorithm, "other").token(algorithm=algorithm), algorithm)


def test_a_key_is_requested_once(kms: FakeKms, keys: KmsKeys) -> None:
    for _ in range(3):
        assert len(keys.find(ID, "ES256")) == 1
    assert kms.sent == [ARN + ID]


def test_configured_keys_alone_are_requested(kms: FakeKms, keys: KmsKeys) -> None:
    for key_id in (OTHER_ID, ARN + ID, "alias/mine", ID.upper(), ""):
        assert keys.find(key_id, "ES256") == []
    assert not kms.sent


def test_each_key_is_requested_when_a_token_names_it(kms: FakeKms) -> None:
    kms.answers[ARN + OTHER_ID] = described(signing_key("ES256", OTHER_ID))
    keys = source(kms, ID, OTHER_ID)
    assert [key.key_id for key in keys.find(OTHER_ID, "ES256")] == [OTHER_ID]
    assert kms.sent == [ARN + OTHER_ID]
    assert [key.key_id for key in keys.find(None, "ES256")] == [OTHER_ID, ID]


def test_a_token_that_names_a_key_is_verified_by_no_other(kms: FakeKms) -> None:
    kms.answers[ARN + OTHER_ID] = described(signing_key("ES256", OTHER_ID))
    keys = source(kms, ID, OTHER_ID)
    for key_id in (ID, OTHER_ID, ID):
        assert [key.key_id for key in keys.find(key_id, "ES256")] == [key_id]
    assert keys.find("another", "ES256") == []


def test_an_algorithm_that_the_key_does_not_have_finds_none(keys: KmsKeys) -> None:
    assert keys.find(ID, "RS256") == []


@pytest.mark.parametrize(
    "fault",
    [
        EndpointConnectionError(endpoint_url="https://kms"),
        (500, "KMSInternalException", {}),
        (400, "ThrottlingException", {}),
        (400, "AccessDeniedException", {}),
        (400, "NotFoundException", {}),
        (200, None, {"garbage": True}),
    ],
    ids=str,
)
def test_the_next_token_requests_a_key_again_that_kms_did_not_answer(
    fault: Answer | Exception, kms: FakeKms, keys: KmsKeys
) -> None:
    kms.faults = [fault]
    with pytest.raises(KeysUnavailable):
        keys.find(ID, "ES256")
    assert len(kms.sent) == 1
    assert len(keys.find(ID, "ES256")) == 1


@pytest.mark.parametrize("code", ["DisabledException", "KMSInvalidStateException"])
def test_a_key_that_was_taken_out_of_use_verifies_nothing(
    code: str, kms: FakeKms, keys: KmsKeys, written: Callable[[], str]
) -> None:
    kms.faults = [(400, code, {})]
    assert keys.find(ID, "ES256") == []
    output = written()
    assert '"Key out of use"' in output
    assert f'"key_id":"{ID}"' in output
    assert len(keys.find(ID, "ES256")) == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"KeyUsage": "ENCRYPT_DECRYPT"},
        {"KeyUsage": None},
        {"KeySpec": "SYMMETRIC_DEFAULT"},
        {"KeySpec": "ECC_SECG_P256K1"},
        {"KeySpec": "RSA_2048"},
        {"KeySpec": None},
        {"SigningAlgorithms": ["ECDSA_SHA_384"]},
        {"SigningAlgorithms": None},
        {"PublicKey": "bm8ga2V5"},
        {"PublicKey": None},
        {"PublicKey": der(signing_key("ES384"))},
        {"PublicKey": der(signing_key("ES256K"))},
    ],
    ids=lambda changed: str(changed)[:20],
)
def test_a_key_that_does_not_fit_is_the_operators_fault(
    changed: dict[str, Any], kms: FakeKms, keys: KmsKeys, written: Callable[[], str]
) -> None:
    kms.answers[ARN + ID] = described(KEY, **changed)
    with pytest.raises(KeysUnavailable):
        keys.find(ID, "ES256")
    metrics.flush_metrics()
    output = written()
    assert '"Key does not fit its purpose"' in output
    assert f'"key_id":"{ID}"' in output
    assert '"ConfigurationFault":[1.0]' in output


def test_a_key_that_does_not_fit_the_configured_algorithms_is_not_taken(kms: FakeKms) -> None:
    with pytest.raises(KeysUnavailable):
        source(kms, algorithms=frozenset({"RS256"})).find(ID, "RS256")


def test_a_signature_of_a_strangers_key_under_the_configured_id_is_refused(keys: KmsKeys) -> None:
    stranger = SigningKey("ES256", ID, signing_key("ES256", "stranger").private)
    assert not keys.find(ID, "ES256")[0].has_signed(stranger.token(), "ES256")
