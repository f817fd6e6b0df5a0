"""What of an environment's templates is stateful, as a picture that is committed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

Picture = Mapping[str, Any]
"""By stack and logical id: type, deletion policy, and the properties whose change replaces the resource."""

PICTURES = Path(__file__).parent / "pictures"


@dataclass(frozen=True)
class Stateful:
    """A type of resources that hold something, and what is lost with one.

    `fixed` are properties that no update changes, though the registry lists no create-only property for them.
    """

    loss: str
    fixed: tuple[str, ...] = ()


# The registry has no create-only property for a user pool nor a key: these are of their own documentation
# (AWS CloudFormation template reference, "Update requires: Replacement", and what their services refuse).
TYPES: Mapping[str, Stateful] = {
    "AWS::Cognito::UserPool": Stateful(
        "every user, with password, second factor and passkeys",
        fixed=("AliasAttributes", "Schema", "UsernameAttributes", "UsernameConfiguration"),
    ),
    "AWS::Cognito::UserPoolClient": Stateful("the client id that every installed app has, and all sessions"),
    "AWS::Cognito::UserPoolDomain": Stateful("the address of the sign-in pages; passkeys are bound to it"),
    "AWS::Cognito::UserPoolIdentityProvider": Stateful("the users of that provider, who become other users"),
    "AWS::DynamoDB::Table": Stateful(
        "calls under way and the blocks of users; and its deletion protection stops the deployment"
    ),
    "AWS::KMS::Key": Stateful(
        "what it encrypts: the table, logs and queues", fixed=("KeySpec", "KeyUsage", "MultiRegion", "Origin")
    ),
    "AWS::ApiGateway::RestApi": Stateful("the address that every installed app calls"),
    "AWS::ApiGateway::DomainName": Stateful("the name that the DNS record leads to"),
}


def take(directory: Path) -> Picture:
    """The picture of a cloud assembly's templates."""
    manifest = json.loads((directory / "manifest.json").read_text(encoding="utf-8"))
    picture: dict[str, Any] = {}
    for name, artifact in sorted(manifest["artifacts"].items()):
        if artifact["type"] != "aws:cloudformation:stack":
            continue
        region = artifact["environment"].rpartition("/")[2]
        template = json.loads((directory / f"{name}.template.json").read_text(encoding="utf-8"))
        resources = dict(sorted(_stateful(template, region)))
        if resources:
            picture[name] = resources
    return picture


def read(environment: str) -> Picture | None:
    """The committed one; None where there is none yet."""
    path = PICTURES / f"{environment}.json"
    if not path.exists():
        return None
    picture: Picture = json.loads(path.read_text(encoding="utf-8"))
    return picture


def write(environment: str, picture: Picture) -> Path:
    """Writes the one to commit; returns where it is."""
    path = PICTURES / f"{environment}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(picture, indent=2) + "\n", encoding="utf-8")
    return path


def _stateful(template: Mapping[str, Any], region: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for logical_id, resource in template["Resources"].items():
        type_ = resource["Type"]
        if type_ not in TYPES:
            continue
        properties = resource.get("Properties", {})
        fixed = {name: properties[name] for name in sorted(_fixed(type_, region)) if name in properties}
        yield (
            logical_id,
            {
                "Type": type_,
                # What CloudFormation does where a template says nothing.
                "DeletionPolicy": resource.get("DeletionPolicy", "Delete"),
                "Properties": fixed,
            },
        )


@cache
def _fixed(type_: str, region: str) -> frozenset[str]:
    """The properties whose change makes another resource."""
    # Here, since it takes more than a second.
    from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER  # noqa: PLC0415

    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(region, type_).schema
    paths = [*schema.get("createOnlyProperties", []), *schema.get("conditionalCreateOnlyProperties", [])]
    return frozenset({path.split("/")[2] for path in paths} | set(TYPES[type_].fixed))
