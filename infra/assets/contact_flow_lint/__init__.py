"""Checks a contact flow before Amazon Connect would, and for more: that no caller is dropped, and that only a
proven caller is marked verified.

`form` is what CreateContactFlow refuses, by the table of `block_types`; `promise` is what this project holds
beyond that; `optional` is what a deployment leaves out; `command` is `make check-flow`.
"""

from infra.assets.contact_flow_lint.block_types import FlowType
from infra.assets.contact_flow_lint.fault import Fault, Severity
from infra.assets.contact_flow_lint.lint import (
    PLACEHOLDERS,
    ContactFlowError,
    declared_flow_type,
    faults,
    flow_type_of,
    placeholders_of,
    read_contact_flow,
)
from infra.assets.contact_flow_lint.optional import FEATURES, without_unwanted

__all__ = [
    "FEATURES",
    "PLACEHOLDERS",
    "ContactFlowError",
    "Fault",
    "FlowType",
    "Severity",
    "declared_flow_type",
    "faults",
    "flow_type_of",
    "placeholders_of",
    "read_contact_flow",
    "without_unwanted",
]
