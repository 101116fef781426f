"""A file of text as a private copy in UTF-8: hashed on the way, with bytes that are no text marked and kept.

A byte that the file's encoding does not know becomes one of 256 private characters, so that every reader takes the
copy and the value can be told, and given back byte by byte: ``original_bytes``. A text that truly holds one of those
characters is marked in the same way; nothing is taken for what it is not.
"""

from __future__ import annotations

import codecs
import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from portability.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Look", "copy_as_utf8", "has_marks", "look_at", "original_bytes", "python_codec", "unescaped"]

_FIRST_MARK = 0x10FF00
_ESCAPED = re.compile("[\udc00-\udcff\U0010ff00-\U0010ffff]")
_MARKS = re.compile("([\U0010ff00-\U0010ffff]+)")
_BACKSLASHED = re.compile(r"\\(.)", re.DOTALL)
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16's, which it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_PLAIN = {"utf-16": "utf-16-le", "utf-32": "utf-32-le", "utf-8-sig": "utf-8"}  # without a mark
_CHUNK_BYTES = 1024 * 1024
_SAMPLE_BYTES = 64 * 1024
# Encodings in which a byte of a character may look like a delimiter, or that keep a state, are decoded whole as well:
# any of Python's text encodings will do.


@dataclass(frozen=True, kw_only=True)
class Look:
    """What one pass over a file tells: its hash, its size, and what its bytes can be."""

    sha256: str
    size_bytes: int
    bom: str
    is_utf8: bool
    is_ascii: bool
    sample: bytes
    lone_returns: int  # carriage returns that no line feed follows, in a file that has line feeds too
    inner_boms: int  # of UTF-8, behind the beginning


def look_at(path: Path) -> Look:
    """Read a file once, from its first byte to its last."""
    digest, size, is_ascii, is_utf8, sample, last = hashlib.sha256(), 0, True, True, b"", b""
    returns, feeds, pairs, boms = 0, 0, 0, 0
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
            sample = sample or chunk[:_SAMPLE_BYTES]
            size += len(chunk)
            is_ascii = is_ascii and chunk.isascii()
            is_utf8 = is_utf8 and _decodes(decoder, chunk)
            returns, feeds = returns + chunk.count(b"\r"), feeds + chunk.count(b"\n")
            pairs += (last[-1:] + chunk).count(b"\r\n")
            boms += (last + chunk).count(codecs.BOM_UTF8)
            last = chunk[-2:]  # not long enough to hold one
    is_utf8 = is_utf8 and _decodes(decoder, b"", final=True)
    bom = next((name for mark, name in _BOMS if sample.startswith(mark)), "")
    return Look(
        sha256=digest.hexdigest(),
        size_bytes=size,
        bom=bom,
        is_utf8=is_utf8,
        is_ascii=is_ascii,
        sample=sample,
        # Of wide characters the bytes tell nothing.
        lone_returns=returns - pairs if feeds and not bom.startswith(("utf-16", "utf-32")) else 0,
        inner_boms=boms - (bom == "utf-8") if is_utf8 else 0,
    )


def _decodes(decoder: codecs.IncrementalDecoder, chunk: bytes, *, final: bool = False) -> bool:
    try:
        decoder.decode(chunk, final)
    except UnicodeDecodeError:
        return False
    return True


def python_codec(encoding: str, *, place: str) -> str:
    """Return the codec of an encoding's name.

    Raises:
        ConfigError: There is none that turns bytes into text.
    """
    try:
        found = codecs.lookup(encoding)
        b"".decode(found.name)
    except (LookupError, UnicodeError):
        hint = "For example utf-8, utf-16, cp1252, latin-1."
        raise ConfigError(f"the encoding {encoding!r} is not known", place=place, hint=hint) from None
    return found.name


def copy_as_utf8(
    source: Path,
    target: Path,
    *,
    encoding: str,
    backslash: bool = False,
    quoted: bool = True,
    bytes_max: int | None = None,
) -> str:
    """Copy a file as UTF-8 and return the hash of what was read.

    Args:
        source: The file.
        target: The copy, which must not exist.
        encoding: A codec's name; a byte order mark that fits it is left out.
        backslash: Special characters are written after a backslash.
        quoted: Together with quotes; then the copy has doubled quotes in place of backslashes.
        bytes_max: Stop about here; for a look at the beginning.
    """
    digest = hashlib.sha256()
    with source.open("rb") as stream, target.open("xb") as copy:
        start = stream.read(_CHUNK_BYTES)
        name, skipped = _without_bom(encoding, start)
        decoder = codecs.getincrementaldecoder(name)("portability-bytes")
        digest.update(start)
        chunk, held = start[skipped:], ""
        while True:
            last = not chunk
            text = held + _marked(decoder.decode(chunk, last), name)
            if backslash:
                text, held = _even(text) if not last else (text, "")
                text = _BACKSLASHED.sub(_quoted_character if quoted else _lettered_character, text)
            copy.write(text.encode())
            if last:
                return digest.hexdigest()
            chunk = b"" if bytes_max is not None and stream.tell() >= bytes_max else stream.read(_CHUNK_BYTES)
            digest.update(chunk)


def _without_bom(encoding: str, start: bytes) -> tuple[str, int]:
    """The codec that a byte order mark asks for among those of the encoding, and the mark's length."""
    for mark, name in _BOMS:
        if start.startswith(mark) and (name == encoding or name.startswith(encoding)):
            return name, len(mark)
    return _PLAIN.get(encoding, encoding), 0


def _keep_bytes(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(chr(0xDC00 + byte) for byte in error.object[error.start : error.end]), error.end


codecs.register_error("portability-bytes", _keep_bytes)


def _marked(text: str, encoding: str) -> str:
    def mark(found: re.Match[str]) -> str:
        code = ord(found[0])
        if code < _FIRST_MARK:
            return chr(code - 0xDC00 + _FIRST_MARK)
        return "".join(chr(_FIRST_MARK + byte) for byte in found[0].encode(encoding))

    return _ESCAPED.sub(mark, text)


def has_marks(text: str) -> bool:
    """Tell whether a text holds bytes that are none in its file's encoding."""
    return _MARKS.search(text) is not None


def original_bytes(text: str, encoding: str) -> bytes:
    """Give back the bytes that a text had in its file."""
    name = _PLAIN.get(encoding, encoding)
    parts = _MARKS.split(text)
    return b"".join(
        bytes(ord(mark) - _FIRST_MARK for mark in part) if number % 2 else part.encode(name)
        for number, part in enumerate(parts)
    )


def _even(text: str) -> tuple[str, str]:
    """Hold back a last backslash whose character is still to come."""
    odd = (len(text) - len(text.rstrip("\\"))) % 2
    return (text[:-1], "\\") if odd else (text, "")


def _quoted_character(found: re.Match[str]) -> str:
    return {'"': '""', "N": "\\N", "0": "\x00"}.get(found[1], found[1])


def _lettered_character(found: re.Match[str]) -> str:
    """A line end or a tab behind a backslash becomes its letter, so that lines and fields can be told."""
    return {"\n": "\\n", "\t": "\\t", "\r": "\\r"}.get(found[1], found[0])


_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\x00", "Z": "\x1a"}


def unescaped(text: str) -> str:
    """Resolve letters behind backslashes, as PostgreSQL's COPY and MariaDB's clients write them."""
    return _BACKSLASHED.sub(lambda found: _LETTERS.get(found[1], found[1]), text)
