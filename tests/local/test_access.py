import shlex
import stat
from pathlib import Path

import botocore.session
import pytest

from local.access import Access, control_curl, control_header_file

ACCOUNT = "111122223333"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_secrets_of_a_run_are_its_owners_alone(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir(mode=0o755)
    before = folder / "credentials"
    before.write_text("readable by everybody")
    before.chmod(0o644)
    Access.create(folder, account=ACCOUNT)
    assert mode(folder) == 0o700
    assert {mode(file) for file in folder.iterdir()} == {0o600}


def test_each_run_has_other_secrets(tmp_path: Path) -> None:
    first = Access.create(tmp_path, account=ACCOUNT)
    second = Access.create(tmp_path, account=ACCOUNT)
    assert first.access_key_id == second.access_key_id == ACCOUNT
    assert first.secret_access_key != second.secret_access_key
    assert first.control_token != second.control_token
    assert min(len(first.secret_access_key), len(first.control_token)) >= 40


def test_what_was_written_is_read(tmp_path: Path) -> None:
    created = Access.create(tmp_path, account=ACCOUNT)
    assert Access.read(tmp_path) == created
    [line] = control_header_file(tmp_path).read_text().splitlines()
    assert line == f"X-Local-Token: {created.control_token}"


def test_the_aws_tools_read_the_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    created = Access.create(tmp_path, account=ACCOUNT)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    found = botocore.session.Session().get_credentials()
    assert found
    assert (found.access_key, found.secret_key) == (created.access_key_id, created.secret_access_key)


def test_the_printed_command_can_be_pasted_whatever_the_folder_is_called(tmp_path: Path) -> None:
    folder = tmp_path / "a b"
    _, _, header, url = shlex.split(f"{control_curl(folder, 'http://127.0.0.1:1')}/contacts")
    assert (header, url) == (f"@{folder}/control-header", "http://127.0.0.1:1/_local/contacts")


def test_nothing_is_left_after_the_run(tmp_path: Path) -> None:
    Access.create(tmp_path, account=ACCOUNT)
    Access.forget(tmp_path)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OSError, match="No such file"):
        Access.read(tmp_path)


def test_secrets_are_not_shown_by_accident(tmp_path: Path) -> None:
    access = Access.create(tmp_path, account=ACCOUNT)
    assert access.secret_access_key not in repr(access)
    assert access.control_token not in repr(access)
