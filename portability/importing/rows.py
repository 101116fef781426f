"""The rows that the profile's SQL gives, computed in DuckDB over the canonical layer: ``raw.<table>``.

Columns bear the target's names; a code's value in the target stands beside it as ``$code <column>``. ``act.<table>``
has each row's id and hash. Whatever one cannot tell from single rows is refused here: ids that are missing or occur
twice, SQL that fails.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import duckdb

from portability.duck import is_one_select, quote, text_literal
from portability.errors import MappingError
from portability.importing.plan import ID, REJECT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from portability.importing.plan import ColumnLoad, LoadPlan, TableLoad
    from portability.limits import Limits
    from portability.profiles import Profile
    from portability.profiles.loading import CodeMap, LoadTotal

__all__ = [
    "check_totals",
    "compute_hashes",
    "compute_ids",
    "compute_rows",
    "create_codes",
    "describe_loads",
    "mapped",
    "parent_column",
    "value",
]

SCHEMAS = ("raw", "act", "old", "keys", "codes", "prev")


def describe_loads(engine: duckdb.DuckDBPyConnection, profile: Profile) -> dict[str, dict[str, str]]:
    """Return the columns of each load file with their types.

    Raises:
        MappingError: SQL that is no query, or that does not fit the canonical layer.
    """
    described = {}
    for name, sql in profile.loads.items():
        place = f"load/{name}.sql"
        with _guard(place):
            if not is_one_select(engine, sql):
                raise MappingError("is not one query", place=place, hint="A load file is a single SELECT.")
            rows = engine.execute(f"DESCRIBE ({_bare(sql)}\n)").fetchall()
        described[name] = {str(column): str(kind) for column, kind, *_ in rows}
    return described


def check_totals(engine: duckdb.DuckDBPyConnection, totals: Iterable[LoadTotal]) -> None:
    """Bind the archive's side of the reconciliation, so that a mistake in it is found before anything is loaded.

    Raises:
        MappingError: SQL that is no query, does not fit the canonical layer, or lacks a column.
    """
    for total in totals:
        place = f"load.totals: {total.name}"
        with _guard(place):
            if not is_one_select(engine, total.canonical):
                raise MappingError("canonical: is not one query", place=place)
            given = {str(row[0]).lower() for row in engine.execute(f"DESCRIBE {total.canonical}").fetchall()}
        wanted = (*total.keys, "value")
        lacking = [column for column in wanted if column.lower() not in given]
        if lacking:
            message = f"canonical: gives no column {lacking[0]!r}; it gives {', '.join(sorted(given))}"
            hint = "Both sides give a column of each name under keys, and value (docs/target_profiles.md)."
            raise MappingError(message, place=place, hint=hint)


class _guard:  # noqa: N801 -- reads as a statement
    """Turns the engine's errors into ours, without the SQL that they quote."""

    def __init__(self, place: str) -> None:
        self._place = place

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, duckdb.Error):
            message = re.sub(r"\s+", " ", str(error).split("\n\nLINE")[0])[:500]
            if isinstance(
                error, duckdb.ConversionException | duckdb.InvalidInputException | duckdb.OutOfRangeException
            ):
                message = re.sub(r"'[^']*'", "'…'", message)  # what it quotes may be a client's
            hint = "`portability query ARCHIVE SQL` runs it for a look."
            if isinstance(error, duckdb.OutOfMemoryException):
                hint = (
                    "Raise limits.duckdb_memory_mib in portability.yaml, or make room on the disk for temporary files."
                )
            raise MappingError(message, place=self._place, hint=hint) from error


def _bare(sql: str) -> str:
    return sql.strip().rstrip(";")


def create_codes(engine: duckdb.DuckDBPyConnection, codes: Mapping[str, CodeMap]) -> None:
    """Lay the code lists out as tables, and the schemas that the import works in."""
    for schema in SCHEMAS:
        engine.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    for name, code_map in codes.items():
        engine.execute(f"CREATE TABLE codes.{quote(name)} (code VARCHAR, target VARCHAR)")
        rows = [[code, target] for code, target in code_map.values.items()]
        if rows:
            engine.executemany(f"INSERT INTO codes.{quote(name)} VALUES (?, ?)", rows)


def compute_rows(
    engine: duckdb.DuckDBPyConnection, load: TableLoad, codes: Mapping[str, CodeMap], limits: Limits
) -> int:
    """Fill ``raw.<table>`` and return the number of its rows."""
    given = {column.name.casefold(): column for column in load.columns if column.sort != "key"}
    coded = [column for column in given.values() if column.sort == "code"]
    selected = [f"s.{quote(ID)}", *([f"s.{quote(REJECT)}"] if load.has_reject else [])]
    selected += [f"s.{quote(column.name)} AS {quote(column.name)}" for column in given.values()]
    selected += [
        f"{_code_value(column, codes, n)} AS {quote('$code ' + column.name)}" for n, column in enumerate(coded)
    ]
    joins = "".join(
        f" LEFT JOIN codes.{quote(str(column.code))} AS c{n} ON c{n}.code = s.{quote(column.name)}"
        for n, column in enumerate(coded)
    )
    sql = f"SELECT {', '.join(selected)} FROM ({_bare(load.sql)}\n) AS s{joins}"
    with _guard(f"load/{load.name}.sql"):
        engine.execute(f"CREATE TABLE {load.raw} AS {sql}")
    return _check_ids(engine, load, limits)


