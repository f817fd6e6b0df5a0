"""What is a key, and what is not, in what an issuer publishes. (Which keys verify what: ..._tokens.)"""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from authorizer.keys import ALGORITHMS, MAX_KEYS, read_jwks
from tests.examples import examples
from tests.lambdas.tokens import encode, key_set, signing_key

KEY = signing_key("ES256")
JWK = KEY.jwk()
RSA_JWK = signing_key("RS256").jwk()


NO_KEY_SETS = {
    "nothing": b"",
    "a page": b"<html>Just a moment...</html>",
    "a list": b"[]",
    "an object without keys": b"{}",
    "keys that are an object": b'{"keys": {}}',
    "no keys": b'{"keys": []}',
    "keys that are null": b'{"keys": null}',
    "keys that are none": b'{"keys": [null, 1, "key", []]}',
    "keys that are given twice": b'{"keys": [], "keys": [' + json.dumps(JWK).encode() + b"]}",
    "60,000 brackets": b"[" * 60_000,
    "one key by itself": json.dumps(JWK).encode(),
    "another encoding": key_set(JWK).decode().encode("utf-16"),
    "a key too many": key_set(*[JWK] * (MAX_KEYS + 1)),
    "keys for other uses": key_set(JWK | {"use": "enc"}, {"kty": "oct", "k": "AA"}),
    "a key of 1,024 bits": key_set(signing_key("RS1024").jwk()),
    "a key on another curve": key_set(signing_key("ES256K").jwk(alg=None)),
}


@pytest.mark.parametrize("document", NO_KEY_SETS.values(), ids=NO_KEY_SETS)
def test_what_holds_no_usable_key_is_no_key_set(document: bytes) -> None:
    with pytest.raises(ValueError, match=r"^[\w ,.':()-]+$|utf-8"):
        read_jwks(document, ALGORITHMS)


def test_keys_for_other_algorithms_than_the_configured_are_not_usable() -> None:
    assert [key.algorithms for key in read_jwks(key_set(JWK, RSA_JWK), frozenset({"RS256"}))] == [{"RS256"}]
    with pytest.raises(ValueError, match="no usable key"):
        read_jwks(key_set(JWK), frozenset({"RS256"}))


def test_a_key_set_may_be_as_large_as_it_may_be() -> None:
    keys = [KEY.jwk(kid=str(number)) for number in range(MAX_KEYS)]
    assert len(read_jwks(key_set(*keys), ALGORITHMS)) == MAX_KEYS


_values = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=10)
    | st.binary(max_size=600).map(encode)
    | st.sampled_from(
        ["RSA", "EC", "OKP", "oct", "P-256", "P-521", "Ed25519", "X25519", "secp256k1", "sig", "RS256"]
    )
    | st.lists(st.text(max_size=5), max_size=2)
)
_members = st.sampled_from(
    ["kty", "crv", "x", "y", "n", "e", "d", "k", "use", "alg", "kid", "key_ops", "x5c", "x5u"]
)


@settings(max_examples=examples(500))
@given(
    of=st.sampled_from([JWK, RSA_JWK, signing_key("Ed25519").jwk(), {}]),
    changed=st.dictionaries(_members, _values),
)
def test_a_malformed_key_leaves_the_others_usable(of: dict[str, Any], changed: dict[str, Any]) -> None:
    good = KEY.jwk(kid="good")
    assert "good" in {key.key_id for key in read_jwks(key_set({**of, **changed}, good), ALGORITHMS)}


@pytest.mark.parametrize("size", [600, 60_000])
def test_a_key_of_any_size_leaves_the_others_usable(size: int) -> None:
    huge = encode(b"\xff" * size)
    keys = [
        RSA_JWK | {"n": huge},
        RSA_JWK | {"e": huge},
        JWK | {"x": huge},
        signing_key("Ed25519").jwk(x=huge),
    ]
    assert "good" in {key.key_id for key in read_jwks(key_set(*keys, KEY.jwk(kid="good")), ALGORITHMS)}
