"""Names of folders and files for people: readable, safe on Windows, macOS and Linux, unique, not too long."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["distinct", "safe_name"]

_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]')
# What does not print or turns the reading order: a name must look like what it is.
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\.|$)", re.IGNORECASE)
_SUFFIX_BYTES_MAX = 16


def safe_name(text: str, *, bytes_max: int) -> str:
    """Make a name out of a text; a file's ending stays when the name is cut."""
    name = unicodedata.normalize("NFC", text)
    name = "".join("_" if unicodedata.category(c) in _INVISIBLE else c for c in name)
    name = _FORBIDDEN.sub("_", name)
    name = re.sub(r"\s+", " ", name).strip(" .") or "_"
    if _DEVICE.match(name):
        name = f"_{name}"
    return _cut(name, bytes_max)


def distinct(name: str, taken: set[str], *, bytes_max: int) -> str:
    """Number a name that is taken, whatever the case; the caller keeps the set of one folder."""
    candidate, number = name, 1
    stem, suffix = _split(name)
    while unicodedata.normalize("NFKC", candidate).casefold() in taken:
        number += 1
        mark = f" ({number})"
        candidate = _shorten(stem, bytes_max - len((mark + suffix).encode())) + mark + suffix
    taken.add(unicodedata.normalize("NFKC", candidate).casefold())
    return candidate


def _split(name: str) -> tuple[str, str]:
    stem, dot, ending = name.rpartition(".")
    suffix = dot + ending
    return (stem, suffix) if stem and len(suffix.encode()) <= _SUFFIX_BYTES_MAX and " " not in suffix else (name, "")


def _cut(name: str, bytes_max: int) -> str:
    if len(name.encode()) <= bytes_max:
        return name
    stem, suffix = _split(name)
    return _shorten(stem, bytes_max - len(suffix.encode())) + suffix


def _shorten(text: str, bytes_max: int) -> str:
    return text.encode()[: max(1, bytes_max)].decode("utf-8", "ignore").rstrip(" .") or "_"
