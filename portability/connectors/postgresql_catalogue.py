"""What a PostgreSQL database declares, read from ``pg_catalog`` with one query for each kind of thing.

Schemas of the system and things that belong to extensions are left out. A partitioned table is one table; partitions
are not listed. Large objects are one more table. A column that the account may not read says so in its ``reason``; see
``Snapshot.check_readable``.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from portability.connectors.connector import UNREADABLE
from portability.connectors.postgresql_large_objects import large_object_table
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
    from collections.abc import Callable, Mapping

    Query = Callable[[str], list[tuple[Any, ...]]]
    Grouped = Mapping[int, list[tuple[Any, ...]]]

__all__ = ["IDENTITY", "LOCKABLE", "MAY_IDENTIFY", "PROVEN_KEYS", "base_types", "read_catalogue"]

_OWN = """n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
 AND NOT EXISTS (SELECT FROM pg_depend d
  WHERE d.classid = '{catalogue}'::regclass AND d.objid = {alias}.oid AND d.deptype = 'e')"""
_OWN_CLASS = _OWN.format(catalogue="pg_catalog.pg_class", alias="c")

# Ordinary and partitioned tables, not their partitions.
OWN_TABLES = f"""pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND {_OWN_CLASS}"""

LOCKABLE = f"""SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) FROM {OWN_TABLES}
 AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') ORDER BY c.oid"""
# On a standby the snapshot's text does not name all that is in progress, so it proves nothing there.
IDENTITY = """SELECT
 format('postgresql:%s:%s:%s:%s', s.system_identifier, k.timeline_id, d.oid, txid_current_snapshot())
 FROM pg_control_system() s, pg_control_checkpoint() k, pg_database d
 WHERE d.datname = current_database() AND NOT pg_is_in_recovery()"""
MAY_IDENTIFY = """SELECT has_function_privilege('pg_control_system()', 'EXECUTE')
 AND has_function_privilege('pg_control_checkpoint()', 'EXECUTE')"""

_TABLES = f"""SELECT c.oid::bigint, n.nspname::text, c.relname::text, obj_description(c.oid, 'pg_class'),
 CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END,
 (SELECT string_agg(i.inhparent::regclass::text, ', ' ORDER BY i.inhseqno)
  FROM pg_inherits i WHERE i.inhrelid = c.oid),
 has_schema_privilege(n.oid, 'USAGE'), row_security_active(c.oid)
 FROM {OWN_TABLES} ORDER BY n.nspname, c.relname"""

_COLUMNS = """SELECT a.attrelid::bigint, a.attname::text, a.attnum::int,
 format_type(a.atttypid, a.atttypmod), a.attnotnull,
 pg_get_expr(d.adbin, d.adrelid), col_description(a.attrelid, a.attnum),
 CASE WHEN a.attcollation <> t.typcollation THEN l.collname::text END, a.attgenerated::text, a.attidentity::text,
 has_column_privilege(a.attrelid, a.attnum, 'SELECT')
 FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_type t ON t.oid = a.atttypid
 LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
 LEFT JOIN pg_collation l ON l.oid = a.attcollation
 WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p') ORDER BY a.attrelid, a.attnum"""

_NAMES = """ARRAY(SELECT a.attname::text FROM unnest({numbers}) WITH ORDINALITY u(n, o)
 JOIN pg_attribute a ON a.attrelid = {relation} AND a.attnum = u.n ORDER BY u.o)"""

_CONSTRAINTS = f"""SELECT k.conrelid::bigint, k.conname::text, k.contype::text,
 {_NAMES.format(numbers="k.conkey", relation="k.conrelid")},
 n.nspname::text, f.relname::text, {_NAMES.format(numbers="k.confkey", relation="k.confrelid")},
 k.confupdtype::text, k.confdeltype::text, pg_get_expr(k.conbin, k.conrelid)
 FROM pg_constraint k LEFT JOIN pg_class f ON f.oid = k.confrelid LEFT JOIN pg_namespace n ON n.oid = f.relnamespace
 WHERE k.conrelid <> 0 AND k.contype IN ('p', 'u', 'f', 'c') ORDER BY k.conrelid, k.conname"""

