"""Which files of an archive somebody asked for: by table name, path, folder, glob, or a document's hash."""

from __future__ import annotations

import fnmatch
import re
from typing import TYPE_CHECKING

from portability.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portability.sealing.manifest import CatalogEntry

__all__ = ["Selection"]

_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_GLOB = re.compile(r"[*?\[]")


class Selection:
    """What was asked for; it remembers which of it was there.

    A pattern is a table as ``portability show`` names it (``matter``, ``source.LEDG_LINE``, ``quarantine.matter``), a
    path or a folder from the archive's root or from ``data/``, a glob over either (``*`` crosses slashes), or a hash.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        self._unmatched = set(patterns)
        self._hashes = {each.lower(): each for each in patterns if _SHA256.fullmatch(each)}
        texts = [each for each in patterns if not _SHA256.fullmatch(each)]
        self._paths = [(each, re.compile("|".join(map(_regex, _spellings(each))))) for each in texts]

    def __contains__(self, entry: CatalogEntry) -> bool:
        matched = [pattern for pattern, regex in self._paths if regex.fullmatch(entry.path)]
        if entry.sha256 in self._hashes:
            matched.append(self._hashes[entry.sha256])
        self._unmatched.difference_update(matched)
        return bool(matched)

    def require_all(self) -> None:
        """Refuse what was asked for and is not there.

        Raises:
            ConfigError: Naming the first.
        """
        if self._unmatched:
            hint = "Name a table (matter, source.CLIENTS), a path or glob (data/reports/*), or a document's SHA-256."
            raise ConfigError("nothing in the archive has this name", place=min(self._unmatched), hint=hint)


def _spellings(pattern: str) -> list[str]:
    path = pattern.strip("/")
    found = [path, f"data/{path}"]
    if not _GLOB.search(path):
        found += [f"{path}/*", f"data/{path}/*"]
    if "/" not in path:
        folder, dot, name = path.partition(".")
        found.append(f"data/tables/{path}.parquet")
        if dot and folder == "quarantine":
            found.append(f"data/quarantine/{name}.parquet")
        if dot and folder == "source":
            found += [f"data/source/{name.lower()}.parquet", f"data/source/*.{name.lower()}.parquet"]
    return found


def _regex(glob: str) -> str:
    return f"(?:{fnmatch.translate(glob)})"
