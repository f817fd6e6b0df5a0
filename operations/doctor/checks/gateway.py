"""API Gateway: the account's role for logs, and the firewall of the deployed stage."""

from __future__ import annotations

from collections.abc import Iterator

from infra.configuration.api import NONE, OWN
from operations.doctor.check import Check, Finding, Read, failed, passed, passed_if, passed_or_warned
from operations.doctor.stack_reads import STACK_RESOURCES
from operations.doctor.subject import Subject

_ROLE_FIX = "the three commands of docs/deploy.md, “API Gateway's log role”."


def _look_at_log_role(subject: Subject) -> Iterator[Finding]:
    wanted = "API Gateway has a role that exists, to write logs with"
    role_arn = subject.client("apigateway").get_account().get("cloudwatchRoleArn")
    if not role_arn:
        yield failed("the account has no cloudwatchRoleArn", wanted, _ROLE_FIX)
        return
    client = subject.client("iam")
    try:
        client.get_role(RoleName=role_arn.rpartition("/")[2])
    except client.exceptions.NoSuchEntityException:
        # The account keeps naming a role that somebody has deleted.
        yield failed(f"cloudwatchRoleArn is {role_arn}, which does not exist", wanted, _ROLE_FIX)
        return
    yield passed(f"cloudwatchRoleArn is {role_arn}", wanted)


def _look_at_web_acl(subject: Subject) -> Iterator[Finding]:
    configured = subject.configuration.api.web_acl
    for api in subject.resources_of("AWS::ApiGateway::RestApi"):
        for stage in subject.resources_of("AWS::ApiGateway::Stage"):
            yield _web_acl_finding(configured, _attached_acl(subject, api.physical_id, stage.physical_id))


def _web_acl_finding(configured: str, attached: str | None) -> Finding:
    read = f"attached to the stage: {attached or 'none'}"
    deploy = "aws wafv2 associate-web-acl, with the stage's ARN; a deployment does not repair it."
    match configured:
        case _ if configured == OWN:
            return passed_if(attached, read, "the web ACL of the Calling stack", deploy)
        case _ if configured == NONE:
            return passed_or_warned(
                attached,
                read,
                'one that the organisation attaches: api.web_acl is "none"',
                "ask who runs AWS Firewall Manager, or remove api.web_acl.",
            )
        case _:
            return passed_if(attached == configured, read, configured, deploy)


def _attached_acl(subject: Subject, api_id: str, stage: str) -> str | None:
    region = subject.configuration.region
    client = subject.client("wafv2")
    try:
        answer = client.get_web_acl_for_resource(
            ResourceArn=f"arn:aws:apigateway:{region}::/restapis/{api_id}/stages/{stage}"
        )
    except client.exceptions.WAFNonexistentItemException:
        return None
    acl = answer.get("WebACL")
    return str(acl["ARN"]) if acl else None


CHECKS = (
    Check(
        name="api log role",
        reads=(
            Read("apigateway:GET", "arn:aws:apigateway:*::/account"),
            Read("iam:GetRole", "arn:aws:iam::*:role/*"),
        ),
        look=_look_at_log_role,
    ),
    Check(
        name="web acl",
        reads=(
            STACK_RESOURCES,
            Read("wafv2:GetWebACLForResource"),
        ),
        look=_look_at_web_acl,
        applies=lambda subject: subject.is_deployed,
        of_deployment=True,
    ),
)
