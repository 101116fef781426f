"""A signed document beside its signature: canonical JSON, one SSH signature over its exact bytes, both or neither.

The signature gets its name last: a document without one is not there yet, and the next run writes it again.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

from portability.errors import ArchiveExistsError, ConfigError, FormatError, SealError
from portability.folders import new_file
from portability.limits import DEFAULT_LIMITS
from portability.sealing.reading import canonical_json

if TYPE_CHECKING:
    from portability.signing import SigningKey

__all__ = ["decode_document", "read_bounded", "signature_path", "write_signed"]

_T = TypeVar("_T")


def signature_path(path: Path) -> Path:
    """Return where a document's signature lies."""
    return path.with_name(f"{path.name}.sig")


def write_signed(path: Path, content: bytes, key: SigningKey, *, namespace: str) -> bytes:
    """Write a document and its signature, which is returned; what is there already with the same bytes stays.

    Raises:
        ArchiveExistsError: Another document has the name.
        ConfigError: They cannot be written there.
    """
    signature = key.sign(content, namespace=namespace)
    try:
        _place(path, content)
        _place(signature_path(path), signature)
    except FileExistsError as error:
        hint = "Nothing is overwritten; compare the two, and move one away."
        raise ArchiveExistsError("another document has this name", place=str(error.filename2), hint=hint) from None
    except OSError as error:
        raise ConfigError(f"cannot be written: {error.strerror}", place=str(path)) from error
    return signature


def _place(path: Path, content: bytes) -> None:
    if path.is_file() and not path.is_symlink() and path.read_bytes() == content:
        return
    try:
        with new_file(path, part=path.with_name(f".{path.name}.{os.getpid()}.part")) as stream:
            stream.write(content)
    except FileExistsError as error:
        error.filename2 = str(path)
        raise


def read_bounded(path: Path, size_bytes_max: int = DEFAULT_LIMITS.json_bytes_max) -> bytes:
    """Return a file's bytes; a link is never followed.

    Raises:
        ConfigError: It cannot be read, or is too large.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        with open(descriptor, "rb") as stream:  # noqa: PTH123
            content = stream.read(size_bytes_max + 1)
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", place=str(path)) from error
    if len(content) > size_bytes_max:
        raise ConfigError(f"is larger than the limit of {size_bytes_max} bytes", place=str(path))
    return content


def decode_document(content: bytes, kind: type[_T], *, name: str, version: str, place: str) -> _T:
    """Read a document's exact bytes, which must be canonical; ``name`` and ``version`` are the format's own.

    Raises:
        FormatError: Not canonical JSON, of another format or major version, or not of this shape.
    """
    try:
        plain = msgspec.json.decode(content)
        if canonical_json(plain) != content:
            raise FormatError(
                "is not canonical JSON", place=place, hint="Copy it again; an editor may have changed it."
            )
        found = (str(plain.get("format")), str(plain.get("version")).split(".")[0]) if isinstance(plain, dict) else None
        if found != (name, version.split(".")[0]):
            raise FormatError(f"is not a {name} document that this program reads", place=place)
        return msgspec.convert(plain, kind)
    except (msgspec.MsgspecError, SealError, RecursionError) as error:
        raise FormatError(f"is not a {name} document: {str(error)[:200]}", place=place) from error
