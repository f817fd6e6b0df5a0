"""The keys of an issuer, from a file of the checkout."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra.configuration import Configuration, ConfigurationError, GivenKeys, Issuer, load
from tests.infra.configuration.files import changed, toml_of, write_checkout
from tests.infra.configuration.test_issuer import with_keys


def number(length: int, *, first: int = 0xFF) -> str:
    """A number of so many bytes in base64url."""
    return base64.urlsafe_b64encode(bytes([first]) + b"\x01" * (length - 1)).rstrip(b"=").decode()


RSA = {"kty": "RSA", "kid": "rsa", "n": number(256), "e": "AQAB"}
P_256 = {"kty": "EC", "crv": "P-256", "kid": "ec", "x": number(32), "y": number(32)}
P_384 = {"kty": "EC", "crv": "P-384", "kid": "ec3", "x": number(48), "y": number(48)}
P_521 = {"kty": "EC", "crv": "P-521", "kid": "ec5", "x": number(66, first=1), "y": number(66, first=1)}
ED_25519 = {"kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": number(32)}

type KeySetLoader = Callable[..., Configuration]


@pytest.fixture
def load_key_set(tmp_path: Path) -> KeySetLoader:
    """Loads an issuer with these keys in a file of the checkout, or with the file as it is."""

    def load_(keys: Any, algorithms: list[str], content: bytes | None = None) -> Configuration:
        changes = with_keys("jwks_file", "config/keys.json") | {"identity.issuer.algorithms": algorithms}
        checkout = write_checkout(tmp_path, toml_of(changed(changes)))
        file = checkout / "config" / "keys.json"
        file.write_bytes(json.dumps({"keys": keys}, indent=4).encode() if content is None else content)
        return load(checkout, "test", transports={})

    return load_


def fault(load_key_set: KeySetLoader, *of: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load_key_set(*of)
    # The error has nothing of the file but its name.
    assert (caught.value.key, caught.value.value) == ("identity.issuer.jwks_file", "config/keys.json")
    return caught.value.fix


def test_keys_of_a_file_arrive_without_what_nobody_reads(load_key_set: KeySetLoader) -> None:
    more = {"use": "sig", "alg": "RS256", "key_ops": ["verify"], "x5c": ["MII" * 500], "x5t": "a", "é": 1}
    source = load_key_set([RSA | more, P_256], ["RS256", "ES256"]).identity.source
    assert isinstance(source, Issuer)
    assert isinstance(source.keys, GivenKeys)
    assert json.loads(source.keys.jwks) == {
        "keys": [RSA | {"use": "sig", "alg": "RS256", "key_ops": ["verify"]}, P_256]
    }
    assert " " not in source.keys.jwks
    assert source.keys.jwks.isascii()


def test_a_single_key_needs_no_name(load_key_set: KeySetLoader) -> None:
    for key, algorithms in (
        (RSA, ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]),
        (P_256, ["ES256"]),
        (P_384, ["ES384"]),
        (P_521, ["ES512"]),
        (ED_25519, ["Ed25519"]),
    ):
        load_key_set([{name: value for name, value in key.items() if name != "kid"}], algorithms)


PRIVATE = {"d": "c2VjcmV0"}


@pytest.mark.parametrize(
    ("keys", "algorithms", "fix"),
    [
        ([], ["RS256"], "a key or more"),
        ({}, ["RS256"], "a key or more"),
        (["key"], ["RS256"], "keys[0]: make it an object"),
        ([P_256, RSA | PRIVATE], ["RS256", "ES256"], "keys[1]: take a new one"),
        ([P_256 | PRIVATE], ["ES256"], "not secret any more"),
        ([ED_25519 | PRIVATE], ["Ed25519"], "not secret any more"),
        ([{"kty": "oct", "k": "c2VjcmV0"}], ["RS256"], "not secret any more"),
        ([{"kty": "oct"}], ["RS256"], "use an RSA key"),
        ([{**RSA, "kty": 7}], ["RS256"], "write kty as a text"),
        ([{**RSA, "kid": 7}], ["RS256"], "write kid as a text"),
        ([{**RSA, "kid": ""}], ["RS256"], "1 to 256 printable"),
        ([{**P_256, "crv": "secp256k1"}], ["ES256"], "P-256, P-384 and P-521"),
        ([{**ED_25519, "crv": "X25519"}], ["Ed25519"], "Ed25519"),
        ([{**RSA, "crv": "P-256"}], ["RS256"], "use an RSA key"),
        ([{**RSA, "use": "enc"}], ["RS256"], "does not verify"),
        ([{**RSA, "key_ops": ["encrypt"]}], ["RS256"], "does not verify"),
        ([{**RSA, "key_ops": "verify"}], ["RS256"], "does not verify"),
        ([{**RSA, "alg": "ES256"}], ["ES256"], "write an alg that it can verify: RS256"),
        ([{**RSA, "alg": "PS256"}], ["RS256"], "allow one of its algorithms: PS256"),
        ([RSA], ["RS256", "ES256"], "add a key that verifies ES256"),
        ([{**RSA, "alg": "RS256"}], ["RS256", "RS512"], "add a key that verifies RS512"),
        ([RSA, P_256], ["RS256"], "keys[1]: remove it, or allow one of its algorithms: ES256"),
        ([{**RSA, "n": number(255)}], ["RS256"], "2,048 bits"),
        ([{**RSA, "n": number(256, first=0x7F)}], ["RS256"], "2,048 bits"),
        ([{**RSA, "n": "a b"}], ["RS256"], "write n in base64url"),
        ([{**RSA, "e": "A"}], ["RS256"], "write e in base64url"),
        ([{**RSA, "e": None}], ["RS256"], "write e in base64url"),
        ([{**P_256, "y": number(31)}], ["ES256"], "write y in base64url"),
        ([{**ED_25519, "x": number(33)}], ["Ed25519"], "write x in base64url"),
        ([RSA, {**P_256, "kid": "rsa"}], ["RS256", "ES256"], "a kid of its own"),
        ([RSA, {**P_256, "kid": None}], ["RS256", "ES256"], "a kid of its own"),
    ],
)
def test_a_wrong_key_is_refused_with_its_place(
    load_key_set: KeySetLoader, keys: Any, algorithms: list[str], fix: str
) -> None:
    found = fault(load_key_set, keys, algorithms)
    assert found.startswith("in that file, ")
    assert fix in found
    assert "c2VjcmV0" not in found


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff",
        pytest.param(b"[" * 100_000, id="100,000 brackets"),
        b'{"keys": [], "keys": []}',
        b"[]",
        b'"keys"',
        b"{}",
    ],
)
def test_a_file_that_is_no_key_set_is_refused(load_key_set: KeySetLoader, content: bytes) -> None:
    assert re.search("JSON", fault(load_key_set, None, ["RS256"], content))


def test_keys_fit_into_the_variables_of_a_function(load_key_set: KeySetLoader) -> None:
    keys = [RSA | {"kid": f"{number}", "n": "_" * 683} for number in range(4)]
    load_key_set(keys[:3], ["RS256"])
    found = fault(load_key_set, keys, ["RS256"])
    assert "fewer keys, or jwks_url" in found
    assert "2500" in found


@pytest.mark.parametrize(
    "name",
    ["", ".", "config", "config/none.json", "/etc/hostname", "../keys.json", "config/out.json", "é", 7],
)
def test_the_keys_are_in_the_checkout(tmp_path: Path, name: Any) -> None:
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    write_checkout(checkout, toml_of(changed(with_keys("jwks_file", name))))
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [RSA, P_256]}), encoding="utf-8")
    (checkout / "config" / "out.json").symlink_to(tmp_path / "keys.json")
    with pytest.raises(ConfigurationError) as caught:
        load(checkout, "test", transports={})
    assert (caught.value.key, caught.value.value) == ("identity.issuer.jwks_file", name)
    assert "config/keys.json" in caught.value.fix
