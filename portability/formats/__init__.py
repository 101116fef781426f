"""The files of an archive, one module a format: Parquet, BagIt, Data Package, SQL scripts, the page for people.

FORMAT.md beside this file is the specification; every archive carries it.
"""

from __future__ import annotations

from importlib import resources

__all__ = ["format_text"]


def format_text() -> str:
    """Return the specification of the archive format, for ``data/FORMAT.md``."""
    return resources.files("portability.formats").joinpath("FORMAT.md").read_text(encoding="utf-8")
