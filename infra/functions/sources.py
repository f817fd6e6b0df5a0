"""The sources of every deployment's functions, and of the authorizer that only some have."""

from __future__ import annotations

from infra.functions import (
    authorizer,
    availability,
    call_control,
    caller_context,
    contact_events,
    start_call,
)

SOURCES = {
    source.package: source
    for source in (
        start_call.SOURCE,
        call_control.SOURCE,
        contact_events.SOURCE,
        caller_context.SOURCE,
        availability.SOURCE,
        authorizer.SOURCE,
    )
}
"""By the package of the handler."""

AWS_OPERATIONS = [source.aws_operations for source in SOURCES.values()]
"""What they call: the layer of every deployment has it."""
