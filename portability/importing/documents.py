"""Placing documents as the target wants them: a tree on disk, an object store, or a column of the target.

Runs after the rows are in the target. Every file is hashed while it is written and again read back from its place. A
file that is there already is hashed and left; one with other bytes is never overwritten but reported. So a run that was
stopped is simply run again.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from portability.archive import document_path
from portability.errors import ConfigError, FormatError
from portability.importing.documents_columns import read_hashes, write_column
from portability.importing.documents_plan import Placement, Planned, parse_placements, plan, planned_files
from portability.importing.documents_store import open_store
from portability.mapping import open_canonical

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from portability.archive import Archive
    from portability.importing.documents_store import Store
    from portability.limits import Limits
    from portability.profiles import Profile
    from portability.targets import Target

__all__ = ["DocumentProblem", "DocumentsPlaced", "check_placement", "place_documents"]


@dataclass(frozen=True, kw_only=True)
class DocumentProblem:
    """A file that is not in its place, and why; ``entry`` is the name under ``load.documents``."""

    entry: str
    canonical_id: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class DocumentsPlaced:
    """What became of the files.

    ``without_bytes`` counts rows whose bytes the archive does not have, by why (an availability of the model);
    ``not_imported`` rows that the target does not have. ``problems`` holds at most ``limits.document_problems_max`` of
    ``problem_count``.
    """

    placed: int = 0
    found: int = 0
    bytes: int = 0
    without_bytes: dict[str, int] = field(default_factory=dict)
    not_imported: int = 0
    problem_count: int = 0
    problems: tuple[DocumentProblem, ...] = ()


@dataclass(kw_only=True)
class _Tally:
    limits: Limits
    counts: Counter[str] = field(default_factory=Counter)
    without_bytes: Counter[str] = field(default_factory=Counter)
    problems: list[DocumentProblem] = field(default_factory=list)

    def problem(self, placement: Placement, planned: Planned, reason: str) -> None:
        self.counts["problems"] += 1
        if len(self.problems) < self.limits.document_problems_max:
            found = DocumentProblem(entry=placement.name, canonical_id=planned.canonical_id, reason=reason)
            self.problems.append(found)

    def result(self) -> DocumentsPlaced:
        return DocumentsPlaced(
            placed=self.counts["placed"],
            found=self.counts["found"],
            bytes=self.counts["bytes"],
            without_bytes=dict(sorted(self.without_bytes.items())),
            not_imported=self.counts["not_imported"],
            problem_count=self.counts["problems"],
            problems=tuple(self.problems),
        )


def check_placement(profile: Profile) -> bool:
    """Tell whether the profile places documents at all.

    Raises:
        MappingError: ``load.documents`` is not as it should be.
    """
    return bool(parse_placements(profile))


def place_documents(  # noqa: PLR0913 -- what an import has at hand, once
    archive: Archive,
    profile: Profile,
    target: Target,
    place: str | None,
    *,
    limits: Limits,
    progress: Callable[[str], None] = lambda _: None,
    scratch: Path | None = None,
) -> DocumentsPlaced:
    """Place every file that ``load.documents`` names; outside any transaction of the caller.

    Args:
        archive: Verified before.
        profile: Of the target.
        target: Holds the rows and the crosswalk of the import.
        place: A folder or an address such as ``s3://bucket/prefix``; not needed where only columns take documents.
        limits: Sizes, and how many problems are listed.
        progress: Told now and then what is being done.
        scratch: A private directory for the plan to spill to; with None it stays in memory.

    Raises:
        MappingError: ``load.documents`` does not fit the model or the target.
        ConfigError: There is nowhere to put files.
        TargetError: The target refuses a column's bytes.
    """
    tally = _Tally(limits=limits)
    placements = parse_placements(profile)
    store = _store(placements, place, limits)
    with open_canonical(archive, profile, limits, scratch=scratch) as connection:
        for placement in placements:
            left_out = Counter(plan(connection, placement, target, limits))
            tally.counts["not_imported"] += left_out.pop("not_imported", 0)
            tally.without_bytes += left_out
            for batch in planned_files(connection, limits.document_batch_rows):
                if placement.kind == "lob":
                    _fill_columns(placement, batch, archive, target, tally)
                elif store is not None:
                    _fill_store(placement, batch, archive, store, tally)
                    _record_paths(placement, batch, target)
                progress(f"documents: {placement.name}: {tally.counts['placed'] + tally.counts['found']:,}")
    return tally.result()


def _store(placements: list[Placement], place: str | None, limits: Limits) -> Store | None:
    if all(placement.kind == "lob" for placement in placements):
        return None
    if not place:
        hint = "Add --documents with a folder, or an address such as s3://bucket/prefix."
        raise ConfigError("the target keeps documents outside its database, and no place was given", hint=hint)
    return open_store(place, limits)


def _fill_store(placement: Placement, batch: list[Planned], archive: Archive, store: Store, tally: _Tally) -> None:
    for planned in batch:
        source = archive.data / document_path(planned.sha256)
        try:
            there = store.sha256(planned.path)
            if there == planned.sha256:
                tally.counts["found"] += 1
                continue
            if there is not None:
                tally.problem(placement, planned, "another file has its name already; it was left as it is")
                continue
            store.put(planned.path, source)
            if store.sha256(planned.path) != planned.sha256:
                store.remove(planned.path)
                tally.problem(placement, planned, "its bytes read back are not those of the archive")
                continue
        except FileNotFoundError:
            tally.problem(placement, planned, "the archive does not have its bytes")
        except (OSError, FormatError) as error:
            reason = error.message if isinstance(error, FormatError) else error.strerror or type(error).__name__
            tally.problem(placement, planned, f"cannot be written: {reason}")
        else:
            tally.counts["placed"] += 1
            tally.counts["bytes"] += source.stat().st_size


def _key_column(placement: Placement, target: Target) -> str:
    """The one column of the table's primary key."""
    key = target.table(placement.table or "").primary_key
    columns = key.columns if key else ()
    if len(columns) != 1:
        hint = "Documents can be written into tables with a primary key of one column."
        raise ConfigError("the table has no such key", place=f"load.documents.{placement.name}", hint=hint)
    return columns[0]


