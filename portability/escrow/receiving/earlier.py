"""What lies there of a deposit that was received before, against what the memory has of it; nothing is written."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterator
from pathlib import Path

from portability.errors import PortabilityError
from portability.escrow.receiving.findings import Found, finding
from portability.escrow.receiving.memory import Memory
from portability.escrow.receiving.receipts import Receipt
from portability.escrow.signed_files import read_bounded
from portability.sealing.manifest import MANIFEST_JSON, MANIFEST_SIGNATURE
from portability.sealing.reading import parse_manifest

__all__ = ["hash_of", "place_of", "what_changed"]


def place_of(receipt: Receipt) -> str:
    """Return a deposit's place as findings name it."""
    return f"{receipt.agreement}/{receipt.sequence:06d}"


def what_changed(folder: Path, memory: Memory, receipt: Receipt) -> Found | None:
    """Compare a deposit with the memory: its manifest and signature byte by byte, its files by size.

    Raises:
        ConfigError: The memory lacks its manifest.
        OSError: It cannot be looked at.
    """
    place = place_of(receipt)
    path = folder / place
    if not (path / MANIFEST_JSON).is_file() or path.is_symlink():
        return finding("A202", place)
    if hash_of(path / MANIFEST_JSON) != receipt.manifest_sha256:
        return finding("A201", f"{place}/{MANIFEST_JSON}")
    if hash_of(path / MANIFEST_SIGNATURE) != receipt.signature_sha256:
        return finding("A201", f"{place}/{MANIFEST_SIGNATURE}")
    # What failed when it came may well be as it was then; its receipt says so already.
    if not receipt.passed:
        return None
    manifest = parse_manifest(memory.manifest(receipt.agreement, receipt.sequence))
    wrong = [f"{place}/{each}" for each in _other_files(path, {f.path: f.size_bytes for f in manifest.files})]
    return finding("A203", place, *wrong) if wrong else None


def hash_of(path: Path) -> str:
    """Return a small file's hash; nothing when it cannot be read."""
    try:
        return hashlib.sha256(read_bounded(path)).hexdigest()
    except PortabilityError:
        return ""


def _other_files(root: Path, listed: dict[str, int]) -> Iterator[str]:
    """Yield the files of a deposit that are missing, of another size, no files, or not listed."""
    there = {str(path.relative_to(root)): path.lstat() for path in root.rglob("*")}
    for path, size_bytes in listed.items():
        found = there.get(path)
        if found is None or not stat.S_ISREG(found.st_mode) or found.st_size != size_bytes:
            yield path
    for path, status in there.items():
        if not stat.S_ISDIR(status.st_mode) and path not in listed and path not in (MANIFEST_JSON, MANIFEST_SIGNATURE):
            yield path
