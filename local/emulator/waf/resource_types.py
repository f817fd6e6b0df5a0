"""Web ACLs: properties that MiniStack's CloudFormation drops. Their associations."""

import base64
from typing import Any

from ministack.services import waf

from local.emulator.cloudformation.provisioners import PROVISIONERS, Attributes, Properties, accepted, after
from local.emulator.cloudformation.registry import Registry


def install(registry: Registry) -> None:
    """Finish what MiniStack makes of web ACLs; add associations."""
    _replace_firewall_associations(registry)
    after("AWS::WAFv2::WebACL", _finish_firewall)


def _finish_firewall(physical_id: str, _old: Properties, new: Properties) -> None:
    _, acl_id, scope = physical_id.split("|")
    acl = waf.web_acl_record(acl_id, scope)
    acl["CustomResponseBodies"] = new.get("CustomResponseBodies", {})
    acl["Rules"] = _with_blobs(acl["Rules"])


def _with_blobs(value: Any) -> Any:
    """What a rule searches for is a text in CloudFormation, and a blob in the API."""
    if isinstance(value, list):
        return [_with_blobs(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name: base64.b64encode(item.encode()).decode() if name == "SearchString" else _with_blobs(item)
        for name, item in value.items()
    }


def _replace_firewall_associations(registry: Registry) -> None:
    """MiniStack's WAF has them, its CloudFormation does not."""
    resource_type = "AWS::WAFv2::WebACLAssociation"

    def create(_logical_id: str, properties: Properties, _stack: str) -> tuple[str, Attributes]:
        checked = registry.checked(resource_type, properties)
        accepted(waf._associate_web_acl(checked))
        return f"{checked['ResourceArn']}|{checked['WebACLArn']}", {}

    def update(_physical_id: str, old: Properties, new: Properties, stack: str) -> tuple[str, Attributes]:
        delete("", old)
        return create("", new, stack)

    def delete(_physical_id: str, properties: Properties) -> None:
        accepted(waf._disassociate_web_acl(properties))

    PROVISIONERS[resource_type] = {"create": create, "update": update, "delete": delete}
