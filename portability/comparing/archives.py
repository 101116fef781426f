"""Two archives, compared table by table, and whether they can be compared at all.

A pair of another major version of the format is refused. Canonical rows are compared only when one profile made both
layers, because their ids come from it; source rows always can be. What merely may explain differences (another version
of the profile, model, product or DBMS) is noted.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from portability.archive import EXPORT_JSON, MODEL_JSON, SOURCE_JSON, Archive, is_safe_path
from portability.comparing.tables import TableDiff, TablePair, compare_tables
from portability.errors import FormatError
from portability.folders import new_folder
from portability.limits import DEFAULT_LIMITS, Limits
from portability.manifest import ExportRecord, SourceSchema, Table, read_json, to_json
from portability.streams import digest_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["LAYERS", "ArchiveDiff", "changed_rows", "compare_archives", "ensure_comparable"]

LAYERS = ("both", "canonical", "source")


@dataclass(frozen=True, kw_only=True)
class ArchiveDiff:
    """What changed between two archives; ``tables`` holds every table that was compared, changed or not."""

    before: str
    after: str
    tables: tuple[TableDiff, ...]
    notes: tuple[str, ...]
    documents_added: int
    documents_removed: int

    @property
    def changed(self) -> bool:
        """Whether anything differs."""
        return bool(self.documents_added or self.documents_removed) or any(table.changed for table in self.tables)

    def to_dict(self) -> dict[str, Any]:
        """Return the summary as plain data; tables without a change are counted only."""
        totals = {name: sum(getattr(t, name) for t in self.tables) for name in ("inserted", "updated", "deleted")}
        return {
            "before": self.before,
            "after": self.after,
            "changed": self.changed,
            **totals,
            "row_groups": sum(t.groups for t in self.tables),
            "row_groups_read": sum(t.groups_read for t in self.tables),
            "documents_added": self.documents_added,
            "documents_removed": self.documents_removed,
            "notes": list(self.notes),
            "tables_compared": len(self.tables),
            "tables": [_table_dict(t) for t in self.tables if t.changed or t.notes],
        }


def _table_dict(table: TableDiff) -> dict[str, Any]:
    names = ("layer", "table", "status", "key", "inserted", "updated", "deleted", "columns", "added_columns")
    more = ("dropped_columns", "changed_types", "notes", "groups", "groups_read", "file")
    return {name: getattr(table, name) for name in (*names, *more)}


def changed_rows(a: Archive, b: Archive, entity: str, path: Path, *, limits: Limits = DEFAULT_LIMITS) -> TableDiff:
    """Compare one entity of the canonical layer and write its changed rows to ``path`` (only if there are any).

    Args:
        a: The earlier archive.
        b: The later archive.
        entity: Its name.
        path: The new Parquet file; ``portability.comparing.tables`` says what is in it.
        limits: Of memory.

    Raises:
        FormatError: Neither archive knows the entity, or a file cannot be read.
    """
    for pair in _canonical_pairs(a, b):
        if pair.name == entity:
            return compare_tables(pair, path, limits)
    keys = _entity_keys(b) | _entity_keys(a)
    if entity not in keys:
        raise FormatError(f"neither archive has an entity {entity!r}", place=entity)
    return TableDiff(layer="canonical", table=entity, status="both", key=keys[entity])


def ensure_comparable(a: Archive, b: Archive) -> tuple[str, ...]:
    """Return what a person should know before believing a comparison of the canonical layers.

    Raises:
        FormatError: They cannot be compared.
    """
    notes = _format_notes(a, b)
    if problem := _profile_problem(a, b):
        hint = "Compare the source layers: --layer source."
        raise FormatError(problem, place=str(b.root), hint=hint)
    return notes


def compare_archives(
    a: Archive,
    b: Archive,
    *,
    out: Path | None = None,
    layer: str = "both",
    limits: Limits = DEFAULT_LIMITS,
    progress: Callable[[str], None] | None = None,
) -> ArchiveDiff:
    """Compare two archives and write the changed rows to the new directory ``out``, if one is given.

    Raises:
        FormatError: They cannot be compared, or a file cannot be read.
        ArchiveExistsError: ``out`` exists.
        ConfigError: ``out`` cannot be made.
    """
    notes = list(_format_notes(a, b))
    pairs = _pairs(a, b, layer, notes)
    with new_folder(out) if out is not None else nullcontext() as folder:
        tables = tuple(_compared(pairs, folder, limits, progress or (lambda _: None)))
        added, removed = _documents(a, b)
        found = ArchiveDiff(
            before=str(a.root),
            after=str(b.root),
            tables=tables,
            notes=tuple(notes),
            documents_added=added,
            documents_removed=removed,
        )
        if folder is not None:
            (folder / "summary.json").write_bytes(to_json(found.to_dict()))
    return found


def _pairs(a: Archive, b: Archive, layer: str, notes: list[str]) -> list[TablePair]:
    pairs: list[TablePair] = []
    problem = _profile_problem(a, b)
    if problem and layer == "canonical":
        raise FormatError(problem, place=str(b.root), hint="Compare the source layers: --layer source.")
    if problem and layer == "both":
        notes.append(f"the canonical layers are not compared: {problem}")
    elif layer in {"both", "canonical"}:
        pairs += _canonical_pairs(a, b)
        notes += _quarantine_notes(a, b)
    if layer in {"both", "source"}:
        pairs += _source_pairs(a.source_schema(), b.source_schema(), a, b)
    return pairs


def _compared(
    pairs: list[TablePair], folder: Path | None, limits: Limits, progress: Callable[[str], None]
) -> Iterator[TableDiff]:
    for pair in pairs:
        progress(f"{pair.layer} {pair.name}")
        yield compare_tables(pair, folder / f"{pair.layer}.{pair.name}.parquet" if folder else None, limits)


# -- which tables belong together --------------------------------------------------------------------------------------


def _canonical_pairs(a: Archive, b: Archive) -> list[TablePair]:
    before, after = a.entity_files(), b.entity_files()
    keys = _entity_keys(a) | _entity_keys(b)
    return [
        TablePair(layer="canonical", name=name, before=before.get(name), after=after.get(name), key=keys.get(name, ()))
        for name in sorted(before.keys() | after.keys())
    ]


def _entity_keys(archive: Archive) -> dict[str, tuple[str, ...]]:
    path = archive.data / MODEL_JSON
    if not path.is_file():
        return {}
    try:
        entities = read_json(path, dict)["entities"]
        return {entity["name"]: tuple(entity["primary_key"]) for entity in entities}
    except (KeyError, TypeError) as error:
        raise FormatError("does not list the entities with their keys", place=path.name) from error


def _source_pairs(old: SourceSchema, new: SourceSchema, a: Archive, b: Archive) -> list[TablePair]:
    if any(t.file and not is_safe_path(t.file) for schema in (old, new) for t in schema.tables):
        raise FormatError("names a file outside the archive", place=SOURCE_JSON)
    before, after = ({(t.schema, t.name): t for t in schema.tables if t.file} for schema in (old, new))
    if old.default_schema != new.default_schema:
        # The same firm in another DBMS: the default schema is one and the same place.
        before = {_home(label, old.default_schema): t for label, t in before.items()}
        after = {_home(label, new.default_schema): t for label, t in after.items()}
    pairs = []
    for label in sorted(before.keys() | after.keys()):
        one, other = before.get(label), after.get(label)
        known = other or one
        keys = {_key(table) for table in (one, other) if table}
        pairs.append(
            TablePair(
                layer="source",
                name=known.file.removeprefix("source/").removesuffix(".parquet") if known else "",
                before=a.data / one.file if one else None,
                after=b.data / other.file if other else None,
                key=keys.pop() if len(keys) == 1 else (),
            )
        )
    return pairs


def _home(label: tuple[str, str], default: str) -> tuple[str, str]:
    return ("", label[1]) if label[0] == default else label


def _key(table: Table) -> tuple[str, ...]:
    """The columns by which the rows are sorted and told apart; none when it has no key."""
    keys = [table.primary_key, *table.unique_keys]
    return table.order if any(key and set(key.columns) == set(table.order) for key in keys) else ()


# -- what else a person should know ------------------------------------------------------------------------------------


def _format_notes(a: Archive, b: Archive) -> tuple[str, ...]:
    records = [read_json(archive.root / EXPORT_JSON, ExportRecord) for archive in (a, b)]
    versions = [record.format_version for record in records]
    if versions[0].split(".")[0] != versions[1].split(".")[0]:
        message = f"the archives are of format {versions[0]} and {versions[1]}, which cannot be compared"
        hint = "Export the older one again with the same program."
        raise FormatError(message, place=str(b.root), hint=hint)
    notes = []
    for name in ("format_version", "product", "profile", "profile_version", "profile_sha256", "dbms", "dbms_version"):
        one, other = (str(getattr(record, name)) for record in records)
        if one != other:
            word = name.replace("_", " ").replace("sha256", "hash")
            notes.append(f"made with another {word}: {one[:16]} before, {other[:16]} after")
    models = [_model_version(archive) for archive in (a, b)]
    if models[0] != models[1]:
        notes.append(f"made with another canonical model: {models[0]} before, {models[1]} after")
    return tuple(notes)


def _model_version(archive: Archive) -> str:
    path = archive.data / MODEL_JSON
    return str(read_json(path, dict).get("version", "none")) if path.is_file() else "none"


def _profile_problem(a: Archive, b: Archive) -> str:
    names = [read_json(archive.root / EXPORT_JSON, ExportRecord).profile for archive in (a, b)]
    if names[0] != names[1]:
        return f"profile {names[0]} made one and {names[1]} the other, so that their ids have nothing in common"
    return ""


def _quarantine_notes(a: Archive, b: Archive) -> list[str]:
    before, after = a.entity_files("quarantine"), b.entity_files("quarantine")
    differ = [n for n in sorted(before.keys() | after.keys()) if _bytes(before.get(n)) != _bytes(after.get(n))]
    return [f"quarantined rows differ in: {', '.join(differ)}"] if differ else []


def _bytes(path: Path | None) -> str:
    return digest_file(path).sha256 if path else ""


def _documents(a: Archive, b: Archive) -> tuple[int, int]:
    before, after = ({path.name for path in (archive.data / "documents").glob("*/*")} for archive in (a, b))
    return len(after - before), len(before - after)
