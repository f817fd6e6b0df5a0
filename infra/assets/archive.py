"""An asset as one ZIP file: what the CDK copies into each cloud assembly, and not a thousand files."""

import hashlib
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Archive:
    """The file that is uploaded, and the hash of what is in it."""

    path: Path
    content_hash: str


def archive(asset: Path) -> Archive:
    """The ZIP file of an asset's directory, written beside it if it is not there.

    Its hash is that of the content, since not every machine compresses it to the same bytes.
    """
    files = sorted(path for path in asset.rglob("*") if path.is_file())
    finished = asset.with_name(f"{asset.name}.zip")
    if not finished.exists():
        with tempfile.TemporaryDirectory(prefix=".building-", dir=asset.parent) as workplace:
            under_way = Path(workplace) / finished.name
            with zipfile.ZipFile(under_way, "w") as written:
                for path in files:
                    entry = zipfile.ZipInfo(path.relative_to(asset).as_posix())
                    # Lambda's user must be able to read it, whatever this machine's umask is.
                    entry.external_attr = 0o644 << 16
                    written.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
            under_way.replace(finished)
    return Archive(finished, content_hash(asset, files))


def content_hash(root: Path, files: Sequence[Path]) -> str:
    """The SHA-256 of files and of their paths under `root`, in the order given."""
    digest = hashlib.sha256()
    for path in files:
        content = path.read_bytes()
        digest.update(f"{path.relative_to(root).as_posix()}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()
