"""KMS: keys that an account has before anything is deployed into it; disabled ones give nothing away."""

import json
from collections.abc import Mapping
from typing import Any

from ministack.services import kms


def install() -> None:
    """Let disabled keys give nothing away."""
    _refuse_keys_in_the_wrong_state()


def make(arn: str, signing_spec: str | None) -> None:
    """Make a key of this ARN: one that signs, of that spec, or one that encrypts."""
    wanted = {"KeySpec": signing_spec, "KeyUsage": "SIGN_VERIFY"} if signing_spec else {}
    status, _, body = kms._create_key(wanted)
    if status >= 400:
        raise ValueError(body)
    made = kms._keys.pop(json.loads(body)["KeyMetadata"]["KeyId"])
    key_id = arn.rpartition("/")[2]
    kms._keys[key_id] = {**made, "KeyId": key_id, "Arn": arn}


def _refuse_keys_in_the_wrong_state() -> None:
    """GetPublicKey answers DisabledException and KMSInvalidStateException too, says its API reference."""
    get_public_key = kms._get_public_key

    def get_usable_public_key(request: Mapping[str, Any]) -> Any:
        key = kms._resolve_key(request.get("KeyId", ""))
        return (kms._check_key_state(key) if key else None) or get_public_key(request)

    kms._get_public_key = get_usable_public_key
