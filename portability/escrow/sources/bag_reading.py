"""Reading a bag that nobody trusts: every file listed, every hash right, nothing else there, no link."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from portability.archive import DATA, is_safe_path
from portability.errors import FormatError
from portability.formats.bag import MANIFEST, TAGMANIFEST
from portability.limits import Limits

__all__ = ["check_bag"]

_LINE = re.compile(r"([0-9a-f]{64})  (\S.*)")


def check_bag(root: Path, limits: Limits) -> int:
    """Check a bag against its own manifests, and return how many payload files it has.

    Raises:
        FormatError: It is no bag, or one file is not as listed; the file is named.
    """
    listed = _manifest(root / MANIFEST, limits)
    tags = _manifest(root / TAGMANIFEST, limits)
    present = set(_files(root, limits))
    wrong = sorted(
        path for path in listed if not path.startswith(f"{DATA}/") or not is_safe_path(path[len(DATA) + 1 :])
    )
    if wrong:
        raise FormatError("is not a path that a deposit has", place=wrong[0][:200])
    unlisted = sorted(present - listed.keys() - tags.keys() - {TAGMANIFEST, f"{TAGMANIFEST}.sig"})
    missing = sorted((listed.keys() | tags.keys()) - present)
    if unlisted or missing:
        raise FormatError("is not listed" if unlisted else "is missing", place=(unlisted or missing)[0])
    for path, sha256 in {**tags, **listed}.items():
        with (root / path).open("rb") as stream:
            if hashlib.file_digest(stream, "sha256").hexdigest() != sha256:
                raise FormatError("is not what the manifest says", place=path)
    return len(listed)


def _manifest(file: Path, limits: Limits) -> dict[str, str]:
    if file.is_symlink() or not file.is_file() or file.stat().st_size > limits.json_bytes_max * 16:
        raise FormatError("is missing, or no manifest", place=file.name)
    found: dict[str, str] = {}
    with file.open(encoding="utf-8", errors="replace", newline="\n") as lines:
        for number, line in enumerate(lines, 1):
            match = _LINE.fullmatch(line.rstrip("\n"))
            if match is None or match[2] in found or number > limits.manifest_lines_max:
                raise FormatError("is not a line of a manifest", place=f"{file.name}:{number}")
            found[match[2]] = match[1]
    return found


def _files(root: Path, limits: Limits) -> list[str]:
    found = []
    for directory, folders, names in os.walk(root):
        for name in (*names, *folders):
            path = Path(directory, name)
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                raise FormatError("is a link or a device", place=path.relative_to(root).as_posix())
        found += [Path(directory, name).relative_to(root).as_posix() for name in names]
        if len(found) > limits.manifest_lines_max:
            raise FormatError(f"there are more files than the limit of {limits.manifest_lines_max}", place=root.name)
    return found