def compute_ids(engine: duckdb.DuckDBPyConnection, load: TableLoad) -> None:
    """Fill ``raw.<table>`` with ids alone: enough for a table that nothing of this run changes."""
    with _guard(f"load/{load.name}.sql"):
        engine.execute(f"CREATE TABLE {load.raw} AS SELECT {quote(ID)} FROM ({_bare(load.sql)}\n) AS s")


def _code_value(column: ColumnLoad, codes: Mapping[str, CodeMap], number: int) -> str:
    code_map = codes[str(column.code)]
    empty = "NULL" if code_map.empty is None else text_literal(code_map.empty)
    fallback = "NULL" if code_map.fallback is None else text_literal(code_map.fallback)
    return (
        f"CASE WHEN s.{quote(column.name)} IS NULL THEN {empty} "
        f"WHEN c{number}.code IS NOT NULL THEN c{number}.target ELSE {fallback} END"
    )


def _check_ids(engine: duckdb.DuckDBPyConnection, load: TableLoad, limits: Limits) -> int:
    place = f"load/{load.name}.sql"
    rows, named, longest = engine.execute(
        f"SELECT count(*), count(nullif({quote(ID)}, '')), coalesce(max(length({quote(ID)})), 0) FROM {load.raw}"
    ).fetchall()[0]
    if rows != named:
        raise MappingError(f"{rows - named} rows have no {ID}", place=place, hint="Every row needs an identity.")
    if longest > limits.load_id_chars_max:
        message = f"an {ID} has {longest} characters; {limits.load_id_chars_max} are the most"
        raise MappingError(message, place=place, hint="Use the entity's id, with a short prefix where needed.")
    doubled = engine.execute(
        f"SELECT {quote(ID)}, count(*) FROM {load.raw} GROUP BY 1 HAVING count(*) > 1 ORDER BY 1 LIMIT 5"
    ).fetchall()
    if doubled:
        examples = ", ".join(f"{name} ({count} times)" for name, count in doubled)
        hint = "A join gives several rows for one; prefix ids that come from several entities."
        raise MappingError(f"the same {ID} occurs more than once: {examples}", place=place, hint=hint)
    return int(rows)


def mapped(column: ColumnLoad) -> str:
    """SQL of a code's value in the target, over ``raw`` as ``r``."""
    return f"r.{quote('$code ' + column.name)}"


def value(column: ColumnLoad) -> str:
    """SQL of what the profile gives, over ``raw`` as ``r``: a plain value, a code, the id of a parent."""
    return f"r.{quote(column.name)}"


def compute_hashes(engine: duckdb.DuckDBPyConnection, load: TableLoad, plan: LoadPlan, into: str) -> None:
    """Fill ``into`` with id and hash of each row of ``raw.<table>``.

    The hash is of what the profile gives, so it is the same before any key is known: a reference counts by the id of
    the row it leads to, and by that row's value where the column takes a value.
    """
    joins, texts = [], [text_literal(",".join(load.names))]
    for number, column in enumerate(load.columns):
        if column.sort == "key":
            continue
        texts.append(_measured(mapped(column) if column.sort == "code" else value(column)))
        if (named := parent_column(column, plan)) is not None:
            parent, name = named
            joins.append(f" LEFT JOIN {parent.raw} AS p{number} ON p{number}.{quote(ID)} = {value(column)}")
            texts.append(_measured(f"p{number}.{quote(name)}"))
    engine.execute(
        f"CREATE TABLE {into} AS SELECT r.{quote(ID)} AS id, md5(concat({', '.join(texts)})) AS hash "
        f"FROM {load.raw} AS r{''.join(joins)}"
    )


def parent_column(column: ColumnLoad, plan: LoadPlan) -> tuple[TableLoad, str] | None:
    """Name the parent's column that a reference takes, where the SQL gives it; None where the engine makes the key."""
    if column.reference is None or column.reference.several:
        return None
    parent = plan.table(column.reference.tables[0])
    if column.reference.column is not None:
        return parent, column.reference.column
    return None if parent.made_key() else (parent, parent.key[0])


def _measured(sql: str) -> str:
    """A value as text with its length before it, so that no two rows give the same text."""
    text = f"CAST({sql} AS VARCHAR)"
    return f"coalesce(strlen({text}) || ':' || {text}, '-')"
