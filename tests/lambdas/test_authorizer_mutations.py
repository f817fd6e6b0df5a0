"""No token but the issuer's own is accepted, and no text at all is more than refused."""

import base64
import json
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from authorizer.normalised_claims import normalise
from authorizer.refusal import TokenRefused
from authorizer.verification import TokenVerifier
from tests.examples import examples
from tests.lambdas.tokens import ACCESS, encode, segment, signing_key, verifier

ALGORITHMS = ["ES256", "Ed25519", "RS256", "PS256"]
KEYS = {algorithm: signing_key(algorithm) for algorithm in ALGORITHMS}
TOKENS = {algorithm: key.token() for algorithm, key in KEYS.items()}
VERIFIERS = {algorithm: verifier(key.jwk()) for algorithm, key in KEYS.items()}

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
known_claims = st.sampled_from(
    [
        "iss",
        "aud",
        "sub",
        "exp",
        "iat",
        "nbf",
        "scope",
        "scp",
        "azp",
        "cnf",
        "token_use",
        "typ",
        "auth_time",
        "amr",
    ]
)
known_members = st.sampled_from(
    ["alg", "kid", "typ", "crit", "b64", "zip", "enc", "jwk", "jku", "x5c", "x5u", "x5t", "cty"]
)
changed_claims = st.dictionaries(known_claims | st.text(max_size=5), anything, max_size=3)
changed_members = st.dictionaries(known_members | st.text(max_size=5), anything, max_size=2)
characters = st.characters(codec="utf-8") | st.sampled_from("ABab01-_.=+/ \n")


def is_accepted(verify: TokenVerifier, text: str) -> bool:
    """Raises whatever else than a refusal comes of it."""
    try:
        verify(text)
    except TokenRefused:
        return False
    return True


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@st.composite
def edited_texts(draw: st.DrawFn, token: str) -> str:
    """The token with characters replaced, taken out or put in."""
    text = token
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(text) - 1))
        removed = draw(st.integers(0, 2))
        text = text[:at] + draw(st.text(characters, max_size=2)) + text[at + removed :]
    return text


@st.composite
def edited_bytes(draw: st.DrawFn, token: str) -> str:
    """The token with bits of what its segments say flipped, encoded again as it should be."""
    segments = [bytearray(decoded(part)) for part in token.split(".")]
    for _ in range(draw(st.integers(1, 3))):
        chosen = draw(st.sampled_from(segments))
        chosen[draw(st.integers(0, len(chosen) - 1))] ^= 1 << draw(st.integers(0, 7))
    return ".".join(encode(bytes(part)) for part in segments)


@st.composite
def edited_segments(draw: st.DrawFn, token: str) -> str:
    """The token with segments in another order, twice or not at all."""
    return ".".join(draw(st.lists(st.sampled_from(token.split(".")), max_size=5)))


@st.composite
def edited_documents(draw: st.DrawFn, token: str) -> str:
    """The token with other claims or another header, under the signature that it has."""
    header, payload, signature = token.split(".")
    members, claims = draw(changed_members), draw(changed_claims)
    return ".".join(
        [
            segment({**json.loads(decoded(header)), **members}) if members else header,
            segment({**ACCESS, **claims}) if claims else payload,
            signature,
        ]
    )


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("edited", [edited_texts, edited_bytes, edited_segments, edited_documents])
@settings(max_examples=examples(200))
@given(data=st.data())
def test_a_token_that_was_changed_in_any_way_is_not_accepted(algorithm: str, edited: Any, data: Any) -> None:
    token = TOKENS[algorithm]
    assert is_accepted(VERIFIERS[algorithm], token)
    changed = data.draw(edited(token))
    assume(changed != token)
    assert not is_accepted(VERIFIERS[algorithm], changed)


@pytest.mark.parametrize("algorithm", ["ES256", "Ed25519"])
def test_each_bit_of_a_token_counts(algorithm: str) -> None:
    token = TOKENS[algorithm].encode()
    for at in range(len(token)):
        for bit in range(7):
            changed = bytearray(token)
            changed[at] ^= 1 << bit
            assert not is_accepted(VERIFIERS[algorithm], changed.decode())


@settings(max_examples=examples(300))
@given(text=st.text() | st.text(characters) | st.text("eyJ0.-_=A", max_size=40))
@example(text="." * 9000)
@example(text="\ud800.\udfff.\x00")
def test_no_text_is_more_than_refused(text: str) -> None:
    assert not is_accepted(VERIFIERS["ES256"], text)


@settings(max_examples=examples(300))
@given(header=anything | changed_members, payload=anything, signature=st.binary(max_size=80))
def test_nothing_that_looks_like_a_token_is_more_than_refused(
    header: Any, payload: Any, signature: bytes
) -> None:
    text = f"{segment(header)}.{segment(payload)}.{encode(signature)}"
    assert not is_accepted(VERIFIERS["ES256"], text)


@settings(max_examples=examples(300))
@given(members=changed_members, claims=changed_claims)
def test_whatever_the_issuer_has_signed_is_refused_or_handed_on_as_text(
    members: dict[str, Any], claims: dict[str, Any]
) -> None:
    token = KEYS["ES256"].token({**ACCESS, **claims}, members)
    try:
        verified = VERIFIERS["ES256"](token)
    except TokenRefused:
        return
    handed_on = normalise(verified, verified)
    assert all(isinstance(value, str) for value in handed_on.values())
    assert json.loads(json.dumps(handed_on).encode("ascii")) == handed_on
    "".join(handed_on.values()).encode()
