"""What one run of the local AWS is used with: the credentials of its account, and the token of `/_local/`.

Both are made for each run and lie in the run's folder, which is its owner's alone: no web page and no other
user of the machine can read them. The two files are such as tools take:

    AWS_SHARED_CREDENTIALS_FILE=.local/credentials aws --endpoint-url http://127.0.0.1:4566 …
    curl -H @.local/control-header http://127.0.0.1:4566/_local/contacts
"""

import configparser
import os
import secrets
import shlex
from dataclasses import dataclass, field
from pathlib import Path

CONTROL_HEADER = "X-Local-Token"

_CREDENTIALS_FILE = "credentials"
_CONTROL_HEADER_FILE = "control-header"
_PROFILE = "default"
_SECRET_BYTES = 32


@dataclass(frozen=True)
class Access:
    """The run's secrets. The id of the access key is the account: such keys are the root user's here."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    control_token: str = field(repr=False)

    @classmethod
    def create(cls, folder: Path, *, account: str) -> "Access":
        """New secrets, written into the folder, which nobody but its owner may enter from now on."""
        folder.chmod(0o700)
        access = cls(account, secrets.token_urlsafe(_SECRET_BYTES), secrets.token_urlsafe(_SECRET_BYTES))
        _write(
            folder / _CREDENTIALS_FILE,
            f"[{_PROFILE}]\n"
            f"aws_access_key_id = {access.access_key_id}\n"
            f"aws_secret_access_key = {access.secret_access_key}\n",
        )
        _write(control_header_file(folder), f"{CONTROL_HEADER}: {access.control_token}\n")
        return access

    @classmethod
    def read(cls, folder: Path) -> "Access":
        """Those of the run whose folder that is. Raises OSError where none runs."""
        credentials = configparser.RawConfigParser()
        credentials.read_string((folder / _CREDENTIALS_FILE).read_text(encoding="utf-8"))
        header = control_header_file(folder).read_text(encoding="utf-8")
        return cls(
            access_key_id=credentials[_PROFILE]["aws_access_key_id"],
            secret_access_key=credentials[_PROFILE]["aws_secret_access_key"],
            control_token=header.partition(":")[2].strip(),
        )

    @property
    def control_headers(self) -> dict[str, str]:
        """What a request to `/_local/` carries."""
        return {CONTROL_HEADER: self.control_token}

    @staticmethod
    def forget(folder: Path) -> None:
        """Remove the files."""
        for file in (folder / _CREDENTIALS_FILE, control_header_file(folder)):
            file.unlink(missing_ok=True)


def control_curl(folder: Path, endpoint_url: str) -> str:
    """The beginning of a command line for control requests, up to what comes behind `/_local`."""
    return f"curl -H {shlex.quote(f'@{control_header_file(folder)}')} {endpoint_url}/_local"


def control_header_file(folder: Path) -> Path:
    """The file of which `curl -H @<file>` makes the header of a control request."""
    return folder / _CONTROL_HEADER_FILE


def _write(file: Path, text: str) -> None:
    # A new file with this mode from its first byte on, whatever lay there.
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as new:
        new.write(text)
