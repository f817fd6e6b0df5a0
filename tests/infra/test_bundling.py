"""The assets of the functions: what is in them, and that they are built the same everywhere."""

from __future__ import annotations

import importlib.util
import io
import json
import marshal
import ssl
import subprocess
import sys
import zipfile
from pathlib import Path
from types import CodeType

import pytest

from infra import bundling
from infra.bundling import FUNCTIONS, BundlingError, bundle, bundle_dependencies
from tests.infra.checkout_copy import copy_checkout
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
    "CALLER_ATTRIBUTES": "[]",
    "CLAIM_ATTRIBUTES": "{}",
    "DISPLAY_NAME_CLAIM": "name",
    "CAPABILITIES": "[]",
    "ALLOWED_ORIGINS": "[]",
    **dict.fromkeys(("REPLAY_SECONDS", "REFERENCE_SECONDS", "START_LEASE_SECONDS"), "30"),
    **dict.fromkeys(("LONGEST_CALL_SECONDS", "STARTS_PER_WINDOW", "WINDOW_SECONDS"), "60"),
    "VOICE_CONNECTOR_ARN": "arn:aws:chime:eu-west-2:111122223333:vc/v",
    "CALLER_NUMBER": "+12065550100",
}
# What makes the calls of all functions bridged ones.
OVER_THE_BRIDGE = {
    "SIP_MEDIA_APPLICATION_ID": "s",
    "CONNECT_NUMBER": "+12065550101",
    "SIP_HEADERS": "{}",
    "EXTERNAL_MEETING_ID": "InAppCalling-test",
}

# Imports a handler as Lambda does, and prints the files that this took from the asset and from the layer.
IMPORT_HANDLER = """
import importlib, json, sys
asset, layer, handler = sys.argv[1:]
sys.path[:0] = [asset, layer]
importlib.import_module(handler)
files = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
print(json.dumps([[file for file in files if file and file.startswith(place)] for place in (asset, layer)]))
"""


@pytest.fixture(params=FUNCTIONS)
def name(request: pytest.FixtureRequest) -> str:
    function: str = request.param
    return function


@pytest.fixture
def asset(name: str) -> Path:
    return bundle(CHECKOUT, name)


@pytest.fixture
def layer() -> Path:
    return bundle_dependencies(CHECKOUT)


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    bundle_dependencies(CHECKOUT)
    for function in FUNCTIONS:
        bundle(CHECKOUT, function)
    return copy_checkout(tmp_path_factory.mktemp("elsewhere") / "checkout")


def content(directory: Path) -> dict[str, bytes]:
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file()
    }


def test_two_checkouts_build_the_same_asset(name: str, asset: Path, elsewhere: Path) -> None:
    again = bundle(elsewhere, name)
    assert elsewhere in again.parents
    assert content(again) == content(asset)


def test_two_checkouts_build_the_same_layer(layer: Path, elsewhere: Path) -> None:
    again = bundle_dependencies(elsewhere)
    assert elsewhere in again.parents
    assert content(again) == content(layer)


def imported(name: str, **environment: str) -> tuple[set[str], set[str]]:
    """What a handler imports of its asset and of the layer, by the first part of the path."""
    asset, layer = bundle(CHECKOUT, name), bundle_dependencies(CHECKOUT) / "python"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", IMPORT_HANDLER, str(asset), str(layer), f"{name}.handler"],
        env=ENVIRONMENT | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    of_asset, of_layer = json.loads(done.stdout)
    return (
        {Path(file).relative_to(asset).parts[0] for file in of_asset},
        {Path(file).relative_to(layer).parts[0] for file in of_layer},
    )


def test_an_asset_holds_only_what_its_handler_imports(name: str, asset: Path) -> None:
    assert {path.name for path in asset.iterdir()} == imported(name)[0]


def test_a_handler_of_bridged_calls_needs_nothing_else(name: str) -> None:
    """Clients are made at import, of the models that the layer has."""
    assert imported(name, **OVER_THE_BRIDGE) == imported(name)


def test_the_layer_holds_only_what_handlers_import(layer: Path) -> None:
    used = set.union(*(imported(function)[1] for function in FUNCTIONS))
    packages = (layer / "python").iterdir()
    assert {path.name for path in packages if not path.name.endswith(".dist-info")} == used


def test_of_a_packages_metadata_only_its_name_and_version_stay(layer: Path) -> None:
    described = list(layer.glob("python/*.dist-info/*"))
    assert described
    assert {path.name for path in described} == {"METADATA"}


def test_all_assets_together_are_small(layer: Path) -> None:
    size = 0
    for directory in (layer, *(bundle(CHECKOUT, function) for function in FUNCTIONS)):
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as written:
            for file, data in content(directory).items():
                written.writestr(file, data)
        size += len(archive.getvalue())
    assert size < 6_000_000


