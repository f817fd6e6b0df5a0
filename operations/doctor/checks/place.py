"""Where an environment is deployed: Region, bootstrap, and what earlier deployments have left."""

from __future__ import annotations

from collections.abc import Iterator

from botocore.exceptions import ClientError

from operations.doctor.check import Check, Finding, Read, failed, passed, passed_if, warned
from operations.doctor.subject import Subject

MIN_BOOTSTRAP = 8
"""What the stacks' templates require (`requiresBootstrapStackVersion` of the cloud assembly)."""

ROLLBACK_BOOTSTRAP = 23
"""From which on `cdk rollback` works (AWS CDK developer guide, "Bootstrap template version history")."""

_ENABLED = frozenset({"ENABLED", "ENABLED_BY_DEFAULT"})


def _look_at_region(subject: Subject) -> Iterator[Finding]:
    region = subject.configuration.region
    status = subject.client("account").get_region_opt_status(RegionName=region)["RegionOptStatus"]
    yield passed_if(
        status in _ENABLED,
        f"{region} is {status}",
        "the Region is enabled in the account",
        f"aws account enable-region --region-name {region}",
    )


def _look_at_bootstrap(subject: Subject) -> Iterator[Finding]:
    qualifier = subject.configuration.platform.bootstrap_qualifier
    wanted = f"a bootstrap with the qualifier {qualifier}, of version {MIN_BOOTSTRAP} or above"
    fix = f"make bootstrap ENV={subject.configuration.environment}"
    client = subject.client("ssm")
    try:
        found = client.get_parameter(Name=f"/cdk-bootstrap/{qualifier}/version")["Parameter"]["Value"]
    except client.exceptions.ParameterNotFound:
        yield failed(f"there is no parameter /cdk-bootstrap/{qualifier}/version", wanted, fix)
        return
    version = int(found) if found.isdecimal() else 0
    if version < MIN_BOOTSTRAP:
        yield failed(f"version {found}", wanted, fix)
    elif version < ROLLBACK_BOOTSTRAP:
        yield warned(
            f"version {version}", f"version {ROLLBACK_BOOTSTRAP} or above, for cdk rollback to work", fix
        )
    else:
        yield passed(f"version {version}", wanted)


def _look_at_stacks(subject: Subject) -> Iterator[Finding]:
    for name in subject.stack_names:
        status = _status(subject, name)
        yield _stack_finding(name, status)


def _status(subject: Subject, name: str) -> str | None:
    try:
        stacks = subject.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        # "Stack with id … does not exist".
        if error.response["Error"]["Code"] == "ValidationError":
            return None
        raise
    return str(stacks[0]["StackStatus"])


def _stack_finding(name: str, status: str | None) -> Finding:
    read = f"{name} is {status}" if status else f"{name} does not exist yet"
    wanted = "the stack does not exist, or a deployment can change it"
    match status:
        case None | "DELETE_COMPLETE" | "REVIEW_IN_PROGRESS":
            return passed(read, wanted)
        case "ROLLBACK_COMPLETE" | "ROLLBACK_FAILED" | "DELETE_FAILED" | "CREATE_FAILED":
            if status == "ROLLBACK_COMPLETE" and not name.endswith("-Identity"):
                return warned(read, wanted, "none: the deployment removes what the failed first one left.")
            return failed(
                read,
                wanted,
                "remove what the failed first deployment left: docs/deploy.md, “A first deployment fails”.",
            )
        case _ if status.endswith("_IN_PROGRESS"):
            return failed(read, wanted, f"aws cloudformation wait stack-update-complete --stack-name {name}")
        case _ if status.endswith("_FAILED"):
            return failed(read, wanted, f"cdk rollback {name}, or continue the rollback in the console.")
        case _:
            return passed(read, wanted)


CHECKS = (
    Check(name="region", reads=(Read("account:GetRegionOptStatus"),), look=_look_at_region),
    Check(
        name="bootstrap",
        reads=(Read("ssm:GetParameter", "arn:aws:ssm:*:*:parameter/cdk-bootstrap/*"),),
        look=_look_at_bootstrap,
    ),
    Check(
        name="stacks",
        reads=(Read("cloudformation:DescribeStacks", "arn:aws:cloudformation:*:*:stack/InAppCalling-*"),),
        look=_look_at_stacks,
    ),
)
