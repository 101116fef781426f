"""Documents of other tenants: a path is text that anybody can type, and one tree holds the files of many firms.

Where the profile declares a folder per tenant (``roots: tenant: folder:``), nothing outside it is taken. Without one, a
path is taken as it is written, never in another case, and not at all when a row of another tenant names it too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from portability.exports.documents import clean_path, locators_of
from portability.scoping import RowFilter
from portability.scoping.filters import Among, Condition, all_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from portability.connectors.connector import Snapshot
    from portability.exports.scoped import ScopedExport
    from portability.manifest import SourceSchema, Table
    from portability.profiles import DocumentSource, Profile

__all__ = ["foreign_documents", "may_fold", "tenant_folders"]

_PATHS_AT_ONCE = 200


def tenant_folders(scoped: ScopedExport) -> tuple[str, ...] | None:
    """The folders of the scope's tenants; None where the profile declares none."""
    plan = scoped.rows.plan
    declared = plan.roots["tenant"].folder if "tenant" in plan.paths else None
    if declared is None:
        return None
    keys = [key for (key,) in scoped.rows.roots["tenant"]]
    folders = (clean_path(declared.replace("{key}", key), "") for key in keys)
    return tuple(folder for folder in folders if folder is not None)


def may_fold(scoped: ScopedExport) -> bool:
    """Whether a path in another case may stand for a file: within the folder of a tenant only."""
    return tenant_folders(scoped) is not None


def foreign_documents(
    snapshot: Snapshot, scoped: ScopedExport, profile: Profile, source: SourceSchema, data: Path
) -> frozenset[tuple[str, str]]:
    """Find the paths in the scope that rows of other tenants name too: counted in the source, none of them read.

    Returns:
        Names of document sources, and locators as rows write them.
    """
    plan = scoped.rows.plan
    if "tenant" not in plan.paths or tenant_folders(scoped) is not None:
        return frozenset()
    found: set[tuple[str, str]] = set()
    for document in (each for each in profile.documents if each.path is not None):
        for table in source.tables:
            if table.name.casefold() == document.table.casefold() and table.excluded is None:
                asking = _Asking(snapshot, scoped, document, table)
                for paths in _pieces(locators_of(table, document, data, snapshot.limits)):
                    found |= {(document.name, path) for path in asking.foreign(paths)}
    return frozenset(found)


def _pieces(paths: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(paths), _PATHS_AT_ONCE):
        yield paths[start : start + _PATHS_AT_ONCE]


class _Asking:
    """The rows of one table that name some paths: all of them, and the scope's tenants'."""

    def __init__(self, snapshot: Snapshot, scoped: ScopedExport, document: DocumentSource, table: Table) -> None:
        plan = scoped.rows.plan
        paths, root = plan.paths["tenant"], plan.roots["tenant"]
        key = next(
            c.name for c in plan.catalogue.tables[paths.root].columns if c.name.casefold() == root.key.casefold()
        )
        tenants = Among(columns=(key,), values=scoped.rows.roots["tenant"])
        place = (table.schema, table.name)
        self._table = plan.catalogue.tables[place]
        self._own: Condition = paths.belongs(place, tenants)
        self._snapshot, self._prefix = snapshot, document.strip_prefix
        self._known = tuple(plan.catalogue.tables.values())
        self._column = next(c.name for c in table.columns if c.name.casefold() == document.column.casefold())

    def foreign(self, paths: list[str]) -> Iterator[str]:
        """Yield those of some paths that others name: all are asked at once, and halved where some are."""
        named = Among(
            columns=(self._column,), values=tuple((text,) for path in paths for text in sorted(self._spellings(path)))
        )
        if not paths or self._count(named) == self._count(all_of(self._own, named)):
            return
        if len(paths) == 1:
            yield paths[0]
            return
        middle = len(paths) // 2
        yield from self.foreign(paths[:middle])
        yield from self.foreign(paths[middle:])

    def _count(self, condition: Condition) -> int:
        return self._snapshot.count(self._table, RowFilter(condition=condition, tables=self._known))

    def _spellings(self, path: str) -> set[str]:
        """A path as other rows may write it: with the prefix and without, with slashes of either kind."""
        plain = clean_path(path, self._prefix) or path
        texts = {path, plain, self._prefix + plain}
        return texts | {text.replace("/", "\\") for text in texts} | {text.replace("\\", "/") for text in texts}
