"""Builds what Lambda runs, without Docker: a layer of pruned dependencies, and an asset of each function.

An asset holds what its handler imports, and no other source. What only one function imports of other people's
is part of its asset.

Python on Lambda spends most of a cold start on importing. So both ship bytecode that the runtime takes
without looking at the sources, and the layer holds only those parts of botocore and Powertools that are used.

What is built lies in `.cache/` of the checkout under a hash of everything that it is made from. Nothing is
built twice, and once the dependencies of a `requirements.txt` are there, no network is needed.
"""

from __future__ import annotations

import ast
import gzip
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.util import resolve_name
from pathlib import Path
from typing import Any

from uv import find_uv_bin

from infra.assets.archive import content_hash
from infra.assets.import_closure import import_closure

# The version of the functions' runtime: its bytecode is what the assets ship.
_PYTHON = (3, 13)

# Amazon Linux 2023 on Graviton, where python3.13 runs, has glibc 2.34.
_PLATFORM = "aarch64-manylinux_2_28"

# Where Lambda unpacks an asset, and a layer. Compiled in as the path of each source, so that tracebacks say
# where the code runs, and that two checkouts in different folders compile to the same bytes.
_ASSET_PATH = "/var/task"
_LAYER_PATH = "/opt"

# Parts of the dependencies that no function imports. What is left out by mistake fails in the tests, which
# import each handler from its asset alone and let it call AWS.
_UNUSED = (
    ".lock",
    # Only METADATA stays: by it Amazon Inspector lists the packages that a function holds.
    "*.dist-info/[!M]*",
    "*.dist-info/*/**",
    "**/*.pyi",
    "**/py.typed",
    "aws_lambda_powertools/event_handler/**",
    "aws_lambda_powertools/metrics/provider/datadog/**",
    "aws_lambda_powertools/utilities/[!_jt]*/**",
    "bin/**",
    "botocore/data/*/**",
    "botocore/data/endpoints.json",
    "botocore/data/partitions.json",
    "botocore/docs/[!_du]*",
    "botocore/docs/bcdoc/**",
    "cffi/**",
    "dateutil/zoneinfo/*.tar.gz",
    "joserfc/drafts/**",
    "pycparser*/**",
    "urllib3/contrib/emscripten/**",
    "urllib3/http2/connection.py",
)

# Modules of the layer that import much and do nothing for a function: for each its file, and what stands for
# the names that others import from it.
_STAND_INS: Mapping[str, Mapping[str, str]] = {
    # Texts that explain a client's methods, for the console and the reference.
    "botocore/docs/__init__.py": {},
    "botocore/docs/docstring.py": dict.fromkeys(
        ("ClientMethodDocstring", "PaginatorDocstring", "WaiterDocstring"), 'lambda *_, **__: ""'
    ),
    # A protocol that has to be switched on, and then looks for another package.
    "urllib3/http2/__init__.py": {},
}

# The roots that every endpoint of AWS is certified by (Amazon Trust Services, "Root CAs"). The functions talk
# to nobody else, and reading all of botocore's 126 roots takes 20 ms for each new connection.
_AWS_ROOTS = (
    "Amazon Root CA 1",
    "Amazon Root CA 2",
    "Amazon Root CA 3",
    "Amazon Root CA 4",
    "Starfield Services Root Certificate Authority - G2",
)


AwsOperations = Mapping[str, tuple[str, ...]]
"""Operations by service, as botocore spells both: {"dynamodb": ("GetItem",)}."""


class BundlingError(Exception):
    """An asset cannot be built; the message says what to do."""


