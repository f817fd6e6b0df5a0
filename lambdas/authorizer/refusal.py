"""Why a token is refused, in words that say nothing of the token."""

from enum import StrEnum


class Reason(StrEnum):
    """Each ends in the log as it stands; the caller gets none."""

    TOO_LONG = "too-long"
    NOT_A_JWS = "not-a-jws"
    """Not three segments of canonical base64url: an encrypted token, a detached payload, no token at all."""
    NOT_JSON = "not-json"
    """Header or payload is no object of strict JSON."""
    HEADER_NOT_UNDERSTOOD = "header-not-understood"
    """The header has a member that changes what the signature means."""
    BRINGS_A_KEY = "brings-a-key"
    """The header holds a key, or says where to get one."""
    WRONG_TYPE = "wrong-type"
    ALGORITHM_NOT_ALLOWED = "algorithm-not-allowed"
    MALFORMED_KEY_ID = "malformed-key-id"
    NO_KEY_FITS = "no-key-fits"
    SEVERAL_KEYS_FIT = "several-keys-fit"
    BAD_SIGNATURE = "bad-signature"
    WRONG_ISSUER = "wrong-issuer"
    WRONG_AUDIENCE = "wrong-audience"
    WRONG_AUTHORIZED_PARTY = "wrong-authorized-party"
    MALFORMED_TIME = "malformed-time"
    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    ISSUED_IN_THE_FUTURE = "issued-in-the-future"
    MALFORMED_SUBJECT = "malformed-subject"
    SENDER_CONSTRAINED = "sender-constrained"
    """It is good only with a proof that its sender holds a key, which API Gateway does not require."""
    NOT_AN_ACCESS_TOKEN = "not-an-access-token"  # noqa: S105 (no password)
    NOT_AN_ID_TOKEN = "not-an-id-token"  # noqa: S105 (no password)
    SCOPE_MISSING = "scope-missing"
    CLAIM_DIFFERS = "claim-differs"


class TokenRefused(Exception):
    """The token proves nothing."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


class TokenEarly(Exception):
    """The token will prove something in a moment: by the issuer's clock it already does."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason
