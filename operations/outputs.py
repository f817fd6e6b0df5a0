"""`outputs`: what app developers need of a deployment, as `outputs.json` and `amplify_outputs.json`.

The values are those of the deployment, not of the configuration: its SSM parameters and, of a user pool, what
Amazon Cognito itself says about the pool and its client.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from infra.outputs import Output, parameter_name
from operations.errors import OperationError

if TYPE_CHECKING:
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient
    from mypy_boto3_cognito_idp.type_defs import UserPoolClientTypeTypeDef, UserPoolTypeTypeDef
    from mypy_boto3_ssm import SSMClient

# Of Amplify Gen 2's schema of amplify_outputs.json. The first version has all that is written here.
_AMPLIFY_VERSION = "1"

# The name under which Amplify's REST client finds the API.
API_NAME = "InAppCalling"

# Amplify has names for these providers alone; an app names another one itself when a user signs in.
_AMPLIFY_PROVIDERS = {
    "Facebook": "FACEBOOK",
    "Google": "GOOGLE",
    "LoginWithAmazon": "LOGIN_WITH_AMAZON",
    "SignInWithApple": "SIGN_IN_WITH_APPLE",
}


def read_parameters(client: SSMClient, environment: str) -> dict[str, str]:
    """What the deployment publishes, by the names of its outputs; empty where it is not deployed."""
    path = parameter_name(environment, "")
    pages = client.get_paginator("get_parameters_by_path").paginate(Path=path.rstrip("/"))
    values = {
        parameter["Name"].removeprefix(path): parameter["Value"]
        for page in pages
        for parameter in page["Parameters"]
    }
    # Not an output, but what an operator changes; it lies beside them.
    switch = values.get(Output.CALLING_PARAMETER, "").removeprefix(path)
    return {name: value for name, value in sorted(values.items()) if name != switch}


def amplify_outputs(values: Mapping[str, str], client: CognitoIdentityProviderClient) -> dict[str, Any]:
    """The content of amplify_outputs.json; `client` reads the user pool, where `values` name one.

    Without a user pool an issuer signs users in, which Amplify Auth has no part in: `auth` is left out.
    """
    written: dict[str, Any] = {"version": _AMPLIFY_VERSION}
    pool_id, client_id = values.get(Output.USER_POOL_ID), values.get(Output.USER_POOL_CLIENT_ID)
    if pool_id is not None and client_id is not None:
        pool = client.describe_user_pool(UserPoolId=pool_id)["UserPool"]
        app = client.describe_user_pool_client(UserPoolId=pool_id, ClientId=client_id)["UserPoolClient"]
        written["auth"] = {
            "aws_region": values[Output.REGION],
            "user_pool_id": pool_id,
            "user_pool_client_id": client_id,
            **_sign_up(pool),
        }
        if Output.MANAGED_LOGIN_URL in values:
            written["auth"]["oauth"] = _oauth(values[Output.MANAGED_LOGIN_URL], app)
    # As Amplify's guide to an existing REST API has it: `Amplify.configure({..., API: {REST: custom.API}})`.
    api = {
        "endpoint": values[Output.API_URL].rstrip("/"),
        "region": values[Output.REGION],
        "apiName": API_NAME,
    }
    written["custom"] = {"API": {API_NAME: api}}
    return written


def _sign_up(pool: UserPoolTypeTypeDef) -> dict[str, Any]:
    """What a form for signing up has to ask for, and may check."""
    policy = pool.get("Policies", {}).get("PasswordPolicy", {})
    found: dict[str, Any] = {
        "username_attributes": pool.get("UsernameAttributes", []) or ["username"],
        "user_verification_types": pool.get("AutoVerifiedAttributes", []),
        "standard_required_attributes": [
            attribute["Name"]
            for attribute in pool.get("SchemaAttributes", [])
            if attribute.get("Required") and attribute["Name"] != "sub"  # which Cognito makes
        ],
    }
    if policy:
        found["password_policy"] = {
            "min_length": policy.get("MinimumLength", 8),
            "require_lowercase": policy.get("RequireLowercase", False),
            "require_uppercase": policy.get("RequireUppercase", False),
            "require_numbers": policy.get("RequireNumbers", False),
            "require_symbols": policy.get("RequireSymbols", False),
        }
    return found


def _oauth(managed_login_url: str, client: UserPoolClientTypeTypeDef) -> dict[str, Any]:
    callback_urls = client.get("CallbackURLs", [])
    providers = client.get("SupportedIdentityProviders", [])
    return {
        "domain": urlsplit(managed_login_url).netloc,
        "identity_providers": [
            _AMPLIFY_PROVIDERS[provider] for provider in providers if provider in _AMPLIFY_PROVIDERS
        ],
        "scopes": client.get("AllowedOAuthScopes", []),
        "redirect_sign_in_uri": callback_urls,
        # Amplify's schema wants one at least.
        "redirect_sign_out_uri": client.get("LogoutURLs") or callback_urls,
        "response_type": "code",
    }


def write(folder: Path, files: Mapping[str, Mapping[str, Any]]) -> list[Path]:
    """Writes JSON files, over older ones; returns where they are. Raises OperationError."""
    written = []
    for name, content in files.items():
        path = folder / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            raise OperationError(
                f"{path} cannot be written: {error.strerror}.\n"
                "  Fix: name a folder that you may write to, with make as FOLDER=<folder>."
            ) from error
        written.append(path)
    return written