@dataclass(frozen=True, kw_only=True)
class FunctionSource:
    """What a function is made of beside the layer.

    `handler` is as Lambda has it ("start_call.handler.handler"): the asset holds what that module imports of
    `lambdas/`, and what `extra_modules` import, which are loaded by a name that is computed. `aws_operations`
    names the operations that the function calls by service, as botocore spells both; botocore's models are
    cut down to them. `requirements` is the file in `lambdas/` that pins what only this function imports.
    """

    handler: str
    aws_operations: AwsOperations
    requirements: str | None = None
    extra_modules: tuple[str, ...] = ()

    @property
    def package(self) -> str:
        """The package of the handler's module: "start_call"."""
        return self.handler.rsplit(".", 2)[0]

    @property
    def name(self) -> str:
        """The same without what no name of a file, a metric or a trace has: "start-call"."""
        return self.package.replace(".", "-").replace("_", "-")


def bundle(checkout: Path, source: FunctionSource) -> Path:
    """The asset directory of a function, built if it is not there.

    Raises BundlingError.
    """
    _check_python()
    lambdas = checkout / "lambdas"
    sources = _sources(lambdas, [source.handler.rpartition(".")[0], *source.extra_modules])
    requirements = [] if source.requirements is None else [lambdas / source.requirements]

    def build(target: Path) -> None:
        for pins in requirements:
            installed = _dependencies(checkout, pins)
            _copy(installed, _used(installed), target)
            _compile_alone(target, _ASSET_PATH)
        _copy(lambdas, sources, target)
        _compile(target, _ASSET_PATH)

    key = _hash(lambdas, [*sources, *requirements], source.package)
    return _cached(checkout, f"assets/{source.name}-{key}", f"the asset of {source.package}", build)


def bundle_dependencies(checkout: Path, aws_operations: Iterable[AwsOperations]) -> Path:
    """The directory of the layer that every function of a deployment has: what they import beside the
    project's own sources. `aws_operations` are those of each function.

    Raises BundlingError.
    """
    _check_python()
    requirements = checkout / "lambdas" / "requirements.txt"
    called: dict[str, set[str]] = {}
    for operations in aws_operations:
        for service, names in operations.items():
            called.setdefault(service, set()).update(names)

    def build(target: Path) -> None:
        installed = _dependencies(checkout, requirements)
        packages = target / "python"
        _copy(installed, _used(installed), packages)
        _trim_models(installed / "botocore" / "data", packages / "botocore" / "data", called)
        _trim_roots(packages / "botocore" / "cacert.pem")
        _put_stand_ins(packages)
        _compile_alone(target, _LAYER_PATH)

    listed = json.dumps({service: sorted(names) for service, names in sorted(called.items())})
    key = _hash(checkout / "lambdas", [requirements], listed)
    return _cached(checkout, f"assets/dependencies-{key}", "the functions' layer", build)


def _check_python() -> None:
    if sys.version_info[:2] != _PYTHON:
        wanted, found = ".".join(map(str, _PYTHON)), ".".join(map(str, sys.version_info[:2]))
        raise BundlingError(
            f"Python {found} cannot build the functions' assets: their bytecode must be that of the "
            f"python{wanted} runtime.\n  Fix: run the app with Python {wanted}, as `make synth` does."
        )


