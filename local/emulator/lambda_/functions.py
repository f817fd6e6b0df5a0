"""Lambda: what MiniStack's runtime lacks, and invocations by other services.

Functions run as processes under a bare Python, so that a module missing from the asset fails here as on AWS,
or under Node, where MiniStack stands in for AWS's own clients; they see Lambda's environment variables and
none of this machine's; they end with the emulator however it ends.
"""

import fnmatch
import json
import logging
import os
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import cloudwatch, lambda_svc

from local.emulator.lambda_ import extension_modules
from local.emulator.rest_of_aws import FunctionError
from local.issuer.issuer import Site
from local.issuer.stand_in import StandIn

_log = logging.getLogger("local.functions")

# A worker waits for work on its standard input and ends when that closes. A busy one notices by this instead:
# its parent is another process than before. (Not PR_SET_PDEATHSIG: that fires when the spawning thread ends.)
_END_WITH_PARENT = """
import os as _os, threading as _threading, time as _time
def _end_with_parent(parent=_os.getppid()):
    while _os.getppid() == parent:
        _time.sleep(1)
    _os._exit(1)
_threading.Thread(target=_end_with_parent, daemon=True).start()
"""

# The names that RFC 6761 keeps for tests lead to the local issuer: nobody else's do.
_RESOLVE_TEST_NAMES = """
import socket as _socket
def _getaddrinfo(host, port, *rest, _resolve=_socket.getaddrinfo, **options):
    name = host.decode() if isinstance(host, bytes) else str(host)
    if name.lower().rstrip(".").endswith(".test"):
        host, port = "127.0.0.1", {port}
    return _resolve(host, port, *rest, **options)
_socket.getaddrinfo = _getaddrinfo
"""

# An exception of a handler, as MiniStack's worker reports it: whoever reads that ends the process. On AWS it
# goes on with all that it has in memory (Lambda developer guide, "Lambda execution environment lifecycle").
# So the report is passed as a result, under a name that no handler's answer has.
_REPORTED = '{"status": "error", "error": str(e), "trace": traceback.format_exc()}'
_RAISED = "local:raised"
_PASSED = f'{{"status": "ok", "result": {{"{_RAISED}": {_REPORTED}}}}}'

# What Lambda's Python runtime sets for every function, beside what MiniStack sets.
_RUNTIME_VARIABLES = {
    "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
    "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
    "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
    "LANG": "C.UTF-8",
    "LAMBDA_RUNTIME_DIR": "/var/runtime",
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "TZ": ":UTC",
}


def install(
    *,
    python: Path,
    node: Path,
    endpoint_url: str,
    trace_daemon: str,
    issuer: Site,
    stand_in: StandIn | None,
) -> None:
    """Run functions with these interpreters; AWS is at the endpoint, X-Ray's daemon at host:port.

    Functions trust the issuer's authority, and nobody else's: they reach nothing else by TLS.
    """
    _use_interpreters(python, node, issuer)
    _keep_process_after_exception()
    variables = {
        **_RUNTIME_VARIABLES,
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_XRAY_DAEMON_ADDRESS": trace_daemon,
        "SSL_CERT_FILE": str(issuer.authority),
    }
    lambda_runtime.subprocess = _WorkerProcesses(variables)
    if stand_in:
        _show_stand_in(stand_in)
    _publish_embedded_metrics()
    _count_invocations()
    _reserve_concurrency()


def _use_interpreters(python: Path, node: Path, issuer: Site) -> None:
    detect = lambda_runtime._detect_runtime_binary
    extensions = str(python.parents[1] / "extensions")
    prelude = (
        _END_WITH_PARENT
        + _RESOLVE_TEST_NAMES.format(port=issuer.port)
        + Path(extension_modules.__file__).read_text(encoding="utf-8")
        + f"sys.meta_path.insert(0, ExtensionModules({extensions!r}))\n"
    )

    def interpreter_and_script(runtime: str) -> tuple[str, str]:
        binary, script = detect(runtime)
        if runtime.startswith("nodejs"):
            return str(node), script
        if not runtime.startswith("python"):
            return binary, script
        if script.count(_REPORTED) != 1:
            raise RuntimeError("MiniStack's worker reports exceptions otherwise: see _REPORTED")
        return str(python), prelude + script.replace(_REPORTED, _PASSED)

    lambda_runtime._detect_runtime_binary = interpreter_and_script


def _keep_process_after_exception() -> None:
    worker = lambda_runtime.Worker
    invoke: Callable[..., dict[str, Any]] = worker.invoke

    def invoke_and_keep(self: Any, *args: Any, **options: Any) -> dict[str, Any]:
        response = invoke(self, *args, **options)
        result = response.get("result")
        if not isinstance(result, dict) or _RAISED not in result:
            return response
        return {**response, "result": None, **result[_RAISED]}

    worker.invoke = invoke_and_keep


def _show_stand_in(stand_in: StandIn) -> None:
    """A process starts with the stand-in's variables, whatever is deployed."""
    worker = lambda_runtime.Worker
    start: Callable[..., None] = worker._spawn

    def start_with_stand_in(self: Any, *args: Any, **options: Any) -> None:
        deployed = self.config
        variables = (deployed.get("Environment") or {}).get("Variables") or {}
        self.config = {**deployed, "Environment": {"Variables": stand_in.variables(variables)}}
        try:
            start(self, *args, **options)
        finally:
            self.config = deployed

    worker._spawn = start_with_stand_in