# A key that is NOT VALID was never checked against the rows that were there before it.
PROVEN_KEYS = f"""SELECT n.nspname::text, c.relname::text, {_NAMES.format(numbers="k.conkey", relation="k.conrelid")}
 FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE k.contype = 'f' AND k.convalidated"""

_INDEXES = f"""SELECT i.indrelid::bigint, c.relname::text, i.indisunique,
 i.indisunique AND i.indisvalid AND i.indpred IS NULL AND NOT (0 = ANY (i.indkey)),
 {_NAMES.format(numbers="i.indkey[0:i.indnkeyatts - 1]", relation="i.indrelid")}, pg_get_indexdef(i.indexrelid)
 FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
 WHERE NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u'))
 ORDER BY i.indrelid, c.relname"""

_VIEWS = f"""SELECT n.nspname::text, c.relname::text, c.relkind = 'm', pg_get_viewdef(c.oid),
 obj_description(c.oid, 'pg_class'), quote_ident(n.nspname) || '.' || quote_ident(c.relname)
 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('v', 'm') AND {_OWN_CLASS} ORDER BY 1, 2"""

_ROUTINES = f"""SELECT n.nspname::text, p.oid::regprocedure::text,
 CASE p.prokind WHEN 'p' THEN 'procedure' ELSE 'function' END, pg_get_functiondef(p.oid)
 FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
 WHERE p.prokind <> 'a' AND {_OWN.format(catalogue="pg_catalog.pg_proc", alias="p")} ORDER BY 1, 2"""

_TRIGGERS = f"""SELECT n.nspname::text, c.relname || '.' || t.tgname, 'trigger', pg_get_triggerdef(t.oid)
 FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE NOT t.tgisinternal AND {_OWN_CLASS} ORDER BY 1, 2"""

_RULES = f"""SELECT n.nspname::text, c.relname || '.' || r.rulename, 'rule', pg_get_ruledef(r.oid)
 FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE r.rulename <> '_RETURN' AND {_OWN_CLASS} ORDER BY 1, 2"""

_SEQUENCES = f"""SELECT s.schemaname::text, s.sequencename::text, s.last_value::text
 FROM pg_sequences s JOIN pg_namespace n ON n.nspname = s.schemaname
 JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = s.sequencename WHERE {_OWN_CLASS} ORDER BY 1, 2"""

_ENUMS = """SELECT format_type(enumtypid, NULL), array_agg(enumlabel::text ORDER BY enumsortorder)
 FROM pg_enum GROUP BY enumtypid"""

_DOMAINS = "SELECT format_type(oid, NULL), format_type(typbasetype, typtypmod) FROM pg_type WHERE typtype = 'd'"

_FOREIGN_TABLES = f"""SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind = 'f' AND {_OWN_CLASS} ORDER BY 1"""

_DATABASE = """SELECT pg_encoding_to_char(d.encoding)::text, d.datcollate::text, current_setting('server_version'),
 (SELECT reset_val FROM pg_settings WHERE name = 'TimeZone'), EXISTS (SELECT FROM pg_largeobject_metadata)
 FROM pg_database d WHERE d.datname = current_database()"""

_ACTIONS = {"a": "NO ACTION", "r": "RESTRICT", "c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT"}


@dataclass(frozen=True, kw_only=True)
class _Parts:
    """Rows of every table's parts by the table's oid."""

    columns: Grouped
    constraints: Grouped
    indexes: Grouped
    labels: Mapping[str, tuple[str, ...]]
    domains: Mapping[str, str]


def base_types(query: Query) -> dict[str, str]:
    """Return each domain's type with what it stands for in the end, as ``format_type`` prints both."""
    domains = {str(name): str(base) for name, base in query(_DOMAINS)}
    resolved = {}
    for name, base in domains.items():
        below = base
        while below in domains:
            below = domains[below]
        resolved[name] = below
    return resolved


