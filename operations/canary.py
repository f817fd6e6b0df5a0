"""The canary: a smoke test by a schedule, with a user that is kept, and a metric of how it went.

It has no right on the user pool: a user signs in as in an app, by a password that AWS Secrets Manager keeps.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from infra.canary_metric import DIMENSION, NAME, NAMESPACE, RUNS_PER_DAY
from infra.configuration import Issuer
from infra.outputs import Output
from operations import smoke
from operations.callers import (
    USER_DOMAIN,
    Caller,
    IssuersClient,
    StoredUser,
    create_user,
    new_password,
    require_https,
)
from operations.deployment import Deployment
from operations.doctor.check import Read
from operations.doctor.policy import policy
from operations.errors import OperationError

_PUT = Read("cloudwatch:PutMetricData")

CALLS = (
    *smoke.CALLS,
    Read("secretsmanager:GetSecretValue", "arn:aws:secretsmanager:*:*:secret:in-app-calling/*/canary-*"),
    _PUT,
)
"""All that a run does in AWS with rights. `operations/canary_policy.json` is made of it."""

POLICY = Path(__file__).parent / "canary_policy.json"

_SECONDS_BETWEEN_RUNS = 24 * 3600 // RUNS_PER_DAY


def canary_policy() -> dict[str, Any]:
    """The least policy of a role for the canary."""
    document = policy(CALLS)
    for statement in document["Statement"]:
        if _PUT.action in statement["Action"]:
            statement["Sid"] = "PutMetric"
            statement["Condition"] = {"StringEquals": {"cloudwatch:namespace": NAMESPACE}}
    return document


def secret_name(environment: str) -> str:
    """The name of the secret with whom the canary signs in as."""
    return f"in-app-calling/{environment}/canary"


def require_canary(deployment: Deployment) -> None:
    """Raises OperationError where the environment has none."""
    if not deployment.configuration.smoke.canary:
        raise OperationError(
            f"config/{deployment.environment}.toml has no canary.\n"
            "  Fix: name smoke.queue_arn, a queue that no agent serves, set smoke.canary = true, and deploy."
        )


def stored_caller(deployment: Deployment) -> Caller:
    """Whom the secret names; of several users the one whose turn it is.

    Raises OperationError where there is nobody, and what botocore raises.
    """
    name = secret_name(deployment.environment)
    try:
        stored = _stored(deployment)
    except ClientError as error:
        # The policy names the secret with its random ending, so of one that is not there this is all it sees.
        if error.response["Error"]["Code"] != "AccessDeniedException":
            raise
        raise OperationError(
            f"The secret {name} is not there, or may not be read: {error}\n  {_fix(deployment)}"
        ) from error
    if stored is None:
        raise OperationError(f"There is no secret {name}.\n  {_fix(deployment)}")
    try:
        if isinstance(deployment.configuration.identity.source, Issuer):
            return IssuersClient(
                token_url=require_https(stored["TokenUrl"]),
                client_id=str(stored["ClientId"]),
                client_secret=str(stored["ClientSecret"]),
                scope=str(stored.get("Scope", "")),
            )
        users = stored["Users"]
        # In turn: each user may start so many calls a day.
        user = users[int(time.time()) // _SECONDS_BETWEEN_RUNS % len(users)]
        return StoredUser(
            session=deployment.session,
            pool_id=deployment.read(Output.USER_POOL_ID),
            client_id=deployment.read(Output.USER_POOL_CLIENT_ID),
            name=user["Name"],
            password=user["Password"],
        )
    except (KeyError, TypeError, ZeroDivisionError):
        raise OperationError(f"The secret {name} has not what is needed.\n  {_fix(deployment)}") from None


def _fix(deployment: Deployment) -> str:
    if isinstance(deployment.configuration.identity.source, Issuer):
        return (
            "Fix: the users are an issuer's, so the canary needs a client of it that has tokens of its own "
            '(client credentials). Store {"TokenUrl": …, "ClientId": …, "ClientSecret": …, '
            '"Scope": …} under this name. An issuer without such clients can have no canary.'
        )
    return f"Fix: make canary-user ENV={deployment.environment}"


def put_metric(deployment: Deployment, *, came_through: bool) -> None:
    """Says how a run went. Raises what botocore raises."""
    deployment.session.client("cloudwatch").put_metric_data(
        Namespace=NAMESPACE,
        MetricData=[
            {
                "MetricName": NAME,
                "Dimensions": [{"Name": DIMENSION, "Value": deployment.environment}],
                "Value": float(came_through),
            }
        ],
    )


def make_users(deployment: Deployment) -> int:
    """Makes the canary's users anew, and keeps their passwords in the secret alone; returns how many.

    Raises OperationError, and what botocore raises.
    """
    if isinstance(deployment.configuration.identity.source, Issuer):
        raise OperationError(
            f"There is no user pool to make a user in. The secret is {secret_name(deployment.environment)}.\n"
            f"  {_fix(deployment)}"
        )
    before = _stored(deployment)
    secrets: Any = deployment.session.client("secretsmanager")
    pools: Any = deployment.session.client("cognito-idp")
    pool_id, name = deployment.read(Output.USER_POOL_ID), secret_name(deployment.environment)
    # One more than their starts of a day take: a run may be repeated by hand.
    count = math.ceil(RUNS_PER_DAY / deployment.configuration.calls.starts_per_day) + 1
    stamp = int(time.time())
    users = [
        {"Name": f"canary-{stamp}-{number}@{USER_DOMAIN}", "Password": new_password()}
        for number in range(count)
    ]
    for user in users:
        create_user(pools, pool_id, user["Name"], user["Password"])
    text = json.dumps({"Users": users})
    if before is None:
        secrets.create_secret(
            Name=name, Description="Whom the canary of in-app calling signs in as", SecretString=text
        )
    else:
        secrets.put_secret_value(SecretId=name, SecretString=text)
        _remove_users(pools, pool_id, before)
    return count


def remove_users(deployment: Deployment) -> None:
    """Removes the canary's users, and the secret at once. Raises what botocore raises."""
    stored = _stored(deployment)
    if stored is None:
        return
    if "Users" in stored:
        pool_id = deployment.read(Output.USER_POOL_ID)
        _remove_users(deployment.session.client("cognito-idp"), pool_id, stored)
    secrets: Any = deployment.session.client("secretsmanager")
    secrets.delete_secret(SecretId=secret_name(deployment.environment), ForceDeleteWithoutRecovery=True)


def _remove_users(pools: Any, pool_id: str, stored: Mapping[str, Any]) -> None:
    for user in stored.get("Users", []):
        try:
            pools.admin_delete_user(UserPoolId=pool_id, Username=user["Name"])
        except pools.exceptions.UserNotFoundException:
            continue  # somebody has removed it already


def _stored(deployment: Deployment) -> Mapping[str, Any] | None:
    """The content of the secret; None where there is none."""
    secrets: Any = deployment.session.client("secretsmanager")
    try:
        text = secrets.get_secret_value(SecretId=secret_name(deployment.environment))["SecretString"]
    except secrets.exceptions.ResourceNotFoundException:
        return None
    try:
        stored = json.loads(text)
    except ValueError:
        return {}
    return stored if isinstance(stored, dict) else {}
