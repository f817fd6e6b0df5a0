"""The secrets of access keys: this run's, and those that IAM and STS have given out.

MiniStack believes whoever names the account, or a few well-known keys, to be its root user without a look at
the signature. It derives the credentials of a function from its ARN, so that anybody could calculate them.
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from typing import Any

from ministack.core import iam_evaluator, lambda_runtime, responses
from ministack.services import lambda_svc, sts

from local.access import Access
from local.emulator.signatures import SignatureError

_KEY_ID_LENGTH = 16  # behind ASIA, as AWS's have it


def find_secret(access: Access, access_key_id: str, session_token: str | None) -> str:
    """The secret of an access key; SignatureError for a key, or a session token of it, that is not one."""
    if access_key_id == access.access_key_id and not session_token:
        return access.secret_access_key
    if iam_evaluator.is_root_access_key(access_key_id):
        raise SignatureError("InvalidClientTokenId", "The security token included in the request is invalid.")
    account = responses._account_from_sts_session(access_key_id) or access.access_key_id
    found = iam_evaluator.resolve_credential(access_key_id, account, session_token or "")
    if isinstance(found, iam_evaluator.CredentialResolutionError):
        raise SignatureError(found.code, found.message)
    return str(found.secret_access_key)


def give_functions_secret_credentials() -> None:
    """Give each function credentials of its role that nobody can calculate, the same ones for this run."""
    run_key = secrets.token_bytes(32)

    def execution_credentials(config: Mapping[str, Any]) -> dict[str, str]:
        role_arn, function_arn = config.get("Role", ""), config.get("FunctionArn", "")
        account, _ = lambda_runtime._account_region_from_function_config(config)

        def derived(purpose: str) -> str:
            return hmac.digest(run_key, f"{purpose}:{function_arn}:{role_arn}".encode(), hashlib.sha256).hex()

        access_key_id = f"ASIA{derived('id')[:_KEY_ID_LENGTH].upper()}"
        secret, token = derived("secret"), derived("token")
        role, session = role_arn.rpartition("/")[2], config["FunctionName"][:64]
        sts.register_session(access_key_id, {
            "Arn": f"arn:aws:sts::{account}:assumed-role/{role}/{session}",
            "UserId": f"{role}:{session}",
            "SecretAccessKey": secret,
            "SessionToken": token,
        })  # fmt: skip
        return {
            "AWS_ACCESS_KEY_ID": access_key_id,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_SESSION_TOKEN": token,
        }

    lambda_runtime.execution_credentials = execution_credentials
    lambda_svc.execution_credentials = execution_credentials
