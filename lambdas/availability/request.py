"""The query of `/availability`, checked by hand as in start_call: openapi.yaml is the contract."""

from collections.abc import Collection

from api.request import Request
from calls.errors import InvalidRequest, Violation

_TOPIC = "Topic"


def parse_topic(request: Request, topics: Collection[str]) -> str | None:
    """The topic, None where none is named. Raises `InvalidRequest`."""
    found = [
        Violation(f"query {name[:64]}", f"Unknown parameter. Known is {_TOPIC}.")
        for name in request.query
        if name != _TOPIC
    ]
    named = request.query.get(_TOPIC, ())
    if named and (len(named) > 1 or named[0] not in topics):
        found.append(Violation(f"query {_TOPIC}", "Name one of the configured topics, once."))
    if found:
        raise InvalidRequest(*found)
    return named[0] if named else None
