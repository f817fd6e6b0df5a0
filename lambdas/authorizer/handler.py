"""The Lambda authorizer of the API (TOKEN, API Gateway REST): a token in, a policy out."""

import json
import os
import time
from collections.abc import Mapping
from typing import Any

from runtime.startup import finish_init
from runtime.telemetry import count, log_unforeseen, logger, metrics, tracer

from authorizer.keys import GivenKeys, KeySource, KeysUnavailable, KeyUnknown, read_jwks
from authorizer.normalised_claims import normalise
from authorizer.refusal import Reason, TokenEarly, TokenRefused
from authorizer.settings import AuthorizerSettings, PublishedKeys
from authorizer.verification import TokenVerifier

_settings = AuthorizerSettings.read(os.environ)


def _keys() -> KeySource:
    """Where this deployment's keys come from."""
    algorithms, keys = _settings.rules.algorithms, _settings.keys
    # Imported here: each deployment has one kind, and shall not wait for the others in a cold start.
    match keys:
        case bytes():
            return GivenKeys(read_jwks(keys, algorithms))
        case PublishedKeys():
            from authorizer.download import Download  # noqa: PLC0415
            from authorizer.issuer_keys import IssuerKeys  # noqa: PLC0415

            return IssuerKeys(
                Download(keys.url),
                algorithms,
                fresh_seconds=keys.fresh_seconds,
                stale_seconds=keys.stale_seconds,
                now=time.time,
            )
        case _:
            from runtime import aws  # noqa: PLC0415

            from authorizer.kms_keys import KmsKeys  # noqa: PLC0415

            # One attempt (connect 1 s + read 2 s) fits in the function's 5 s; the next request is another.
            return KmsKeys(aws.client("kms", read_timeout=2, repeats=False), keys, algorithms)


_verify = TokenVerifier(_settings.rules, _keys(), time.time)

finish_init()


class NotDecided(Exception):
    """API Gateway answers this with AUTHORIZER_FAILURE, which the API turns into a 503. It says nothing: the
    runtime logs it.
    """


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@metrics.log_metrics
def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Answers the policy that lets the sender of a good token call the API, with its claims, or one that
    denies it.

    Raises `NotDecided` when there are no keys to decide with, when the key may be a new one, and for a token
    that is valid in a moment: API Gateway would keep a refusal for minutes, and does not keep this.
    """
    try:
        claims = _verify(_read_token(event))
        answer = _policy("Allow", event["methodArn"])
        answer["context"] = {
            "claims": json.dumps(normalise(claims, _settings.claims)),
            # API Gateway may keep this answer past the end of the token: the functions look again.
            "expiresAt": str(int(claims["exp"]) + _settings.rules.leeway_seconds),
        }
    except TokenRefused as refused:
        logger.info("Token refused", reason=refused.reason)
        count("TokenRefused")
        return _policy("Deny", event["methodArn"])
    except TokenEarly as early:
        logger.info("Token not valid yet", reason=early.reason)
        count("TokenEarly")
        raise NotDecided from None
    except KeyUnknown:
        # Anybody can invent the id of a key: nobody is alarmed.
        logger.info("Key of the token not known")
        count("KeyUnknown")
        raise NotDecided from None
    except KeysUnavailable:
        logger.error("No keys to verify tokens with")
        count("KeysUnavailable")
        raise NotDecided from None
    except Exception as error:  # noqa: BLE001
        log_unforeseen(error)
        count("UnforeseenError")
        raise NotDecided from None
    count("TokenAccepted")
    return answer


def _read_token(event: Mapping[str, Any]) -> str:
    """The token of the Authorization header, which may say `Bearer` before it (RFC 6750, section 2.1)."""
    authorization = event.get("authorizationToken")
    if not isinstance(authorization, str):
        raise TokenRefused(Reason.NOT_A_JWS)
    scheme, blank, token = authorization.partition(" ")
    return token if blank and scheme.lower() == "bearer" else authorization


def _policy(effect: str, method_arn: str) -> dict[str, Any]:
    """A policy for all methods of the API's stage, since API Gateway keeps it for the token's next request,
    whatever that is.
    """
    api, stage, _ = method_arn.split("/", 2)
    return {
        # Not the user's: it ends in access logs.
        "principalId": "user",
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {"Action": "execute-api:Invoke", "Effect": effect, "Resource": f"{api}/{stage}/*"},
            ],
        },
    }
