"""Checks a contact flow before Amazon Connect would, and for more: that no caller is dropped, and that only a
proven caller is marked verified.

`form` is what CreateContactFlow refuses, by the table of `block_types`; `promise` is what this project holds
beyond that; `command` is `make check-flow`.
"""

from infra.assets.contact_flow_lint.block_types import FlowType
from infra.assets.contact_flow_lint.fault import Fault, Severity
from infra.assets.contact_flow_lint.lint import (
    PLACEHOLDERS,
    ContactFlowError,
    faults,
    flow_type_of,
    read_contact_flow,
)

__all__ = [
    "PLACEHOLDERS",
    "ContactFlowError",
    "Fault",
    "FlowType",
    "Severity",
    "faults",
    "flow_type_of",
    "read_contact_flow",
]
