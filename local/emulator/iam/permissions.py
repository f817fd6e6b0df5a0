"""IAM: what MiniStack's evaluator does not see.

Condition keys that it never fills, KMS grants, and the actions and resources of services that this package
adds.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from ministack import app
from ministack.core import iam_actions, iam_evaluator
from ministack.services import dynamodb, iam, kms, sts

Resources = Callable[[str, str, Mapping[str, str], bytes, Mapping[str, list[str]]], tuple[str, list[str]]]

# Of each service that MiniStack lacks.
_governed: dict[str, Resources] = {}


def install() -> None:
    """Close the gaps that do not belong to one added service."""
    _take_loopback_for_tls()
    _fill_keys()
    _honour_kms_grants()
    _name_reads()


def _take_loopback_for_tls() -> None:
    # Policies that refuse requests without TLS (aws:SecureTransport), as on CDK's asset bucket, mean the
    # network: there is none between the parts of this emulator.
    pin = iam_evaluator.pin_request_origin

    def pin_as_secure(source_ip: str, _secure_transport: object) -> None:
        pin(source_ip, True)  # noqa: FBT003 MiniStack's signature

    iam_evaluator.pin_request_origin = pin_as_secure
    app.pin_request_origin = pin_as_secure


def _fill_keys() -> None:
    context = iam_actions.request_tag_context

    def with_keys(service: str, iam_action: str, body: bytes, params: Mapping[str, Any]) -> dict[str, Any]:
        keys = dict(context(service, iam_action, body, params))
        if service == "dynamodb" and (leading := _leading_key(body)):
            keys["dynamodb:LeadingKeys"] = [leading]
        if iam_action == "cloudwatch:PutMetricData":
            keys["cloudwatch:namespace"] = str(_json(body).get("Namespace", ""))
        return keys

    iam_actions.request_tag_context = with_keys


def _leading_key(body: bytes) -> str | None:
    """The partition key of the one item that a DynamoDB request names."""
    request = _json(body)
    table = dynamodb._tables.get(str(request.get("TableName", "")).rpartition("/")[2]) or {}
    item = request.get("Key") or request.get("Item") or {}
    value = item.get(table.get("pk_name"))
    return str(next(iter(value.values()))) if value else None


def _json(body: bytes) -> dict[str, Any]:
    try:
        request = json.loads(body or b"{}")
    except ValueError:
        return {}
    return request if isinstance(request, dict) else {}


def _honour_kms_grants() -> None:
    decide = iam_evaluator.enforce

    def decide_with_grants(
        access_key_id: str,
        iam_action: str,
        service: str,
        region: str,
        resource_arn: str = "*",
        service_context: Mapping[str, Any] | None = None,
    ) -> Any:
        denial = decide(access_key_id, iam_action, service, region, resource_arn, service_context)
        if service == "kms" and getattr(denial, "decision", None) == "ImplicitDeny":
            operation = iam_action.partition(":")[2]
            if _is_granted(denial.principal_arn, operation, resource_arn):
                return None
        return denial

    iam_evaluator.enforce = decide_with_grants


def _is_granted(principal_arn: str, operation: str, key_arn: str) -> bool:
    role = principal_arn.split("/")[1] if ":assumed-role/" in principal_arn else None
    return any(
        operation in grant["Operations"]
        and grant["KeyId"].rpartition("/")[2] == key_arn.rpartition("/")[2]
        and (
            grant["GranteePrincipal"] == principal_arn
            or (role is not None and grant["GranteePrincipal"].endswith(f":role/{role}"))
        )
        for grant in kms._grants.values()
    )


def _name_reads() -> None:
    """MiniStack takes some operations of Lambda for others, and sees no resource in parameters by path."""
    extract_action = iam_actions.extract_iam_action
    extract_resource = iam_actions.extract_resource_arn

    def action(service: str, method: str, path: str, *request: Any) -> Any:
        if service == "lambda" and method == "GET":
            if path.endswith("/concurrency"):
                return "lambda:GetFunctionConcurrency"
            if "/event-source-mappings/" in path.removesuffix("/"):
                return "lambda:GetEventSourceMapping"
        return extract_action(service, method, path, *request)

    def resource(
        service: str, method: str, path: str, headers: Mapping[str, str], body: bytes, *request: Any
    ) -> Any:
        if service == "ssm" and headers.get("x-amz-target", "").endswith(".GetParametersByPath"):
            _, region, account = request
            below = str(json.loads(body or b"{}").get("Path", "")).rstrip("/")
            return f"arn:aws:ssm:{region}:{account}:parameter{below}"
        return extract_resource(service, method, path, headers, body, *request)

    iam_actions.extract_iam_action = action
    iam_actions.extract_resource_arn = resource


def govern(service: str, resources: Resources, *, namespace: str) -> None:
    """Let IAM decide about a service that MiniStack lacks; `namespace` is how policies call it.

    `resources` gives, for a request, the operation and the ARNs that IAM decides about; the first one is
    checked here, the others by `refusal`.
    """
    iam_actions.SERVICE_TO_IAM_NAMESPACE[service] = namespace
    _governed[service] = resources
    extract_action = iam_actions.extract_iam_action
    extract_resource = iam_actions.extract_resource_arn

    def action(name: str, method: str, path: str, headers: Mapping[str, str], body: bytes, query: Any) -> Any:
        if name != service:
            return extract_action(name, method, path, headers, body, query)
        return f"{namespace}:{resources(method, path, headers, body, query)[0]}"

    def resource(
        name: str,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
        query: Any,
        *scope: str,
    ) -> Any:
        if name != service:
            return extract_resource(name, method, path, headers, body, query, *scope)
        return resources(method, path, headers, body, query)[1][0]

    iam_actions.extract_iam_action = action
    iam_actions.extract_resource_arn = resource


def resources_of(
    service: str,
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: bytes,
    query: Mapping[str, list[str]],
) -> list[str]:
    """All ARNs that IAM decides about for a request; none for a service of MiniStack's own."""
    governed = _governed.get(service)
    return governed(method, path, headers, body, query)[1] if governed else []