def read_catalogue(query: Query, record: SnapshotRecord) -> SourceSchema:
    """Return everything that the database declares, by queries in its snapshot."""
    encoding, collation, version, zone, has_large_objects = query(_DATABASE)[0]
    parts = _Parts(
        columns=_grouped(query(_COLUMNS)),
        constraints=_grouped(query(_CONSTRAINTS)),
        indexes=_grouped(query(_INDEXES)),
        labels={str(name): tuple(labels) for name, labels in query(_ENUMS)},
        domains=base_types(query),
    )
    notes = [
        f"foreign table {name} is not exported: its rows are on another server" for (name,) in query(_FOREIGN_TABLES)
    ]
    tables = [_table(row, parts) for row in query(_TABLES)]
    views = tuple(_view(row) for row in query(_VIEWS))
    if has_large_objects:
        taken = {(table.schema, table.name) for table in tables} | {(view.schema, view.name) for view in views}
        tables.append(large_object_table(query, taken))
    routines = [row for sql in (_ROUTINES, _TRIGGERS, _RULES) for row in query(sql)]
    return SourceSchema(
        dbms="postgresql",
        dbms_version=str(version).split(" ")[0],
        default_schema="public",
        tables=tuple(tables),
        views=views,
        routines=tuple(Routine(schema=s, name=n, kind=k, definition=d) for s, n, k, d in routines),
        sequences=tuple(Sequence(schema=s, name=n, value=v) for s, n, v in query(_SEQUENCES)),
        snapshot=record,
        charset=encoding,
        collation=collation,
        time_zone=zone,
        notes=tuple(notes),
    )


def _grouped(rows: list[tuple[Any, ...]]) -> Grouped:
    groups: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
    for row in rows:
        groups[int(row[0])].append(row[1:])
    return groups


def _view(row: tuple[Any, ...]) -> View:
    schema, name, materialised, definition, comment, quoted = row
    kind = "MATERIALIZED VIEW" if materialised else "VIEW"
    return View(schema=schema, name=name, definition=f"CREATE {kind} {quoted} AS\n{definition}", comment=comment)


def _table(row: tuple[Any, ...], parts: _Parts) -> Table:
    oid, schema, name, comment, partition_key, parents, usable, hidden = row
    constraints = parts.constraints.get(oid, [])
    indexes = parts.indexes.get(oid, [])
    barred = "row-level security hides rows from this account" if hidden else None
    attributes = {"partition_key": partition_key, "inherits": parents}
    keys = [Key(name=each[0], columns=tuple(each[2])) for each in constraints if each[1] == "p"]
    uniques = [Key(name=each[0], columns=tuple(each[2])) for each in constraints if each[1] == "u"]
    uniques += [Key(name=each[0], columns=tuple(each[3])) for each in indexes if each[2]]
    return Table(
        schema=schema,
        name=name,
        columns=tuple(
            _column(position, each, parts, barred or (None if usable else UNREADABLE))
            for position, each in enumerate(parts.columns.get(oid, []), 1)
        ),
        comment=comment,
        primary_key=keys[0] if keys else None,
        unique_keys=tuple(uniques),
        foreign_keys=tuple(_foreign_key(each) for each in constraints if each[1] == "f"),
        checks=tuple(Check(name=each[0], expression=each[8]) for each in constraints if each[1] == "c"),
        indexes=tuple(
            Index(name=each[0], columns=tuple(each[3]), unique=each[1], definition=each[4])
            for each in indexes
            if not each[2]
        ),
        attributes={key: value for key, value in attributes.items() if value is not None},
    )


def _column(position: int, row: tuple[Any, ...], parts: _Parts, barred: str | None) -> Column:
    name, _, native, not_null, default, comment, collation, generated, identity, readable = row
    return Column(
        name=name,
        position=position,
        native_type=native,
        nullable=not not_null,
        default=None if generated else default,
        comment=comment,
        collation=collation,
        generated=default if generated else None,
        identity=bool(identity),
        labels=parts.labels.get(parts.domains.get(native, native)),
        reason=barred or (None if readable else UNREADABLE),
    )


def _foreign_key(row: tuple[Any, ...]) -> ForeignKey:
    name, _, columns, schema, table, targets, on_update, on_delete, _ = row
    return ForeignKey(
        name=name,
        columns=tuple(columns),
        target_schema=schema,
        target_table=table,
        target_columns=tuple(targets),
        on_update=_ACTIONS[on_update],
        on_delete=_ACTIONS[on_delete],
    )
