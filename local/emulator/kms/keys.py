"""KMS: keys that an account has before anything is deployed into it; disabled ones give nothing away."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ministack.services import kms


def install() -> None:
    """Let disabled keys give nothing away."""
    _refuse_keys_in_the_wrong_state()


def make(arn: str, signing_spec: str | None) -> None:
    """Make a key of this ARN: one that signs, of that spec, or one that encrypts.

    The policy of one that encrypts lets in whom docs/deploy.md says that it must.
    """
    signing = {"KeySpec": signing_spec, "KeyUsage": "SIGN_VERIFY"}
    status, _, body = kms._create_key(signing if signing_spec else {"Policy": _policy(arn)})
    if status >= 400:
        raise ValueError(body)
    made = kms._keys.pop(json.loads(body)["KeyMetadata"]["KeyId"])
    key_id = arn.rpartition("/")[2]
    kms._keys[key_id] = {**made, "KeyId": key_id, "Arn": arn}


def _policy(arn: str) -> str:
    region, account = arn.split(":")[3:5]
    uses = ["kms:Decrypt", "kms:GenerateDataKey"]

    def allow(principal: Mapping[str, str], actions: Sequence[str], condition: Mapping[str, Any]) -> Any:
        allowed = {"Effect": "Allow", "Principal": principal, "Action": actions, "Resource": "*"}
        return {**allowed, "Condition": condition} if condition else allowed

    of_account = {"StringEquals": {"aws:SourceAccount": account}}
    of_log_groups = {
        "ArnLike": {"kms:EncryptionContext:aws:logs:arn": f"arn:aws:logs:{region}:{account}:log-group:*"}
    }
    logs = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
    statements = [
        allow({"AWS": f"arn:aws:iam::{account}:root"}, ["kms:*"], {}),
        allow({"Service": f"logs.{region}.amazonaws.com"}, logs, of_log_groups),
        allow({"Service": "cloudwatch.amazonaws.com"}, uses, of_account),
        allow({"Service": "events.amazonaws.com"}, uses, of_account),
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def _refuse_keys_in_the_wrong_state() -> None:
    """GetPublicKey answers DisabledException and KMSInvalidStateException too, says its API reference."""
    get_public_key = kms._get_public_key

    def get_usable_public_key(request: Mapping[str, Any]) -> Any:
        key = kms._resolve_key(request.get("KeyId", ""))
        return (kms._check_key_state(key) if key else None) or get_public_key(request)

    kms._get_public_key = get_usable_public_key