def refusal(
    access_key_id: str, service: str, operation: str, resource_arn: str, *, region: str, request_id: str
) -> Any:
    """What to answer if IAM denies the operation on a further resource."""
    action = f"{iam_actions.SERVICE_TO_IAM_NAMESPACE[service]}:{operation}"
    denial = iam_evaluator.enforce(access_key_id, action, service, region, resource_arn)
    if denial is None:
        return None
    return iam_actions.access_denied_response(
        service,
        action,
        denial.principal_arn,
        request_id,
        resource_arn=resource_arn,
        explicit_deny=denial.decision == "Deny",
    )


def service_may(
    service: str,
    action: str,
    resource_arn: str,
    policy: str | None,
    *,
    source_arn: str,
    account: str,
    region: str,
) -> bool:
    """Whether a resource's own policy lets an AWS service do this to it, for that source of the account."""
    request = iam_evaluator.EvalContext(
        principal_arn="*",  # no principal of the account: only "*" and the service itself count
        principal_type="Service",
        principal_account="",
        action=action,
        resource_arn=resource_arn,
        region=region,
        secure_transport=True,
        service_context={"aws:sourcearn": source_arn, "aws:sourceaccount": account},
    )
    decision: str = iam_evaluator.evaluate_resource_policy(policy, request, service=service).decision
    return decision == "Allow"


def role_may(
    role_arn: str,
    action: str,
    resource_arn: str,
    *,
    region: str,
    context: Mapping[str, str] | None = None,
) -> bool:
    """Whether Lambda may do this in the name of a function's role; the resource's own policy counts too."""
    account, role = role_arn.split(":")[4], role_arn.rpartition("/")[2]
    request = iam_evaluator.EvalContext(
        principal_arn=f"arn:aws:sts::{account}:assumed-role/{role}/awslambda",
        principal_type="AssumedRole",
        principal_account=account,
        action=action,
        resource_arn=resource_arn,
        region=region,
        secure_transport=True,
        service_context=dict(context or {}),
    )
    service = action.partition(":")[0]
    limits = iam_evaluator._permissions_boundary(iam._roles, role, account)
    decided = iam_evaluator.evaluate(request, iam_evaluator._gather_role_policies(role, account), *limits)
    own_policy = iam_evaluator._resource_policy(service, resource_arn)
    if own_policy is not None:
        decided = iam_evaluator.combine_resource_policy(
            decided,
            request,
            *own_policy,
            required=service in iam_evaluator._POLICY_REQUIRED,
            limits=tuple(limits),
        )
    return bool(decided.decision == "Allow")


def role_of(access_key_id: str) -> tuple[str, str] | None:
    """Role and session behind a temporary access key, None for any other key."""
    arn = (sts._sessions.get(access_key_id) or {}).get("Arn", "")
    if ":assumed-role/" not in arn:
        return None
    _, role, session = arn.split("/", 2)
    return role, session
