"""BagIt 1.0 (RFC 8493) for a directory whose payload is complete: checksums of every file, written last.

``write_bag`` reads the payload and writes the tag files; it never changes the payload. Call it when ``data/`` and every
other tag file (export.json) stand; a signature over tagmanifest-sha256.txt comes after it. All lines end in LF and
payload names need no escaping (the naming rules forbid what would), so ``sha256sum -c`` and any BagIt tool read
the manifests alike.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from portability.archive import DATA, is_safe_path
from portability.errors import FormatError
from portability.limits import DEFAULT_LIMITS
from portability.streams import Digest

__all__ = ["BAGIT_TXT", "BAG_INFO_TXT", "MANIFEST", "SIGNATURE", "TAGMANIFEST", "Progress", "write_bag"]

BAGIT_TXT = "bagit.txt"
BAG_INFO_TXT = "bag-info.txt"
MANIFEST = "manifest-sha256.txt"
TAGMANIFEST = "tagmanifest-sha256.txt"
SIGNATURE = f"{TAGMANIFEST}.sig"

Progress = Callable[[str, int], None]
"""Told the payload path and the size of each file once its checksum is known."""

_DECLARATION = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
_OXUM = "Payload-Oxum"
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?")
# Readers split lines at more than LF (U+0085, U+2028, ...): a value keeps no character that ends one.
_NOT_IN_A_LINE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_NOTHING_KNOWN: Mapping[str, Digest] = {}


def write_bag(
    root: Path,
    *,
    info: Mapping[str, str],
    progress: Progress | None = None,
    known: Mapping[str, Digest] = _NOTHING_KNOWN,
) -> None:
    """Make a directory a bag.

    Args:
        root: The directory that contains ``data/``.
        info: Lines of bag-info.txt in their order (``Bagging-Date``, ...); Payload-Oxum follows.
        progress: Told of every payload file.
        known: Digests of files hashed while they were written, by their path below ``data/``; not read again.

    Raises:
        FormatError: A file is neither regular nor well named, there are too many, or a known one has changed in length.
    """
    lines = _bag_info_lines(info)
    files = _payload_files(root / DATA)
    octets = 0
    with (root / MANIFEST).open("w", encoding="utf-8", newline="\n") as manifest:
        for path in files:
            sha256, size = _checksum(root / DATA / path, path, known.get(path))
            manifest.write(f"{sha256}  {DATA}/{path}\n")
            octets += size
            if progress is not None:
                progress(path, size)
    _write(root / BAGIT_TXT, _DECLARATION)
    _write(root / BAG_INFO_TXT, "".join([*lines, f"{_OXUM}: {octets}.{len(files)}\n"]))
    tags = ((_file_sha256(root / path), path) for path in _tag_files(root))
    _write(root / TAGMANIFEST, "".join(f"{sha256}  {path}\n" for sha256, path in tags))


def _bag_info_lines(info: Mapping[str, str]) -> list[str]:
    lines = []
    for label, value in info.items():
        if not _LABEL.fullmatch(label) or label == _OXUM:
            raise ValueError(f"not a label that a caller may give: {label!r}")
        lines.append(f"{label}: {' '.join(_NOT_IN_A_LINE.sub(' ', value).split())}\n")
    return lines


def _payload_files(data: Path) -> list[str]:
    files = []
    for path in _regular_files(data):
        if not is_safe_path(path):
            raise FormatError("is not a name that an archive's payload may use", place=f"{DATA}/{path}")
        files.append(path)
        if len(files) > DEFAULT_LIMITS.manifest_lines_max:
            raise FormatError(f"there are more files than the limit of {DEFAULT_LIMITS.manifest_lines_max}", place=DATA)
    return sorted(files)


def _tag_files(root: Path) -> list[str]:
    """Return every file outside the payload, in order, but the tag manifest and its signature."""
    return sorted(path for path in _regular_files(root, skip=DATA) if not path.startswith(TAGMANIFEST))


def _regular_files(top: Path, *, skip: str = "") -> Iterator[str]:
    """Yield the paths of all files below a directory, relative to it; links and devices are refused."""
    stack = [""]
    while stack:
        folder = stack.pop()
        with os.scandir(top / folder) as entries:
            for entry in entries:
                path = f"{folder}{entry.name}"
                if entry.is_dir(follow_symlinks=False):
                    if path != skip:
                        stack.append(f"{path}/")
                elif entry.is_file(follow_symlinks=False):
                    yield path
                else:
                    raise FormatError("is a link or a device, which no archive contains", place=path)


def _checksum(file: Path, path: str, known: Digest | None) -> tuple[str, int]:
    size = file.stat().st_size
    if known is None:
        return _file_sha256(file), size
    if known.size_bytes != size:
        raise FormatError(f"has {size} bytes but had {known.size_bytes} when it was written", place=f"{DATA}/{path}")
    return known.sha256, size


def _file_sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _write(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8", newline="\n")
