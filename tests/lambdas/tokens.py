"""An issuer's keys and the tokens that it signs with them, good ones and, by hand, hostile ones.

Signed with OpenSSL alone, so that the library that verifies is not the one that has signed.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from authorizer.keys import ALGORITHMS, GivenKeys, read_jwks
from authorizer.verification import TokenRules, TokenUse, TokenVerifier

NOW = 1_790_000_000
ISSUER = "https://login.example.com/"
AUDIENCE = "https://calls.example.com"
ACCESS: Mapping[str, Any] = {
    "iss": ISSUER,
    "aud": AUDIENCE,
    "sub": "SECRET-SUBJECT",
    "exp": NOW + 300,
    "iat": NOW - 10,
    "scope": "openid calls",
    "email": "SECRET-EMAIL@example.com",
}
"""The claims of an access token."""
IDENTITY: Mapping[str, Any] = {
    "iss": ISSUER,
    "aud": AUDIENCE,
    "sub": "SECRET-SUBJECT",
    "exp": NOW + 300,
    "iat": NOW - 10,
    "nonce": "n",
    "at_hash": "h",
}
"""The claims of an ID token."""
RULES: Mapping[str, Any] = {
    "issuer": ISSUER,
    "audiences": frozenset({AUDIENCE}),
    "token_use": TokenUse.ACCESS,
    "algorithms": ALGORITHMS,
    "leeway_seconds": 30,
    "required_scopes": frozenset({"calls"}),
    "required_claims": {},
}
ID_TOKENS: Mapping[str, Any] = {"token_use": TokenUse.ID, "required_scopes": frozenset()}

_HASHES: Mapping[str, Callable[[], hashes.HashAlgorithm]] = {
    "256": hashes.SHA256,
    "384": hashes.SHA384,
    "512": hashes.SHA512,
}
_CURVES: Mapping[str, ec.EllipticCurve] = {
    "P-256": ec.SECP256R1(),
    "P-384": ec.SECP384R1(),
    "P-521": ec.SECP521R1(),
    "secp256k1": ec.SECP256K1(),
}
_PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


def encode(value: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def segment(value: Any) -> str:
    """A part of a token: a JSON document, or bytes as they are."""
    return encode(value if isinstance(value, bytes) else json.dumps(value).encode())


def _number(value: int, size: int | None = None) -> str:
    return encode(value.to_bytes(size or (value.bit_length() + 7) // 8))


@dataclass(frozen=True)
class SigningKey:
    """A key of an issuer."""

    algorithm: str
    key_id: str
    private: _PrivateKey

    def jwk(self, **members: Any) -> dict[str, Any]:
        """The public key as an issuer publishes it; a member that is given as None is left out."""
        public = self.private.public_key()
        if isinstance(public, rsa.RSAPublicKey):
            numbers = public.public_numbers()
            material = {"kty": "RSA", "n": _number(numbers.n), "e": _number(numbers.e)}
        elif isinstance(public, ec.EllipticCurvePublicKey):
            point, size = public.public_numbers(), (public.curve.key_size + 7) // 8
            curve = next(name for name, curve in _CURVES.items() if curve.name == public.curve.name)
            material = {"kty": "EC", "crv": curve, "x": _number(point.x, size), "y": _number(point.y, size)}
        else:
            material = {"kty": "OKP", "crv": "Ed25519", "x": encode(public.public_bytes_raw())}
        whole = {**material, "kid": self.key_id, "use": "sig", "alg": self.algorithm, **members}
        return {name: value for name, value in whole.items() if value is not None}

    def public_bytes(self, encoding: Encoding) -> bytes:
        """The public key as a file."""
        return self.private.public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)

    def sign(self, text: bytes, algorithm: str | None = None) -> bytes:
        """The signature of a text as JWS (RFC 7518) has it."""
        algorithm = algorithm or self.algorithm
        if isinstance(self.private, ed25519.Ed25519PrivateKey):
            return self.private.sign(text)
        digest = _HASHES[algorithm[-3:]]()
        if isinstance(self.private, ec.EllipticCurvePrivateKey):
            size = (self.private.curve.key_size + 7) // 8
            r, s = decode_dss_signature(self.private.sign(text, ec.ECDSA(digest)))
            return r.to_bytes(size) + s.to_bytes(size)
        padded: padding.AsymmetricPadding = padding.PKCS1v15()
        if algorithm.startswith("PS"):
            padded = padding.PSS(padding.MGF1(digest), digest.digest_size)
        return self.private.sign(text, padded, digest)

    def token(self, claims: Any = ACCESS, header: Any = None, *, algorithm: str | None = None) -> str:
        """A token with this key's signature, whatever its parts are; they may be bytes.

        Members of `header` that are given as None are left out.
        """
        if not isinstance(header, bytes | list):
            known = {"alg": algorithm or self.algorithm, "kid": self.key_id, "typ": "JWT", **(header or {})}
            header = {name: value for name, value in known.items() if value is not None}
        signed = f"{segment(header)}.{segment(claims)}"
        return f"{signed}.{encode(self.sign(signed.encode(), algorithm))}"


@cache
def signing_key(algorithm: str, key_id: str = "key-1") -> SigningKey:
    """The issuer's key of an algorithm and an id, the same each time: to make one of RSA takes long.

    `RS1024` and `ES256K` are what no issuer should have.
    """
    curves = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521", "ES256K": "secp256k1"}
    private: _PrivateKey
    if algorithm in curves:
        private = ec.generate_private_key(_CURVES[curves[algorithm]])
    elif algorithm == "Ed25519":
        private = ed25519.Ed25519PrivateKey.generate()
    else:
        private = rsa.generate_private_key(65537, 1024 if algorithm == "RS1024" else 2048)
    return SigningKey({"RS1024": "RS256"}.get(algorithm, algorithm), key_id, private)


def signed_with_secret(secret: bytes, claims: Any = ACCESS) -> str:
    """A token that is signed as with a secret that both sides know (HS256)."""
    signed = f"{segment({'alg': 'HS256', 'typ': 'JWT', 'kid': 'key-1'})}.{segment(claims)}"
    return f"{signed}.{encode(hmac.digest(secret, signed.encode(), hashlib.sha256))}"


def key_set(*keys: Mapping[str, Any]) -> bytes:
    """What an issuer publishes."""
    return json.dumps({"keys": keys}).encode()


def verifier(*keys: Mapping[str, Any], now: Callable[[], float] = lambda: NOW, **rules: Any) -> TokenVerifier:
    """What verifies tokens by `RULES` but for those given, with the usable ones of the issuer's keys."""
    sent = TokenRules(**{**RULES, **rules})
    return TokenVerifier(sent, GivenKeys(read_jwks(key_set(*keys), sent.algorithms)), now)
