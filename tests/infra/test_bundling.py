"""The assets of the functions: what is in them, and that they are built the same everywhere."""

from __future__ import annotations

import functools
import importlib.util
import json
import marshal
import shutil
import ssl
import subprocess
import sys
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path
from types import CodeType
from typing import Any

import pytest

from infra.assets import bundling
from infra.assets.archive import archive
from infra.assets.bundling import BundlingError, FunctionSource, bundle, bundle_dependencies
from infra.functions.sources import AWS_OPERATIONS, SOURCES
from tests.infra.checkout_copy import copy_checkout
from tests.infra.endpoints import assert_endpoints_as_by_rules
from tests.infra.handlers import ENVIRONMENT, EXTENSIONS, START, WATCH, Started, content, run, shipped, start
from tests.infra.synthesis import CHECKOUT
from tests.lambdas.tokens import ACCESS, AUDIENCE, ISSUER, key_set, signing_key

# Where else an issuer's keys can be than in KMS: the key is that of RFC 7517, appendix A.1.
OTHER_KEYS = [
    {"JWKS_URL": "https://login.example.com/jwks", "JWKS_FRESH_SECONDS": "60", "JWKS_STALE_SECONDS": "60"},
    {
        "JWKS": '{"keys": [{"kty": "EC", "crv": "P-256", "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", '
        '"y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]}'
    },
]

# Has the authorizer answer, and prints what it lets each of TOKENS do.
VERIFY_TOKENS = """
import json, os, types
context = types.SimpleNamespace(
    function_name="", memory_limit_in_mb=0, invoked_function_arn="", aws_request_id="", function_version=""
)
method = "arn:aws:execute-api:eu-west-2:111122223333:a/prod/GET/x"
for token in json.loads(os.environ["TOKENS"]):
    event = {"authorizationToken": token, "methodArn": method}
    answer = sys.modules[handler].handler(event, context)
    print("Effect:", answer["policyDocument"]["Statement"][0]["Effect"])
"""
AUTHORIZER = SOURCES["authorizer"]
SIGNED_BY = ["RS256", "PS256", "ES256", "ES384", "ES512", "Ed25519"]


@pytest.fixture(params=SOURCES)
def source(request: pytest.FixtureRequest) -> FunctionSource:
    return SOURCES[request.param]


@pytest.fixture
def asset(source: FunctionSource) -> Path:
    return bundle(CHECKOUT, source)


@pytest.fixture
def layer() -> Path:
    return bundle_dependencies(CHECKOUT, AWS_OPERATIONS)


