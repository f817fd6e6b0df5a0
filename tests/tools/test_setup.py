"""setup.sh on a machine that lacks something: alone in a folder, with a PATH of its own."""

import shutil
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
SHELL = shutil.which("sh") or "/bin/sh"


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A checkout with nothing but setup.sh, and `bin`, the only folder on PATH."""
    shutil.copy(CHECKOUT / "setup.sh", tmp_path)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/dirname").symlink_to(shutil.which("dirname") or "/usr/bin/dirname")
    return tmp_path


def program(machine: Path, name: str, script: str) -> None:
    (machine / "bin" / name).write_text(f"#!{SHELL}\n{script}\n")
    (machine / "bin" / name).chmod(0o755)


def setup(machine: Path, part: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [SHELL, str(machine / "setup.sh"), part],
        env={"PATH": str(machine / "bin"), "HOME": str(machine), "PYENV_ROOT": str(machine / "pyenv")},
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    )


def test_what_cannot_be_installed_shows_why_and_what_to_do(machine: Path) -> None:
    program(machine, "npm", "echo 'npm error code E404' >&2; exit 1")
    done = setup(machine, "node")
    assert done.returncode == 1
    assert "npm error code E404" in done.stderr
    assert "npm_config_registry" in done.stderr


def test_npm_caches_in_the_checkout(machine: Path) -> None:
    program(machine, "npm", 'echo "$npm_config_cache $UV_CACHE_DIR"')
    assert setup(machine, "node").stdout.split() == [f"{machine}/.cache/{name}" for name in ("npm", "uv")]


@pytest.mark.parametrize("part", ["python", "local", "functions"])
def test_without_python_3_13_it_says_how_to_get_it(part: str, machine: Path) -> None:
    done = setup(machine, part)
    assert done.returncode == 1
    assert "Python 3.13 is missing" in done.stderr
    assert "pyenv install 3.13" in done.stderr


def test_a_shim_that_answers_command_not_found_is_no_python(machine: Path) -> None:
    program(machine, "python3.13", "echo 'pyenv: python3.13: command not found' >&2; exit 127")
    done = setup(machine, "local")
    assert done.returncode == 1
    assert "Python 3.13 is missing" in done.stderr


def test_a_python_of_pyenv_that_is_not_on_the_path_is_found(machine: Path) -> None:
    found = machine / "pyenv/versions/3.13.9/bin"
    found.mkdir(parents=True)
    # Names itself, as it is asked to, and can make virtual environments.
    (found / "python3.13").write_text(
        f'#!{SHELL}\n[ "$2" = "import ensurepip" ] || echo "{found}/python3.13"\n'
    )
    (found / "python3.13").chmod(0o755)
    assert f"a virtual environment of {found}/python3.13" in setup(machine, "local").stderr


def test_the_cdk_s_library_has_a_home_in_the_checkout(tmp_path: Path) -> None:
    """It would write to ~/.cdk."""
    folder = tmp_path / "a folder"
    (folder / ".venv/bin").mkdir(parents=True)
    shutil.copy(CHECKOUT / ".venv/bin/jsii-node", folder / ".venv/bin")
    (folder / ".venv/bin/node").write_text(f'#!{SHELL}\necho "$HOME|$1"\n')
    (folder / ".venv/bin/node").chmod(0o755)
    printed = subprocess.run(
        [folder / ".venv/bin/jsii-node", "a b"], capture_output=True, text=True, check=True, timeout=10
    ).stdout
    home, _, argument = printed.strip().partition("|")
    assert (Path(home).resolve(), argument) == ((folder / ".cache").resolve(), "a b")