def _dependencies(checkout: Path, requirements: Path) -> Path:
    """The packages of `requirements`, as installed for Lambda."""

    def install(target: Path) -> None:
        command = [find_uv_bin(), "pip", "install", "--quiet", "--no-config", "--target", str(target)]
        command += ["--require-hashes", "--no-deps", "--only-binary", ":all:", "--link-mode", "copy"]
        command += ["--python-platform", _PLATFORM, "--python-version", ".".join(map(str, _PYTHON))]
        command += ["--requirement", str(requirements)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise BundlingError(
                f"uv could not install {requirements.relative_to(checkout)}:\n{done.stderr.strip()}\n"
                "  Fix: this needs the package index once; later builds take what is in .cache/."
            )

    key = _hash(requirements.parent, [requirements])
    return _cached(checkout, f"dependencies/{key}", "the functions' dependencies", install)


def _sources(lambdas: Path, modules: list[str]) -> list[Path]:
    """The files that the modules take to import, in a fixed order."""
    try:
        return import_closure(lambdas, modules)
    except ModuleNotFoundError as error:
        raise BundlingError(
            f"lambdas/ has no module {error.name}.\n  Fix: it is named in infra/functions, or by the "
            "transport; write it, or name another."
        ) from error
    except SyntaxError as error:
        source = Path(str(error.filename)).relative_to(lambdas.parent)
        raise BundlingError(
            f"The functions' sources do not compile:\n{source}, line {error.lineno}: {error.msg}"
        ) from error


def _used(dependencies: Path) -> Iterable[Path]:
    for path in dependencies.rglob("*"):
        relative = path.relative_to(dependencies)
        if path.is_file() and not any(relative.full_match(pattern) for pattern in _UNUSED):
            yield path


def _copy(root: Path, files: Iterable[Path], target: Path) -> None:
    """Copies `files`, which lie under `root`, to the same places under `target`."""
    for path in files:
        copy = target / path.relative_to(root)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)


def _put_stand_ins(packages: Path) -> None:
    """Writes `_STAND_INS` over what they stand for, if they have all that is imported from it and no more."""
    for file, names in _STAND_INS.items():
        stands_for = packages / file
        module = file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        imported = _names_imported_from(module, packages)
        if file.endswith("/__init__.py"):
            imported = {name for name in imported if not (stands_for.parent / f"{name}.py").exists()}
        if imported != names.keys() or not stands_for.exists():
            raise BundlingError(
                f"What stands for {module} does not fit: others import {sorted(imported)} from it.\n"
                "  Fix: compare _STAND_INS in infra/assets/bundling.py with this version of the package."
            )
        source = "".join(f"{name} = {value}\n" for name, value in names.items())
        stands_for.write_text(source, encoding="utf-8")


def _names_imported_from(module: str, packages: Path) -> set[str]:
    """What the sources under `packages` import by name from `module`, anywhere in them."""
    last = module.rpartition(".")[2].encode()
    names: set[str] = set()
    for path in packages.rglob("*.py"):
        source = path.read_bytes()
        if last not in source:
            continue
        package = ".".join(path.relative_to(packages).parent.parts)
        for node in ast.walk(ast.parse(source)):
            if (
                isinstance(node, ast.ImportFrom)
                and resolve_name("." * node.level + (node.module or ""), package) == module
            ):
                names |= {alias.name for alias in node.names}
    return names


def _trim_models(data: Path, target: Path, aws_operations: Mapping[str, Iterable[str]]) -> None:
    """Writes botocore's models of the services in `aws_operations`, with these operations only.

    botocore reads the whole model of a service when a client is made; Connect's has some 400 operations. The
    rules for a service's endpoints are left out: botocore then takes the endpoint from its list of Regions,
    once for a client and not once for each request, which is a twenty-fifth of a warm request of start_call.
    """
    prefixes = set()
    for service, operations in sorted(aws_operations.items()):
        version = max(path.parent for path in (data / service).glob("*/service-2.json.gz"))
        model = _trimmed(_read_json(version / "service-2.json.gz"), operations)
        prefixes.add(model["metadata"]["endpointPrefix"])
        _write_json(target / service / version.name / "service-2.json", model)
    endpoints = _read_json(data / "endpoints.json")
    for partition in endpoints["partitions"]:
        partition["services"] = {
            name: value for name, value in partition["services"].items() if name in prefixes
        }
    _write_json(target / "endpoints.json", endpoints)


