"""A customer's own backend, where that is what signs the app's users in: it signs their tokens by AWS KMS.

It stands beside the app and not in it, so it has the account's credentials. Which users it has, and how
they prove who they are, is up to it: here everybody who has signed up may have a token.
"""

import base64
import hashlib
import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

TOKENS_LAST = 3600  # seconds
# What KMS calls the key and the signature of each algorithm.
KEY_SPECS = {"ES256": "ECC_NIST_P256", "RS256": "RSA_2048"}
_SIGNING_ALGORITHMS = {"ES256": "ECDSA_SHA_256", "RS256": "RSASSA_PKCS1_V1_5_SHA_256"}
_P256_BYTES = 32  # of each half of a signature: https://www.rfc-editor.org/rfc/rfc7518#section-3.4


@dataclass
class TokenBackend:
    """Signs with the key `key_arn`, which boto3's client `kms` reaches; `algorithm` is one of KEY_SPECS."""

    kms: Any
    key_arn: str
    algorithm: str
    issuer: str
    audience: str
    _users: dict[str, dict[str, Any]] = field(default_factory=dict)

    def sign_up(self, email: str, claims: Mapping[str, Any]) -> None:
        """A new user with these claims; an address once more is another user."""
        self._users[email] = {"sub": str(uuid.uuid4()), "email": email, "email_verified": True, **claims}

    def identity_token(self, email: str, claims: Mapping[str, Any]) -> str:
        """A token for a user, who signed in just now and by password unless `claims` say otherwise.

        Raises KeyError for an address that nobody signed up with.
        """
        now = int(time.time())
        usual = {
            "iss": self.issuer,
            "aud": self.audience,
            "iat": now,
            "exp": now + TOKENS_LAST,
            "auth_time": now,
            "amr": ["pwd"],
        }
        header = {"alg": self.algorithm, "kid": self.key_arn.rpartition("/")[2], "typ": "JWT"}
        said = {**usual, **self._users[email], **claims}
        signed = f"{_encoded(json.dumps(header).encode())}.{_encoded(json.dumps(said).encode())}"
        return f"{signed}.{_encoded(self._sign(signed.encode()))}"

    def public_key(self) -> bytes:
        """The key that verifies what this backend signs: DER, as KMS gives it to whoever may read it."""
        public_key: bytes = self.kms.get_public_key(KeyId=self.key_arn)["PublicKey"]
        return public_key

    def _sign(self, message: bytes) -> bytes:
        # A digest: KMS takes at most 4,096 bytes of a message.
        signature: bytes = self.kms.sign(
            KeyId=self.key_arn,
            Message=hashlib.sha256(message).digest(),
            MessageType="DIGEST",
            SigningAlgorithm=_SIGNING_ALGORITHMS[self.algorithm],
        )["Signature"]
        if self.algorithm != "ES256":
            return signature
        # KMS answers DER, a JWS has both numbers side by side.
        return b"".join(number.to_bytes(_P256_BYTES) for number in decode_dss_signature(signature))


def _encoded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
