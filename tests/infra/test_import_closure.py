"""What is shipped of a source tree: what a handler imports, and what is named beside."""

from pathlib import Path

import pytest

from infra.assets.import_closure import import_closure


def written(root: Path, **sources: str) -> Path:
    """A tree with these modules, `a__b` for `a/b.py`; a package is one with `__init__`, which is written."""
    for name, source in sources.items():
        path = root.joinpath(*name.split("__")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
        for package in path.relative_to(root).parents:
            if package.name:
                (root / package / "__init__.py").touch()
    return root


def modules(root: Path, *names: str) -> list[str]:
    files = [path.relative_to(root).with_suffix("") for path in import_closure(root, names)]
    return [file.as_posix() for file in files if file.name != "__init__"]


@pytest.mark.parametrize(
    "source",
    [
        "import calls.table",
        "import calls.table as table",
        "from calls import table",
        "from calls.table import Table",
        "from .table import Table",
        "from . import table",
        "def f():\n    from calls.table import Table",
        "try:\n    import calls.table\nexcept ImportError:\n    pass",
        "if TYPE_CHECKING:\n    import calls.other\nelse:\n    import calls.table",
    ],
)
def test_an_import_counts_however_it_is_written(tmp_path: Path, source: str) -> None:
    root = written(tmp_path, calls__record=source, calls__table="", calls__other="")
    assert modules(root, "calls.record") == ["calls/record", "calls/table"]


@pytest.mark.parametrize("test", ["TYPE_CHECKING", "typing.TYPE_CHECKING"])
def test_what_type_checkers_alone_import_is_left_out(tmp_path: Path, test: str) -> None:
    root = written(tmp_path, a=f"if {test}:\n    import b", b="")
    assert modules(root, "a") == ["a"]


def test_packages_come_with_their_modules_and_with_what_they_import(tmp_path: Path) -> None:
    root = written(tmp_path, a__b__c="", d="", e="")
    (root / "a" / "__init__.py").write_text("import d", encoding="utf-8")
    files = [path.relative_to(root).as_posix() for path in import_closure(root, ["a.b.c"])]
    assert files == ["a/__init__.py", "a/b/__init__.py", "a/b/c.py", "d.py"]


def test_modules_of_other_people_and_import_cycles_are_no_matter(tmp_path: Path) -> None:
    root = written(tmp_path, a="import json, b", b="from a import missing\nimport boto3.session")
    assert modules(root, "a") == ["a", "b"]


def test_a_module_that_is_loaded_by_a_computed_name_is_named_beside(tmp_path: Path) -> None:
    root = written(tmp_path, a="importlib.import_module(f'{name}.transport')", c__transport="import d", d="")
    assert modules(root, "a") == ["a"]
    assert modules(root, "a", "c.transport") == ["a", "c/transport", "d"]


def test_a_named_module_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModuleNotFoundError, match=r"c\.transport"):
        import_closure(written(tmp_path, a=""), ["a", "c.transport"])
