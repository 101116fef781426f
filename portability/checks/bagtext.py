"""Reading the text files of a bag strictly: what two readers could read differently is refused.

The grammar is narrower than RFC 8493: lower-case hex, two spaces, sorted paths, line feeds, no percent-encoding. Any
byte that is changed in one of these files therefore breaks its grammar or a checksum.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from portability.archive import DATA, is_safe_path
from portability.checks.case import open_regular

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from portability.checks.report import Log
    from portability.limits import Limits

__all__ = ["iter_manifest", "parse_info", "read_tag_manifest"]

_LINE = re.compile(rb"([0-9a-f]{64})  ([^\r\n]+)\n")
_PREFIX = f"{DATA}/"
_BEFORE_PATH = 66  # 64 hex digits and two spaces
_INFO = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]*): ?([^\x00-\x1f\x7f]*)\n")


def read_tag_manifest(path: Path, log: Log) -> dict[str, str]:
    """Return SHA-256 by file name as a tag manifest gives them; faults go to the log."""
    listed: dict[str, str] = {}
    previous = ""
    with open_regular(path) as stream:
        for number, line in enumerate(stream, 1):
            match = _LINE.fullmatch(line)
            if not match or not match[2].isascii():
                log.add("C121", path.name, [f"line {number}"])
                continue
            name = match[2].decode("ascii")
            if name <= previous:
                log.add("C122", path.name, [f"line {number}"])
            previous = name
            listed[name] = match[1].decode("ascii")
    return listed


def iter_manifest(path: Path, limits: Limits, log: Log | None = None) -> Iterator[tuple[str, str]]:
    """Yield (path below data/, SHA-256) of each line of a payload manifest.

    Args:
        path: The manifest.
        limits: Length of a line and number of lines.
        log: Where faulty lines go; they are not yielded. None when the manifest has been checked.
    """
    line_max = _BEFORE_PATH + len(_PREFIX) + limits.path_length_max + 1
    previous = ""
    with open_regular(path) as stream:
        for number, line in enumerate(iter(lambda: stream.readline(line_max + 1), b""), 1):
            if number > limits.manifest_lines_max or len(line) > line_max:
                if log:
                    log.add("C145", path.name, [f"line {number}"])
                return
            match = _LINE.fullmatch(line)
            name = _payload_path(match[2]) if match else ""
            code = _line_fault(matched=bool(match), name=name, previous=previous)
            if code and log:
                log.add(code, path.name, [f"line {number}"])
            elif match and not code:
                yield name, match[1].decode("ascii")
            previous = name or previous


def _payload_path(raw: bytes) -> str:
    """Return the path below data/; empty when it is none that a payload may use."""
    text = raw.decode("ascii", "replace")
    path = text.removeprefix(_PREFIX)
    return path if path != text and is_safe_path(path) else ""


def _line_fault(*, matched: bool, name: str, previous: str) -> str:
    if not matched:
        return "C141"
    if not name:
        return "C144"
    if name == previous:
        return "C142"
    return "C143" if name < previous else ""


def parse_info(text: str) -> list[tuple[str, str]] | None:
    """Return label and value of each line of a bag-info.txt; None when a line is no such line."""
    fields = []
    for line in text.splitlines(keepends=True):
        match = _INFO.fullmatch(line)
        if not match:
            return None
        fields.append((match[1], match[2]))
    return fields
