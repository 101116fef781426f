"""What a SQL Server database declares, read from ``sys`` with one query for each kind of thing.

Columns that a mask, a security policy or Always Encrypted keeps from the account say so in their ``reason``: what the
account would see of them is not the data.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from portability.connectors.connector import UNREADABLE
from portability.manifest import (
    Check,
    Column,
    ForeignKey,
    Index,
    Key,
    Routine,
    Sequence,
    SnapshotRecord,
    SourceSchema,
    Table,
    View,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Query = Callable[[str], list[tuple[Any, ...]]]
    Grouped = Mapping[str, list[tuple[Any, ...]]]

__all__ = ["PROVEN_KEYS", "QUERIES", "declared_type", "read_catalogue"]

_COMMENT = """(SELECT CONVERT(nvarchar(max), e.value) FROM sys.extended_properties e
 WHERE e.class = 1 AND e.name = N'MS_Description' AND e.major_id = {object} AND e.minor_id = {minor})"""
_LABEL = "QUOTENAME(s.name) + N'.' + QUOTENAME(t.name)"

QUERIES: Mapping[str, str] = {
    "database": """SELECT CONVERT(nvarchar(128), SERVERPROPERTY('ProductVersion')),
 CONVERT(nvarchar(128), DATABASEPROPERTYEX(DB_NAME(), 'Collation')), SCHEMA_NAME(),
 COALESCE(HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'UNMASK'), 0),
 COALESCE(HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'UPDATE'), 0)""",
    "tables": f"""SELECT t.object_id, s.name, t.name, t.temporal_type,
 OBJECT_SCHEMA_NAME(t.history_table_id) + N'.' + OBJECT_NAME(t.history_table_id), t.is_memory_optimized,
 {_COMMENT.format(object="t.object_id", minor="0")}, COALESCE(HAS_PERMS_BY_NAME({_LABEL}, 'OBJECT', 'SELECT'), 0),
 (SELECT COUNT(*) FROM sys.security_predicates p JOIN sys.security_policies y ON y.object_id = p.object_id
  WHERE p.target_object_id = t.object_id AND y.is_enabled = 1 AND p.predicate_type = 0)
 FROM sys.tables t JOIN sys.schemas s ON s.schema_id = t.schema_id
 WHERE t.is_ms_shipped = 0 AND t.is_external = 0 ORDER BY s.name, t.name""",
    "columns": f"""SELECT c.object_id, c.name, y.name, u.name, c.max_length, c.precision, c.scale, c.is_nullable,
 c.collation_name, COLLATIONPROPERTY(c.collation_name, 'CodePage'), d.definition, x.definition, c.is_identity,
 c.is_masked, c.encryption_type, c.is_sparse, c.is_hidden, c.generated_always_type, c.is_column_set,
 {_COMMENT.format(object="c.object_id", minor="c.column_id")},
 COALESCE(HAS_PERMS_BY_NAME({_LABEL}, 'OBJECT', 'SELECT', c.name, 'COLUMN'), 0)
 FROM sys.columns c JOIN sys.tables t ON t.object_id = c.object_id JOIN sys.schemas s ON s.schema_id = t.schema_id
 JOIN sys.types u ON u.user_type_id = c.user_type_id
 LEFT JOIN sys.types y ON y.user_type_id = c.system_type_id AND y.is_user_defined = 0
 LEFT JOIN sys.default_constraints d ON d.object_id = c.default_object_id
 LEFT JOIN sys.computed_columns x ON x.object_id = c.object_id AND x.column_id = c.column_id
 WHERE t.is_ms_shipped = 0 ORDER BY c.object_id, c.column_id""",
    "indexes": """SELECT i.object_id, i.name, i.is_primary_key, i.is_unique_constraint, i.is_unique,
 i.filter_definition, i.type_desc, c.name
 FROM sys.indexes i JOIN sys.index_columns k ON k.object_id = i.object_id AND k.index_id = i.index_id
 JOIN sys.columns c ON c.object_id = k.object_id AND c.column_id = k.column_id
 WHERE i.type > 0 AND i.is_hypothetical = 0 AND (k.key_ordinal > 0 OR i.type > 2)
 ORDER BY i.object_id, i.name, k.key_ordinal, k.index_column_id""",
    "foreign_keys": """SELECT f.parent_object_id, f.name, c.name, SCHEMA_NAME(o.schema_id), o.name, r.name,
 f.update_referential_action_desc, f.delete_referential_action_desc
 FROM sys.foreign_keys f JOIN sys.foreign_key_columns k ON k.constraint_object_id = f.object_id
 JOIN sys.columns c ON c.object_id = k.parent_object_id AND c.column_id = k.parent_column_id
 JOIN sys.objects o ON o.object_id = f.referenced_object_id
 JOIN sys.columns r ON r.object_id = k.referenced_object_id AND r.column_id = k.referenced_column_id
 ORDER BY f.parent_object_id, f.name, k.constraint_column_id""",
    "checks": """SELECT k.parent_object_id, k.name, k.definition FROM sys.check_constraints k
 ORDER BY k.parent_object_id, k.name""",
    "views": """SELECT SCHEMA_NAME(v.schema_id), v.name, m.definition FROM sys.views v
 LEFT JOIN sys.sql_modules m ON m.object_id = v.object_id WHERE v.is_ms_shipped = 0 ORDER BY 1, 2""",
    "routines": """SELECT SCHEMA_NAME(o.schema_id), o.name, RTRIM(o.type), m.definition FROM sys.objects o
 LEFT JOIN sys.sql_modules m ON m.object_id = o.object_id
 WHERE o.is_ms_shipped = 0 AND o.type IN ('P', 'PC', 'FN', 'IF', 'TF', 'FS', 'FT', 'TR', 'TA') ORDER BY 1, 2""",
    "sequences": """SELECT SCHEMA_NAME(q.schema_id), q.name, CONVERT(nvarchar(40), q.current_value)
 FROM sys.sequences q ORDER BY 1, 2""",
    "elsewhere": """SELECT N'synonym', SCHEMA_NAME(n.schema_id) + N'.' + n.name FROM sys.synonyms n
 UNION ALL SELECT N'external table', SCHEMA_NAME(t.schema_id) + N'.' + t.name FROM sys.tables t
 WHERE t.is_external = 1 ORDER BY 1, 2""",
}
# A key that is not trusted was switched off while rows were written.
PROVEN_KEYS = """SELECT SCHEMA_NAME(t.schema_id), t.name, f.name, c.name FROM sys.foreign_keys f
 JOIN sys.tables t ON t.object_id = f.parent_object_id
 JOIN sys.foreign_key_columns k ON k.constraint_object_id = f.object_id
 JOIN sys.columns c ON c.object_id = k.parent_object_id AND c.column_id = k.parent_column_id
 WHERE f.is_not_trusted = 0 AND f.is_disabled = 0 ORDER BY 1, 2, 3, k.constraint_column_id"""

_SIZED = frozenset({"char", "varchar", "binary", "varbinary"})
_WIDE_SIZED = frozenset({"nchar", "nvarchar"})
_KINDS = {"P": "procedure", "PC": "procedure", "TR": "trigger", "TA": "trigger"}
_MASKED = "a mask shows the account made-up values"
_POLICY = "a security policy may hide rows from the account"
_ENCRYPTED = "Always Encrypted keeps it from everybody without its key"


@dataclass(frozen=True, kw_only=True)
class _Parts:
    """Rows of every table's parts by the table's object_id."""

    columns: Grouped
    indexes: Grouped
    foreign_keys: Grouped
    checks: Grouped
    unmasked: bool


def read_catalogue(query: Query, record: SnapshotRecord) -> SourceSchema:
    """Return everything that the database declares."""
    version, collation, default, unmask, update = query(QUERIES["database"])[0]
    parts = _Parts(
        columns=_grouped(query(QUERIES["columns"])),
        indexes=_grouped(query(QUERIES["indexes"])),
        foreign_keys=_grouped(query(QUERIES["foreign_keys"])),
        checks=_grouped(query(QUERIES["checks"])),
        unmasked=unmask == "1",
    )
    notes = [f"the {kind} {name} is not exported: its rows are elsewhere" for kind, name in query(QUERIES["elsewhere"])]
    if update == "1":
        notes.append("the account may write; db_datareader is enough for an export")
    return SourceSchema(
        dbms="sqlserver",
        dbms_version=version,
        default_schema=default or "dbo",
        tables=tuple(_table(row, parts) for row in query(QUERIES["tables"])),
        views=tuple(View(schema=s, name=n, definition=d or "") for s, n, d in query(QUERIES["views"])),
        routines=tuple(
            Routine(schema=s, name=n, kind=_KINDS.get(kind, "function"), definition=d or "")
            for s, n, kind, d in query(QUERIES["routines"])
        ),
        sequences=tuple(Sequence(schema=s, name=n, value=v) for s, n, v in query(QUERIES["sequences"])),
        snapshot=record,
        collation=collation,
        notes=tuple(notes),
    )


def declared_type(base: str | None, named: str, length: int, precision: int, scale: int) -> str:
    """Return a type as it would be declared; a type of the database's own by what it stands for."""
    kind = base or named  # hierarchyid, geography and geometry have no base
    if kind in _SIZED or kind in _WIDE_SIZED:
        size = "max" if length < 0 else str(length // 2 if kind in _WIDE_SIZED else length)
        return f"{kind}({size})"
    if kind in ("decimal", "numeric"):
        return f"{kind}({precision},{scale})"
    if kind in ("datetime2", "datetimeoffset", "time"):
        return f"{kind}({scale})"
    return kind


def _grouped(rows: list[tuple[Any, ...]]) -> Grouped:
    groups: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for row in rows:
        groups[row[0]].append(row[1:])
    return groups


def _table(row: tuple[Any, ...], parts: _Parts) -> Table:
    number, schema, name, temporal, history, in_memory, comment, readable, policies = row
    barred = _POLICY if int(policies) else (None if readable == "1" else UNREADABLE)
    described = parts.columns.get(number, [])
    attributes = {
        "history": history if temporal == "2" else None,
        "history_table": "yes" if temporal == "1" else None,
        "memory_optimized": "yes" if in_memory == "1" else None,
        "sparse": ", ".join(each[0] for each in described if each[14] == "1") or None,
        "hidden": ", ".join(each[0] for each in described if each[15] == "1") or None,
    }
    primary, uniques, indexes = _keys(parts.indexes.get(number, []))
    # A column set shows sparse columns once more.
    own = [each for each in described if each[17] != "1"]
    return Table(
        schema=schema,
        name=name,
        columns=tuple(_column(place, each, parts, barred) for place, each in enumerate(own, 1)),
        comment=comment,
        primary_key=primary,
        unique_keys=uniques,
        foreign_keys=tuple(_foreign_keys(parts.foreign_keys.get(number, []))),
        checks=tuple(Check(name=each, expression=clause) for each, clause in parts.checks.get(number, [])),
        indexes=indexes,
        attributes={key: value for key, value in attributes.items() if value is not None},
    )


def _column(place: int, row: tuple[Any, ...], parts: _Parts, barred: str | None) -> Column:
    name, base, named, length, precision, scale, nullable, collation, page, default, computed, identity = row[:12]
    masked, encrypted, comment, readable = row[12], row[13], row[18], row[19]
    reason = barred or (None if readable == "1" else UNREADABLE)
    if encrypted is not None:
        reason = _ENCRYPTED
    elif masked == "1" and not parts.unmasked:
        reason = _MASKED
    period = {"1": "AS ROW START", "2": "AS ROW END"}.get(row[16])
    return Column(
        name=name,
        position=place,
        native_type=declared_type(base, named, int(length), int(precision), int(scale)),
        nullable=nullable == "1",
        default=default,
        comment=comment,
        collation=collation,
        charset=None if collation is None else f"cp{page}",
        generated=computed or period,
        identity=identity == "1",
        reason=reason,
    )


def _keys(rows: list[tuple[Any, ...]]) -> tuple[Key | None, tuple[Key, ...], tuple[Index, ...]]:
    grouped: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for name, *rest in rows:
        grouped[name].append(tuple(rest))
    primary, uniques, indexes = None, [], []
    for name, parts in grouped.items():
        is_primary, is_constraint, is_unique, condition, kind, _ = parts[0]
        columns = tuple(part[-1] for part in parts)
        if is_primary == "1":
            primary = Key(name=name, columns=columns)
        elif is_constraint == "1" or (is_unique == "1" and condition is None):
            uniques.append(Key(name=name, columns=columns))
        else:
            definition = condition or (None if kind in ("CLUSTERED", "NONCLUSTERED") else kind)
            indexes.append(Index(name=name, columns=columns, unique=is_unique == "1", definition=definition))
    return primary, tuple(uniques), tuple(indexes)


def _foreign_keys(rows: list[tuple[Any, ...]]) -> Iterator[ForeignKey]:
    grouped: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for name, *rest in rows:
        grouped[name].append(tuple(rest))
    for name, parts in grouped.items():
        _, schema, target, _, on_update, on_delete = parts[0]
        yield ForeignKey(
            name=name,
            columns=tuple(part[0] for part in parts),
            target_schema=schema,
            target_table=target,
            target_columns=tuple(part[3] for part in parts),
            on_update=on_update.replace("_", " "),
            on_delete=on_delete.replace("_", " "),
        )
