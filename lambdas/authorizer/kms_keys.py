"""Keys of AWS KMS that an own backend signs its tokens with. The private parts never leave KMS."""

from collections.abc import Mapping, Sequence
from typing import Any

from runtime import aws
from runtime.errors import ServiceError
from runtime.telemetry import count, logger

from authorizer.keys import KeysUnavailable, VerificationKey, fitting, import_key

# By the start of KeySpec. (KMS developer guide, "Key spec reference".)
_KEY_TYPES: Mapping[str, str] = {"RSA_": "RSA", "ECC_NIST_P": "EC", "ECC_NIST_EDWARDS25519": "OKP"}
# The names that KMS has for the algorithms. (KMS API reference, GetPublicKey, SigningAlgorithms.)
_NAMES: Mapping[str, str] = {
    "RS256": "RSASSA_PKCS1_V1_5_SHA_256",
    "RS384": "RSASSA_PKCS1_V1_5_SHA_384",
    "RS512": "RSASSA_PKCS1_V1_5_SHA_512",
    "PS256": "RSASSA_PSS_SHA_256",
    "PS384": "RSASSA_PSS_SHA_384",
    "PS512": "RSASSA_PSS_SHA_512",
    "ES256": "ECDSA_SHA_256",
    "ES384": "ECDSA_SHA_384",
    "ES512": "ECDSA_SHA_512",
    "Ed25519": "ED25519_SHA_512",
    "EdDSA": "ED25519_SHA_512",
}
# An operator has taken the key out of use: what it has signed is refused, not put off.
_OUT_OF_USE = frozenset({"DisabledException", "KMSInvalidStateException"})


class KmsKeys:
    """A `KeySource` that gets each key from KMS once, when a token first names it; for one that is out of use
    each time.
    """

    def __init__(self, kms: Any, key_arns: Sequence[str], algorithms: frozenset[str]) -> None:
        """`kms` is a botocore client. A key's id in a token is the last part of its ARN."""
        self._kms = kms
        self._arns = {arn.rpartition("/")[2]: arn for arn in key_arns}
        self._algorithms = algorithms
        self._keys: dict[str, VerificationKey] = {}

    def find(self, key_id: str | None, algorithm: str) -> Sequence[VerificationKey]:
        """See `KeySource`. A key that is not configured is never requested."""
        for name in self._arns:
            if key_id in {None, name} and name not in self._keys:
                self._fetch(name)
        return fitting(self._keys.values(), key_id, algorithm)

    def _fetch(self, name: str) -> None:
        try:
            answer = aws.call(self._kms, "GetPublicKey", expected_errors=_OUT_OF_USE, KeyId=self._arns[name])
        except aws.ExpectedError:
            logger.warning("Key out of use", key_id=name)
            return
        except ServiceError as error:
            raise KeysUnavailable from error
        try:
            self._keys[name] = self._read(name, answer)
        except ValueError as error:
            logger.error("Key does not fit its purpose", key_id=name)
            count("ConfigurationFault")
            raise KeysUnavailable from error

    def _read(self, name: str, answer: Mapping[str, Any]) -> VerificationKey:
        """Raises ValueError when the key is not one that the configured algorithms sign with."""
        spec = answer.get("KeySpec", "")
        key_types = [key_type for start, key_type in _KEY_TYPES.items() if spec.startswith(start)]
        if answer.get("KeyUsage") != "SIGN_VERIFY" or not key_types:
            raise ValueError("not a key that signs")
        signs = answer.get("SigningAlgorithms", ())
        algorithms = frozenset(algorithm for algorithm in self._algorithms if _NAMES[algorithm] in signs)
        return import_key(answer.get("PublicKey", b""), key_types[0], key_id=name, algorithms=algorithms)
