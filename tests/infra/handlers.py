"""Handlers that are imported from their assets alone, as Lambda does, but for this machine's processor."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from infra.assets.bundling import FunctionSource, bundle
from tests.infra.synthesis import CHECKOUT

# What AWS Lambda and the stack would set.
ENVIRONMENT = {
    "AWS_LAMBDA_FUNCTION_NAME": "function",
    "AWS_REGION": "eu-west-2",
    "AWS_DEFAULT_REGION": "eu-west-2",
    "LAMBDA_TASK_ROOT": "/var/task",
    "POWERTOOLS_SERVICE_NAME": "service",
    "POWERTOOLS_METRICS_NAMESPACE": "InAppCalling",
    "CONNECT_INSTANCE_ARN": "arn:aws:connect:eu-west-2:111122223333:instance/i",
    "CONTACT_FLOW_ARN": "arn:aws:connect:eu-west-2:111122223333:instance/i/contact-flow/f",
    "TOPIC_CONTACT_FLOW_ARNS": "{}",
    "CALLS_TABLE": "calls",
    "WAITING_TABLE": "waiting",
    "QUEUE_ARN": "",
    "TOPIC_QUEUE_IDS": "{}",
    "CALLER_ATTRIBUTES": "[]",
    "CLAIM_ATTRIBUTES": "{}",
    "DISPLAY_NAME_CLAIM": "name",
    "CAPABILITIES": "[]",
    "ALLOWED_ORIGINS": "[]",
    **dict.fromkeys(("REPLAY_SECONDS", "REFERENCE_SECONDS", "START_LEASE_SECONDS"), "30"),
    **dict.fromkeys(("LONGEST_CALL_SECONDS", "STARTS_PER_DAY", "STARTS_PER_WINDOW", "WINDOW_SECONDS"), "60"),
    "CALLING_PARAMETER": "/in-app-calling/test/Calling",
    "AUTHENTICATION": "{}",
    "ISSUER": "https://login.example.com/",
    "AUDIENCES": '["a"]',
    "TOKEN_USE": "access",
    "ALGORITHMS": '["ES256"]',
    "LEEWAY_SECONDS": "0",
    "REQUIRED_SCOPES": "[]",
    "REQUIRED_CLAIMS": "{}",
    "CLAIMS": "[]",
    "KMS_KEYS": '["arn:aws:kms:eu-west-2:111122223333:key/k"]',
}
# Imports a handler as Lambda does, but for what was compiled for Lambda's processor.
START = (
    (CHECKOUT / "local" / "emulator" / "lambda_" / "extension_modules.py").read_text(encoding="utf-8")
    + """
import importlib
extensions, asset, layer, handler = sys.argv[1:]
sys.meta_path.insert(0, ExtensionModules(extensions))
sys.path[:0] = [asset, layer]
importlib.import_module(handler)
"""
)
# Prints each source that is compiled.
WATCH = """
import sys
sys.addaudithook(lambda event, of: print(of[1]) if event == "compile" else None)
"""
# Prints what a started handler has imported, the files by what they are of, and how it looks for garbage.
DESCRIBE = """
import gc
collects_garbage, frozen = gc.isenabled(), gc.get_freeze_count()
import json
files = [getattr(module, "__file__", None) or "" for module in list(sys.modules.values())]
places = asset, extensions, layer
of_places = [[file for file in files if file.startswith(place)] for place in places]
print(json.dumps([*of_places, list(sys.modules), collects_garbage, frozen]))
"""
EXTENSIONS = CHECKOUT / ".venv-functions" / "extensions"


def content(directory: Path) -> dict[str, bytes]:
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file()
    }


def run(source: FunctionSource, what: str, environment: Mapping[str, str], layer: Path) -> str:
    """What Python code prints once a handler was imported."""
    places = EXTENSIONS, bundle(CHECKOUT, source), layer / "python"
    handler = source.handler.rpartition(".")[0]
    return subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", START + what, *map(str, places), handler],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


class Started(NamedTuple):
    """A handler once it was imported."""

    of_asset: set[str]
    """The modules and packages at the top of the asset that it imported."""

    of_layer: set[str]
    """Those at the top of the layer."""

    modules: set[str]
    collects_garbage: bool
    frozen: int
    """Objects that are never looked through for garbage."""


def start(source: FunctionSource, layer: Path, environment: Mapping[str, str] = ENVIRONMENT) -> Started:
    """What a handler is after its start, in a process of its own."""
    asset = bundle(CHECKOUT, source)
    printed = run(source, DESCRIBE, environment, layer)
    of_asset, of_extensions, of_layer, modules, collects_garbage, frozen = json.loads(printed)
    return Started(
        {module(Path(file).relative_to(asset)) for file in of_asset}
        | {module(Path(file).relative_to(EXTENSIONS)) for file in of_extensions},
        {module(Path(file).relative_to(layer / "python")) for file in of_layer},
        set(modules),
        collects_garbage,
        frozen,
    )


def module(file: Path) -> str:
    """The name of the module or package at the top of a path."""
    return file.parts[0].partition(".")[0]


def shipped(directory: Path) -> set[str]:
    """The names of the modules and packages in a directory."""
    return {module(Path(path.name)) for path in directory.iterdir() if path.suffix != ".dist-info"}
