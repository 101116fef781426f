"""R: what the scope leaves out of a table, an entity or a description is not there."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import duckdb

from portability.archive import DATAPACKAGE_JSON, SOURCE_JSON
from portability.checks.scope.keeping import columns_not_kept, may_be_left_out, read_feeds
from portability.checks.scope.links import matches
from portability.duck import quote
from portability.formats.totals import scan_sql

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portability.checks.case import Case
    from portability.checks.scope.rows import Scoped
    from portability.manifest import Table

__all__ = ["check_columns", "check_description", "check_entities", "check_fields"]

_OF_THE_DBMS = {"engine", "collation", "partition_key"}  # words of the DBMS, and names of columns
_HOW_GENERATED = {"", "virtual", "stored"}  # words of the DBMS; anything else is an expression
_QUOTED = re.compile(r"'((?:[^']|'')*)'")


def check_columns(case: Case, scoped: Scoped) -> None:
    """Source columns that the scope or the profile leaves out are not in the file (R621)."""
    for label, table in scoped.net.tables.items():
        wanted = next((names for name, names in scoped.scope.columns.items() if matches(table, name)), None)
        keys = _key_columns(scoped, label, table)
        kept = {name.casefold() for name in wanted or ()} | keys
        for column in table.columns:
            if column.carried == "excluded":
                continue
            place = {f"{table.name}.{column.name}".casefold(), f"{label}.{column.name}".casefold()}
            is_mixed = not scoped.is_whole_tenant and any(name.casefold() in place for name in scoped.rules.mixed)
            if is_mixed or (wanted is not None and column.name.casefold() not in kept):
                case.log.add("R621", label, [column.name])
    for left, name in _columns_of_left_fields(case, scoped):
        case.log.add("R621", left, [name])


def _key_columns(scoped: Scoped, label: str, table: Table) -> set[str]:
    keys = [key for key in (table.primary_key, *table.unique_keys) if key is not None]
    own = {name.casefold() for key in keys for name in key.columns} | {name.casefold() for name in table.order}
    own |= {name.casefold() for key in table.foreign_keys for name in key.columns}
    for link in scoped.net.links:
        if link.table == label:
            own |= {name.casefold() for name in link.columns}
            own |= {c.column.casefold() if c.via is None else c.via[0].casefold() for c in link.when}
        if link.to == label:
            own |= {name.casefold() for name in link.to_columns}
            own |= {each.casefold() for each in _asked_of(scoped, label)}
    for root in scoped.rules.roots.values():
        own |= {root.key.casefold(), root.name.casefold()} if matches(table, root.table) else set()
    dated = scoped.reason(scoped.rules.dates, table)
    return own | ({dated.casefold()} if dated is not None else set())


def _asked_of(scoped: Scoped, label: str) -> Iterator[str]:
    """Columns of a table that a condition of a key looks at."""
    for link in scoped.net.links:
        for condition in link.when:
            if condition.via is not None and condition.via[1] == label:
                yield condition.column


def _columns_of_left_fields(case: Case, scoped: Scoped) -> Iterator[tuple[str, str]]:
    """Columns that, by the coverage, feed fields that the scope leaves out and nothing else."""
    if not scoped.scope.fields:
        return
    feeds = read_feeds(case)
    for label, table in scoped.net.tables.items():
        if label in feeds:
            keys = _key_columns(scoped, label, table)
            for name in columns_not_kept(case, scoped.scope, table, feeds[label]):
                if name.casefold() not in keys:
                    yield label, name


def check_fields(case: Case, scoped: Scoped) -> None:
    """Fields that the scope leaves out are empty in every row, quarantine's too (R622)."""
    for entity, kept in scoped.scope.fields.items():
        if entity not in {each.name for each in case.model.entities}:
            continue
        left = [f.name for f in case.model.entity(entity).fields if f.name not in kept and may_be_left_out(f)]
        for path in (f"tables/{entity}.parquet", f"quarantine/{entity}.parquet"):
            names = [name for name in left if path in case.tables and name in case.tables[path].schema.names]
            if not names:
                continue
            counts = ", ".join(f"count({quote(name)})" for name in names)
            try:
                (row,) = case.engine.execute(f"SELECT {counts} FROM {scan_sql(case.data / path)}").fetchall()
            except duckdb.Error as error:
                case.log.add("R635", path, [type(error).__name__])
                continue
            for name, count in zip(names, row, strict=True):
                if count:
                    case.log.add("R622", path, [name], count=int(count))


