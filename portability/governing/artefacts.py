"""What is made for a request and handed over: one hash for a file or a whole folder, and the scope an archive names.

A folder's hash is that of the list of its files, ``<sha256>  <path>`` in the order of the paths' bytes, which anybody
can make with ``find``, ``sort`` and ``sha256sum`` (docs/requests.md).
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from portability.checks import require, verify
from portability.errors import CheckFailedError, ConfigError, ScopeError
from portability.governing.events import Artefact
from portability.streams import digest_file

__all__ = ["check_archive", "describe_artefact", "scope_of_artefact"]

_SCOPE = Path("data/scope.json")


def describe_artefact(path: Path) -> Artefact:
    """Return what lies at a path: every byte of it is read.

    Raises:
        ConfigError: Nothing is there, or something in it is neither file nor folder.
    """
    try:
        if path.is_file() and not path.is_symlink():
            found = digest_file(path)
            return Artefact(
                name=path.name[:200], form="file", sha256=found.sha256, size_bytes=found.size_bytes, files=1
            )
        if path.is_dir() and not path.is_symlink():
            return _folder(path)
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", place=str(path)) from error
    raise ConfigError("there is no file or folder of this name", place=str(path))


def _folder(root: Path) -> Artefact:
    paths = []
    for directory, folders, names in os.walk(root):
        for name in [*names, *folders]:
            path = Path(directory, name)
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                raise ConfigError("a link or a special file cannot be handed over", place=str(path))
        paths += [Path(directory, name) for name in names]
    listing, size = hashlib.sha256(), 0
    for path in sorted(paths, key=lambda each: os.fsencode(each.relative_to(root).as_posix())):
        found = digest_file(path)
        size += found.size_bytes
        listing.update(f"{found.sha256}  ".encode() + os.fsencode(path.relative_to(root).as_posix()) + b"\n")
    form = "archive" if _is_archive(root) else "sealed" if (root / "manifest.json.sig").is_file() else "folder"
    name = root.resolve().name[:200]
    return Artefact(name=name, form=form, sha256=listing.hexdigest(), size_bytes=size, files=len(paths))


def scope_of_artefact(path: Path, *, form: str, fixed: str | None) -> str | None:
    """Return the hash of the scope that something was made with.

    An archive says it. A sealed one cannot be asked, and other files do not say; for these it is what whoever records
    them signs for, and a second person approves.

    Raises:
        ScopeError: It is not the scope that was fixed.
    """
    if form not in ("archive", "folder"):
        return fixed
    file = path / _SCOPE if form == "archive" else path / "scope.json"
    if file.is_file():
        found: str | None = digest_file(file).sha256
    elif form == "archive":
        found = None
    else:
        return fixed
    if found != fixed:
        made = "the whole source" if found is None else "another scope"
        wanted = "the whole source" if fixed is None else "the scope that was fixed"
        hint = "Export again with: portability export SOURCE ARCHIVE --request NUMBER"
        raise ScopeError(f"it was made with {made}, not with {wanted}", place=str(path), hint=hint)
    return found


def check_archive(path: Path, artefact: Artefact, scope: bytes) -> None:
    """Refuse what the program has not made just now, unless it is an archive of this scope by every key in it.

    Args:
        path: Where it lies.
        artefact: What was found there: it may not change while it is checked.
        scope: The canonical form of the scope that was fixed.

    Raises:
        ScopeError: It is no archive, another's rows stand in it, or it is another by now.
    """
    if artefact.form != "archive":
        hint = "Export it with: portability export SOURCE ARCHIVE --request NUMBER"
        raise ScopeError("a scope was fixed, and only an archive can be checked for it", place=str(path), hint=hint)
    try:
        require(verify(path, level="full", scope=scope))
    except CheckFailedError as error:
        hint = f"See all of it: portability verify {path} --scope FILE"
        raise ScopeError(
            f"it does not keep to the scope that was fixed: {error.message}", place=str(path), hint=hint
        ) from error
    if describe_artefact(path).sha256 != artefact.sha256:
        raise ScopeError("it was changed while it was checked", place=str(path))


def _is_archive(root: Path) -> bool:
    return (root / "bagit.txt").is_file() and (root / "data").is_dir()
