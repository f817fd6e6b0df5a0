"""What calls to AWS, and requests for the issuer's keys, get instead of, or besides, their answers."""

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import botocore.exceptions
import botocore.session

# How a fault names the local issuer, and the request for its public keys.
ISSUER, GET_KEYS = "issuer", "GetKeys"


@dataclass
class Fault:
    """What the next calls of one operation get instead of, or besides, its answer."""

    service: str
    operation: str
    times: int
    code: str | None = None  # with `status`: an error is answered, nothing is performed
    status: int = 400
    delay_seconds: float = 0.0  # the operation is performed after it
    malformed: bool = False  # the operation is performed, its answer loses all members but plain values
    answer: Mapping[str, Any] | None = None  # the operation is performed, this is answered

    def error_answer(self) -> tuple[int, dict[str, str], bytes]:
        """The error as both JSON protocols of AWS spell it."""
        headers = {"Content-Type": "application/json", "x-amzn-ErrorType": str(self.code)}
        document = {"__type": self.code, "message": "Injected by /_local/faults."}
        return self.status, headers, json.dumps(document).encode()

    def spoil(self, body: bytes) -> bytes:
        """What is answered in place of a body: it parses, and is not what a client needs."""
        if self.answer is not None:
            return json.dumps(self.answer).encode()
        document = json.loads(body or b"{}")
        return json.dumps(
            {name: value for name, value in document.items() if not isinstance(value, dict | list)}
        ).encode()


def read_fault(document: Mapping[str, Any]) -> Fault:
    """A fault from its document; ValueError for a typo, which would be a fault that never comes."""
    service, operation = str(document.get("Service")), str(document.get("Operation"))
    if operation not in _operations(service):
        raise ValueError(f"{service}:{operation} is no operation of a service that speaks JSON")
    effects = document.keys() - {"Service", "Operation", "Times"}
    times = document.get("Times", 1)
    if not isinstance(times, int) or times < 1:
        raise ValueError(f"Times is {times!r}, not a number of 1 or more")
    fault = Fault(service, operation, times)
    match document:
        case {"Error": {"Code": str(code), "Status": int(status)}} if (
            effects == {"Error"} and 400 <= status <= 599
        ):
            fault.code, fault.status = code, status
        case {"DelaySeconds": int(seconds) | float(seconds)} if effects == {"DelaySeconds"} and seconds >= 0:
            fault.delay_seconds = seconds
        case {"Malformed": True} if effects == {"Malformed"}:
            fault.malformed = True
        case {"Answer": dict(answer)} if effects == {"Answer"}:
            fault.malformed, fault.answer = True, answer
        case _:
            raise ValueError(_EFFECTS)
    return fault


_EFFECTS = (
    'exactly one of "Error": {"Code": text, "Status": 400 to 599}, "DelaySeconds": 0 or more, '
    '"Malformed": true, "Answer": {…}'
)


@functools.cache
def _operations(service: str) -> frozenset[str]:
    """The operations of a service of a JSON protocol, none for any other; the issuer has one."""
    if service == ISSUER:
        return frozenset({GET_KEYS})
    try:
        model = botocore.session.get_session().get_service_model(service)
    except botocore.exceptions.UnknownServiceError:
        return frozenset()
    speaks_json = model.metadata.get("protocol") in {"json", "rest-json"}
    return frozenset(model.operation_names) if speaks_json else frozenset()