def check_entities(case: Case, scoped: Scoped) -> None:
    """Entities that the scope leaves out have no rows (R623)."""
    wanted = set(scoped.scope.entities)
    for path, facts in sorted(case.tables.items()):
        folder, _, name = path.partition("/")
        entity = name.removesuffix(".parquet")
        if wanted and folder in ("tables", "quarantine") and entity not in wanted and facts.rows:
            if _is_about_the_archive(entity):
                continue
            case.log.add("R623", path, count=facts.rows)


def _is_about_the_archive(entity: str) -> bool:
    return entity in {"source_link", "control_total", "file_object"}


def check_description(case: Case, scoped: Scoped) -> None:
    """The description of the source holds no text and no number that could be another's (R624)."""
    source, left = case.source, []
    left += [f"{len(source.views)} views"] if any(view.definition for view in source.views) else []
    left += [f"{len(source.routines)} routines"] if any(each.definition for each in source.routines) else []
    left += ["sequences"] if any(each.value is not None for each in source.sequences) else []
    for table in source.tables:
        texts = [table.comment, *(c.comment for c in table.columns), *(c.default for c in table.columns)]
        texts += [check.expression for check in table.checks]
        texts += [c.generated for c in table.columns if (c.generated or "").casefold() not in _HOW_GENERATED]
        texts += [index.definition for index in table.indexes]
        texts += [text for name, text in table.attributes.items() if name not in _OF_THE_DBMS]
        left += [f"{table.label}: a comment, default, check, expression or definition"] if any(texts) else []
    try:
        left += [f"{place}: a label that no row holds" for place in _unused_labels(case, scoped)]
    except duckdb.Error as error:
        case.log.add("R635", SOURCE_JSON, [type(error).__name__])
    if left:
        case.log.add("R624", SOURCE_JSON, left, count=len(left))
    other = list(_other_types(case))
    if other:
        case.log.add("R624", DATAPACKAGE_JSON, other, count=len(other))


def _unused_labels(case: Case, scoped: Scoped) -> Iterator[str]:
    """Name the columns with a label, in a list or in the type itself (``enum('a','b')``), that no row of theirs has."""
    for table in case.source.tables:
        for column in table.columns:
            told = [text.replace("''", "'") for text in _QUOTED.findall(column.native_type)]
            labels = sorted({*(column.labels or ()), *told})
            if not labels:
                continue
            held = _held_sql(case, table, column.name) if table.label in scoped.net.tables else ""
            unused = "SELECT unnest(from_json(?, '[\"VARCHAR\"]')) AS v"
            sql = f"SELECT count(*) FROM ({unused}) AS l WHERE l.v NOT IN ({held})" if held else ""
            if not held or case.engine.execute(sql, [json.dumps(labels)]).fetchall()[0][0]:
                yield f"{table.label}.{column.name}"


def _held_sql(case: Case, table: Table, column: str) -> str:
    """SQL of the labels in a column's rows: whole values, and the parts of a set's; empty when it is not carried."""
    names = case.tables[table.file].schema.names
    if column not in names:
        return ""
    aliases = [f"c{position}" for position in range(len(names))]
    value = f"CAST({aliases[names.index(column)]} AS VARCHAR)"
    scan = f"{scan_sql(case.data / table.file, aliases)} WHERE {value} IS NOT NULL"
    return f"SELECT {value} FROM {scan} UNION SELECT unnest(string_split({value}, ',')) FROM {scan}"


def _other_types(case: Case) -> Iterator[str]:
    """Name the columns of which datapackage.json gives another type than schema/source.json, or a comment."""
    package: Any = case.json.get(DATAPACKAGE_JSON)
    types = {table.file: {c.name: c.native_type for c in table.columns} for table in case.source.tables if table.file}
    for resource in package["resources"]:
        known = types.get(resource.get("path"), {})
        if known and resource.get("description"):
            yield f"{resource['name']}: a comment"
        for each in resource["schema"]["fields"] if known else []:
            told = each.get("lpa:nativeType")
            if each["name"] in known and (told != known[each["name"]] or each.get("description")):
                yield f"{resource['name']}.{each['name']}: another type than in {SOURCE_JSON}, or a comment"