@pytest.fixture(scope="module")
def writable_layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages of the layer, where a process may write beside them."""
    layer = bundle_dependencies(CHECKOUT, AWS_OPERATIONS)
    return shutil.copytree(layer / "python", tmp_path_factory.mktemp("layer") / "packages")


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    bundle_dependencies(CHECKOUT, AWS_OPERATIONS)
    for source in SOURCES.values():
        bundle(CHECKOUT, source)
    return copy_checkout(tmp_path_factory.mktemp("elsewhere") / "checkout")


@functools.cache
def started(package: str) -> Started:
    """A function as the stack configures it."""
    return start(SOURCES[package], bundle_dependencies(CHECKOUT, AWS_OPERATIONS))


def test_two_checkouts_build_the_same_asset(source: FunctionSource, asset: Path, elsewhere: Path) -> None:
    again = bundle(elsewhere, source)
    assert elsewhere in again.parents
    assert content(again) == content(asset)


def test_two_checkouts_build_the_same_layer(layer: Path, elsewhere: Path) -> None:
    again = bundle_dependencies(elsewhere, AWS_OPERATIONS)
    assert elsewhere in again.parents
    assert content(again) == content(layer)


def test_an_asset_holds_only_packages_that_its_handler_imports(source: FunctionSource, asset: Path) -> None:
    assert shipped(asset) == started(source.package).of_asset


@pytest.mark.parametrize("keys", OTHER_KEYS)
def test_the_authorizer_needs_nothing_else_wherever_the_keys_are(keys: dict[str, str], layer: Path) -> None:
    environment = {key: value for key, value in ENVIRONMENT.items() if key != "KMS_KEYS"}
    assert start(AUTHORIZER, layer, environment | keys).of_asset == started("authorizer").of_asset


def test_the_authorizers_asset_verifies_signatures_of_all_kinds(layer: Path) -> None:
    """What cryptography imports only when it is used is there too."""
    keys = {algorithm: signing_key(algorithm, algorithm) for algorithm in SIGNED_BY}
    now = int(time.time())
    tokens = [key.token({**ACCESS, "iat": now, "exp": now + 600}) for key in keys.values()]
    environment = {key: value for key, value in ENVIRONMENT.items() if key != "KMS_KEYS"} | {
        "AUDIENCES": json.dumps([AUDIENCE]),
        "ISSUER": ISSUER,
        "ALGORITHMS": json.dumps(SIGNED_BY),
        "JWKS": key_set(*(key.jwk() for key in keys.values())).decode(),
        "TOKENS": json.dumps([*tokens, tokens[0][:-2]]),
    }
    printed = run(AUTHORIZER, VERIFY_TOKENS, environment, layer).splitlines()
    effects = [line.removeprefix("Effect: ") for line in printed if line.startswith("Effect: ")]
    assert effects == ["Allow"] * len(tokens) + ["Deny"]


def test_the_layer_holds_only_what_handlers_import(layer: Path) -> None:
    used = set.union(*(started(package).of_layer for package in SOURCES))
    assert shipped(layer / "python") == used


def test_of_a_packages_metadata_only_its_name_and_version_stay(layer: Path) -> None:
    for packages in (layer / "python", bundle(CHECKOUT, AUTHORIZER)):
        described = list(packages.glob("*.dist-info/*"))
        assert described
        assert {path.name for path in described} == {"METADATA"}


def zipped_bytes(asset: Path) -> int:
    return archive(asset).path.stat().st_size


def test_all_assets_together_are_small(layer: Path) -> None:
    """But for the authorizer, which only environments with another issuer than a user pool have."""
    functions = (bundle(CHECKOUT, source) for source in SOURCES.values() if source != AUTHORIZER)
    assert sum(map(zipped_bytes, (layer, *functions))) < 6_000_000


def test_the_authorizer_is_hardly_more_than_the_cryptography_in_it() -> None:
    assert zipped_bytes(bundle(CHECKOUT, AUTHORIZER)) < 5_500_000


def test_what_is_compiled_is_for_the_processor_that_the_functions_run_on(layer: Path) -> None:
    compiled = [*layer.rglob("*.so"), *bundle(CHECKOUT, AUTHORIZER).rglob("*.so")]
    assert {"_rust.abi3.so", "_cffi_backend.cpython-313-aarch64-linux-gnu.so"} <= {
        file.name for file in compiled
    }
    for file in compiled:
        head = file.read_bytes()[:20]
        assert head[:4] == b"\x7fELF"
        assert int.from_bytes(head[18:20], "little") == 183, file  # AArch64 (ELF header, e_machine)


def test_this_machine_runs_the_versions_that_are_shipped() -> None:
    described = {path.name for path in bundle(CHECKOUT, AUTHORIZER).glob("*.dist-info")}
    assert described
    assert described <= {path.name for path in EXTENSIONS.glob("*.dist-info")}


def test_all_that_is_left_out_is_there_to_be_left_out(layer: Path) -> None:
    installed = {
        path.relative_to(dependencies)
        for pins in ("requirements.txt", "requirements-authorizer.txt", "requirements-availability.txt")
        for dependencies in [bundling._dependencies(CHECKOUT, CHECKOUT / "lambdas" / pins)]
        for path in dependencies.rglob("*")
        if path.is_file()
    }
    for pattern in bundling._UNUSED:
        assert any(path.full_match(pattern) for path in installed), pattern


def test_every_service_has_the_endpoint_that_its_rules_would_give_it(layer: Path) -> None:
    assert_endpoints_as_by_rules(layer)


def write_stood_for(packages: Path, changed: Mapping[str, str]) -> None:
    """What importers and originals of `_STAND_INS` look like, but for what is `changed`."""
    files = {
        **dict.fromkeys([*bundling._STAND_INS, "urllib3/http2/probe.py"], "import heavy"),
        "botocore/client.py": "from botocore.docs.docstring import ClientMethodDocstring, PaginatorDocstring",
        "botocore/waiter.py": "from botocore.docs.docstring import WaiterDocstring",
        "urllib3/connection.py": "from .http2 import probe as http2_probe",
        **changed,
    }
    for file, source in files.items():
        (packages / file).parent.mkdir(parents=True, exist_ok=True)
        (packages / file).write_text(source, encoding="utf-8")


def test_what_stands_for_a_module_has_the_names_that_others_import(tmp_path: Path) -> None:
    write_stood_for(tmp_path, {})
    bundling._put_stand_ins(tmp_path)
    names: dict[str, Any] = {}
    for file in bundling._STAND_INS:
        exec((tmp_path / file).read_text(encoding="utf-8"), names)  # noqa: S102 (built here)
    assert names["ClientMethodDocstring"]("of", documents="anything") == ""


@pytest.mark.parametrize(
    ("file", "source", "module"),
    [
        ("botocore/session.py", "from botocore.docs import generate_docs", "botocore.docs"),
        ("botocore/waiter.py", "", "botocore.docs.docstring"),
        ("botocore/paginate.py", "def f():\n from .docs.docstring import New", "botocore.docs.docstring"),
        ("urllib3/poolmanager.py", "from urllib3.http2 import probe, inject_into_urllib3", "urllib3.http2"),
    ],
)
def test_a_library_that_imports_other_names_of_a_stand_in_is_an_error(
    tmp_path: Path, file: str, source: str, module: str
) -> None:
    write_stood_for(tmp_path, {file: source})
    with pytest.raises(BundlingError, match=rf"(?s)stands for {module} does not fit.*Fix: "):
        bundling._put_stand_ins(tmp_path)


def test_a_library_without_the_module_of_a_stand_in_is_an_error(tmp_path: Path) -> None:
    write_stood_for(tmp_path, {})
    (tmp_path / "botocore/docs/__init__.py").unlink()
    with pytest.raises(BundlingError, match=r"stands for botocore\.docs does not fit"):
        bundling._put_stand_ins(tmp_path)


def test_a_start_imports_no_parser_of_documents_and_no_reader_of_archives(source: FunctionSource) -> None:
    """They are in the standard library, and whoever imports them costs a start more than all of ours does."""
    heavy = {"html.parser", "importlib.metadata", "zipfile"}
    assert started(source.package).modules & heavy == set()


def test_no_bytecode_is_compiled_again_where_that_is_possible(
    source: FunctionSource, writable_layer: Path, tmp_path: Path
) -> None:
    """As it is where a process may write beside what it imports."""
    asset = shutil.copytree(bundle(CHECKOUT, source), tmp_path / "asset")
    before = content(tmp_path), content(writable_layer.parent)
    handler = source.handler.rpartition(".")[0]
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", WATCH + START, EXTENSIONS, asset, writable_layer, handler],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
    )
    places = str(tmp_path), str(writable_layer.parent)
    assert [line for line in done.stdout.splitlines() if any(place in line for place in places)] == []
    assert (content(tmp_path), content(writable_layer.parent)) == before


@pytest.mark.parametrize("of", [*SOURCES, "the layer"])
def test_the_runtime_takes_the_bytecode_without_a_look_at_the_sources(of: str, layer: Path) -> None:
    directory, runs_at = (
        (layer, "/opt/python/") if of == "the layer" else (bundle(CHECKOUT, SOURCES[of]), "/var/task/")
    )
    compiled = {path: path.read_bytes() for path in directory.rglob("*.pyc")}
    assert compiled
    for path, data in compiled.items():
        assert data[:4] == importlib.util.MAGIC_NUMBER
        # Found by the hash of its source (1), which is not to be compared with it (2).
        assert int.from_bytes(data[4:8], "little") == 1, path
        code = marshal.loads(data[16:])  # noqa: S302 (built here)
        assert isinstance(code, CodeType)
        assert code.co_filename.startswith(runs_at)


def test_sources_are_shipped_of_the_project_alone(asset: Path, layer: Path) -> None:
    assert not list(layer.rglob("*.py"))
    assert list(asset.rglob("*.py"))
    for path in asset.rglob("*.py"):
        assert path.read_bytes() == (CHECKOUT / "lambdas" / path.relative_to(asset)).read_bytes()
        assert Path(importlib.util.cache_from_source(str(path))).exists()


def test_botocore_has_only_the_operations_that_are_called(layer: Path) -> None:
    models = {
        path.parts[-3]: set(json.loads(path.read_text(encoding="utf-8"))["operations"])
        for path in (layer / "python" / "botocore" / "data").glob("*/*/service-2.json")
    }
    called: dict[str, set[str]] = {}
    for source in SOURCES.values():
        for service, operations in source.aws_operations.items():
            called.setdefault(service, set()).update(operations)
    assert models == called


def test_the_functions_trust_the_roots_of_aws_alone(layer: Path) -> None:
    roots = layer / "python" / "botocore" / "cacert.pem"
    context = ssl.create_default_context(cafile=str(roots))
    trusted = {root["serialNumber"] for root in context.get_ca_certs()}
    labels = [line for line in roots.read_text(encoding="utf-8").splitlines() if line.startswith("# Label: ")]
    assert len(trusted) == len(labels) == 5
    assert set(labels) == {
        *(f'# Label: "Amazon Root CA {number}"' for number in (1, 2, 3, 4)),
        '# Label: "Starfield Services Root Certificate Authority - G2"',
    }


def test_a_root_that_botocore_no_longer_has_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "cacert.pem").write_text('# Issuer: CN=x\n# Label: "Amazon Root CA 1"\n', encoding="utf-8")
    with pytest.raises(BundlingError, match=r"(?s)has 1 of the 5 roots of AWS.*Fix: "):
        bundling._trim_roots(tmp_path / "cacert.pem")


def test_garbage_is_collected_again_once_a_function_has_started(source: FunctionSource) -> None:
    """But not among all that a start imports."""
    assert started(source.package).collects_garbage
    assert started(source.package).frozen > 10_000


@pytest.mark.parametrize(
    ("environment", "checked"), [({}, True), ({"AWS_EXECUTION_ENV": "AWS_Lambda"}, False)]
)
def test_requests_are_checked_against_the_models_where_aws_does_not(
    environment: dict[str, str], checked: bool, layer: Path
) -> None:
    how = "print(type(sys.modules[handler]._calls._client._serializer).__name__)"
    printed = run(SOURCES["caller_context"], how, ENVIRONMENT | environment, layer)
    assert (printed == "ParamValidationDecorator\n") == checked


@pytest.fixture
def without_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither uv nor a compiler can be run."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("built again")

    monkeypatch.setattr(bundling, "find_uv_bin", refuse)
    monkeypatch.setattr("infra.assets.bundling.subprocess.run", refuse)


@pytest.mark.usefixtures("asset", "layer")
def test_nothing_is_built_twice(source: FunctionSource, request: pytest.FixtureRequest) -> None:
    request.getfixturevalue("without_tools")
    assert bundle(CHECKOUT, source).is_dir()
    assert bundle_dependencies(CHECKOUT, AWS_OPERATIONS).is_dir()


def test_changed_sources_are_built_anew_with_the_dependencies_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout = copy_checkout(tmp_path / "checkout")
    source = checkout / "lambdas" / "caller_context" / "domain.py"
    source.write_text(f"{source.read_text(encoding='utf-8')}\nCHANGED = True\n", encoding="utf-8")
    monkeypatch.setattr(bundling, "find_uv_bin", lambda: pytest.fail("installed again"))
    changed = bundle(checkout, SOURCES["caller_context"])
    assert changed.name != bundle(CHECKOUT, SOURCES["caller_context"]).name
    assert "CHANGED = True" in (changed / "caller_context" / "domain.py").read_text(encoding="utf-8")


def test_an_archive_holds_the_asset_and_can_be_read_by_every_user(asset: Path) -> None:
    with zipfile.ZipFile(archive(asset).path) as archived:
        assert {entry.filename: archived.read(entry) for entry in archived.infolist()} == content(asset)
        assert {entry.external_attr >> 16 for entry in archived.infolist()} == {0o644}


def test_the_hash_of_an_archive_is_that_of_its_content(tmp_path: Path) -> None:
    hashes = []
    for number, files in enumerate(
        ({"a": "1", "b": "2"}, {"b": "2", "a": "1"}, {"a": "12", "b": ""}, {"a": "1"})
    ):
        asset = tmp_path / str(number)
        asset.mkdir()
        for name, text in files.items():
            (asset / name).write_text(text, encoding="utf-8")
        hashes.append(archive(asset).content_hash)
    one, same, *others = hashes
    assert one == same
    assert len({one, *others}) == 3


def test_another_python_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.assets.bundling.sys.version_info", (3, 12, 1))
    with pytest.raises(BundlingError, match=r"Python 3\.12 cannot build .*\n  Fix: .*Python 3\.13"):
        bundle(CHECKOUT, SOURCES["start_call"])


def test_dependencies_that_cannot_be_had_are_named_with_the_fix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout = copy_checkout(tmp_path / "checkout")
    (checkout / ".cache" / "dependencies").unlink()
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "nothing-cached"))
    with pytest.raises(
        BundlingError, match=r"(?s)uv could not install lambdas/requirements\.txt:\n.*\n  Fix: "
    ):
        bundle_dependencies(checkout, AWS_OPERATIONS)
    assert [path for path in (checkout / ".cache").rglob("*") if path.is_file()] == []


def test_a_source_that_does_not_compile_is_named(tmp_path: Path) -> None:
    checkout = copy_checkout(tmp_path / "checkout")
    (checkout / "lambdas" / "caller_context" / "domain.py").write_text("def", encoding="utf-8")
    with pytest.raises(BundlingError, match=r"(?s)do not compile.*lambdas/caller_context/domain\.py"):
        bundle(checkout, SOURCES["caller_context"])
    assert not list((checkout / ".cache").glob("assets/caller-context-*"))


def test_a_function_without_sources_is_named(tmp_path: Path) -> None:
    with pytest.raises(BundlingError, match=r"no module caller_context\.handler.*\n  Fix: "):
        bundle(tmp_path, SOURCES["caller_context"])


def test_another_layer_is_built_for_other_operations() -> None:
    more = [*AWS_OPERATIONS, {"connect": ("DescribeContact",)}]
    assert bundle_dependencies(CHECKOUT, more) != bundle_dependencies(CHECKOUT, AWS_OPERATIONS)
    assert bundle_dependencies(CHECKOUT, AWS_OPERATIONS * 2) == bundle_dependencies(CHECKOUT, AWS_OPERATIONS)
