"""The public keys that an issuer signs its tokens with, and what each may verify.

joserfc and the OpenSSL below it do the cryptography; what they are given is decided here.
"""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from joserfc import jwk, jws
from joserfc.errors import JoseError

from api.strict_json import read_object

# By key type and curve (RFC 7518, section 3.1; RFC 9864).
_FITTING: Mapping[tuple[str, str | None], frozenset[str]] = {
    ("RSA", None): frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}),
    ("EC", "P-256"): frozenset({"ES256"}),
    ("EC", "P-384"): frozenset({"ES384"}),
    ("EC", "P-521"): frozenset({"ES512"}),
    # Two names of one algorithm: the second is the older (RFC 8037), which most issuers still write.
    ("OKP", "Ed25519"): frozenset({"Ed25519", "EdDSA"}),
}
ALGORITHMS = frozenset[str]().union(*_FITTING.values())
"""All that a deployment can allow: signatures with a public key, which verifies and cannot sign."""

_MIN_RSA_BITS = 2048  # bits: RFC 7518, section 3.3
MAX_KEYS = 50
"""Far more than any issuer has: two or three of each algorithm, one coming, one going."""

# The members that make a public key (RFC 7518, section 6; RFC 8037). All others are read here or not at all.
_MATERIAL: Mapping[str, tuple[str, ...]] = {
    "RSA": ("n", "e"),
    "EC": ("crv", "x", "y"),
    "OKP": ("crv", "x"),
}
# A key that anybody can read and sign with proves nothing.
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


class KeysUnavailable(Exception):
    """There is no key to decide with, and none can be had just now."""


class KeyUnknown(KeysUnavailable):
    """The token names a key that may be a new one, and the issuer may not be asked again just now."""


class _Registry(jws.JWSRegistry):
    # The token's length is limited as a whole.
    max_header_length = 8_192
    max_signature_length = 8_192


@dataclass(frozen=True, kw_only=True)
class VerificationKey:
    """A public key, and the algorithms whose signatures it may verify."""

    key_id: str | None
    algorithms: frozenset[str]
    key: jwk.Key

    def has_signed(self, token: str, algorithm: str) -> bool:
        """Whether the signature of a token in the compact form is this key's, by this algorithm."""
        # Other members of a header are `unverified_token`'s to judge.
        registry = _Registry(algorithms=[algorithm], strict_check_header=False)
        try:
            with warnings.catch_warnings():
                # joserfc warns of EdDSA for its name.
                warnings.simplefilter("ignore")
                jws.deserialize_compact(token, self.key, registry=registry)
        except (JoseError, ValueError, RecursionError):
            # RecursionError: joserfc reads the header once more.
            return False
        return True


class KeySource(Protocol):
    """Where the issuer's keys come from."""

    def find(self, key_id: str | None, algorithm: str) -> Sequence[VerificationKey]:
        """The keys that may have made a signature; any key, for a token that names none.

        Raises `KeysUnavailable`.
        """


class GivenKeys:
    """Keys that are part of the deployment."""

    def __init__(self, keys: Sequence[VerificationKey]) -> None:
        self._keys = keys

    def find(self, key_id: str | None, algorithm: str) -> Sequence[VerificationKey]:
        """See `KeySource`."""
        return fitting(self._keys, key_id, algorithm)


def fitting(keys: Iterable[VerificationKey], key_id: str | None, algorithm: str) -> list[VerificationKey]:
    """Those of `keys` that have the id, if one is given, and may verify the algorithm's signatures."""
    return [key for key in keys if key_id in {None, key.key_id} and algorithm in key.algorithms]


def read_jwks(document: bytes, algorithms: frozenset[str]) -> Sequence[VerificationKey]:
    """The usable keys of a JSON Web Key Set (RFC 7517) for any of `algorithms`.

    Keys of another kind, for another purpose, too weak or malformed are left out, as the RFC (section 5) has
    it: issuers publish such. Raises ValueError when the document is no key set or has no usable key.
    """
    members = read_object(document).get("keys")
    if not isinstance(members, list) or len(members) > MAX_KEYS:
        raise ValueError("not a key set")
    keys = [key for member in members if (key := _read_jwk(member, algorithms)) is not None]
    if not keys:
        raise ValueError("no usable key")
    return keys


def _read_jwk(member: Any, algorithms: frozenset[str]) -> VerificationKey | None:
    if not isinstance(member, dict) or not _is_for_signatures(member):
        return None
    key_type, curve, key_id, algorithm = (member.get(name) for name in ("kty", "crv", "kid", "alg"))
    if not isinstance(key_type, str) or not all(
        isinstance(value, str | None) for value in (curve, key_id, algorithm)
    ):
        return None
    if (key_type, curve) not in _FITTING:
        return None
    material = {name: member[name] for name in ("kty", *_MATERIAL[key_type]) if name in member}
    wanted = algorithms if algorithm is None else algorithms & {algorithm}
    try:
        return import_key(material, key_type, key_id=key_id, algorithms=wanted)
    except ValueError:
        return None


def _is_for_signatures(member: Mapping[str, Any]) -> bool:
    if not _PRIVATE.isdisjoint(member) or member.get("use", "sig") != "sig":
        return False
    operations = member.get("key_ops", ["verify"])
    return isinstance(operations, list) and "verify" in operations


def import_key(
    material: dict[str, Any] | bytes, key_type: str, *, key_id: str | None, algorithms: frozenset[str]
) -> VerificationKey:
    """The key that `material` makes, a JWK or DER, for those of `algorithms` that fit it.

    Raises ValueError when it makes none, or none of them fits.
    """
    try:
        with warnings.catch_warnings():
            # joserfc warns of what is refused here.
            warnings.simplefilter("ignore")
            key = jwk.JWKRegistry.import_key(material, key_type)
        fit = algorithms & _algorithms_of(key)
    except (JoseError, KeyError) as error:
        raise ValueError("malformed key") from error
    if not fit:
        raise ValueError("no algorithm fits the key")
    return VerificationKey(key_id=key_id, algorithms=fit, key=key)


def _algorithms_of(key: jwk.Key) -> frozenset[str]:
    if isinstance(key, jwk.RSAKey) and key.raw_value.key_size < _MIN_RSA_BITS:
        return frozenset()
    return _FITTING.get((key.key_type, getattr(key, "curve_name", None)), frozenset())
