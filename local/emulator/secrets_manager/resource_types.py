"""Secrets: their Ref, and the characters of generated ones."""

import json
from collections.abc import Callable

from ministack.services import secretsmanager
from ministack.services.cloudformation import provisioners

from local.emulator.cloudformation.provisioners import PROVISIONERS, Attributes, Properties, accepted
from local.emulator.cloudformation.registry import Registry


def install(registry: Registry) -> None:
    """Correct what MiniStack makes of a secret."""
    _refer_to_secrets_by_arn()
    _generate_as_declared(registry)


def _refer_to_secrets_by_arn() -> None:
    """A secret's Ref is its ARN; MiniStack makes it the name."""
    secret_type = "AWS::SecretsManager::Secret"  # noqa: S105 a type
    own = dict(PROVISIONERS[secret_type])

    def name_of(arn: str) -> str:
        return arn.partition(":secret:")[2].rpartition("-")[0]

    def create(logical_id: str, properties: Properties, stack: str) -> tuple[str, Attributes]:
        _, attributes = own["create"](logical_id, properties, stack)
        return attributes["Arn"], attributes

    def update(
        physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str
    ) -> tuple[str, Attributes]:
        named = [logical_id] if own.get("update_with_logical_id") else []
        name, _ = own["update"](name_of(physical_id), old, new, stack, *named)
        arn = secretsmanager._secrets[name]["ARN"]
        return arn, {"Id": arn, "Arn": arn}

    def delete(physical_id: str, properties: Properties) -> None:
        own["delete"](name_of(physical_id), properties)

    PROVISIONERS[secret_type] = {
        **own, "create": create, "update": update, "update_with_logical_id": True, "delete": delete,
    }  # fmt: skip


def _generate_as_declared(registry: Registry) -> None:
    """MiniStack's CloudFormation drops which characters a secret is to have; its service has them."""
    own: Callable[[Properties], str] = provisioners._sm_secret_string

    def secret_string(properties: Properties) -> str:
        wanted = properties.get("GenerateSecretString")
        if not wanted or properties.get("SecretString"):
            return own(properties)
        checked = registry.checked("AWS::SecretsManager::Secret", {"GenerateSecretString": wanted})
        wanted = checked["GenerateSecretString"]
        generated: str = accepted(secretsmanager._get_random_password(wanted))["RandomPassword"]
        if "SecretStringTemplate" not in wanted:
            return generated
        template = json.loads(wanted["SecretStringTemplate"])
        return json.dumps({**template, wanted["GenerateStringKey"]: generated})

    provisioners._sm_secret_string = secret_string
