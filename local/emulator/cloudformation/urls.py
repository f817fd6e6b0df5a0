"""What CloudFormation makes of templates: addresses of AWS's own domain become those of this machine.

Templates build them from parts, as the CDK does it: https://<API>.execute-api.<Region>.<URL suffix>/<stage>/.
Outputs and parameters with such an address would lead an app, and its tokens, to the Internet.
"""

import re
from types import ModuleType
from typing import Any

from ministack.services.cloudformation import changesets, engine, handlers, provisioners, stacks

_API = re.compile(r"https://([a-z0-9]+)\.execute-api\.[a-z0-9-]+\.amazonaws\.com")
# MiniStack has the pages of all user pools in one place.
_SIGN_IN_PAGES = re.compile(r"https://[a-z0-9-]+\.auth\.[a-z0-9-]+\.amazoncognito\.com")

_RESOLVING: tuple[ModuleType, ...] = (engine, changesets, handlers, provisioners, stacks)


def install(endpoint_url: str) -> None:
    """Rewrite whatever an intrinsic function makes; a text that stands in a template as it is stays so."""
    resolve = engine._resolve_refs

    def resolve_locally(value: Any, *scope: Any) -> Any:
        resolved = resolve(value, *scope)
        if isinstance(resolved, str) and isinstance(value, dict):
            return _on_this_machine(resolved, endpoint_url)
        return resolved

    for module in _RESOLVING:
        if getattr(module, "_resolve_refs", None) is resolve:
            module._resolve_refs = resolve_locally  # type: ignore[attr-defined]


def _on_this_machine(text: str, endpoint_url: str) -> str:
    text = _API.sub(rf"{endpoint_url}/_aws/execute-api/\1", text)
    return _SIGN_IN_PAGES.sub(endpoint_url, text)
