"""Serves an AWS service whose wire contract is botocore's own model of it.

Paths, members, types, lengths, patterns, enums, answers and modelled errors come from the service model that
the SDK itself uses, so that an emulated service cannot drift from its clients. Only behaviour is written by
hand: one method per operation, named as the SDK names it (`start_web_rtc_contact`).
"""

import base64
import json
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, unquote

import botocore
import botocore.session
from botocore.validate import ParamValidator

# One for all services: it keeps the models that it has read.
_SESSION = botocore.session.get_session()

Parameters = dict[str, Any]
Operation = Callable[[Parameters], Mapping[str, Any]]


class AwsError(Exception):
    """An error that the service answers: its code, a message, further members that the model has for it,
    and the HTTP status for a code that is not modelled."""

    def __init__(
        self, code: str, message: str, *, status: int = 400, members: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.members = dict(members or {})


@dataclass(frozen=True)
class HttpAnswer:
    """What goes back over the wire."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Call:
    """A request that names an operation of the service and keeps to its contract."""

    operation: str
    parameters: Parameters


class RestJsonService:
    """A service of the rest-json protocol.

    `name` is botocore's name of the service, `behaviours` are objects with a method for each emulated
    operation: it takes the operation's parameters and returns the members of the answer, or raises AwsError.
    `invalid` is the code with which the service refuses parameters that break its model.
    """

    def __init__(self, name: str, *behaviours: object, invalid: str = "InvalidParameterException") -> None:
        self.name = name
        self._behaviours = list(behaviours)
        self._invalid = invalid
        self._model = _SESSION.get_service_model(name)
        self._routes = sorted(
            map(_Route, map(self._model.operation_model, self._model.operation_names)),
            # A literal path wins over one with a placeholder, and the longer over the shorter of two that end
            # otherwise; a path with a query over the same without.
            key=lambda route: (route.path.groups, -len(route.path.pattern), -len(route.query)),
        )

    def add(self, behaviour: object) -> None:
        """Emulate further operations."""
        self._behaviours.append(behaviour)

    def operation(self, method: str, path: str, query: Mapping[str, list[str]] | None = None) -> str | None:
        """The name of the operation that a request is about, None where the service has none such."""
        found = self._find_route(method, path, query or {})
        return found and str(found[0].name)

    def answer(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, query: Mapping[str, list[str]]
    ) -> HttpAnswer:
        """Answer one HTTP request; errors of the service are answers too."""
        try:
            call = self.read(method, path, headers, body, query)
            return self._success(call)
        except AwsError as error:
            return self._failure(error)

    def read(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, query: Mapping[str, list[str]]
    ) -> Call:
        """Read a request; raises AwsError where it breaks the operation's contract."""
        route = self._find_route(method, path, query)
        if route is None:
            message = f"{self.name} has no operation {method} {path}"
            raise AwsError("UnknownOperationException", message, status=404)
        model, in_path = route
        shape = model.input_shape
        if shape is None:
            return Call(model.name, {})
        try:
            document = json.loads(body) if body else {}
        except ValueError as error:
            raise AwsError("SerializationException", "The body is not JSON.") from error
        parameters: Parameters = _decode(shape, document)
        lower_headers = {name.lower(): value for name, value in headers.items()}
        for name, member in shape.members.items():
            wire_name = member.serialization.get("name", name)
            match member.serialization.get("location"):
                case "uri":
                    parameters[name] = _decode_text(member, unquote(in_path[wire_name]))
                case "querystring" if wire_name in query:
                    values = query[wire_name]
                    is_list = member.type_name == "list"
                    parameters[name] = values if is_list else _decode_text(member, values[0])
                case "header" if wire_name.lower() in lower_headers:
                    parameters[name] = _decode_text(member, lower_headers[wire_name.lower()])
        return Call(model.name, self.checked(model.name, parameters))

    def checked(self, operation: str, parameters: Parameters) -> Parameters:
        """Return the parameters if the operation's model accepts them, else raise AwsError."""
        problems = _problems(self._model.operation_model(operation).input_shape, parameters)
        if problems:
            raise AwsError(self._invalid, "; ".join(problems))
        return parameters

    def perform(self, operation: str, parameters: Parameters) -> Mapping[str, Any]:
        """Perform an operation whose parameters were checked; the answer is checked against the model too."""
        members = dict(self._method(operation)(parameters))
        output = self._model.operation_model(operation).output_shape
        if output is not None and (problems := _problems(output, members)):
            message = f"the emulator broke the contract of {operation}: {'; '.join(problems)}"
            raise AwsError("InternalServiceException", message, status=500)
        return members

    def _method(self, operation: str) -> Operation:
        name = botocore.xform_name(operation)
        for behaviour in self._behaviours:
            method: Operation | None = getattr(behaviour, name, None)
            if method is not None:
                return method
        message = f"{self.name}:{operation} is not part of this emulator"
        raise AwsError("NotImplemented", message, status=501)

    def _find_route(
        self, method: str, path: str, query: Mapping[str, list[str]]
    ) -> tuple[Any, dict[str, str]] | None:
        for route in self._routes:
            found = route.path.fullmatch(path) if route.method == method else None
            if found and all(value in query.get(name, ()) for name, value in route.query):
                return route.model, found.groupdict()
        return None

    def _success(self, call: Call) -> HttpAnswer:
        members = self.perform(call.operation, call.parameters)
        model = self._model.operation_model(call.operation)
        status = model.http.get("responseCode", 200)
        if status == HTTPStatus.NO_CONTENT:
            return HttpAnswer(status, _headers(), b"")
        document = {} if model.output_shape is None else _encode(model.output_shape, members)
        return HttpAnswer(status, _headers(), json.dumps(document).encode())

    def _failure(self, error: AwsError) -> HttpAnswer:
        modelled = {shape.name: shape.metadata.get("error", {}) for shape in self._model.error_shapes}
        status = modelled.get(error.code, {}).get("httpStatusCode", error.status)
        document = json.dumps({"Message": error.message, "message": error.message, **error.members})
        return HttpAnswer(status, _headers() | {"x-amzn-ErrorType": error.code}, document.encode())


class _Route:
    """Which requests an operation's are: method, path, and the query that its URI has in the model."""

    def __init__(self, model: Any) -> None:
        path, _, query = model.http["requestUri"].partition("?")
        self.model = model
        self.method: str = model.http["method"]
        self.path = _path_pattern(path)
        self.query = parse_qsl(query)


def _headers() -> dict[str, str]:
    return {"Content-Type": "application/json", "x-amzn-RequestId": str(uuid.uuid4())}


def _path_pattern(path: str) -> re.Pattern[str]:
    literals_and_names = re.split(r"\{([^}+]+)(\+?)\}", path)
    pattern = ""
    for index in range(0, len(literals_and_names), 3):
        pattern += re.escape(literals_and_names[index])
        if index + 2 < len(literals_and_names):
            name, greedy = literals_and_names[index + 1 : index + 3]
            # An ARN in a path has slashes, which arrive unescaped here.
            pattern += f"(?P<{name}>{'.+' if greedy else 'arn:.+?|[^/]+'})"
    return re.compile(pattern + "/?")


def _decode(shape: Any, value: Any) -> Any:
    """From JSON: members under their model names, timestamps and blobs as Python values."""
    if shape.type_name == "structure" and isinstance(value, dict):
        by_wire_name = {
            member.serialization.get("name", name): name for name, member in shape.members.items()
        }
        decoded = {}
        for wire_name, item in value.items():
            name = by_wire_name.get(wire_name)
            if item is not None:
                decoded[name or wire_name] = _decode(shape.members[name], item) if name else item
        return decoded
    if shape.type_name == "list" and isinstance(value, list):
        return [_decode(shape.member, item) for item in value]
    if shape.type_name == "map" and isinstance(value, dict):
        return {key: _decode(shape.value, item) for key, item in value.items()}
    if shape.type_name == "timestamp" and isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    if shape.type_name == "blob" and isinstance(value, str):
        return base64.b64decode(value)
    return value


def _decode_text(shape: Any, text: str) -> Any:
    """From a path, a query or a header, where everything is text."""
    try:
        match shape.type_name:
            case "integer" | "long":
                return int(text)
            case "float" | "double":
                return float(text)
            case "boolean":
                return text == "true"
            case "timestamp":
                return datetime.fromisoformat(text)
    except ValueError as error:
        raise AwsError("InvalidParameterException", f"{text!r} is not a {shape.type_name}") from error
    return text


def _encode(shape: Any, value: Any) -> Any:
    if shape.type_name == "structure":
        return {
            member.serialization.get("name", name): _encode(member, value[name])
            for name, member in shape.members.items()
            if value.get(name) is not None
        }
    if shape.type_name == "list":
        return [_encode(shape.member, item) for item in value]
    if shape.type_name == "map":
        return {key: _encode(shape.value, item) for key, item in value.items()}
    if isinstance(value, datetime):
        is_text = shape.serialization.get("timestampFormat") == "iso8601"
        return value.isoformat(timespec="milliseconds") if is_text else value.timestamp()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value


def _problems(shape: Any, parameters: Any) -> list[str]:
    report = ParamValidator().validate(parameters, shape)
    found = [report.generate_report()] if report.has_errors() else []
    return found + list(_limit_problems(shape, parameters, ""))


def _limit_problems(shape: Any, value: Any, where: str) -> Iterator[str]:
    """What botocore's own validation leaves to the service: upper bounds, patterns, enums."""
    if shape.type_name == "structure" and isinstance(value, dict):
        for name, item in value.items():
            if name in shape.members:
                yield from _limit_problems(shape.members[name], item, f"{where}.{name}".lstrip("."))
    elif shape.type_name == "list" and isinstance(value, list):
        yield from _above(len(value), shape, f"{where}: {len(value)} items")
        for index, item in enumerate(value):
            yield from _limit_problems(shape.member, item, f"{where}[{index}]")
    elif shape.type_name == "map" and isinstance(value, dict):
        yield from _above(len(value), shape, f"{where}: {len(value)} entries")
        for key, item in value.items():
            yield from _limit_problems(shape.key, key, f"{where} key {key!r}")
            yield from _limit_problems(shape.value, item, f"{where}.{key}")
    elif shape.type_name == "string" and isinstance(value, str):
        yield from _text_problems(shape, value, where)
    elif shape.type_name in {"integer", "long"} and isinstance(value, int):
        yield from _above(value, shape, f"{where}: {value}")


def _above(number: int, shape: Any, what: str) -> Iterator[str]:
    limit = shape.metadata.get("max")
    if limit is not None and number > limit:
        yield f"{what}, at most {limit} allowed"


def _text_problems(shape: Any, value: str, where: str) -> Iterator[str]:
    yield from _above(len(value), shape, f"{where}: {len(value)} characters")
    allowed = shape.metadata.get("enum")
    if allowed and value not in allowed:
        yield f"{where}: {value!r} is not one of {allowed}"
    pattern = shape.metadata.get("pattern")
    if pattern and _matches(pattern, value) is False:
        yield f"{where}: {value!r} does not match {pattern}"


def _matches(pattern: str, value: str) -> bool | None:
    """Whether the value matches, None where the pattern is of Java's dialect alone."""
    try:
        # Connect's patterns of phone numbers are escaped once too often.
        compiled = re.compile(pattern.replace("\\\\", "\\"))
        is_anchored = pattern.startswith("^") or pattern.endswith("$")
        # What is not anchored is meant for the whole, as the services match it.
        return (compiled.search if is_anchored else compiled.fullmatch)(value) is not None
    except re.error:
        return None