def _trim_roots(roots: Path) -> None:
    """Leaves only `_AWS_ROOTS` in botocore's file of root certificates."""
    certificates = roots.read_text(encoding="utf-8").split("\n# Issuer: ")
    labels = [f'# Label: "{label}"\n' for label in _AWS_ROOTS]
    kept = [certificate for certificate in certificates if any(label in certificate for label in labels)]
    if len(kept) != len(_AWS_ROOTS):
        raise BundlingError(
            f"botocore's cacert.pem has {len(kept)} of the {len(_AWS_ROOTS)} roots of AWS.\n"
            "  Fix: compare _AWS_ROOTS in infra/assets/bundling.py with the labels in that file."
        )
    roots.write_text("".join(f"# Issuer: {certificate}\n" for certificate in kept), encoding="utf-8")


def _trimmed(model: dict[str, Any], operations: Iterable[str]) -> dict[str, Any]:
    kept = {name: model["operations"][name] for name in sorted(operations)}
    shapes: dict[str, Any] = {}
    wanted = list(_shape_names(kept))
    while wanted:
        name = wanted.pop()
        if name not in shapes:
            shapes[name] = model["shapes"][name]
            wanted += _shape_names(shapes[name])
    trimmed: dict[str, Any] = _undocumented(
        {**model, "operations": kept, "shapes": dict(sorted(shapes.items()))}
    )
    return trimmed


def _shape_names(value: Any) -> Iterable[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "shape" and isinstance(inner, str):
                yield inner
            else:
                yield from _shape_names(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _shape_names(inner)


def _undocumented(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _undocumented(inner)
            for key, inner in value.items()
            if not (key == "documentation" and isinstance(inner, str))
        }
    return [_undocumented(inner) for inner in value] if isinstance(value, list) else value


def _read_json(path: Path) -> Any:
    content = path.read_bytes()
    return json.loads(gzip.decompress(content) if path.suffix == ".gz" else content)


def _write_json(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, separators=(",", ":")), encoding="utf-8")


def _compile(target: Path, runtime_path: str, *options: str) -> None:
    """Compiles every source, so that the runtime neither compiles it nor compares it with its bytecode.

    An asset's files all get one date when they are zipped, which makes time-stamped bytecode look stale;
    unchecked hashes do not. A process of its own, with a fixed order and hash seed and without `site`, gives
    the same bytes each time.
    """
    command = [sys.executable, "-s", "-S", "-P", "-m", "compileall", "-q", "-f", "-o", "0", *options]
    command += ["--invalidation-mode", "unchecked-hash", "-s", str(target), "-p", runtime_path, str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={"PYTHONHASHSEED": "0"})
    if done.returncode != 0:
        raise BundlingError(f"The functions' sources do not compile:\n{done.stdout}{done.stderr}")


def _compile_alone(target: Path, runtime_path: str) -> None:
    """Compiles every source and leaves only that: the sources of dependencies can be had by their pinned
    hashes, and would be a third of what is shipped.
    """
    _compile(target, runtime_path, "-b")
    for path in list(target.rglob("*.py")):
        path.unlink()


def _hash(root: Path, files: list[Path], *what: str) -> str:
    """A short hash of files under `root`, of this module and of the interpreter."""
    digest = hashlib.sha256(content_hash(root, files).encode())
    for part in (sys.version, Path(__file__).read_text(encoding="utf-8"), *what):
        digest.update(part.encode())
    return digest.hexdigest()[:16]


def _cached(checkout: Path, name: str, what: str, build: Callable[[Path], None]) -> Path:
    """The directory `.cache/<name>`, filled by `build` if it is not there.

    It is filled under another name and then renamed, so that it is there whole or not at all, also when two
    processes build it at once: the first to finish wins, and both have built the same.
    """
    finished = checkout / ".cache" / name
    if finished.is_dir():
        return finished
    print(f"Building {what} …", file=sys.stderr, flush=True)  # noqa: T201
    finished.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".building-", dir=finished.parent) as workplace:
        under_way = Path(workplace) / "content"
        under_way.mkdir()
        build(under_way)
        try:
            under_way.rename(finished)
        except OSError:
            # POSIX refuses to replace a directory that holds something.
            if not finished.is_dir():
                raise
    return finished