@pytest.mark.parametrize("of", [*FUNCTIONS, "the layer"])
def test_the_runtime_takes_the_bytecode_without_a_look_at_the_sources(of: str, layer: Path) -> None:
    directory, runs_at = (
        (layer, "/opt/python/") if of == "the layer" else (bundle(CHECKOUT, of), "/var/task/")
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


def test_sources_are_shipped_of_the_project_alone(name: str, asset: Path, layer: Path) -> None:
    assert not list(layer.rglob("*.py"))
    assert {path.relative_to(asset).parts[0] for path in asset.rglob("*.py")} == set(FUNCTIONS[name].packages)
    for path in asset.rglob("*.py"):
        assert path.read_bytes() == (CHECKOUT / "lambdas" / path.relative_to(asset)).read_bytes()
        assert Path(importlib.util.cache_from_source(str(path))).exists()


def test_botocore_knows_only_the_operations_that_are_called(layer: Path) -> None:
    models = {
        path.parts[-3]: set(json.loads(path.read_text(encoding="utf-8"))["operations"])
        for path in (layer / "python" / "botocore" / "data").glob("*/*/service-2.json")
    }
    called: dict[str, set[str]] = {}
    for function in FUNCTIONS.values():
        for service, operations in function.aws_operations.items():
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


def test_a_root_that_botocore_no_longer_has_is_told(tmp_path: Path) -> None:
    (tmp_path / "cacert.pem").write_text('# Issuer: CN=x\n# Label: "Amazon Root CA 1"\n', encoding="utf-8")
    with pytest.raises(BundlingError, match=r"(?s)has 1 of the 5 roots of AWS.*Fix: "):
        bundling._trim_roots(tmp_path / "cacert.pem")


def test_garbage_is_collected_again_once_a_function_has_started(name: str) -> None:
    """Without it a start would look for garbage among all that it imports."""
    asset, layer = bundle(CHECKOUT, name), bundle_dependencies(CHECKOUT) / "python"
    script = (
        "import gc, importlib, sys; sys.path[:0] = sys.argv[1:3]; importlib.import_module(sys.argv[3]); "
        "print(gc.isenabled(), gc.get_freeze_count() > 10_000)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", script, str(asset), str(layer), f"{name}.handler"],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["True", "True"]


@pytest.fixture
def without_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither uv nor a compiler can be run."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("built again")

    monkeypatch.setattr(bundling, "find_uv_bin", refuse)
    monkeypatch.setattr("infra.bundling.subprocess.run", refuse)


@pytest.mark.usefixtures("asset", "layer")
def test_nothing_is_built_twice(name: str, request: pytest.FixtureRequest) -> None:
    request.getfixturevalue("without_tools")
    assert bundle(CHECKOUT, name).is_dir()
    assert bundle_dependencies(CHECKOUT).is_dir()


def test_changed_sources_are_built_anew_with_the_dependencies_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout = copy_checkout(tmp_path / "checkout")
    source = checkout / "lambdas" / "caller_context" / "domain.py"
    source.write_text(f"{source.read_text(encoding='utf-8')}\nCHANGED = True\n", encoding="utf-8")
    monkeypatch.setattr(bundling, "find_uv_bin", lambda: pytest.fail("installed again"))
    changed = bundle(checkout, "caller_context")
    assert changed.name != bundle(CHECKOUT, "caller_context").name
    assert "CHANGED = True" in (changed / "caller_context" / "domain.py").read_text(encoding="utf-8")


def test_another_python_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.bundling.sys.version_info", (3, 12, 1))
    with pytest.raises(BundlingError, match=r"Python 3\.12 cannot build .*\n  Fix: .*Python 3\.13"):
        bundle(CHECKOUT, "start_call")


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
        bundle_dependencies(checkout)
    assert [path for path in (checkout / ".cache").rglob("*") if path.is_file()] == []


def test_a_source_that_does_not_compile_is_named(tmp_path: Path) -> None:
    checkout = copy_checkout(tmp_path / "checkout")
    (checkout / "lambdas" / "caller_context" / "broken.py").write_text("def", encoding="utf-8")
    with pytest.raises(BundlingError, match=r"(?s)do not compile.*/var/task/caller_context/broken\.py"):
        bundle(checkout, "caller_context")
    assert not list((checkout / ".cache").glob("assets/caller_context-*"))


def test_a_function_without_sources_is_named(tmp_path: Path) -> None:
    with pytest.raises(BundlingError, match=r"lambdas/calls holds no Python.*FUNCTIONS"):
        bundle(tmp_path, "caller_context")
