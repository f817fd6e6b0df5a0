"""Cognito user pools: refresh token rotation, which MiniStack stores but does not perform."""

import time
from typing import Any

from ministack.services import cognito


def install() -> None:
    """Make a client with RefreshTokenRotation give a new refresh token each time, and take an old one once.

    An old token works again within RetryGracePeriodSeconds, as on Cognito.
    """
    refresh = cognito._refresh_auth_result
    first_used: dict[str, float] = {}

    def refresh_and_rotate(pool: Any, pool_id: str, client_id: str, token: str) -> tuple[Any, Any]:
        rotation = pool["_clients"].get(client_id, {}).get("RefreshTokenRotation") or {}
        if rotation.get("Feature") != "ENABLED":
            unchanged: tuple[Any, Any] = refresh(pool, pool_id, client_id, token)
            return unchanged
        grace_seconds = int(rotation.get("RetryGracePeriodSeconds", 0))
        if token in first_used and time.time() > first_used[token] + grace_seconds:
            code = "RefreshTokenReuseException"
            return None, cognito.error_response_json(code, "Refresh token reuse detected", 400)
        result, error = refresh(pool, pool_id, client_id, token)
        if error is None:
            first_used.setdefault(token, time.time())
            claims = cognito._token_claims(token)
            result["RefreshToken"] = cognito._fake_token(
                claims["sub"],
                pool_id,
                client_id,
                "refresh",
                origin_jti=claims.get("origin_jti", ""),
                scope=claims.get("scope"),
            )
        return result, error

    cognito._refresh_auth_result = refresh_and_rotate
