"""The keys of an issuer that publishes none: a JSON Web Key Set (RFC 7517) in a file of the checkout."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn

# What each kind of key verifies, by key type and curve (RFC 7518, section 3.1; RFC 9864). The authorizer
# has the same names.
_ALGORITHMS: Mapping[tuple[str | None, str | None], tuple[str, ...]] = {
    ("RSA", None): ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    ("EC", "P-256"): ("ES256",),
    ("EC", "P-384"): ("ES384",),
    ("EC", "P-521"): ("ES512",),
    # Two names of one algorithm: the second is the older (RFC 8037), which most issuers still write.
    ("OKP", "Ed25519"): ("Ed25519", "EdDSA"),
}

SIGNATURE_ALGORITHMS = tuple(name for names in _ALGORITHMS.values() for name in names)
"""What tokens can be signed with: with a private key alone, so that verifying them takes no secret."""

# The members of a private key, and of one that is shared (RFC 7518, section 6; RFC 8037).
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})

# The members that make a public key, with the bytes of those whose number the curve says.
_NUMBERS: Mapping[tuple[str | None, str | None], Mapping[str, int | None]] = {
    ("RSA", None): {"n": None, "e": None},
    ("EC", "P-256"): {"x": 32, "y": 32},
    ("EC", "P-384"): {"x": 48, "y": 48},
    ("EC", "P-521"): {"x": 66, "y": 66},
    ("OKP", "Ed25519"): {"x": 32},
}

# Beside these, what the authorizer reads of a key.
_READ = ("kty", "crv", "kid", "alg", "use", "key_ops")

_MIN_RSA_BITS = 2_048  # RFC 7518, section 3.3
_KEY_ID = re.compile(r"[ -~]{1,256}")


class KeySetFault(Exception):
    """The file cannot be used; the text says what to write instead, and of a key nothing but its place."""


def read_key_set(document: bytes, algorithms: tuple[str, ...]) -> str:
    """The key set as an environment variable: JSON without blanks, and without what verifying does not take.

    Each key serves one of `algorithms`, and each of these has a key. Raises KeySetFault.
    """
    try:
        members = json.loads(document.decode(), object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError):
        raise KeySetFault("write JSON in UTF-8 that names no member twice") from None
    keys = members.get("keys") if isinstance(members, dict) else None
    if not isinstance(keys, list) or not keys:
        raise KeySetFault('write a JSON Web Key Set: {"keys": [ … ]} with a key or more')
    read = [_Key(place, key) for place, key in enumerate(keys)]
    names = [key.key_id for key in read]
    for key in read:
        if not set(algorithms) & set(key.algorithms):
            key.fail(f"remove it, or allow one of its algorithms: {', '.join(key.algorithms)}")
        if len(read) > 1 and (key.key_id is None or names.count(key.key_id) > 1):
            key.fail("give each a kid of its own, by which tokens name it")
    for algorithm in algorithms:
        if not any(algorithm in key.algorithms for key in read):
            raise KeySetFault(f"add a key that verifies {algorithm}, or remove that from algorithms")
    return json.dumps({"keys": [key.members for key in read]}, separators=(",", ":"))


class _Key:
    """A public key of the set, as it is used."""

    def __init__(self, place: int, key: Any) -> None:
        self._place = place
        if not isinstance(key, dict):
            self.fail("make it an object")
        if not _PRIVATE.isdisjoint(key):
            self.fail("take a new one and write its public members alone: this one is not secret any more")
        kind = (self._text(key, "kty"), self._text(key, "crv"))
        if kind not in _ALGORITHMS:
            self.fail("use an RSA key, one of P-256, P-384 and P-521 (EC), or one of Ed25519 (OKP)")
        if self._text(key, "use") not in {None, "sig"} or not _verifies(key):
            self.fail('remove it: by its use or key_ops it does not verify ("sig", "verify")')
        self.key_id = self._text(key, "kid")
        if self.key_id is not None and not _KEY_ID.fullmatch(self.key_id):
            self.fail("write a kid of 1 to 256 printable ASCII characters")
        algorithm = self._text(key, "alg")
        self.algorithms = _ALGORITHMS[kind] if algorithm is None else (algorithm,)
        if self.algorithms[0] not in _ALGORITHMS[kind]:
            self.fail(f"write an alg that it can verify: {', '.join(_ALGORITHMS[kind])}")
        self._check_numbers(key, _NUMBERS[kind])
        self.members = {name: key[name] for name in (*_READ, *_NUMBERS[kind]) if name in key}

    def _text(self, key: Mapping[str, Any], name: str) -> str | None:
        text = key.get(name)
        if text is not None and not isinstance(text, str):
            self.fail(f"write {name} as a text")
        return text

    def _check_numbers(self, key: Mapping[str, Any], lengths: Mapping[str, int | None]) -> None:
        for name, length in lengths.items():
            number = _decode(key.get(name))
            if not number or length not in {None, len(number)}:
                self.fail(f"write {name} in base64url, as whatever made the key did")
            if name == "n" and int.from_bytes(number).bit_length() < _MIN_RSA_BITS:
                self.fail("use an RSA key of 2,048 bits or more")

    def fail(self, fix: str) -> NoReturn:
        """Raises the KeySetFault for this key."""
        raise KeySetFault(f"keys[{self._place}]: {fix}")


def _verifies(key: Mapping[str, Any]) -> bool:
    operations = key.get("key_ops", ["verify"])
    return isinstance(operations, list) and "verify" in operations


def _decode(text: Any) -> bytes:
    """The bytes of a number in base64url; none, where it is something else."""
    if not isinstance(text, str) or not re.fullmatch(r"[A-Za-z0-9_-]+", text):
        return b""
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return b""


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError
    return members
