"""The scan for secrets finds what was left in a file, and shows it to nobody.

The secrets are made when the tests run: none lies here.
"""

from __future__ import annotations

import base64
import hashlib
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from supply_chain import secret_scan
from supply_chain.secret_scan import ScanError, scan, tracked


def random_text(seed: str, length: int) -> str:
    return base64.b64encode(hashlib.sha512(seed.encode()).digest()).decode()[:length]


KEY_ID = "AKIA" + base64.b32encode(hashlib.sha256(b"id").digest()).decode()[:16]
KEY = random_text("key", 40)
CLIENT_SECRET = random_text("client", 48)
PRIVATE_KEY = (
    ec.generate_private_key(ec.SECP256R1())
    .private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    .decode()
)
PLANTED = {
    "settings.py": f'aws_access_key_id = "{KEY_ID}"\naws_secret_access_key = "{KEY}"\n',
    "folder/key.pem": PRIVATE_KEY,
    "prod.toml": f'[[providers]]\nclient_secret = "{CLIENT_SECRET}"\n',
}


def write(folder: Path, files: dict[str, str]) -> list[Path]:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return [Path(name) for name in files]


def test_keys_of_aws_private_keys_and_client_secrets_are_found_and_not_shown(tmp_path: Path) -> None:
    found = scan(tmp_path, write(tmp_path, PLANTED))
    for name in PLANTED:
        assert f"Path............: {name}" in found
    for rule in ("AWS-ACCESS-TOKEN", "PRIVATE-KEY", "CUSTOM.NAMED-SECRET"):
        assert rule in found
    for secret in (KEY, CLIENT_SECRET, PRIVATE_KEY.splitlines()[1]):
        assert secret not in found


def test_a_line_may_be_allowed_and_names_are_no_secrets(tmp_path: Path) -> None:
    files = {
        "allowed.toml": f'client_secret = "{CLIENT_SECRET}" # kingfisher:ignore (invented)\n',
        "code.py": 'token = request.headers["Authorization"]\npassword = settings.password_length_v2_1\n',
        "reference.toml": 'client_secret_arn = "arn:aws:secretsmanager:eu-west-2:111122223333:secret:acme"\n',
        "requirements.txt": f"package==1 --hash=sha256:{hashlib.sha256(b'').hexdigest()}\n",
    }
    assert scan(tmp_path, write(tmp_path, files)) == ""


def test_a_scan_that_does_not_come_about_is_no_clean_one(tmp_path: Path) -> None:
    with pytest.raises(ScanError, match=r"kingfisher ended with status \d+:\n.*missing\.py"):
        scan(tmp_path, [Path("missing.py")])


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A git checkout: one file committed, one not yet, one ignored, one removed since."""
    write(tmp_path, {".gitignore": "ignored\n", "removed.py": "", "committed.py": ""})
    for command in (["init", "--quiet"], ["add", "--all"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    write(tmp_path, {"new.py": "", "ignored": PRIVATE_KEY})
    (tmp_path / "removed.py").unlink()
    return tmp_path


def test_what_git_has_or_would_add_is_scanned(checkout: Path) -> None:
    assert tracked(checkout) == [Path(".gitignore"), Path("committed.py"), Path("new.py")]


def test_without_git_nothing_is_said_to_be_clean(tmp_path: Path) -> None:
    with pytest.raises(ScanError, match="git cannot list the files"):
        tracked(tmp_path)


def test_the_command_fails_when_it_finds_something(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(secret_scan, "_CHECKOUT", checkout)
    monkeypatch.setattr(secret_scan, "scan", lambda _, files: "found" if Path("new.py") in files else "")
    assert secret_scan.main() == 1
    assert "found\n  Fix: " in capsys.readouterr().out
    (checkout / "new.py").unlink()
    assert secret_scan.main() == 0
    assert "secrets: 2 files, none found" in capsys.readouterr().out


def test_the_command_fails_when_it_cannot_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(secret_scan, "_CHECKOUT", tmp_path)
    assert secret_scan.main() == 1
    assert "git cannot list the files" in capsys.readouterr().err