def _record_paths(placement: Placement, batch: list[Planned], target: Target) -> None:
    if placement.column is None or placement.table is None:
        return
    values = {planned.key: planned.path for planned in batch if planned.key is not None}
    if values:
        write_column(target, placement.table, _key_column(placement, target), placement.column, values)


def _fill_columns(placement: Placement, batch: list[Planned], archive: Archive, target: Target, tally: _Tally) -> None:
    key, table, column = _key_column(placement, target), placement.table or "", placement.column or ""
    for share in _shares(placement, batch, archive, tally):
        there = read_hashes(target, table, key, column, [p.key for p in share if p.key is not None])
        todo = [p for p in share if p.key is not None and there.get(p.key) != p.sha256]
        tally.counts["found"] += len(share) - len(todo)
        for planned in [p for p in todo if p.key in there]:
            tally.problem(placement, planned, "the column holds other bytes already; it was left as it is")
        new = [p for p in todo if p.key not in there]
        values = {p.key: (archive.data / document_path(p.sha256)).read_bytes() for p in new if p.key is not None}
        if values:
            write_column(target, table, key, column, values)
            tally.counts["placed"] += len(values)
            tally.counts["bytes"] += sum(map(len, values.values()))


def _shares(placement: Placement, batch: list[Planned], archive: Archive, tally: _Tally) -> Iterator[list[Planned]]:
    """Cut a batch so that the bytes of a share fit in memory; a file that cannot be carried is a problem."""
    share: list[Planned] = []
    size = 0
    for planned in batch:
        path = archive.data / document_path(planned.sha256)
        length = path.stat().st_size if path.is_file() else -1
        if length < 0 or length > tally.limits.lob_bytes_max:
            reason = "the archive does not have its bytes" if length < 0 else "it is longer than limits.lob_bytes_max"
            tally.problem(placement, planned, reason)
            continue
        if share and size + length > tally.limits.lob_batch_bytes:
            yield share
            share, size = [], 0
        share.append(planned)
        size += length
    if share:
        yield share