class _WorkerProcesses:
    """Stands for the module subprocess in MiniStack's runtime: starts functions with Lambda's environment."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables

    def __getattr__(self, name: str) -> Any:
        return getattr(subprocess, name)

    def Popen(self, command: list[str], *, env: Mapping[str, str], cwd: str, **options: Any) -> Any:  # noqa: N802
        """MiniStack passes its own environment and the function's in one: take its own out again."""
        own = {name: value for name, value in env.items() if os.environ.get(name) != value}
        environment = {**self._variables, "TMPDIR": str(Path(cwd).parent), **own}
        return subprocess.Popen(command, env=environment, cwd=cwd, **options)


def is_function(name: str) -> bool:
    """Whether a function has this name, which its role's sessions have too."""
    return name in lambda_svc._functions


def may_invoke(function_arn: str, *, service: str, source_arn: str, source_account: str) -> bool:
    """Whether the function's resource policy lets the service invoke it for that source."""
    found = lambda_svc.function_policy_for_arn(function_arn)
    given = {"aws:sourcearn": source_arn, "aws:sourceaccount": source_account}
    return any(
        _allows(statement, function_arn, service, given)
        for statement in (found[0]["Statement"] if found else [])
    )


def _allows(statement: Mapping[str, Any], function_arn: str, service: str, given: Mapping[str, str]) -> bool:
    principal = statement.get("Principal")
    services = principal.get("Service") if isinstance(principal, dict) else principal
    if (
        statement.get("Effect") != "Allow"
        or service not in _listed(services)
        or function_arn not in _listed(statement.get("Resource"))
        or not any(
            fnmatch.fnmatch("lambda:InvokeFunction", action) for action in _listed(statement.get("Action"))
        )
    ):
        return False
    return all(
        any(fnmatch.fnmatch(given.get(key.lower(), ""), pattern) for pattern in _listed(patterns))
        for conditions in (statement.get("Condition") or {}).values()
        for key, patterns in conditions.items()
    )


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value] if isinstance(value, str) else []


def invoke(
    function_arn: str, event: Mapping[str, Any], *, service: str, source_arn: str, account: str, region: str
) -> object:
    """Invoke a function as a service does, within its permission; its answer, or FunctionError."""
    record, config, _ = lambda_svc._get_func_record_for_ref_in_scope(
        function_arn, account_id=account, region=region
    )
    if record is None or config is None:
        raise FunctionError(f"{function_arn} does not exist", is_worth_a_retry=False)
    if not may_invoke(function_arn, service=service, source_arn=source_arn, source_account=account):
        raise FunctionError(
            f"{service} may not invoke {function_arn} for {source_arn}", is_worth_a_retry=False
        )
    execution = lambda_svc._execution_record_for_config(record, config)
    result = lambda_svc._execute_function_with_config_scope(execution, event)
    if result.get("throttle") or result.get("error"):
        message = result.get("body") or {}
        reason = (
            message.get("errorMessage", "it was throttled") if isinstance(message, dict) else str(message)
        )
        raise FunctionError(f"{function_arn} failed: {reason}", is_worth_a_retry=True)
    return result.get("body")


def _reserve_concurrency() -> None:
    """A function's reserved concurrency holds for its versions and aliases too; MiniStack forgets these."""

    def reserved_concurrency(_version: object, config: Mapping[str, Any]) -> int | None:
        reserved: int | None = lambda_svc._functions[config["FunctionName"]].get("concurrency")
        return reserved

    lambda_svc._reserved_concurrency = reserved_concurrency


def _count_invocations() -> None:
    """Whoever invokes a function, it is counted; MiniStack counts its own Invoke operation alone."""
    execute, emit = lambda_svc._execute_function, lambda_svc._emit_lambda_metrics

    def execute_and_count(function: Any, event: Any, *args: Any, **options: Any) -> Any:
        began = time.monotonic()
        result = execute(function, event, *args, **options)
        emit(
            function["config"]["FunctionName"],
            duration_ms=(time.monotonic() - began) * 1000,
            error=bool(result.get("error")),
            throttle=bool(result.get("throttle")),
        )
        return result

    lambda_svc._execute_function = execute_and_count
    lambda_svc._emit_lambda_metrics = lambda *_, **__: None


def _publish_embedded_metrics() -> None:
    """Lambda's log agent turns lines in the embedded metric format into CloudWatch metrics."""
    emit = lambda_svc._emit_lambda_logs

    def emit_and_publish(func: Any, request_id: str, log_text: str, *args: Any, **options: Any) -> None:
        for line in (log_text or "").splitlines():
            if '"_aws"' in line:
                _publish_line(line)
        emit(func, request_id, log_text, *args, **options)

    lambda_svc._emit_lambda_logs = emit_and_publish


def _publish_line(line: str) -> None:
    try:
        document = json.loads(line[line.index("{") :])
        directives = document["_aws"]["CloudWatchMetrics"]
    except (ValueError, LookupError, TypeError):
        _log.warning("a line that mentions _aws is not in the embedded metric format")
        return
    for directive in directives:
        for names in directive.get("Dimensions") or [[]]:
            dimensions = {name: str(document.get(name)) for name in names}
            for metric in directive.get("Metrics", []):
                values = document.get(metric["Name"], [])
                for value in values if isinstance(values, list) else [values]:
                    unit = metric.get("Unit", "None")
                    cloudwatch.record_metric(directive["Namespace"], metric["Name"], value, unit, dimensions)
